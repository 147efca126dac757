// Package history writes histories of a small company's releases into a real
// log, for tests: by chance, and with records that may not be among them.
package history

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/memlog"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A Key signs as whoever it is named after.
type Key string

func (k Key) private() ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(k))
	return ed25519.NewKeyFromSeed(sum[:])
}

// Public is the public key.
func (k Key) Public() ed25519.PublicKey { return k.private().Public().(ed25519.PublicKey) }

// PEM is the public key as a trust file has it.
func (k Key) PEM() string {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		panic(err) // an Ed25519 key has a PKIX form
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Sign implements [sign.Signer].
func (k Key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private(), data), nil
}

// KeyID implements [sign.Signer].
func (k Key) KeyID() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	return provenance.SumSHA256(der).Hex(), err
}

// Trust is the first version of the trust file: ci releases, ann, bob and cy
// manage releases, dan is on call, eve is nobody.
func Trust() *verify.Trust {
	of := func(kind verify.Kind, name string) verify.Principal {
		return verify.Principal{Kind: kind, Keys: []verify.Key{{PEM: Key(name).PEM()}}}
	}
	managers := []string{"managers"}
	way := verify.Product{Versions: release.SemVer, Releasers: []string{"ci"}, Revokers: []string{"ann", "bob"}, Stages: []verify.Stage{
		{Name: "canary", Promoters: []string{"ci"}, Rollback: []string{"dan"}, Deployers: []string{"ci"}},
		{Name: "prod", From: "canary", Soak: time.Hour, Approvals: []verify.Quorum{{AtLeast: 2, Of: managers}}, Promoters: managers, Rollback: []string{"dan"}, Deployers: []string{"ci"},
			Hotfix: &verify.Hotfix{Approvals: []verify.Quorum{{AtLeast: 1, Of: managers}}, Within: 24 * time.Hour}},
	}}
	ci := of(verify.Builder, "ci")
	ci.Builders = map[string]int{"https://github.com/touchmark-go/touchmark/builders/local/v1": 1}
	return &verify.Trust{Version: 1, Expires: time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), Root: verify.Quorum{AtLeast: 2, Of: managers},
		Principals: map[string]verify.Principal{"ci": ci, "ann": of(verify.Person, "ann"), "bob": of(verify.Person, "bob"), "cy": of(verify.Person, "cy"),
			"dan": of(verify.Person, "dan"), "eve": of(verify.Person, "eve"), "security": of(verify.Service, "security")},
		Roles: map[string][]string{"managers": {"ann", "bob", "cy"}}, Revokers: []string{"security"}, Auditors: verify.Quorum{AtLeast: 1, Of: []string{"managers", "eve"}},
		Products: map[string]verify.Product{"app": way, "lib": way}}
}

// A World is a company with its log and its clock.
type World struct {
	T     testing.TB
	Now   time.Time
	Log   *memlog.Log
	Trust *verify.Trust // the newest
	Root  *verify.Trust // that names the log first
}

// New begins a log.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{T: t, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	if w.Log, err = memlog.New("releases.acme.example", func() time.Time { return w.Now }); err != nil {
		t.Fatal(err)
	}
	l := verify.Ledger{Origin: w.Log.ID.Origin, Key: w.Log.ID.Key, Witnesses: verify.LedgerWitnesses{AtLeast: 1, Keys: w.Log.ID.Witnesses}}
	if w.Trust, err = rollout.Begin(t.Context(), w.Log, Trust(), l, Key("ann"), Key("bob")); err != nil {
		t.Fatal(err)
	}
	w.Root = w.Trust
	return w
}

// Add appends a statement that people signed, and returns its bundle.
func (w *World) Add(s *provenance.Statement, people ...string) *sign.Bundle {
	w.T.Helper()
	var signers []sign.Signer
	seen := map[string]bool{}
	for _, name := range people {
		if !seen[name] {
			seen[name] = true
			signers = append(signers, Key(name))
		}
	}
	b, err := sign.Statement(w.T.Context(), s, signers...)
	if err != nil {
		w.T.Fatal(err)
	}
	w.Append(b)
	return b
}

// Append appends a record.
func (w *World) Append(b *sign.Bundle) {
	w.T.Helper()
	if _, err := w.Log.Append(w.T.Context(), b); err != nil {
		w.T.Fatal(err)
	}
}

// Sum is the digest of a text.
func Sum(text string) provenance.Digest { return provenance.SumSHA256([]byte(text)) }

// Build is the release of a version.
func Build(version string) release.Release {
	return release.Release{Product: "app", Version: version, Config: Sum("config"), Subjects: []provenance.ResourceDescriptor{
		{Name: "app", Digest: provenance.Set(Sum("app " + version))}, {Name: "app.deb", Digest: provenance.Set(Sum("deb " + version))}}}
}

// To is the promotion of a release.
func To(stage string, r release.Release, replaces provenance.Digest, approvals ...provenance.Digest) release.Promotion {
	p := release.Promotion{Product: r.Product, Release: r.ID(), Subjects: r.Subjects, To: stage, Replaces: replaces, Policy: Sum(stage + " policy"), VSA: Sum(stage + " verdict " + r.Version), Approvals: approvals}
	if stage == "prod" {
		p.From = "canary"
	}
	return p
}

// Approval is that of a release's way to prod.
func (w *World) Approval(r release.Release, nonce string) *provenance.Statement {
	return release.Approval{Digest: Sum("app " + r.Version), From: "canary", To: "prod", Policy: Sum("prod policy"), Expires: w.Now.Add(4 * time.Hour), Nonce: nonce}.Statement()
}

// Running brings a version all the way to prod, in place of another.
func (w *World) Running(version string, before provenance.Digest) release.Release {
	w.T.Helper()
	r := Build(version)
	w.Add(r.Statement(), "ci")
	w.Add(To("canary", r, before).Statement(), "ci")
	w.Now = w.Now.Add(2 * time.Hour)
	approval := w.Add(w.Approval(r, version), "ann", "bob")
	w.Add(To("prod", r, before, approval.ID()).Statement(), "cy")
	return r
}

// Random appends records by chance: some by who may, some by who may not, some
// about what was never released, changes of the trust file, and lines that are
// no record at all.
func (w *World) Random(seed uint64, steps int) {
	w.T.Helper()
	rnd := rand.New(rand.NewPCG(seed, 11))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	person := func() string { return pick("ci", "ci", "ann", "bob", "cy", "dan", "eve", "security") }
	versions := []string{"1.0.0", "1.0.0", "1.1.0", "1.1.0", "v1.1.0", "1.2.0", "1.3.0-rc.1", "1.x"}
	current := map[string]provenance.Digest{}
	var approvals []provenance.Digest
	replay, err := rollout.NewReplay(w.Log, w.Root, verify.Options{})
	if err != nil {
		w.T.Fatal(err)
	}
	look := func() {
		v, err := replay.View(w.T.Context())
		if err != nil {
			w.T.Fatal(err)
		}
		if s := v.State("app"); s != nil {
			for stage, at := range s.Stages {
				if at.Release > 0 {
					current[stage] = s.Releases[at.Release-1].ID
				}
			}
		}
	}
	for range steps {
		w.Now = w.Now.Add(time.Duration(rnd.IntN(90)) * time.Minute)
		r := Build(pick(versions...))
		if rnd.IntN(12) == 0 {
			r.Product = pick("lib", "other")
		}
		by := []string{person(), person()}
		stage := pick("canary", "prod", "prod", "qa")
		var s *provenance.Statement
		switch rnd.IntN(12) {
		case 0, 1:
			s = r.Statement()
		case 2:
			s = release.Tag{Product: r.Product, Tag: pick("1.0", "v1.0", "stable", "edge"), Release: r.ID(), Digest: Sum(pick("app ", "deb ") + r.Version)}.Statement()
		case 3, 4:
			s = w.Approval(r, pick("1", "2", "3"))
		case 5, 6, 7:
			look()
			p := To(stage, r, current[stage])
			if stage == "prod" {
				for _, id := range approvals {
					if rnd.IntN(2) == 0 && !slices.Contains(p.Approvals, id) {
						p.Approvals = append(p.Approvals, id)
					}
				}
				if rnd.IntN(4) == 0 {
					p.Hotfix, p.Reason = true, "fire"
				}
				if rnd.IntN(4) == 0 {
					p.Tags = []string{pick("prod-1", "stable")}
				}
			}
			s = p.Statement()
		case 8:
			s = release.Rollback{Product: r.Product, Environment: stage, Release: r.ID(), Subjects: r.Subjects, Config: r.Config, Reason: "error rate"}.Statement()
		case 9:
			s = release.Deployment{Product: r.Product, Environment: stage, Release: r.ID(), Subjects: r.Subjects[:1], Config: Sum(pick("config", "another")), Result: release.Running, At: w.Now}.Statement()
		case 10:
			switch rnd.IntN(14) {
			case 0:
				s = release.Revocation{Kind: release.Retire, Product: r.Product, Digest: r.ID(), Reason: "old"}.Statement()
			case 1:
				s = release.Revocation{Kind: release.Erase, Product: r.Product, Digest: Sum("config"), Reason: "a name in it"}.Statement()
			case 2:
				id, _ := Key(pick("cy", "eve")).KeyID()
				d, _ := provenance.ParseDigest("sha256:" + id)
				s = release.Revocation{Kind: release.RevokeKey, Digest: d, Since: w.Now.Add(-time.Hour), Reason: "lost"}.Statement()
			case 3:
				s = release.Revocation{Kind: release.RevokeAttestation, Digest: Sum("prod verdict " + r.Version), Reason: "wrong"}.Statement()
			case 4:
				s = release.Revocation{Kind: release.RevokeRelease, Product: r.Product, Digest: r.ID(), Reason: "leak"}.Statement()
			}
		case 11:
			switch rnd.IntN(4) {
			case 3:
				s = release.Audit{Product: r.Product, State: Sum(pick("state", "another")), Size: uint64(1 + rnd.IntN(40)), Root: Sum("root")}.Statement()
			case 0:
				if _, err := w.Log.AppendData([]byte(pick("{}", "no json", `{"payloadType":"x","payload":"","signatures":[]}`))); err != nil {
					w.T.Fatal(err)
				}
			case 1:
				w.NextTrust(rnd.IntN(3) > 0)
			default:
				b, err := sign.Payload(w.T.Context(), "text/plain", []byte("hello"), Key("ci"))
				if err != nil {
					w.T.Fatal(err)
				}
				w.Append(b)
			}
		}
		if s == nil || s.Validate() != nil {
			continue
		}
		if rnd.IntN(2) == 0 { // by whom it should be
			switch s.PredicateType {
			case release.ApprovalType, release.RevocationType:
				by = []string{"ann", "bob"}
			case release.RollbackType:
				by = []string{"dan"}
			case release.PromotionType:
				by = []string{map[string]string{"prod": "cy"}[stage]}
				if by[0] == "" {
					by[0] = "ci"
				}
			default:
				by = []string{"ci"}
			}
		}
		b := w.Add(s, by...)
		if s.PredicateType == release.ApprovalType {
			approvals = append(approvals, b.ID())
			approvals = approvals[max(0, len(approvals)-5):]
		}
	}
}

// NextTrust appends the next version of the trust file: one more person manages
// releases, or one fewer. If it is not good, one of the two roots did not sign.
func (w *World) NextTrust(good bool) {
	w.T.Helper()
	ctx := w.T.Context()
	next := *w.Trust
	next.Version++
	next.Roles = map[string][]string{"managers": {"ann", "bob", "cy"}}
	if next.Version%2 == 1 {
		next.Roles["managers"] = []string{"ann", "bob", "cy", "dan"}
	}
	parsed, err := verify.ParseTrust(next.Marshal())
	if err != nil {
		w.T.Fatal(err)
	}
	signers := []sign.Signer{Key("ann"), Key("bob")}
	if !good {
		signers = signers[:1]
	}
	signed, err := sign.Payload(ctx, verify.TrustType, parsed.Marshal(), signers...)
	if err != nil {
		w.T.Fatal(err)
	}
	envelope, err := signed.Marshal()
	if err != nil {
		w.T.Fatal(err)
	}
	w.Add(release.Trust{Version: parsed.Version, Digest: parsed.Digest(), Envelope: envelope}.Statement(), "ann")
	if good {
		w.Trust = parsed
	}
}
