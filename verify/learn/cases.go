package learn

import (
	"context"
	"fmt"
	"slices"

	"github.com/touchmark-go/touchmark/verify"
)

// A Case is a question and the answer that is wanted of it: a test of policies.
type Case struct {
	Name    string
	Request verify.Request
	Want    verify.Decision
	Codes   []verify.Code // of the checks that must fail, all of them; empty looks at the decision alone
}

// A Result is what became of a case.
type Result struct {
	Case    string
	Verdict *verify.Verdict
	Wrong   string // what was wanted in its place; "" if it is as wanted
}

// Test runs cases against policies, all of which must allow.
func Test(ctx context.Context, t *verify.Trust, policies []*verify.Policy, cases ...Case) ([]Result, error) {
	return Options{}.Test(ctx, t, policies, cases...)
}

// Test is [Test] with these Options. At is for the cases that name no instant.
func (o Options) Test(ctx context.Context, t *verify.Trust, policies []*verify.Policy, cases ...Case) ([]Result, error) {
	o = o.at()
	v, err := o.Verify.New(t, policies...)
	if err != nil {
		return nil, err
	}
	var out []Result
	for _, c := range cases {
		out = append(out, o.run(ctx, v, c))
	}
	return out, nil
}

func (o Options) run(ctx context.Context, v *verify.Verifier, c Case) Result {
	if c.Request.At.IsZero() {
		c.Request.At = o.At
	}
	verdict, _ := v.Verify(ctx, c.Request) // its decision says what the error does
	r := Result{Case: c.Name, Verdict: verdict}
	if verdict.Decision != c.Want {
		r.Wrong = fmt.Sprintf("%s, want %s", verdict.Decision, c.Want)
	} else if got := codes(verdict); len(c.Codes) > 0 && !slices.Equal(got, sortedCodes(c.Codes)) {
		r.Wrong = fmt.Sprintf("failed checks %v, want %v", got, sortedCodes(c.Codes))
	}
	return r
}

// codes are the codes of the checks that failed, each once.
func codes(v *verify.Verdict) []verify.Code {
	var out []verify.Code
	for _, f := range v.Failed() {
		out = append(out, f.Code)
	}
	return sortedCodes(out)
}

func sortedCodes(codes []verify.Code) []verify.Code {
	codes = slices.Clone(codes)
	slices.Sort(codes)
	return slices.Compact(codes)
}

// A Live is something that runs, with what would be asked of it today.
type Live struct {
	Name    string // for people
	Request verify.Request
}

// A Change is what a change of policies does to something that runs.
type Change struct {
	Name     string
	Old, New *verify.Verdict
	// Reapprove says that it would be allowed if the approvals and exceptions that
	// there are named the new policy, which they do not: they are void, and people
	// must give them again. It is found out for one policy that replaces one.
	Reapprove bool
}

// Diff says which of live would newly be denied, or allowed, if the policies in
// were to be replaced by out: each whose decision changes, in the order of live.
func Diff(ctx context.Context, t *verify.Trust, in, out []*verify.Policy, live ...Live) ([]Change, error) {
	return Options{}.Diff(ctx, t, in, out, live...)
}

// Diff is [Diff] with these Options.
func (o Options) Diff(ctx context.Context, t *verify.Trust, in, out []*verify.Policy, live ...Live) ([]Change, error) {
	o = o.at()
	t = unsigned(t)
	before, err := o.Verify.New(t, in...)
	if err != nil {
		return nil, err
	}
	after, err := o.Verify.New(t, out...)
	if err != nil {
		return nil, err
	}
	again := after
	if len(in) == 1 && len(out) == 1 {
		options := o.Verify
		options.InsecureApprovedAs = in[0].Digest()
		if again, err = options.New(t, out...); err != nil {
			return nil, err
		}
	}
	var changes []Change
	for _, l := range live {
		if l.Request.At.IsZero() {
			l.Request.At = o.At
		}
		a, _ := before.Verify(ctx, l.Request)
		b, _ := after.Verify(ctx, l.Request)
		if a.Decision == b.Decision {
			continue
		}
		c := Change{Name: l.Name, Old: a, New: b}
		if b.Decision != verify.Allow && again != after {
			if v, _ := again.Verify(ctx, l.Request); v.Decision == verify.Allow {
				c.Reapprove = true
			}
		}
		changes = append(changes, c)
	}
	return changes, nil
}
