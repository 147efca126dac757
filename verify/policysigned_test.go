package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// A team has a key for each name, and a trust file that says who signs what.
type team struct {
	keys  map[string]*keys.Key
	trust *verify.Trust
}

func newTeam(t testing.TB, policies map[string]verify.Quorum, names ...string) *team {
	t.Helper()
	c := &team{keys: map[string]*keys.Key{}, trust: &verify.Trust{Version: 1, Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Principals: map[string]verify.Principal{}, Policies: policies}}
	for _, name := range names {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.keys[name], err = keys.New(private); err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		who, _, _ := strings.Cut(name, "/") // alice/2 is alice's second key
		p := c.trust.Principals[who]
		p.Kind = verify.Person
		p.Keys = append(p.Keys, verify.Key{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
		c.trust.Principals[who] = p
	}
	return c
}

func (c *team) sign(t testing.TB, kind string, body []byte, names ...string) *sign.Bundle {
	t.Helper()
	var signers []sign.Signer
	for _, n := range names {
		signers = append(signers, c.keys[n])
	}
	b, err := sign.Payload(t.Context(), kind, body, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lax(name, pkg, environment string, version int) *verify.Policy {
	return &verify.Policy{Version: version, Name: name, Package: pkg, Environment: environment, Examine: verify.ExamineRule{Mode: verify.ExamineOff},
		Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{Any: true}, Level: verify.AnyLevel, BuildType: "any", Source: verify.SourceRule{Any: true},
			Parameters: map[string]verify.Matcher{"": {Any: true}}}}
}

// TestSignedPolicy is T-39 and more: whose policy counts, and which of its versions.
func TestSignedPolicy(t *testing.T) {
	two := verify.Quorum{AtLeast: 2, Of: []string{"alice", "bob", "carol"}}
	c := newTeam(t, map[string]verify.Quorum{"app": two, "baseline": {AtLeast: 1, Of: []string{"dan"}}}, "alice", "alice/2", "bob", "carol", "dan", "mallory")
	delete(c.trust.Principals, "mallory")
	p := lax("app", "", "", 3)
	body := p.Marshal()
	good := c.sign(t, verify.PolicyType, body, "alice", "bob")
	other := lax("app", "", "", 3)
	other.Examine.Mode = verify.ExamineIfApplicable
	for name, b := range map[string][]*sign.Bundle{
		"two of three":               {good},
		"each apart":                 {c.sign(t, verify.PolicyType, body, "alice"), c.sign(t, verify.PolicyType, body, "carol")},
		"with somebody else besides": {c.sign(t, verify.PolicyType, body, "alice", "bob", "dan", "mallory")},
	} {
		read, err := verify.PolicyReader{Trust: c.trust}.Read(t.Context(), b...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if read.Digest() != p.Digest() {
			t.Errorf("%s: another policy", name)
		}
		if _, err := verify.New(c.trust, read); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired := *c.trust
	expired.Expires = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, bad := range []struct {
		name   string
		ctx    context.Context
		reader verify.PolicyReader
		b      []*sign.Bundle
		want   string
	}{
		{"one of three", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, body, "alice")}, "want 2 of alice, bob, carol"},
		{"one with two keys", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, body, "alice", "alice/2")}, "want 2 of"},
		{"the same twice", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, body, "alice"), c.sign(t, verify.PolicyType, body, "alice")}, "want 2 of"},
		{"another team's", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, body, "alice", "dan")}, "want 2 of"},
		{"a stranger", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, body, "mallory")}, "no trusted key"},
		{"signed as a trust file", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.TrustType, body, "alice", "bob")}, "payload type"},
		{"two different policies", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, body, "alice"), c.sign(t, verify.PolicyType, other.Marshal(), "bob")}, "different policies"},
		{"a policy that nobody is to sign", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, lax("other", "", "", 1).Marshal(), "alice", "bob", "dan")}, "does not say who signs"},
		{"no policy", nil, verify.PolicyReader{}, []*sign.Bundle{c.sign(t, verify.PolicyType, []byte("{}"), "alice", "bob")}, "policy-invalid"},
		{"nothing", nil, verify.PolicyReader{}, nil, "no bundle"},
		{"no bundle", nil, verify.PolicyReader{}, []*sign.Bundle{nil}, "no bundle"},
		{"an older version", nil, verify.PolicyReader{InForce: lax("app", "", "", 4)}, []*sign.Bundle{good}, "version 3 after 4"},
		{"another one of this version", nil, verify.PolicyReader{InForce: other}, []*sign.Bundle{good}, "another policy of version 3"},
		{"of another name", nil, verify.PolicyReader{InForce: lax("app2", "", "", 1)}, []*sign.Bundle{good}, "in place of"},
		{"trust that has expired", nil, verify.PolicyReader{Trust: &expired}, []*sign.Bundle{good}, "past its time"},
		{"canceled", canceled, verify.PolicyReader{}, []*sign.Bundle{good}, "canceled"},
	} {
		if bad.reader.Trust == nil {
			bad.reader.Trust = c.trust
		}
		if bad.ctx == nil {
			bad.ctx = t.Context()
		}
		if p, err := bad.reader.Read(bad.ctx, bad.b...); err == nil || p != nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", bad.name, err, bad.want)
		}
	}
	if _, err := (verify.PolicyReader{}).Read(t.Context(), good); err == nil {
		t.Error("read without trust")
	}
	for _, v := range []int{1, 3} {
		inForce := lax("app", "", "", v)
		if _, err := (verify.PolicyReader{Trust: c.trust, InForce: inForce}).Read(t.Context(), good); err != nil {
			t.Errorf("version 3 after %d: %v", v, err)
		}
	}
	if _, err := (verify.PolicyReader{Trust: c.trust, InForce: lax("app", "", "", 4)}).Read(t.Context(), good); !errors.Is(err, verify.ErrOlderPolicy) {
		t.Errorf("%v, want ErrOlderPolicy", err)
	}
}

// TestUnsignedPolicy wants a policy that trust says is signed to count no other way.
func TestUnsignedPolicy(t *testing.T) {
	c := newTeam(t, map[string]verify.Quorum{"app": {AtLeast: 1, Of: []string{"alice"}}, "baseline": {AtLeast: 1, Of: []string{"dan"}}}, "alice", "dan")
	read := func(name, by string) *verify.Policy {
		p, err := verify.PolicyReader{Trust: c.trust}.Read(t.Context(), c.sign(t, verify.PolicyType, lax(name, "", "", 1).Marshal(), by))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	app, baseline := read("app", "alice"), read("baseline", "dan")
	v, err := verify.New(c.trust, app, baseline, lax("third", "", "", 1)) // the third is nobody's to sign
	if err != nil {
		t.Fatal(err)
	}
	verdict, _ := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(bytes.NewReader([]byte("x")), 1)})
	if got := fmt.Sprint(verdict.Policies[0].SignedBy, verdict.Policies[1].SignedBy, verdict.Policies[2].SignedBy); got != "alicedan" {
		t.Errorf("signed by %s", got)
	}
	if !strings.Contains(verdict.String(), "signed by alice, policy baseline") {
		t.Errorf("the verdict does not say who signed:\n%s", verdict)
	}
	refused := func(name, want string, trust *verify.Trust, p ...*verify.Policy) {
		t.Helper()
		_, err := verify.New(trust, p...)
		var bad *verify.ConfigError
		if !errors.As(err, &bad) || !strings.Contains(bad.Msg, want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	refused("unsigned", "counts only signed", c.trust, lax("app", "", "", 1))
	refused("one of two unsigned", "counts only signed", c.trust, app, lax("baseline", "", "", 1))
	changed := *app
	changed.Version = 2
	refused("changed since", "changed since it was read", c.trust, &changed)
	renamed := *app
	renamed.Name = "baseline"
	refused("renamed", "changed since it was read", c.trust, &renamed)
	later := *c.trust
	later.Policies = map[string]verify.Quorum{"app": {AtLeast: 1, Of: []string{"dan"}}}
	refused("under another trust", "is signed by", &later, app)
}

func TestPolicySet(t *testing.T) {
	policies := []*verify.Policy{
		lax("default", "any", "", 1), lax("default-prod", "any", "prod", 1),
		lax("acme", "pkg:npm/@acme/*", "prod", 1),
		lax("pad", "pkg:npm/%40acme/pad", "prod", 1), lax("pad-security", "pkg:npm/%40acme/pad", "", 1),
		lax("images", "registry.example/acme/*", "prod", 1), lax("deep", "registry.example/acme/team/*", "prod", 1), lax("web", "registry.example/acme/web", "staging", 1),
	}
	set, err := verify.NewPolicySet(policies...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, environment, want string }{
		{"pkg:npm/%40acme/pad@1.0.0", "prod", "pad pad-security"},
		{"pkg:npm/%40acme/pad", "", "pad-security"},
		{"pkg:npm/%40acme/pad", "staging", "none"}, // its own are for prod; the default is not asked
		{"pkg:npm/%40acme/other@1.0.0", "prod", "acme"},
		{"pkg:npm/%40acme-evil/pad@1.0.0", "prod", "default default-prod"},
		{"pkg:npm/%40acme/pad-evil@1.0.0", "prod", "acme"},
		{"pkg:npm/pad@1.0.0", "prod", "default default-prod"},
		{"pkg:npm/pad@1.0.0", "", "default"},
		{"pkg:npm/pad@1.0.0", "staging", "none"},
		{"pkg:pypi/pad@1.0.0", "prod", "default default-prod"},
		{"registry.example/acme/app:1", "prod", "images"},
		{"registry.example/acme/team/app:1", "prod", "deep"},
		{"registry.example/acme/team/sub/app:1", "prod", "default default-prod"},
		{"registry.example/acme/web:1", "prod", "none"},
		{"registry.example/acme/web:1", "staging", "web"},
		{"registry.example.evil/acme/app:1", "prod", "default default-prod"},
		{"evil/registry.example/acme/app:1", "prod", "default default-prod"},
		{"", "prod", "none"},
		{"no name", "prod", "none"},
	} {
		got, err := set.For(c.name, c.environment)
		var names []string
		for _, p := range got {
			names = append(names, p.Name)
		}
		if err != nil {
			names = []string{"none"}
		}
		if strings.Join(names, " ") != c.want {
			t.Errorf("%s in %q: %v (%v), want %s", c.name, c.environment, names, err, c.want)
		}
	}
	without, err := verify.NewPolicySet(policies[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := without.For("pkg:npm/pad@1", "prod"); !errors.Is(err, verify.ErrNoPolicy) {
		t.Errorf("without a default: %v, want ErrNoPolicy", err)
	}
	var none *verify.PolicySet
	if _, err := none.For("pkg:npm/pad@1", "prod"); !errors.Is(err, verify.ErrNoPolicy) {
		t.Errorf("no set: %v", err)
	}
	for name, p := range map[string][]*verify.Policy{
		"none":         nil,
		"nil":          {nil},
		"no package":   {lax("a", "", "", 1)},
		"one name":     {lax("a", "any", "", 1), lax("a", "pkg:generic/x", "", 1)},
		"two spelling": {lax("a", "pkg:npm/@acme/pad", "", 1), lax("b", "pkg:npm/%40acme/pad", "", 1)},
		"invalid":      {{Name: "x"}},
	} {
		if _, err := verify.NewPolicySet(p...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReadDir(t *testing.T) {
	c := newTeam(t, map[string]verify.Quorum{"app": {AtLeast: 2, Of: []string{"alice", "bob"}}}, "alice", "bob")
	line := func(b *sign.Bundle) []byte {
		data, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	body := lax("app", "pkg:generic/app", "", 1).Marshal()
	apart := slices.Concat(line(c.sign(t, verify.PolicyType, body, "alice")), []byte("\n"), line(c.sign(t, verify.PolicyType, body, "bob")), []byte("\n"))
	folder := func(files map[string][]byte) fstest.MapFS {
		m := fstest.MapFS{".hidden": {Data: []byte("x")}, "folder/x.txt": {Data: []byte("x")}, "default.json": {Data: lax("default", "any", "", 1).Marshal()}}
		for name, data := range files {
			m[name] = &fstest.MapFile{Data: data}
		}
		return m
	}
	reader := verify.PolicyReader{Trust: c.trust}
	set, err := reader.ReadDir(t.Context(), folder(map[string][]byte{"app.jsonl": apart}))
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := set.For("pkg:generic/app@1", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.New(c.trust, chosen...); err != nil {
		t.Error(err)
	}
	// Unsigned it is read, and refused where it would be used.
	set, err = reader.ReadDir(t.Context(), folder(map[string][]byte{"app.json": body}))
	if err != nil {
		t.Fatal(err)
	}
	if chosen, err = set.For("pkg:generic/app@1", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := verify.New(c.trust, chosen...); err == nil {
		t.Error("an unsigned policy in a folder counts")
	}
	for name, files := range map[string]map[string][]byte{
		"a file that is no policy":  {"README.md": []byte("x")},
		"a policy by another name":  {"README.md": lax("other", "pkg:generic/other", "", 1).Marshal()},
		"a policy that is broken":   {"b.json": []byte("{}")},
		"signed by too few":         {"b.jsonl": line(c.sign(t, verify.PolicyType, body, "alice"))},
		"the default twice by name": {"b.json": lax("default", "any", "", 2).Marshal()},
	} {
		if _, err := reader.ReadDir(t.Context(), folder(files)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

// TestSpellings is T-16: one person in two spellings is refused, not counted twice.
func TestSpellings(t *testing.T) {
	c := newTeam(t, nil, "alice", "bob")
	c.trust.Authorities = map[string]verify.Authority{"acme": {TrustedRoot: []byte("{}"), AtLeast: verify.AuthorityThreshold{Timestamp: 1}}}
	if _, err := verify.ParseTrust(c.trust.Marshal()); err != nil {
		t.Fatal(err)
	}
	id := func(issuer, email string) []verify.Identity {
		return []verify.Identity{{Authority: "acme", Issuer: issuer, Email: email}}
	}
	for name, other := range map[string]verify.Principal{
		"Alice": {Kind: verify.Person, Identities: id("https://idp.example", "x@acme.example")},
		"carol": {Kind: verify.Person, Identities: id("https://idp.example", "Bob@Acme.example")},
		"dan":   {Kind: verify.Person, Identities: id("https://idp.example/", "bob@acme.example")},
		"eve":   {Kind: verify.Person, Identities: id("https://IDP.example", "bob@acme.example")},
		"frank": {Kind: verify.Person, Keys: c.trust.Principals["alice"].Keys},
	} {
		trust := *c.trust
		trust.Principals = map[string]verify.Principal{"alice": c.trust.Principals["alice"], name: other,
			"bob": {Kind: verify.Person, Identities: id("https://idp.example", "bob@acme.example")}}
		if _, err := verify.ParseTrust(trust.Marshal()); err == nil {
			t.Errorf("%s: one person is two principals", name)
		}
	}
}
