package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A fate is what became of a record.
type fate struct {
	index       int
	time        time.Time
	kind, about string   // about is a product
	by          []string // who signed it, as far as they are known and their key counts
	void        string   // why it has no effect; empty if it has
	same        bool     // all was so already
}

// An outcome is what the records of a log come to, one behind the other.
type outcome struct {
	trust     *trust // in force for the next record
	fates     []fate
	products  map[string]*product
	approvals map[string]*approval
	keys      map[string]time.Time // revoked by a record, since when
	taken     map[string]bool      // attestations that were revoked
	debts     []*debt
	named     map[string]string // content that records name, and what it is
	erased    []erasure
}

// A record is one on its way into the history.
type record struct {
	id        string
	time      time.Time
	statement object // nil if nobody who is known signed it
	signers   []signer
	next      *trust // that it brings into force, if the roots signed it
}

// void is why a record has no effect.
type void string

func (v void) Error() string { return string(v) }

func refuse(format string, args ...any) error { return void(fmt.Sprintf(format, args...)) }

const predicates = "https://github.com/touchmark-go/touchmark/predicates/"

// The types of records. A release is in-toto's own predicate.
const releaseType = "https://in-toto.io/attestation/release/v0.2"

var kinds = map[string]string{
	releaseType: "release", predicates + "genesis/v1": "genesis", predicates + "trust/v1": "trust", predicates + "tag/v1": "tag", predicates + "promotion/v1": "promotion", predicates + "rollback/v1": "rollback",
	predicates + "approval/v1": "approval", predicates + "deployment/v1": "deployment", predicates + "revocation/v1": "revocation",
	predicates + "audit/v1": "audit",
}

// replay applies all records, each by the trust in force at its place, and wants
// the pinned trust file to be one of those that came into force.
func replay(log *treeLog, pinned *trust) (*outcome, error) {
	h := &outcome{products: map[string]*product{}, approvals: map[string]*approval{}, keys: map[string]time.Time{}, taken: map[string]bool{}, named: map[string]string{}}
	for i, data := range log.records {
		r, err := h.read(i, data, log.times[i], pinned)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		f := fate{index: i, time: r.time, by: principals(h.counting(r))}
		switch err := h.apply(r, &f); {
		case err == nil && r.next != nil:
			if r.next.version == pinned.version && r.next.digest != pinned.digest {
				return nil, fmt.Errorf("record %d is another version %d of the trust file", i, pinned.version)
			}
			h.trust = r.next
		case err != nil:
			if !errors.As(err, new(void)) {
				return nil, fmt.Errorf("record %d: %w", i, err)
			}
			f.void = err.Error()
		}
		h.fates = append(h.fates, f)
		if i == 0 && f.void != "" {
			return nil, fmt.Errorf("the genesis is void: %s", f.void)
		}
	}
	if h.trust == nil || h.trust.version < pinned.version {
		return nil, fmt.Errorf("version %d of the trust file is not in the log", pinned.version)
	}
	return h, nil
}

// read finds out who signed a record.
func (h *outcome) read(index int, data []byte, at time.Time, pinned *trust) (*record, error) {
	r := &record{time: at}
	env, err := parseEnvelope(data)
	if errors.Is(err, errBundle) {
		return nil, err
	}
	if err != nil {
		return r, nil // keeps its place
	}
	r.id = digestOf(env.pae())
	if index == 0 {
		if r.id != pinned.genesis {
			return nil, fmt.Errorf("the genesis is %s, and the trust file pins %s", r.id, pinned.genesis)
		}
		r.statement = statementIn(env)
		r.next = genesisTrust(r.statement, env, at)
		return r, nil
	}
	at = h.instant(at)
	expired := !at.Before(h.trust.expires)
	if !expired {
		r.signers = h.trust.signers(env, at)
	}
	if len(r.signers) > 0 && env.payloadType == statementPayload {
		r.statement = statementIn(env)
		r.next = h.nextTrust(r.statement, at)
	} else if s := statementIn(env); expired && s != nil && kinds[s.str("predicateType")] == "trust" {
		// Then nobody's word counts but the root's, or nobody could ever catch up.
		if r.next = h.nextTrust(s, at); r.next != nil {
			r.statement = s
		}
	}
	return r, nil
}

// instant is when to judge a record. One of no known time is judged at the last
// second of the trust in force.
func (h *outcome) instant(at time.Time) time.Time {
	if at.IsZero() {
		return h.trust.expires.Add(-time.Second)
	}
	return at
}

const statementPayload = "application/vnd.in-toto+json"

// statementIn is the in-toto statement in an envelope; nil if there is none.
func statementIn(e *envelope) object {
	if e.payloadType != statementPayload {
		return nil
	}
	s, err := decodeObject(e.payload)
	if err != nil || s.str("_type") != "https://in-toto.io/Statement/v1" || s.str("predicateType") == "" {
		return nil
	}
	return s
}

// genesisTrust is the trust file that a genesis begins with.
func genesisTrust(s object, env *envelope, at time.Time) *trust {
	file, err := canonical(s.object("predicate").object("trust"))
	if s == nil || err != nil {
		return nil
	}
	t, err := parseTrust(file)
	if err != nil {
		return nil
	}
	if at.IsZero() {
		at = t.expires.Add(-time.Second)
	}
	if onlyDigest(s) != t.digest || !t.rootSigned(env, at) {
		return nil
	}
	return t
}

// nextTrust is the trust file in a trust record: the very next version, signed by
// the root of the one in force and by its own.
func (h *outcome) nextTrust(s object, at time.Time) *trust {
	if s == nil || kinds[s.str("predicateType")] != "trust" {
		return nil
	}
	inner, err := canonical(s.object("predicate").object("envelope"))
	if err != nil {
		return nil
	}
	env, err := parseEnvelope(inner)
	if err != nil || env.payloadType != "application/vnd.touchmark.trust+json" || !h.trust.rootSigned(env, at) {
		return nil
	}
	next, err := parseTrust(env.payload)
	if err != nil || next.version != h.trust.version+1 || !next.rootSigned(env, at) || !at.Before(next.expires) || onlyDigest(s) != next.digest {
		return nil
	}
	return next
}

// counting are the signers whose key no record has revoked.
func (h *outcome) counting(r *record) []signer {
	var out []signer
	for _, s := range r.signers {
		since, revoked := h.keys[s.keyID]
		if !revoked || !r.time.IsZero() && r.time.Before(since) {
			out = append(out, s)
		}
	}
	return out
}

// apply finds out what a record is, and does it.
func (h *outcome) apply(r *record, f *fate) error {
	if r.statement == nil {
		return refuse("it is no statement, or nobody who is known signed it")
	}
	p := r.statement.object("predicate")
	f.kind = kinds[r.statement.str("predicateType")]
	switch f.kind {
	case "genesis":
		if f.index != 0 || r.next == nil || !p.only("origin", "trust") {
			return refuse("a log begins once, by the root of its own trust file")
		}
		return nil
	case "trust":
		if r.next == nil || !p.only("version", "envelope") || p.number("version") != r.next.version {
			return refuse("it is not the next version, signed by the root of %d and its own", h.trust.version)
		}
		return nil
	case "approval":
		return h.approve(r, f, p)
	case "revocation":
		return h.revoke(r, f, p)
	case "":
		if strings.HasPrefix(r.statement.str("predicateType"), predicates) && h.mayWrite(f.by) {
			return errors.New("it is of a kind that this program does not know")
		}
		return refuse("it is none of the records")
	}
	if f.kind == "release" {
		if !p.only("purl", predicates+"release/v1") || p.str("purl") == "" {
			return refuse("it is no release of ours")
		}
		p = p.object(predicates + "release/v1")
	}
	ways, known := h.trust.products[p.str("product")]
	if !known {
		return refuse("the trust in force knows no product %q", p.str("product"))
	}
	f.about = p.str("product")
	s := &step{h, r, f, p, ways, h.product(f.about), artifacts(r.statement)}
	if len(s.subjects) == 0 && f.kind != "tag" && f.kind != "audit" {
		return refuse("it names no artifacts, or one twice")
	}
	return map[string]func() error{"release": s.release, "tag": s.tag, "promotion": s.promote, "rollback": s.rollBack, "deployment": s.deploy, "audit": s.audit}[f.kind]()
}

// mayWrite reports whether one of them may write any record.
func (h *outcome) mayWrite(who []string) bool {
	lists := [][]string{h.trust.revokers}
	for _, p := range h.trust.products {
		lists = append(lists, p.releasers, p.revokers)
		for _, s := range p.stages {
			lists = append(lists, s.promoters, s.rollback, s.deployers)
		}
	}
	return among(who, lists...)
}

func among(who []string, lists ...[]string) bool {
	return slices.ContainsFunc(lists, func(list []string) bool {
		return slices.ContainsFunc(who, func(name string) bool { return slices.Contains(list, name) })
	})
}

// artifacts are the subjects of a statement: their digests, by name. None if one
// has no name, stands twice, or has no digest that identifies.
func artifacts(s object) map[string]object {
	out := map[string]object{}
	for _, v := range s.list("subject") {
		a, _ := v.(object)
		name := a.str("name")
		if _, twice := out[name]; twice || name == "" || primary(a.object("digest")) == "" {
			return nil
		}
		out[name] = a.object("digest")
	}
	return out
}

var identifying = []string{"sha256", "sha384", "sha512", "dirHash", "gitCommit", "gitTree"}

// primary is the digest that an artifact is known by.
func primary(set object) string {
	for _, algorithm := range identifying {
		if hex := set.str(algorithm); hex != "" {
			return algorithm + ":" + hex
		}
	}
	return ""
}

// onlyDigest is the digest of a statement that has one subject with one digest.
func onlyDigest(s object) string {
	subjects := s.list("subject")
	if len(subjects) != 1 {
		return ""
	}
	a, _ := subjects[0].(object)
	if set := a.object("digest"); len(set) == 1 {
		for algorithm := range set {
			return algorithm + ":" + set.str(algorithm)
		}
	}
	return ""
}
