package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/sign"
)

// ErrNotNext says that a trust file is not the next version of the one in force.
var ErrNotNext = errors.New("not the next version of the trust in force")

// Update checks a signed trust file and returns it: it must be the very next
// version, signed by the root quorum of the trust in force and by its own. Keys
// are judged at the time of this call; use [Trust.UpdateAt] to name another.
// That t itself has expired does not hinder it, or nobody could ever catch up.
func (t *Trust) Update(b *sign.Bundle) (*Trust, error) { return t.UpdateAt(b, time.Time{}) }

// UpdateAt is [Trust.Update] as of at; zero is the time of this call.
func (t *Trust) UpdateAt(b *sign.Bundle, at time.Time) (*Trust, error) {
	if at.IsZero() {
		at = time.Now()
	}
	if b == nil || b.Err != nil {
		return nil, errors.New("no bundle that can be read")
	}
	if b.PayloadType != TrustType || !signedAs(b) {
		return nil, fmt.Errorf("payload type %q, want %q", b.PayloadType, TrustType)
	}
	current, err := t.index()
	if err != nil {
		return nil, err
	}
	if err := rootSigned(current, b, at); err != nil { // before a byte of it is read
		return nil, fmt.Errorf("the root of version %d: %w", current.ref.Version, err)
	}
	next, err := ParseTrust(b.UnverifiedPayload())
	if err != nil {
		return nil, err
	}
	if next.Version != current.ref.Version+1 {
		return nil, fmt.Errorf("version %d after %d: %w", next.Version, current.ref.Version, ErrNotNext)
	}
	index, err := next.index()
	if err != nil {
		return nil, err
	}
	if err := rootSigned(index, b, at); err != nil {
		return nil, fmt.Errorf("its own root: %w", err)
	}
	if f := index.expired(at); f != nil {
		return nil, fmt.Errorf("version %d has itself expired: %s", next.Version, f.Want)
	}
	return next, nil
}

// rootSigned wants the root quorum of x over b.
func rootSigned(x *trustIndex, b *sign.Bundle, at time.Time) error {
	if x.root.AtLeast < 1 {
		return errors.New("the trust file names no root, so nobody may replace it")
	}
	root, err := x.resolve(&loader{code: CodeTrustInvalid}, "/root", x.root)
	if err != nil {
		return err
	}
	u := &unit{id: b.ID(), bundles: []*sign.Bundle{b}}
	left := maxSpent
	u.authenticate(context.Background(), x, nil, at, &left) // without authenticators nothing waits
	var counted []string
	for _, s := range u.sorted() {
		if root[s.Principal] {
			counted = append(counted, s.Principal)
		}
	}
	if len(counted) < x.root.AtLeast {
		got := strings.Join(counted, ", ")
		for _, r := range u.refusals {
			got = strings.Trim(got+"; "+r.message, "; ")
		}
		return fmt.Errorf("signed by %q, want %s", got, x.root)
	}
	return nil
}
