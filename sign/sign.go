// Package sign says who vouches for a statement. It makes DSSE envelopes and
// Sigstore bundles, and reads those of others.
//
// [Statement] signs what package provenance, sbom or release made; [Payload]
// signs a body of another type. Both return a [Bundle], which [Write] writes as
// one line of JSON. [Read] reads such lines back, and whatever else holds
// signed statements: a pretty-printed envelope, Sigstore bundles v0.1 to v0.3.
//
// Nothing that is read here is believed. No signature is checked, a key id is a
// hint that nobody signed, and [Bundle.UnverifiedPayload] is what its name says.
// See package verify for an answer.
package sign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// A Signer signs the pre-authentication encoding of an envelope. It is the
// ecosystem's interface, so that every signer there is already fits. Its KeyID
// goes into the envelope as a hint; an empty one is fine.
type Signer = dsse.Signer

// The limits of what is read and written. What is over one of them is refused
// with [ErrLimit] before the memory is spent.
const (
	MaxSignatures   = 64       // signatures of an envelope
	MaxEnvelopeSize = 16 << 20 // bytes of one envelope or bundle
	MaxFileSize     = 64 << 20 // bytes of an evidence file
	MaxLines        = 1024     // entries of an evidence file
	MaxLogEntries   = 32       // transparency log entries of a Sigstore bundle
	MaxTimestamps   = 32       // RFC 3161 timestamps of a Sigstore bundle
	MaxChain        = 8        // certificates of a Sigstore bundle
)

// ErrLimit is what [errors.Is] finds in an error about one of the limits.
var ErrLimit = strictjson.ErrLimit

// ErrUnsupported is what [errors.Is] finds in an error about evidence that is
// well formed as far as can be seen, but of a kind that this package does not
// read: a Sigstore bundle of a later version, or one over a bare message.
var ErrUnsupported = errors.New("not supported")

// Statement signs s by each of signers, in that order. It refuses a statement
// that is not valid (see [provenance.Statement.Validate]): one without subjects
// above all. The envelope holds s as s.Marshal writes it, under the payload
// type [provenance.PayloadType].
//
// ctx is for the signers, which may be far away.
func Statement(ctx context.Context, s *provenance.Statement, signers ...Signer) (*Bundle, error) {
	if s == nil {
		return nil, errors.New("sign: want a statement, got nil")
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	body, err := s.Marshal()
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return Payload(ctx, provenance.PayloadType, body, signers...)
}

// Payload signs a body that is no statement by each of signers: trust files,
// policies and states have payload types of their own, so that a signature over
// one can never be taken for a signature over another.
//
// The bundle may keep body, which must not be changed any more. A signer that
// writes into what it is to sign is an error, and none may keep it. The body is
// copied for signers that need it behind its head in one piece; those with a method
// SignParts, as keys of package keys have, do not.
func Payload(ctx context.Context, payloadType string, body []byte, signers ...Signer) (*Bundle, error) {
	if payloadType == "" || !utf8.ValidString(payloadType) {
		return nil, fmt.Errorf("sign: want a payload type, got %q", payloadType)
	}
	if len(signers) == 0 {
		return nil, errors.New("sign: want a signer, got none")
	}
	if len(signers) > MaxSignatures {
		return nil, fmt.Errorf("sign: %d signers, want at most %d: %w", len(signers), MaxSignatures, ErrLimit)
	}
	// Base64 takes four bytes for three, and the rest of the line needs room too.
	if len(payloadType) > MaxEnvelopeSize/4 || len(body) > MaxEnvelopeSize/4*3-len(payloadType) {
		return nil, fmt.Errorf("sign: a payload of %d bytes, want an envelope of at most %d: %w", len(body), MaxEnvelopeSize, ErrLimit)
	}
	b := &Bundle{Format: DSSE, PayloadType: payloadType}
	head := headPAE(payloadType, len(body))
	if b.pae, b.body = head, len(head); inParts(signers) {
		b.apart = body
	} else {
		b.pae = append(head[:len(head):len(head)], body...)
	}
	if len(body) >= aheadFrom {
		b.ahead = writeAhead(body, rest(payloadType, nil)+len(signers)*1024)
		defer b.ahead.end()
	}
	for i, signer := range signers {
		if isNil(signer) {
			return nil, fmt.Errorf("sign: signer %d of %d is nil", i+1, len(signers))
		}
		s, err := signBy(ctx, signer, b)
		if err == nil && (!bytes.Equal(b.UnverifiedPayload(), body) || !bytes.Equal(b.pae[:b.body], head)) {
			err = errors.New("it changed what it was to sign")
		}
		if err != nil {
			return nil, fmt.Errorf("sign: signer %d of %d: %w", i+1, len(signers), err)
		}
		b.Signatures = append(b.Signatures, s)
	}
	return b, nil
}

// A partsSigner signs parts as if they were in one piece, and, if SignsParts says
// so, without making one of them.
type partsSigner interface {
	SignParts(ctx context.Context, parts ...[]byte) ([]byte, error)
	SignsParts() bool
}

// inParts reports whether no signer needs the encoding in one piece.
func inParts(signers []Signer) bool {
	for _, s := range signers {
		if p, ok := s.(partsSigner); !ok || isNil(s) || !p.SignsParts() {
			return false
		}
	}
	return true
}

// signBy lets a signer sign the encoding.
func signBy(ctx context.Context, signer Signer, b *Bundle) (Signature, error) {
	keyID, err := signer.KeyID()
	if err != nil {
		return Signature{}, fmt.Errorf("key id: %w", err)
	}
	if !utf8.ValidString(keyID) {
		return Signature{}, fmt.Errorf("key id %q is not UTF-8", keyID)
	}
	var sig []byte
	if p, ok := signer.(partsSigner); ok && b.apart != nil {
		sig, err = p.SignParts(ctx, b.pae, b.apart)
	} else {
		sig, err = signer.Sign(ctx, b.pae)
	}
	if err != nil {
		return Signature{}, err
	}
	if len(sig) == 0 {
		return Signature{}, errors.New("want a signature, got an empty one")
	}
	return Signature{Sig: sig, KeyID: keyID}, nil
}

// isNil finds the nil pointer inside an interface too: calling it would panic.
func isNil(s Signer) bool {
	if s == nil {
		return true
	}
	v := reflect.ValueOf(s)
	return v.Kind() == reflect.Pointer && v.IsNil()
}
