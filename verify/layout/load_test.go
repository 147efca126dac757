package layout_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	intoto "github.com/in-toto/in-toto-golang/in_toto"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
)

// A folder is read as in-toto lays it out, and nothing else in it.
func TestLoad(t *testing.T) {
	w := newWorld(people(t))
	c := w.chain(t)
	for _, root := range []string{"", "chain/"} {
		folder := fstest.MapFS{root + "root.layout": {Data: c.Layout}, root + "README": {Data: []byte("x")}, root + "deep/build.00000000.link": {Data: []byte("x")}}
		for name, data := range c.Files {
			folder[root+name] = &fstest.MapFile{Data: data}
		}
		got, err := layout.Load(folder, root+"root.layout")
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Sorted(maps.Keys(c.Files)); !slices.Equal(slices.Sorted(maps.Keys(got.Files)), want) {
			t.Errorf("%q: %q, want %q", root, slices.Sorted(maps.Keys(got.Files)), want)
		}
		b, err := got.Bundle()
		if err != nil {
			t.Fatal(err)
		}
		if names, err := w.believe(t, b); err != nil || len(names) != 2 {
			t.Errorf("%q, %v: want both owners", names, err)
		}
	}
	many := fstest.MapFS{"root.layout": {Data: c.Layout}}
	for i := range layout.MaxFiles + 1 {
		many[fmt.Sprintf("s.%08x.link", i)] = &fstest.MapFile{Data: []byte("{}")}
	}
	if _, err := layout.Load(many, "root.layout"); !errors.Is(err, sign.ErrLimit) {
		t.Errorf("too many files: %v, want %v", err, sign.ErrLimit)
	}
	if _, err := layout.Load(many, "other.layout"); err == nil {
		t.Error("a layout that is not there was read")
	}
}

// What strangers choose is bounded: files, nesting, signatures to try.
func TestLimits(t *testing.T) {
	everybody := people(t)
	for name, c := range map[string]struct {
		do   func(*world, *layout.Chain)
		code verify.Code
		text string
	}{
		"files": {func(_ *world, c *layout.Chain) {
			for i := range layout.MaxFiles {
				c.Files[fmt.Sprintf("x.%08x.link", i)] = []byte("{}")
			}
		}, verify.CodeLimit, "1030 files"},
		"depth": {func(w *world, c *layout.Chain) {
			dan := w.people["dan"]
			step := newStep("pack", 1, []string{dan.id()}, nil, nil)
			inner := w.metadata(t, intoto.Layout{Type: "layout", Expires: w.root.Expires, Keys: map[string]intoto.Key{dan.id(): dan.public()}, Steps: []intoto.Step{step}}, []string{"dan"})
			c.Layout = inner
			c.Files = map[string][]byte{}
			dir := ""
			for range layout.MaxDepth + 1 {
				c.Files[dir+"pack."+dan.short()+".link"] = inner
				dir += "pack." + dan.short() + "/"
			}
		}, verify.CodeLimit, "nest deeper than 8"},
		"size":    {func(_ *world, c *layout.Chain) { c.Layout = make([]byte, sign.MaxEnvelopeSize+1) }, "none", "want at most"},
		"nesting": {func(_ *world, c *layout.Chain) { c.Layout = []byte(`{"signed":` + strings.Repeat("[", 100)) }, "none", "deep"},
		"nothing": {func(_ *world, c *layout.Chain) { *c = layout.Chain{} }, "none", "layout"},
	} {
		w := newWorld(everybody)
		chain := w.chain(t)
		c.do(w, chain)
		if _, err := chain.Bundle(); err == nil || codeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v: want %s: %s", name, err, c.code, c.text)
		}
	}
}
