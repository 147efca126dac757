package release_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
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
	head := release.Head{Size: w.h.Size()}
	for name, ask := range questions(head.Size) {
		want, err := ask(w.h.Snapshot(head))
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
			if got, err := ask(again.Snapshot(head)); err != nil || said(t, got) != said(t, want) {
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
			_, err = ask(h.Snapshot(release.Head{Size: w.h.Size()}))
			return err
		})
	}
	t.Logf("%d faults", faults)
	if faults < 1000 {
		t.Errorf("%d faults, want all that there are", faults)
	}
}
