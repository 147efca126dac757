package verify

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// A trustIndex is a Trust made ready to answer: nothing in it changes any more.
type trustIndex struct {
	ref        TrustRef
	expires    time.Time
	keys       []*trustedKey          // sorted by principal, then place
	byID       map[string]*trustedKey // by key ID
	principals map[string]*principal
	roles      map[string][]string
	root       Quorum
	auditors   Quorum
	policies   map[string]Quorum // who signs the policy of a name
	ledger     *Ledger
	sumDBs     []note.Verifier
	releases   *release.Roles
}

// A principal is a Principal made ready.
type principal struct {
	name       string
	kind       Kind
	identities []Identity
	builders   map[string]int
	builderIDs []string // sorted
	verifiers  map[string][]string
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
		root: t.Root.clone(), auditors: t.Auditors.clone(), policies: map[string]Quorum{}}
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
		at := "/authorities/" + strictjson.EscapePointer(name)
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
	identities, names := map[Identity]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Principals)) {
		folded := strings.ToLower(name)
		if other, taken := names[folded]; taken {
			return nil, l.errorf("/principals/"+strictjson.EscapePointer(name), "%q and %q are two spellings of one name: one person is one principal", name, other)
		}
		names[folded] = name
		if err := t.compilePrincipal(l, x, name, identities); err != nil {
			return nil, err
		}
	}
	for _, role := range slices.Sorted(maps.Keys(t.Roles)) {
		at := "/roles/" + strictjson.EscapePointer(role)
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
	for _, q := range []struct {
		at string
		Quorum
	}{{"/root", t.Root}, {"/auditors", t.Auditors}} {
		if q.Of != nil {
			if _, err := x.resolve(l, q.at, q.Quorum); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if x.sumDBs, err = t.compileSumDBs(l); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(t.Policies) {
		at := "/policies/" + strictjson.EscapePointer(name)
		if !validName(name) {
			return nil, l.errorf(at, "%q is no name of a policy", name)
		}
		if _, err := x.resolve(l, at, t.Policies[name]); err != nil {
			return nil, err
		}
		x.policies[name] = t.Policies[name].clone()
	}
	if t.Ledger != nil {
		if t.Ledger.Origin == "" || t.Ledger.Key == "" || t.Ledger.Genesis.IsZero() {
			return nil, l.errorf("/ledger", "origin, key and genesis must all be there")
		}
		if w := t.Ledger.Witnesses; w.AtLeast < 0 || w.AtLeast > len(w.Keys) {
			return nil, l.errorf("/ledger/witnesses/atLeast", "want between 0 and the %d witnesses named", len(w.Keys))
		}
		for i, key := range t.Ledger.Witnesses.Keys {
			if slices.Contains(t.Ledger.Witnesses.Keys[:i], key) {
				return nil, l.errorf(fmt.Sprintf("/ledger/witnesses/keys/%d", i), "the same witness stands here twice: each counts once")
			}
		}
		ledger := *t.Ledger
		ledger.Witnesses.Keys = slices.Clone(ledger.Witnesses.Keys)
		x.ledger = &ledger
	}
	if err := t.compileReleases(l, x); err != nil {
		return nil, err
	}
	x.ref = TrustRef{Version: t.Version, Digest: t.Digest()}
	if x.ref.Digest.IsZero() {
		return nil, l.errorf("", "trust cannot be written down as JSON")
	}
	return x, nil
}

// compilePrincipal checks one principal, its keys and identities.
func (t *Trust) compilePrincipal(l *loader, x *trustIndex, name string, identities map[Identity]string) error {
	in, at := t.Principals[name], "/principals/"+strictjson.EscapePointer(name)
	if !validName(name) {
		return l.errorf(at, "%q is no name of a principal", name)
	}
	if in.Kind != Builder && in.Kind != Person && in.Kind != Service {
		return l.errorf(at+"/kind", "%q is no kind: want builder, person or service", in.Kind)
	}
	if len(in.Keys)+len(in.Identities) == 0 {
		return l.errorf(at, "%q has neither keys nor identities, so it can sign nothing", name)
	}
	p := &principal{name: name, kind: in.Kind, identities: slices.Clone(in.Identities), builders: maps.Clone(in.Builders), builderIDs: slices.Sorted(maps.Keys(in.Builders)), verifiers: map[string][]string{}}
	x.principals[name] = p
	for _, id := range p.builderIDs {
		at := at + "/builders/" + strictjson.EscapePointer(id)
		if err := checkPatternURL(id); err != nil {
			return l.errorf(at, "builder id %q: %v", id, err)
		}
		if level := in.Builders[id]; level < 1 || level > 3 {
			return l.errorf(at, "level %d: want a SLSA build level, 1 to 3", level)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(in.Verifiers)) {
		at := at + "/verifiers/" + strictjson.EscapePointer(id)
		if err := checkPatternURL(id); err != nil || strings.Contains(id, "*") {
			return l.errorf(at, "verifier id %q: want a URL", id)
		}
		if err := l.checkLevels(at, in.Verifiers[id]); err != nil {
			return err
		}
		p.verifiers[id] = slices.Clone(in.Verifiers[id])
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
		for _, s := range []string{id.Workflow, id.Email, id.URI, id.Username} {
			if s != "" {
				n++
			}
		}
		if n != 1 {
			return l.errorf(at, "want exactly one of workflow, email, uri and username")
		}
		if id.Workflow != "" {
			if err := checkPatternURL(id.Workflow); err != nil {
				return l.errorf(at+"/workflow", "%v", err)
			}
		}
		if other, taken := identities[id.folded()]; taken {
			return l.errorf(at, "the same identity, perhaps in another spelling, stands at %s: one identity is one principal's, once", other)
		}
		identities[id.folded()] = at
	}
	return nil
}

// folded is the identity as it is compared with others, so that two spellings of
// one are noticed: mail systems and people disregard the case of addresses, and an
// issuer's slash at the end is no other issuer.
func (i Identity) folded() Identity {
	i.Issuer = strings.ToLower(strings.TrimRight(i.Issuer, "/"))
	i.Email = strings.ToLower(strings.TrimSpace(i.Email))
	i.Workflow, i.URI = strings.ToLower(i.Workflow), strings.ToLower(strings.TrimRight(i.URI, "/"))
	return i
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

// index is t made ready, apart from what the caller may still change in t. A nil
// Trust trusts nobody.
func (t *Trust) index() (*trustIndex, error) {
	if t == nil {
		return nil, &ConfigError{Code: CodeTrustInvalid, Msg: "no trust"}
	}
	data := t.Marshal()
	if t.made != nil && canonicalDigest(data) == t.made.ref.Digest {
		return t.made, nil
	}
	own, err := ParseTrust(data)
	if err != nil {
		return nil, err
	}
	return own.made, nil
}

// expired is the finding that trust is past its time, or nil.
func (x *trustIndex) expired(at time.Time) *Finding {
	if at.Before(x.expires) {
		return nil
	}
	return &Finding{Code: CodeExpiredTrust, Status: Failed, Rule: "trust:/expires", Message: "the trust file is past its time",
		Want: "before " + x.expires.UTC().Format(time.RFC3339), Got: at.UTC().Format(time.RFC3339), Remedy: CodeExpiredTrust.Remedy()}
}
