package verify_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

func sorted(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// named is evidence with the file name that stories have.
type named struct{ io.Reader }

func (named) Name() string { return "app.intoto.jsonl" }

// cases are some that are allowed and some that are not.
var cases = map[string]string{
	"allowed":       "",
	"go":            "artifact go\nset policy /examine \"required\"",
	"contradiction": "artifact go\nset policy /examine \"required\"\nset provenance /predicate/buildDefinition/resolvedDependencies/0/digest/gitCommit \"5f1e2c9a7b3d4e5f60718293a4b5c6d7e8f90a1b\"",
	"flipped":       "swap flip 3",
	"unsigned":      "sign provenance mallory",
	"refused":       "set provenance /predicate/buildDefinition/externalParameters/source/ref \"refs/heads/main\"\nsign approval alice\ndrop scan",
	"unread":        "drop provenance\nline `{}`\nline `[]`\nline `{\"payload\":\"e30=\"}`",
	"pooled":        "set policy /provenance/signedBy {\"atLeast\":2,\"of\":[\"ci\",\"qa\"]}\nsign provenance qa + ci + mallory",
	"two policies":  "copy policy/2 policy\nset policy/2 /name \"second\"",
}

// checks lists the codes and rules that were executed, in order.
func checks(v *verify.Verdict) string {
	var out []string
	for _, f := range v.Findings {
		out = append(out, fmt.Sprintf("%s %s %s", f.Status, f.Code, f.Rule))
	}
	return strings.Join(out, "\n")
}

// TestPathsAreEqual wants the identical list of checks whatever way the
// artifact comes: as a file, opened, as content, or as a digest where nothing
// is to be opened.
func TestPathsAreEqual(t *testing.T) {
	for name, script := range cases {
		for _, examine := range []string{"", "\nset policy /examine \"off\""} {
			if examine != "" && strings.Contains(script, "policy/2") {
				examine += "\nset policy/2 /examine \"off\""
			}
			modes := []string{"file", "open", "content"}
			if examine != "" {
				modes = append(modes, "digest")
			}
			t.Run(name+strings.ReplaceAll(examine, "\n", " "), func(t *testing.T) {
				var first string
				var decision verify.Decision
				for _, mode := range modes {
					c := story.Build(t, script+examine, "request mode "+mode)
					v, _ := c.Verify(t)
					if got := checks(v); first == "" {
						first, decision = got, v.Decision
					} else if got != first || v.Decision != decision {
						t.Errorf("%s: %s:\n%s\nwant, as of a file: %s:\n%s", mode, v.Decision, got, decision, first)
					}
				}
				if first == "" {
					t.Error("no checks")
				}
			})
		}
	}
}

// TestFormatsAreEqual wants the same checks of a DSSE envelope and of a
// Sigstore bundle.
func TestFormatsAreEqual(t *testing.T) {
	for name, script := range cases {
		dsse, _ := story.Build(t, script).Verify(t)
		c := story.Build(t, "format provenance sigstore\nformat sbom sigstore\nformat approval sigstore", script)
		v, _ := c.Verify(t)
		if got, want := checks(v), checks(dsse); got != want {
			t.Errorf("%s: of bundles:\n%s\nwant, as of envelopes:\n%s", name, got, want)
		}
	}
}

// TestEvidenceIsASet wants the same verdict, to the letter, whatever order
// evidence comes in and however often.
func TestEvidenceIsASet(t *testing.T) {
	for name, script := range cases {
		c := story.Build(t, script)
		v, _ := c.Verify(t)
		want, evidence := v.String(), c.Request.Evidence
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 20 {
			again := slices.Clone(evidence)
			for range i % 4 {
				again = append(again, evidence[random.IntN(len(evidence))])
			}
			random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			c.Request.Evidence = again
			if v, _ := c.Verify(t); v.String() != want {
				t.Errorf("%s: in another order:\n%s\nwant:\n%s", name, v, want)
			}
		}
	}
}

// TestApartOrTogether wants a quorum counted alike whether its people signed one
// envelope, an envelope each, or a Sigstore bundle each, whatever the order and
// however often; and one person never to count for two.
func TestApartOrTogether(t *testing.T) {
	quorum := "set policy /provenance/signedBy {\"atLeast\":2,\"of\":[\"ci\",\"qa\"]}\n"
	for signers, want := range map[string]verify.Decision{
		"ci qa":         verify.Allow,
		"qa ci mallory": verify.Allow,
		"ci":            verify.Deny,
		"ci ci":         verify.Deny,
		"ci mallory":    verify.Deny,
		"mallory":       verify.Deny,
	} {
		apart := strings.ReplaceAll(signers, " ", " + ")
		back := strings.Fields(signers)
		slices.Reverse(back)
		for form, script := range map[string]string{
			"one envelope":            "sign provenance " + signers,
			"an envelope each":        "sign provenance " + apart,
			"in another order":        "sign provenance " + strings.Join(back, " + "),
			"a Sigstore bundle each":  "sign provenance " + apart + "\nformat provenance sigstore",
			"twice":                   "sign provenance " + apart + "\ndup provenance",
			"a Sigstore bundle twice": "sign provenance " + apart + "\nformat provenance sigstore\ndup provenance",
		} {
			v, err := story.Build(t, quorum+script).Verify(t)
			if v.Decision != want || (err == nil) != (want == verify.Allow) {
				t.Errorf("%s in %s: %s, want %s", signers, form, v.Decision, want)
			}
			code := verify.CodeThreshold
			if signers == "mallory" {
				code = verify.CodeSignature
			}
			if failed := v.Failed(); want == verify.Deny && !slices.ContainsFunc(failed, func(f verify.Finding) bool { return f.Code == code }) {
				t.Errorf("%s in %s: no %s among\n%s", signers, form, code, v)
			}
		}
	}
}

// TestConcurrent is T-70: one Verifier, its Trust and its Policy serve many
// questions at once, and the caller may change what it handed in. The race
// detector is the judge.
func TestConcurrent(t *testing.T) {
	allowed, refused := story.Build(t, ""), story.Build(t, "sign provenance mallory")
	want := map[*story.Case]string{}
	for _, c := range []*story.Case{allowed, refused} {
		v, _ := c.Verify(t)
		want[c] = v.String()
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 8 {
				c := allowed
				if (i+j)%2 == 1 {
					c = refused
				}
				v, _ := allowed.Verifier.Verify(t.Context(), c.Request)
				got := v.String()
				if got != want[c] {
					t.Errorf("together:\n%s\nalone:\n%s", got, want[c])
				}
				if i == 0 { // New copied them
					allowed.Policies[0].Provenance.SignedBy.Of[0] = fmt.Sprint("changed", j)
					allowed.Trust.Roles["release-manager"][0] = fmt.Sprint("changed", j)
				}
			}
		})
	}
	wg.Wait()
}

// A wild authenticator vouches for signatures that are not there.
type wild struct{}

func (wild) Accepts(verify.Identity) bool { return true }

func (wild) Authenticate(_ context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	return []verify.Identified{{Signature: -1, Issuer: "x", Email: "x"}, {Signature: len(b.Signatures), Issuer: "x", Email: "x"}}, nil
}

// TestWildAuthenticator wants an answer, not a panic, whatever an authenticator says.
func TestWildAuthenticator(t *testing.T) {
	c := story.Build(t, `set trust /authorities {"acme":{"trustedRoot":{},"atLeast":{"log":0,"timestamp":1}}}`,
		`sign provenance id {"signer":"ci","time":"2026-11-20T17:06:00Z"}`)
	v, err := verify.Options{Authenticators: []verify.Authenticator{wild{}}}.New(c.Trust, c.Policies...)
	if err != nil {
		t.Fatal(err)
	}
	if verdict, err := v.Verify(t.Context(), c.Request); err != nil {
		t.Errorf("signed by a key, and refused:\n%s", verdict)
	}
}

// TestNothingIsNoYes is T-53: whatever was never filled in is not permission.
func TestNothingIsNoYes(t *testing.T) {
	var zero verify.Verdict
	if zero.Decision == verify.Allow || strings.Contains(zero.String(), "ALLOW") {
		t.Errorf("the zero Verdict: %s", &zero)
	}
	var none *verify.Verifier
	for name, v := range map[string]*verify.Verifier{"nil": none, "zero": {}} {
		verdict, err := v.Verify(t.Context(), verify.Request{Evidence: []*sign.Bundle{nil}})
		if err == nil || verdict == nil || verdict.Decision != verify.Undecided {
			t.Errorf("a %s Verifier: %v, %v", name, verdict, err)
		}
		if h, err := v.Open(t.Context(), verify.Request{}); err == nil || h != nil {
			t.Errorf("a %s Verifier opens: %v, %v", name, h, err)
		}
	}
	c := story.Build(t, "")
	c.Request.Evidence = append(c.Request.Evidence, nil, &sign.Bundle{})
	if v, err := c.Verify(t); err != nil {
		t.Errorf("a nil and a zero bundle beside good evidence spoil it:\n%s", v)
	}
	c.Request.Evidence = []*sign.Bundle{nil, {}, nil}
	if v, err := c.Verify(t); err == nil || v.Decision != verify.Deny {
		t.Errorf("nil and zero bundles alone:\n%s", v)
	}
	if (verify.Finding{}).Status != verify.Unknown {
		t.Error("the zero Finding has passed")
	}
}
