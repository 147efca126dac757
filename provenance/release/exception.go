package release

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
)

// ExceptionType is the predicate type of an [Exception]. Its document is
// docs/predicates/exception/v1.md.
const ExceptionType = "https://github.com/touchmark-go/touchmark/predicates/exception/v1"

// An Exception is people's consent that one artifact may be used although it
// fails some checks of one policy, until it expires. It names each of them,
// exactly, and reaches no further (docs/threats.md, row 63).
//
// It becomes consent when enough of the people whom the policy names sign one
// and the same [Exception.Statement]: each of them has seen all that is waived.
//
// The zero Exception is invalid. An Exception is plain data.
type Exception struct {
	// Digest is the artifact, and the one subject of the statement. Its algorithm
	// is one of those that identify: sha256, sha384, sha512, dirHash, gitCommit, gitTree.
	Digest provenance.Digest
	// Policy is verify.Policy.Digest of the policy that fails, a SHA-256. Required.
	Policy provenance.Digest
	// Environment is the policy's, and empty if it names none.
	Environment string
	// Checks are what is waived: 1 to 32, none twice.
	Checks []WaivedCheck
	// Reason is why, in people's words, 1 to 4,096 bytes.
	Reason string
	// Expires is the instant from which on it counts for nothing. Required.
	Expires time.Time
	// Nonce tells one exception from the next: 1 to 128 printable ASCII characters
	// without spaces. If it is empty, Statement draws one at random.
	Nonce string
}

// A WaivedCheck names one check as a verdict does.
type WaivedCheck struct {
	Rule string `json:"rule"` // JSON pointer into the policy, exact
	Code string `json:"code"` // of the finding, exact
}

// maxWaived is how many checks an exception may name.
const maxWaived = 32

type exceptionPredicate struct {
	Policy      provenance.Digest `json:"policy"`
	Environment string            `json:"environment,omitempty"`
	Checks      []WaivedCheck     `json:"checks"`
	Reason      string            `json:"reason"`
	Expires     time.Time         `json:"expires"`
	Nonce       string            `json:"nonce"`
}

// Validate reports what makes e unusable. An empty Nonce is no mistake here:
// Statement draws one.
func (e Exception) Validate() error {
	switch e.Digest.Algorithm() {
	case provenance.SHA256, provenance.SHA384, provenance.SHA512, provenance.DirHash, provenance.GitCommit, provenance.GitTree:
	case "":
		return errors.New("exception: the digest is missing")
	default:
		return fmt.Errorf("exception: the digest is %s, want one by an algorithm that identifies", e.Digest)
	}
	if e.Policy.Algorithm() != provenance.SHA256 {
		return fmt.Errorf("exception: /policy is %q, want the sha256 of a policy", e.Policy)
	}
	if len(e.Environment) > maxEnvironment || !utf8.ValidString(e.Environment) || strings.ContainsFunc(e.Environment, unprintable) {
		return fmt.Errorf("exception: /environment is %.80q, want printable text of %d bytes at most", e.Environment, maxEnvironment)
	}
	if len(e.Checks) == 0 || len(e.Checks) > maxWaived {
		return fmt.Errorf("exception: /checks has %d, want 1 to %d", len(e.Checks), maxWaived)
	}
	seen := map[WaivedCheck]bool{}
	for i, c := range e.Checks {
		if !strings.HasPrefix(c.Rule, "/") || len(c.Rule) > maxReason || !utf8.ValidString(c.Rule) {
			return fmt.Errorf("exception: /checks/%d/rule is %.80q, want a JSON pointer", i, c.Rule)
		}
		if c.Code == "" || len(c.Code) > maxNonce || strings.ContainsFunc(c.Code, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return fmt.Errorf("exception: /checks/%d/code is %.80q, want a code of a verdict", i, c.Code)
		}
		if seen[c] {
			return fmt.Errorf("exception: /checks/%d stands there twice", i)
		}
		seen[c] = true
	}
	if e.Reason == "" || len(e.Reason) > maxReason || !utf8.ValidString(e.Reason) {
		return fmt.Errorf("exception: /reason has %d bytes, want text of 1 to %d", len(e.Reason), maxReason)
	}
	if year := e.Expires.UTC().Year(); e.Expires.IsZero() || year < 1 || year > 9999 {
		return errors.New("exception: /expires is missing, or not in the years 1 to 9999")
	}
	if len(e.Nonce) > maxNonce || strings.ContainsFunc(e.Nonce, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("exception: /nonce is %.80q, want at most %d printable ASCII characters without spaces", e.Nonce, maxNonce)
	}
	return nil
}

// Statement returns the exception as a statement to sign. With an empty Nonce it
// draws one, so that each call gives another statement; people sign the same, so
// call it once.
//
// An exception that is not valid gives a statement without a subject, which
// nobody can sign or marshal; ask [Exception.Validate] for the reason first.
func (e Exception) Statement() *provenance.Statement {
	invalid := e.Validate()
	if e.Nonce == "" {
		e.Nonce = newNonce()
	}
	return statement(ExceptionType, invalid, exceptionPredicate{e.Policy, e.Environment, e.Checks, e.Reason, e.Expires.UTC(), e.Nonce}, provenance.ResourceDescriptor{Digest: provenance.Set(e.Digest)})
}

// ParseException reads the Exception in s. It reads nothing but a Statement v1
// of exactly [ExceptionType], with one subject that has one digest, whose
// predicate has the members of its document and no other.
func ParseException(s *provenance.Statement) (*Exception, error) {
	var p exceptionPredicate
	if err := open(s, "exception", ExceptionType, &p); err != nil {
		return nil, err
	}
	digest, err := only("exception", s)
	if err != nil {
		return nil, err
	}
	e := &Exception{Digest: digest, Policy: p.Policy, Environment: p.Environment, Checks: p.Checks, Reason: p.Reason, Expires: p.Expires, Nonce: p.Nonce}
	if err := e.Validate(); err != nil {
		return nil, err
	}
	if e.Nonce == "" {
		return nil, errors.New("exception: /nonce is missing")
	}
	return e, nil
}
