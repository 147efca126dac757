package license

import (
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"
)

// A scanner finds licence texts as licensecheck.Scan does, with the same
// answers, and without compiling all of its 550 patterns first, which takes a
// second. What a text cannot contain, because the words of it are not there,
// need not be looked for.
type scanner struct {
	once   sync.Once
	common *licensecheck.Scanner

	all      sync.Once
	patterns []pattern

	mu       sync.Mutex
	compiled map[string]*licensecheck.Scanner // by the ids of its patterns
}

// A pattern is one of licensecheck's, and the words that every text it matches has.
type pattern struct {
	licensecheck.License
	words []string
}

// common are the licences of nearly all Go modules. A text that is wholly one
// of them needs no other pattern.
var common = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// maxCompiled is how many sets of patterns are kept.
const maxCompiled = 32

// scan is licensecheck.Scan.
func (s *scanner) scan(text []byte) licensecheck.Coverage {
	s.once.Do(func() { s.common = compile(pick(func(id string) bool { return slices.Contains(common, id) })) })
	if found := s.common.Scan(text); whole(text, found) {
		return found
	}
	s.all.Do(func() { s.patterns = analyze(licensecheck.BuiltinLicenses()) })
	present := words(string(text))
	var ids []string
	for _, p := range s.patterns {
		if p.possible(present) {
			ids = append(ids, p.ID)
		}
	}
	return s.of(ids).Scan(text)
}

// maxRest is how much of a text may be no part of its one licence, in bytes: a
// title, or a name. No pattern is so short.
const maxRest = 100

// whole reports whether all of a text is one common licence but for a little:
// then no other pattern can take any of it.
func whole(text []byte, c licensecheck.Coverage) bool {
	return len(c.Match) == 1 && !c.Match[0].IsURL && len(text)-(c.Match[0].End-c.Match[0].Start) <= maxRest
}

// of is the scanner for patterns with these ids.
func (s *scanner) of(ids []string) *licensecheck.Scanner {
	key := strings.Join(ids, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.compiled[key]; ok {
		return c
	}
	if s.compiled == nil || len(s.compiled) >= maxCompiled {
		s.compiled = map[string]*licensecheck.Scanner{}
	}
	c := compile(pick(func(id string) bool { return slices.Contains(ids, id) }))
	s.compiled[key] = c
	return c
}

// pick are the patterns with ids that want picks, and all URLs, which cost nothing.
func pick(want func(id string) bool) []licensecheck.License {
	var list []licensecheck.License
	for _, l := range licensecheck.BuiltinLicenses() {
		if l.LRE == "" || want(l.ID) {
			list = append(list, l)
		}
	}
	if !slices.ContainsFunc(list, func(l licensecheck.License) bool { return l.LRE != "" }) {
		// It wants one pattern at least; nobody writes this text.
		list = append(list, licensecheck.License{ID: "none", LRE: "q6zv jx8w k2pf"})
	}
	return list
}

func compile(list []licensecheck.License) *licensecheck.Scanner {
	s, err := licensecheck.NewScanner(list)
	if err != nil {
		panic("license: a pattern of licensecheck does not compile: " + err.Error())
	}
	return s
}

// analyze finds the words that each pattern cannot match without.
func analyze(list []licensecheck.License) []pattern {
	patterns := make([]pattern, 0, len(list))
	for _, l := range list {
		if l.LRE != "" {
			patterns = append(patterns, pattern{l, required(l.LRE)})
		}
	}
	return patterns
}

// required are the long words of a pattern outside of its comments and of
// groups, which are optional or have alternatives.
func required(lre string) []string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(lre); {
		rest := lre[i:]
		switch {
		case strings.HasPrefix(rest, "//**"):
			end := strings.Index(rest, "**//")
			if end < 0 {
				end = len(rest) - 4
			}
			i += end + 4
		case strings.HasPrefix(rest, "(("):
			depth++
			i += 2
		case strings.HasPrefix(rest, "))"):
			depth--
			b.WriteByte(' ')
			i += 2
		default:
			if depth == 0 {
				b.WriteByte(rest[0])
			}
			i++
		}
	}
	var list []string
	for word := range words(b.String()) {
		list = append(list, word)
	}
	slices.Sort(list)
	return list
}

// minWord is how long a word must be to count. Short ones are everywhere.
const minWord = 6

// words are the distinct long words of a text, in lower case.
func words(text string) map[string]bool {
	set := map[string]bool{}
	start := -1
	for i := 0; i <= len(text); i++ {
		letter := i < len(text) && ('a' <= text[i]|0x20 && text[i]|0x20 <= 'z')
		if letter && start < 0 {
			start = i
		}
		if !letter && start >= 0 {
			if i-start >= minWord {
				set[strings.ToLower(text[start:i])] = true
			}
			start = -1
		}
	}
	return set
}

// possible reports whether a text with these words can match. One word in six
// may be missing, for licensecheck reads past spelling.
func (p pattern) possible(present map[string]bool) bool {
	missing := 0
	for _, word := range p.words {
		if !present[word] {
			if missing++; 6*missing > len(p.words)+3 {
				return false
			}
		}
	}
	return true
}
