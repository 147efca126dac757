package verify

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// checkRef checks a ref pattern: written in full, * only in the last segment.
func checkRef(pattern string) error {
	if len(pattern) > maxName {
		return fmt.Errorf("longer than %d bytes", maxName)
	}
	if !strings.HasPrefix(pattern, "refs/") || strings.Count(pattern, "/") < 2 {
		return errors.New("want a ref in full, like refs/tags/v1.* or refs/heads/main")
	}
	last := strings.LastIndexByte(pattern, '/')
	if strings.Contains(pattern[:last], "*") {
		return errors.New("* stands only in the last segment of a ref")
	}
	if strings.HasSuffix(pattern, "/") || strings.Contains(pattern, "//") {
		return errors.New("a ref has no empty segment")
	}
	return nil
}

// matchRef reports whether ref is as pattern says: * is any run of characters
// that may stand there, but "/", everything else is exact. Linear in the length of ref.
func matchRef(pattern, ref string) bool {
	last := strings.LastIndexByte(pattern, '/') + 1
	if len(ref) > maxName || len(ref) < last || ref[:last] != pattern[:last] {
		return false
	}
	rest := ref[last:]
	return isRefName(rest) && between(strings.Split(pattern[last:], "*"), rest)
}

// isRefName reports whether the last segment of a ref is one that git would take
// (git check-ref-format), and nothing in it is invisible: a star stands for such
// and no other characters, whoever wrote the ref.
func isRefName(s string) bool {
	if s == "" || s[0] == '.' || strings.HasSuffix(s, ".") || strings.HasSuffix(s, ".lock") || strings.Contains(s, "..") || strings.Contains(s, "@{") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune("/~^:?*[\\", r)
	})
}

// between reports whether s is parts in their order, with anything between each
// two of them. Linear in the length of s for each part.
func between(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// maxName bounds the names that are matched: refs, workflows, builder ids.
const maxName = 4096

// checkPatternURL checks URL or URL@REF, where REF may be a pattern.
func checkPatternURL(pattern string) error {
	if len(pattern) > maxName {
		return fmt.Errorf("longer than %d bytes", maxName)
	}
	base, ref, has := cutRef(pattern)
	if has {
		if err := checkRef(ref); err != nil {
			return err
		}
	}
	if strings.Contains(base, "*") {
		return errors.New("* stands only in the last segment of a ref after @")
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" {
		return errors.New("want URL, or URL@REF")
	}
	return nil
}

// matchPatternURL reports whether s is as pattern says: the URL exact, the ref by [matchRef].
func matchPatternURL(pattern, s string) bool {
	base, ref, has := cutRef(pattern)
	if !has {
		return s == pattern
	}
	gotBase, gotRef, gotHas := cutRef(s)
	return gotHas && gotBase == base && matchRef(ref, gotRef)
}

// cutRef splits URL@refs/… at the last "@refs/".
func cutRef(s string) (base, ref string, has bool) {
	i := strings.LastIndex(s, "@refs/")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// repository is the one spelling of a repository's URL, or an error. It takes
// https URLs, with or without the git+ of SPDX before them, and changes nothing
// but the scheme's and host's case and the default port: whatever could make two
// repositories look like one is refused. A trailing ".git" is another name.
func repository(s string) (string, error) {
	s = strings.TrimPrefix(s, "git+")
	u, err := url.Parse(s)
	switch {
	case len(s) > maxName:
		return "", fmt.Errorf("longer than %d bytes", maxName)
	case err != nil:
		return "", errors.New("no URL")
	case u.Scheme != "https":
		return "", fmt.Errorf("scheme %q: want https", u.Scheme)
	case u.User != nil:
		return "", errors.New("a repository has no user info")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(s, "#"):
		return "", errors.New("a repository has no query or fragment")
	case strings.ContainsAny(s, `%\`):
		return "", errors.New("a repository has no escapes")
	}
	host := strings.ToLower(u.Hostname())
	for _, c := range host {
		if c > 0x7e || c <= 0x20 {
			return "", errors.New("host is not ASCII")
		}
	}
	if host == "" || strings.HasSuffix(host, ".") || strings.HasPrefix(host, ".") {
		return "", fmt.Errorf("host %q", host)
	}
	if port := u.Port(); port != "" && port != "443" {
		host += ":" + port
	} else if strings.HasSuffix(u.Host, ":") {
		return "", errors.New("empty port")
	}
	path := u.Path
	if path == "" || path == "/" {
		return "", errors.New("no path")
	}
	for _, seg := range strings.Split(path[1:], "/") {
		if seg == "" || seg == "." || seg == ".." {
			return "", fmt.Errorf("path segment %q", seg)
		}
	}
	return "https://" + host + path, nil
}

// repositoryAt splits a resolved dependency's URI into repository and ref:
// git+https://host/path@refs/heads/main.
func repositoryAt(uri string) (repo, ref string, ok bool) {
	if !strings.HasPrefix(uri, "git+") {
		return "", "", false
	}
	base, ref, _ := cutRef(uri)
	repo, err := repository(base)
	return repo, ref, err == nil
}

// splitPointer splits a JSON pointer into its steps.
func splitPointer(p string) ([]string, bool) {
	if p == "" {
		return nil, true
	}
	if p[0] != '/' {
		return nil, false
	}
	steps := strings.Split(p[1:], "/")
	for i, s := range steps {
		for j := 0; j < len(s); j++ {
			if s[j] == '~' && (j+1 == len(s) || s[j+1] != '0' && s[j+1] != '1') {
				return nil, false
			}
		}
		steps[i] = strictjson.UnescapePointer(s)
	}
	return steps, true
}
