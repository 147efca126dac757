package release

import (
	"context"
	"errors"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// A View answers what a ledger says about releases, as of one head: two answers
// of one View never contradict each other. Implementations must be safe for
// concurrent use.
//
// An error that is not [ErrUnknown] means that the ledger could not answer
// (unreachable, behind, forked), which is neither a yes nor a no.
type View interface {
	// Head is the state of the log that the answers rest on.
	Head() Head
	// Tag returns the digest that tag of product was bound to, for ever.
	// It is [ErrUnknown] if tag was never bound.
	Tag(ctx context.Context, product, tag string) (provenance.Digest, error)
	// Status says what is recorded about an artifact of product.
	// It is [ErrUnknown] if the artifact is in no release.
	Status(ctx context.Context, product string, artifact provenance.Digest) (*Status, error)
	// LastGood is what runs, or last ran with a good verdict, in an environment.
	// It is [ErrUnknown] if nothing ever did.
	LastGood(ctx context.Context, product, environment string) (*Ref, error)
}

// ErrUnknown says that the ledger has no record of what was asked for. It is an
// answer, not a failure to answer: test for it with errors.Is.
var ErrUnknown = errors.New("the ledger has no record of it")

// A Head is a state of the log.
type Head struct {
	Origin    string            `json:"origin"`              // the log's name, as in its checkpoints
	Size      uint64            `json:"size"`                // how many records it has
	Root      provenance.Digest `json:"root"`                // SHA-256 root of the Merkle tree over them
	Time      time.Time         `json:"time,omitzero"`       // when the newest cosignature was made, which says how fresh the answers are
	Witnesses int               `json:"witnesses,omitempty"` // how many distinct trusted witnesses cosigned it
}

// A Ref names one release of a ledger.
type Ref struct {
	Name   string            // "app#101": the product and its number in log order
	ID     provenance.Digest // derived from its content
	Digest provenance.Digest // the artifact that was asked for, or the first subject
}

// A Status is what the ledger says about one artifact of one product. The zero
// Status is of nothing: in no release, promoted nowhere.
type Status struct {
	Release    Ref      // that it belongs to
	Authors    []string // the principals that signed the release record, who never count as approvers
	Promotions []Entry  // the valid ones that no rollback took back, in log order
	Revoked    *Revoked // nil if it is not revoked
	// Suspect says what was revoked of what the release rests on: the builder or the
	// key that made it, or its evidence. Empty if nothing was. A release that was
	// witnessed before the instant from which on a revocation holds is not concerned.
	Suspect string
}

// An Entry says that a release entered an environment.
type Entry struct {
	Environment string    // that it entered
	Time        time.Time // when the record was witnessed, from which soaking counts; never a claimed time
}

// Revoked says that a release must not be used any more.
type Revoked struct {
	At     time.Time // from this instant on
	By     string    // the principal that signed the revocation
	Reason string    // in its own words
}
