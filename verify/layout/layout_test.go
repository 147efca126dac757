package layout_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	intoto "github.com/in-toto/in-toto-golang/in_toto"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
)

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// codeOf is the code that an error names, by itself or in its verdict.
func codeOf(err error) verify.Code {
	var refused *verify.Error
	if errors.As(err, &refused) {
		return refused.Verdict.Failed()[0].Code
	}
	var coded interface{ Code() verify.Code }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return "none"
}

// Each story is the good chain with one change. Code is what it ends in, "" if
// it is still good; text stands in the error.
func TestChain(t *testing.T) {
	rules := func(w *world, i int, products ...[]string) { w.root.Steps[i].ExpectedProducts = products }
	untar := intoto.Inspection{Type: "inspection", Run: []string{"tar", "xf", "app.tar"}, SupplyChainItem: intoto.SupplyChainItem{Name: "untar",
		ExpectedMaterials: [][]string{{"MATCH", "app.tar", "WITH", "PRODUCTS", "FROM", "pack"}, {"DISALLOW", "*"}},
		ExpectedProducts:  [][]string{{"MATCH", "app", "WITH", "PRODUCTS", "FROM", "build"}, {"ALLOW", "app.tar"}, {"DISALLOW", "*"}}}}
	artifacts := func(pairs ...string) layout.Artifacts {
		out := layout.Artifacts{}
		for name, sum := range files(pairs...) {
			out[name] = provenance.DigestSet(sum)
		}
		return out
	}
	everybody := people(t)
	for _, c := range []struct {
		name string
		do   func(*world)
		code verify.Code
		text string
	}{
		{"good", func(*world) {}, "", ""},
		{"one owner is a stranger", func(w *world) { w.trust = []string{"otto"} }, "", ""},
		{"no owner is known", func(w *world) { w.trust = []string{"mallory"} }, verify.CodeSignature, "no trusted key signed the layout"},
		{"nobody signed the layout", func(w *world) { w.owners = nil }, "none", ""},
		{"the layout was changed", func(w *world) {
			w.after["layout"] = func(b []byte) []byte { return bytes.Replace(b, []byte("how app"), []byte("how apq"), 1) }
		}, verify.CodeSignature, "no trusted key signed the layout"},
		{"the layout expired", func(w *world) { w.at = now.AddDate(0, 2, 0) }, verify.CodeStale, "expired 2027-01-01T00:00:00Z"},
		{"the sublayout expired", func(w *world) { w.sub.Expires = "2026-11-21T03:07:00Z" }, verify.CodeStale, "layout of pack."},
		{"a step without a link", func(w *world) { delete(w.links, "fetch") }, verify.CodeThreshold, `0 of 1 functionaries for step "fetch"`},
		{"one of two functionaries", func(w *world) { delete(w.links, "build/2") }, verify.CodeThreshold, `1 of 2 functionaries for step "build"`},
		{"one functionary, two names", func(w *world) {
			w.signer["build/2"] = []string{"ann"} // the same file: one link
		}, verify.CodeThreshold, "1 of 2"},
		{"one key under two names", func(w *world) {
			k := w.people["ann"].public()
			k.KeyID = strings.Repeat("0", 64)
			w.root.Keys[k.KeyID] = k
			w.root.Steps[1].PubKeys = []string{k.KeyID, w.people["ann"].id(), w.people["ben"].id()}
			w.signer["build/2"] = []string{"ann"}
		}, verify.CodeThreshold, "1 of 2"},
		{"two signatures on one link", func(w *world) {
			delete(w.links, "build/2")
			w.signer["build/1"] = []string{"ann", "ben"}
		}, "", ""},
		{"a stranger's link", func(w *world) { w.signer["fetch"] = []string{"mallory"} }, verify.CodeThreshold, "signed by nobody who may do it"},
		{"a functionary of another step", func(w *world) { w.signer["fetch"] = []string{"ben"} }, verify.CodeThreshold, "signed by nobody who may do it"},
		{"a link was changed", func(w *world) {
			w.after["fetch"] = func(b []byte) []byte { return bytes.Replace(b, []byte("clone"), []byte("clonE"), 1) }
		}, verify.CodeThreshold, "signed by nobody who may do it"},
		{"a link of another step, renamed", func(w *world) {
			w.links["fetch"] = newLink("build", files(), files("src/main.go", "package main"))
			w.file["fetch"] = "fetch"
		}, verify.CodeThreshold, `is a link of step "build"`},
		{"two functionaries differ", func(w *world) {
			w.links["build/2"].Products["app"] = sha("another binary")
		}, verify.CodeDigestConflict, "do not say the same"},
		{"an artifact more", func(w *world) {
			for _, n := range []string{"build/1", "build/2"} {
				w.links[n].Products["backdoor"] = sha("x")
			}
		}, verify.CodeCondition, `"backdoor"] is forbidden: DISALLOW *`},
		{"swapped between two steps", func(w *world) {
			for _, n := range []string{"strip", "tar"} {
				w.links[n].Materials["app"] = sha("another binary")
			}
			w.links["strip"].Products["app"] = sha("another binary")
		}, verify.CodeCondition, `materials of step "pack": ["app"] is forbidden`},
		{"required and not there", func(w *world) { delete(w.links["tar"].Products, "app") }, verify.CodeCondition, `"app" is not there`},
		{"forbidden under another spelling", func(w *world) {
			rules(w, 0, []string{"DISALLOW", "src/secret"}, []string{"CREATE", "*"})
			w.links["fetch"].Products["src/x/../secret"] = sha("s")
		}, verify.CodeCondition, `"src/secret"] is forbidden`},
		{"one file under two spellings", func(w *world) { w.links["fetch"].Products["./src/main.go"] = sha("s") }, verify.CodeThreshold, "two names"},
		{"a backslash", func(w *world) { w.links["fetch"].Products[`src\main.go`] = sha("s") }, verify.CodeThreshold, "no file name that means the same everywhere"},
		{"a weak digest", func(w *world) {
			w.links["fetch"].Products["src/main.go"] = intoto.HashObj{"md5": strings.Repeat("0", 32)}
		}, verify.CodeThreshold, "no strong digest"},
		{"no digest", func(w *world) { w.links["fetch"].Products["src/main.go"] = intoto.HashObj{} }, verify.CodeThreshold, "no strong digest"},
		{"other algorithms", func(w *world) {
			for _, n := range []string{"build/1", "build/2"} {
				w.links[n].Materials["src/main.go"]["sha512"] = strings.Repeat("0", 128)
			}
		}, "", ""}, // the maps are shared, so both say it
		{"the sublayout is a stranger's", func(w *world) { w.signer["pack"] = []string{"mallory"} }, verify.CodeThreshold, `for step "pack"`},
		{"a sublayout's link is missing", func(w *world) { delete(w.links, "tar") }, verify.CodeThreshold, `layout of pack.`},
		{"the product is in no step", func(w *world) { w.links["tar"] = newLink("tar", files("app", "binary"), files()) }, verify.CodeCondition, "not there"},
		{"no product at all", func(w *world) {
			rules(w, 2)
			w.links["tar"] = newLink("tar", files("app", "binary"), files())
		}, verify.CodeSubject, "makes nothing"},
		{"an inspection", func(w *world) { w.root.Inspect = []intoto.Inspection{untar} }, verify.CodeUnsupported, `run ["tar" "xf" "app.tar"] and hand in`},
		{"an inspection that was run", func(w *world) {
			w.root.Inspect = []intoto.Inspection{untar}
			w.checks["untar"] = layout.Inspection{Materials: artifacts("app.tar", "the product"), Products: artifacts("app.tar", "the product", "app", "binary")}
		}, "", ""},
		{"an inspection that found another file", func(w *world) {
			w.root.Inspect = []intoto.Inspection{untar}
			w.checks["untar"] = layout.Inspection{Materials: artifacts("app.tar", "the product"), Products: artifacts("app", "another binary")}
		}, verify.CodeCondition, `inspection "untar"`},
		{"an inspection in the sublayout", func(w *world) { w.sub.Inspect = []intoto.Inspection{untar} }, verify.CodeThreshold, "no step that it could match"},
		{"no steps", func(w *world) { w.root.Steps = nil }, "none", "everything would follow it"},
		{"threshold 0", func(w *world) { w.root.Steps[0].Threshold = 0 }, "none", "want 1 at least"},
		{"more functionaries than there are", func(w *world) { w.root.Steps[1].Threshold = 4 }, "none", "of 3"},
		{"two steps of one name", func(w *world) { w.root.Steps[0].Name = "build" }, "none", "two steps"},
		{"a name that leads out", func(w *world) { w.root.Steps[0].Name = "../fetch" }, "none", "no name of a step"},
		{"a match with nothing", func(w *world) {
			w.root.Steps[1].ExpectedMaterials = [][]string{{"MATCH", "*", "WITH", "PRODUCTS", "FROM", "fetchh"}}
		}, "none", "no step that it could match"},
		{"an empty rule", func(w *world) { rules(w, 0, []string{}) }, "none", "want a verb"},
		{"a misspelt rule", func(w *world) { rules(w, 0, []string{"DISALOW", "*"}) }, "none", "no such verb"},
		{"a match that lacks a word", func(w *world) { rules(w, 2, []string{"MATCH", "*", "WITH", "PRODUCTS", "FROM"}) }, "none", "want VERB"},
		{"a member twice", func(w *world) {
			w.after["layout"] = func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"signatures"`), []byte(`"signatures": [], "signatures"`), 1)
			}
		}, "none", "duplicate member"},
		{"a member that nobody knows", func(w *world) {
			w.after["layout"] = func(b []byte) []byte { return bytes.Replace(b, []byte(`"_type"`), []byte(`"x": 1, "_type"`), 1) }
		}, "none", "x"},
		{"a link for the layout", func(w *world) {
			w.after["layout"] = func([]byte) []byte { return w.metadata(t, w.links["fetch"], []string{"olga", "otto"}) }
		}, verify.CodePredicate, "a link stands in place"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, dsse := range []bool{false, true} {
				w := newWorld(everybody)
				w.dsse = dsse
				if dsse && w.after["layout"] != nil {
					continue
				}
				c.do(w)
				if dsse && len(w.after) > 0 {
					continue // what is changed is not in plain sight there
				}
				names, err := w.judge(t)
				switch {
				case c.code == "" && (err != nil || len(names) != len(w.trust)):
					t.Errorf("dsse %v: %q, %v: want %q to vouch for it", dsse, names, err, w.trust)
				case c.code != "" && err == nil:
					t.Errorf("dsse %v: accepted, want %s", dsse, c.code)
				case c.code != "" && (codeOf(err) != c.code || !strings.Contains(err.Error(), c.text)):
					t.Errorf("dsse %v: %s: %v\nwant %s: %s", dsse, codeOf(err), err, c.code, c.text)
				}
			}
		})
	}
}

// Evidence may be changed by whoever carries it: then it is nobody's.
func TestBundleChanged(t *testing.T) {
	w := newWorld(people(t))
	c := w.chain(t)
	b, err := c.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if names, err := w.believe(t, b); err != nil || !slices.Equal(names, []string{"olga", "otto"}) {
		t.Fatalf("%q, %v: want both owners", names, err)
	}
	line, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := again.Marshal(); err != nil || !bytes.Equal(second, line) {
		t.Errorf("the same chain makes other evidence the second time, %v", err)
	}
	s, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Subject) != 2 || s.Subject[1].Name != "app.tar" {
		t.Fatalf("subjects %v, want app and app.tar", s.Subject)
	}
	for name, change := range map[string]func(*provenance.Statement){
		"another subject": func(s *provenance.Statement) { s.Subject[1].Digest = provenance.DigestSet(sha("evil")) },
		"one more":        func(s *provenance.Statement) { s.Subject = append(s.Subject, s.Subject[0]); s.Subject[2].Name = "x" },
		"another step": func(s *provenance.Statement) {
			s.Predicate = bytes.Replace(s.Predicate, []byte(`"name":"fetch"`), []byte(`"name":"feign"`), 1)
		},
		"later expiry": func(s *provenance.Statement) {
			s.Predicate = bytes.Replace(s.Predicate, []byte("2027-01-01"), []byte("2037-01-01"), 1)
		},
		"a member more": func(s *provenance.Statement) {
			s.Predicate = append([]byte(`{"x":1,`), s.Predicate[1:]...)
		},
	} {
		changed := *s
		changed.Subject = slices.Clone(s.Subject)
		change(&changed)
		body, err := changed.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		forged := forge(t, body, b)
		if names, err := w.believe(t, forged); err == nil || codeOf(err) != verify.CodeBinding {
			t.Errorf("%s: %q, %v: want %s", name, names, err, verify.CodeBinding)
		}
	}
}
