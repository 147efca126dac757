package release

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// RevocationType is the predicate type of a [Revocation]. Its document is
// docs/predicates/revocation/v1.md.
const RevocationType = "https://github.com/touchmark-go/touchmark/predicates/revocation/v1"

// A RevocationKind says what is taken back.
type RevocationKind string

// The kinds.
const (
	RevokeAttestation RevocationKind = "attestation" // one signed statement, by the ID of its bundle
	RevokeKey         RevocationKind = "key"         // what a key signed from an instant on
	RevokeBuilder     RevocationKind = "builder"     // what a builder built, in some versions or within a window
	RevokeRelease     RevocationKind = "release"     // a release: it must not be used any more
	Retire            RevocationKind = "retirement"  // a release: what runs may run on, but it moves nowhere any more
	Erase             RevocationKind = "erasure"     // content: it is gone on purpose; its digest and the reason stay
)

// A Revocation takes something back that was said before. It adds a no and can
// never add a yes, so it counts wherever it is found; that none is found means
// nothing unless a ledger says so.
//
// The zero Revocation is invalid. A Revocation is plain data.
type Revocation struct {
	Kind RevocationKind // required
	// Digest is what is taken back: the sign.Bundle.ID of an attestation, the
	// SHA-256 of a key's PKIX form, a [Release.ID], the digest of erased content.
	// It is the one subject of the statement. Of a builder it is the SHA-256 of
	// Builder, and may be left zero.
	Digest provenance.Digest
	// Product is whose release or content it is: required of those, and refused
	// of the other kinds, which concern all products.
	Product string
	// Builder is a builder id, exact, and Versions maps its components to the
	// versions that are meant; a build that has all of them was made by it. Empty
	// means every version.
	Builder  string
	Versions map[string]string
	// Since is the instant from which on it holds, inclusive. It is required of a
	// key. Of a builder it is where the window in which it built begins, and zero
	// is from the beginning; the other kinds have none.
	Since time.Time
	// Until is where a builder's window ends, exclusive; zero is never.
	Until time.Time
	// Reason is in the person's own words, 4,096 bytes at most. Required.
	Reason string
}

// revocation is a Revocation in JSON, in the order of its document.
type revocation struct {
	Kind     RevocationKind    `json:"kind"`
	Product  string            `json:"product,omitempty"`
	Builder  string            `json:"builder,omitempty"`
	Versions map[string]string `json:"versions,omitempty"`
	Since    time.Time         `json:"since,omitzero"`
	Until    time.Time         `json:"until,omitzero"`
	Reason   string            `json:"reason"`
}

const maxVersions = 64 // of a builder's components

// Validate reports what makes r unusable.
func (r Revocation) Validate() error {
	if err := r.validate(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	return nil
}

func (r Revocation) validate() error {
	switch r.Kind {
	case RevokeAttestation, RevokeKey, RevokeRelease, Retire:
		if err := checkSHA256("/subject", r.Digest, "what is revoked"); err != nil {
			return err
		}
	case RevokeBuilder:
		if r.Builder == "" {
			return fmt.Errorf("/builder is missing")
		}
		if !r.Digest.IsZero() && r.Digest != provenance.SumSHA256([]byte(r.Builder)) {
			return fmt.Errorf("/subject is %s, want the sha256 of the builder id", r.Digest)
		}
	case Erase:
		if !identifies(r.Digest) {
			return fmt.Errorf("/subject is %q, want a digest by an algorithm that identifies", r.Digest)
		}
	default:
		return fmt.Errorf("/kind is %.80q, want attestation, key, builder, release, retirement or erasure", r.Kind)
	}
	if ofProduct := r.Kind == RevokeRelease || r.Kind == Retire || r.Kind == Erase; ofProduct {
		if err := checkProduct("/product", r.Product); err != nil {
			return err
		}
	} else if r.Product != "" {
		return fmt.Errorf("/product is %.80q, but a %s is of no product", r.Product, r.Kind)
	}
	if r.Kind != RevokeBuilder && (r.Builder != "" || len(r.Versions) > 0 || !r.Until.IsZero()) {
		return fmt.Errorf("/builder, /versions and /until are for the kind %q alone", RevokeBuilder)
	}
	if r.Kind != RevokeBuilder && r.Kind != RevokeKey && !r.Since.IsZero() {
		return fmt.Errorf("/since is for the kinds %q and %q alone", RevokeKey, RevokeBuilder)
	}
	if err := checkText("/builder", r.Builder, maxURI); err != nil {
		return err
	}
	if err := checkVersions("/versions", r.Versions); err != nil {
		return err
	}
	if err := checkTime("/since", r.Since, r.Kind == RevokeKey); err != nil {
		return err
	}
	if err := checkTime("/until", r.Until, false); err != nil {
		return err
	}
	if !r.Until.IsZero() && !r.Since.Before(r.Until) {
		return fmt.Errorf("/until is not after /since")
	}
	return checkReason(r.Reason, true)
}

// checkVersions checks the versions of a builder's components.
func checkVersions(at string, versions map[string]string) error {
	if len(versions) > maxVersions {
		return fmt.Errorf("%s has %d members, want at most %d", at, len(versions), maxVersions)
	}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		for _, text := range []string{name, versions[name]} {
			if err := checkText(at, text, maxEnvironment); err != nil || text == "" {
				return fmt.Errorf("%s has %.80q, want printable text of 1 to %d bytes", at, text, maxEnvironment)
			}
		}
	}
	return nil
}

// Statement returns the revocation as a statement to sign. One that is not valid
// gives a statement without a subject, which nobody can sign or marshal.
func (r Revocation) Statement() *provenance.Statement {
	invalid := r.Validate()
	if r.Kind == RevokeBuilder {
		r.Digest = provenance.SumSHA256([]byte(r.Builder))
	}
	return statement(RevocationType, invalid,
		revocation{r.Kind, r.Product, r.Builder, r.Versions, r.Since.UTC(), r.Until.UTC(), r.Reason},
		provenance.ResourceDescriptor{Digest: provenance.Set(r.Digest)})
}

// ParseRevocation reads the Revocation in s: a Statement v1 of exactly
// [RevocationType] with one subject that has one digest, and no member that the
// document does not name. What it returns is valid, and its Digest is set.
func ParseRevocation(s *provenance.Statement) (*Revocation, error) {
	var p revocation
	if err := open(s, "revocation", RevocationType, &p); err != nil {
		return nil, err
	}
	digest, err := only("revocation", s)
	if err != nil {
		return nil, err
	}
	r := &Revocation{Kind: p.Kind, Digest: digest, Product: p.Product, Builder: p.Builder, Versions: p.Versions, Since: p.Since, Until: p.Until, Reason: p.Reason}
	if len(r.Versions) == 0 {
		r.Versions = nil
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}
