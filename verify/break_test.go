package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// onlyProvenance, onlySBOM and onlyApproval are cases in which nothing but that
// evidence decides, besides provenance, without which no policy is.
const (
	onlyProvenance = `
drop sbom
drop scan
drop approval
set policy /attestations []
set policy /approvals []
del provenance /predicate/runDetails/metadata
del policy /provenance/maxAge
`
	onlySBOM = `
drop scan
drop approval
del policy /attestations/1
set policy /approvals []
`
	onlyApproval = `
drop sbom
drop scan
set policy /attestations []
set policy /approvals [{"atLeast":2,"of":["alice","bob"]}]
`
)

// accepted are the kinds of evidence that are accepted. lines says which lines
// of the evidence are broken: the others stand by.
var accepted = []struct {
	name   string
	script string
	lines  []int
}{
	{"provenance/dsse", onlyProvenance, []int{0}},
	{"provenance/dsse-two-signatures", onlyProvenance + `set policy /provenance/signedBy {"atLeast":2,"of":["ci","qa"]}
		sign provenance ci qa`, []int{0}},
	{"provenance/dsse-ecdsa", onlyProvenance + `set trust /principals/ci/keys/0 {"pem":"<pem:ci:p256>"}
		sign provenance ci:p256`, []int{0}},
	{"provenance/dsse-unknown-members", onlyProvenance + "envelope provenance `{\"payload\"` `{\"note\":\"x\",\t\"payload\"`", []int{0}},
	{"provenance/sigstore", onlyProvenance + `format provenance sigstore`, []int{0}},
	{"sbom/dsse", onlySBOM, []int{1}},
	{"sbom/sigstore", onlySBOM + `format sbom sigstore`, []int{1}},
	{"approval/dsse-two-signatures", onlyApproval + `sign approval alice bob`, []int{1}},
	{"approval/sigstore-each", onlyApproval + `format approval sigstore`, []int{1, 2}},
	{"lines", onlyApproval, []int{0, 1, 2}},
}

// places are where evidence may change without changing what it says: nobody
// signed them, and they decide nothing. Each is a pattern of the evidence in
// which the first group may change.
var places = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"the hint which key signed", regexp.MustCompile(`"keyid":"([^"]*)"`)},
	{"the same hint in a Sigstore bundle", regexp.MustCompile(`"publicKey":\{"hint":"([^"]*)"`)},
	{"the name of that hint, which then is an unknown member", regexp.MustCompile(`"(keyid)":`)},
	{"an unknown member of an envelope", regexp.MustCompile(`\{"(note":"x)"`)},
	{"white space between members", regexp.MustCompile(`,(\t)`)},
	{"white space at the end", regexp.MustCompile(`(\n)$`)},
}

// whoSigned says who signed what: the ID of a payload, and principals.
func whoSigned(t *testing.T, trust *verify.Trust, c *story.Case, evidence []*sign.Bundle) string {
	t.Helper()
	all := map[string]bool{}
	for _, b := range evidence {
		a, err := verify.Authenticate(t.Context(), trust, b, c.Request.At)
		if err != nil {
			continue
		}
		for _, s := range a.Signatories {
			all[fmt.Sprintf("%s by %s", a.ID, s.Principal)] = true
		}
	}
	var b strings.Builder
	for _, id := range sorted(all) {
		b.WriteString(id + "\n")
	}
	return b.String()
}

// ask is the answer when the evidence is these bytes.
func ask(t *testing.T, c *story.Case, lines []byte) (verdict *verify.Verdict, evidence []*sign.Bundle, allowed bool) {
	t.Helper()
	evidence, err := sign.Read(named{bytes.NewReader(lines)})
	if err != nil {
		t.Fatal(err)
	}
	r := c.Request
	r.Evidence = evidence
	verdict, err = c.Verifier.Verify(context.Background(), r)
	if (err == nil) != (verdict.Decision == verify.Allow) {
		t.Fatalf("error %v with %v", err, verdict)
	}
	return verdict, evidence, err == nil
}

// TestBreak changes every byte of everything that is accepted and cuts every
// suffix of it. The answer must be no, or it must be the same verdict over the
// same payloads by the same principals, and then only in the places listed.
func TestBreak(t *testing.T) {
	met := make([]bool, len(places))
	step := 1
	if raceEnabled {
		step = 13 // the race detector has nothing to find here, and takes ten times as long
	}
	for _, kind := range accepted {
		t.Run(kind.name, func(t *testing.T) {
			c := story.Build(t, kind.script)
			good, evidence, ok := ask(t, c, c.Lines)
			if c.Err != nil || !ok {
				t.Fatalf("it is not accepted: %v\n%v", c.Err, good)
			}
			text, who := good.String(), whoSigned(t, c.Trust, c, evidence)
			from, to := span(c.Lines, kind.lines)
			place := map[int]int{} // which place a byte is in, by its offset
			for i, p := range places {
				for _, m := range p.pattern.FindAllSubmatchIndex(c.Lines, -1) {
					for at := m[2]; at < m[3]; at++ {
						place[at] = i
					}
				}
			}
			tried, same := 0, 0
			check := func(what string, at int, lines []byte) {
				t.Helper()
				tried++
				verdict, evidence, ok := ask(t, c, lines)
				if !ok {
					return
				}
				same++
				p, listed := place[at]
				switch {
				case !listed:
					t.Errorf("%s at byte %d of %d changes nothing: …%s", what, at, len(c.Lines), c.Lines[max(0, at-20):min(len(c.Lines), at+20)])
				case verdict.String() != text:
					t.Errorf("%s at byte %d, in %s, changes the verdict:\n%s", what, at, places[p].name, verdict)
				case whoSigned(t, c.Trust, c, evidence) != who:
					t.Errorf("%s at byte %d, in %s, changes who signed what", what, at, places[p].name)
				default:
					met[p] = true
				}
			}
			broken := bytes.Clone(c.Lines)
			for at := from; at < to; at += step {
				was := c.Lines[at]
				for _, value := range []byte{was ^ 1, 0, ' ', '"'} {
					if value == was {
						continue
					}
					broken[at] = value
					check(fmt.Sprintf("%q for %q", value, was), at, broken)
				}
				broken[at] = was
			}
			for at := from; at < to; at += step {
				check("a cut", at, append(bytes.Clone(c.Lines[:at]), c.Lines[to:]...))
			}
			t.Logf("%d bytes, %d changes, %d of them in the places that may change", to-from, tried, same)
		})
	}
	for i, p := range places {
		if !met[i] && !t.Failed() && step == 1 {
			t.Errorf("nothing is ever changed in %s: it is listed in vain", p.name)
		}
	}
}

// span is where the lines begin and end, which stand side by side.
func span(data []byte, lines []int) (from, to int) {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts[lines[0]], starts[lines[len(lines)-1]+1]
}

// TestSwapKeys lets every other key make each signature, and puts every other
// key in the place of each in the trust file. The answer is no.
func TestSwapKeys(t *testing.T) {
	labels := []string{"ci", "qa", "alice", "bob", "carol", "dan", "stranger"}
	for _, kind := range []struct {
		script  string
		sign    string // %s is who signs in place of swapped
		swapped string
	}{
		{onlyProvenance, "sign provenance %s", "ci"},
		{onlyProvenance + "set policy /provenance/signedBy {\"atLeast\":2,\"of\":[\"ci\",\"qa\"]}\nsign provenance ci qa", "sign provenance %s qa", "ci"},
		{onlyProvenance + "set policy /provenance/signedBy {\"atLeast\":2,\"of\":[\"ci\",\"qa\"]}\nsign provenance ci qa", "sign provenance ci %s", "qa"},
		{onlyProvenance + "format provenance sigstore", "sign provenance %s", "ci"},
		{onlySBOM, "sign sbom %s", "ci"},
		{onlySBOM + "format sbom sigstore", "sign sbom %s", "ci"},
		{onlyApproval, "sign approval %s + bob", "alice"},
		{onlyApproval, "sign approval alice + %s", "bob"},
		{onlyApproval + "sign approval alice bob", "sign approval alice %s", "bob"},
		{onlyApproval + "format approval sigstore", "sign approval alice + %s", "bob"},
	} {
		good := story.Build(t, kind.script)
		if verdict, _, ok := ask(t, good, good.Lines); !ok {
			t.Fatalf("%s: it is not accepted:\n%s", kind.sign, verdict)
		}
		for _, label := range labels {
			if label == kind.swapped {
				continue
			}
			sign := fmt.Sprintf(kind.sign, label)
			for what, script := range map[string]string{
				"another key":                           sign,
				"another key that hints at the old one": sign + "\n" + hint(kind.sign, kind.swapped),
			} {
				c := story.Build(t, kind.script, script)
				if verdict, _, ok := ask(t, c, c.Lines); ok {
					t.Errorf("%s: %s: allowed:\n%s", sign, what, verdict)
				}
			}
		}
		// The key in trust is another one.
		c := story.Build(t, kind.script, fmt.Sprintf("set trust /principals/%s/keys/0/pem \"<pem:other>\"", kind.swapped))
		if verdict, _, ok := ask(t, c, c.Lines); ok {
			t.Errorf("%s: with another key of %s in trust: allowed:\n%s", kind.sign, kind.swapped, verdict)
		}
	}
}

// hint is the line that writes the id of swapped's key beside its signature.
func hint(sign, swapped string) string {
	words := strings.Fields(sign)
	i := 0
	if !strings.Contains(sign, "+") && words[len(words)-1] == "%s" {
		i = len(words) - 3
	}
	return fmt.Sprintf("sig %s %d keyid <keyid:%s>", words[1], i, swapped)
}
