//go:build pkcs11

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// Signer returns a key of a token: an ECDSA key, or an RSA key, which signs by PSS with SHA-256. Library is the absolute
// path of the maker's library. Uri names the key as RFC 7512 does, by token and by object or id:
// "pkcs11:token=release;object=app". Pin is asked for the token's PIN, by the name of the token; the reference holds none.
//
// The token stays open for as long as the process lives. What a library was asked for cannot be taken back: a call that
// hangs outlives its context.
func Signer(ctx context.Context, library, uri string, pin keys.Passphrase) (*keys.Key, error) {
	if strings.Contains(uri, "pin-") {
		return nil, errors.New("the reference to a key holds a PIN, which others could see: leave it out") // and not shown once more
	}
	key, err := signer(ctx, library, uri, pin)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", uri, err)
	}
	return key, nil
}

func signer(ctx context.Context, library, uri string, pin keys.Passphrase) (*keys.Key, error) {
	if !filepath.IsAbs(library) {
		return nil, errors.New("the library is code that is run: name it by its whole path")
	}
	ref, err := parse(uri)
	if err != nil {
		return nil, err
	}
	if pin == nil {
		return nil, errors.New("a token wants a PIN: pass a Passphrase such as keys.Prompt")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &token{}
	if err := t.open(library, ref["token"], pin); err != nil {
		return nil, err
	}
	public, err := t.find(ref)
	if err != nil {
		return nil, err
	}
	return keys.NewRemote(ctx, keys.Remote{Name: uri, Public: public, Scheme: t.scheme, Sign: t.sign})
}

// parse reads the path of a URI of RFC 7512.
func parse(uri string) (map[string]string, error) {
	path, ok := strings.CutPrefix(uri, "pkcs11:")
	if !ok || strings.ContainsAny(path, "?#") {
		return nil, errors.New("no reference to a key of a token, want pkcs11:token=LABEL;object=LABEL")
	}
	ref := map[string]string{}
	for part := range strings.SplitSeq(path, ";") {
		name, value, ok := strings.Cut(part, "=")
		value, err := url.PathUnescape(value)
		if _, twice := ref[name]; !ok || err != nil || twice || name != "token" && name != "object" && name != "id" {
			return nil, fmt.Errorf("%q in the reference, want token, object and id, each once", part)
		}
		ref[name] = value
	}
	if ref["token"] == "" || ref["object"] == "" && ref["id"] == "" {
		return nil, errors.New("the reference names no token, or neither object nor id")
	}
	return ref, nil
}

// A token is a session with one, and the private key that was found there. A session does one thing at a time.
type token struct {
	mutex   sync.Mutex
	lib     *pkcs11.Ctx
	session pkcs11.SessionHandle
	key     pkcs11.ObjectHandle
	scheme  string
	hash    crypto.Hash
	size    int // of a coordinate; zero for RSA
}

func (t *token) open(library, label string, pin keys.Passphrase) error {
	if t.lib = pkcs11.New(library); t.lib == nil {
		return fmt.Errorf("%q is no PKCS #11 library", library)
	}
	if err := t.lib.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return err
	}
	slots, err := t.lib.GetSlotList(true)
	if err != nil {
		return err
	}
	var found []uint
	for _, slot := range slots {
		if info, err := t.lib.GetTokenInfo(slot); err == nil && info.Label == label {
			found = append(found, slot)
		}
	}
	if len(found) != 1 {
		return fmt.Errorf("%d tokens are called %q, want one", len(found), label)
	}
	if t.session, err = t.lib.OpenSession(found[0], pkcs11.CKF_SERIAL_SESSION); err != nil {
		return err
	}
	code, err := pin(label)
	if err != nil {
		return fmt.Errorf("asking for the PIN: %w", err)
	}
	defer clear(code)
	if err := t.lib.Login(t.session, pkcs11.CKU_USER, string(code)); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
		return fmt.Errorf("logging in: %w", err)
	}
	return nil
}

// find finds the two halves of a key.
func (t *token) find(ref map[string]string) (crypto.PublicKey, error) {
	var err error
	if t.key, err = t.object(pkcs11.CKO_PRIVATE_KEY, ref); err != nil {
		return nil, fmt.Errorf("the private half: %w", err)
	}
	half, err := t.object(pkcs11.CKO_PUBLIC_KEY, ref)
	if err != nil {
		return nil, fmt.Errorf("the public half: %w", err)
	}
	if point, params := t.attribute(half, pkcs11.CKA_EC_POINT), t.attribute(half, pkcs11.CKA_EC_PARAMS); point != nil {
		return t.ecdsa(point, params)
	}
	n, e := new(big.Int).SetBytes(t.attribute(half, pkcs11.CKA_MODULUS)), new(big.Int).SetBytes(t.attribute(half, pkcs11.CKA_PUBLIC_EXPONENT))
	if n.Sign() == 0 || !e.IsInt64() {
		return nil, errors.New("it is neither an ECDSA nor an RSA key")
	}
	t.scheme, t.hash = "rsa-pss-sha256", crypto.SHA256
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func (t *token) ecdsa(wrapped, params []byte) (crypto.PublicKey, error) {
	var oid asn1.ObjectIdentifier
	var point []byte
	if rest, err := asn1.Unmarshal(params, &oid); err != nil || len(rest) > 0 {
		return nil, errors.New("its curve is not named")
	}
	if rest, err := asn1.Unmarshal(wrapped, &point); err != nil || len(rest) > 0 {
		return nil, errors.New("its point is not an octet string")
	}
	var curve elliptic.Curve
	switch oid.String() {
	case "1.2.840.10045.3.1.7":
		curve, t.hash = elliptic.P256(), crypto.SHA256
	case "1.3.132.0.34":
		curve, t.hash = elliptic.P384(), crypto.SHA384
	case "1.3.132.0.35":
		curve, t.hash = elliptic.P521(), crypto.SHA512
	default:
		return nil, fmt.Errorf("it is on curve %s, want P-256, P-384 or P-521", oid)
	}
	t.size = (curve.Params().BitSize + 7) / 8
	return ecdsa.ParseUncompressedPublicKey(curve, point)
}

// object finds the one object of a class that a reference names.
func (t *token) object(class uint, ref map[string]string) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}
	if ref["object"] != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, ref["object"]))
	}
	if ref["id"] != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(ref["id"])))
	}
	if err := t.lib.FindObjectsInit(t.session, template); err != nil {
		return 0, err
	}
	found, _, err := t.lib.FindObjects(t.session, 2)
	if err = errors.Join(err, t.lib.FindObjectsFinal(t.session)); err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("the reference names %d objects, want one", len(found))
	}
	return found[0], nil
}

// attribute is nil if the object has none of this kind.
func (t *token) attribute(o pkcs11.ObjectHandle, kind uint) []byte {
	list, err := t.lib.GetAttributeValue(t.session, o, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil || len(list) != 1 {
		return nil
	}
	return list[0].Value
}

func (t *token) sign(ctx context.Context, message []byte) ([]byte, error) {
	h := t.hash.New()
	h.Write(message)
	mechanism := pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)
	if t.size == 0 {
		mechanism = pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, pkcs11.NewPSSParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, uint(t.hash.Size())))
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if err := ctx.Err(); err != nil { // it may have waited for another's signature
		return nil, err
	}
	if err := t.lib.SignInit(t.session, []*pkcs11.Mechanism{mechanism}, t.key); err != nil {
		return nil, err
	}
	sig, err := t.lib.Sign(t.session, h.Sum(nil))
	if err != nil || t.size == 0 {
		return sig, err
	}
	if len(sig) != 2*t.size {
		return nil, fmt.Errorf("an ECDSA signature of %d bytes, want %d", len(sig), 2*t.size)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:t.size]), new(big.Int).SetBytes(sig[t.size:])})
}
