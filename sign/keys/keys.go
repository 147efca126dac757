// Package keys makes, reads and writes the private keys that sign: Ed25519,
// ECDSA on P-256, P-384 and P-521, and RSA.
//
// A [Key] is a sign.Signer. It comes from [Generate], from a file with [Load],
// from anything that implements crypto.Signer with [New], or from a KMS with
// [NewRemote]; its public half goes into a trust file with [Key.MarshalPublic].
// Files are PKCS#8, or encrypted with a passphrase in the form that cosign
// uses. A [Ring] keeps keys that follow one another, and an SSH agent's are
// found by [Agent].
//
// Weak keys are refused wherever they come from. Keys do not print: formatting,
// logging or encoding one shows its algorithm and its ID. That does not keep
// the secret out of the memory of the process, out of a core dump or out of
// swap; a key that must not be there belongs in an HSM or a KMS.
package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// A Key is a private key that signs in one scheme. It implements sign.Signer,
// and may be used by several goroutines at once if its crypto.Signer may, as
// those of this package and of the standard library can.
//
// The zero Key refuses to sign.
type Key struct {
	// A function, because fmt looks into a field that it may not call methods
	// on, through pointers as well (%s of a struct with a Key in an unexported
	// field), but of a function it knows only the address.
	reveal func() secret
}

type secret struct {
	signer    crypto.Signer
	algorithm string
	scheme    string
	id        string
}

func hide(s secret) *Key { return &Key{func() secret { return s }} }

var errNoKey = errors.New("no key: want one from Generate, Load, Parse or New")

// New makes a key of a signer that lives elsewhere, such as in an HSM, if its
// public key is strong enough. It signs as [Key.Scheme] says.
func New(signer crypto.Signer) (*Key, error) {
	if signer == nil {
		return nil, errors.New("no signer")
	}
	pub := signer.Public()
	if err := keycheck.Check(pub); err != nil {
		return nil, err
	}
	id, err := keycheck.ID(pub)
	if err != nil {
		return nil, err
	}
	scheme, err := keycheck.DefaultScheme(pub)
	if _, isRSA := pub.(*rsa.PublicKey); isRSA {
		scheme, err = "rsa-pss-sha256", nil
	}
	if err != nil {
		return nil, err
	}
	return hide(secret{signer: signer, algorithm: algorithmOf(pub), scheme: scheme, id: id}), nil
}

// algorithmOf returns the name that [Generate] knows the kind of key by. RSA
// keys may also have sizes that it does not make.
func algorithmOf(pub crypto.PublicKey) string {
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		return Ed25519
	case *ecdsa.PublicKey:
		return "ecdsa-" + strings.ToLower(strings.ReplaceAll(pub.Params().Name, "-", ""))
	case *rsa.PublicKey:
		return fmt.Sprintf("rsa-%d", pub.N.BitLen())
	}
	return "unknown"
}

// WithScheme returns the same key signing in another scheme:
// "rsa-pkcs1v15-sha256" for verifiers that do not know PSS, or ecdsa-sha256 for
// a P-384 key. A scheme that does not fit the key is an error. Who verifies
// must be told the scheme of an RSA key, see the trust file.
func (k *Key) WithScheme(scheme string) (*Key, error) {
	if !k.ok() {
		return nil, errNoKey
	}
	if err := keycheck.Fits(scheme, k.Public()); err != nil {
		return nil, err
	}
	s := k.reveal()
	if _, elsewhere := s.signer.(*remote); elsewhere && scheme != s.scheme {
		return nil, fmt.Errorf("%s signs by %s where it is kept, and not by %s", k, s.scheme, scheme)
	}
	s.scheme = scheme
	return hide(s), nil
}

// Sign implements sign.Signer. ECDSA signatures are in ASN.1 DER; RSA has a
// salt as long as the hash.
func (k *Key) Sign(ctx context.Context, data []byte) ([]byte, error) { return k.SignParts(ctx, data) }

// SignParts is Sign of the parts, one behind the other. Package sign signs
// with it, so that a payload need not be copied behind its head. A part is
// only read.
func (k *Key) SignParts(ctx context.Context, parts ...[]byte) ([]byte, error) {
	if !k.ok() {
		return nil, errNoKey
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, errors.New("want something to sign, got no part")
	}
	s := k.reveal()
	var sig []byte
	var err error
	if elsewhere, ok := s.signer.(*remote); ok {
		data := parts[0]
		if len(parts) > 1 {
			data = bytes.Join(parts, nil)
		}
		sig, err = elsewhere.sign(ctx, s.scheme, data)
	} else {
		sig, err = keycheck.Sign(s.scheme, s.signer, parts...)
	}
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", k, err)
	}
	return sig, nil
}

// SignsParts reports whether SignParts needs no copy of them all: the key is here,
// and signs a digest, which Ed25519 does not.
func (k *Key) SignsParts() bool {
	if !k.ok() {
		return false
	}
	s := k.reveal()
	_, elsewhere := s.signer.(*remote)
	return !elsewhere && keycheck.Digests(s.scheme)
}

// KeyID implements sign.Signer: the lower-case hex SHA-256 of the public key's
// PKIX form.
func (k *Key) KeyID() (string, error) {
	if !k.ok() {
		return "", errNoKey
	}
	return k.reveal().id, nil
}

// Scheme is how the key signs: ed25519; ecdsa-sha256, ecdsa-sha384 or
// ecdsa-sha512 by the curve; rsa-pss-sha256; or what [Key.WithScheme] said. The
// zero Key has none.
func (k *Key) Scheme() string {
	if !k.ok() {
		return ""
	}
	return k.reveal().scheme
}

// Public is the public half, nil for the zero Key.
func (k *Key) Public() crypto.PublicKey {
	if !k.ok() {
		return nil
	}
	return k.reveal().signer.Public()
}

func (k *Key) ok() bool { return k != nil && k.reveal != nil }

// String is the key's algorithm and ID: "ecdsa-p256:ab01…".
func (k Key) String() string {
	if k.reveal == nil {
		return "(no key)"
	}
	s := k.reveal()
	return s.algorithm + ":" + s.id
}

// GoString is [Key.String], and so are the other forms below: a key does not
// print.
func (k Key) GoString() string { return "keys.Key(" + k.String() + ")" }

// Format prints [Key.String] for every verb.
func (k Key) Format(f fmt.State, verb rune) {
	s := k.String()
	if verb == 'v' && f.Flag('#') {
		s = k.GoString()
	}
	io.WriteString(f, s) // fmt keeps the error of its writer to itself
}

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON writes [Key.String]. Use [Key.MarshalPrivate] to write the key.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// MarshalText writes [Key.String].
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
