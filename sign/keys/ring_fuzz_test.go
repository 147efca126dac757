package keys

import (
	"bytes"
	"testing"
	"time"
)

func FuzzParseRing(f *testing.F) {
	old, err := Generate(ECDSAP256)
	if err != nil {
		f.Fatal(err)
	}
	next, err := Generate(ECDSAP256)
	if err != nil {
		f.Fatal(err)
	}
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	word, err := vouch(f.Context(), old, next, from)
	if err != nil {
		f.Fatal(err)
	}
	first := RingKey{PEM: string(old.MarshalPublic()), Scheme: old.Scheme(), NotBefore: from}
	id, err := old.KeyID()
	if err != nil {
		f.Fatal(err)
	}
	second := RingKey{PEM: string(next.MarshalPublic()), Scheme: next.Scheme(), NotBefore: from, Follows: id, vouch: word, Revoked: from, Reason: "lost"}
	seed, err := marshalRing([]RingKey{first, second})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := parseRing(seed); err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseRing(data)
		if err != nil {
			return
		}
		written, err := marshalRing(keys)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseRing(written)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if twice, err := marshalRing(again); err != nil || !bytes.Equal(twice, written) {
			t.Errorf("%s\nbecame\n%s", written, twice)
		}
	})
}
