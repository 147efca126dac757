package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign"
)

const (
	ringFile   = "ring.json"
	ringSchema = "https://github.com/touchmark-go/touchmark/key-ring/v1"
)

// SuccessionType is the payload type of the envelope in which a key vouches for the next one.
const SuccessionType = "application/vnd.touchmark.key-succession.v1+json"

// ringJSON is ring.json.
type ringJSON struct {
	Schema string        `json:"schema"`
	Keys   []ringKeyJSON `json:"keys"`
}

type ringKeyJSON struct {
	publicJSON
	Follows string          `json:"follows,omitempty"`
	Vouch   json.RawMessage `json:"vouch,omitempty"`
}

// publicJSON is a key as a trust file has it.
type publicJSON struct {
	PEM       string       `json:"pem"`
	Scheme    string       `json:"scheme"`
	NotBefore time.Time    `json:"notBefore"`
	NotAfter  time.Time    `json:"notAfter,omitzero"`
	Revoked   *revokedJSON `json:"revoked,omitempty"`
}

type revokedJSON struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// succession is what one key says of the next.
type succession struct {
	From      string    `json:"from"` // key ID
	PEM       string    `json:"pem"`
	Scheme    string    `json:"scheme"`
	NotBefore time.Time `json:"notBefore"`
}

// MarshalPublic is the public side of the ring as a principal's "keys" in a trust file: an array of JSON, with the
// window and the revocation of each.
func (r *Ring) MarshalPublic() ([]byte, error) {
	keys := make([]publicJSON, len(r.keys))
	for i, k := range r.keys {
		keys[i] = k.public()
	}
	return indent(keys)
}

func (k RingKey) public() publicJSON {
	p := publicJSON{PEM: k.PEM, Scheme: k.Scheme, NotBefore: k.NotBefore, NotAfter: k.NotAfter}
	if !k.Revoked.IsZero() {
		p.Revoked = &revokedJSON{k.Revoked, k.Reason}
	}
	return p
}

func marshalRing(keys []RingKey) ([]byte, error) {
	ring := ringJSON{Schema: ringSchema, Keys: []ringKeyJSON{}}
	for _, k := range keys {
		ring.Keys = append(ring.Keys, ringKeyJSON{publicJSON: k.public(), Follows: k.Follows, Vouch: k.vouch})
	}
	return indent(ring)
}

func indent(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// parseRing reads ring.json, and believes no key that the one before did not vouch for.
func parseRing(data []byte) ([]RingKey, error) {
	var ring ringJSON
	if err := strictjson.UnmarshalClosed(data, &ring); err != nil {
		return nil, err
	}
	if ring.Schema != ringSchema {
		return nil, fmt.Errorf("schema is %q, want %q", ring.Schema, ringSchema)
	}
	if len(ring.Keys) > MaxRingKeys {
		return nil, fmt.Errorf("%d keys, want at most %d: %w", len(ring.Keys), MaxRingKeys, sign.ErrLimit)
	}
	var keys []RingKey
	seen := map[string]*RingKey{}
	for i, j := range ring.Keys {
		k, err := j.parse(seen)
		if err != nil {
			return nil, fmt.Errorf("/keys/%d: %w", i, err)
		}
		keys = append(keys, *k)
		seen[k.ID] = k
	}
	return keys, nil
}

func (j ringKeyJSON) parse(seen map[string]*RingKey) (*RingKey, error) {
	public, err := ParsePublic([]byte(j.PEM))
	if err != nil {
		return nil, err
	}
	if err := keycheck.Fits(j.Scheme, public); err != nil {
		return nil, err
	}
	id, err := ID(public)
	if err != nil {
		return nil, err
	}
	k := &RingKey{ID: id, PEM: j.PEM, Scheme: j.Scheme, NotBefore: j.NotBefore, NotAfter: j.NotAfter, Follows: j.Follows, vouch: j.Vouch}
	if j.Revoked != nil {
		k.Revoked, k.Reason = j.Revoked.At, j.Revoked.Reason
		if k.Revoked.IsZero() {
			return nil, errors.New("revoked, and no instant since when")
		}
	}
	switch {
	case seen[id] != nil:
		return nil, fmt.Errorf("key %s is there twice", id)
	case k.NotBefore.IsZero():
		return nil, errors.New("no notBefore")
	case !k.NotAfter.IsZero() && k.NotAfter.Before(k.NotBefore):
		return nil, errors.New("notAfter is before notBefore")
	case k.Follows == "" && k.vouch != nil:
		return nil, errors.New("a vouch, and no key that it follows")
	case k.Follows == "":
		return k, nil
	}
	old := seen[k.Follows]
	if old == nil {
		return nil, fmt.Errorf("follows %q, which is not before it", k.Follows)
	}
	return k, checkVouch(k.vouch, old, k)
}

// vouch has old sign that next follows it.
func vouch(ctx context.Context, old, next *Key, at time.Time) ([]byte, error) {
	from, err := old.KeyID()
	if err != nil {
		return nil, err
	}
	body, err := jcs.Marshal(succession{from, string(next.MarshalPublic()), next.Scheme(), at.UTC().Truncate(time.Second)})
	if err != nil {
		return nil, err
	}
	b, err := sign.Payload(ctx, SuccessionType, body, old)
	if err != nil {
		return nil, err
	}
	return b.Marshal()
}

// checkVouch holds an envelope against the two keys.
func checkVouch(envelope []byte, old, next *RingKey) error {
	bundles, err := sign.Read(bytes.NewReader(envelope))
	if err != nil {
		return err
	}
	if len(bundles) != 1 || bundles[0].Err != nil || len(bundles[0].Signatures) != 1 || bundles[0].PayloadType != SuccessionType {
		return fmt.Errorf("the vouch of %s is not one envelope with its signature", old.ID)
	}
	b := bundles[0]
	public, err := ParsePublic([]byte(old.PEM))
	if err != nil {
		return err
	}
	if err := Verify(old.Scheme, public, b.PAE(), b.Signatures[0].Sig); err != nil {
		return fmt.Errorf("the vouch is not signed by %s: %w", old.ID, err)
	}
	var said succession
	if err := strictjson.UnmarshalClosed(b.UnverifiedPayload(), &said); err != nil {
		return fmt.Errorf("the vouch of %s: %w", old.ID, err)
	}
	want := succession{old.ID, next.PEM, next.Scheme, next.NotBefore}
	if said.From != want.From || said.PEM != want.PEM || said.Scheme != want.Scheme || !said.NotBefore.Equal(want.NotBefore) {
		return fmt.Errorf("%s vouched for another key, scheme or beginning than this", old.ID)
	}
	if next.Revoked.IsZero() && !old.mayVouch(next.NotBefore) {
		return fmt.Errorf("%s was not in force at %s, when this one took over", old.ID, next.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// mayVouch reports whether the key may hand over at an instant: while it is in force, or at its very end.
func (k RingKey) mayVouch(at time.Time) bool {
	return k.InForce(at) || at.Equal(k.NotAfter) && (k.Revoked.IsZero() || at.Before(k.Revoked))
}
