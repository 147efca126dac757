package sign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/touchmark-go/touchmark/provenance"
)

// A Format is how a bundle is written down.
type Format string

// The formats.
const (
	// DSSE is an envelope as JSON (DSSE 1.0.2), any number of signatures.
	DSSE Format = "dsse"
	// Sigstore is a Sigstore bundle: exactly one signature, and what came along
	// with it. v0.1 to v0.3 are read, and written again as they were; a new one
	// is v0.3.
	Sigstore Format = "sigstore-bundle"
)

// A Bundle is one signed payload. Nothing in it has been checked, save that it
// is well formed. The zero Bundle holds nothing: it has no ID, and cannot be
// written.
//
// The payload cannot be changed. The rest is plain data, and may be shared as
// long as nobody changes it; signatures of the same payload by others may be
// appended.
type Bundle struct {
	// Origin is where it was read: "app.intoto.jsonl:1", the file's last element
	// and the line, or "line 1" if the reader has no name. It is empty if the
	// bundle was made here.
	Origin string
	// Format is how it was, or will be, written.
	Format Format
	// PayloadType is the DSSE payload type. It is under the signatures too: a
	// bundle whose PayloadType was changed cannot be written.
	PayloadType string
	// MessageDigest is set in a Sigstore bundle whose signature is over an
	// artifact itself and states nothing about it (messageSignature): what the
	// bundle says that the artifact is. It is a hint that nobody signed. Such a
	// bundle has no payload, no PAE and no ID.
	MessageDigest provenance.Digest
	// Signatures has at least one element.
	Signatures []Signature
	// Err says why this entry could not be read. Then only Origin is set besides.
	Err error

	pae     []byte // everything under the signatures, or all before apart
	body    int    // where the payload begins in pae
	apart   []byte // a payload that was signed here and not copied; nil if it is in pae
	version string // the media type of a Sigstore bundle that was read
	hinted  bool   // of one that was read: its key is named by the hint alone
	ahead   *ahead // of one that was signed here: what was written of it meanwhile
}

// A Signature is one signature over a Bundle's PAE, with what came along.
type Signature struct {
	// Sig is the raw signature. It is no identity: anybody can make a second
	// valid one from an ECDSA signature.
	Sig []byte
	// KeyID is a hint, signed by nobody: the lower-case hex SHA-256 of the key's
	// PKIX form by our convention, anything by others', or empty.
	KeyID string
	// Chain holds certificates in DER, leaf first.
	Chain [][]byte
	// Timestamps holds RFC 3161 responses in DER.
	Timestamps [][]byte
	// LogEntries holds transparency log entries as the Sigstore bundle had them.
	LogEntries []json.RawMessage
}

// PAE is DSSE's pre-authentication encoding: the bytes under the signatures. It
// must not be changed. It is nil in an entry that could not be read, or that
// signs an artifact itself.
//
// Each call makes a copy if the bundle was signed here.
func (b *Bundle) PAE() []byte {
	if b.apart != nil {
		return b.joined()
	}
	return b.pae
}

func (b *Bundle) joined() []byte { return append(b.pae[:b.body:b.body], b.apart...) }

// UnverifiedPayload is what was signed, or is said to have been. It must not be
// changed, nor believed before a signature over [Bundle.PAE] has been checked:
// it is the tail of those very bytes.
func (b *Bundle) UnverifiedPayload() []byte {
	if b.apart != nil {
		return b.apart
	}
	return b.pae[b.body:] // nil of nil
}

// ID is the SHA-256 of the PAE: the same statement signed apart by two people
// has one ID, and white space, signatures and key ids do not change it. It is
// zero for an entry that could not be read, or that signs an artifact itself.
func (b *Bundle) ID() provenance.Digest {
	pae := b.PAE()
	if pae == nil {
		return provenance.Digest{}
	}
	return provenance.SumSHA256(pae)
}

// Marshal returns the bundle as one line of JSON, without the final newline. It
// refuses to lose anything: what came along with a signature needs the format
// [Sigstore], and a Sigstore bundle has exactly one signature.
func (b *Bundle) Marshal() ([]byte, error) {
	if err := b.writable(); err != nil {
		return nil, fmt.Errorf("sign: cannot write %s: %w", b.name(), err)
	}
	var line []byte
	var err error
	switch b.Format {
	case DSSE:
		line, err = b.marshalDSSE()
	case Sigstore:
		line, err = b.marshalSigstore()
	default:
		err = fmt.Errorf("want format %q or %q, found %q", DSSE, Sigstore, b.Format)
	}
	if err == nil && len(line) > MaxEnvelopeSize {
		err = fmt.Errorf("%d bytes, want at most %d: %w", len(line), MaxEnvelopeSize, ErrLimit)
	}
	if err != nil {
		return nil, fmt.Errorf("sign: cannot write %s: %w", b.name(), err)
	}
	return line, nil
}

func (b *Bundle) name() string {
	if b == nil || b.Origin == "" {
		return "the bundle"
	}
	return strconv.Quote(b.Origin)
}

// writable reports what is wrong with b in any format.
func (b *Bundle) writable() error {
	if b == nil {
		return errors.New("it is nil")
	}
	if b.Err != nil {
		return fmt.Errorf("it could not be read: %w", b.Err)
	}
	switch message := !b.MessageDigest.IsZero(); {
	case message && (b.pae != nil || b.Format != Sigstore):
		return errors.New("only a Sigstore bundle signs an artifact itself, and then it has no payload")
	case message:
	case b.pae == nil:
		return errors.New("it is empty, and nobody signed anything")
	}
	if b.pae != nil && !bytes.Equal(headPAE(b.PayloadType, len(b.UnverifiedPayload())), b.pae[:b.body]) {
		return fmt.Errorf("payload type %q is not the one that was signed", b.PayloadType)
	}
	if len(b.Signatures) == 0 {
		return errors.New("want a signature, found none")
	}
	if len(b.Signatures) > MaxSignatures {
		return fmt.Errorf("%d signatures, want at most %d: %w", len(b.Signatures), MaxSignatures, ErrLimit)
	}
	for i, s := range b.Signatures {
		if len(s.Sig) == 0 {
			return fmt.Errorf("signature %d is empty", i)
		}
	}
	return nil
}

// newPAE returns the head of the pre-authentication encoding (DSSE 1.0.2) with
// room for a payload of that size behind it, and the head's length. Decoding
// the payload into that room makes the PAE without a copy.
func newPAE(payloadType string, size int) (pae []byte, body int) {
	head := headPAE(payloadType, size)
	return append(make([]byte, 0, len(head)+size), head...), len(head)
}

func headPAE(payloadType string, size int) []byte {
	head := append(make([]byte, 0, 64+len(payloadType)), "DSSEv1 "...)
	head = strconv.AppendInt(head, int64(len(payloadType)), 10)
	head = append(head, ' ')
	head = append(head, payloadType...)
	head = append(head, ' ')
	head = strconv.AppendInt(head, int64(size), 10)
	return append(head, ' ')
}
