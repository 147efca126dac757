package verify

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/keycheck"
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
	Ledger      *Ledger              // nil if there is none

	made *trustIndex // of what ParseTrust read; believed only while the digest is still that
}

// An Authority vouches for identities and times: a Sigstore instance.
type Authority struct {
	TrustedRoot json.RawMessage    `json:"trustedRoot"` // Sigstore's trusted_root.json
	AtLeast     AuthorityThreshold `json:"atLeast"`
}

// An AuthorityThreshold is how many distinct operators must have witnessed a signature.
type AuthorityThreshold struct {
	Log       int `json:"log"`
	Timestamp int `json:"timestamp"`
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
	Kind       Kind           `json:"kind"`
	Keys       []Key          `json:"keys,omitempty"`
	Identities []Identity     `json:"identities,omitempty"`
	Builders   map[string]int `json:"builders,omitempty"` // builder id (URL, or URL@REF with * in REF's last segment) to SLSA build level, 1 to 3
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
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// An Identity is what an authority's certificates call a principal: an issuer,
// and exactly one of workflow, email and URI.
type Identity struct {
	Authority string `json:"authority"`
	Issuer    string `json:"issuer"`             // exact
	Workflow  string `json:"workflow,omitempty"` // URL@REF; * stands only in REF's last segment
	Email     string `json:"email,omitempty"`    // exact
	URI       string `json:"uri,omitempty"`      // exact
}

// A Ledger is the log that answers about releases.
type Ledger struct {
	Origin    string            `json:"origin"`
	Key       string            `json:"key"`
	Genesis   provenance.Digest `json:"genesis"`
	Witnesses LedgerWitnesses   `json:"witnesses,omitzero"`
}

// LedgerWitnesses says whose cosignatures make a head believable.
type LedgerWitnesses struct {
	AtLeast int      `json:"atLeast"`
	Keys    []string `json:"keys"`
}

// trustFile is the form of a trust file.
type trustFile struct {
	Schema      string               `json:"schema"`
	Version     int                  `json:"version"`
	Expires     time.Time            `json:"expires"`
	Root        json.RawMessage      `json:"root,omitempty"`
	Authorities map[string]Authority `json:"authorities,omitempty"`
	Principals  map[string]Principal `json:"principals"`
	Roles       map[string][]string  `json:"roles,omitempty"`
	Ledger      *Ledger              `json:"ledger,omitempty"`
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
	t := &Trust{Version: in.Version, Expires: in.Expires, Authorities: in.Authorities, Principals: in.Principals, Roles: in.Roles, Ledger: in.Ledger}
	if in.Root != nil {
		q, err := l.quorum("/root", in.Root, false)
		if err != nil {
			return nil, err
		}
		t.Root = q
	}
	var err error
	if t.made, err = t.compile(l); err != nil {
		return nil, err
	}
	if err := l.spelledOut(trustValues); err != nil {
		return nil, err
	}
	return t, nil
}

// trustValues are the values that others explain.
var trustValues = regexp.MustCompile(`\A/authorities/[^/]*/trustedRoot\z`)

// Marshal is the trust file that [ParseTrust] reads, indented for people. It
// holds only public keys.
func (t *Trust) Marshal() []byte {
	out := trustFile{Schema: TrustSchema, Version: t.Version, Expires: t.Expires.UTC(), Authorities: t.Authorities, Principals: t.Principals, Roles: t.Roles, Ledger: t.Ledger}
	if t.Root.Of != nil {
		out.Root, _ = json.Marshal(t.Root) // strings and an int: cannot fail
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil // a TrustedRoot that is no JSON: ParseTrust refuses nothing the same way
	}
	return append(data, '\n')
}

// Digest is the SHA-256 of the RFC 8785 form of the trust file.
func (t *Trust) Digest() provenance.Digest { return canonicalDigest(t.Marshal()) }

// canonicalDigest is the SHA-256 of the RFC 8785 form; zero if data is no JSON.
func canonicalDigest(data []byte) provenance.Digest {
	canonical, err := jcs.Transform(data)
	if err != nil {
		return provenance.Digest{}
	}
	return provenance.SumSHA256(canonical)
}

// A trustIndex is a Trust made ready to answer: nothing in it changes any more.
type trustIndex struct {
	ref        TrustRef
	expires    time.Time
	keys       []*trustedKey          // sorted by principal, then place
	byID       map[string]*trustedKey // by key ID
	principals map[string]*principal
	roles      map[string][]string
	root       Quorum
	ledger     *Ledger
}

// A principal is a Principal made ready.
type principal struct {
	name       string
	kind       Kind
	identities []Identity
	builders   map[string]int
	builderIDs []string // sorted
}

// A trustedKey is a Key made ready.
type trustedKey struct {
	Key
	id        string
	public    crypto.PublicKey
	scheme    string
	principal *principal
	pointer   string // where it stands in trust
}

// compile checks everything about t and makes it ready.
func (t *Trust) compile(l *loader) (*trustIndex, error) {
	x := &trustIndex{expires: t.Expires, byID: map[string]*trustedKey{}, principals: map[string]*principal{}, roles: map[string][]string{},
		root: Quorum{AtLeast: t.Root.AtLeast, Of: slices.Clone(t.Root.Of)}}
	if t.Version < 1 {
		return nil, l.errorf("/version", "version must be there and at least 1")
	}
	if t.Expires.IsZero() {
		return nil, l.errorf("/expires", "expires must be there: trust that never ends is never looked at again")
	}
	if len(t.Principals) == 0 {
		return nil, l.errorf("/principals", "principals must name somebody")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Authorities)) {
		a := t.Authorities[name]
		at := "/authorities/" + escapePointer(name)
		if !validName(name) {
			return nil, l.errorf(at, "%q is no name of an authority", name)
		}
		if len(a.TrustedRoot) == 0 {
			return nil, l.errorf(at, "trustedRoot must be there")
		}
		if a.AtLeast.Log < 0 || a.AtLeast.Timestamp < 0 || a.AtLeast.Log+a.AtLeast.Timestamp < 1 {
			return nil, l.errorf(at+"/atLeast", "want at least one log or timestamp: an authority without either gives no time")
		}
	}
	identities := map[Identity]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Principals)) {
		if err := t.compilePrincipal(l, x, name, identities); err != nil {
			return nil, err
		}
	}
	for _, role := range slices.Sorted(maps.Keys(t.Roles)) {
		at := "/roles/" + escapePointer(role)
		if !validName(role) {
			return nil, l.errorf(at, "%q is no name of a role", role)
		}
		if _, taken := t.Principals[role]; taken {
			return nil, l.errorf(at, "%q is a principal too: roles and principals share one namespace", role)
		}
		if len(t.Roles[role]) == 0 {
			return nil, l.errorf(at, "role %q has nobody in it", role)
		}
		seen := map[string]bool{}
		for i, name := range t.Roles[role] {
			if _, known := t.Principals[name]; !known {
				return nil, l.errorf(fmt.Sprintf("%s/%d", at, i), "%q is no principal", name)
			}
			if seen[name] {
				return nil, l.errorf(fmt.Sprintf("%s/%d", at, i), "%q stands here twice", name)
			}
			seen[name] = true
		}
		x.roles[role] = slices.Clone(t.Roles[role])
	}
	if t.Root.Of != nil {
		if _, err := x.resolve(l, "/root", t.Root); err != nil {
			return nil, err
		}
	}
	if t.Ledger != nil {
		if t.Ledger.Origin == "" || t.Ledger.Key == "" || t.Ledger.Genesis.IsZero() {
			return nil, l.errorf("/ledger", "origin, key and genesis must all be there")
		}
		if w := t.Ledger.Witnesses; w.AtLeast < 0 || w.AtLeast > len(w.Keys) {
			return nil, l.errorf("/ledger/witnesses/atLeast", "want between 0 and the %d witnesses named", len(w.Keys))
		}
		ledger := *t.Ledger
		ledger.Witnesses.Keys = slices.Clone(ledger.Witnesses.Keys)
		x.ledger = &ledger
	}
	x.ref = TrustRef{Version: t.Version, Digest: t.Digest()}
	if x.ref.Digest.IsZero() {
		return nil, l.errorf("", "trust cannot be written down as JSON")
	}
	return x, nil
}

// compilePrincipal checks one principal, its keys and identities.
func (t *Trust) compilePrincipal(l *loader, x *trustIndex, name string, identities map[Identity]string) error {
	in, at := t.Principals[name], "/principals/"+escapePointer(name)
	if !validName(name) {
		return l.errorf(at, "%q is no name of a principal", name)
	}
	if in.Kind != Builder && in.Kind != Person && in.Kind != Service {
		return l.errorf(at+"/kind", "%q is no kind: want builder, person or service", in.Kind)
	}
	if len(in.Keys)+len(in.Identities) == 0 {
		return l.errorf(at, "%q has neither keys nor identities, so it can sign nothing", name)
	}
	p := &principal{name: name, kind: in.Kind, identities: slices.Clone(in.Identities), builders: maps.Clone(in.Builders), builderIDs: slices.Sorted(maps.Keys(in.Builders))}
	x.principals[name] = p
	for _, id := range p.builderIDs {
		at := at + "/builders/" + escapePointer(id)
		if err := checkPatternURL(id); err != nil {
			return l.errorf(at, "builder id %q: %v", id, err)
		}
		if level := in.Builders[id]; level < 1 || level > 3 {
			return l.errorf(at, "level %d: want a SLSA build level, 1 to 3", level)
		}
	}
	for i, key := range in.Keys {
		at := fmt.Sprintf("%s/keys/%d", at, i)
		k, err := compileKey(key)
		if err != nil {
			return l.errorf(at, "%v", err)
		}
		k.principal, k.pointer = p, at
		if other := x.byID[k.id]; other != nil {
			return l.errorf(at, "the same key stands at %s: one key is one principal's, once", other.pointer)
		}
		x.byID[k.id] = k
		x.keys = append(x.keys, k)
	}
	for i, id := range in.Identities {
		at := fmt.Sprintf("%s/identities/%d", at, i)
		if _, known := t.Authorities[id.Authority]; !known {
			return l.errorf(at+"/authority", "%q is no authority of this file", id.Authority)
		}
		if id.Issuer == "" {
			return l.errorf(at+"/issuer", "issuer must be there: without it any issuer could name this identity")
		}
		n := 0
		for _, s := range []string{id.Workflow, id.Email, id.URI} {
			if s != "" {
				n++
			}
		}
		if n != 1 {
			return l.errorf(at, "want exactly one of workflow, email and uri")
		}
		if id.Workflow != "" {
			if err := checkPatternURL(id.Workflow); err != nil {
				return l.errorf(at+"/workflow", "%v", err)
			}
		}
		if other, taken := identities[id]; taken {
			return l.errorf(at, "the same identity stands at %s: one identity is one principal's, once", other)
		}
		identities[id] = at
	}
	return nil
}

// compileKey checks one key.
func compileKey(in Key) (*trustedKey, error) {
	public, err := keycheck.ParsePKIX([]byte(in.PEM))
	if err != nil {
		return nil, err
	}
	id, err := keycheck.ID(public)
	if err != nil {
		return nil, err
	}
	scheme := in.Scheme
	if scheme == "" {
		if scheme, err = keycheck.DefaultScheme(public); err != nil {
			return nil, err
		}
	}
	if err := keycheck.Fits(scheme, public); err != nil {
		return nil, err
	}
	if own, err := keycheck.DefaultScheme(public); err == nil && scheme != own && scheme != strings.Replace(own, "ecdsa-", "ecdsa-p1363-", 1) {
		return nil, fmt.Errorf("scheme %q: the hash of an ECDSA key follows its curve, want %q", scheme, own)
	}
	if !in.NotAfter.IsZero() && !in.NotBefore.Before(in.NotAfter) {
		return nil, fmt.Errorf("notAfter %s is not after notBefore", in.NotAfter.Format(time.RFC3339))
	}
	if in.Revoked != nil && in.Revoked.At.IsZero() {
		return nil, fmt.Errorf("revoked without at: say since when")
	}
	if in.Revoked != nil {
		revoked := *in.Revoked
		in.Revoked = &revoked
	}
	return &trustedKey{Key: in, id: id, public: public, scheme: scheme}, nil
}

// resolve turns a quorum's names into the set of principals, and refuses one
// that can never be met.
func (x *trustIndex) resolve(l *loader, pointer string, q Quorum) (map[string]bool, error) {
	set := map[string]bool{}
	if q.Any {
		for name := range x.principals {
			set[name] = true
		}
		return set, nil
	}
	for i, name := range q.Of {
		if _, known := x.principals[name]; known {
			set[name] = true
		} else if members, known := x.roles[name]; known {
			for _, m := range members {
				set[m] = true
			}
		} else {
			return nil, l.errorf(fmt.Sprintf("%s/of/%d", pointer, i), "%q is neither a principal nor a role of the trust file", name)
		}
	}
	if q.AtLeast > len(set) {
		return nil, l.errorf(pointer+"/atLeast", "%d of the %d principals named can never be met", q.AtLeast, len(set))
	}
	return set, nil
}

// Rotate is the next version of t, in which principal's keys that are still
// open end at at and key begins there. Evidence by the old keys with a trusted
// time before at stays good. Sign it with [TrustType] by the root quorum.
func (t *Trust) Rotate(name string, key crypto.PublicKey, at time.Time) (*Trust, error) {
	next, err := ParseTrust(t.Marshal())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("key of %q: %w", name, err)
	}
	p, known := next.Principals[name]
	if !known {
		return nil, fmt.Errorf("%q is no principal of the trust file", name)
	}
	at = at.UTC().Truncate(time.Second)
	scheme := ""
	for i, k := range p.Keys {
		scheme = k.Scheme
		if k.NotAfter.IsZero() || k.NotAfter.After(at) {
			p.Keys[i].NotAfter = at
		}
	}
	added := Key{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), NotBefore: at}
	if _, err := keycheck.DefaultScheme(key); err != nil {
		added.Scheme = scheme
	}
	p.Keys = append(p.Keys, added)
	next.Principals[name] = p
	next.Version++
	return ParseTrust(next.Marshal())
}
