package release

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

const (
	maxProduct = 128
	maxTag     = 128
	maxURI     = 2048
)

// statement makes the statement of a record. One that is not valid gives a
// statement without a subject, which nobody can sign or marshal.
func statement(predicateType string, invalid error, predicate any, subjects ...provenance.ResourceDescriptor) *provenance.Statement {
	if invalid == nil {
		if s, err := provenance.New(predicateType, predicate, subjects...); err == nil {
			return s
		}
	}
	return &provenance.Statement{Type: provenance.StatementType, PredicateType: predicateType}
}

// open decodes the predicate of a record into v. It wants a Statement v1 of
// exactly that type, and no member that v has no field for: a record with a
// condition that we cannot read must not be acted upon.
func open(s *provenance.Statement, kind, predicateType string, v any) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.PredicateType != predicateType {
		return fmt.Errorf("predicate type is %.80q, want %q", s.PredicateType, predicateType)
	}
	if s.Type != provenance.StatementType {
		return fmt.Errorf("%s: /_type is %q, want %q", kind, s.Type, provenance.StatementType)
	}
	if err := strictjson.UnmarshalClosed(s.Predicate, v); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// only is the one digest of the one subject of s, which has no other.
func only(kind string, s *provenance.Statement) (provenance.Digest, error) {
	if len(s.Subject) == 1 && len(s.Subject[0].Digest) == 1 {
		if digests := s.Subject[0].Digest.Digests(); len(digests) == 1 {
			return digests[0], nil
		}
	}
	return provenance.Digest{}, fmt.Errorf("%s: want one subject with one digest that is known", kind)
}

// identifies reports whether the digest's algorithm is one that identifies.
func identifies(d provenance.Digest) bool {
	switch d.Algorithm() {
	case provenance.SHA256, provenance.SHA384, provenance.SHA512, provenance.DirHash, provenance.GitCommit, provenance.GitTree:
		return true
	}
	return false
}

// The checks below return an error that begins with the member's pointer.

func checkSHA256(at string, d provenance.Digest, what string) error {
	if d.Algorithm() != provenance.SHA256 {
		return fmt.Errorf("%s is %q, want the sha256 of %s", at, d, what)
	}
	return nil
}

// CheckProduct reports what keeps name from being that of a product.
func CheckProduct(name string) error { return checkProduct("product", name) }

// checkProduct wants what can stand in a file name and before a "#":
// lower-case letters and digits, with single . _ - / between them.
func checkProduct(at, name string) error {
	if name == "" {
		return fmt.Errorf("%s is missing", at)
	}
	ok, between := len(name) <= maxProduct, true
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		ok = ok && (letter || !between && strings.IndexByte("._-/", c) >= 0)
		between = !letter
	}
	if !ok || between {
		return fmt.Errorf("%s is %.80q, want at most %d lower-case letters and digits, with single . _ - / between them", at, name, maxProduct)
	}
	return nil
}

func checkText(at, value string, limit int) error {
	if len(value) > limit || !utf8.ValidString(value) || strings.ContainsFunc(value, unprintable) {
		return fmt.Errorf("%s is %.80q, want printable text of %d bytes at most", at, value, limit)
	}
	return nil
}

func checkEnvironment(at, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", at)
	}
	return checkText(at, value, maxEnvironment)
}

// checkReason allows lines, because people write them.
func checkReason(reason string, required bool) error {
	if required && strings.TrimSpace(reason) == "" {
		return errors.New("/reason is missing")
	}
	if len(reason) > maxReason || !utf8.ValidString(reason) {
		return fmt.Errorf("/reason has %d bytes, want text of %d at most", len(reason), maxReason)
	}
	return nil
}

func checkTime(at string, t time.Time, required bool) error {
	if t.IsZero() && !required {
		return nil
	}
	if year := t.UTC().Year(); t.IsZero() || year < 1 || year > 9999 {
		return fmt.Errorf("%s is missing, or not in the years 1 to 9999", at)
	}
	return nil
}

// prefixed puts the record's kind before an error.
func prefixed(kind string, errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}
