package rollout_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

const origin = "releases.acme.example"

// A memory is a log in memory, watched by its own clock.
type memory struct {
	mu      sync.Mutex
	now     func() time.Time
	entries []rollout.Entry
	fail    func(b *sign.Bundle) error // of an append, after which it is there or not
	lose    bool
	size    uint64 // what Head says, if not zero
	origin  string
}

func (m *memory) Append(_ context.Context, b *sign.Bundle) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.entries)
	var err error
	if m.fail != nil {
		err = m.fail(b)
	}
	if err != nil && m.lose {
		return 0, err
	}
	m.entries = append(m.entries, rollout.Entry{Index: uint64(n), Time: m.now(), Bundle: b})
	return uint64(n), err
}

func (m *memory) Head(context.Context) (release.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := sha256.New()
	for _, e := range m.entries {
		h.Write([]byte(e.Bundle.ID().String()))
	}
	head := release.Head{Origin: origin, Size: uint64(len(m.entries)), Root: provenance.SumSHA256(h.Sum(nil)), Time: m.now(), Witnesses: 1}
	if m.size > 0 {
		head.Size = m.size
	}
	if m.origin != "" {
		head.Origin = m.origin
	}
	return head, nil
}

func (m *memory) Records(_ context.Context, from, size uint64) iter.Seq2[rollout.Entry, error] {
	m.mu.Lock()
	entries := m.entries[:min(size, uint64(len(m.entries)))]
	m.mu.Unlock()
	return func(yield func(rollout.Entry, error) bool) {
		for _, e := range entries[min(from, uint64(len(entries))):] {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// A shelf is a store in memory.
type shelf struct {
	mu      sync.Mutex
	bundles map[provenance.Digest][]*sign.Bundle
}

func (s *shelf) Bundles(_ context.Context, d provenance.Digest) ([]*sign.Bundle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*sign.Bundle(nil), s.bundles[d]...), nil
}

func (s *shelf) Push(_ context.Context, d provenance.Digest, bundles ...*sign.Bundle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bundles[d] = append(s.bundles[d], bundles...)
	return nil
}

// A key signs as the person it is named after.
type key string

func (k key) private() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte((string(k) + strings.Repeat(".", 32))[:32]))
}
func (k key) pkix() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.private().Public())
	if err != nil {
		panic(err)
	}
	return der
}
func (k key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private(), data), nil
}
func (k key) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(k.private().Public().(ed25519.PublicKey), data, sig) {
		return fmt.Errorf("no signature of %s", string(k))
	}
	return nil
}
func (k key) Public() any            { return nil }
func (k key) KeyID() (string, error) { return provenance.SumSHA256(k.pkix()).Hex(), nil }

func principal(kind verify.Kind, name string) verify.Principal {
	return verify.Principal{Kind: kind, Keys: []verify.Key{{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key(name).pkix()}))}}}
}

const builderID = "https://github.com/touchmark-go/touchmark/builders/local/v1"

func firstTrust() *verify.Trust {
	ci := principal(verify.Builder, "ci")
	ci.Builders = map[string]int{builderID: 1}
	managers := []string{"managers"}
	return &verify.Trust{Version: 1, Expires: time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), Root: verify.Quorum{AtLeast: 2, Of: managers},
		Principals: map[string]verify.Principal{"ci": ci, "ann": principal(verify.Person, "ann"), "bob": principal(verify.Person, "bob"), "cy": principal(verify.Person, "cy"), "dan": principal(verify.Person, "dan"), "eve": principal(verify.Person, "eve")},
		Roles:      map[string][]string{"managers": {"ann", "bob", "cy"}}, Revokers: []string{"ann"},
		Products: map[string]verify.Product{"app": {Versions: release.SemVer, Releasers: []string{"ci"}, Revokers: managers, Stages: []verify.Stage{
			{Name: "canary", Promoters: []string{"ci"}, Rollback: []string{"dan"}},
			{Name: "prod", From: "canary", Soak: time.Hour, Approvals: []verify.Quorum{{AtLeast: 2, Of: managers}}, Promoters: managers, Rollback: []string{"dan"}, Deployers: []string{"ci"}},
		}}}}
}

// A company is a log with its trust file, and a clock.
type company struct {
	t     testing.TB
	now   time.Time
	log   *memory
	trust *verify.Trust
	store *shelf
}

func newCompany(t *testing.T) *company {
	c := &company{t: t, now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), store: &shelf{bundles: map[provenance.Digest][]*sign.Bundle{}}}
	c.log = &memory{now: func() time.Time { return c.now }}
	trust, err := rollout.Begin(t.Context(), c.log, firstTrust(), verify.Ledger{Origin: origin, Key: "log+00000000+key"}, key("ann"), key("bob"))
	if err != nil {
		t.Fatal(err)
	}
	c.trust = trust
	return c
}

// policy is the target's own: provenance by ci, the stage before, two people.
func (c *company) policy(environment string) *verify.Policy {
	p := &verify.Policy{Version: 1, Name: "app-" + environment, Environment: environment, Examine: verify.ExamineRule{Mode: verify.ExamineOff},
		Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"ci"}}, Level: 1, BuildType: "any", Source: verify.SourceRule{Any: true}, Parameters: map[string]verify.Matcher{"": {Any: true}}}}
	if environment == "prod" {
		p.Approvals = []verify.Quorum{{AtLeast: 2, Of: []string{"managers"}}}
		p.Release = &verify.ReleaseRule{Product: "app", From: "canary", Soak: time.Hour, MaxHeadAge: time.Hour}
	}
	return p
}

// book is that of a person, for promotions to an environment.
func (c *company) book(who, environment string) *rollout.Book {
	v, err := verify.New(c.trust, c.policy(environment))
	if err != nil {
		c.t.Fatal(err)
	}
	return &rollout.Book{Log: c.log, Trust: c.trust, Signer: key(who), Verifier: v, Store: c.store, Now: func() time.Time { return c.now }}
}

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// built builds a version, and puts its provenance into the store.
func (c *company) built(version string) release.Release {
	c.t.Helper()
	d := provenance.SumSHA256([]byte("app " + version))
	subject := provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(d)}
	build := &provenance.Build{BuildDefinition: provenance.BuildDefinition{BuildType: "https://example.com/build/v1", ExternalParameters: map[string]any{"a": "b"}}, RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: builderID}}}
	s, err := build.Statement(subject)
	c.must(err)
	b, err := sign.Statement(c.t.Context(), s, key("ci"))
	c.must(err)
	c.must(c.store.Push(c.t.Context(), d, b))
	return release.Release{Product: "app", Version: version, Config: provenance.SumSHA256([]byte("config")), Subjects: []provenance.ResourceDescriptor{subject}, Provenance: []provenance.Digest{b.ID()}}
}

// approvals are those of people for prod.
func (c *company) approvals(r release.Release, people ...string) []*sign.Bundle {
	c.t.Helper()
	var out []*sign.Bundle
	for _, name := range people {
		d, _ := r.Subjects[0].Digest.Get(provenance.SHA256)
		s := release.Approval{Digest: d, From: "canary", To: "prod", Policy: c.policy("prod").Digest(), Expires: c.now.Add(24 * time.Hour), Nonce: r.Version}.Statement()
		b, err := sign.Statement(c.t.Context(), s, key(name))
		c.must(err)
		out = append(out, b)
	}
	return out
}

func dump(v any) string {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}
