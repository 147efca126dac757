package verifytest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
	"github.com/touchmark-go/touchmark/verify/learn"
	"github.com/touchmark-go/touchmark/verify/verifytest"
)

// labels are all who sign in the base case.
var labels = []string{"ci", "qa", "alice", "bob", "ci:p256", "alice:p256", "bob:p256"}

// goodOf is a story as a good question, with everybody's keys.
func goodOf(t testing.TB, scripts ...string) (verifytest.Good, *story.Case) {
	t.Helper()
	c := story.Build(t, scripts...)
	if c.Err != nil {
		t.Fatal(c.Err)
	}
	var signers []sign.Signer
	for _, label := range labels {
		signers = append(signers, story.Signer(t, label))
	}
	return verifytest.Good{Verifier: c.Verifier, Request: c.Request, Sign: verifytest.Signers(signers...)}, c
}

// through are the names of the variants that are not answered as they must be.
func through(t testing.TB, g verifytest.Good) (names []string) {
	t.Helper()
	for v := range verifytest.Variants(t.Context(), g) {
		if v.Err != nil {
			t.Errorf("%s: %v", v.Name, v.Err)
		}
		verdict, _ := g.Verifier.Verify(t.Context(), v.Request)
		if v.Wrong(verdict) != "" {
			names = append(names, v.Name)
		}
	}
	return names
}

// unexamined is what a text as artifact leaves open: only a Go binary knows its commit.
const unexamined = "examine/provenance/another-commit"

// whole is a policy that leaves open only what has to be.
const whole = `set policy /examine "off"
set policy /package "pkg:generic/app"
request name pkg:generic/app
set policy /attestations/0/maxAge "30d"`

// TestKinds attacks every kind of evidence, however it is written and signed.
func TestKinds(t *testing.T) {
	for name, script := range map[string]string{
		"base":             "",
		"two signatures":   "sign approval alice bob",
		"a quorum":         `set policy /provenance/signedBy {"atLeast":2,"of":["ci","qa"]}` + "\nsign provenance ci qa",
		"ECDSA":            `set trust /principals/ci/keys/0 {"pem":"<pem:ci:p256>"}` + "\nsign provenance ci:p256\nsign sbom ci:p256",
		"ECDSA approvals":  `set trust /principals/alice/keys/0 {"pem":"<pem:alice:p256>"}` + "\n" + `set trust /principals/bob/keys/0 {"pem":"<pem:bob:p256>"}` + "\nsign approval alice:p256 bob:p256",
		"Sigstore bundles": "format provenance sigstore\nformat sbom sigstore\nformat approval sigstore",
		"as of its digest": "request mode digest",
		"as content":       "request mode content",
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := goodOf(t, whole, script)
			g.Open = map[string]string{unexamined: "the artifact is a text, and is not examined"}
			verifytest.Run(t, g)
		})
	}
}

// TestHoles makes a policy lax in one way each, and wants just that found.
func TestHoles(t *testing.T) {
	source := "34/provenance/no-commit 34/provenance/source-dotdot 34/provenance/source-escaped 34/provenance/source-fragment 34/provenance/source-git-suffix 34/provenance/source-host " +
		"34/provenance/source-host-letter 34/provenance/source-newline 34/provenance/source-port 34/provenance/source-query 34/provenance/source-scheme 34/provenance/source-slash " +
		"34/provenance/source-suffix 34/provenance/source-userinfo"
	ref := "35/provenance/ref-below 35/provenance/ref-newline 35/provenance/ref-pull 35/provenance/tag-for-branch"
	for lax, want := range map[string]string{
		"": "",
		`set policy /provenance/source/ref "any"`:                                 ref + " D2/provenance/branch",
		`set policy /provenance/source "any"`:                                     source + " 35/provenance/ref-letter 35/provenance/ref-short " + ref + " D1/provenance/source-fork D2/provenance/branch D5/provenance/dirty",
		`set policy /provenance/source/dirty true`:                                "D5/provenance/dirty",
		`set policy /provenance/parameters {"any":true}`:                          "D4/provenance/parameter-command D4/provenance/parameter-goarch D4/provenance/parameter-goos D4/provenance/parameter-more",
		`set policy /provenance/parameters/~1goos {"any":true}`:                   "D4/provenance/parameter-goos",
		`del policy /provenance/maxAge`:                                           "37/provenance/old",
		`set policy /approvals/0/atLeast 1`:                                       "04/approval-2/missing 04/approval/missing",
		`set policy /approvals []`:                                                "04/approval-2/missing 04/approval/missing",
		`set policy /attestations/0/signedBy {"any":true}`:                        "04/bom/signed-as-approval 04/bom/signed-as-approval-2 04/bom/signed-as-vulns",
		`set policy /attestations/1/signedBy {"any":true}`:                        "04/vulns/signed-as-approval 04/vulns/signed-as-approval-2 04/vulns/signed-as-bom 04/vulns/signed-as-provenance",
		`del policy /attestations/1/predicate`:                                    "61/vulns/says-otherwise",
		`del policy /attestations/1/maxAge`:                                       "37/vulns/old",
		"del policy /attestations/1/predicate\ndel policy /attestations/1/maxAge": "37/vulns/old 61/vulns/says-nothing 61/vulns/says-otherwise",
		`del policy /attestations/1`:                                              "04/vulns/missing",
	} {
		g, _ := goodOf(t, whole, lax)
		got := slices.DeleteFunc(through(t, g), func(name string) bool { return name == unexamined })
		slices.Sort(got)
		if got := strings.Join(got, " "); got != sorted(want) {
			t.Errorf("%s: let through\n%s\nwant\n%s", lax, got, sorted(want))
		}
	}
}

func sorted(names string) string {
	all := strings.Fields(names)
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestMutants wants every rule of a policy to be missed by some variant if it
// were gone. Variants are cases as people write them for package learn.
func TestMutants(t *testing.T) {
	g, c := goodOf(t, whole)
	var cases []learn.Case
	for v := range verifytest.Variants(t.Context(), g) {
		if slices.Contains([]string{"9", "10", "11", "12", "14", "65"}, v.Row) {
			continue // how JSON is read is in no policy's hands
		}
		verdict, _ := g.Verifier.Verify(t.Context(), v.Request)
		cases = append(cases, learn.Case{Name: v.Name, Request: v.Request, Want: verdict.Decision})
	}
	missed, of, err := learn.Options{At: c.Request.At, Verify: verify.Options{Conditions: cel.Conditions}}.Mutate(t.Context(), c.Trust, c.Policies[0], cases...)
	if err != nil || of < 15 {
		t.Fatalf("%d mutants, %v", of, err)
	}
	known := map[string]string{
		"/provenance/signedBy":  "trust pairs nobody else with its builder",
		"/provenance/level":     "trust holds its builders to no less",
		"/provenance/buildType": "where a type that nobody knows has its source is not known either",
	}
	for _, m := range missed {
		if known[m.Rule] == "" {
			t.Errorf("no variant misses %s (%s)", m.Rule, m.What)
		}
		delete(known, m.Rule)
	}
	for rule, why := range known {
		t.Errorf("a variant misses %s, and it is written down that none would: %s", rule, why)
	}
}

// TestRunSays runs Run on a policy with a hole, in a process of its own: it fails,
// and says what was let through.
func TestRunSays(t *testing.T) {
	const variable = "TOUCHMARK_VERIFYTEST_HOLE"
	switch os.Getenv(variable) {
	case "hole":
		g, _ := goodOf(t, whole, `set policy /provenance/source/ref "any"`)
		verifytest.Run(t, g)
		return
	case "stale":
		g, _ := goodOf(t, whole)
		g.Open = map[string]string{unexamined: "a text", "35/*/*": "refs are free"}
		verifytest.Run(t, g)
		return
	}
	for how, want := range map[string]string{
		"hole":  "--- FAIL: TestRunSays/D2/provenance/branch",
		"stale": `Good.Open names "35/*/*" (refs are free), and no variant of that name is let through`,
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRunSays$", "-test.v")
		cmd.Env = append(os.Environ(), variable+"="+how)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: it passes or does not say %q: %v\n%.2000s", how, want, err, out)
		}
		if how == "hole" && !strings.Contains(string(out), "it was let through: built from another branch: provenance (row D2)") {
			t.Errorf("it does not say what was let through:\n%.2000s", out)
		}
	}
}

// TestOrder wants the same variants in the same order in every run, each name
// once, and no more after a break.
func TestOrder(t *testing.T) {
	g, _ := goodOf(t, whole)
	names := func() (names []string) {
		for v := range verifytest.Variants(t.Context(), g) {
			names = append(names, v.Name)
		}
		return names
	}
	first := names()
	if again := names(); !slices.Equal(first, again) {
		t.Errorf("in another run:\n%q\nwant\n%q", again, first)
	}
	once := slices.Clone(first)
	slices.Sort(once)
	if n := len(slices.Compact(once)); n != len(first) || n < 300 {
		t.Errorf("%d variants, of %d names", len(first), n)
	}
	if first[0] != "good" {
		t.Errorf("the first is %q, want the question itself", first[0])
	}
	n := 0
	for range verifytest.Variants(t.Context(), g) {
		if n++; n == 7 {
			break
		}
	}
}

// TestNotGood wants a question that is not allowed to be the only variant, and wrong.
func TestNotGood(t *testing.T) {
	g, _ := goodOf(t, "sign provenance mallory")
	for name, g := range map[string]verifytest.Good{"denied": g, "zero": {}} {
		n := 0
		for v := range verifytest.Variants(t.Context(), g) {
			n++
			verdict, _ := g.Verifier.Verify(t.Context(), v.Request)
			if v.Name != "good" || v.Wrong(verdict) == "" || v.Wrong(nil) == "" {
				t.Errorf("%s: %s is as wanted", name, v.Name)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d variants, want the question alone", name, n)
		}
	}
}

// TestSigners wants nothing signed with half of the keys, by no key, or in the
// name of a certificate; and an error of a key told.
func TestSigners(t *testing.T) {
	g, c := goodOf(t, whole, "sign approval alice bob")
	without := 0
	g.Sign = nil
	for range verifytest.Variants(t.Context(), g) {
		without++
	}
	g.Sign = verifytest.Signers(story.Signer(t, "alice")) // of two
	half := 0
	for range verifytest.Variants(t.Context(), g) {
		half++
	}
	if half != without || without < 100 {
		t.Errorf("%d variants with half of the keys, want %d as without any", half, without)
	}
	b := c.Request.Evidence[0]
	certified := *b
	certified.Signatures = []sign.Signature{{Sig: []byte("x"), KeyID: b.Signatures[0].KeyID, Chain: [][]byte{{1}}}}
	if got, err := verifytest.Signers(story.Signer(t, "ci"))(t.Context(), &certified, "text/plain", nil); got != nil || err != nil {
		t.Errorf("signed in the name of a certificate: %v, %v", got, err)
	}
	if got, err := verifytest.Signers(story.Signer(t, "ci"))(t.Context(), &sign.Bundle{}, "text/plain", nil); got != nil || err != nil {
		t.Errorf("signed what nobody signed: %v, %v", got, err)
	}
	broken := errors.New("the key is locked")
	g.Sign = func(context.Context, *sign.Bundle, string, []byte) (*sign.Bundle, error) { return nil, broken }
	told := 0
	for v := range verifytest.Variants(t.Context(), g) {
		if errors.Is(v.Err, broken) && strings.Contains(v.Wrong(nil), "locked") {
			told++
		}
	}
	if told < 50 {
		t.Errorf("an error of the keys is told %d times", told)
	}
}
