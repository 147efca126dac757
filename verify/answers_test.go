package verify_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
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
