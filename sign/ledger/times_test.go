package ledger_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/sign/ledger"
)

// counting counts how often each file is read.
type counting struct {
	memory
	reads map[string]int
}

func (c counting) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	c.reads[name]++
	return c.memory.Read(ctx, name, max)
}

// Whoever follows a log comes to the times of whoever reads it once, reads each
// page of them once for a head, and still notices one that is changed behind its
// back.
func TestSinceFollows(t *testing.T) {
	w := newWorld(t)
	defer w.log.Close()
	v := w.verifier(t)
	files := memory{}
	f := v.Follow(files, "")
	read := uint64(0)
	entries := func() (all []ledger.Entry, err error) {
		maps.Copy(files, w.files(t))
		head, err := f.Head(t.Context())
		if err != nil {
			return nil, err
		}
		for e, err := range f.Records(t.Context(), read, head.Size) {
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		}
		read = head.Size
		return all, nil
	}
	for _, n := range []int{1, 2, 1, 250, 1, 5, 1} { // the next page begins in a batch
		w.grow(t, n)
		all, err := entries()
		if err != nil || len(all) != n {
			t.Fatalf("%d of %d records: %v", len(all), n, err)
		}
		for _, e := range all {
			fresh, err := v.Read(t.Context(), files)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := fresh.Since(t.Context(), e.Index); err != nil || !e.Time.Equal(want) || want.IsZero() {
				t.Fatalf("record %d is there since %s, and read once since %s, %v", e.Index, e.Time, want, err)
			}
		}
	}

	// A page that is lost makes records younger; it is not looked for each time.
	lost := counting{w.files(t), map[string]int{}}
	delete(lost.memory, "heads/000")
	r, err := v.Read(t.Context(), lost)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Checkpoint().Size() {
		if _, err := r.Since(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if lost.reads["heads/000"] != 1 || lost.reads["heads/001"] != 1 {
		t.Errorf("for %d records, pages were read so often: %v", r.Checkpoint().Size(), lost.reads)
	}

	// One that was checked, and is another one now.
	w.grow(t, 1)
	maps.Copy(files, w.files(t))
	head, err := f.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good := files["heads/001"]
	notes, err := ledger.ParseHeads(good)
	if err != nil || len(notes) < 3 {
		t.Fatalf("%d checkpoints: %v", len(notes), err)
	}
	changed := strings.Replace(string(notes[0]), "\n", "x\n", 1)
	notes[0] = []byte(changed)
	if files["heads/001"], err = ledger.MarshalHeads(notes); err != nil {
		t.Fatal(err)
	}
	next := func() (err error) {
		for _, err = range f.Records(t.Context(), head.Size-1, head.Size) {
		}
		return err
	}
	if err := next(); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("a checkpoint that was checked before was changed: %v", err)
	}
	files["heads/001"] = good
	if err := next(); err != nil {
		t.Error(err)
	}
}

// BenchmarkSince is what the time of a record costs whoever reads each as it comes,
// the last of a page of so many checkpoints.
func BenchmarkSince(b *testing.B) {
	w := newWorld(b)
	defer w.log.Close()
	for range 20 {
		w.grow(b, 1)
	}
	v := w.verifier(b)
	before := w.files(b)
	w.grow(b, 1)
	after := w.files(b)
	files := memory{}
	for b.Loop() {
		b.StopTimer()
		f := v.Follow(files, "")
		maps.Copy(files, before)
		all(b, f, 0)
		maps.Copy(files, after)
		b.StartTimer()
		all(b, f, 20)
	}
}

func all(b *testing.B, f *ledger.Follower, from uint64) {
	head, err := f.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range f.Records(b.Context(), from, head.Size) {
		if err != nil {
			b.Fatal(err)
		}
	}
}
