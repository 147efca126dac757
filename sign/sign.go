// Package sign says who vouches for a statement: DSSE envelopes and Sigstore
// bundles. It signs and reads; nothing that it reads is believed, see the
// verify package for that.
package sign

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/provenance"
)

// A Signer signs the pre-authentication encoding of an envelope. It is the
// ecosystem's interface, so that every signer there is already fits.
type Signer = dsse.Signer

// The limits of what is read: more than that is refused before the memory is spent.
const (
	MaxSignatures   = 64
	MaxEnvelopeSize = 16 << 20
	MaxFileSize     = 64 << 20
	MaxLines        = 1024
)

// A Format is how a bundle is written down.
type Format string

// The formats.
const (
	DSSE     Format = "dsse"             // DSSE JSON envelope
	Sigstore Format = "sigstore-bundle" // Sigstore bundle; v0.3 is written, v0.1 to v0.3 are read
)

// A Bundle is one signed payload. Nothing in it has been checked.
type Bundle struct {
	Origin      string      // where it was read: "app.intoto.jsonl:1"; empty if it was made here
	Format      Format      // how it was, or will be, written
	PayloadType string      // the DSSE payload type
	Signatures  []Signature // at least one
	Err         error       // why this entry could not be read; then nothing but Origin is set
}

// A Signature is one signature over a Bundle's PAE, with what came along.
type Signature struct {
	Sig        []byte            // raw signature bytes
	KeyID      string            // a hint, signed by nobody
	Chain      [][]byte          // certificates in DER, leaf first
	Timestamps [][]byte          // RFC 3161 responses in DER
	LogEntries []json.RawMessage // transparency log entries, as the bundle had them
}

// Statement signs s by each of signers.
func Statement(ctx context.Context, s *provenance.Statement, signers ...Signer) (*Bundle, error) {
	return nil, errors.New("sign: not yet")
}

// Payload signs a body of another type: trust files, policies, states.
func Payload(ctx context.Context, payloadType string, body []byte, signers ...Signer) (*Bundle, error) {
	return nil, errors.New("sign: not yet")
}

// Read reads evidence by content: a DSSE envelope, a Sigstore bundle, or JSON lines of either.
// A line that cannot be read is an entry with Err; the rest is read.
func Read(r io.Reader) ([]*Bundle, error) { return nil, errors.New("sign: not yet") }

// Write writes bundles as JSON lines, each in its Format.
func Write(w io.Writer, bundles ...*Bundle) error { return errors.New("sign: not yet") }

// ID is the SHA-256 of the PAE: the same statement signed apart by two people has one ID.
func (b *Bundle) ID() provenance.Digest { return provenance.Digest{} }

// UnverifiedPayload is what was signed, or is said to have been. It must not be changed.
func (b *Bundle) UnverifiedPayload() []byte { return nil }

// PAE is DSSE's pre-authentication encoding: the bytes under the signatures. It must not be changed.
func (b *Bundle) PAE() []byte { return nil }

// Marshal returns the bundle as one line of JSON, without the final newline.
// A Sigstore bundle has exactly one signature.
func (b *Bundle) Marshal() ([]byte, error) { return nil, errors.New("sign: not yet") }
