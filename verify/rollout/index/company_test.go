package index_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
	"github.com/touchmark-go/touchmark/verify/rollout/index"
)

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

const origin = "releases.acme.example"

// A key signs as whom it is named after.
type key struct{ private ed25519.PrivateKey }

func keyOf(name string) key {
	return key{ed25519.NewKeyFromSeed([]byte((name + strings.Repeat(".", 32))[:32]))}
}

func (k key) pkix() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		panic(err)
	}
	return der
}

func (k key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.private, data), nil
}

func (k key) Verify(context.Context, []byte, []byte) error { return nil }
func (k key) Public() any                                  { return nil }
func (k key) KeyID() (string, error)                       { return provenance.SumSHA256(k.pkix()).Hex(), nil }

var people = map[string]key{"ci": keyOf("ci"), "ann": keyOf("ann"), "bob": keyOf("bob"), "eve": keyOf("eve")}

func principal(name string) verify.Principal {
	p := verify.Principal{Kind: verify.Person, Keys: []verify.Key{{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: people[name].pkix()}))}}}
	if name == "ci" {
		p.Kind, p.Builders = verify.Builder, map[string]int{"https://example.com/builder": 1}
	}
	return p
}

func product(n int) string { return fmt.Sprintf("service-%d", n) }

// A company has a log in a folder, and so many products.
type company struct {
	t     testing.TB
	log   *tessera.Log
	id    ledger.Log
	dir   string
	trust *verify.Trust
	lines []*line
}

// A line is the releases of one product.
type line struct {
	product      string
	n            int               // how many there are
	canary, prod provenance.Digest // what they are at
}

func newCompany(t testing.TB, products int) *company {
	t.Helper()
	return newCompanyIn(t, t.TempDir(), products)
}

// newCompanyIn begins a log in a folder, or goes on with the one that is there.
func newCompanyIn(t testing.TB, dir string, products int) *company {
	t.Helper()
	c := &company{t: t, dir: dir}
	for n := range products {
		c.lines = append(c.lines, &line{product: product(n)})
	}
	keyFile, trustFile := filepath.Join(dir, "test-key"), filepath.Join(dir, "test-trust")
	private, public, err := tessera.NewKey(origin)
	c.must(err)
	if old, err := os.ReadFile(keyFile); err == nil {
		private = string(old)
		public, err = tessera.PublicKey(private)
		c.must(err)
	}
	c.must(os.MkdirAll(filepath.Join(dir, "test-witness"), 0o700))
	witness, err := ledger.NewSigner(origin+"/witness", ed25519.NewKeyFromSeed(make([]byte, 32)))
	c.must(err)
	w, err := tessera.NewWitness(witness, filepath.Join(dir, "test-witness"), ledger.Log{Origin: origin, Key: public})
	c.must(err)
	c.id = ledger.Log{Origin: origin, Key: public, Witnesses: []string{witness.Key()}, AtLeast: 1}
	c.log, err = tessera.Options{AtLeast: 1, Witnesses: []tessera.Endpoint{{Key: witness.Key(), Local: w}}}.Open(c.dir, private)
	c.must(err)
	t.Cleanup(func() { c.log.Close() })
	if old, err := os.ReadFile(trustFile); err == nil {
		c.trust, err = verify.ParseTrust(old)
		c.must(err)
		return c
	}
	managers := []string{"ann", "bob"}
	first := &verify.Trust{Version: 1, Expires: time.Now().AddDate(1, 0, 0), Root: verify.Quorum{AtLeast: 2, Of: managers},
		Principals: map[string]verify.Principal{}, Revokers: []string{"ann"}, Products: map[string]verify.Product{}}
	for name := range people {
		first.Principals[name] = principal(name)
	}
	for n := range products {
		first.Products[product(n)] = verify.Product{Versions: release.SemVer, Releasers: []string{"ci"}, Revokers: managers, Stages: []verify.Stage{
			{Name: "canary", Promoters: []string{"ci"}, Rollback: managers, Deployers: []string{"ci"}},
			{Name: "prod", From: "canary", Approvals: []verify.Quorum{{AtLeast: 2, Of: managers}}, Promoters: []string{"ci"}, Rollback: managers, Deployers: []string{"ci"}},
		}}
	}
	c.trust, err = rollout.Begin(t.Context(), c.log, first, verify.Ledger{Origin: origin, Key: public, Witnesses: verify.LedgerWitnesses{AtLeast: 1, Keys: c.id.Witnesses}}, people["ann"], people["bob"])
	c.must(err)
	c.must(os.WriteFile(keyFile, []byte(private), 0o600))
	c.must(os.WriteFile(trustFile, c.trust.Marshal(), 0o600))
	return c
}

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) sign(by string, s *provenance.Statement) *sign.Bundle {
	c.t.Helper()
	b, err := sign.Statement(c.t.Context(), s, people[by])
	c.must(err)
	return b
}

func digestOf(what string, n int) provenance.Digest {
	return provenance.SumSHA256(fmt.Appendf(nil, "%s %d", what, n))
}

// artifact is that of release n of a product, from 0 on.
func artifact(product string, n int) provenance.Digest { return digestOf("artifact "+product, n) }

// next are the ten records of one product's next release, from its creation to
// where it runs.
func (c *company) next(l *line) []*sign.Bundle {
	product, n := l.product, l.n
	l.n++
	d := artifact(product, n)
	r := release.Release{Product: product, Version: fmt.Sprintf("1.0.%d", n), Config: digestOf("config", n), Subjects: []provenance.ResourceDescriptor{{Name: "app", Digest: provenance.Set(d)}},
		Provenance: []provenance.Digest{digestOf("provenance "+product, n)}, SBOMs: []provenance.Digest{digestOf("sbom "+product, n)}, Repository: "https://example.com/" + product}
	id := r.ID()
	policy := digestOf("policy", 0)
	out := []*sign.Bundle{c.sign("ci", r.Statement()), c.sign("ci", release.Tag{Product: product, Tag: r.Version, Release: id, Digest: d}.Statement())}
	p := release.Promotion{Product: product, Release: id, Subjects: r.Subjects, To: "canary", Replaces: l.canary, Policy: policy, VSA: digestOf("vsa canary "+product, n)}
	out = append(out, c.sign("ci", p.Statement()))
	p.From, p.To, p.Replaces, p.VSA = "canary", "prod", l.prod, digestOf("vsa prod "+product, n)
	approval := release.Approval{Digest: id, From: "canary", To: "prod", Policy: policy, Expires: time.Now().Add(24 * time.Hour).Truncate(time.Second), Nonce: r.Version}
	for _, who := range []string{"ann", "bob"} {
		approval.Reason = who
		b := c.sign(who, approval.Statement())
		p.Approvals = append(p.Approvals, b.ID())
		out = append(out, b)
	}
	out = append(out, c.sign("ci", p.Statement()))
	for i := range 4 {
		out = append(out, c.sign("ci", release.Deployment{Product: product, Environment: "prod", Cluster: fmt.Sprintf("cluster-%d", i), Release: id, Subjects: r.Subjects, Config: r.Config, Result: release.Running, At: time.Now()}.Statement()))
	}
	l.canary, l.prod = id, id
	return out
}

// grow appends so many records at least, round the products, and some by eve.
func (c *company) grow(records int) {
	c.t.Helper()
	var batch []*sign.Bundle
	flush := func() {
		_, err := c.log.AppendAll(c.t.Context(), batch...)
		c.must(err)
		batch = batch[:0]
	}
	for n := 0; n < records; {
		all := make([][]*sign.Bundle, len(c.lines))
		var wg sync.WaitGroup
		for w := range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for i := w; i < len(c.lines); i += runtime.GOMAXPROCS(0) {
					all[i] = c.next(c.lines[i])
				}
			})
		}
		wg.Wait()
		batch = append(batch, slices.Concat(all...)...)
		batch = append(batch, c.sign("eve", release.Tag{Product: product(0), Tag: fmt.Sprintf("evil-%d", n), Release: digestOf("x", 0), Digest: digestOf("y", 0)}.Statement()))
		n += 10*len(c.lines) + 1
		if len(batch) >= 8000 {
			flush()
		}
	}
	flush()
}

// reader reads the log from its folder, as somebody who cannot write it.
func (c *company) reader() *ledger.Follower {
	c.t.Helper()
	v, err := c.id.Verifier()
	c.must(err)
	dir, err := ledger.OpenDir(c.dir)
	c.must(err)
	c.t.Cleanup(func() { dir.Close() })
	return v.Follow(dir, "")
}

var sealKey = []byte(strings.Repeat("k", index.KeySize))

// open opens an index and reads the log by it.
func (c *company) open(path string) (*index.Index, *rollout.View, error) {
	x, err := index.Open(c.t.Context(), path, sealKey)
	if err != nil {
		return nil, nil, err
	}
	v, err := c.view(x)
	if err != nil {
		x.Close()
		return nil, nil, err
	}
	return x, v, nil
}

func (c *company) view(x *index.Index) (*rollout.View, error) {
	r, err := rollout.NewReplayOver(c.reader(), c.trust, verify.Options{}, x)
	if err != nil {
		return nil, err
	}
	return r.View(c.t.Context())
}

// plain is what a replay in memory says.
func (c *company) plain() *rollout.View {
	c.t.Helper()
	r, err := rollout.NewReplay(c.reader(), c.trust, verify.Options{})
	c.must(err)
	v, err := r.View(c.t.Context())
	c.must(err)
	return v
}

func (c *company) path() string { return filepath.Join(c.t.TempDir(), "index") }

var optionsNone verify.Options
