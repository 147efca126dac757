package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// SummaryType is the predicate type of a verification summary (SLSA VSA).
const SummaryType = "https://slsa.dev/verification_summary/v1"

// A SummaryRule says what a verification summary (SLSA VSA) must say. That it
// passed, by a verifier that trust pairs with who signed, is always wanted.
type SummaryRule struct {
	Levels   []string          // all of these: "SLSA_BUILD_LEVEL_2" or higher, or a property of the verifier's own
	Resource string            // exact; empty is the name that was asked for, which then the policy must have
	Policy   provenance.Digest // of the verifier's policy; zero is any
}

// A SummaryBy wants a verification summary of something else than the artifact.
type SummaryBy struct {
	SignedBy Quorum        // who must have signed it
	Levels   []string      // as in [SummaryRule]
	MaxAge   time.Duration // zero is any age
}

// A SourceSummary wants a verification summary of the commit that was built
// (SLSA source track).
type SourceSummary struct {
	SummaryBy
	Ref string // that it must name among its sourceRefs, in full, * in the last segment; "any" is any
}

type summaryFile struct {
	Levels   []string          `json:"levels"`
	Resource string            `json:"resource,omitempty"`
	Policy   provenance.Digest `json:"policy,omitzero"`
}

type summaryByFile struct {
	SignedBy json.RawMessage `json:"signedBy"`
	Levels   []string        `json:"levels"`
	MaxAge   string          `json:"maxAge,omitempty"`
}

type sourceSummaryFile struct {
	summaryByFile
	Ref json.RawMessage `json:"ref"`
}

// parseLevel splits a level, SLSA_TRACK_LEVEL_N, into its track and number, which
// has one spelling. What is none, a property like SLSA_SOURCE_TWO_PARTY_REVIEWED
// or one of the verifier's own, is a track of its own, with the number 1.
func parseLevel(s string) (track string, n int) {
	i := strings.LastIndexByte(s, '_') + 1
	n, err := strconv.Atoi(s[i:])
	if err != nil || n < 0 || n > 99 || strconv.Itoa(n) != s[i:] || !strings.HasPrefix(s, "SLSA_") || !strings.HasSuffix(s[:i], "_LEVEL_") {
		return "=" + s, 1
	}
	return s[:i-1], n
}

// checkLevels refuses levels that nobody can meet, or that are less than a summary says anyway.
func (l *loader) checkLevels(at string, levels []string) error {
	if len(levels) == 0 {
		return l.errorf(at, "levels must name one at least: what a summary is wanted for")
	}
	tracks := map[string]bool{}
	for i, s := range levels {
		track, n := parseLevel(s)
		switch {
		case s == "" || len(s) > 256 || !printable(s) || s == "FAILED" || n == 0:
			return l.errorf(fmt.Sprintf("%s/%d", at, i), "%q is no level to want: want one like SLSA_BUILD_LEVEL_2", s)
		case tracks[track]:
			return l.errorf(fmt.Sprintf("%s/%d", at, i), "%q: one of each track is enough", s)
		}
		tracks[track] = true
	}
	return nil
}

// printable reports whether s is ASCII that a terminal shows, and has no spaces.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func (l *loader) summary(at string, data json.RawMessage, hasPackage bool) (*SummaryRule, error) {
	var in summaryFile
	if err := l.decode(at, data, &in); err != nil {
		return nil, err
	}
	if in.Resource == "" && !hasPackage {
		return nil, l.errorf(at+"/resource", "resource must be there, because the policy is for no package: a summary of one thing says nothing of another")
	}
	if err := l.checkLevels(at+"/levels", in.Levels); err != nil {
		return nil, err
	}
	rule := SummaryRule(in)
	return &rule, nil
}

func (l *loader) summaryBy(at string, in *summaryByFile) (SummaryBy, error) {
	out := SummaryBy{Levels: in.Levels}
	if in.SignedBy == nil {
		return out, l.errorf(at+"/signedBy", "signedBy must be there")
	}
	var err error
	if out.SignedBy, err = l.quorum(at+"/signedBy", in.SignedBy, false); err != nil {
		return out, err
	}
	if err := l.checkLevels(at+"/levels", in.Levels); err != nil {
		return out, err
	}
	if in.MaxAge != "" {
		out.MaxAge, err = l.duration(at+"/maxAge", in.MaxAge)
	}
	return out, err
}

func (l *loader) sourceSummary(at string, data json.RawMessage, source *SourceRule) (*SourceSummary, error) {
	var in sourceSummaryFile
	if err := l.decode(at, data, &in); err != nil {
		return nil, err
	}
	if source.Repository == "any" {
		return nil, l.errorf(at, "a summary is of a repository: name it in repository")
	}
	by, err := l.summaryBy(at, &in.summaryByFile)
	if err != nil {
		return nil, err
	}
	out := &SourceSummary{SummaryBy: by}
	if in.Ref == nil {
		return nil, l.errorf(at+"/ref", "ref must be there; to want none, write \"any\"")
	}
	if out.Ref, err = l.stringOrAny(at+"/ref", in.Ref); err != nil {
		return nil, err
	}
	if out.Ref != "any" {
		if err := checkRef(out.Ref); err != nil {
			return nil, l.errorf(at+"/ref", "%q: %v", out.Ref, err)
		}
	}
	return out, nil
}

// file is the form that a policy file has.
func (s *SummaryBy) file() summaryByFile {
	out := summaryByFile{Levels: s.Levels}
	out.SignedBy, _ = json.Marshal(s.SignedBy) // null if it cannot be, which is refused
	if s.MaxAge != 0 {
		out.MaxAge = formatDuration(s.MaxAge)
	}
	return out
}

// holds reports whether every wanted level is among those that were verified and
// that trust lets the verifier give: a level holds the lower ones of its track.
func holds(wanted, verified, allowed []string) bool {
	best := func(levels []string, track string) int {
		most := -1
		for _, s := range levels {
			if t, n := parseLevel(s); t == track {
				most = max(most, n)
			}
		}
		return most
	}
	return !slices.ContainsFunc(wanted, func(s string) bool {
		track, n := parseLevel(s)
		return best(verified, track) < n || best(allowed, track) < n
	})
}
