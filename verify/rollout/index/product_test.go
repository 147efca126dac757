package index_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/verify/rollout"
	"github.com/touchmark-go/touchmark/verify/rollout/index"
)

// A spy is an Index that notes which rows and names were set.
type spy struct {
	*index.Index
	rows  map[string]int // one row of each list
	names []string
}

func (s *spy) SetItem(list string, n int, value []byte) error {
	s.rows[list] = n
	return s.Index.SetItem(list, n, value)
}

func (s *spy) SetNumber(name string, n int) error {
	s.names = append(s.names, name)
	return s.Index.SetNumber(name, n)
}

// A place is some bytes of the data.
type place struct{ at, size int }

// Damage to the pages of one product, each kind of them, gives no wrong answer,
// about that product or another one; nobody adopts it; and it is made anew.
func TestOneProductDamaged(t *testing.T) {
	c := newCompany(t, 2)
	c.grow(60)
	good := c.path()
	x, err := index.Open(t.Context(), good, sealKey)
	c.must(err)
	seen, log := &spy{x, map[string]int{}, nil}, c.reader()
	r, err := rollout.NewReplayOver(log, c.trust, optionsNone, seen)
	c.must(err)
	v, err := r.View(t.Context())
	c.must(err)
	signed, err := x.Summary()
	c.must(err)
	want := aboutEach(t, v)

	// Where product 0 and product 1 have pages and slots, by kind.
	places := func(product string) map[string]place {
		out := map[string]place{}
		of := func(key string) bool { return strings.HasPrefix(key[1:], product+"\x00") }
		put := func(what string, at, size int, err error) {
			c.must(err)
			if size > 0 {
				out[what] = place{at, size}
			}
		}
		for _, list := range slices.Sorted(maps.Keys(seen.rows)) {
			if !of(list) {
				continue
			}
			kind := fmt.Sprintf("%.1s%s", list, strings.TrimPrefix(list[1:], product))
			at, size, err := x.PageOf(list, seen.rows[list])
			put("page of "+kind, at, size, err)
			at, size, err = x.SlotOfPage(list, seen.rows[list])
			put("slot of the page of "+kind, at, size, err)
		}
		slices.Sort(seen.names)
		for _, name := range slices.Compact(seen.names) {
			if of(name) {
				at, size, err := x.SlotOfName(name)
				put("slot of name "+name[:1], at, size, err) // the last one of each kind
				at, size, err = x.GroupOfName(name)
				put("group of name "+name[:1], at, size, err)
			}
		}
		return out
	}
	mine, others := places(product(0)), places(product(1))
	at, size := x.Root()
	mine["root"] = place{at, size}
	c.must(x.Close())
	for _, kind := range []string{"P", "R", "T", "M", "C"} { // about it, releases, tags, moves, clusters
		if !slices.ContainsFunc(slices.Collect(maps.Keys(mine)), func(what string) bool { return strings.HasPrefix(what, "page of "+kind) }) {
			t.Errorf("no page of kind %s among %q", kind, slices.Sorted(maps.Keys(mine)))
		}
	}

	data, err := os.ReadFile(filepath.Join(good, "data-1"))
	c.must(err)
	head, err := os.ReadFile(filepath.Join(good, "head"))
	c.must(err)
	bad := t.TempDir()
	noticed := map[string]int{}
	try := func(what string, edit func(data []byte)) {
		t.Helper()
		changed := slices.Clone(data)
		edit(changed)
		if slices.Equal(changed, data) {
			return
		}
		c.must(os.WriteFile(filepath.Join(bad, "data-1"), changed, 0o600))
		c.must(os.WriteFile(filepath.Join(bad, "head"), head, 0o600))
		for p := range want { // each asked of an index that was opened for it
			got, err := c.ask(log, bad, p)
			switch {
			case err == nil && got != want[p]:
				t.Fatalf("%s: another answer about %s:\n%.500s\nwant:\n%.500s", what, product(p), got, want[p])
			case err != nil && !errors.Is(err, index.ErrDamaged):
				t.Fatalf("%s, about %s: %v, want ErrDamaged", what, product(p), err)
			case err != nil && p == 0:
				noticed[what]++
			}
		}
		if err := index.Adopt(t.Context(), bad, sealKey, signed); !errors.Is(err, index.ErrDamaged) {
			t.Errorf("%s: to adopt it: %v, want ErrDamaged", what, err)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(mine)) {
		is := mine[what]
		try(what, func(data []byte) { data[is.at+is.size/2] ^= 1 })
		if o, ok := others[what]; ok { // that of another product in its place
			try(what, func(data []byte) {
				n := min(o.size, is.size)
				copy(data[is.at:is.at+n], slices.Clone(data[o.at:o.at+n]))
			})
		}
	}
	for _, kind := range []string{"page of P\x00", "page of R\x00", "page of T\x00", "slot of name t", "root"} {
		if noticed[kind] == 0 {
			t.Errorf("who asks about the product notices %d edits of its %q: %v", noticed[kind], kind, noticed)
		}
	}
	c.must(index.Remove(t.Context(), bad))
	for p := range want {
		if got, err := c.ask(log, bad, p); err != nil || got != want[p] {
			t.Errorf("made anew, it says about %s: %v\n%.500s", product(p), err, got)
		}
	}
}

// ask opens an index of a log and asks about one product.
func (c *company) ask(log rollout.Rooted, path string, p int) (string, error) {
	x, err := index.Open(c.t.Context(), path, sealKey)
	if err != nil {
		return "", err
	}
	defer x.Close()
	r, err := rollout.NewReplayOver(log, c.trust, optionsNone, x)
	c.must(err)
	v, err := r.View(c.t.Context())
	if err != nil {
		return "", err
	}
	return aboutOne(c.t, v, p)
}

func aboutEach(t testing.TB, v *rollout.View) (out []string) {
	for p := range v.Products() {
		s, err := aboutOne(t, v, p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}
