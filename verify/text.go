package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

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
		word := string(f.Code)
		switch {
		case f.Status == Passed && !seen[word]:
			passed = append(passed, word)
			seen[word] = true
		case f.Status == Waived && f.Exception != nil:
			excepted = append(excepted, f)
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
	for _, f := range excepted {
		fmt.Fprintf(&b, "EXCEPTION %s  %s (%s)\n", f.Code, show(f.Message), show(f.Rule))
		fmt.Fprintf(&b, "    want %s   got %s\n", show(orNothing(f.Want)), show(orNothing(f.Got)))
		fmt.Fprintf(&b, "    by   %s until %s (%s): %s\n", show(strings.Join(f.Exception.By, ", ")), f.Exception.Until.UTC().Format(time.RFC3339), show(f.Exception.Evidence), show(f.Exception.Reason))
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
		by = append(by, fmt.Sprintf("policy %s v%d %s", show(p.Name), p.Version, short(p.Digest)))
		if p.SignedBy != "" {
			by[len(by)-1] += " signed by " + show(p.SignedBy)
		}
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
