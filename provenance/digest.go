package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
)

// The algorithms that identify files, folders and git objects, by in-toto's
// names (attestation framework, DigestSet). They are the strong ones: only they
// count in [DigestSet.Match]. DirHash is Go's Hash1 over a folder, in
// hexadecimal and without its "h1:"; GitCommit and GitTree are git's own object
// ids, 40 digits or 64.
const (
	SHA256    = "sha256"
	SHA384    = "sha384"
	SHA512    = "sha512"
	GitCommit = "gitCommit"
	GitTree   = "gitTree"
	DirHash   = "dirHash"
)

// dirHash1 is how the specification's own example spells [DirHash]. It is read
// and never written.
const dirHash1 = "dirHash1"

// hexLengths are the lengths, in hexadecimal digits, of the algorithms that
// in-toto names and whose length is fixed. The extendable ones (shake128,
// shake256) have none, so they are carried like an algorithm nobody knows.
// It is never written to.
var hexLengths = map[string][2]int{
	"sha256": {64}, "sha224": {56}, "sha384": {96}, "sha512": {128},
	"sha512_224": {56}, "sha512_256": {64},
	"sha3_224": {56}, "sha3_256": {64}, "sha3_384": {96}, "sha3_512": {128},
	"blake2b": {128}, "blake2s": {64}, "ripemd160": {40}, "sm3": {64}, "gost": {64},
	"sha1": {40}, "md5": {32},
	"gitCommit": {40, 64}, "gitTree": {40, 64}, "gitBlob": {40, 64}, "gitTag": {40, 64},
	"dirHash": {64},
}

// strong reports whether a sum by algorithm may identify something.
func strong(algorithm string) bool {
	switch algorithm {
	case SHA256, SHA384, SHA512, GitCommit, GitTree, DirHash:
		return true
	}
	return false
}

// A Digest names immutable content: an algorithm and a sum. It is comparable,
// and can only be made by [ParseDigest] and by hashing, so that one that is
// not zero is well formed. The zero Digest names nothing; two of them are
// equal as Go values, so ask [Digest.IsZero] before a comparison decides
// something.
type Digest struct{ algorithm, hex string }

// ParseDigest reads the one spelling of a digest, "algorithm:lower-case-hex".
// The algorithm is one that in-toto names, spelled as there, and the sum has
// its length: sha256, sha224, sha384, sha512, sha512_224, sha512_256, sha3_224,
// sha3_256, sha3_384, sha3_512, blake2b, blake2s, ripemd160, sm3, gost, sha1,
// md5, gitCommit, gitTree, gitBlob, gitTag (40 digits or 64) and dirHash.
// "dirHash1:…" is read as dirHash. That a digest can be read does not make it
// worth anything: see [DigestSet.Match].
func ParseDigest(s string) (Digest, error) {
	algorithm, sum, ok := strings.Cut(s, ":")
	if !ok {
		return Digest{}, fmt.Errorf("digest is %s, want algorithm:hex", quote(s))
	}
	if algorithm == dirHash1 {
		algorithm = DirHash
	}
	if err := checkSum(algorithm, sum); err != nil {
		return Digest{}, err
	}
	return Digest{algorithm, sum}, nil
}

// checkSum reports whether sum is one of a known algorithm, in its one spelling.
func checkSum(algorithm, sum string) error {
	want, ok := hexLengths[algorithm]
	if !ok {
		if near := respelled(algorithm); near != "" {
			return fmt.Errorf("digest algorithm is %s, want it spelled %s", quote(algorithm), near)
		}
		return fmt.Errorf("digest algorithm is %s, want one of in-toto's with a fixed length", quote(algorithm))
	}
	if len(sum) != want[0] && (len(sum) != want[1] || want[1] == 0) {
		if want[1] != 0 {
			return fmt.Errorf("%s digest has %d characters, want %d or %d", algorithm, len(sum), want[0], want[1])
		}
		return fmt.Errorf("%s digest has %d characters, want %d", algorithm, len(sum), want[0])
	}
	for i := range len(sum) {
		if c := sum[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("%s digest has %q at character %d, want lower-case hexadecimal", algorithm, sum[i:i+1], i+1)
		}
	}
	return nil
}

// respelled returns the known algorithm that name spells another way (SHA256,
// sha-256, gitcommit), or "". Such a name is an error and not an unknown
// algorithm: whoever folds case would match it, and we would not.
func respelled(name string) string {
	if known := foldedNames()[foldName(name)]; known != name {
		return known
	}
	return ""
}

// foldedNames finds a known algorithm by its folded name. It is never written to.
var foldedNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for known := range hexLengths {
		names[foldName(known)] = known
	}
	return names
})

func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || r == '/' || r == ' ':
			return -1
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// SumSHA256 is the SHA-256 digest of data.
func SumSHA256(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest{SHA256, hex.EncodeToString(sum[:])}
}

// Algorithm is in-toto's name of the algorithm, "" of the zero Digest.
func (d Digest) Algorithm() string { return d.algorithm }

// Hex is the sum in lower-case hexadecimal, "" of the zero Digest.
func (d Digest) Hex() string { return d.hex }

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// String is the spelling that [ParseDigest] reads; the zero Digest prints as "".
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return d.algorithm + ":" + d.hex
}

// MarshalText implements [encoding.TextMarshaler] by [Digest.String].
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] by [ParseDigest]; an
// empty text is the zero Digest.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
