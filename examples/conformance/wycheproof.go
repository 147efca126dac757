package main

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// A vectorFile is what Wycheproof's signature verification files have in common.
type vectorFile struct {
	Algorithm     string `json:"algorithm"`
	Schema        string `json:"schema"`
	NumberOfTests int    `json:"numberOfTests"`
	TestGroups    []struct {
		SHA          string `json:"sha"`
		SaltLength   *int   `json:"sLen"`
		PublicKeyDER string `json:"publicKeyDer"`
		PublicKeyASN string `json:"publicKeyAsn"`
		Tests        []struct {
			ID      int    `json:"tcId"`
			Comment string `json:"comment"`
			Msg     string `json:"msg"`
			Sig     string `json:"sig"`
			Result  string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// runWycheproof runs every vector of a file; the verdicts are inside, and
// "acceptable" may go either way.
func runWycheproof(r row) error {
	data, err := r.read(r.bundle)
	if err != nil {
		return err
	}
	var f vectorFile
	if err := json.Unmarshal(data, &f); err != nil {
		return unusable{err}
	}
	ran := 0
	for _, g := range f.TestGroups {
		key, err := vectorKey(g.PublicKeyDER, g.PublicKeyASN)
		if err != nil {
			return unusable{err}
		}
		scheme, err := vectorScheme(f.Algorithm, f.Schema, g.SHA, g.SaltLength)
		if err != nil {
			return unusable{err}
		}
		for _, t := range g.Tests {
			ran++
			msg, err1 := hex.DecodeString(t.Msg)
			sig, err2 := hex.DecodeString(t.Sig)
			if err1 != nil || err2 != nil {
				return unusable{fmt.Errorf("vector %d is not in hexadecimal", t.ID)}
			}
			err := keys.Verify(scheme, key, msg, sig)
			if t.Result == "valid" && err != nil || t.Result == "invalid" && err == nil {
				return fmt.Errorf("vector %d (%s) is %s, got %v", t.ID, t.Comment, t.Result, err)
			}
		}
	}
	if ran == 0 || ran != f.NumberOfTests {
		return unusable{fmt.Errorf("%d vectors, the file says %d", ran, f.NumberOfTests)}
	}
	return nil
}

// vectorKey falls back to PKCS #1 for keys that name PSS in their PKIX form,
// which crypto/x509 does not read.
func vectorKey(der, asn string) (crypto.PublicKey, error) {
	raw, err := hex.DecodeString(der)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(raw)
	if err == nil || asn == "" {
		return key, err
	}
	if raw, err = hex.DecodeString(asn); err != nil {
		return nil, err
	}
	return x509.ParsePKCS1PublicKey(raw)
}

func vectorScheme(algorithm, schema, sha string, salt *int) (string, error) {
	hash := strings.ToLower(strings.ReplaceAll(sha, "-", ""))
	switch {
	case algorithm == "EDDSA":
		return "ed25519", nil
	case algorithm == "ECDSA" && strings.Contains(schema, "p1363"):
		return "ecdsa-p1363-" + hash, nil
	case algorithm == "ECDSA":
		return "ecdsa-" + hash, nil
	case algorithm == "RSASSA-PSS" && salt != nil:
		return fmt.Sprintf("rsa-pss-%s-salt%d", hash, *salt), nil
	case algorithm == "RSASSA-PKCS1-v1_5":
		return "rsa-pkcs1v15-" + hash, nil
	}
	return "", fmt.Errorf("algorithm %q", algorithm)
}
