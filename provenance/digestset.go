package provenance

import (
	"fmt"
	"maps"
	"slices"
)

// A DigestSet names one content by several algorithms (in-toto DigestSet): the
// algorithm's name to the sum, both as in-toto spells them. An algorithm that
// in-toto does not name, such as "arn", is carried and never matches.
type DigestSet map[string]string

// Set makes a DigestSet of digests. A zero Digest adds nothing.
func Set(digests ...Digest) DigestSet {
	set := DigestSet{}
	for _, d := range digests {
		if !d.IsZero() {
			set[d.algorithm] = d.hex
		}
	}
	return set
}

// Get returns the digest by that algorithm, if the set has it and it is well
// formed. What is spelled dirHash1 is found as [DirHash].
func (s DigestSet) Get(algorithm string) (Digest, bool) {
	sum, ok := s[algorithm]
	if !ok && algorithm == DirHash {
		sum, ok = s[dirHash1]
	}
	if !ok || checkSum(algorithm, sum) != nil {
		return Digest{}, false
	}
	return Digest{algorithm, sum}, true
}

// Digests returns the well-formed members whose algorithm is known, sorted by algorithm.
func (s DigestSet) Digests() []Digest {
	var digests []Digest
	for _, algorithm := range slices.Sorted(maps.Keys(s.canonical())) {
		if d, ok := s.Get(algorithm); ok {
			digests = append(digests, d)
		}
	}
	return digests
}

// Validate reports the first member, by algorithm, that is not well formed: a
// sum of a known algorithm that is not lower-case hexadecimal of its length, a
// known algorithm spelled another way (SHA256), an empty name or sum, or text
// that is not printable ASCII. The error of an unusable name quotes it.
func (s DigestSet) Validate() error {
	for _, algorithm := range slices.Sorted(maps.Keys(s)) {
		sum := s[algorithm]
		if algorithm == "" || !plain(algorithm) || sum == "" || !plain(sum) {
			return fmt.Errorf("digest %s is %s, want a name and a sum in printable ASCII without spaces", quote(algorithm), quote(sum))
		}
		if algorithm == dirHash1 {
			if other, ok := s[DirHash]; ok && other != sum {
				return fmt.Errorf("digest has %s and %s, and they differ", DirHash, dirHash1)
			}
			algorithm = DirHash
		}
		if _, known := hexLengths[algorithm]; !known && respelled(algorithm) == "" {
			continue
		}
		if err := checkSum(algorithm, sum); err != nil {
			return err
		}
	}
	return nil
}

// canonical is s with dirHash1 spelled dirHash. It is s itself, or a copy.
func (s DigestSet) canonical() DigestSet {
	sum, ok := s[dirHash1]
	if !ok {
		return s
	}
	c := maps.Clone(s)
	delete(c, dirHash1)
	if _, ok := c[DirHash]; !ok {
		c[DirHash] = sum
	}
	return c
}

// A Match says how a claimed DigestSet stands to that of an artifact. Its zero
// value is NoMatch.
type Match int

const (
	// NoMatch: nothing says that the claim is about the artifact.
	NoMatch Match = iota
	// Matched: by every strong algorithm that both have, and they share at least one.
	Matched
	// Weak: only a weak or unknown algorithm could connect them (md5, sha1, arn).
	// It is no match.
	Weak
	// Conflict: one algorithm says that it is the artifact and a strong one says
	// that it is not. It is no match, and a sign that somebody lies.
	Conflict
)

// String is the outcome in a word: "no match", "match", "weak", "conflict".
func (m Match) String() string {
	switch m {
	case Matched:
		return "match"
	case Weak:
		return "weak"
	case Conflict:
		return "conflict"
	}
	return "no match"
}

// Match holds s, which somebody claims, against artifact, which was computed
// from the bytes. The strong algorithms are the constants of this package; a
// claim matches by at least one of them that both sets have, and only if every
// one that both have agrees.
//
// This is stricter than in-toto, where one agreeing algorithm is enough
// (DigestSet, "matching"), and never accepts what in-toto refuses. A set that is
// not well formed matches nothing. Which strong algorithms make sense is up to
// what the caller computed: a set computed from a file has no gitCommit in it.
func (s DigestSet) Match(artifact DigestSet) Match {
	if s.Validate() != nil || artifact.Validate() != nil {
		return NoMatch
	}
	claimed, computed := s.canonical(), artifact.canonical()
	var agreeStrong, agreeWeak, differStrong, differWeak, hasStrong bool
	for algorithm, sum := range claimed {
		hasStrong = hasStrong || strong(algorithm)
		got, ok := computed[algorithm]
		switch {
		case !ok:
		case strong(algorithm) && got == sum:
			agreeStrong = true
		case strong(algorithm):
			differStrong = true
		case got == sum:
			agreeWeak = true
		default:
			differWeak = true
		}
	}
	switch {
	case differStrong && (agreeStrong || agreeWeak):
		return Conflict
	case differStrong:
		return NoMatch
	case agreeStrong:
		return Matched
	case agreeWeak, !hasStrong && !differWeak && len(claimed) > 0:
		return Weak
	}
	return NoMatch
}
