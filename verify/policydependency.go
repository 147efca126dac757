package verify

import (
	"encoding/json"
	"fmt"
	"strings"
)

// DependencyRules say what is wanted of what the artifact was made from, as
// accepted provenance names it: every resolved dependency falls under the first
// rule that matches it, and one that none matches is refused.
type DependencyRules struct {
	Depth int // how deep provenance of dependencies is followed: 1 is what the artifact itself was made from; at most MaxDependencyDepth
	Rules []DependencyRule
}

// MaxDependencyDepth and MaxDependencies bound how far dependencies are followed.
const (
	MaxDependencyDepth = 8
	MaxDependencies    = 4096
)

// A DependencyRule is about some dependencies. Exactly one of Accept, Deny,
// Provenance and Summary is set.
type DependencyRule struct {
	Match      string                // of the dependency's uri, else its name; * is any text
	Accept     bool                  // as it is: here the chain is cut off on purpose
	Deny       bool                  // never
	Provenance *DependencyProvenance // evidence must say how it was made
	Summary    *SummaryBy            // evidence must say that somebody verified it
}

// A DependencyProvenance wants provenance of a dependency.
type DependencyProvenance struct {
	SignedBy Quorum // at least one of who counts must be paired with the builder in trust
	Level    int    // SLSA build level, 1 to 3, or AnyLevel; 0 is invalid
}

type dependenciesFile struct {
	Depth int              `json:"depth"`
	Rules []dependencyFile `json:"rules"`
}

type dependencyFile struct {
	Match      string                    `json:"match"`
	Accept     bool                      `json:"accept,omitempty"`
	Deny       bool                      `json:"deny,omitempty"`
	Provenance *dependencyProvenanceFile `json:"provenance,omitempty"`
	Summary    *summaryByFile            `json:"summary,omitempty"`
}

type dependencyProvenanceFile struct {
	SignedBy json.RawMessage `json:"signedBy"`
	Level    json.RawMessage `json:"level"`
}

// maxDependencyRules is how many rules there may be.
const maxDependencyRules = 256

func (l *loader) dependencies(in *dependenciesFile) (*DependencyRules, error) {
	const at = "/dependencies"
	if in.Depth < 1 || in.Depth > MaxDependencyDepth {
		return nil, l.errorf(at+"/depth", "%d: want 1, what the artifact was made from, to %d", in.Depth, MaxDependencyDepth)
	}
	if len(in.Rules) == 0 || len(in.Rules) > maxDependencyRules {
		return nil, l.errorf(at+"/rules", "%d rules: want 1 to %d", len(in.Rules), maxDependencyRules)
	}
	out := &DependencyRules{Depth: in.Depth}
	for i, f := range in.Rules {
		at := fmt.Sprintf("%s/rules/%d", at, i)
		r := DependencyRule{Match: f.Match, Accept: f.Accept, Deny: f.Deny}
		n := 0
		for _, set := range []bool{f.Accept, f.Deny, f.Provenance != nil, f.Summary != nil} {
			if set {
				n++
			}
		}
		if n != 1 {
			return nil, l.errorf(at, "want exactly one of accept, deny, provenance and summary")
		}
		if f.Match == "" || len(f.Match) > maxName || strings.Count(f.Match, "*") > maxStars {
			return nil, l.errorf(at+"/match", "want a uri, with at most %d * in it for any text", maxStars)
		}
		if i > 0 && strings.Trim(in.Rules[i-1].Match, "*") == "" {
			return nil, l.errorf(at, "the rule before it matches everything, so this one is never met")
		}
		var err error
		if p := f.Provenance; p != nil {
			r.Provenance = &DependencyProvenance{}
			if r.Provenance.SignedBy, r.Provenance.Level, err = l.builtBy(at+"/provenance", p.SignedBy, p.Level); err != nil {
				return nil, err
			}
		}
		if f.Summary != nil {
			by, err := l.summaryBy(at+"/summary", f.Summary)
			if err != nil {
				return nil, err
			}
			r.Summary = &by
		}
		out.Rules = append(out.Rules, r)
	}
	return out, nil
}

// builtBy reads who must have signed provenance, and the level of the builder.
func (l *loader) builtBy(at string, signedBy, level json.RawMessage) (q Quorum, n int, err error) {
	if signedBy == nil || level == nil {
		return q, 0, l.errorf(at, "signedBy and level must both be there; to want no level, write \"any\"")
	}
	if q, err = l.quorum(at+"/signedBy", signedBy, false); err != nil {
		return q, 0, err
	}
	if l.isAny(level) {
		return q, AnyLevel, nil
	}
	if err := l.decode(at+"/level", level, &n); err != nil {
		return q, 0, err
	}
	if n < 1 || n > 3 {
		return q, 0, l.errorf(at+"/level", "%d: want a SLSA build level, 1 to 3", n)
	}
	return q, n, nil
}

// file is the form that a policy file has.
func (r *DependencyRules) file() *dependenciesFile {
	out := &dependenciesFile{Depth: r.Depth}
	for _, rule := range r.Rules {
		f := dependencyFile{Match: rule.Match, Accept: rule.Accept, Deny: rule.Deny}
		if p := rule.Provenance; p != nil {
			f.Provenance = &dependencyProvenanceFile{Level: anyJSON}
			f.Provenance.SignedBy, _ = json.Marshal(p.SignedBy) // null if it cannot be, which is refused
			if p.Level != AnyLevel {
				f.Provenance.Level, _ = json.Marshal(p.Level)
			}
		}
		if rule.Summary != nil {
			by := rule.Summary.file()
			f.Summary = &by
		}
		out.Rules = append(out.Rules, f)
	}
	return out
}

// maxStars bounds the work of [matchStars].
const maxStars = 8

// matchStars reports whether s is as pattern says, in which * is any text.
func matchStars(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return s == pattern
	}
	if !strings.HasPrefix(s, first) || !strings.HasSuffix(s[len(first):], last) {
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
