// Package release holds the records of an immutable release and the questions
// that a verifier asks of them. An [Approval] is one person's signed consent; a
// [View] answers from a ledger.
package release

import (
	"context"
	"errors"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// ApprovalType is the predicate type of an [Approval].
const ApprovalType = "https://github.com/touchmark-go/touchmark/predicates/approval/v1"

// An Approval is consent to move one digest from one environment to another,
// under one policy, until it expires.
type Approval struct {
	Digest  provenance.Digest // the artifact: the subject of the statement
	From    string            // where it comes from: an environment, or empty
	To      string            // the environment that it may enter
	Policy  provenance.Digest // verify.Policy.Digest of the policy that asked
	Expires time.Time         // from this instant on it counts for nothing
	Nonce   string            // names the round; if empty, Statement draws one
	Reason  string            // in the person's own words; optional
}

// Statement returns the approval as a statement to sign.
func (a Approval) Statement() *provenance.Statement { return nil }

// ParseApproval reads the Approval in s.
func ParseApproval(s *provenance.Statement) (*Approval, error) {
	return nil, errors.New("release: not yet")
}

// A View answers what a ledger says about releases, as of one head.
// Implementations must be safe for concurrent use.
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
	LastGood(ctx context.Context, product, environment string) (*Release, error)
}

// ErrUnknown says that the ledger has no record of what was asked for. It is an
// answer, not a failure to answer.
var ErrUnknown = errors.New("the ledger has no record of it")

// A Head is a state of the log.
type Head struct {
	Origin    string            // the log's name
	Size      uint64            // how many records it has
	Root      provenance.Digest // SHA-256 Merkle tree root
	Time      time.Time         // the newest cosignature's time
	Witnesses int               // how many distinct trusted witnesses cosigned it
}

// A Release names one release.
type Release struct {
	Name   string            // "app#101": the product and its number in log order
	Digest provenance.Digest // the artifact asked for, or the first subject
}

// A Status is what the ledger says about one artifact of one product.
type Status struct {
	Release    Release
	Author     string      // the principal that signed the release record
	Promotions []Promotion // valid ones, in log order
	Revoked    *Revoked    // nil if it is not revoked
}

// A Promotion says that a release entered an environment.
type Promotion struct {
	Environment string
	Time        time.Time
}

// Revoked says that a release must not be used any more.
type Revoked struct {
	At     time.Time
	By     string
	Reason string
}
