package capsule

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// Schema is the schema member of a capsule's manifest.
const Schema = "https://github.com/touchmark-go/touchmark/capsule/v1"

// The first two members: what is in it, and the digest of that.
const (
	manifestName = "manifest.json"
	sumName      = "manifest.sha256"
)

// A manifest says what is in a capsule, in the order in which it is there.
type manifest struct {
	Schema  string              `json:"schema"`
	At      time.Time           `json:"at"`
	Members []member            `json:"members"`
	Erased  []Erased            `json:"erased,omitempty"`
	Absent  []provenance.Digest `json:"absent,omitempty"`
}

// A member is one file of a capsule.
type member struct {
	Name   string            `json:"name"`
	Size   int64             `json:"size"`
	Digest provenance.Digest `json:"digest"`

	at int64 // where its content begins
}

// An Erased is content that had to go: the ledger still says what it was by its
// digest, and why it went.
type Erased struct {
	Digest provenance.Digest `json:"digest"`
	Record uint64            `json:"record"` // that says so, a Revocation of the kind erasure
	Reason string            `json:"reason"`
}

// compare is the order of digests wherever they are listed.
func compare(a, b provenance.Digest) int { return strings.Compare(a.String(), b.String()) }

// marshal is the manifest in its one form.
func (m *manifest) marshal() ([]byte, error) { return jcs.Marshal(m) }

// sum is the content of the second member, as the program sha256sum reads it.
func sum(manifest []byte) []byte {
	return []byte(provenance.SumSHA256(manifest).Hex() + "  " + manifestName + "\n")
}

// parseManifest reads a manifest, and accepts one spelling of it.
func parseManifest(data []byte) (*manifest, error) {
	m := &manifest{}
	if err := strictjson.UnmarshalClosed(data, m); err != nil {
		return nil, err
	}
	if m.Schema != Schema {
		return nil, fmt.Errorf("/schema is %.80q, want %q", m.Schema, Schema)
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	again, err := m.marshal()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, fmt.Errorf("it is not in the one form that it has (RFC 8785)")
	}
	return m, nil
}

// validate wants known members in their order, and no list with doubles.
func (m *manifest) validate() error {
	if m.At.IsZero() || m.At.Nanosecond() != 0 {
		return fmt.Errorf("/at is %s, want a second", m.At.Format(time.RFC3339Nano))
	}
	if len(m.Members) > MaxMembers {
		return fmt.Errorf("/members has %d members, want at most %d: %w", len(m.Members), MaxMembers, ErrLimit)
	}
	for i, f := range m.Members {
		at := fmt.Sprintf("/members/%d", i)
		if i > 0 && m.Members[i-1].Name >= f.Name {
			return fmt.Errorf("%s: %.100q stands behind %.100q, want them sorted, each once", at, f.Name, m.Members[i-1].Name)
		}
		if f.Size < 0 || f.Size > MaxMember {
			return fmt.Errorf("%s: %.100q has %d bytes, want at most %d: %w", at, f.Name, f.Size, MaxMember, ErrLimit)
		}
		if f.Digest.Algorithm() != provenance.SHA256 {
			return fmt.Errorf("%s/digest is %q, want a sha256", at, f.Digest)
		}
		if kindOf(f) == unknownKind {
			return fmt.Errorf("%s: %.100q is no member of a capsule", at, f.Name)
		}
	}
	for i, e := range m.Erased {
		if i > 0 && compare(m.Erased[i-1].Digest, e.Digest) >= 0 || e.Digest.IsZero() || e.Reason == "" {
			return fmt.Errorf("/erased/%d: want digests with reasons, sorted, each once", i)
		}
	}
	for i, d := range m.Absent {
		if i > 0 && compare(m.Absent[i-1], d) >= 0 || d.IsZero() {
			return fmt.Errorf("/absent/%d: want digests, sorted, each once", i)
		}
	}
	return nil
}

// A kind is what a member is, by its name.
type kind int

const (
	unknownKind kind = iota
	blobKind
	evidenceKind
	checkpointKind
	headsKind
	entriesKind
	plainPolicyKind
	signedPolicyKind
	plainTrustKind
	signedTrustKind
	stateKind
	stateProofKind
)

// The folders of a capsule.
const (
	blobsDir    = "blobs/"
	evidenceDir = "evidence/"
	logDir      = "log/"
	policiesDir = "policies/"
	statesDir   = "states/"
	trustDir    = "trust/"
)

// kindOf tells what a member is, and wants its name to be spelled in one way.
func kindOf(f member) kind {
	if len(f.Name) > maxName {
		return unknownKind
	}
	dir, name, _ := strings.Cut(f.Name, "/")
	switch dir + "/" {
	case blobsDir:
		if f.Name == blobName(f.Digest) {
			return blobKind
		}
	case evidenceDir:
		if _, ok := subjectOf(f.Name); ok {
			return evidenceKind
		}
	case policiesDir:
		if f.Name == policyName(f.Digest, false) {
			return plainPolicyKind
		}
		if f.Name == policyName(f.Digest, true) {
			return signedPolicyKind
		}
	case trustDir:
		if version := trustVersion(name); version > 0 {
			if f.Name == trustName(version, false) {
				return plainTrustKind
			}
			return signedTrustKind
		}
	case logDir:
		return logKind(name)
	case statesDir:
		return stateKindOf(f)
	}
	return unknownKind
}

func blobName(d provenance.Digest) string { return blobsDir + d.Algorithm() + "/" + d.Hex() }

func evidenceName(subject provenance.Digest) string {
	return evidenceDir + subject.Algorithm() + "/" + subject.Hex() + ".jsonl"
}

// subjectOf is the digest that an evidence file is about.
func subjectOf(name string) (provenance.Digest, bool) {
	algorithm, rest, _ := strings.Cut(strings.TrimPrefix(name, evidenceDir), "/")
	d, err := provenance.ParseDigest(algorithm + ":" + strings.TrimSuffix(rest, ".jsonl"))
	return d, err == nil && evidenceName(d) == name
}

func policyName(content provenance.Digest, signed bool) string {
	name := policiesDir + content.Algorithm() + "/" + content.Hex() + ".json"
	if signed {
		name += "l"
	}
	return name
}

// trustName names the trust file of a version, in the order of versions.
func trustName(version int, signed bool) string {
	name := fmt.Sprintf("%s%010d.json", trustDir, version)
	if signed {
		name += "l"
	}
	return name
}

// trustVersion is the version that a name ends in; 0 if it is none.
func trustVersion(name string) int {
	version := 0
	if _, err := fmt.Sscanf(name, "%d.json", &version); err != nil || version < 1 {
		return 0
	}
	if full := trustDir + name; full != trustName(version, false) && full != trustName(version, true) {
		return 0
	}
	return version
}

// sorted is a sorted copy without doubles.
func sorted(digests []provenance.Digest) []provenance.Digest {
	out := slices.Clone(digests)
	slices.SortFunc(out, compare)
	return slices.Compact(out)
}
