package lockfile

import (
	"net/url"
	"strings"
)

// address is a URL without what may be secret, user info and query, and without
// its fragment, which is returned apart. ok is false of what is none.
func address(raw string) (clean, fragment string, ok bool) {
	if len(raw) > MaxText {
		return "", "", false
	}
	if !strings.Contains(raw, "://") {
		// A scheme with a path, or what ssh calls a place: "git@host:path".
		raw, fragment, _ = strings.Cut(raw, "#")
		raw, _, _ = strings.Cut(raw, "?")
		if i := strings.LastIndexByte(raw, '@'); i >= 0 && !strings.Contains(raw[:i], "/") {
			raw = raw[i+1:]
		}
		return raw, fragment, true
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return "", "", false
	}
	fragment = u.Fragment
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String(), fragment, true
}

// isLocal reports whether an address is a path on the disk.
func isLocal(raw string) bool {
	for _, scheme := range []string{"file:", "link:", "portal:", "workspace:", "path+file:", "./", "../", "/"} {
		if strings.HasPrefix(raw, scheme) {
			return true
		}
	}
	return raw == "." || raw == ".."
}

// isGit reports whether an address is that of a git repository.
func isGit(raw string) bool {
	return strings.HasPrefix(raw, "git+") || strings.HasPrefix(raw, "git://") || strings.HasPrefix(raw, "git@")
}
