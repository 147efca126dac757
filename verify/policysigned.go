package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// ErrOlderPolicy says that a policy is not newer than the one in force.
var ErrOlderPolicy = errors.New("an older policy than the one in force")

// A PolicyReader reads signed policies. The zero PolicyReader reads none: it
// trusts nobody.
type PolicyReader struct {
	// Trust says who signs the policy of which name, in Policies. Required.
	Trust *Trust
	// InForce is the policy that was read last, of the same name. A policy of a
	// lower version is refused, and so is another one of the same version. Nil
	// takes whatever version there is: somebody who can hand in an old policy can
	// then go back to it, so keep the last one.
	InForce *Policy
	// At is the instant that is judged. Zero is the time of the call.
	At time.Time
	// Authenticators check signatures that a public key alone cannot.
	Authenticators []Authenticator
}

// A signedPolicy is what is known of a policy that was read.
type signedPolicy struct {
	digest provenance.Digest
	by     []string // principals, sorted
}

// Read checks a policy that was signed with the payload type [PolicyType] and
// returns it. Several bundles are one policy that several people signed, each
// apart: the very same bytes. [New] takes a policy for whose name trust says who
// signs only as Read returned it, and unchanged.
func (r PolicyReader) Read(ctx context.Context, bundles ...*sign.Bundle) (*Policy, error) {
	at := r.At
	if at.IsZero() {
		at = time.Now()
	}
	x, err := r.Trust.index()
	if err != nil {
		return nil, err
	}
	if f := x.expired(at); f != nil {
		return nil, fmt.Errorf("%s: want %s", f.Message, f.Want)
	}
	if len(bundles) == 0 {
		return nil, errors.New("no bundle")
	}
	u := &unit{bundles: bundles}
	for i, b := range bundles {
		switch {
		case b == nil:
			return nil, errors.New("no bundle")
		case b.Err != nil:
			return nil, b.Err
		case b.PayloadType != PolicyType || !signedAs(b):
			return nil, fmt.Errorf("payload type %q, want %q", b.PayloadType, PolicyType)
		case i > 0 && b.ID() != u.id:
			return nil, errors.New("the bundles hold different policies")
		}
		u.id = b.ID()
	}
	u.authenticate(ctx, x, r.Authenticators, at, &purse{left: maxSpent})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(u.signatories) == 0 { // before a byte of it is read
		f := u.unsigned("")
		return nil, fmt.Errorf("%s: %s", f.Message, f.Got)
	}
	p, err := ParsePolicy(bundles[0].UnverifiedPayload())
	if err != nil {
		return nil, err
	}
	var by []string
	for _, s := range u.sorted() {
		by = append(by, s.Principal)
	}
	if by, err = x.maySign(p.Name, by); err != nil {
		for _, r := range u.refusals {
			err = fmt.Errorf("%w; %s", err, r.message)
		}
		return nil, err
	}
	if old := r.InForce; old != nil {
		switch {
		case old.Name != p.Name:
			return nil, fmt.Errorf("policy %q in place of %q", p.Name, old.Name)
		case p.Version < old.Version:
			return nil, fmt.Errorf("version %d after %d: %w", p.Version, old.Version, ErrOlderPolicy)
		case p.Version == old.Version && p.Digest() != old.Digest():
			return nil, fmt.Errorf("another policy of version %d: %w", p.Version, ErrOlderPolicy)
		}
	}
	p.signed = &signedPolicy{digest: p.Digest(), by: by}
	return p, nil
}

// maySign are those of by who count for the policy of a name, or why they are
// too few.
func (x *trustIndex) maySign(name string, by []string) ([]string, error) {
	q, known := x.policies[name]
	if !known {
		return nil, fmt.Errorf("the trust file does not say who signs a policy %q", name)
	}
	set, err := x.resolve(&loader{code: CodeTrustInvalid}, "/policies", q)
	if err != nil {
		return nil, err
	}
	var counted []string
	for _, who := range by {
		if set[who] {
			counted = append(counted, who)
		}
	}
	if x.seated(q, counted) < q.need() {
		return nil, fmt.Errorf("policy %q is signed by %q, want %s", name, strings.Join(by, ", "), q)
	}
	return counted, nil
}

// signedPolicy says who signed p, whose checked copy is own, if trust says who
// must. Then a policy that anybody may have written is none.
func (x *trustIndex) signedPolicy(p, own *Policy) (string, error) {
	if _, named := x.policies[own.Name]; !named {
		return "", nil
	}
	bad := func(format string, args ...any) (string, error) {
		return "", &ConfigError{Code: CodePolicyInvalid, Msg: fmt.Sprintf(format, args...)}
	}
	if p.signed == nil {
		return bad("the trust file says who signs this policy, so it counts only signed: read it with PolicyReader")
	}
	if p.signed.digest != own.Digest() {
		return bad("it was changed since it was read, and is no longer what was signed")
	}
	by, err := x.maySign(own.Name, slices.Clone(p.signed.by)) // this trust may be another one
	if err != nil {
		return bad("%v", err)
	}
	return strings.Join(by, ", "), nil
}
