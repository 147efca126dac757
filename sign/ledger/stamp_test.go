package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign"
)

// A signature in a record gets the word of the first cosigned checkpoint with it,
// however much later it is asked for.
func TestStamp(t *testing.T) {
	w := newWorld(t)
	defer w.log.Close()
	w.grow(t, 3)
	first, err := w.log.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	since := first.Checkpoint().Since()
	time.Sleep(time.Until(since.Add(1100 * time.Millisecond))) // cosignatures count seconds
	w.grow(t, 2)
	r, err := w.log.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	record, err := r.Record(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := record.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	v := w.verifier(t)
	if _, err := v.Stamped(b, 0); err == nil {
		t.Error("a bundle that carries nothing is stamped")
	}
	stamped, err := r.Stamp(t.Context(), b, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Stamped(stamped, 0); err != nil || !got.Equal(since) {
		t.Errorf("stamped %s, %v, want %s", got, err, since)
	}
	if len(b.Signatures[0].LogEntries) != 0 || b.Format != sign.DSSE {
		t.Error("the bundle itself was changed")
	}
	again, err := r.Stamp(t.Context(), stamped, 1)
	if err != nil || len(again.Signatures[0].LogEntries) != 1 {
		t.Errorf("stamped twice: %v", err)
	}
	for name, try := range map[string]func() (*sign.Bundle, error){
		"holds something else": func() (*sign.Bundle, error) { return r.Stamp(t.Context(), b, 2) },
		"something else":       func() (*sign.Bundle, error) { return r.Stamp(t.Context(), b, 0) },
		"no record 5":          func() (*sign.Bundle, error) { return r.Stamp(t.Context(), b, 5) },
		"one signature": func() (*sign.Bundle, error) {
			two := *b
			two.Signatures = slices.Repeat(b.Signatures, 2)
			return r.Stamp(t.Context(), &two, 1)
		},
		"this signature": func() (*sign.Bundle, error) {
			other := *b
			other.Signatures = []sign.Signature{{Sig: []byte("another")}}
			return r.Stamp(t.Context(), &other, 1)
		},
		"at most 65535": func() (*sign.Bundle, error) { return v.Stamp(b, make([]byte, 70_000), nil) },
		"more than 32": func() (*sign.Bundle, error) {
			full := *b
			full.Signatures = slices.Clone(b.Signatures)
			for range sign.MaxLogEntries {
				full.Signatures[0].LogEntries = append(full.Signatures[0].LogEntries, []byte(`{}`))
			}
			return r.Stamp(t.Context(), &full, 1)
		},
	} {
		if got, err := try(); got != nil || err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(name, "holds ")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Nobody watches this one.
	alone := w.id
	alone.Witnesses, alone.AtLeast = nil, 0
	u, err := alone.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := u.Stamped(stamped, 0); err == nil || !got.IsZero() {
		t.Errorf("without a witness it was stamped %s", got)
	}
	reader, err := u.Read(t.Context(), w.files(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reader.Stamp(t.Context(), b, 1); got != nil || err == nil || errors.Is(err, sign.ErrLimit) {
		t.Errorf("without a witness: %v", err)
	}
}
