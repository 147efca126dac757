package release_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

// A shelf is Facts in maps. Its call number fault, from 1 on, goes wrong.
type shelf struct {
	rows    map[string][]byte
	names   map[string]int
	calls   int
	fault   int
	written int
	how     string // "" is an error, "garbled" a row or number that nobody wrote
	hit     bool
}

var update = flag.Bool("update", false, "write the answers about a whole log anew; then read every one of them")

var errShelf = errors.New("the shelf fell down")

func newShelf() *shelf { return &shelf{rows: map[string][]byte{}, names: map[string]int{}} }

func (s *shelf) broken(fault int, how string) *shelf {
	return &shelf{rows: maps.Clone(s.rows), names: maps.Clone(s.names), fault: fault, how: how}
}

func (s *shelf) fails() bool { s.calls++; return s.calls == s.fault }

func (s *shelf) err() error { s.hit = true; return errShelf }

func (s *shelf) Item(list string, n int) ([]byte, error) {
	if n < 1 {
		return nil, errors.New("rows of lists are from 1 on")
	}
	data := s.rows[fmt.Sprint(list, "\x00", n)]
	switch fails := s.fails(); {
	case fails && s.how == "garbled" && data != nil:
		s.hit = true
		return []byte(`{"`), nil
	case fails && s.how == "":
		return data, s.err()
	}
	return data, nil
}

func (s *shelf) SetItem(list string, n int, value []byte) error {
	s.written++
	if n < 1 {
		return errors.New("rows of lists are from 1 on")
	}
	if s.fails() && s.how == "" {
		return s.err()
	}
	if value == nil {
		delete(s.rows, fmt.Sprint(list, "\x00", n))
	} else {
		s.rows[fmt.Sprint(list, "\x00", n)] = value
	}
	return nil
}

func (s *shelf) Number(name string) (int, error) {
	switch fails := s.fails(); {
	case fails && s.how == "garbled":
		s.hit = true
		return -1, nil
	case fails:
		return s.names[name], s.err()
	}
	return s.names[name], nil
}

func (s *shelf) SetNumber(name string, n int) error {
	s.written++
	if s.fails() && s.how == "" {
		return s.err()
	}
	if n == 0 {
		delete(s.names, name)
	} else {
		s.names[name] = n
	}
	return nil
}

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

// questions ask a History everything, each of a snapshot of its own.
func questions(size uint64) map[string]func(h *release.History) (any, error) {
	of := func(ask func(s *release.Snapshot) (any, error)) func(h *release.History) (any, error) {
		return func(h *release.History) (any, error) { return ask(h.Snapshot(release.Head{Size: size})) }
	}
	each := map[string]func(h *release.History) (any, error){
		"revocations": of(func(s *release.Snapshot) (any, error) { return s.Revocations() }),
		"products":    of(func(s *release.Snapshot) (any, error) { return s.Products(), nil }),
		"holding": of(func(s *release.Snapshot) (any, error) {
			var out []release.Held
			for held, err := range s.Holding("m") {
				if err != nil {
					return nil, err
				}
				out = append(out, held)
			}
			return out, nil
		}),
	}
	for _, key := range []string{"ann", "ci", "dan", "deployer", "builder", "nobody"} {
		each["signed by "+key] = of(func(s *release.Snapshot) (any, error) {
			var out []release.Mention
			for m, err := range s.SignedBy(sum(key).Hex(), time.Time{}, time.Time{}) {
				if err != nil {
					return nil, err
				}
				out = append(out, m)
			}
			return out, nil
		})
	}
	for index := range size {
		each[fmt.Sprint("fate ", index)] = of(func(s *release.Snapshot) (any, error) { return s.Fate(index) })
	}
	for _, product := range []string{"app", "lib", "never"} {
		add := func(name string, ask func(s *release.Snapshot) (any, error)) { each[product+" "+name] = of(ask) }
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
	for _, name := range slices.Sorted(maps.Keys(all)) {
		answer, err := all[name](&w.h)
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

// A History that was put away after each record, and taken up again, says what one
// says that was in memory all the time.
func TestResume(t *testing.T) {
	w := saga(t)
	learn(&w.h)
	facts := newShelf()
	for _, r := range w.records {
		h, err := release.Resume(facts)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := h.Apply(r); err != nil || !reflect.DeepEqual(e, w.effects[r.Index]) {
			t.Fatalf("record %d: %+v, %v, want %+v", r.Index, e, err, w.effects[r.Index])
		}
		if r.Index > 1 && h.Pending() == 0 { // before that there are roles alone, which each flush writes
			t.Fatalf("nothing waits after record %d", r.Index)
		}
		pending := h.Pending()
		facts.written = 0
		if err := h.Flush(); err != nil || h.Pending() != 0 || facts.written != pending+1 { // the roles
			t.Fatalf("%d wait after a flush that wrote %d of %d, %v", h.Pending(), facts.written, pending, err)
		}
	}
	h, err := release.Resume(facts)
	if err != nil || h.Origin != w.h.Origin || h.Size() != w.h.Size() || h.Roles().Version != 2 || len(h.Revocations()) != 3 {
		t.Fatalf("resumed: %+v, %v", h, err)
	}
	learn(h)
	if err := h.Flush(); err != nil {
		t.Fatal(err)
	}
	for name, ask := range questions(w.h.Size()) {
		want, err := ask(&w.h)
		if err != nil {
			t.Fatal(err)
		}
		again, err := release.Resume(facts)
		if err != nil {
			t.Fatal(err)
		}
		first := 0
		for _, when := range []string{"at first", "by what is in memory", "after a flush"} {
			facts.calls = 0
			if got, err := ask(again); err != nil || said(t, got) != said(t, want) {
				t.Errorf("%s %s: %s, %v, want %s", name, when, said(t, got), err, said(t, want))
			}
			switch calls := facts.calls; when {
			case "at first":
				first = calls
			case "by what is in memory":
				if calls > 2 { // a row that is not there is
					t.Errorf("%s: %d of %d facts are asked for again", name, calls, first)
				}
				if err := again.Flush(); err != nil {
					t.Fatal(err)
				}
			default:
				if calls != first {
					t.Errorf("%s: %d facts are asked for after a flush, %d at first", name, calls, first)
				}
			}
		}
	}
	// However much is kept, each row and name is written once, and nothing stays of what was replaced.
	late := newShelf()
	if h, err = release.Resume(late); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.records {
		if _, err := h.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	pending := h.Pending()
	if err := h.Flush(); err != nil || late.written != pending+1 {
		t.Errorf("%d were written of %d, %v", late.written, pending, err)
	}
	for what, want := range map[string]int{"A\x00": 4, "Rapp\x00": 3, "Tapp\x00": 2, "Mapp\x00canary": 3, "Mapp\x00prod": 5, "Capp\x00prod": 2, "Vapp\x00": 4, "Oapp\x00": 1, "Uapp\x00": 1} {
		got := 0
		for key, row := range late.rows {
			if strings.HasPrefix(key, what) {
				got++
			}
			if strings.Contains(string(row), "seems good to me") {
				t.Errorf("the reason of an approval is kept: %s", row)
			}
		}
		if got != want {
			t.Errorf("%d rows of %q, want %d", got, what, want)
		}
	}
	if (&release.History{}).Pending() != 0 || (&release.History{}).Flush() != nil || w.h.Flush() != nil {
		t.Error("a History in memory cannot be flushed")
	}
	if again, err := w.h.Snapshot(release.Head{}).Releases("app"); again != 3 || err != nil {
		t.Errorf("after a flush to nowhere there are %d releases, %v", again, err)
	}
	w.want("", release.Record{Statement: build("9.0.0").Statement(), Signers: []release.Signer{{Principal: "ci"}}, Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	if _, err := h.Apply(w.records[len(w.records)-1]); err != nil {
		t.Fatal(err)
	}
	if err := h.Flush(); err == nil {
		t.Error("a time that JSON does not have was written")
	}
}

// Whatever goes wrong below a History, nobody gets an answer without the error.
func TestFactsFail(t *testing.T) {
	w := saga(t)
	facts := newShelf()
	faults := 0
	try := func(what string, do func(f *shelf) error) {
		t.Helper()
		for _, how := range []string{"", "garbled"} {
			for fault := 1; ; fault++ {
				f := facts.broken(fault, how)
				err := do(f)
				if f.calls < fault {
					break
				}
				if f.hit {
					faults++
				}
				if f.hit && f.calls != fault {
					t.Fatalf("%s: %d more calls after the one that went wrong", what, f.calls-fault)
				}
				if f.hit != (err != nil) || f.hit && how == "" && !errors.Is(err, errShelf) {
					t.Fatalf("%s: call %d goes wrong (%s): error %v", what, fault, how, err)
				}
			}
		}
	}
	apply := func(f *shelf, r release.Record) error {
		h, err := release.Resume(f)
		if err != nil {
			return err
		}
		if _, err := h.Apply(r); err != nil {
			return err
		}
		if f.hit {
			return errors.New("the record was applied all the same")
		}
		return h.Flush()
	}
	for _, r := range w.records {
		try(fmt.Sprint("record ", r.Index), func(f *shelf) error { return apply(f, r) })
		if err := apply(facts, r); err != nil {
			t.Fatal(err)
		}
	}
	taught := func(f *shelf) error {
		h, err := release.Resume(f)
		if err != nil {
			return err
		}
		learn(h)
		return h.Flush()
	}
	try("learning", taught)
	if err := taught(facts); err != nil {
		t.Fatal(err)
	}
	for name, ask := range questions(w.h.Size()) {
		if name == "products" {
			continue // which are in memory
		}
		try(name, func(f *shelf) error {
			h, err := release.Resume(f)
			if err != nil {
				return err
			}
			_, err = ask(h)
			return err
		})
	}
	t.Logf("%d faults", faults)
	if faults < 1000 {
		t.Errorf("%d faults, want all that there are", faults)
	}
}
