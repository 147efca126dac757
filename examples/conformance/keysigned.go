package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// trustedKeys are the public keys that the note names, as PEM.
func (r row) trustedKeys() ([]string, error) {
	named := r.noted("key")
	if named == "" {
		return nil, unusable{errors.New("the note names no key")}
	}
	var out []string
	for _, path := range strings.Split(named, ",") {
		data, err := r.read(path)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN PGP ")) {
			return nil, skipOpenPGP
		}
		out = append(out, string(data))
	}
	return out, nil
}

// bundles reads the row's evidence, which must be some.
func (r row) bundles() ([]*sign.Bundle, error) {
	data, err := r.read(r.bundle)
	if err != nil {
		return nil, err
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err == nil && len(bundles) == 0 {
		err = errors.New("no bundle at all")
	}
	return bundles, err
}

// runDSSE wants an envelope by any of the keys.
func runDSSE(r row) error {
	pems, err := r.trustedKeys()
	if err != nil {
		return err
	}
	now, trust := time.Now(), keyTrust(pems...)
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	for _, b := range bundles {
		if _, err = verify.Authenticate(context.Background(), trust, b, now); err == nil {
			return nil
		}
	}
	return err
}

// runMessage wants a Sigstore bundle whose signature, by the key that the note
// names, is over the artifact itself.
func runMessage(r row) error {
	pems, err := r.trustedKeys()
	if err != nil {
		return err
	}
	key, err := keys.ParsePublic([]byte(pems[0]))
	if err != nil {
		return err
	}
	artifact, err := r.read(r.artifact)
	if err != nil {
		return err
	}
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	if len(bundles) != 1 {
		return fmt.Errorf("%d bundles, want one", len(bundles))
	}
	b := bundles[0]
	switch {
	case b.Err != nil:
		return b.Err
	case b.MessageDigest.IsZero():
		return errors.New("the bundle signs no message")
	case b.MessageDigest != provenance.SumSHA256(artifact):
		return fmt.Errorf("the bundle is of %s, want %s", b.MessageDigest, provenance.SumSHA256(artifact))
	}
	return checkRaw(key, artifact, b.Signatures[0].Sig)
}

// checkRaw checks a signature by the scheme that goes with the key's type and
// curve: the corpus names no other.
func checkRaw(key crypto.PublicKey, message, sig []byte) error {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return keys.Verify("ed25519", key, message, sig)
	case *ecdsa.PublicKey:
		scheme := map[int]string{256: "ecdsa-sha256", 384: "ecdsa-sha384", 521: "ecdsa-sha512"}[key.Curve.Params().BitSize]
		return keys.Verify(scheme, key, message, sig)
	}
	return fmt.Errorf("a %T names no scheme", key)
}
