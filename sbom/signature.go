package sbom

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A Signer is a private key that says which one it is: each of package
// sign/keys, and most signers of DSSE envelopes. An Ed25519 key signs as RFC
// 8032 has it; one on P-256, P-384 or P-521 in DER, by the hash of the curve.
type Signer interface {
	// Sign signs data, which is no hash of anything.
	Sign(ctx context.Context, data []byte) ([]byte, error)
	// Public is the key that the signature is checked by.
	Public() crypto.PublicKey
}

// Sign signs bom inside of it: its signature member becomes one in JSON
// Signature Format 0.82 (CycloneDX 1.6, signature) with the public key beside
// it. It covers the document as [Write] writes it, so it comes last, and does
// not outlive a change, a conversion or [Merge].
//
// Readers who only know CycloneDX can check it with [CheckSignature]. Packages
// sign and verify do not look at it: what a verdict rests on is a statement in
// an envelope, which says what it is about.
func Sign(ctx context.Context, bom *cdx.BOM, key Signer) error {
	if bom == nil {
		return errors.New("BOM is missing")
	}
	pub := key.Public()
	algorithm, jwk, err := jwkOf(pub)
	if err != nil {
		return err
	}
	signed := *bom
	signed.Signature = &cdx.JSFSignature{JSFSigner: &cdx.JSFSigner{Algorithm: algorithm, PublicKey: jwk, Value: "-"}}
	var text bytes.Buffer
	if err := Write(&text, &signed); err != nil {
		return err
	}
	message, _, err := signedForm(text.Bytes())
	if err != nil {
		return err
	}
	sig, err := key.Sign(ctx, message)
	if err != nil {
		return err
	}
	if curve, ok := pub.(*ecdsa.PublicKey); ok {
		if sig, err = sideBySide(sig, curve.Curve); err != nil {
			return err
		}
	}
	if err := keycheck.Verify(jsfSchemes[algorithm], pub, message, sig); err != nil {
		return fmt.Errorf("the signer's signature is not one by its public key: %w", err)
	}
	signed.Signature.Value = base64.RawURLEncoding.EncodeToString(sig)
	bom.Signature = signed.Signature
	return nil
}

// CheckSignature checks the signature that stands inside a document, as [Sign]
// makes it, and returns the key that it was made by. Whose key that is the
// document cannot say: compare it with one that came another way. Documents
// with several signatures, with parts that are not signed, or with certificates
// in place of a key are refused.
func CheckSignature(document []byte) (crypto.PublicKey, error) {
	message, s, err := signedForm(document)
	if err != nil {
		return nil, err
	}
	pub, err := s.key()
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(s.Value)
	if err != nil {
		return nil, errors.New("signature: value is no base64url")
	}
	if err := keycheck.Verify(jsfSchemes[s.Algorithm], pub, message, sig); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return pub, nil
}

// A jsfSignature is the signature object, without what is refused.
type jsfSignature struct {
	Algorithm string           `json:"algorithm"`
	KeyID     string           `json:"keyId"`
	PublicKey cdx.JSFPublicKey `json:"publicKey"`
	Value     string           `json:"value"`
}

// signedForm is what the signature in a document is over: the document in the
// form of RFC 8785, with all of the signature but its value.
func signedForm(document []byte) ([]byte, jsfSignature, error) {
	var s jsfSignature
	var members map[string]json.RawMessage
	if err := strictjson.Unmarshal(document, &members); err != nil {
		return nil, s, err
	}
	if members["signature"] == nil {
		return nil, s, errors.New("the document has no signature")
	}
	if err := strictjson.UnmarshalClosed(members["signature"], &s); err != nil {
		return nil, s, fmt.Errorf("signature: %w", err)
	}
	var parts map[string]json.RawMessage
	if err := strictjson.Unmarshal(members["signature"], &parts); err != nil {
		return nil, s, fmt.Errorf("signature: %w", err)
	}
	delete(parts, "value")
	var err error
	if members["signature"], err = json.Marshal(parts); err != nil {
		return nil, s, err
	}
	whole, err := json.Marshal(members)
	if err != nil {
		return nil, s, err
	}
	message, err := jcs.Transform(whole)
	return message, s, err
}

// jsfSchemes are the algorithms of JSF that are used here, as they are checked.
// It is never written to.
var jsfSchemes = map[string]string{"Ed25519": "ed25519", "ES256": "ecdsa-p1363-sha256", "ES384": "ecdsa-p1363-sha384", "ES512": "ecdsa-p1363-sha512"}

// jsfCurves are those of the algorithms.
func jsfCurves() map[string]elliptic.Curve {
	return map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
}

// jwkOf is a key in JSON Web Key form, and the algorithm that goes with it.
func jwkOf(pub crypto.PublicKey) (algorithm string, jwk cdx.JSFPublicKey, err error) {
	text := base64.RawURLEncoding.EncodeToString
	switch key := pub.(type) {
	case ed25519.PublicKey:
		return "Ed25519", cdx.JSFPublicKey{KTY: "OKP", CRV: "Ed25519", X: text(key)}, keycheck.Check(key)
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		for name, curve := range jsfCurves() {
			if err == nil && key.Curve == curve {
				half := len(point) / 2 // behind the byte that says that both coordinates follow
				return name, cdx.JSFPublicKey{KTY: "EC", CRV: curve.Params().Name, X: text(point[1 : 1+half]), Y: text(point[1+half:])}, keycheck.Check(key)
			}
		}
	}
	return "", jwk, fmt.Errorf("key is a %T, want Ed25519 or ECDSA on P-256, P-384 or P-521", pub)
}

// key is the public key beside a signature.
func (s *jsfSignature) key() (crypto.PublicKey, error) {
	number := func(text string, size int) ([]byte, error) {
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(b) != size {
			return nil, fmt.Errorf("public key: a coordinate is not %d bytes in base64url", size)
		}
		return b, nil
	}
	k := s.PublicKey
	if s.Algorithm == "Ed25519" && k.KTY == "OKP" && k.CRV == "Ed25519" && k.Y+k.N+k.E == "" {
		x, err := number(k.X, ed25519.PublicKeySize)
		if err != nil {
			return nil, err
		}
		return ed25519.PublicKey(x), keycheck.Check(ed25519.PublicKey(x))
	}
	curve := jsfCurves()[s.Algorithm]
	if curve == nil || k.KTY != "EC" || k.CRV != curve.Params().Name || k.N+k.E != "" {
		return nil, fmt.Errorf("algorithm %q with a key of type %q on %q, want Ed25519, ES256, ES384 or ES512 with a key that fits", s.Algorithm, k.KTY, k.CRV)
	}
	size := (curve.Params().BitSize + 7) / 8
	x, err := number(k.X, size)
	if err != nil {
		return nil, err
	}
	y, err := number(k.Y, size)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return key, keycheck.Check(key)
}

// sideBySide is an ECDSA signature as JSON Web Algorithms has it, from DER.
func sideBySide(der []byte, curve elliptic.Curve) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	size := (curve.Params().BitSize + 7) / 8
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 || sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > 8*size || sig.S.BitLen() > 8*size {
		return nil, errors.New("the signer made no ECDSA signature in DER")
	}
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out, nil
}
