package keycheck_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

// vectors is what all of Wycheproof's verification files have in common.
type vectors struct {
	Algorithm     string
	Schema        string
	NumberOfTests int
	TestGroups    []struct {
		Type         string
		SHA          string `json:"sha"`
		SaltLength   *int   `json:"sLen"`
		PublicKeyDER string `json:"publicKeyDer"`
		PublicKeyASN string `json:"publicKeyAsn"`
		Tests        []struct {
			ID      int `json:"tcId"`
			Comment string
			Msg     string
			Sig     string
			Result  string
		}
	}
}

// TestWycheproof runs every vector of the corpus: each signature is accepted
// or refused as its file says. "acceptable" may go either way. The vectors try
// Verify alone; of their keys, Check refuses exactly those with exponent 3.
func TestWycheproof(t *testing.T) {
	dir := testkit.Corpus(t)
	rows := testkit.Rows(t, filepath.Join(dir, "wycheproof", "expected.csv"))
	if got, want := len(rows), 19; got != want {
		t.Errorf("%d rows in expected.csv, want %d", got, want)
	}
	for _, row := range rows {
		t.Run(filepath.Base(row[0]), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(row[2])))
			if err != nil {
				t.Fatal(err)
			}
			var v vectors
			if err := json.Unmarshal(data, &v); err != nil {
				t.Fatal(err)
			}
			if n := run(t, v); n != v.NumberOfTests {
				t.Errorf("ran %d vectors, the file says %d", n, v.NumberOfTests)
			}
		})
	}
}

func run(t *testing.T, v vectors) (n int) {
	for i, group := range v.TestGroups {
		pub := groupKey(t, group.PublicKeyDER, group.PublicKeyASN)
		key, isRSA := pub.(*rsa.PublicKey)
		if got, want := keycheck.Check(pub) != nil, isRSA && key.E == 3; got != want {
			t.Errorf("key of group %d refused is %t (%v), want %t", i, got, keycheck.Check(pub), want)
		}
		scheme := schemeName(t, v.Algorithm, v.Schema, group.SHA)
		if group.SaltLength != nil {
			scheme += "-salt" + strconv.Itoa(*group.SaltLength)
		}
		for _, c := range group.Tests {
			n++
			err := keycheck.Verify(scheme, pub, unhex(t, c.Msg), unhex(t, c.Sig))
			switch {
			case c.Result == "valid" && err != nil:
				t.Errorf("%d (%s): %v, want it to verify with %s", c.ID, c.Comment, err, scheme)
			case c.Result == "invalid" && err != keycheck.ErrSignature:
				t.Errorf("%d (%s): got %v, want %v", c.ID, c.Comment, err, keycheck.ErrSignature)
			}
		}
	}
	return n
}

// groupKey falls back to PKCS #1 for the keys that name PSS in their PKIX form,
// which Go does not read.
func groupKey(t *testing.T, der, asn string) crypto.PublicKey {
	if pub, err := x509.ParsePKIXPublicKey(unhex(t, der)); err == nil {
		return pub
	}
	pub, err := x509.ParsePKCS1PublicKey(unhex(t, asn))
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func schemeName(t *testing.T, algorithm, schema, sha string) string {
	hash := strings.ToLower(strings.ReplaceAll(sha, "-", ""))
	switch {
	case algorithm == "EDDSA":
		return "ed25519"
	case algorithm == "ECDSA" && strings.Contains(schema, "p1363"):
		return "ecdsa-p1363-" + hash
	case algorithm == "ECDSA":
		return "ecdsa-" + hash
	case algorithm == "RSASSA-PSS":
		return "rsa-pss-" + hash
	case algorithm == "RSASSA-PKCS1-v1_5":
		return "rsa-pkcs1v15-" + hash
	}
	t.Fatal("unknown algorithm " + strconv.Quote(algorithm))
	return ""
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
