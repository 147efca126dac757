package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

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
	Code     Code   `json:"code"`
	Status   Status `json:"status"`
	Rule     string `json:"rule,omitempty"`     // JSON pointer into the policy (after its name and "#" when there are several), or into trust
	Evidence string `json:"evidence,omitempty"` // where it stands: file:line, or the bundle's ID
	Message  string `json:"message,omitempty"`  // what is wrong, in a few words
	Want     string `json:"want,omitempty"`
	Got      string `json:"got,omitempty"`
	Remedy   string `json:"remedy,omitempty"` // what a person can do
}

// A PolicyRef names the policy that was applied.
type PolicyRef struct {
	Name    string            `json:"name"`
	Version int               `json:"version"`
	Digest  provenance.Digest `json:"digest"`
}

// A TrustRef names the trust that was applied.
type TrustRef struct {
	Version int               `json:"version"`
	Digest  provenance.Digest `json:"digest"`
}

// A Verdict holds everything that was checked, in the order it was checked.
// Its zero value is Undecided, which is not permission. It may be shared.
type Verdict struct {
	Decision    Decision
	Artifact    string            // as the request named it: a path, a digest
	Name        string            // Request.Name
	Environment string            // Request.Environment
	Digest      provenance.Digest // of the artifact; zero if it could not be read
	At          time.Time         // the instant that was judged
	Policies    []PolicyRef
	Trust       TrustRef
	Findings    []Finding
	LastGood    *release.Release // what last was good there, if a view was given
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

// An Error says that the answer is not yes. The Verdict says whether it is
// [Deny] or [Undecided], and why; it is never nil.
type Error struct{ Verdict *Verdict }

// Error is the decision and the first reason, on one line.
func (e *Error) Error() string {
	v := e.Verdict
	failed := v.Failed()
	if len(failed) == 0 {
		return fmt.Sprintf("%s: %s", strings.ToLower(v.Decision.String()), show(v.Artifact))
	}
	f := failed[0]
	s := fmt.Sprintf("%s: %s: %s: %s", strings.ToLower(v.Decision.String()), show(v.Artifact), f.Code, show(f.Message))
	if f.Want != "" || f.Got != "" {
		s += fmt.Sprintf(" (want %s, got %s)", show(f.Want), show(f.Got))
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

// String is the verdict as a person reads it. What strangers wrote is escaped.
func (v *Verdict) String() string {
	var b strings.Builder
	failed := v.Failed()
	checks, passed, waived, noted := 0, []string(nil), []string(nil), []Finding(nil)
	seen := map[string]bool{}
	for _, f := range v.Findings {
		if f.Status == Noted {
			if !slices.ContainsFunc(failed, func(r Finding) bool { return r.Code == f.Code && r.Evidence == f.Evidence && r.Message == f.Message }) {
				noted = append(noted, f)
			}
			continue
		}
		checks++
		word := string(f.Code)
		switch {
		case f.Status == Passed && !seen[word]:
			passed = append(passed, word)
			seen[word] = true
		case f.Status == Waived:
			waived = append(waived, word+" ("+show(f.Rule)+")")
		}
	}
	what := show(v.Artifact)
	if v.Environment != "" {
		what += " for " + show(v.Environment)
	}
	switch v.Decision {
	case Allow:
		fmt.Fprintf(&b, "ALLOW  %s: %d %s passed\n", what, checks, plural(checks, "check", "checks"))
	case Deny:
		fmt.Fprintf(&b, "DENY  %s: %d of %d %s failed. Do not run it.\n", what, len(failed), checks, plural(checks, "check", "checks"))
	default:
		fmt.Fprintf(&b, "UNDECIDED  %s: %d of %d %s could not be answered. This is not permission.\n", what, len(failed), checks, plural(checks, "check", "checks"))
	}
	if !v.Digest.IsZero() {
		fmt.Fprintf(&b, "%s\n", v.Digest)
	}
	for i, f := range failed {
		where := ""
		if f.Rule != "" {
			where = " (" + show(f.Rule) + ")"
		}
		fmt.Fprintf(&b, "%d %s  %s%s\n", i+1, f.Code, show(f.Message), where)
		if f.Want != "" || f.Got != "" {
			fmt.Fprintf(&b, "    want %s   got %s", show(orNothing(f.Want)), show(orNothing(f.Got)))
			if f.Evidence != "" {
				fmt.Fprintf(&b, " (%s)", show(f.Evidence))
			}
			b.WriteByte('\n')
		} else if f.Evidence != "" {
			fmt.Fprintf(&b, "    in   %s\n", show(f.Evidence))
		}
		if f.Remedy != "" {
			fmt.Fprintf(&b, "    do   %s\n", show(f.Remedy))
		}
	}
	for i, f := range noted {
		if i == maxNoted {
			fmt.Fprintf(&b, "set aside: %d more\n", len(noted)-i)
			break
		}
		if f.Evidence == "" {
			fmt.Fprintf(&b, "noted %s: %s\n", f.Code, show(f.Message))
			continue
		}
		fmt.Fprintf(&b, "set aside %s: %s %s\n", show(f.Evidence), f.Code, show(f.Message))
	}
	if len(waived) > 0 {
		fmt.Fprintf(&b, "%d waived: %s\n", len(waived), strings.Join(waived, " "))
	}
	if len(passed) > 0 {
		n := checks - len(failed) - len(waived)
		fmt.Fprintf(&b, "%d passed: %s\n", n, strings.Join(passed, " "))
	}
	var by []string
	for _, p := range v.Policies {
		by = append(by, fmt.Sprintf("policy %s v%d %s", show(p.Name), p.Version, short(p.Digest)))
	}
	if !v.Trust.Digest.IsZero() {
		by = append(by, fmt.Sprintf("trust v%d %s", v.Trust.Version, short(v.Trust.Digest)))
	}
	by = append(by, "at "+v.At.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "by %s\n", strings.Join(by, ", "))
	if v.LastGood != nil {
		fmt.Fprintf(&b, "last good in %s: %s %s\n", show(v.Environment), show(v.LastGood.Name), v.LastGood.Digest)
	}
	return b.String()
}

// maxNoted bounds how much evidence that was set aside the text lists.
const maxNoted = 10

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
	return escapeUnprintable(data), err
}

// escapeUnprintable escapes in JSON what [show] escapes in text: terminals also
// obey control characters beyond ASCII, and text can be turned around.
func escapeUnprintable(data []byte) []byte {
	var out []byte
	for i, r := range string(data) {
		switch {
		case r != 0x7f && (r < 0x80 || unicode.IsPrint(r)):
			if out != nil {
				out = utf8.AppendRune(out, r)
			}
			continue
		case out == nil:
			out = slices.Clone(data[:i])
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, "\\u%04x", unit)
		}
	}
	if out == nil {
		return data
	}
	return out
}

// show makes a string safe to print on a terminal and in a log: what does not
// print, mark or reorder text is escaped, and what is long is cut.
func show(s string) string {
	const most = 300
	clean := true
	for i, r := range s {
		if i > most || !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%+q", s)
}

// ascii shows what should be plain text: a letter that only looks like another
// one is escaped, so that two names which differ look different.
func ascii(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return fmt.Sprintf("%+q", s)
		}
	}
	return s
}

// short is the beginning of a digest, for a line that a person reads.
func short(d provenance.Digest) string {
	h := d.Hex()
	if len(h) > 12 {
		h = h[:12] + "…"
	}
	return d.Algorithm() + ":" + h
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
