package rollout_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// holds adds an SBOM that names modules to a release, and puts it into the store.
func (c *company) holds(r *release.Release, stored bool, modules ...string) {
	c.t.Helper()
	d, _ := r.Subjects[0].Digest.Get(provenance.SHA256)
	list := ""
	for i := 0; i < len(modules); i += 2 {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf(`{"type":"library","bom-ref":"%d","name":%q,"version":%q}`, i, modules[i], modules[i+1])
	}
	bom := fmt.Sprintf(`{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"type":"application","bom-ref":"app","name":"app","hashes":[{"alg":"SHA-256","content":%q}]}},"components":[%s]}`, d.Hex(), list)
	s, err := provenance.New(sbom.PredicateType, json.RawMessage(bom), r.Subjects[0])
	c.must(err)
	b, err := sign.Statement(c.t.Context(), s, key("ci"))
	c.must(err)
	r.SBOMs = append(r.SBOMs, b.ID())
	if stored {
		c.must(c.store.Push(c.t.Context(), d, b))
	}
}

// Which releases hold a module below a version is answered from SBOMs at hand; of
// all others it is said that nobody knows, and never that they do not.
func TestHolding(t *testing.T) {
	c := newCompany(t)
	book := c.book("ci", "canary")
	for i, modules := range [][]string{{"example.com/m", "v1.2.0", "example.com/n", "v0.1.0"}, {"example.com/m", "v1.10.0"}, nil, {"example.com/m", "v1.0.0"}, {"example.com/m", "(devel)"}, {"example.com/n", "v0.1.0"}} {
		r := c.built(fmt.Sprintf("1.%d.0", i))
		if modules != nil {
			c.holds(&r, i != 3, modules...)
		}
		_, err := book.Release(t.Context(), r)
		c.must(err)
	}
	replay, err := rollout.NewReplay(c.log, c.trust, verify.Options{})
	c.must(err)
	ask := func(below string) string {
		t.Helper()
		v, err := replay.View(t.Context())
		c.must(err)
		out := ""
		for h, err := range v.Holding("example.com/m", below) {
			c.must(err)
			out += fmt.Sprintf("%s %s %s; ", h.Name, h.Version, h.Unknown)
		}
		return out
	}
	if got, want := ask("v1.3.0"), "app#1  its SBOM was not read; app#2  its SBOM was not read; app#3  its SBOM was not read; app#4  its SBOM was not read; app#5  its SBOM was not read; app#6  its SBOM was not read; "; got != want {
		t.Errorf("before anything was learnt: %s", got)
	}
	unknown, err := replay.Learn(t.Context(), c.store)
	c.must(err)
	if unknown != 2 {
		t.Errorf("%d are unknown, want 2: one names no SBOM, of one it is not there", unknown)
	}
	const nobody = "app#3  its SBOM was not read; app#4  its SBOM was not read; "
	if got, want := ask("v1.3.0"), "app#1 v1.2.0 ; app#5 (devel) its version cannot be compared; "+nobody; got != want {
		t.Errorf("below v1.3.0: %s, want %s", got, want)
	}
	if got, want := ask(""), "app#1 v1.2.0 ; app#2 v1.10.0 ; app#5 (devel) ; "+nobody; got != want {
		t.Errorf("any: %s, want %s", got, want)
	}
	// The missing SBOM turns up.
	r := c.built("1.3.0")
	c.holds(&r, true, "example.com/m", "v1.0.0")
	unknown, err = replay.Learn(t.Context(), c.store)
	c.must(err)
	if got, want := ask("1.3.0"), "app#1 v1.2.0 ; app#5 (devel) its version cannot be compared; app#4 v1.0.0 ; app#3  its SBOM was not read; "; got != want || unknown != 1 {
		t.Errorf("after all: %s, %d unknown, want %s", got, unknown, want)
	}
}

// The ten figures, by name: what the ledger cannot know is unknown until somebody
// hands it in.
func TestMetrics(t *testing.T) {
	c := newCompany(t)
	one, two := c.built("1.0.0"), c.built("1.1.0")
	for _, r := range []release.Release{one, two} {
		_, err := c.book("ci", "canary").Release(t.Context(), r)
		c.must(err)
		c.must(c.book("ci", "canary").Promote(t.Context(), release.Promotion{Release: r.ID(), To: "canary"}))
		c.now = c.now.Add(2 * time.Hour)
		c.must(c.book("cy", "prod").Promote(t.Context(), release.Promotion{Release: r.ID(), From: "canary", To: "prod"}, c.approvals(r, "ann", "bob")...))
		c.must(c.book("ci", "prod").Deploy(t.Context(), release.Deployment{Release: r.ID(), Environment: "prod", Cluster: "fra1", Result: release.Running}))
	}
	c.must(c.book("ci", "prod").Tag(t.Context(), release.Tag{Release: one.ID(), Tag: "1.0"}))
	if err := c.book("ci", "prod").Tag(t.Context(), release.Tag{Release: two.ID(), Tag: "1.0"}); err == nil {
		t.Fatal("the tag moved")
	}
	c.must(c.book("dan", "prod").Rollback(t.Context(), release.Rollback{Release: one.ID(), Environment: "prod", Reason: "error rate"}))
	c.must(c.book("ci", "prod").Deploy(t.Context(), release.Deployment{Release: one.ID(), Environment: "prod", Cluster: "fra1", Result: release.Running, Reference: "registry.example/app:1.0"}))
	c.must(c.book("ci", "prod").Deploy(t.Context(), release.Deployment{Release: two.ID(), Environment: "prod", Cluster: "ams1", Result: release.VerifyFailed}))
	replay, err := rollout.NewReplay(c.log, c.trust, verify.Options{})
	c.must(err)
	v, err := replay.View(t.Context())
	c.must(err)
	ask := func(in rollout.Measured) string {
		t.Helper()
		metrics, err := v.Metrics("app", in)
		c.must(err)
		out := ""
		for _, m := range metrics {
			value := "unknown"
			if m.Value != nil {
				value = fmt.Sprintf("%.3g", *m.Value)
			}
			if m.Why == "" {
				t.Errorf("%s does not say why", m.ID)
			}
			out += fmt.Sprintf("%s %s %s\n", m.ID, value, m.Unit)
		}
		return out
	}
	const alone = "M1 0.75 share\nM2 1 count\nM3 0 share\nM4 unknown share\nM5 unknown seconds\nM6 0 count\nM7 unknown bytes\nM8 0.333 share\nM9 1 share\nM10 0.25 share\n"
	if got := ask(rollout.Measured{}); got != alone {
		t.Errorf("by the ledger alone:\n%swant\n%s", got, alone)
	}
	const more = "M1 0.75 share\nM2 3 count\nM3 0 share\nM4 0.9 share\nM5 unknown seconds\nM6 0 count\nM7 100 bytes\nM8 0.333 share\nM9 1 share\nM10 0.2 share\n"
	in := rollout.Measured{Alarms: map[string]int{"re-pointed": 2, "deleted": 5}, Evidence: &rollout.Completeness{Have: 9, Want: 10}, Bytes: &rollout.Growth{Before: 100, Now: 150, Within: 12 * time.Hour}, Refused: &rollout.Completeness{Have: 2, Want: 11}}
	if got := ask(in); got != more {
		t.Errorf("with what was measured:\n%swant\n%s", got, more)
	}
}
