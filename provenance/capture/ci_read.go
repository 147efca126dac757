package capture

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is read at most of one variable, in bytes.
const (
	maxWord = 256
	maxURL  = 2048
)

// An environment is a list of variables, by name.
type environment struct {
	values map[string]string
	doubts []Doubt
}

// newEnvironment reads "NAME=value" lines. A variable that is there twice with
// different values has none: which one counts depends on who reads it.
func newEnvironment(list []string) environment {
	e := environment{values: make(map[string]string, len(list))}
	twice := map[string]bool{}
	for _, line := range list {
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" {
			continue
		}
		if old, there := e.values[name]; there && old != value {
			twice[name] = true
		}
		e.values[name] = value
	}
	for name := range twice {
		delete(e.values, name)
		if isVariable(name) && claimsOf(name) {
			e.doubts = append(e.doubts, Doubt{"", name + " is there twice, with different values"})
		}
	}
	slices.SortFunc(e.doubts, func(a, b Doubt) int { return strings.Compare(a.Why, b.Why) })
	return e
}

func (e environment) value(name string) string { return e.values[name] }

// imitates names the variable, if any, that shows somebody else to be behind s.
func (e environment) imitates(s system) (string, bool) {
	for _, name := range s.imitators {
		if isSet(name)(e) {
			return name, true
		}
	}
	return "", false
}

// isVariable reports whether name is one that a CI system could set, and so may
// be repeated.
func isVariable(name string) bool { return len(name) <= 64 && onlyASCII(name, "_") }

// claimsOf reports whether name belongs to a CI system.
func claimsOf(name string) bool {
	return slices.ContainsFunc([]string{"GITHUB_", "RUNNER_", "CI_", "GITLAB_", "BUILD_", "JENKINS_", "JOB_", "CHANGE_", "BUILDKITE", "CIRCLE", "TEKTON_",
		"TF_BUILD", "SYSTEM_", "CODEBUILD_", "DRONE", "TEAMCITY_", "BITBUCKET_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

func onlyASCII(s, marks string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(marks, c) >= 0) {
			return false
		}
	}
	return true
}

// A reader takes values out of an environment, each of a kind, and doubts those
// that are not of it.
type reader struct {
	env environment
	job *Job
}

// read is the value of the variable name, if ok says that it is what want says.
func (r *reader) read(field, name, want string, max int, ok func(string) bool) string {
	value := r.env.value(name)
	switch {
	case value == "":
		return ""
	case len(value) > max:
		r.job.doubt(field, fmt.Sprintf("%s is longer than %d bytes", name, max))
	case !ok(value):
		r.job.doubt(field, name+" is not "+want)
	default:
		return value
	}
	return ""
}

// text is a name that people gave: one line that prints, and no URL.
func (r *reader) text(field, name string) string {
	return r.read(field, name, "one line of text that prints", maxWord, isText)
}

func isText(s string) bool {
	for _, c := range s {
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return false
		}
	}
	// A URL may hold a password, and an address is a person's.
	return utf8.ValidString(s) && !strings.Contains(s, "://") && !strings.Contains(s, "@") && s == strings.TrimSpace(s)
}

// word is a name that a program gave: letters, digits and a few marks.
func (r *reader) word(field, name string) string {
	return r.read(field, name, "a plain word", maxWord, isPlainWord)
}

func isPlainWord(s string) bool { return s != "" && onlyASCII(s, "_.-/:+{}[]") }

// name is a word without anything that means something in a URL.
func (r *reader) name(field, name string) string {
	return r.read(field, name, "a plain name", maxWord, func(s string) bool { return onlyASCII(s, "_.-") })
}

func (r *reader) number(field, name string) string {
	return r.read(field, name, "a number", 32, isDigits)
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// commit is a whole object ID.
func (r *reader) commit(field, name string) string {
	return r.read(field, name, "the whole ID of a commit", 64, isObject)
}

// image names a container image or a machine image.
func (r *reader) image(field, name string) string {
	return r.read(field, name, "the name of an image", maxWord, func(s string) bool {
		if digest, ok := strings.CutPrefix(s[strings.IndexByte(s, '@')+1:], "sha256:"); ok && strings.Contains(s, "@") {
			return isPlainWord(s[:strings.IndexByte(s, '@')]) && isPlainWord(digest)
		}
		return isPlainWord(s) && !strings.Contains(s, "://")
	})
}

// path is a file's path relative to the top of a repository.
func (r *reader) path(field, name string) string {
	return r.read(field, name, "a path inside the repository", 1024, isRepositoryPath)
}

func isRepositoryPath(s string) bool {
	return s != "" && s != "." && path.Clean(s) == s && !path.IsAbs(s) && s != ".." && !strings.HasPrefix(s, "../") && isText(s) && !strings.ContainsAny(s, `\:`)
}

// ref is a ref in full.
func (r *reader) ref(field, name string) string {
	return r.read(field, name, "a ref in full", maxWord, isFullRef)
}

// branch and tag are refs without what they begin with.
func (r *reader) branch(field, name string) string { return r.short(field, name, "refs/heads/") }
func (r *reader) tag(field, name string) string    { return r.short(field, name, "refs/tags/") }

func (r *reader) short(field, name, prefix string) string {
	value := r.read(field, name, "the name of a branch or tag", maxWord, func(s string) bool { return isFullRef(prefix + s) })
	if value == "" {
		return ""
	}
	return prefix + value
}

// isFullRef reports whether s may be the name of a ref (git-check-ref-format)
// and is harmless to print.
func isFullRef(s string) bool {
	rest, ok := strings.CutPrefix(s, "refs/")
	if !ok || rest == "" || strings.ContainsAny(rest, " ~^:?*[\\@") || strings.Contains(rest, "..") || strings.Contains(rest, "//") || !isText(s) {
		return false
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") || strings.HasSuffix(part, ".") {
			return false
		}
	}
	return true
}

// url is the address of a page, without user info, fragment and query, but for
// the members of the query that keep names; "#" keeps a fragment that is a path.
func (r *reader) url(field, name string, keep ...string) string {
	clean := ""
	r.read(field, name, "the https or http URL of a page", maxURL, func(s string) bool {
		clean = pageURL(s, keep...)
		return clean != ""
	})
	return clean
}

// pageURL is s as it may be written down, or "" if it is no URL of a page.
func pageURL(s string, keep ...string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "" || len(s) > maxURL {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Hostname() == "" || !onlyASCII(host, ".-_:[]") || !isPath(u.Path) {
		return ""
	}
	clean := url.URL{Scheme: u.Scheme, Host: host, Path: u.Path, RawPath: u.RawPath}
	query := u.Query()
	kept := url.Values{}
	for _, name := range keep {
		if v := query[name]; len(v) == 1 && len(v[0]) <= maxWord && isPlainWord(v[0]) {
			kept.Set(name, v[0])
		}
	}
	clean.RawQuery = kept.Encode()
	if slices.Contains(keep, "#") && strings.HasPrefix(u.Fragment, "/") && onlyASCII(u.Fragment, "_.-/") {
		clean.Fragment = u.Fragment
	}
	return clean.String()
}

// isPath reports whether the path of a URL holds nothing but names: an at sign
// or a second scheme is what is left of credentials that were put in wrongly.
func isPath(s string) bool {
	return isText(s) && !strings.Contains("/"+s+"/", "/../") && !strings.ContainsAny(s, `;\`)
}

// repository is a remote as provenance names it.
func (r *reader) repository(field, name string) string {
	clean := ""
	r.read(field, name, "the https, ssh or git URL of a repository", maxURL, func(s string) bool {
		var err error
		clean, err = repositoryURL(s)
		return err == nil && isText(strings.TrimPrefix(clean, "https://"))
	})
	return clean
}

// matches is a value of the form that re describes.
func (r *reader) matches(field, name, want string, re *regexp.Regexp) string {
	return r.read(field, name, want, maxWord, re.MatchString)
}

// under is a page below the address base, or "" if base or an element is empty.
func under(base string, elements ...string) string {
	if base == "" || slices.Contains(elements, "") {
		return ""
	}
	base, _, _ = strings.Cut(base, "?")
	for i, e := range elements {
		elements[i] = url.PathEscape(e)
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.Join(elements, "/")
}
