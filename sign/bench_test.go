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
	"fmt"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
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

// statementOf is a statement of about so many bytes, as a scanner or an SBOM makes
// them: many small members.
func statementOf(b *testing.B, size int) []byte {
	b.Helper()
	type component struct {
		Name    string            `json:"name"`
		Version string            `json:"version"`
		Digest  map[string]string `json:"digest"`
	}
	var list []component
	for i := 0; i*150 < size; i++ {
		list = append(list, component{fmt.Sprintf("example.com/organisation/module-%d", i), "v1.2.3", map[string]string{"sha256": strings.Repeat("0123456789abcdef", 4)}})
	}
	digest := provenance.SumSHA256(nil)
	s, err := provenance.New("https://example.com/components/v1", map[string]any{"components": list}, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(digest)})
	if err != nil {
		b.Fatal(err)
	}
	data, err := s.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	return data
}

var sizes = []struct {
	name  string
	bytes int
}{{"2KiB", 2 << 10}, {"200KiB", 200 << 10}, {"10MiB", 10 << 20}}

// BenchmarkSign goes from a payload to an envelope as JSON, beside the bare
// signature over the same bytes, and beside go-securesystemslib.
func BenchmarkSign(b *testing.B) {
	key, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range sizes {
		body := statementOf(b, size.bytes)
		bundle, err := sign.Payload(b.Context(), "application/vnd.in-toto+json", body, key)
		if err != nil {
			b.Fatal(err)
		}
		pae := bundle.PAE()
		b.Run(size.name+"/raw", func(b *testing.B) {
			for b.Loop() {
				if _, err := key.Sign(b.Context(), pae); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(size.name+"/touchmark", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bundle, err := sign.Payload(b.Context(), "application/vnd.in-toto+json", body, key)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := bundle.Marshal(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(size.name+"/securesystemslib", func(b *testing.B) {
			b.ReportAllocs()
			signer, err := dsse.NewEnvelopeSigner(key)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				e, err := signer.SignPayload(b.Context(), "application/vnd.in-toto+json", body)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := json.Marshal(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify goes from an envelope as JSON to a verified payload, beside
// the bare signature check over the same bytes, and beside go-securesystemslib;
// and from there to the statement in it, with encoding/json for the latter.
func BenchmarkVerify(b *testing.B) {
	for _, key := range []struct {
		name string
		key  *testKey
	}{{"p256", newP256(b, "k")}, {"ed25519", newEd25519(b, "k")}} {
		for _, size := range sizes {
			bundle, err := sign.Payload(b.Context(), "application/vnd.in-toto+json", statementOf(b, size.bytes), key.key)
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
			for _, decode := range []bool{false, true} {
				suffix := ""
				if decode {
					suffix = "+statement"
				}
				b.Run(prefix+"touchmark"+suffix, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						all, err := sign.Read(bytes.NewReader(doc))
						if err != nil || len(all) != 1 || all[0].Err != nil {
							b.Fatal(err)
						}
						if err := key.key.Verify(b.Context(), all[0].PAE(), all[0].Signatures[0].Sig); err != nil {
							b.Fatal(err)
						}
						if !decode {
							continue
						}
						if _, err := provenance.Parse(all[0].UnverifiedPayload()); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run(prefix+"securesystemslib"+suffix, func(b *testing.B) {
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
						_, payload, err := verifier.VerifyAndDecode(b.Context(), &e)
						if err != nil {
							b.Fatal(err)
						}
						if !decode {
							continue
						}
						var s struct {
							Type          string                          `json:"_type"`
							Subject       []provenance.ResourceDescriptor `json:"subject"`
							PredicateType string                          `json:"predicateType"`
							Predicate     json.RawMessage                 `json:"predicate"`
						}
						if err := json.Unmarshal(payload, &s); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
