package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/safetext"
	"github.com/touchmark-go/touchmark/provenance"
)

// String is the verdict as a person reads it. What strangers wrote is escaped.
func (v *Verdict) String() string {
	var b strings.Builder
	failed := v.Failed()
	checks, passed, waived, noted, excepted := 0, []string(nil), []string(nil), []Finding(nil), []Finding(nil)
	seen := map[string]bool{}
	for _, f := range v.Findings {
		if f.Status == Noted {
			if !slices.ContainsFunc(failed, func(r Finding) bool { return r.Code == f.Code && r.Evidence == f.Evidence && r.Message == f.Message }) {
				noted = append(noted, f)
			}
			continue
		}
		checks++
		word := safetext.Show(string(f.Code))
		switch {
		case f.Status == Passed && !seen[word]:
			passed = append(passed, word)
			seen[word] = true
		case f.Status == Waived && f.Exception != nil:
			excepted = append(excepted, f)
		case f.Status == Waived:
			waived = append(waived, word+" ("+safetext.Show(f.Rule)+")")
		}
	}
	what := safetext.Show(v.Artifact)
	if v.Environment != "" {
		what += " for " + safetext.Show(v.Environment)
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
			where = " (" + safetext.Show(f.Rule) + ")"
		}
		fmt.Fprintf(&b, "%d %s  %s%s\n", i+1, safetext.Show(string(f.Code)), safetext.Show(f.Message), where)
		if f.Want != "" || f.Got != "" {
			fmt.Fprintf(&b, "    want %s   got %s", safetext.Show(orNothing(f.Want)), safetext.Show(orNothing(f.Got)))
			if f.Evidence != "" {
				fmt.Fprintf(&b, " (%s)", safetext.Show(f.Evidence))
			}
			b.WriteByte('\n')
		} else if f.Evidence != "" {
			fmt.Fprintf(&b, "    in   %s\n", safetext.Show(f.Evidence))
		}
		if f.Remedy != "" {
			fmt.Fprintf(&b, "    do   %s\n", safetext.Show(f.Remedy))
		}
	}
	for i, f := range noted {
		if i == maxNoted {
			fmt.Fprintf(&b, "set aside: %d more\n", len(noted)-i)
			break
		}
		if f.Evidence == "" {
			fmt.Fprintf(&b, "noted %s: %s\n", safetext.Show(string(f.Code)), safetext.Show(f.Message))
			continue
		}
		fmt.Fprintf(&b, "set aside %s: %s %s\n", safetext.Show(f.Evidence), safetext.Show(string(f.Code)), safetext.Show(f.Message))
	}
	for _, f := range excepted {
		fmt.Fprintf(&b, "EXCEPTION %s  %s (%s)\n", safetext.Show(string(f.Code)), safetext.Show(f.Message), safetext.Show(f.Rule))
		fmt.Fprintf(&b, "    want %s   got %s\n", safetext.Show(orNothing(f.Want)), safetext.Show(orNothing(f.Got)))
		fmt.Fprintf(&b, "    by   %s until %s (%s): %s\n", safetext.Show(strings.Join(f.Exception.By, ", ")), f.Exception.Until.UTC().Format(time.RFC3339), safetext.Show(f.Exception.Evidence), safetext.Show(f.Exception.Reason))
	}
	if len(waived) > 0 {
		fmt.Fprintf(&b, "%d waived: %s\n", len(waived), strings.Join(waived, " "))
	}
	if len(passed) > 0 {
		n := checks - len(failed) - len(waived) - len(excepted)
		fmt.Fprintf(&b, "%d passed: %s\n", n, strings.Join(passed, " "))
	}
	var by []string
	for _, p := range v.Policies {
		by = append(by, fmt.Sprintf("policy %s v%d %s", safetext.Show(p.Name), p.Version, short(p.Digest)))
		if p.SignedBy != "" {
			by[len(by)-1] += " signed by " + safetext.Show(p.SignedBy)
		}
	}
	if !v.Trust.Digest.IsZero() {
		by = append(by, fmt.Sprintf("trust v%d %s", v.Trust.Version, short(v.Trust.Digest)))
	}
	by = append(by, "at "+v.At.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "by %s\n", strings.Join(by, ", "))
	if v.LastGood != nil {
		fmt.Fprintf(&b, "last good in %s: %s %s\n", safetext.Show(v.Environment), safetext.Show(v.LastGood.Name), v.LastGood.Digest)
	}
	return b.String()
}

// maxNoted bounds how much evidence that was set aside the text lists.
const maxNoted = 10

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
