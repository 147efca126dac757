package layout_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	intoto "github.com/in-toto/in-toto-golang/in_toto"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/verify/layout"
)

// theirs is in-toto-golang's decision about a chain without inspections, of
// which it runs none. It panics on some.
func theirs(t testing.TB, w *world, c *layout.Chain) (accepted bool) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("root.layout", c.Layout)
	for name, data := range c.Files {
		write(name, data)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	saved := os.Stdout
	os.Stdout = null // it prints
	defer func() {
		os.Stdout = saved
		if recover() != nil {
			accepted = false
		}
	}()
	env, err := intoto.LoadMetadata(filepath.Join(dir, "root.layout"))
	if w.theirs = err; err != nil {
		return false
	}
	owners := map[string]intoto.Key{}
	for _, name := range w.trust {
		owners[w.people[name].id()] = w.people[name].public()
	}
	_, err = intoto.InTotoVerify(env, owners, dir, "", map[string]string{}, nil, false)
	w.theirs = err
	return err == nil
}

// mutate changes one file of a chain: a byte, a cut, a line twice, or a word for another.
func mutate(r *rand.Rand, c *layout.Chain) *layout.Chain {
	out := &layout.Chain{Layout: bytes.Clone(c.Layout), Files: maps.Clone(c.Files)}
	names := append([]string{""}, slices.Sorted(maps.Keys(c.Files))...)
	name := names[r.IntN(len(names))]
	data := bytes.Clone(c.Files[name])
	if name == "" {
		data = out.Layout
	}
	switch r.IntN(6) {
	case 0:
		data[r.IntN(len(data))] ^= 1 << r.IntN(7)
	case 1:
		data = data[:r.IntN(len(data))]
	case 2: // a line again, or gone
		lines := strings.SplitAfter(string(data), "\n")
		i := r.IntN(len(lines))
		if r.IntN(2) == 0 {
			lines = slices.Insert(lines, i, lines[i])
		} else {
			lines = slices.Delete(lines, i, i+1)
		}
		data = []byte(strings.Join(lines, ""))
	case 3:
		words := [][2]string{{`"sha256"`, `"SHA256"`}, {`"name"`, `"Name"`}, {"app", "apq"}, {`"threshold": 2`, `"threshold": 1`}, {" ", ""}, {"\n", "\r\n"}, {`"link"`, `"layout"`}, {"{}", "null"}, {"[]", "null"}, {"1", "2"}, {"a", "A"}}
		word := words[r.IntN(len(words))]
		data = bytes.Replace(data, []byte(word[0]), []byte(word[1]), 1+r.IntN(3))
	case 4:
		delete(out.Files, name)
		if name != "" {
			return out
		}
	case 5: // another file under this name
		other := names[r.IntN(len(names))]
		if other != "" && name != "" {
			data = c.Files[other]
		}
	}
	if name == "" {
		out.Layout = data
	} else {
		out.Files[name] = data
	}
	return out
}

// named gives the signatures of a chain the names of keys that the good one has.
func named(t testing.TB, c, good *layout.Chain) *layout.Chain {
	t.Helper()
	repair := func(data, from []byte) []byte {
		var was, is intoto.Metablock
		if json.Unmarshal(from, &was) != nil || json.Unmarshal(data, &is) != nil {
			return data
		}
		for i := range min(len(is.Signatures), len(was.Signatures)) {
			is.Signatures[i].KeyID = was.Signatures[i].KeyID
		}
		return mustJSON(is)
	}
	out := &layout.Chain{Layout: repair(c.Layout, good.Layout), Files: map[string][]byte{}}
	for name, data := range c.Files {
		out.Files[name] = repair(data, good.Files[name])
	}
	return out
}

// compareChains decides a mutant twice, and names the difference. That we refuse
// what they accept is explained in docs/differences.md. What we accept
// they accept as well, but for the name of a key, which nobody signed.
func compareChains(t *testing.T, w *world, c, good *layout.Chain) string {
	t.Helper()
	b, err := c.Bundle()
	if err == nil {
		var names []string
		if names, err = w.believe(t, b); err == nil && len(names) < len(w.trust) {
			return "same: no" // they want every owner
		}
	}
	switch accepted := theirs(t, w, c); {
	case accepted == (err == nil):
		return map[bool]string{true: "same: yes", false: "same: no"}[accepted]
	case err == nil && theirs(t, w, named(t, c, good)):
		return looser.Name
	case err == nil:
		t.Errorf("we accept and they refuse: %v", w.theirs)
		return "looser"
	}
	if name := testkit.Explain(stricter, err); name != "" {
		return name
	}
	t.Errorf("they accept and we refuse: %v", err)
	return "stricter"
}

// stricter is why we refuse what they accept, by what our error says.
var stricter = []testkit.Difference{
	{Name: "a member twice", Text: "duplicate member"},
	{Name: "letter case", Text: "must be spelled"},
	{Name: "a link of another step", Text: "is a link of step"},
	{Name: "no strong digest", Text: "no strong digest"},
	{Name: "an unknown digest", Text: "digest algorithm is"},
	{Name: "a match with nothing", Text: "no step that it could match"},
	{Name: "hexadecimal", Text: "want lower-case hexadecimal"},
	{Name: "more functionaries than keys", Text: "no more than there are keys"},
}

// looser is what we accept and they refuse.
var looser = testkit.Difference{Name: "the name of a key"}

func differentialWorld(t testing.TB) (*world, *layout.Chain) {
	w := newWorld(people(t))
	w.root.Expires, w.sub.Expires = "2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z" // they ask the clock
	return w, w.chain(t)
}

func TestChainsAgainstInToto(t *testing.T) {
	testkit.Documented(t, "Layouts", append(stricter, looser))
	w, c := differentialWorld(t)
	if got := compareChains(t, w, c, c); got != "same: yes" {
		t.Fatal("the good chain: " + got)
	}
	met := map[string]int{}
	for seed := range uint64(80) {
		met[compareChains(t, w, mutate(rand.New(rand.NewPCG(seed, 7)), c), c)]++
	}
	t.Log(met)
	if met["same: no"] < 25 || met["same: yes"] < 5 {
		t.Errorf("the mutants show nothing: %v", met)
	}
}

func FuzzChainsAgainstInToto(f *testing.F) {
	w, c := differentialWorld(f)
	for seed := range uint64(4) {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) { compareChains(t, w, mutate(rand.New(rand.NewPCG(a, b)), c), c) })
}
