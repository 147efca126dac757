package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// KnownGoodSchema is the schema member of a [KnownGood] in JSON, and KnownGoodType
// the payload type under which one is signed.
const (
	KnownGoodSchema = "https://github.com/touchmark-go/touchmark/known-good/v1"
	KnownGoodType   = "application/vnd.touchmark.known-good+json"
)

// MaxKnownGood is how long a known-good file may count: what was revoked since
// does not stand in it.
const MaxKnownGood = 7 * 24 * time.Hour

// A KnownGood says what one environment may be rolled back to while the ledger is
// down: artifacts and configurations by digest. Auditors sign it with
// [KnownGoodType] while the ledger is there, and it expires. It is a copy of what
// the ledger says, and gives no right that the ledger does not give.
type KnownGood struct {
	Schema      string       `json:"schema"`
	Product     string       `json:"product"`
	Environment string       `json:"environment"`
	Head        release.Head `json:"head"` // that it was made of; its size is the file's place among others
	Issued      time.Time    `json:"issued"`
	Expires     time.Time    `json:"expires"`  // from this instant on it counts for nothing; MaxKnownGood after Issued at most
	Releases    []GoodOne    `json:"releases"` // the newest promotion first, at least one
}

// A GoodOne is a release that an environment may be rolled back to.
type GoodOne struct {
	Number   int                             `json:"number"` // "app#102"
	ID       provenance.Digest               `json:"id"`
	Version  string                          `json:"version"`
	Subjects []provenance.ResourceDescriptor `json:"subjects"`
	Config   provenance.Digest               `json:"config"`
}

// KnownGood is what v says that an environment may be rolled back to, from an
// instant on for so long. Sign it with [KnownGoodType]. It is
// [release.ErrUnknown] if nothing is good there.
func (v *View) KnownGood(product, environment string, issued time.Time, valid time.Duration) (*KnownGood, error) {
	s, err := v.ReadState(product)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fmt.Errorf("%q: %w", product, release.ErrUnknown)
	}
	issued = issued.UTC().Truncate(time.Second)
	k := &KnownGood{Schema: KnownGoodSchema, Product: product, Environment: environment, Head: v.head, Issued: issued, Expires: issued.Add(valid)}
	for _, n := range s.Good(environment) {
		r := s.Releases[n-1]
		k.Releases = append(k.Releases, GoodOne{r.Number, r.ID, r.Version, r.Subjects, r.Config})
	}
	if len(k.Releases) == 0 {
		return nil, fmt.Errorf("nothing of %s is good in %q: %w", product, environment, release.ErrUnknown)
	}
	return k, k.validate()
}

// Marshal is the file in JSON, as it is signed: the same for the same content.
func (k *KnownGood) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

const maxKnownGood = 16 << 20

// ParseKnownGood reads what [KnownGood.Marshal] wrote, and refuses a member that it
// does not know, and a file that counts for longer than [MaxKnownGood]. Whose word
// it is, is for [KnownGoodReader] to say.
func ParseKnownGood(data []byte) (*KnownGood, error) {
	if len(data) > maxKnownGood {
		return nil, fmt.Errorf("known-good file: %d bytes, want at most %d: %w", len(data), maxKnownGood, strictjson.ErrLimit)
	}
	k := &KnownGood{}
	if err := strictjson.UnmarshalClosed(data, k); err != nil {
		return nil, fmt.Errorf("known-good file: %w", err)
	}
	return k, k.validate()
}

func (k *KnownGood) validate() error {
	bad := func(format string, args ...any) error { return fmt.Errorf("known-good file: "+format, args...) }
	switch valid := k.Expires.Sub(k.Issued); {
	case k.Schema != KnownGoodSchema:
		return bad("/schema is %.80q, want %q", k.Schema, KnownGoodSchema)
	case k.Issued.IsZero() || valid <= 0 || valid > MaxKnownGood:
		return bad("it counts for %s, want at most %s", valid, MaxKnownGood)
	case k.Head.Size == 0 || k.Head.Origin == "" || k.Head.Root.Algorithm() != provenance.SHA256:
		return bad("/head is of no log")
	case len(k.Releases) == 0:
		return bad("/releases is empty")
	}
	for i, r := range k.Releases {
		if _, err := k.rollback(r, "x", time.Time{}, provenance.Digest{}); err != nil || r.Number < 1 {
			return bad("/releases/%d: %v", i, err)
		}
		if slices.ContainsFunc(k.Releases[:i], func(o GoodOne) bool { return o.ID == r.ID }) {
			return bad("/releases/%d stands twice", i)
		}
	}
	return nil
}

// A KnownGoodReader believes known-good files. Trust is required.
type KnownGoodReader struct {
	Trust *verify.Trust // whose auditors count, and which ledger
	At    time.Time     // the instant that is judged; zero is the time of the call
	// Memory is what was seen of the ledger before: an older file is refused, and
	// releases that were taken back are left out. Nil remembers nothing.
	Memory *Memory
}

// A Trusted is a known-good file that a [KnownGoodReader] believes, as of the
// instant that it judged.
type Trusted struct {
	KnownGood
	id      provenance.Digest // of its bundle
	revoked []provenance.Digest
}

// maxKnownGoodSkew is how far an auditor's clock may be ahead of ours.
const maxKnownGoodSkew = 5 * time.Minute

// Read checks a known-good file for one product and environment: that enough
// auditors signed it, that it is of this ledger, that it has not expired, and that
// no newer one was seen. Several bundles are one file that several auditors
// signed, each apart: the very same bytes.
func (r KnownGoodReader) Read(product, environment string, bundles ...*sign.Bundle) (*Trusted, error) {
	at := r.At
	if at.IsZero() {
		at = time.Now()
	}
	if r.Trust == nil || r.Trust.Ledger == nil {
		return nil, fmt.Errorf("%w: the trust file names no ledger", ErrLog)
	}
	no := func(format string, args ...any) (*Trusted, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrState}, args...)...)
	}
	if !at.Before(r.Trust.Expires) {
		return no("the trust file expired %s", r.Trust.Expires.UTC().Format(time.RFC3339))
	}
	b, err := pool(bundles)
	if err != nil {
		return no("%w", err)
	}
	if b.PayloadType != KnownGoodType {
		return no("its payload type is %.80q, want %q", b.PayloadType, KnownGoodType)
	}
	if err := r.Trust.SignedByAuditors(b, at); err != nil { // before a byte of it is read
		return no("%w", err)
	}
	k, err := ParseKnownGood(b.UnverifiedPayload())
	if err != nil {
		return no("%w", err)
	}
	switch {
	case k.Head.Origin != r.Trust.Ledger.Origin:
		return no("it is of the ledger %q, want %q", k.Head.Origin, r.Trust.Ledger.Origin)
	case k.Product != product || k.Environment != environment:
		return no("it is of %s in %q, want %s in %q", k.Product, k.Environment, product, environment)
	case !at.Before(k.Expires):
		return no("it expired %s", k.Expires.UTC().Format(time.RFC3339))
	case k.Issued.After(at.Add(maxKnownGoodSkew)):
		return no("it was issued %s, which is still to come", k.Issued.UTC().Format(time.RFC3339))
	}
	if err := r.Memory.knownGood(product, environment, Mark{Size: k.Head.Size, Issued: k.Issued, Digest: b.ID()}); err != nil {
		return nil, err
	}
	t := &Trusted{KnownGood: *k, id: b.ID()}
	if r.Memory != nil {
		t.revoked = slices.Clone(r.Memory.Revoked[product])
	}
	return t, nil
}

// pool puts signatures that were made apart over one payload together.
func pool(bundles []*sign.Bundle) (*sign.Bundle, error) {
	if len(bundles) == 0 {
		return nil, errors.New("no bundle")
	}
	for _, b := range bundles {
		switch {
		case b == nil:
			return nil, errors.New("no bundle")
		case b.Err != nil:
			return nil, b.Err
		case b.PayloadType != bundles[0].PayloadType || b.ID() != bundles[0].ID():
			return nil, errors.New("the bundles hold different files")
		}
	}
	whole := *bundles[0]
	whole.Signatures = nil
	for _, b := range bundles {
		whole.Signatures = append(whole.Signatures, b.Signatures...)
	}
	return &whole, nil
}

// Find is a release by what people call it: its id, the digest of an artifact,
// "app#102" or its version; nil if it is not known to be good.
func (t *Trusted) Find(name string) *GoodOne {
	d, err := provenance.ParseDigest(name)
	for i, r := range t.Releases {
		has := err == nil && slices.ContainsFunc(r.Subjects, func(s provenance.ResourceDescriptor) bool {
			got, ok := s.Digest.Get(d.Algorithm())
			return ok && got == d
		})
		if has || r.ID.String() == name || r.Version == name || fmt.Sprintf("%s#%d", t.Product, r.Number) == name || fmt.Sprintf("#%d", r.Number) == name {
			return &t.Releases[i]
		}
	}
	return nil
}

// Rollback is the record of going back to a release now, without the ledger. Sign
// it, act, and append it once the ledger is there again: until then it is owed,
// see [Book.Settle]. A release that was taken back, as far as the reader's
// Memory knows, is refused.
func (t *Trusted) Rollback(r *GoodOne, reason string, performed time.Time) (*release.Rollback, error) {
	if !slices.ContainsFunc(t.Releases, func(o GoodOne) bool { return o.ID == r.ID }) {
		return nil, fmt.Errorf("%s is not known to be good in %q", r.ID, t.Environment)
	}
	if slices.Contains(t.revoked, r.ID) {
		return nil, fmt.Errorf("%s#%d was taken back since: %w", t.Product, r.Number, ErrTakenBack)
	}
	if !performed.Before(t.Expires) {
		return nil, fmt.Errorf("%w: it expired %s", ErrState, t.Expires.UTC().Format(time.RFC3339))
	}
	return t.rollback(*r, reason, performed.UTC().Truncate(time.Second), t.id)
}

// ErrTakenBack says that a release was revoked or retired. Test for it with
// errors.Is.
var ErrTakenBack = errors.New("it must not be used any more")

func (k *KnownGood) rollback(r GoodOne, reason string, performed time.Time, id provenance.Digest) (*release.Rollback, error) {
	p := &release.Rollback{Product: k.Product, Environment: k.Environment, Release: r.ID, Subjects: r.Subjects, Config: r.Config, Reason: reason, KnownGood: id, Performed: performed}
	return p, p.Validate()
}

// same reports whether two files say the same but for their heads: an auditor who
// signs second compares with what the ledger says by now.
func (k *KnownGood) same(o *KnownGood) bool {
	a, b := *k, *o
	a.Head, b.Head = release.Head{}, release.Head{}
	x, errX := a.Marshal()
	y, errY := b.Marshal()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Confirms reports what keeps an auditor from signing k as well: v must say the
// same, and have come as far.
func (v *View) Confirms(k *KnownGood) error {
	now, err := v.KnownGood(k.Product, k.Environment, k.Issued, k.Expires.Sub(k.Issued))
	if err != nil {
		return err
	}
	if k.Head.Origin != v.head.Origin || k.Head.Size > v.head.Size || k.Head.Size == v.head.Size && k.Head.Root != v.head.Root || !now.same(k) {
		return fmt.Errorf("%w: the ledger says otherwise by now", ErrState)
	}
	return nil
}
