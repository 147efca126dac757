package index_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/rollout"
	"github.com/touchmark-go/touchmark/verify/rollout/index"
)

// answers are all that a view says, in one text.
func answers(t testing.TB, v *rollout.View, products int) string {
	t.Helper()
	s, err := tryAnswers(t, v, products)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tryAnswers is answers, or why an index gives none.
func tryAnswers(t testing.TB, v *rollout.View, products int) (string, error) {
	var out bytes.Buffer
	for p := range products {
		about, err := aboutOne(t, v, p)
		if err != nil {
			return "", err
		}
		out.WriteString(about)
	}
	fmt.Fprintln(&out, v.Revocations(), v.Void(), v.Products(), v.Trust().Version)
	return out.String(), nil
}

// aboutOne is what a view says about product p.
func aboutOne(t testing.TB, v *rollout.View, p int) (string, error) {
	var out bytes.Buffer
	alarms, err := (&rollout.Guard{Product: product(p)}).Look(v, map[string]provenance.Digest{"1.0.0": artifact(product(p), 0)})
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&out, alarms)
	s, err := v.ReadState(product(p))
	if err != nil {
		return "", err
	}
	s2 := *s
	s2.Head = release.Head{}
	data, err := s2.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	for n := range len(s.Releases) + 1 {
		d, err := v.Tag(t.Context(), product(p), fmt.Sprintf("1.0.%d", n))
		status, serr := v.Status(t.Context(), product(p), artifact(product(p), n))
		for _, err := range []error{err, serr} {
			if err != nil && !errors.Is(err, release.ErrUnknown) {
				return "", err
			}
		}
		fmt.Fprintln(&out, d, err, status, serr)
	}
	ref, err := v.LastGood(t.Context(), product(p), "prod")
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&out, ref, err)
	return out.String(), nil
}

// What an index says is what a replay of all records in memory says, whenever it
// was closed and opened again in between; and a view never changes.
func TestSameAnswers(t *testing.T) {
	c := newCompany(t, 3)
	path := c.path()
	for range 4 {
		x, old, err := c.open(path)
		c.must(err)
		r, err := rollout.NewReplayOver(c.reader(), c.trust, optionsNone, x)
		c.must(err)
		before := ""
		if c.lines[0].n > 0 {
			old, err = r.View(t.Context())
			c.must(err)
			before = answers(t, c.plain(), 3)
		}
		c.grow(100)
		if before != "" {
			if _, err := r.View(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := answers(t, old, 3); got != before {
				t.Errorf("a view changed to:\n%.2000s\nwant:\n%.2000s", got, before)
			}
		}
		c.must(x.Close())
		x, v, err := c.open(path)
		c.must(err)
		if got, want := answers(t, v, 3), answers(t, c.plain(), 3); got != want {
			t.Errorf("with the index:\n%.3000s\nwithout:\n%.3000s", got, want)
		}
		if kept, head := x.Kept(), v.Head(); kept.Size != head.Size || kept.Root != head.Root {
			t.Errorf("kept as of %v, want %v", kept, head)
		}
		c.must(x.Close())
	}
}

// copyOf copies the files of an index.
func copyOf(t testing.TB, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// An index that somebody edited says that it is damaged, or what it said before:
// never anything else.
func TestEdited(t *testing.T) {
	c := newCompany(t, 2)
	c.grow(60)
	good := c.path()
	x, v, err := c.open(good)
	c.must(err)
	want := answers(t, v, 2)
	c.must(x.Close())
	names, err := filepath.Glob(filepath.Join(good, "*"))
	c.must(err)
	if len(names) != 2 {
		t.Fatalf("the index has files %v, want head and data", names)
	}
	bad := c.path()
	damaged, same := 0, 0
	check := func(what string) {
		t.Helper()
		x, v, err := c.open(bad)
		if err == nil {
			defer x.Close()
			var got string
			if got, err = tryAnswers(t, v, 2); err == nil {
				if same++; got != want {
					t.Fatalf("%s: another answer", what)
				}
				return
			}
		}
		if damaged++; !errors.Is(err, index.ErrDamaged) {
			t.Fatalf("%s: %v, want ErrDamaged", what, err)
		}
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		c.must(err)
		step := max(len(data)/50, 1)
		for at := 0; at < len(data); at += step {
			copyOf(t, good, bad)
			changed := slices.Clone(data)
			changed[at] ^= 0x10
			c.must(os.WriteFile(filepath.Join(bad, filepath.Base(name)), changed, 0o600))
			check(fmt.Sprintf("%s, byte %d", filepath.Base(name), at))
		}
		for _, size := range []int{0, 1, len(data) / 2, len(data) - 1} {
			copyOf(t, good, bad)
			c.must(os.WriteFile(filepath.Join(bad, filepath.Base(name)), data[:size], 0o600))
			check(fmt.Sprintf("%s cut to %d", filepath.Base(name), size))
		}
	}
	copyOf(t, good, bad)
	c.must(os.Remove(filepath.Join(bad, "data-1")))
	check("no data")
	if damaged < 80 {
		t.Errorf("%d of %d edits were noticed: too few of them hit anything", damaged, damaged+same)
	}
	// Removed, it is made anew.
	c.must(index.Remove(t.Context(), bad))
	check("removed")
}

// An older copy is an index that has more to read; so is one whose newest pages
// were written when the program was killed, and whose head was not.
func TestOlderCopy(t *testing.T) {
	c := newCompany(t, 2)
	path, old := c.path(), c.path()
	c.grow(40)
	x, _, err := c.open(path)
	c.must(err)
	c.must(x.Close())
	copyOf(t, path, old)
	c.grow(40)
	x, v, err := c.open(path)
	c.must(err)
	want := answers(t, v, 2)
	c.must(x.Close())

	head, err := os.ReadFile(filepath.Join(old, "head"))
	c.must(err)
	killed := c.path()
	copyOf(t, path, killed)
	c.must(os.WriteFile(filepath.Join(killed, "head"), head, 0o600))
	c.must(os.WriteFile(filepath.Join(killed, "data-2"), []byte("left by a compaction"), 0o600))
	for _, path := range []string{old, killed} {
		x, v, err := c.open(path)
		c.must(err)
		if got := answers(t, v, 2); got != want {
			t.Errorf("%s says\n%.1000s\nwant\n%.1000s", path, got, want)
		}
		c.must(x.Close())
		if _, err := os.Stat(filepath.Join(path, "data-2")); err == nil {
			t.Error("what a compaction left is still there")
		}
	}
}

// An index counts for one log only, and only if that log did not lose anything.
func TestOtherLog(t *testing.T) {
	a, b := newCompany(t, 1), newCompany(t, 1)
	a.grow(20)
	b.grow(40)
	path := a.path()
	x, _, err := a.open(path)
	a.must(err)
	a.must(x.Close())
	if _, _, err := b.open(path); !errors.Is(err, rollout.ErrLog) {
		t.Errorf("another log: %v, want ErrLog", err)
	}
	other := newCompany(t, 1) // shorter than what was seen
	if _, _, err := other.open(path); !errors.Is(err, rollout.ErrLog) {
		t.Errorf("a shorter log: %v, want ErrLog", err)
	}
	if _, err := index.Open(t.Context(), path, bytes.Repeat([]byte("x"), index.KeySize)); !errors.Is(err, index.ErrDamaged) {
		t.Errorf("another key: %v, want ErrDamaged", err)
	}
	if _, err := index.Open(t.Context(), path, []byte("short")); err == nil {
		t.Error("a key of five bytes was taken")
	}
}

// Who opens an index that is open waits, as long as he wants to.
func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	x, err := index.Open(t.Context(), path, sealKey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := index.Open(ctx, path, sealKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second: %v, want that it waits", err)
	}
	opened := make(chan error)
	go func() {
		y, err := index.Open(t.Context(), path, sealKey)
		if err == nil {
			err = y.Close()
		}
		opened <- err
	}()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
	if _, err := x.Number("a"); err == nil {
		t.Error("a closed index answers")
	}
}

// Rows and names come and go, and what takes no space any more is given back.
func TestCompaction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index")
	x, err := index.Open(t.Context(), path, sealKey)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 2000
	largest := int64(0)
	for round := range 12 {
		for n := range rows {
			value := bytes.Repeat([]byte{byte(round), byte(n)}, 1000)
			if n%7 == round%7 {
				value = nil
			}
			if err := errors.Join(x.SetItem("list", n, value), x.SetNumber(fmt.Sprint("name", n), (n*round)%5)); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Keep(release.Head{Size: uint64(round)}); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, x.Size())
		if round%3 == 2 {
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			if x, err = index.Open(t.Context(), path, sealKey); err != nil {
				t.Fatal(err)
			}
		}
		for n := range rows {
			value, err := x.Item("list", n)
			if err != nil {
				t.Fatal(err)
			}
			want := bytes.Repeat([]byte{byte(round), byte(n)}, 1000)
			if n%7 == round%7 {
				want = nil
			}
			number, err := x.Number(fmt.Sprint("name", n))
			if err != nil || number != (n*round)%5 || !bytes.Equal(value, want) {
				t.Fatalf("round %d: row %d has %d bytes and its name stands for %d, %v", round, n, len(value), number, err)
			}
		}
	}
	defer x.Close()
	if largest > 30<<20 {
		t.Errorf("it grew to %d bytes for 4 MB that are in use", largest)
	}
}

// A copy whose summary one signed is taken over without a replay, and only if it
// is that copy, whole.
func TestAdopt(t *testing.T) {
	c := newCompany(t, 2)
	c.grow(40)
	path := c.path()
	x, v, err := c.open(path)
	c.must(err)
	want := answers(t, v, 2)
	signed, err := x.Summary()
	c.must(err)
	c.must(x.Close())

	other := bytes.Repeat([]byte("o"), index.KeySize)
	take := func(edit func(dir string)) error {
		dir := c.path()
		copyOf(t, path, dir)
		edit(dir)
		if err := index.Adopt(t.Context(), dir, other, signed); err != nil {
			return err
		}
		x, err := index.Open(t.Context(), dir, other)
		c.must(err)
		defer x.Close()
		v, err := c.view(x)
		c.must(err)
		if got := answers(t, v, 2); got != want {
			t.Errorf("the copy says\n%.1000s\nwant\n%.1000s", got, want)
		}
		return nil
	}
	c.must(take(func(string) {}))
	data, err := os.ReadFile(filepath.Join(path, "data-1"))
	c.must(err)
	for _, edit := range []func([]byte) []byte{
		func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		func(b []byte) []byte { return b[:len(b)-1] },
	} {
		err := take(func(dir string) { c.must(os.WriteFile(filepath.Join(dir, "data-1"), edit(bytes.Clone(data)), 0o600)) })
		if !errors.Is(err, index.ErrDamaged) {
			t.Errorf("an edited copy: %v, want ErrDamaged", err)
		}
	}
	c.grow(20)
	x, _, err = c.open(path) // it is another one now
	c.must(err)
	c.must(x.Close())
	if err := take(func(string) {}); !errors.Is(err, index.ErrDamaged) {
		t.Errorf("another index: %v, want ErrDamaged", err)
	}
}
