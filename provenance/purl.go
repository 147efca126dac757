package provenance

import (
	"net/url"
	"strings"
)

// splitURI takes the version out of the URI of a dependency: of a package URL
// ("pkg:golang/example.com/a@v1.2.0"), what stands behind the last "@" of its
// path, decoded; of a git source ("git+https://host/r@refs/tags/v1"), the ref.
// rest is the same for every version of it.
func splitURI(uri string) (rest, version string) {
	end := len(uri)
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		end = i
	}
	path, tail := uri[:end], uri[end:]
	at := -1
	switch {
	case strings.HasPrefix(path, "pkg:"):
		// A scope is sometimes left unencoded: pkg:npm/@scope/name.
		if i := strings.LastIndexByte(path, '@'); i > 0 && path[i-1] != '/' && !strings.Contains(path[i:], "/") {
			at = i
		}
	case isGit(path):
		// The first "@" behind the host: a ref may have slashes and more of them.
		start := 0
		if i := strings.Index(path, "://"); i >= 0 {
			start = i + 3
			if slash := strings.IndexByte(path[start:], '/'); slash >= 0 {
				start += slash
			}
		}
		if i := strings.IndexByte(path[start:], '@'); i >= 0 {
			at = start + i
		}
	}
	if at < 0 {
		return uri, ""
	}
	rest, version = path[:at]+tail, path[at+1:]
	if decoded, err := url.PathUnescape(version); err == nil && strings.HasPrefix(path, "pkg:") {
		version = decoded
	}
	return rest, version
}

func isGit(uri string) bool {
	return strings.HasPrefix(uri, "git+") || strings.HasPrefix(uri, "git://")
}
