package verify

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
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

// SignedByRoot reports whether t's own root quorum signed b, as of at, whatever
// b says: the genesis of a ledger is signed so. The caller compares PayloadType
// and content.
func (t *Trust) SignedByRoot(b *sign.Bundle, at time.Time) error {
	x, err := t.index()
	if err != nil {
		return err
	}
	if b == nil || b.Err != nil || !signedAs(b) {
		return errors.New("no bundle that can be read")
	}
	return rootSigned(x, b, at)
}

// rootSigned wants the root quorum of x over b.
func rootSigned(x *trustIndex, b *sign.Bundle, at time.Time) error {
	if x.root.AtLeast < 1 {
		return errors.New("the trust file names no root, so nobody may replace it")
	}
	return x.signedBy(x.root, b, at)
}

// SignedByAuditors reports whether t's auditors signed b, enough of them, as of
// at, whatever b says: the states and known-good files of a ledger are signed so.
// The caller compares PayloadType and content, and whether t has expired.
func (t *Trust) SignedByAuditors(b *sign.Bundle, at time.Time) error {
	x, err := t.index()
	if err != nil {
		return err
	}
	if b == nil || b.Err != nil || !signedAs(b) {
		return errors.New("no bundle that can be read")
	}
	if x.auditors.AtLeast < 1 {
		return errors.New("the trust file names no auditors, so nobody may say what is in the ledger")
	}
	return x.signedBy(x.auditors, b, at)
}

// signedBy wants a quorum over b.
func (x *trustIndex) signedBy(q Quorum, b *sign.Bundle, at time.Time) error {
	set, err := x.resolve(&loader{code: CodeTrustInvalid}, "", q)
	if err != nil {
		return err
	}
	u := &unit{id: b.ID(), bundles: []*sign.Bundle{b}}
	u.authenticate(context.Background(), x, nil, at, &purse{left: maxSpent}) // without authenticators nothing waits
	var counted []string
	for _, s := range u.sorted() {
		if set[s.Principal] {
			counted = append(counted, s.Principal)
		}
	}
	if x.seated(q, counted) < q.need() {
		got := strings.Join(counted, ", ")
		for _, r := range u.refusals {
			got = strings.Trim(got+"; "+r.message, "; ")
		}
		return fmt.Errorf("signed by %q, want %s", got, q)
	}
	return nil
}

// Rotate is the next version of t, in which principal's keys that are still
// open end at at and key begins there. Evidence by the old keys with a trusted
// time before at stays good. Sign it with [TrustType] by the root quorum. It is
// an error if t is invalid, has no such principal, or knows the key already, and
// if the key is one that [ParseTrust] refuses.
func (t *Trust) Rotate(name string, key crypto.PublicKey, at time.Time) (*Trust, error) {
	next, err := ParseTrust(t.Marshal())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("key of %q: %w", name, err)
	}
	p, known := next.Principals[name]
	if !known {
		return nil, fmt.Errorf("%q is no principal of the trust file", name)
	}
	at = at.UTC().Truncate(time.Second)
	scheme := ""
	for i, k := range p.Keys {
		scheme = k.Scheme
		if k.NotAfter.IsZero() || k.NotAfter.After(at) {
			p.Keys[i].NotAfter = at
		}
	}
	added := Key{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), NotBefore: at}
	if _, err := keycheck.DefaultScheme(key); err != nil {
		added.Scheme = scheme
	}
	p.Keys = append(p.Keys, added)
	next.Principals[name] = p
	next.Version++
	return ParseTrust(next.Marshal())
}

// Revoke is the next version of t, in which the key with that ID counts for
// nothing from at on: what it signed then or later may be a thief's. It can be
// brought forward, and never put off or undone. Sign it as after [Trust.Rotate].
func (t *Trust) Revoke(keyID string, at time.Time, reason string) (*Trust, error) {
	next, err := ParseTrust(t.Marshal())
	if err != nil {
		return nil, err
	}
	at = at.UTC().Truncate(time.Second)
	for _, p := range next.Principals {
		for i, k := range p.Keys {
			compiled, err := compileKey(k)
			if err != nil {
				return nil, err
			}
			if compiled.id != keyID {
				continue
			}
			if k.Revoked != nil && at.After(k.Revoked.At) {
				return nil, fmt.Errorf("key %s is revoked since %s, which cannot be put off", keyID, k.Revoked.At.Format(time.RFC3339))
			}
			p.Keys[i].Revoked = &KeyRevocation{At: at, Reason: reason}
			next.Version++
			return ParseTrust(next.Marshal())
		}
	}
	return nil, fmt.Errorf("no principal of the trust file has a key %q", keyID)
}
