package release

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
)

// ApprovalType is the predicate type of an [Approval]. Its document is
// docs/predicates/approval/v1.md.
const ApprovalType = "https://github.com/touchmark-go/touchmark/predicates/approval/v1"

// An Approval is one person's consent to move one digest from one environment
// to another, under one policy, until it expires. It is bound to all of these,
// so that it cannot be used again for another artifact, another environment,
// another policy or another day (docs/threats.md, row 38).
//
// It becomes consent when a person signs its [Approval.Statement]. Several
// people may sign the same one, or each their own; a verifier counts people.
//
// The zero Approval is invalid. An Approval is plain data.
type Approval struct {
	// Digest is the artifact, and the one subject of the statement. Its algorithm
	// is one of those that identify: sha256, sha384, sha512, dirHash, gitCommit, gitTree.
	Digest provenance.Digest
	// From is the environment that it comes from, or empty if the policy names none.
	From string
	// To is the environment that it may enter. Required, and not From.
	To string
	// Policy is verify.Policy.Digest of the policy that asks, a SHA-256. Required.
	Policy provenance.Digest
	// Expires is the instant from which on it counts for nothing. Required.
	Expires time.Time
	// Nonce names the round: 1 to 128 printable ASCII characters without spaces.
	// If it is empty, Statement draws one at random.
	Nonce string
	// Reason is in the person's own words, 4,096 bytes at most. Optional.
	Reason string
}

const (
	maxEnvironment = 256  // bytes
	maxNonce       = 128  // bytes
	maxReason      = 4096 // bytes
)

// predicate is an Approval in JSON, in the order of its document.
type predicate struct {
	From    string            `json:"from,omitempty"`
	To      string            `json:"to"`
	Policy  provenance.Digest `json:"policy"`
	Expires time.Time         `json:"expires"`
	Nonce   string            `json:"nonce"`
	Reason  string            `json:"reason,omitempty"`
}

// Validate reports what makes a unusable. An empty Nonce is no mistake here:
// Statement draws one.
func (a Approval) Validate() error {
	switch a.Digest.Algorithm() {
	case provenance.SHA256, provenance.SHA384, provenance.SHA512, provenance.DirHash, provenance.GitCommit, provenance.GitTree:
	case "":
		return errors.New("approval: the digest is missing")
	default:
		return fmt.Errorf("approval: the digest is %s, want one by an algorithm that identifies", a.Digest)
	}
	if a.To == "" {
		return errors.New("approval: /to is missing")
	}
	if a.To == a.From {
		return fmt.Errorf("approval: /from and /to are both %q, want a move", a.To)
	}
	for _, f := range []struct{ at, value string }{{"/from", a.From}, {"/to", a.To}} {
		if len(f.value) > maxEnvironment || !utf8.ValidString(f.value) || strings.ContainsFunc(f.value, unprintable) {
			return fmt.Errorf("approval: %s is %.80q, want printable text of %d bytes at most", f.at, f.value, maxEnvironment)
		}
	}
	if a.Policy.Algorithm() != provenance.SHA256 {
		return fmt.Errorf("approval: /policy is %q, want the sha256 of a policy", a.Policy)
	}
	if year := a.Expires.UTC().Year(); a.Expires.IsZero() || year < 1 || year > 9999 {
		return errors.New("approval: /expires is missing, or not in the years 1 to 9999")
	}
	if len(a.Nonce) > maxNonce || strings.ContainsFunc(a.Nonce, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("approval: /nonce is %.80q, want at most %d printable ASCII characters without spaces", a.Nonce, maxNonce)
	}
	if len(a.Reason) > maxReason || !utf8.ValidString(a.Reason) {
		return fmt.Errorf("approval: /reason has %d bytes, want text of %d at most", len(a.Reason), maxReason)
	}
	return nil
}

// unprintable also holds for what would turn the direction of text.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// newNonce draws a nonce.
func newNonce() string {
	var nonce [16]byte
	rand.Read(nonce[:]) // it never fails
	return hex.EncodeToString(nonce[:])
}

// Statement returns the approval as a statement to sign. With an empty Nonce it
// draws one, so that each call gives another statement; for several people to
// sign the same, call it once.
//
// An approval that is not valid gives a statement without a subject, which
// nobody can sign or marshal; ask [Approval.Validate] for the reason first.
func (a Approval) Statement() *provenance.Statement {
	invalid := a.Validate()
	if a.Nonce == "" {
		a.Nonce = newNonce()
	}
	return statement(ApprovalType, invalid, predicate{a.From, a.To, a.Policy, a.Expires.UTC(), a.Nonce, a.Reason}, provenance.ResourceDescriptor{Digest: provenance.Set(a.Digest)})
}

// ParseApproval reads the Approval in s. It reads nothing but a Statement v1 of
// exactly [ApprovalType], with one subject that has one digest (what was
// consented to is one thing, by one name that nobody can read two ways), whose
// predicate has to, policy, expires and nonce, may have from and reason, and
// has no other member: consent under a condition that we cannot read is none.
func ParseApproval(s *provenance.Statement) (*Approval, error) {
	var p predicate
	if err := open(s, "approval", ApprovalType, &p); err != nil {
		return nil, err
	}
	digest, err := only("approval", s)
	if err != nil {
		return nil, err
	}
	a := &Approval{Digest: digest, From: p.From, To: p.To, Policy: p.Policy, Expires: p.Expires, Nonce: p.Nonce, Reason: p.Reason}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if a.Nonce == "" {
		return nil, errors.New("approval: /nonce is missing")
	}
	return a, nil
}
