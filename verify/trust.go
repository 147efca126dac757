package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// TrustSchema is the schema member of a trust file, and TrustType the payload
// type under which one is signed.
const (
	TrustSchema = "https://github.com/touchmark-go/touchmark/trust/v1"
	TrustType   = "application/vnd.touchmark.trust+json"
)

// A Trust says who: the principals whose word counts, with their keys,
// identities and roles, and which builders may build to which level.
//
// The zero Trust trusts nobody, and is invalid. A Trust is plain data; [New]
// copies it.
type Trust struct {
	Version     int                  // counts up from 1; an older one never replaces a newer one
	Expires     time.Time            // from this instant on nothing is decided by it
	Root        Quorum               // who may sign the next version; zero if nobody may
	Authorities map[string]Authority // who vouches for identities, by name
	Principals  map[string]Principal // by name
	Roles       map[string][]string  // names of principals by role
	Policies    map[string]Quorum    // who signs the policy of a name; one that is named here counts only as [PolicyReader] read it
	Ledger      *Ledger              // nil if there is none
	SumDBs      []string             // keys of Go checksum databases, "NAME+HASH+KEY" as in GOSUMDB; several of one name are all good
	Revokers    []string             // names of principals and roles that may revoke anything in the ledger
	Products    map[string]Product   // whose releases the ledger keeps, by name
	Auditors    Quorum               // who together say what is in the ledger to those who cannot read it; zero is nobody

	made *trustIndex // of what ParseTrust read; believed only while the digest is still that
}

// An Authority vouches for identities and times: a Sigstore instance.
type Authority struct {
	TrustedRoot json.RawMessage    `json:"trustedRoot"` // Sigstore's trusted_root.json
	AtLeast     AuthorityThreshold `json:"atLeast"`     // what must have witnessed a signature
}

// An AuthorityThreshold is how many distinct operators must have witnessed a signature.
type AuthorityThreshold struct {
	Log       int `json:"log"`       // transparency logs; 0 wants none
	Timestamp int `json:"timestamp"` // timestamp authorities; 0 wants none
}

// A Kind is what sort of principal it is. Only persons approve.
type Kind string

// The kinds.
const (
	Builder Kind = "builder"
	Person  Kind = "person"
	Service Kind = "service"
)

// A Principal is one signer, however many keys and identities it has: it
// counts once.
type Principal struct {
	Kind       Kind                `json:"kind"`                 // required
	Keys       []Key               `json:"keys,omitempty"`       // each is this principal's alone
	Identities []Identity          `json:"identities,omitempty"` // each is this principal's alone
	Builders   map[string]int      `json:"builders,omitempty"`   // builder id (URL, or URL@REF with * in REF's last segment) to SLSA build level, 1 to 3
	Verifiers  map[string][]string `json:"verifiers,omitempty"`  // verifier id, exact, to the most that its summaries may say: SLSA levels, properties
}

// A Key is a public key and when it counts.
type Key struct {
	PEM       string         `json:"pem"`                // PKIX ("PUBLIC KEY")
	Scheme    string         `json:"scheme,omitempty"`   // required for RSA; else by the key's type and curve
	NotBefore time.Time      `json:"notBefore,omitzero"` // inclusive; zero is always
	NotAfter  time.Time      `json:"notAfter,omitzero"`  // exclusive; zero is never
	Revoked   *KeyRevocation `json:"revoked,omitempty"`  // nil if it is not
}

// A KeyRevocation says from when on a key's signatures count for nothing.
type KeyRevocation struct {
	At     time.Time `json:"at"`               // inclusive: a signature at this instant counts for nothing
	Reason string    `json:"reason,omitempty"` // for people
}

// An Identity is what an authority's certificates call a principal: an issuer,
// and exactly one of workflow, email, URI and user name.
type Identity struct {
	Authority string `json:"authority"`          // a name among Trust.Authorities
	Issuer    string `json:"issuer"`             // exact
	Workflow  string `json:"workflow,omitempty"` // URL@REF; * stands only in REF's last segment
	Email     string `json:"email,omitempty"`    // exact
	URI       string `json:"uri,omitempty"`      // exact
	Username  string `json:"username,omitempty"` // exact, NAME!DOMAIN as Fulcio writes it
}

// A Ledger is the log that answers about releases.
type Ledger struct {
	Origin    string            `json:"origin"`             // the log's name, as its checkpoints begin (C2SP tlog-checkpoint)
	Key       string            `json:"key"`                // the log's key, as a note verifier spells it
	Genesis   provenance.Digest `json:"genesis"`            // SHA-256 of record 0
	Witnesses LedgerWitnesses   `json:"witnesses,omitzero"` // who must have cosigned a head
}

// LedgerWitnesses says whose cosignatures make a head believable.
type LedgerWitnesses struct {
	AtLeast int      `json:"atLeast"` // how many of Keys must have cosigned a head; 0 is none
	Keys    []string `json:"keys"`    // as note verifiers spell them (C2SP tlog-cosignature); each once
}

// trustFile is the form of a trust file.
type trustFile struct {
	Schema      string                     `json:"schema"`
	Version     int                        `json:"version"`
	Expires     time.Time                  `json:"expires"`
	Root        json.RawMessage            `json:"root,omitempty"`
	Authorities map[string]Authority       `json:"authorities,omitempty"`
	Principals  map[string]Principal       `json:"principals"`
	Roles       map[string][]string        `json:"roles,omitempty"`
	Ledger      *Ledger                    `json:"ledger,omitempty"`
	Revokers    []string                   `json:"revokers,omitempty"`
	Products    map[string]productFile     `json:"products,omitempty"`
	SumDBs      []string                   `json:"sumdbs,omitempty"`
	Auditors    json.RawMessage            `json:"auditors,omitempty"`
	Policies    map[string]json.RawMessage `json:"policies,omitempty"`
}

// maxConfig is the most that a trust file or a policy may be, in bytes.
const maxConfig = 16 << 20

// ParseTrust reads a trust file. The error is a [*ConfigError] that names the
// line; a member that is not in the schema is one.
func ParseTrust(data []byte) (*Trust, error) {
	l := &loader{code: CodeTrustInvalid, data: data}
	if len(data) > maxConfig {
		return nil, &ConfigError{Code: CodeTrustInvalid, Msg: fmt.Sprintf("%d bytes are more than the %d that a trust file may have", len(data), maxConfig)}
	}
	var in trustFile
	if err := l.decode("", data, &in); err != nil {
		return nil, err
	}
	if in.Schema != TrustSchema {
		return nil, l.errorf("/schema", "%q is not the schema of a trust file: want %q", in.Schema, TrustSchema)
	}
	t := &Trust{Version: in.Version, Expires: in.Expires, Authorities: in.Authorities, Principals: in.Principals, Roles: in.Roles, Ledger: in.Ledger, Revokers: in.Revokers, SumDBs: in.SumDBs}
	for _, q := range []struct {
		at   string
		data json.RawMessage
		to   *Quorum
	}{{"/root", in.Root, &t.Root}, {"/auditors", in.Auditors, &t.Auditors}} {
		if q.data != nil {
			var err error
			if *q.to, err = l.quorum(q.at, q.data, false); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range sortedKeys(in.Policies) {
		q, err := l.quorum("/policies/"+strictjson.EscapePointer(name), in.Policies[name], false)
		if err != nil {
			return nil, err
		}
		if t.Policies == nil {
			t.Policies = map[string]Quorum{}
		}
		t.Policies[name] = q
	}
	var err error
	if t.Products, err = l.products(in.Products); err != nil {
		return nil, err
	}
	if t.made, err = t.compile(l); err != nil {
		return nil, err
	}
	if err := l.spelledOut(trustValues); err != nil {
		return nil, err
	}
	return t, nil
}

// trustValues are the values that others explain.
func trustValues(pointer string) bool {
	step := strings.Split(pointer, "/")
	return len(step) == 4 && step[1] == "authorities" && step[3] == "trustedRoot"
}

// Marshal is the trust file that [ParseTrust] reads, indented for people. It
// holds only public keys. It is nil if t cannot be written as JSON.
func (t *Trust) Marshal() []byte {
	principals := maps.Clone(t.Principals)
	for name, p := range principals {
		p.Keys = slices.Clone(p.Keys)
		for i, k := range p.Keys {
			k.NotBefore, k.NotAfter = k.NotBefore.UTC(), k.NotAfter.UTC()
			if k.Revoked != nil {
				k.Revoked = &KeyRevocation{At: k.Revoked.At.UTC(), Reason: k.Revoked.Reason}
			}
			p.Keys[i] = k
		}
		principals[name] = p
	}
	out := trustFile{Schema: TrustSchema, Version: t.Version, Expires: t.Expires.UTC(), Authorities: t.Authorities, Principals: principals, Roles: t.Roles, Ledger: t.Ledger, Revokers: t.Revokers, Products: productFiles(t.Products), SumDBs: t.SumDBs}
	for _, q := range []struct {
		quorum Quorum
		to     *json.RawMessage
	}{{t.Root, &out.Root}, {t.Auditors, &out.Auditors}} {
		if q.quorum.Of != nil {
			var err error
			if *q.to, err = json.Marshal(q.quorum); err != nil {
				return nil
			}
		}
	}
	for name, q := range t.Policies {
		if out.Policies == nil {
			out.Policies = map[string]json.RawMessage{}
		}
		var err error
		if out.Policies[name], err = json.Marshal(q); err != nil {
			return nil
		}
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil // a TrustedRoot that is no JSON: ParseTrust refuses nothing the same way
	}
	return append(data, '\n')
}

// Digest is the SHA-256 of the RFC 8785 form of the trust file; zero if t cannot
// be written.
func (t *Trust) Digest() provenance.Digest { return canonicalDigest(t.Marshal()) }

// canonicalDigest is the SHA-256 of the RFC 8785 form; zero if data is no JSON.
func canonicalDigest(data []byte) provenance.Digest {
	canonical, err := jcs.Transform(data)
	if err != nil {
		return provenance.Digest{}
	}
	return provenance.SumSHA256(canonical)
}
