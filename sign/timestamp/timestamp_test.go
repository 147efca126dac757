package timestamp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	rfc3161 "github.com/digitorus/timestamp"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/timestamp"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/timestamp", deptest.Budget{Modules: 4, Own: []string{"provenance", "sign"}})
}

// authority answers requests as change wants.
func authority(t testing.TB, change func(*rfc3161.Timestamp)) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}}, &x509.Certificate{Subject: pkix.Name{CommonName: "test"}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		req, err := rfc3161.ParseRequest(body)
		if err != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
			http.Error(w, "no request", http.StatusBadRequest)
			return
		}
		stamp := &rfc3161.Timestamp{HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: time.Now(), Nonce: req.Nonce, Policy: asn1.ObjectIdentifier{1, 2, 3}, AddTSACertificate: req.Certificates}
		change(stamp)
		answer, err := stamp.CreateResponseWithOpts(cert, key, crypto.SHA256)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(answer)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func signed(t testing.TB, signers int) *sign.Bundle {
	t.Helper()
	var all []sign.Signer
	for range signers {
		key, err := keys.Generate(keys.ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
	}
	s, err := provenance.New("https://example.com/scan/v1", nil, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(nil))})
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.Statement(t.Context(), s, all...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A dated bundle is written and read again with its timestamps, and the one
// that was handed in is as it was.
func TestAdd(t *testing.T) {
	srv := authority(t, func(*rfc3161.Timestamp) {})
	plain := signed(t, 1)
	dated, err := timestamp.Add(t.Context(), plain, srv.URL, srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Signatures[0].Timestamps) != 0 || plain.Format != sign.DSSE {
		t.Error("the bundle that was handed in has changed")
	}
	line, err := dated.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := sign.Read(bytes.NewReader(line))
	if err != nil || len(read) != 1 || read[0].Err != nil || len(read[0].Signatures[0].Timestamps) != 2 || read[0].ID() != plain.ID() {
		t.Errorf("read again: %+v, %v", read, err)
	}
}

// An answer that is not to this question is refused, and so is one that never ends.
func TestAddRefuses(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 10 {
			w.Write(make([]byte, 1<<10))
		}
	}))
	defer endless.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(endless.URL, http.StatusTemporaryRedirect))
	defer elsewhere.Close()
	bad := func(change func(*rfc3161.Timestamp)) string { return authority(t, change).URL }
	good := bad(func(*rfc3161.Timestamp) {})
	for name, c := range map[string]struct {
		b    *sign.Bundle
		url  []string
		want string
	}{
		"another signature": {signed(t, 1), []string{bad(func(s *rfc3161.Timestamp) { s.HashedMessage = make([]byte, 32) })}, "over something else"},
		"an old answer":     {signed(t, 1), []string{bad(func(s *rfc3161.Timestamp) { s.Nonce = big.NewInt(7) })}, "is not new"},
		"no number":         {signed(t, 1), []string{bad(func(s *rfc3161.Timestamp) { s.Nonce = nil })}, "is not new"},
		"endless":           {signed(t, 1), []string{endless.URL}, "more than 65536 bytes"},
		"elsewhere":         {signed(t, 1), []string{elsewhere.URL}, "307"},
		"one of two down":   {signed(t, 1), []string{good, "http://127.0.0.1:1"}, "refused"},
		"plain http":        {signed(t, 1), []string{"http://tsa.example"}, "want https"},
		"nobody":            {signed(t, 1), nil, "want the URL"},
		"two signatures":    {signed(t, 2), []string{good}, "one signature"},
		"no bundle":         {nil, []string{good}, "one signature"},
	} {
		b, err := timestamp.Add(t.Context(), c.b, c.url...)
		if err == nil || b != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// exampleT stands for a test where an example has none.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                  {}
func (exampleT) Cleanup(func())           {}
func (exampleT) Fatal(args ...any)        { log.Fatal(args...) }
func (exampleT) Context() context.Context { return context.Background() }

func ExampleAdd() {
	srv := authority(exampleT{}, func(*rfc3161.Timestamp) {}) // yours is https://timestamp.example/api/v1/timestamp
	defer srv.Close()
	bundle := signed(exampleT{}, 1)
	dated, err := timestamp.Add(exampleT{}.Context(), bundle, srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dated.Format, len(dated.Signatures[0].Timestamps))
	// Output: sigstore-bundle 1
}
