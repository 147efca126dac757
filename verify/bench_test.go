package verify_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// benchCase is a verifier, and evidence about app.
func benchCase(b testing.TB, app []byte, mode string) (*verify.Verifier, []*sign.Bundle) {
	b.Helper()
	ci := exampleKey()
	policy := bytes.Replace([]byte(examplePolicy), []byte(`"if-applicable"`), []byte(`"`+mode+`"`), 1)
	v := exampleVerifier(string(policy), map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder})
	bundle, err := sign.Statement(b.Context(), exampleBuild(app), ci)
	if err != nil {
		b.Fatal(err)
	}
	return v, []*sign.Bundle{bundle}
}

// BenchmarkOpen holds Open, which hashes everything twice, against one pass of
// crypto/sha256 over the same bytes in memory.
func BenchmarkOpen(b *testing.B) {
	const size = 64 << 20
	app := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	path := filepath.Join(b.TempDir(), "app")
	if err := os.WriteFile(path, app, 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			sha256.Sum256(app)
		}
	})
	for _, mode := range []string{"off", "if-applicable"} {
		v, evidence := benchCase(b, app, mode)
		b.Run("verify/examine-"+mode, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if _, err := v.Verify(b.Context(), verify.Request{Artifact: verify.File(path), Evidence: evidence}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	v, evidence := benchCase(b, app, "off")
	b.Run("open", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			h, err := v.Open(b.Context(), verify.Request{Artifact: verify.File(path), Evidence: evidence})
			if err != nil {
				b.Fatal(err)
			}
			h.Close()
		}
	})
}

// BenchmarkVerify is a whole decision about a digest, beside the signature
// check alone.
func BenchmarkVerify(b *testing.B) {
	app := []byte("app")
	v, evidence := benchCase(b, app, "off")
	request := verify.Request{Artifact: verify.Digest(provenance.SumSHA256(app)), Evidence: evidence}
	trustKey := exampleKey()
	alone, err := sign.Payload(b.Context(), "text/plain", evidence[0].UnverifiedPayload(), trustKey)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("signature", func(b *testing.B) {
		check := rawCheck(b, trustKey.Public())
		for b.Loop() {
			check(alone.PAE(), alone.Signatures[0].Sig)
		}
	})
	b.Run("verdict", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), request); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{10, 100} {
		many := append([]*sign.Bundle(nil), evidence...)
		for i := range n {
			_, more := benchCase(b, fmt.Append(nil, i), "off")
			many = append(many, more...)
		}
		b.Run(fmt.Sprintf("verdict/beside-%d-strangers", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Verify(b.Context(), verify.Request{Artifact: request.Artifact, Evidence: many}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
