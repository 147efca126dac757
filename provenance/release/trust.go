package release

import (
	"encoding/json"
	"fmt"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/provenance"
)

// GenesisType and TrustType are the predicate types of a [Genesis] and a
// [Trust]. Their documents are docs/predicates/genesis/v1.md and
// docs/predicates/trust/v1.md.
const (
	GenesisType = "https://github.com/touchmark-go/touchmark/predicates/genesis/v1"
	TrustType   = "https://github.com/touchmark-go/touchmark/predicates/trust/v1"
)

// A Genesis is record 0 of a log: the log's name, and the trust file that holds
// until a [Trust] record replaces it. It counts if the root of that very file
// signed it; who pins its bundle's ID needs to believe nothing else.
//
// The zero Genesis is invalid. A Genesis is plain data.
type Genesis struct {
	Origin string          // the log's name, as its checkpoints begin. Required
	Trust  json.RawMessage // the trust file, one JSON object. Required
}

type genesis struct {
	Origin string          `json:"origin"`
	Trust  json.RawMessage `json:"trust"`
}

// Validate reports what makes g unusable. Whether Trust is a trust file is for
// package verify to say.
func (g Genesis) Validate() error {
	_, err := canonicalDigest("/trust", g.Trust)
	if g.Origin == "" {
		err = fmt.Errorf("/origin is missing")
	}
	return prefixed("genesis", checkText("/origin", g.Origin, maxEnvironment), err)
}

// Statement returns the genesis as a statement to sign, about the trust file. One
// that is not valid gives a statement without a subject, which nobody can sign or
// marshal.
func (g Genesis) Statement() *provenance.Statement {
	digest, _ := canonicalDigest("/trust", g.Trust)
	return statement(GenesisType, g.Validate(), genesis(g), provenance.ResourceDescriptor{Digest: provenance.Set(digest)})
}

// ParseGenesis reads the Genesis in s: a Statement v1 of exactly [GenesisType],
// whose subject is the trust file in it, and no member that the document does
// not name.
func ParseGenesis(s *provenance.Statement) (*Genesis, error) {
	var in genesis
	if err := open(s, "genesis", GenesisType, &in); err != nil {
		return nil, err
	}
	g := Genesis(in)
	if err := g.Validate(); err != nil {
		return nil, err
	}
	digest, _ := canonicalDigest("/trust", g.Trust) // which Validate found to have one
	if subject, _ := only("genesis", s); subject != digest {
		return nil, fmt.Errorf("genesis: the subject is not the trust file, %s", digest)
	}
	return &g, nil
}

// A Trust brings the next version of the trust file into force: roles and keys
// are as it says from this record on. The file is signed by itself, by the root
// of the version before it and by its own; who appends it does not matter.
//
// The zero Trust is invalid. A Trust is plain data.
type Trust struct {
	Version  int               // of the trust file. Required, at least 2: the genesis has the first
	Digest   provenance.Digest // verify.Trust.Digest, and the one subject of the statement. Required
	Envelope json.RawMessage   // the signed trust file, one DSSE envelope. Required
}

type trust struct {
	Version  int             `json:"version"`
	Envelope json.RawMessage `json:"envelope"`
}

// Validate reports what makes t unusable. Whether Envelope holds that version,
// and who signed it, is for package verify to say.
func (t Trust) Validate() error {
	var version error
	if t.Version < 2 { // version 1 follows nothing
		version = fmt.Errorf("/version is %d, want at least 2", t.Version)
	}
	_, err := canonicalDigest("/envelope", t.Envelope)
	return prefixed("trust", version, checkSHA256("/subject", t.Digest, "a trust file"), err)
}

// Statement returns the record as a statement to sign. One that is not valid
// gives a statement without a subject, which nobody can sign or marshal.
func (t Trust) Statement() *provenance.Statement {
	return statement(TrustType, t.Validate(), trust{t.Version, t.Envelope}, provenance.ResourceDescriptor{Digest: provenance.Set(t.Digest)})
}

// ParseTrust reads the Trust in s: a Statement v1 of exactly [TrustType] with one
// subject that has one digest, and no member that the document does not name.
func ParseTrust(s *provenance.Statement) (*Trust, error) {
	var in trust
	if err := open(s, "trust", TrustType, &in); err != nil {
		return nil, err
	}
	digest, err := only("trust", s)
	if err != nil {
		return nil, err
	}
	t := &Trust{in.Version, digest, in.Envelope}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return t, nil
}

// canonicalDigest is the SHA-256 of the RFC 8785 form of a JSON object.
func canonicalDigest(at string, data json.RawMessage) (provenance.Digest, error) {
	canonical, err := jcs.Transform(data)
	if err != nil || canonical[0] != '{' {
		return provenance.Digest{}, fmt.Errorf("%s is no JSON object: %v", at, err)
	}
	return provenance.SumSHA256(canonical), nil
}
