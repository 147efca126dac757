package release_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// Nothing that is written about a product, stage or release that nobody knows has
// an effect; each stands beside what has one.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	for _, test := range []struct {
		by     string
		record func(product, stage string, id provenance.Digest) *provenance.Statement
	}{
		{"deployer", func(product, stage string, id provenance.Digest) *provenance.Statement {
			d := deployment(one, "fra1", release.Running)
			d.Product, d.Environment, d.Release = product, stage, id
			return d.Statement()
		}},
		{"dan", func(product, stage string, id provenance.Digest) *provenance.Statement {
			r := back(one)
			r.Product, r.Environment, r.Release = product, stage, id
			return r.Statement()
		}},
		{"ann", func(product, _ string, id provenance.Digest) *provenance.Statement {
			return release.Revocation{Kind: release.Retire, Product: product, Digest: id, Reason: "r"}.Statement()
		}},
	} {
		w.check(`knows no product "other"`, w.add(test.record("other", "prod", one.ID()), test.by))
		if test.by != "ann" { // a revocation is of no stage, and may come before its release
			w.check(`app has no stage "moon"`, w.add(test.record("app", "moon", one.ID()), test.by))
			w.check("is no release of app", w.add(test.record("app", "prod", sum("x")), test.by))
		}
		if e := w.add(test.record("app", "prod", one.ID()), test.by); e.Void != nil || e.Product != "app" {
			t.Errorf("the neighbour: %+v", e)
		}
	}
	if got := fmt.Sprint(w.h.Products()); got != "[app]" {
		t.Errorf("there are the products %s", got)
	}
	elsewhere := newWorld(t)
	r := build("1.0.0")
	elsewhere.check("", elsewhere.add(r.Statement(), "ci"))
	elsewhere.check("nothing was ever promoted to prod", elsewhere.add(back(r).Statement(), "dan"))
	if e := w.add(build("1.1.0").Statement(), "eve"); e.Release != 0 || w.h.State("app", release.Head{}).Releases[0].Number != 1 {
		t.Errorf("%+v", e)
	}
}

// A promotion binds its tags to the first artifact by name, and says who tried to
// move one.
func TestPromotedTags(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	two := build("1.1.0")
	w.check("", w.add(two.Statement(), "ci"))
	p := toCanary(two, one.ID())
	p.Tags = []string{"edge", "Edge"} // which name the same
	w.check("", w.add(p.Statement(), "ci"))
	s := w.h.State("app", release.Head{Size: w.h.Size()})
	for _, tag := range p.Tags {
		if got := s.Tags[tag]; got.Digest != sum("app 1.1.0") || got.Release != 2 || got.Index != w.h.Size()-1 {
			t.Errorf("%s is %+v", tag, got)
		}
	}
	three := build("1.2.0")
	w.check("", w.add(three.Statement(), "ci"))
	p = toCanary(three, two.ID())
	p.Tags = []string{"edge-2", "EDGE"}
	w.check("immutable: tag edge is bound to "+sum("app 1.1.0").String(), w.add(p.Statement(), "ci"))
	h, err := w.h.Snapshot(release.Head{Size: w.h.Size()}).TagHistory("app", "edge")
	if err != nil || len(h.Attempts) != 1 || h.Attempts[0].Tag != "EDGE" || h.Attempts[0].Digest != sum("app 1.2.0") || fmt.Sprint(h.Attempts[0].By) != "[ci]" {
		t.Errorf("%+v, %v", h, err)
	}
	if w.at("canary") != "1.1.0" {
		t.Errorf("canary is at %s", w.at("canary"))
	}
}

// What nobody can read has no effect, whoever signed it, whatever its type.
func TestMalformed(t *testing.T) {
	everybody := []string{"ann", "bob", "ci", "cy", "dan", "deployer", "security"}
	for _, k := range append(kinds(), kind{"approval", documented(t), nil}) {
		if k.name == "exception" {
			continue // which is no record
		}
		s := *k.example.Statement()
		s.Predicate = []byte("{}")
		w := newWorld(t)
		if k.name == "genesis" {
			w = &world{t: t, now: date(1, 0)}
		}
		w.check("malformed/predicate", w.add(&s, everybody...))
		e := w.effects[len(w.effects)-1]
		if e.Kind != k.name {
			t.Errorf("%s is called %q", k.name, e.Kind)
		}
	}
	w := newWorld(t)
	w.want("malformed/statement: it is no statement", release.Record{ID: sum("x"), Signers: []release.Signer{{Principal: "ann"}}})
	w.want("signature: nobody who is known signed it", release.Record{ID: sum("x")})
}

// An artifact is known by what identifies it alone, and may stand in a release
// under several names.
func TestArtifacts(t *testing.T) {
	weak, dir := digest(t, "sha1:"+strings.Repeat("1", 40)), digest(t, "dirHash:"+strings.Repeat("2", 64))
	w := newWorld(t)
	r := build("1.0.0")
	r.Subjects[0].Digest = provenance.Set(weak, dir, sum("a"))
	r.Subjects[1].Digest = provenance.Set(sum("a"))
	w.check("", w.add(r.Statement(), "ci"))
	s := w.h.State("app", release.Head{})
	for d, want := range map[provenance.Digest]bool{weak: false, dir: true, sum("a"): true, sum("b"): false} {
		if got := s.Find(d.String()) != nil; got != want {
			t.Errorf("%s is found: %t", d, got)
		}
	}
	if got := s.Ref(s.Releases[0]).Digest; got != sum("a") {
		t.Errorf("it is known by %s", got)
	}
	for _, name := range []string{"#0", "#-1", "#1x", "#", "app#", "#+1", "#2", "lib#1", "#99999999999999999999", "#9223372036854775807"} {
		if got := s.Find(name); got != nil {
			t.Errorf("%s is release %d", name, got.Number)
		}
	}
	tag := release.Tag{Product: "app", Tag: "x", Release: r.ID(), Digest: dir}
	w.check("", w.add(tag.Statement(), "ci"))
	tag.Tag, tag.Digest = "y", digest(t, "dirHash:"+strings.Repeat("3", 64))
	w.check("is no artifact", w.add(tag.Statement(), "ci"))
	tag.Digest = digest(t, "sha512:"+strings.Repeat("3", 128))
	w.check("is no artifact", w.add(tag.Statement(), "ci"))
	p := toCanary(r, none)
	p.Subjects = slices.Clone(p.Subjects)
	p.Subjects[1].Name = "zzz"
	w.check("subject", w.add(p.Statement(), "ci"))
	p.Subjects[1] = r.Subjects[1]
	p.Subjects[1].Digest = provenance.Set(sum("b"))
	w.check("subject", w.add(p.Statement(), "ci"))
}
