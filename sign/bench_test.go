package sign_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/sign"
)

// A testKey signs and verifies, and knows nothing of envelopes.
type testKey struct {
	id     string
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
	public crypto.PublicKey
}

func newP256(t testing.TB, id string) *testKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &testKey{id: id, ec: k, public: &k.PublicKey}
}

func newEd25519(t testing.TB, id string) *testKey {
	t.Helper()
	pub, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &testKey{id: id, ed: k, public: pub}
}

func (k *testKey) KeyID() (string, error)   { return k.id, nil }
func (k *testKey) Public() crypto.PublicKey { return k.public }

func (k *testKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	if k.ed != nil {
		return ed25519.Sign(k.ed, data), nil
	}
	sum := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, k.ec, sum[:])
}

func (k *testKey) Verify(_ context.Context, data, sig []byte) error {
	ok := false
	switch pub := k.public.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(pub, data, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(data)
		ok = ecdsa.VerifyASN1(pub, sum[:], sig)
	}
	if !ok {
		return errors.New("wrong signature")
	}
	return nil
}

// BenchmarkVerify goes from an envelope as JSON to a verified payload, beside
// the bare signature check over the same bytes, and beside go-securesystemslib.
func BenchmarkVerify(b *testing.B) {
	for _, key := range []struct {
		name string
		key  *testKey
	}{{"p256", newP256(b, "k")}, {"ed25519", newEd25519(b, "k")}} {
		for _, size := range []struct {
			name  string
			bytes int
		}{{"2KiB", 2 << 10}, {"10MiB", 10 << 20}} {
			bundle, err := sign.Payload(b.Context(), "application/vnd.in-toto+json", bytes.Repeat([]byte{'{', 0xb7, 'x'}, size.bytes/3+1)[:size.bytes], key.key)
			if err != nil {
				b.Fatal(err)
			}
			doc, err := bundle.Marshal()
			if err != nil {
				b.Fatal(err)
			}
			prefix := key.name + "/" + size.name + "/"
			b.Run(prefix+"raw", func(b *testing.B) {
				for b.Loop() {
					if err := key.key.Verify(b.Context(), bundle.PAE(), bundle.Signatures[0].Sig); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(prefix+"touchmark", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					all, err := sign.Read(bytes.NewReader(doc))
					if err != nil || len(all) != 1 || all[0].Err != nil {
						b.Fatal(err)
					}
					if err := key.key.Verify(b.Context(), all[0].PAE(), all[0].Signatures[0].Sig); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(prefix+"securesystemslib", func(b *testing.B) {
				b.ReportAllocs()
				verifier, err := dsse.NewEnvelopeVerifier(key.key)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					var e dsse.Envelope
					if err := json.Unmarshal(doc, &e); err != nil {
						b.Fatal(err)
					}
					if _, _, err := verifier.VerifyAndDecode(b.Context(), &e); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
