package capture

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/touchmark-go/touchmark/internal/goflags"
)

const withheld = goflags.Withheld

// A cleaner takes out of text what must not leave the machine: credentials in
// URLs, and paths outside the root. Paths inside it become relative to dir.
type cleaner struct {
	root string   // absolute, links resolved
	dir  string   // the folder that paths are relative to; inside root
	also []string // other spellings of root
}

// text cleans text that was allowed, but may hold URLs and paths.
func (c cleaner) text(s string) string {
	return c.paths(withoutCredentials(s))
}

// path cleans a path. A relative one is kept if it stays inside the root.
func (c cleaner) path(s string) string {
	if s == "" {
		return ""
	}
	if s[0] == '~' {
		return withheld // somebody's home
	}
	abs := filepath.FromSlash(s)
	if !rooted(s) {
		abs = filepath.Join(c.dir, abs)
		if _, ok := c.inside(abs); !ok {
			return withheld
		}
		return filepath.ToSlash(s)
	}
	rel, ok := c.inside(abs)
	if !ok {
		return withheld
	}
	return rel
}

// inside returns the path abs relative to dir, with slashes, if it is in root.
func (c cleaner) inside(abs string) (string, bool) {
	abs = filepath.Clean(abs)
	for _, root := range append([]string{c.root}, c.also...) {
		rel, err := filepath.Rel(root, abs)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		fromDir, err := filepath.Rel(c.dir, filepath.Join(c.root, rel))
		if err != nil {
			continue
		}
		return filepath.ToSlash(fromDir), true
	}
	return "", false
}

// paths cleans each absolute path within s. A path ends at white space, a
// quote or a list separator; it begins where a word does, or after = , : ;
func (c cleaner) paths(s string) string {
	var out strings.Builder
	for s != "" {
		start := pathStart(s)
		if start < 0 {
			break
		}
		out.WriteString(s[:start])
		s = s[start:]
		end := pathEnd(s)
		out.WriteString(c.path(s[:end]))
		s = s[end:]
	}
	out.WriteString(s)
	return out.String()
}

// pathStart finds the first absolute path in s, of any system.
func pathStart(s string) int {
	for i := range len(s) {
		if i > 0 && !strings.ContainsRune(" \t\r\n\"'=,:;|()[]{}<>@", rune(s[i-1])) {
			// "-I/usr/include": a flag and its path in one word.
			if !(s[i] == '/' && gluedFlag(s[:i])) {
				continue
			}
		}
		rest := s[i:]
		switch {
		case strings.HasPrefix(rest, "//"):
			if i > 0 && s[i-1] == ':' {
				continue // a URL
			}
			return i
		case rooted(rest), rest[0] == '~' && len(rest) > 1 && rest[1] != '=':
			return i
		}
	}
	return -1
}

// gluedFlag reports whether s ends in a short flag such as -I or -L.
func gluedFlag(s string) bool {
	word := s[strings.LastIndexAny(s, " \t\r\n\"'=,")+1:]
	return len(word) == 2 && word[0] == '-'
}

func pathEnd(s string) int {
	from := 0
	if len(s) > 2 && s[1] == ':' {
		from = 2
	}
	if end := strings.IndexAny(s[from:], " \t\r\n\"',;:|()[]{}<>"); end >= 0 {
		return from + end
	}
	return len(s)
}

// rooted reports whether s begins like an absolute path on Unix or Windows.
func rooted(s string) bool {
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, `\`) {
		return true
	}
	letter := len(s) > 2 && ('a' <= s[0] && s[0] <= 'z' || 'A' <= s[0] && s[0] <= 'Z')
	return letter && s[1] == ':' && (s[2] == '/' || s[2] == '\\')
}

// withoutCredentials takes user info, queries and fragments out of the URLs in
// s. Where it cannot tell what is what, it withholds all of s.
func withoutCredentials(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	separators := " \t\r\n,|;\"'"
	var out strings.Builder
	for s != "" {
		end := strings.IndexAny(s, separators)
		if end == 0 {
			out.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if end < 0 {
			end = len(s)
		}
		word, ok := bareURL(s[:end])
		if !ok {
			return withheld
		}
		out.WriteString(word)
		s = s[end:]
	}
	return out.String()
}

// bareURL strips the URL in word, which may follow "NAME=". A word without a
// URL passes unless it has an at sign: it may be the rest of a password.
func bareURL(word string) (string, bool) {
	if !strings.Contains(word, "://") {
		return word, !strings.Contains(word, "@")
	}
	scheme := strings.Index(word, "://")
	start := strings.LastIndexByte(word[:scheme], '=') + 1
	u, err := url.Parse(word[start:])
	if err != nil || u.Host == "" && u.Path == "" {
		return "", false
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if strings.Contains(bare.Path, "@") || strings.Contains(bare.Path, "://") || strings.Contains(word[:start], "@") {
		return "", false
	}
	if bare.Scheme == "file" {
		return word[:start] + "file://" + withheld, true
	}
	return word[:start] + bare.String(), true
}

// base is the last element of a path of any system.
func base(p string) string {
	return path.Base(strings.ReplaceAll(p, `\`, "/"))
}

// variable cleans the value of an environment variable, which may be a path or
// a list of paths, with spaces in them.
func (c cleaner) variable(s string) string {
	if !rooted(s) || strings.HasPrefix(s, "//") {
		return c.text(s)
	}
	list := filepath.SplitList(s)
	for i := range list {
		if rooted(list[i]) {
			list[i] = c.path(list[i])
		} else {
			list[i] = c.text(list[i])
		}
	}
	return strings.Join(list, string(filepath.ListSeparator))
}
