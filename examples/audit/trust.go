package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // P-384, P-521
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A trust is a trust file: docs/policy.md says what its members mean.
type trust struct {
	digest   string
	version  int
	expires  time.Time
	root     quorum
	auditors quorum
	people   map[string]bool
	keys     []key
	revokers []string
	products map[string]rules

	origin, genesis string
	logKey          note.Verifier
	witnesses       []*witness
	atLeast         int
}

// A key is one of a principal's.
type key struct {
	principal, id       string
	public              crypto.PublicKey
	scheme              string
	notBefore, notAfter time.Time
	revoked             time.Time
}

// A quorum is places that people fill, each one at most; the places of a group
// are open to the same people.
type quorum [][]string

// rules are what the trust file says about one product.
type rules struct {
	versions            string
	releasers, revokers []string
	stages              map[string]stageRules
}

type stageRules struct {
	from                           string
	soak                           time.Duration
	approvals                      quorum
	promoters, rollback, deployers []string
	hotfix                         bool
	hotfixApprovals                quorum
	within                         time.Duration
}

// parseTrust reads a trust file. What it does not use it does not check: the file
// counts by its digest, or because its root signed it.
func parseTrust(data []byte) (*trust, error) {
	o, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	form, err := canonical(o)
	if err != nil {
		return nil, err
	}
	t := &trust{digest: digestOf(form), version: o.number("version"), people: map[string]bool{}, products: map[string]rules{}}
	if o.str("schema") != "https://github.com/touchmark-go/touchmark/trust/v1" {
		return nil, fmt.Errorf("the schema is %q", o.str("schema"))
	}
	if t.expires, err = instant(o["expires"]); err != nil || t.expires.IsZero() || t.version < 1 {
		return nil, fmt.Errorf("it has no version or no end: %v", err)
	}
	for name, v := range o.object("principals") {
		p, _ := v.(object)
		t.people[name] = p.str("kind") == "person"
		for _, v := range p.list("keys") {
			k, err := parseKey(name, v)
			if err != nil {
				return nil, fmt.Errorf("a key of %q: %w", name, err)
			}
			t.keys = append(t.keys, k)
		}
	}
	names := func(list []string) (out []string) { // roles are spelled out
		for _, name := range list {
			if _, principal := t.people[name]; principal {
				out = append(out, name)
			} else {
				out = append(out, o.object("roles").strings(name)...)
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	t.root, t.auditors, t.revokers = quorumOf(names, o["root"]), quorumOf(names, o["auditors"]), names(o.strings("revokers"))
	for product, v := range o.object("products") {
		p, _ := v.(object)
		r := rules{versions: p.str("versions"), releasers: names(p.strings("releasers")), revokers: names(p.strings("revokers")), stages: map[string]stageRules{}}
		for _, v := range p.list("stages") {
			s, _ := v.(object)
			stage := stageRules{from: s.str("from"), soak: duration(s.str("soak")), approvals: quorumOf(names, s.list("approvals")...),
				promoters: names(s.strings("promoters")), rollback: names(s.strings("rollback")), deployers: names(s.strings("deployers"))}
			if h := s.object("hotfix"); h != nil {
				stage.hotfix, stage.hotfixApprovals, stage.within = true, quorumOf(names, h.list("approvals")...), duration(h.str("within"))
			}
			r.stages[s.str("name")] = stage
		}
		t.products[product] = r
	}
	return t, t.parseLedger(o.object("ledger"))
}

func (t *trust) parseLedger(o object) (err error) {
	if o == nil {
		return nil
	}
	t.origin, t.genesis = o.str("origin"), o.str("genesis")
	if t.logKey, err = note.NewVerifier(o.str("key")); err != nil {
		return fmt.Errorf("the log's key: %w", err)
	}
	t.atLeast = o.object("witnesses").number("atLeast")
	for _, s := range o.object("witnesses").strings("keys") {
		w, err := parseWitness(s)
		if err != nil {
			return err
		}
		t.witnesses = append(t.witnesses, w)
	}
	return nil
}

// quorumOf reads quorums, all of which must be met: a name, or atLeast and of,
// with further groups in and.
func quorumOf(names func([]string) []string, forms ...any) quorum {
	var q quorum
	for _, form := range forms {
		if name, ok := form.(string); ok {
			q = append(q, names([]string{name}))
			continue
		}
		o, _ := form.(object)
		for range o.number("atLeast") {
			q = append(q, names(o.strings("of")))
		}
		q = append(q, quorumOf(names, o.list("and")...)...)
	}
	return q
}

// missing is how many places stay empty when people take them.
func (q quorum) missing(people []string) int {
	taken := make([]string, len(q))
	var seat func(name string, tried map[int]bool) bool
	seat = func(name string, tried map[int]bool) bool {
		for i, open := range q {
			if tried[i] || !slices.Contains(open, name) {
				continue
			}
			tried[i] = true
			if taken[i] == "" || seat(taken[i], tried) {
				taken[i] = name
				return true
			}
		}
		return false
	}
	empty := len(q)
	for _, name := range people {
		if seat(name, map[int]bool{}) {
			empty--
		}
	}
	return empty
}

func parseKey(principal string, v any) (key, error) {
	o, _ := v.(object)
	k := key{principal: principal, scheme: o.str("scheme")}
	block, _ := pem.Decode([]byte(o.str("pem")))
	if block == nil {
		return k, errors.New("it has no PEM")
	}
	var err, err1, err2, err3 error
	k.public, err = x509.ParsePKIXPublicKey(block.Bytes)
	sum := sha256.Sum256(block.Bytes)
	k.id = hex.EncodeToString(sum[:])
	k.notBefore, err1 = instant(o["notBefore"])
	k.notAfter, err2 = instant(o["notAfter"])
	k.revoked, err3 = instant(o.object("revoked")["at"])
	return k, errors.Join(err, err1, err2, err3)
}

// counts reports whether a signature of that instant counts.
func (k key) counts(at time.Time) bool {
	return !at.Before(k.notBefore) && (k.notAfter.IsZero() || at.Before(k.notAfter)) && (k.revoked.IsZero() || at.Before(k.revoked))
}

// verify checks a signature by the one algorithm that the key has.
func (k key) verify(message, sig []byte) bool {
	sum := func(h crypto.Hash) []byte { w := h.New(); w.Write(message); return w.Sum(nil) }
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, message, sig)
	case *ecdsa.PublicKey:
		hash := map[int]crypto.Hash{256: crypto.SHA256, 384: crypto.SHA384, 521: crypto.SHA512}[public.Curve.Params().BitSize]
		return hash != 0 && ecdsa.VerifyASN1(public, sum(hash), sig)
	case *rsa.PublicKey:
		kind, bits, _ := strings.Cut(strings.TrimPrefix(k.scheme, "rsa-"), "-sha")
		hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[bits]
		switch {
		case hash == 0:
			return false
		case kind == "pss":
			return rsa.VerifyPSS(public, hash, sum(hash), sig, nil) == nil
		case kind == "pkcs1v15":
			return rsa.VerifyPKCS1v15(public, hash, sum(hash), sig) == nil
		}
	}
	return false
}

// An envelope is a DSSE envelope.
type envelope struct {
	payloadType string
	payload     []byte
	signatures  [][]byte
}

// pae is what is signed.
func (e *envelope) pae() []byte {
	return append(fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(e.payloadType), e.payloadType, len(e.payload)), e.payload...)
}

var errBundle = errors.New("it is signed by a certificate or is a Sigstore bundle, which this program does not check")

// parseEvidence reads an envelope, alone or in a Sigstore bundle.
func parseEvidence(line []byte) (*envelope, error) {
	env, err := parseEnvelope(line)
	if errors.Is(err, errBundle) {
		o, _ := decodeObject(line)
		inner, err := json.Marshal(o.object("dsseEnvelope"))
		if err != nil {
			return nil, err
		}
		return parseEnvelope(inner)
	}
	return env, err
}

func parseEnvelope(data []byte) (*envelope, error) {
	o, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	if _, bundle := o["mediaType"]; bundle {
		return nil, errBundle
	}
	e := &envelope{payloadType: o.str("payloadType")}
	payload, ok := o["payload"].(string)
	if e.payload, err = unbase64(payload); err != nil || !ok || e.payloadType == "" || len(o.list("signatures")) == 0 {
		return nil, fmt.Errorf("it is no signed envelope: %v", err)
	}
	for _, v := range o.list("signatures") {
		s, _ := v.(object)
		if _, certificate := s["cert"]; certificate {
			return nil, errBundle
		}
		sig, err := unbase64(s.str("sig"))
		if err != nil || len(sig) == 0 {
			return nil, fmt.Errorf("a signature: %v", err)
		}
		e.signatures = append(e.signatures, sig)
	}
	return e, nil
}

func unbase64(s string) ([]byte, error) {
	if bytes.ContainsAny([]byte(s), "\r\n") {
		return nil, errors.New("base64 in lines")
	}
	if data, err := base64.StdEncoding.Strict().DecodeString(s); err == nil {
		return data, nil
	}
	return base64.URLEncoding.Strict().DecodeString(s)
}

// A signer is a principal, and the key that signed.
type signer struct{ principal, keyID string }

// signers are those of t whose keys signed e and count at that instant.
func (t *trust) signers(e *envelope, at time.Time) []signer {
	var out []signer
	pae := e.pae()
	for _, k := range t.keys {
		if k.counts(at) && slices.ContainsFunc(e.signatures, func(sig []byte) bool { return k.verify(pae, sig) }) {
			out = append(out, signer{k.principal, k.id})
		}
	}
	return out
}

// rootSigned reports whether t's own root signed e.
func (t *trust) rootSigned(e *envelope, at time.Time) bool {
	return len(t.root) > 0 && t.root.missing(principals(t.signers(e, at))) == 0
}

func principals(signers []signer) []string {
	var out []string
	for _, s := range signers {
		out = append(out, s.principal)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// instant reads a time; none is zero.
func instant(v any) (time.Time, error) {
	s, ok := v.(string)
	if v == nil {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !ok || !strings.HasSuffix(s, "Z") {
		return t, fmt.Errorf("%q is no time", s)
	}
	return t, nil
}

// duration reads "90s", "10m", "1h", "7d".
func duration(s string) time.Duration {
	if digits, days := strings.CutSuffix(s, "d"); days {
		n, _ := strconv.Atoi(digits)
		return time.Duration(n) * 24 * time.Hour
	}
	d, _ := time.ParseDuration(s)
	return d
}
