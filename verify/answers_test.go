package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// What can be opened and not read is no answer.
func TestUnreadableContent(t *testing.T) {
	const path = "/proc/self/mem" // a regular file, whose first byte is nobody's
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		t.Skip("there is no such file on this system")
	}
	v, evidence := benchCase(t, []byte("app"), "off")
	verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.File(path), Evidence: evidence})
	if err == nil || verdict.Decision != verify.Undecided || failed(verdict) != "transport" {
		t.Errorf("want undecided by transport, got\n%s", verdict)
	}
}

// Nobody signs with a bundle that is not there, that could not be read or that has
// no signature, and nobody is asked by a trust file that cannot be used.
func TestNoBundle(t *testing.T) {
	c := story.Build(t, `set trust /auditors "alice"`, `set trust /root "alice"`)
	if c.Err != nil {
		t.Fatal(c.Err)
	}
	good := c.Request.Evidence[0]
	unreadable, unsigned := *good, *good
	unreadable.Err, unsigned.Signatures = errors.New("it is cut off"), nil
	for name, b := range map[string]*sign.Bundle{"nil": nil, "unreadable": &unreadable, "unsigned": &unsigned, "of another": good} {
		if err := c.Trust.SignedByRoot(b, judged); err == nil {
			t.Errorf("%s: signed by the root", name)
		}
		if err := c.Trust.SignedByAuditors(b, judged); err == nil {
			t.Errorf("%s: signed by auditors", name)
		}
		if next, err := c.Trust.UpdateAt(b, judged); err == nil {
			t.Errorf("%s: updated to %v", name, next)
		}
		for _, err := range []error{(&verify.Trust{}).SignedByRoot(b, judged), (&verify.Trust{}).SignedByAuditors(b, judged), second((&verify.Trust{}).UpdateAt(b, judged))} {
			if err == nil {
				t.Errorf("%s: the zero Trust says yes", name)
			}
		}
	}
	c.Request.Evidence[0] = &unsigned
	verdict, err := c.Verify(t)
	said := func(f verify.Finding) bool { return f.Message == "nobody signed it" && f.Got == "no signature" }
	if err == nil || !slices.ContainsFunc(verdict.Findings, said) {
		t.Errorf("evidence that nobody signed:\n%s", verdict)
	}
}

// Policies that go together are for one environment, and have names of their own.
func TestPoliciesTogether(t *testing.T) {
	trust := policyTrust(t)
	o := verify.Options{Authenticators: []verify.Authenticator{newAuthority("public-good")}}
	for _, c := range []struct {
		name   string
		change func(p *verify.Policy)
		want   string
	}{
		{"another name", func(*verify.Policy) {}, ""},
		{"no environment", func(p *verify.Policy) { p.Environment, p.Approvals, p.Release = "", nil, nil }, ""},
		{"another environment", func(p *verify.Policy) { p.Environment = "moon" }, "the policies are for different environments"},
		{"the same name", func(p *verify.Policy) { p.Name = "" }, "two policies have this name"},
	} {
		one, two := policyFile(t, "4-two-people.json"), policyFile(t, "4-two-people.json")
		two.Name = "other"
		if c.change(two); two.Name == "" {
			two.Name = one.Name
		}
		if one.Environment == "" {
			t.Fatal("the policy is for every environment")
		}
		for _, policies := range [][]*verify.Policy{{one, two}, {two, one}} {
			if _, err := o.New(trust, policies...); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
	}
}

// The error is one line: what was decided about what, and the first reason with
// what was wanted and what was found, as far as that is known.
func TestErrorLine(t *testing.T) {
	finding := func(want, got string) verify.Finding {
		return verify.Finding{Code: verify.CodeRef, Status: verify.Failed, Message: "another ref", Want: want, Got: got}
	}
	for _, c := range []struct {
		findings []verify.Finding
		want     string
	}{
		{nil, "deny: app"},
		{[]verify.Finding{{Code: verify.CodeRef, Status: verify.Passed}}, "deny: app"},
		{[]verify.Finding{finding("", "")}, "deny: app: ref: another ref"},
		{[]verify.Finding{finding("a", "")}, "deny: app: ref: another ref (want a, got )"},
		{[]verify.Finding{finding("", "b")}, "deny: app: ref: another ref (want , got b)"},
		{[]verify.Finding{finding("a", "b"), finding("c", "d")}, "deny: app: ref: another ref (want a, got b) and 1 more"},
	} {
		err := &verify.Error{Verdict: &verify.Verdict{Artifact: "app", Decision: verify.Deny, Findings: c.findings}}
		if err.Error() != c.want {
			t.Errorf("%q, want %q", err.Error(), c.want)
		}
	}
}

// What Go can hold and a file cannot say is refused when it is read back.
func TestMarshalRefused(t *testing.T) {
	for name, q := range map[string]verify.Quorum{
		"any and somebody": {Any: true, AtLeast: 1, Of: []string{"ann"}}, "any in a group": {AtLeast: 1, Of: []string{"ann"}, And: []verify.Quorum{{Any: true}}},
		"a group in a group": {AtLeast: 1, Of: []string{"ann"}, And: []verify.Quorum{{AtLeast: 1, Of: []string{"bob"}, And: []verify.Quorum{{AtLeast: 1, Of: []string{"ann"}}}}}},
	} {
		if data, err := json.Marshal(q); err == nil {
			t.Errorf("%s: %s", name, data)
		}
		trust, err := verify.ParseTrust(productTrust(t, "", ""))
		if err != nil {
			t.Fatal(err)
		}
		trust.Products["app"].Stages[1].Approvals[0] = q
		if again, err := verify.ParseTrust(trust.Marshal()); err == nil {
			t.Errorf("%s: reads as %+v", name, again.Products["app"].Stages[1].Approvals)
		}
	}
	for _, d := range []time.Duration{1500 * time.Millisecond, -time.Hour, time.Hour + time.Nanosecond} {
		p := policyFile(t, "5-air-gapped.json")
		p.Provenance.MaxAge = d
		if again, err := verify.ParsePolicy(p.Marshal()); err == nil {
			t.Errorf("%s reads as %s", d, again.Provenance.MaxAge)
		}
	}
}

// An exception is drafted of each check once, however often it failed.
func TestExceptOnce(t *testing.T) {
	c := story.Build(t, `set policy /exceptions {"approvedBy":{"atLeast":2,"of":["alice","bob","carol"]},"rules":["/attestations/1/predicate/~1scanner~1result"],"for":"14d"}
set scan /predicate/scanner/result [{"id":"CVE-2026-1"}]`)
	v, _ := c.Verify(t)
	v.Findings = append(v.Findings, v.Failed()...)
	e, err := c.Policies[0].Except(v)
	if err != nil || len(v.Failed()) != 2 || len(e.Checks) != 1 {
		t.Errorf("%+v, %v of\n%s", e, err, v)
	}
}

// A goodOf knows what was last good of one product; of another it has err.
type goodOf struct {
	release.View
	product string
	err     error
}

func (g goodOf) LastGood(_ context.Context, product, _ string) (*release.Ref, error) {
	if product != g.product {
		return nil, g.err
	}
	return &release.Ref{Name: product + "#1"}, nil
}

// Of several products the first that the ledger knows something good of is named;
// what it could not say is not guessed.
func TestLastGoodOfSeveral(t *testing.T) {
	c := story.Build(t, `set trust /ledger {"origin":"releases.acme.example","key":"releases.acme.example+1","genesis":"sha256:0000000000000000000000000000000000000000000000000000000000000001","witnesses":{"atLeast":1,"keys":["w1","w2"]}}
set policy /release {"product":"app","maxHeadAge":"10m","witnesses":1}
copy policy/2 policy
set policy/2 /name "second"
set policy/2 /release/product "lib"
doc view {"Product":"app","Artifact":"sha256:<artifact>","Origin":"releases.acme.example","Size":101,"Time":"2026-11-21T03:05:00Z","Witnesses":2,"Release":"app#101","Author":"dan","LastGoodName":"app#100"}`)
	if c.Err != nil {
		t.Fatal(c.Err)
	}
	for _, test := range []struct {
		good goodOf
		want string
	}{
		{goodOf{product: "app"}, "app#1"},
		{goodOf{product: "lib", err: release.ErrUnknown}, "lib#1"},
		{goodOf{product: "lib", err: errors.New("no answer")}, ""},
		{goodOf{product: "none", err: release.ErrUnknown}, ""},
	} {
		r := c.Request
		test.good.View = r.Release
		r.Release = test.good
		v, err := c.Verifier.Verify(t.Context(), r)
		got := ""
		if v.LastGood != nil {
			got = v.LastGood.Name
		}
		if err == nil || got != test.want {
			t.Errorf("%s, %v: last good is %q, want %q\n%s", test.good.product, test.good.err, got, test.want, v)
		}
	}
}

// Where nothing failed nobody is told of an exception that would not have counted.
func TestExceptionOfNothing(t *testing.T) {
	const script = `set policy /exceptions {"approvedBy":{"atLeast":2,"of":["alice","bob","carol"]},"rules":["/attestations/1/predicate/~1scanner~1result"],"for":"14d"}
doc exception {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"<artifact>"}}],"predicateType":"https://github.com/touchmark-go/touchmark/predicates/exception/v1","predicate":{"policy":"<policy>","environment":"prod","checks":[{"rule":"/attestations/1/predicate/~1scanner~1result","code":"condition"}],"reason":"r","expires":"2026-11-28T00:00:00Z","nonce":"e-1"}}
sign exception alice
`
	noted := func(v *verify.Verdict) bool {
		return slices.ContainsFunc(v.Findings, func(f verify.Finding) bool { return f.Rule == "/exceptions" && f.Status == verify.Noted })
	}
	if v, err := story.Build(t, script).Verify(t); err != nil || noted(v) {
		t.Errorf("%v\n%v", v, v.Findings)
	}
	if v, err := story.Build(t, script, `set scan /predicate/scanner/result [{"id":"CVE-2026-1"}]`).Verify(t); err == nil || !noted(v) {
		t.Errorf("%v\n%v", v, v.Findings)
	}
}

// A handle that was closed gives out nothing, and a folder that is not there has no
// policies in it.
func TestClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(path, []byte("app"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, evidence := benchCase(t, []byte("app"), "off")
	h, err := v.Open(t.Context(), verify.Request{Artifact: verify.File(path), Evidence: evidence})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := h.ReadAt(make([]byte, 3), 0); err == nil || n != 0 {
		t.Errorf("%d bytes are read after it was closed, %v", n, err)
	}
	if set, err := (verify.PolicyReader{}).ReadDir(t.Context(), os.DirFS(filepath.Join(t.TempDir(), "none"))); err == nil {
		t.Errorf("%+v", set)
	}
}
