package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
)

// ErrState says that a State or a known-good file cannot be believed: it is
// another ledger's, or too few auditors signed it, or it is not in the log, or a
// newer one was seen before. Test for it with errors.Is. It is neither a yes nor a
// no.
var ErrState = errors.New("what auditors are said to have said cannot be believed")

// StateProofSchema is the schema member of a [StateProof] in JSON.
const StateProofSchema = "https://github.com/touchmark-go/touchmark/state-proof/v1"

// A StateProof goes along with a State, which is a plain file, and shows that
// auditors signed it, that their word is in the log, and when its head was the
// newest one. Nothing in it has been checked: see [StateReader].
type StateProof struct {
	Schema     string `json:"schema"`
	Checkpoint string `json:"checkpoint"` // of the State's head, with the cosignatures that say how fresh it is
	Record     string `json:"record"`     // the [release.Audit] of its auditors, as it stands in the log
	Proof      string `json:"proof"`      // that it does (C2SP tlog-proof)
}

// maxStateProof is the size of a StateProof, in bytes: escaped, and then some.
const maxStateProof = 6 * (2*ledger.MaxCheckpoint + ledger.MaxProof + ledger.MaxRecord)

// Marshal is the proof in JSON, as [ParseStateProof] reads it.
func (p *StateProof) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// ParseStateProof reads what [StateProof.Marshal] wrote, and refuses a member that
// it does not know.
func ParseStateProof(data []byte) (*StateProof, error) {
	if len(data) > maxStateProof {
		return nil, fmt.Errorf("proof of a state: %d bytes, want at most %d: %w", len(data), maxStateProof, strictjson.ErrLimit)
	}
	p := &StateProof{}
	if err := strictjson.UnmarshalClosed(data, p); err != nil {
		return nil, fmt.Errorf("proof of a state: %w", err)
	}
	if p.Schema != StateProofSchema {
		return nil, fmt.Errorf("proof of a state: /schema is %.80q, want %q", p.Schema, StateProofSchema)
	}
	return p, nil
}

// A StateReader believes States, in the place of a ledger that cannot be read.
// Trust is required.
type StateReader struct {
	Trust *verify.Trust // whose auditors, log and witnesses count
	At    time.Time     // the instant that is judged; zero is the time of the call
	// Memory is what was seen of the ledger before: an older State, or another one of
	// the same head, is refused, and a newer one remembered. Nil remembers nothing:
	// whoever hands in an old State is then only found out by its age.
	Memory *Memory
}

// Read checks a State, byte for byte as its auditors signed it: that it is of this
// log, that enough auditors signed it, that their word is in the log, and that its
// head is one that the log signed and its witnesses cosigned. How old that head
// may be is for whoever asks to say, as with any [release.View].
func (r StateReader) Read(state []byte, proof *StateProof) (*StateView, error) {
	at := r.At
	if at.IsZero() {
		at = time.Now()
	}
	verifier, err := logOf(r.Trust)
	if err != nil {
		return nil, err
	}
	if !at.Before(r.Trust.Expires) {
		return nil, fmt.Errorf("%w: the trust file expired %s", ErrState, r.Trust.Expires.UTC().Format(time.RFC3339))
	}
	no := func(format string, args ...any) (*StateView, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrState}, args...)...)
	}
	if proof == nil {
		return no("it comes without a proof")
	}
	checkpoint, err := verifier.Open([]byte(proof.Checkpoint))
	if err != nil {
		return no("its head: %w", err)
	}
	line := []byte(proof.Record)
	inclusion, err := ledger.ParseProof([]byte(proof.Proof))
	if err != nil {
		return no("%w", err)
	}
	later, err := verifier.VerifyProof(inclusion, line)
	if err != nil {
		return no("%w", err)
	}
	audit, err := r.audited(line, at, later.Since())
	if err != nil {
		return no("%w", err)
	}
	digest := provenance.SumSHA256(state)
	if digest != audit.State {
		return no("it is %s, and its auditors signed %s", digest, audit.State)
	}
	s, err := release.ParseState(state)
	if err != nil {
		return no("%w", err)
	}
	head := checkpoint.Head()
	switch {
	case s.Product != audit.Product || s.Head.Origin != head.Origin || s.Head.Size != audit.Size || s.Head.Root != audit.Root:
		return no("it is of another head or product than its auditors signed")
	case head.Size != audit.Size || head.Root != audit.Root:
		return no("its auditors signed a head of %d records, and the checkpoint is of %d", audit.Size, head.Size)
	case inclusion.Index < audit.Size:
		return no("the word of its auditors stands at %d, before the head of %d records that it is about", inclusion.Index, audit.Size)
	}
	if err := r.Memory.state(s.Product, Mark{Size: audit.Size, Digest: digest}); err != nil {
		return nil, err
	}
	s.Head = head
	r.Memory.Remember(s)
	return &StateView{state: s}, nil
}

// audited is the Audit in a record, if enough auditors signed it. A record that
// was witnessed is judged as of then, because its signatures were there; and never
// as of later than at.
func (r StateReader) audited(line []byte, at, witnessed time.Time) (*release.Audit, error) {
	bundles, err := sign.Read(bytes.NewReader(line))
	if err != nil {
		return nil, err
	}
	if len(bundles) != 1 || bundles[0].Err != nil || bundles[0].PayloadType != provenance.PayloadType {
		return nil, errors.New("the record is no statement in one envelope")
	}
	if witnessed.IsZero() || witnessed.After(at) {
		witnessed = at
	}
	if err := r.Trust.SignedByAuditors(bundles[0], witnessed); err != nil {
		return nil, err
	}
	s, err := provenance.Parse(bundles[0].UnverifiedPayload())
	if err != nil {
		return nil, err
	}
	return release.ParseAudit(s)
}

// A StateView answers from a State that a [StateReader] believes. It never
// changes, may be used concurrently, and is a [release.View] of one product: what
// is asked about another is an error, and no answer.
type StateView struct{ state *release.State }

// State is what it answers from. It must not be changed.
func (v *StateView) State() *release.State { return v.state }

// Head implements [release.View].
func (v *StateView) Head() release.Head { return v.state.Head }

// Tag implements [release.View].
func (v *StateView) Tag(_ context.Context, product, tag string) (provenance.Digest, error) {
	if err := v.about(product); err != nil {
		return provenance.Digest{}, err
	}
	if b, ok := v.state.Tags[tag]; ok {
		return b.Digest, nil
	}
	return provenance.Digest{}, release.ErrUnknown
}

// Status implements [release.View].
func (v *StateView) Status(_ context.Context, product string, artifact provenance.Digest) (*release.Status, error) {
	if err := v.about(product); err != nil {
		return nil, err
	}
	if status := v.state.Status(artifact); status != nil {
		return status, nil
	}
	return nil, release.ErrUnknown
}

// LastGood implements [release.View].
func (v *StateView) LastGood(_ context.Context, product, environment string) (*release.Ref, error) {
	if err := v.about(product); err != nil {
		return nil, err
	}
	if r := v.state.LastGood(environment); r != nil {
		ref := v.state.Ref(r)
		return &ref, nil
	}
	return nil, release.ErrUnknown
}

// about refuses questions about other products, of which nothing is known here.
func (v *StateView) about(product string) error {
	if product != v.state.Product {
		return fmt.Errorf("the state is of %q, and says nothing about %q", v.state.Product, product)
	}
	return nil
}
