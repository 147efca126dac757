package verify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/safetext"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// A Decision is the answer. Its zero value is [Undecided], which is not permission.
type Decision int

// The decisions.
const (
	Undecided Decision = iota // the question could not be answered
	Allow                     // every check of every policy passed
	Deny                      // we looked, and the answer is no
)

// String is "UNDECIDED", "ALLOW" or "DENY".
func (d Decision) String() string {
	switch d {
	case Allow:
		return "ALLOW"
	case Deny:
		return "DENY"
	}
	return "UNDECIDED"
}

// MarshalText is String.
func (d Decision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// A Status is the outcome of one check. Its zero value is [Unknown].
type Status int

// The outcomes.
const (
	Unknown Status = iota // not checked; counts as failed
	Failed                // it is not as wanted
	Passed                // it is as wanted
	Waived                // nothing was wanted: "any" is written in the policy, or the check does not apply
	Noted                 // evidence that was set aside; it decides nothing
)

// String is the lower-case name of the outcome.
func (s Status) String() string {
	switch s {
	case Failed:
		return "failed"
	case Passed:
		return "passed"
	case Waived:
		return "waived"
	case Noted:
		return "noted"
	}
	return "unknown"
}

// MarshalText is String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Finding is the outcome of one check. Want and Got may hold what strangers
// wrote; String of the Verdict and its JSON escape them, other uses must.
type Finding struct {
	Code     Code   `json:"code"`               // which check
	Status   Status `json:"status"`             // how it went
	Rule     string `json:"rule,omitempty"`     // JSON pointer into the policy (after its name and "#" when there are several), or into trust
	Evidence string `json:"evidence,omitempty"` // where it stands: file:line, or the bundle's ID
	Message  string `json:"message,omitempty"`  // what is wrong, in a few words
	Want     string `json:"want,omitempty"`     // what the policy or trust asks for, in words
	Got      string `json:"got,omitempty"`      // what was found in its place; empty is nothing
	Remedy   string `json:"remedy,omitempty"`   // what a person can do

	Exception *AppliedException `json:"exception,omitempty"` // why it is Waived although it was not as wanted; else nil
}

// An AppliedException says who waived a check that had failed.
type AppliedException struct {
	By       []string  `json:"by"`       // the people who signed it and count, by name
	Until    time.Time `json:"until"`    // from when on it counts for nothing
	Reason   string    `json:"reason"`   // in their words
	Evidence string    `json:"evidence"` // where it stands
}

// A PolicyRef names the policy that was applied.
type PolicyRef struct {
	Name     string            `json:"name"`               // its name
	Version  int               `json:"version"`            // its version
	Digest   provenance.Digest `json:"digest"`             // Policy.Digest
	SignedBy string            `json:"signedBy,omitempty"` // who signed it, if trust says who must: names, ", " between them
}

// A TrustRef names the trust that was applied.
type TrustRef struct {
	Version int               `json:"version"` // its version
	Digest  provenance.Digest `json:"digest"`  // Trust.Digest
}

// A Verdict holds everything that was checked, in the order it was checked.
// Its zero value is Undecided, which is not permission. It may be shared.
type Verdict struct {
	Decision    Decision          // yes, no, or unanswered
	Artifact    string            // as the request named it: a path, a digest
	Name        string            // Request.Name
	Environment string            // Request.Environment
	Digest      provenance.Digest // of the artifact; zero if it could not be read
	At          time.Time         // the instant that was judged
	Policies    []PolicyRef       // that were applied, in the order given to New
	Trust       TrustRef          // that was applied
	Findings    []Finding         // one for each check, in the order of the checks
	LastGood    *release.Ref      // what last was good there, if a view was given
}

// Failed returns the findings that kept the answer from being yes, in order.
func (v *Verdict) Failed() []Finding {
	var failed []Finding
	for _, f := range v.Findings {
		if f.Status == Failed || f.Status == Unknown {
			failed = append(failed, f)
		}
	}
	return failed
}

// buildLevel begins a level of SLSA's build track.
const buildLevel = "SLSA_BUILD_LEVEL_"

// Level is the level of SLSA's build track that was verified, as SLSA writes it
// ("SLSA_BUILD_LEVEL_2"): the one that trust holds the builder to, if a policy
// wanted one and it was reached. Else it is empty.
func (v *Verdict) Level() string {
	for _, f := range v.Findings {
		_, rule, several := strings.Cut(f.Rule, "#")
		if !several {
			rule = f.Rule
		}
		if f.Code == CodeLevel && f.Status == Passed && rule == "/provenance/level" {
			return f.Got
		}
	}
	return ""
}

// An Error says that the answer is not yes. The Verdict says whether it is
// [Deny] or [Undecided], and why; it is never nil.
type Error struct{ Verdict *Verdict }

// Error is the decision and the first reason, on one line.
func (e *Error) Error() string {
	v := e.Verdict
	failed := v.Failed()
	if len(failed) == 0 {
		return fmt.Sprintf("%s: %s", strings.ToLower(v.Decision.String()), safetext.Show(v.Artifact))
	}
	f := failed[0]
	s := fmt.Sprintf("%s: %s: %s: %s", strings.ToLower(v.Decision.String()), safetext.Show(v.Artifact), safetext.Show(string(f.Code)), safetext.Show(f.Message))
	if f.Want != "" || f.Got != "" {
		s += fmt.Sprintf(" (want %s, got %s)", safetext.Show(f.Want), safetext.Show(f.Got))
	}
	if n := len(failed) - 1; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// result closes v: it derives the decision from the findings, and returns the
// error that goes with it.
func (v *Verdict) result() (*Verdict, error) {
	v.Decision = Undecided
	checked, undecided := 0, false
	for _, f := range v.Findings {
		switch f.Status {
		case Passed, Waived:
			checked++
		case Noted:
		default:
			if f.Code.Decision() == Deny {
				v.Decision = Deny
			} else {
				undecided = true
			}
		}
	}
	if v.Decision != Deny && !undecided && checked > 0 && len(v.Policies) > 0 {
		v.Decision = Allow
		return v, nil
	}
	return v, &Error{Verdict: v}
}

// VerdictSchema is the schema member of a verdict's JSON.
const VerdictSchema = "https://github.com/touchmark-go/touchmark/verdict/v1"

// MarshalJSON is the verdict as programs read it. Findings stand in the order
// of the checks; control characters are escaped.
func (v *Verdict) MarshalJSON() ([]byte, error) {
	type lastGood struct {
		Release string            `json:"release"`
		Digest  provenance.Digest `json:"digest"`
	}
	out := struct {
		Schema      string             `json:"schema"`
		Decision    Decision           `json:"decision"`
		Artifact    string             `json:"artifact"`
		Name        string             `json:"name,omitempty"`
		Environment string             `json:"environment,omitempty"`
		Digest      *provenance.Digest `json:"digest,omitempty"`
		At          time.Time          `json:"at"`
		Policies    []PolicyRef        `json:"policies"`
		Trust       *TrustRef          `json:"trust,omitempty"`
		Findings    []Finding          `json:"findings"`
		LastGood    *lastGood          `json:"lastGood,omitempty"`
	}{Schema: VerdictSchema, Decision: v.Decision, Artifact: v.Artifact, Name: v.Name, Environment: v.Environment,
		At: v.At.UTC(), Policies: v.Policies, Findings: v.Findings}
	if !v.Digest.IsZero() {
		out.Digest = &v.Digest
	}
	if !v.Trust.Digest.IsZero() {
		out.Trust = &v.Trust
	}
	if v.LastGood != nil {
		out.LastGood = &lastGood{v.LastGood.Name, v.LastGood.Digest}
	}
	data, err := json.Marshal(out)
	return safetext.EscapeJSON(data), err
}
