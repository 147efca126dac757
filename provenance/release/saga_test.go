package release_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

var update = flag.Bool("update", false, "write the answers about a whole log anew; then read every one of them")

// saga is a log in which everything happens.
func saga(t *testing.T) *world {
	w := newWorld(t)
	next := roles(2)
	next.Auditors = []release.Quorum{{AtLeast: 1, Of: []string{"eve"}}}
	w.want("", release.Record{Statement: release.Trust{Version: 2, Digest: sum("2"), Envelope: []byte(`{}`)}.Statement(), Roles: next})
	one := w.running("1.0.0", none, none)
	two := w.running("1.1.0", one.ID(), one.ID())
	lib := build("1.0.0")
	lib.Product = "lib"
	w.check("", w.add(lib.Statement(), "ci"))
	w.check("", w.add(tagOf(one, "v1"), "ci"))
	w.check("immutable", w.add(tagOf(two, "V1"), "ci"))
	w.check("", w.add(tagOf(two, "v1.1"), "ci"))
	for _, d := range []release.Deployment{deployment(two, "fra1", release.Running), deployment(two, "ams1", release.PullFailed), deployment(one, "fra1", release.Running), deployment(two, "fra1", release.Running)} {
		w.now = w.now.Add(time.Minute)
		w.check("", w.add(d.Statement(), "deployer"))
	}
	w.check("", w.add(back(one).Statement(), "dan"))
	used := toProd(two, one.ID(), w.records[9].ID)
	w.check("was used up", w.add(used.Statement(), "cy"))
	three := build("1.2.0")
	three.Built = []release.Built{{Builder: "https://b.example/one", Keys: []string{sum("builder").Hex()}}}
	w.check("", w.add(three.Statement(), "ci"))
	w.check("", w.add(toCanary(three, two.ID()).Statement(), "ci"))
	hotfix := toProd(three, one.ID(), w.approve(three, "now", "ann"))
	hotfix.Hotfix, hotfix.Reason = true, "it burns"
	w.check("", w.add(hotfix.Statement(), "cy"))
	w.now = w.now.Add(time.Hour)
	w.approve(three, "later", "bob")
	w.check("", w.add(release.Audit{Product: "app", State: sum("state"), Size: 3, Root: sum("root of 3")}.Statement(), "eve"))
	for _, r := range []release.Revocation{
		{Kind: release.RevokeAttestation, Digest: sum("canary verdict 1.1.0"), Reason: "r"},
		{Kind: release.RevokeKey, Digest: sum("dan"), Since: w.now, Reason: "r"},
		{Kind: release.RevokeBuilder, Builder: "https://b.example/one", Reason: "r"},
		{Kind: release.RevokeRelease, Product: "app", Digest: three.ID(), Reason: "leak"},
		{Kind: release.Retire, Product: "app", Digest: two.ID(), Reason: "old"},
		{Kind: release.RevokeRelease, Product: "app", Digest: two.ID(), Reason: "leak"},
	} {
		w.check("", w.add(r.Statement(), "security"))
	}
	w.check("", w.add(release.Revocation{Kind: release.Erase, Product: "app", Digest: sum("notes"), Reason: "r"}.Statement(), "ann", "bob"))
	w.check("nobody who is known", w.add(back(one).Statement(), "dan"))
	offline := back(one)
	offline.KnownGood, offline.Performed = sum("a known-good file"), w.now
	w.want("", release.Record{Statement: offline.Statement(), Signers: []release.Signer{{Principal: "dan"}}})
	w.want("nobody who is known", release.Record{ID: sum("noise")})
	return w
}

// questions ask a snapshot everything.
func questions(size uint64) map[string]func(s *release.Snapshot) (any, error) {
	each := map[string]func(s *release.Snapshot) (any, error){
		"revocations": func(s *release.Snapshot) (any, error) { return s.Revocations() },
		"products":    func(s *release.Snapshot) (any, error) { return s.Products(), nil },
		"holding": func(s *release.Snapshot) (any, error) {
			var out []release.Held
			for held, err := range s.Holding("m") {
				if err != nil {
					return nil, err
				}
				out = append(out, held)
			}
			return out, nil
		},
	}
	for _, key := range []string{"ann", "ci", "dan", "deployer", "builder", "nobody"} {
		each["signed by "+key] = func(s *release.Snapshot) (any, error) {
			var out []release.Mention
			for m, err := range s.SignedBy(sum(key).Hex(), time.Time{}, time.Time{}) {
				if err != nil {
					return nil, err
				}
				out = append(out, m)
			}
			return out, nil
		}
	}
	for index := range size {
		each[fmt.Sprint("fate ", index)] = func(s *release.Snapshot) (any, error) { return s.Fate(index) }
	}
	for _, product := range []string{"app", "lib", "never"} {
		add := func(name string, ask func(s *release.Snapshot) (any, error)) { each[product+" "+name] = ask }
		add("state", func(s *release.Snapshot) (any, error) { return s.State(product) })
		add("releases", func(s *release.Snapshot) (any, error) { return s.Releases(product) })
		add("places", func(s *release.Snapshot) (any, error) { return s.Places(product) })
		add("attempts", func(s *release.Snapshot) (any, error) { return s.Attempts(product) })
		add("unlearnt", func(s *release.Snapshot) (any, error) {
			var out []int
			for n, err := range s.Unlearnt(product) {
				if err != nil {
					return nil, err
				}
				out = append(out, n)
			}
			return out, nil
		})
		for n := range 5 {
			add(fmt.Sprint("release ", n), func(s *release.Snapshot) (any, error) { return s.Release(product, n) })
		}
		for _, stage := range []string{"canary", "prod", "moon"} {
			add("last good in "+stage, func(s *release.Snapshot) (any, error) { return s.LastGood(product, stage) })
		}
		for _, tag := range []string{"v1", "V1", "v1.1", "other"} {
			add("tag "+tag, func(s *release.Snapshot) (any, error) { return s.Tag(product, tag) })
			add("history of tag "+tag, func(s *release.Snapshot) (any, error) { return s.TagHistory(product, tag) })
		}
		for _, version := range []string{"1.0.0", "1.1.0", "1.2.0", "9.0.0"} {
			r := build(version)
			r.Product = product
			if version == "1.2.0" {
				r.Built = []release.Built{{Builder: "https://b.example/one", Keys: []string{sum("builder").Hex()}}}
			}
			add("revoked by "+version, func(s *release.Snapshot) (any, error) { return s.RevokedBy(product, r.ID()) })
			add("status "+version, func(s *release.Snapshot) (any, error) { return s.Status(product, sum("app "+version)) })
			add("find "+version, func(s *release.Snapshot) (any, error) {
				found, ref, err := s.Find(product, version)
				if found == nil {
					return nil, err
				}
				return []any{found.Version, ref}, err
			})
			for _, stage := range []string{"canary", "prod", "moon"} {
				add("back to "+version+" in "+stage, func(s *release.Snapshot) (any, error) {
					found, _, err := s.Find(product, version)
					if found == nil || err != nil {
						return nil, err
					}
					yes, why, err := s.MayGoBack(product, stage, found)
					return fmt.Sprint(yes, " ", why), err
				})
			}
		}
	}
	return each
}

func said(t *testing.T, answer any) string {
	t.Helper()
	data, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func learn(h *release.History) {
	h.Learn("app", 2, []release.Held{{Module: "m", Version: "v1.0.0"}, {Module: "n", Version: "v1.0.0"}})
	h.Learn("app", 1, []release.Held{{Module: "m", Version: "v2.0.0"}})
}

// TestQuestions holds every answer about the saga that is one against
// testdata/saga.txt; -update writes them anew, to be read one by one.
func TestQuestions(t *testing.T) {
	w := saga(t)
	learn(&w.h)
	var b strings.Builder
	all := questions(w.h.Size())
	snapshot := w.h.Snapshot(release.Head{Size: w.h.Size()})
	for _, name := range slices.Sorted(maps.Keys(all)) {
		answer, err := all[name](snapshot)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if text := said(t, answer); text != "null" {
			fmt.Fprintf(&b, "%s: %s\n", name, text)
		}
	}
	for _, e := range w.effects {
		fmt.Fprintf(&b, "record %d: %s of %s\n", e.Index, e.Kind, cmp.Or(e.Product, "none"))
		if e.Release != 0 || e.Same {
			fmt.Fprintf(&b, "record %d: about release %d, the same again: %t\n", e.Index, e.Release, e.Same)
		}
	}
	const golden = "testdata/saga.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(want), "\n")
	for i, got := range strings.Split(b.String(), "\n") {
		if i >= len(lines) || got != lines[i] {
			t.Fatalf("answered is\n%s\nwant\n%s", got, lines[min(i, len(lines)-1)])
		}
	}
}

// A snapshot says what it said, whatever happens to the products since.
func TestQuestionsLater(t *testing.T) {
	w := saga(t)
	learn(&w.h)
	head := release.Head{Size: w.h.Size()}
	held, answers := w.h.Snapshot(head), map[string]string{}
	for name, ask := range questions(head.Size) {
		answer, err := ask(w.h.Snapshot(head))
		if err != nil {
			t.Fatal(err)
		}
		answers[name] = said(t, answer)
	}
	w.h.Snapshot(head) // which nobody holds
	runtime.GC()
	next := build("2.0.0")
	for _, product := range []string{"app", "lib"} {
		next.Product = product
		w.check("", w.add(next.Statement(), "ci"))
	}
	w.check("", w.add(release.Revocation{Kind: release.Retire, Product: "app", Digest: build("1.0.0").ID(), Reason: "old"}.Statement(), "ann"))
	for name, ask := range questions(head.Size) {
		if answer, err := ask(held); err != nil || said(t, answer) != answers[name] {
			t.Errorf("%s: %s, %v, was %s", name, said(t, answer), err, answers[name])
		}
	}
}
