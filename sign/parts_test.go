package sign_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// A large payload that is not copied is signed, identified, written and read back
// like one that is, whoever else signs it.
func TestParts(t *testing.T) {
	key, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := keys.Generate(keys.Ed25519) // needs it in one piece
	if err != nil {
		t.Fatal(err)
	}
	if !key.SignsParts() || whole.SignsParts() {
		t.Fatalf("SignsParts: %v, %v, want only ECDSA to", key.SignsParts(), whole.SignsParts())
	}
	for _, size := range []int{10, 64<<10 - 1, 64 << 10, 1 << 20} {
		body := []byte(`{"a":"` + strings.Repeat("x", size) + `"}`)
		kept := bytes.Clone(body)
		for name, signers := range map[string][]sign.Signer{"one": {key}, "two": {key, key}, "mixed": {key, whole}, "another's": {newP256(t, "k")}} {
			b, err := sign.Payload(t.Context(), "application/json", body, signers...)
			if err != nil {
				t.Fatal(err)
			}
			pae := b.PAE()
			if !bytes.HasPrefix(pae, []byte("DSSEv1 16 application/json ")) || !bytes.HasSuffix(pae, kept) || !bytes.Equal(b.UnverifiedPayload(), kept) {
				t.Fatalf("%s, %d bytes: the encoding or the payload is another", name, size)
			}
			if b.ID() != provenance.SumSHA256(pae) {
				t.Errorf("%s, %d bytes: the ID is not the encoding's SHA-256", name, size)
			}
			if name != "another's" {
				sum := sha256.Sum256(pae)
				if !ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), sum[:], b.Signatures[0].Sig) {
					t.Errorf("%s, %d bytes: not signed", name, size)
				}
			}
			for range 2 { // the second is not what was written ahead
				line, err := b.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				again, err := sign.Read(bytes.NewReader(line))
				if err != nil || len(again) != 1 || again[0].Err != nil || again[0].ID() != b.ID() || !bytes.Equal(again[0].PAE(), pae) {
					t.Fatalf("%s, %d bytes: what is read back is another", name, size)
				}
			}
			b.PayloadType = "text/plain"
			if _, err := b.Marshal(); err == nil {
				t.Errorf("%s, %d bytes: written with another type than was signed", name, size)
			}
		}
	}
}
