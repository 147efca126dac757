package provenance

import "errors"

var errNotYet = errors.New("provenance: not yet")

// The algorithms that identify files, folders and git objects, by in-toto's
// names (attestation framework, DigestSet).
const (
	SHA256    = "sha256"
	SHA384    = "sha384"
	SHA512    = "sha512"
	GitCommit = "gitCommit"
	GitTree   = "gitTree"
	DirHash   = "dirHash"
)

// A Digest names immutable content: an algorithm and a sum. It is comparable,
// and can only be made by [ParseDigest] and by hashing, so that one that is
// not zero is well formed. The zero Digest names nothing and equals no other.
type Digest struct{ algorithm, hex string }

// ParseDigest reads the one spelling "algorithm:lower-case-hex" of an
// algorithm whose length is known.
func ParseDigest(s string) (Digest, error) { return Digest{}, errNotYet }

// SumSHA256 is the SHA-256 digest of data.
func SumSHA256(data []byte) Digest { return Digest{} }

// Algorithm is in-toto's name of the algorithm.
func (d Digest) Algorithm() string { return d.algorithm }

// Hex is the sum in lower-case hexadecimal.
func (d Digest) Hex() string { return d.hex }

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// String is the spelling that [ParseDigest] reads; the zero Digest prints as "".
func (d Digest) String() string { return "" }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return nil, errNotYet }

// UnmarshalText implements [encoding.TextUnmarshaler] by [ParseDigest]; an empty text is the zero Digest.
func (d *Digest) UnmarshalText(text []byte) error { return errNotYet }

// A DigestSet names one content by several algorithms: in-toto's name of the
// algorithm to the sum, as in-toto spells it.
type DigestSet map[string]string

// Set makes a DigestSet of digests. A zero Digest adds nothing.
func Set(digests ...Digest) DigestSet { return nil }

// Get returns the digest by that algorithm, if the set has it and it is well formed.
func (s DigestSet) Get(algorithm string) (Digest, bool) { return Digest{}, false }

// Digests returns the well-formed members whose algorithm is known, sorted by algorithm.
func (s DigestSet) Digests() []Digest { return nil }
