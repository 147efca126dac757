package layout_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	intoto "github.com/in-toto/in-toto-golang/in_toto"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
)

// now is the instant that the stories are judged at.
var now = time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)

// A person has one key, as in-toto and as trust spell it.
type person struct {
	key     intoto.Key
	pem     string
	private crypto.Signer
}

// A person signs as DSSE does, under in-toto's name of the key.
func (p person) KeyID() (string, error) { return p.key.KeyID, nil }
func (p person) Sign(_ context.Context, data []byte) ([]byte, error) {
	scheme, err := keycheck.DefaultScheme(p.private.Public())
	if err != nil {
		return nil, err
	}
	return keycheck.Sign(scheme, p.private, data)
}

func newPerson(t testing.TB, curve bool) person {
	t.Helper()
	var private crypto.Signer
	var err error
	if curve {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	p := person{private: private, pem: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}
	if err := p.key.LoadKeyReaderDefaults(bytes.NewReader(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))); err != nil {
		t.Fatal(err)
	}
	return p
}

// public is the key without its secret, as a layout holds it.
func (p person) public() intoto.Key {
	k := p.key
	k.KeyVal.Private = ""
	return k
}

func (p person) id() string    { return p.key.KeyID }
func (p person) short() string { return p.key.KeyID[:8] }

// A world is a chain while it is being made: fetch, build (two of ann, ben, cid)
// and pack, which dan's own layout describes.
type world struct {
	people map[string]person
	root   intoto.Layout
	sub    intoto.Layout
	links  map[string]intoto.Link // by file name, without the signer
	signer map[string][]string    // who signs it
	file   map[string]string      // another file name
	owners []string
	dsse   bool
	after  map[string]func([]byte) []byte // what is done to a file
	checks map[string]layout.Inspection
	trust  []string // owners whom trust knows
	at     time.Time
	theirs error // what in-toto-golang said last
}

func sha(text string) intoto.HashObj {
	return intoto.HashObj{"sha256": provenance.SumSHA256([]byte(text)).Hex()}
}

func files(pairs ...string) map[string]intoto.HashObj {
	out := map[string]intoto.HashObj{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = sha(pairs[i+1])
	}
	return out
}

func newLink(name string, materials, products map[string]intoto.HashObj, command ...string) intoto.Link {
	return intoto.Link{Type: "link", Name: name, Materials: materials, Products: products, Command: command,
		ByProducts: map[string]any{"return-value": float64(0), "stdout": "a \"b\" \\ \n\u00e9"}, Environment: map[string]any{}}
}

func newStep(name string, threshold int, keys []string, materials, products [][]string) intoto.Step {
	return intoto.Step{Type: "step", PubKeys: keys, Threshold: threshold, ExpectedCommand: []string{},
		SupplyChainItem: intoto.SupplyChainItem{Name: name, ExpectedMaterials: materials, ExpectedProducts: products}}
}

// people are made once: a key takes longer than a story.
func people(t testing.TB) map[string]person {
	t.Helper()
	out := map[string]person{}
	for i, name := range []string{"olga", "otto", "ann", "ben", "cid", "dan", "eve", "mallory"} {
		out[name] = newPerson(t, i%2 == 0)
	}
	return out
}

func newWorld(people map[string]person) *world {
	w := &world{people: people, owners: []string{"olga", "otto"}, trust: []string{"olga", "otto"}, at: now,
		signer: map[string][]string{}, file: map[string]string{}, after: map[string]func([]byte) []byte{}, checks: map[string]layout.Inspection{}}
	id := func(name string) string { return people[name].id() }
	keys := map[string]intoto.Key{}
	for _, name := range []string{"ann", "ben", "cid", "dan"} {
		keys[id(name)] = people[name].public()
	}
	w.root = intoto.Layout{Type: "layout", Expires: "2027-01-01T00:00:00Z", Readme: "how app is made", Keys: keys, Inspect: []intoto.Inspection{},
		Steps: []intoto.Step{
			newStep("fetch", 1, []string{id("ann")}, [][]string{}, [][]string{{"CREATE", "src/*"}, {"DISALLOW", "*"}}),
			newStep("build", 2, []string{id("ann"), id("ben"), id("cid")},
				[][]string{{"MATCH", "*", "IN", "src", "WITH", "PRODUCTS", "IN", "src", "FROM", "fetch"}, {"DISALLOW", "*"}},
				[][]string{{"CREATE", "app"}, {"ALLOW", "src/*"}, {"DISALLOW", "*"}}),
			newStep("pack", 1, []string{id("dan")},
				[][]string{{"MATCH", "app", "WITH", "PRODUCTS", "FROM", "build"}, {"DISALLOW", "*"}},
				[][]string{{"CREATE", "app.tar"}, {"REQUIRE", "app"}, {"ALLOW", "app"}, {"DISALLOW", "*"}}),
		}}
	w.sub = intoto.Layout{Type: "layout", Expires: "2027-01-01T00:00:00Z", Keys: map[string]intoto.Key{id("eve"): people["eve"].public()}, Inspect: []intoto.Inspection{},
		Steps: []intoto.Step{
			newStep("strip", 1, []string{id("eve")}, [][]string{{"ALLOW", "app"}, {"DISALLOW", "*"}}, [][]string{{"ALLOW", "app"}, {"DISALLOW", "*"}}),
			newStep("tar", 1, []string{id("eve")}, [][]string{{"MATCH", "app", "WITH", "PRODUCTS", "FROM", "strip"}, {"DISALLOW", "*"}},
				[][]string{{"CREATE", "app.tar"}, {"ALLOW", "app"}, {"DISALLOW", "*"}}),
		}}
	source := files("src/main.go", "package main", "src/go.mod", "module app")
	built := files("src/main.go", "package main", "src/go.mod", "module app", "app", "binary")
	w.links = map[string]intoto.Link{
		"fetch":   newLink("fetch", map[string]intoto.HashObj{}, source, "git", "clone"),
		"build/1": newLink("build", source, built, "go", "build"),
		"build/2": newLink("build", source, maps.Clone(built), "go", "build"),
		"strip":   newLink("strip", files("app", "binary"), files("app", "binary")),
		"tar":     newLink("tar", files("app", "binary"), files("app", "binary", "app.tar", "the product")),
	}
	w.signer = map[string][]string{"fetch": {"ann"}, "build/1": {"ann"}, "build/2": {"ben"}, "strip": {"eve"}, "tar": {"eve"}, "pack": {"dan"}}
	return w
}

// metadata signs a layout or a link, in the world's envelope.
func (w *world) metadata(t testing.TB, what any, signers []string) []byte {
	t.Helper()
	if w.dsse { // in-toto-golang's own writer makes no JSON of text with newlines
		var signed []sign.Signer
		for _, name := range signers {
			signed = append(signed, w.people[name])
		}
		if len(signed) == 0 {
			return []byte(`{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []}`)
		}
		b, err := sign.Payload(t.Context(), provenance.PayloadType, mustJSON(what), signed...)
		if err != nil {
			t.Fatal(err)
		}
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return line
	}
	env := &intoto.Metablock{Signed: what}
	for _, name := range signers {
		if err := env.Sign(w.people[name].key); err != nil {
			t.Fatal(err)
		}
	}
	path := t.TempDir() + "/metadata"
	if err := env.Dump(path); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

// chain is the world as files.
func (w *world) chain(t testing.TB) *layout.Chain {
	t.Helper()
	c := &layout.Chain{Layout: w.metadata(t, w.root, w.owners), Files: map[string][]byte{}}
	sub := "pack." + w.people["dan"].short()
	c.Files[sub+".link"] = w.metadata(t, w.sub, w.signer["pack"])
	for _, name := range slices.Sorted(maps.Keys(w.links)) {
		l := w.links[name]
		step := l.Name
		if other := w.file[name]; other != "" {
			step = other
		}
		at := step + "." + w.people[w.signer[name][0]].short() + ".link"
		if name == "strip" || name == "tar" {
			at = sub + "/" + at
		}
		c.Files[at] = w.metadata(t, l, w.signer[name])
	}
	for name, change := range w.after {
		if name == "layout" {
			c.Layout = change(c.Layout)
			continue
		}
		for at := range c.Files {
			if bytes.HasPrefix([]byte(at), []byte(name+".")) || name == at {
				c.Files[at] = change(c.Files[at])
			}
		}
	}
	return c
}

func (w *world) trustFile(t testing.TB) *verify.Trust {
	t.Helper()
	trust := &verify.Trust{Version: 1, Expires: now.AddDate(1, 0, 0), Principals: map[string]verify.Principal{}}
	for _, name := range w.trust {
		trust.Principals[name] = verify.Principal{Kind: verify.Person, Keys: []verify.Key{{PEM: w.people[name].pem}}}
	}
	return trust
}

// judge makes evidence of the chain and asks who vouches for it.
func (w *world) judge(t testing.TB) ([]string, error) {
	t.Helper()
	b, err := w.chain(t).Bundle()
	if err != nil {
		return nil, err
	}
	return w.believe(t, b)
}

// believe asks who vouches for evidence, read back from its line.
func (w *world) believe(t testing.TB, b *sign.Bundle) ([]string, error) {
	t.Helper()
	line, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := sign.Read(bytes.NewReader(line))
	if err != nil || len(read) != 1 || read[0].Err != nil {
		t.Fatal(err, read)
	}
	trust := w.trustFile(t)
	o := verify.Options{Authenticators: []verify.Authenticator{layout.Authenticator{Trust: trust, Inspections: w.checks}}}
	a, err := o.Authenticate(t.Context(), trust, read[0], w.at)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range a.Signatories {
		names = append(names, s.Principal)
	}
	return names, nil
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprint(err)) // of values made here
	}
	return data
}
