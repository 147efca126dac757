package ocilayout

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
)

// FuzzOpen: whatever the bytes are, nothing panics, and what is read comes out
// the same twice.
func FuzzOpen(f *testing.F) {
	l := imagetest.New()
	l.Add(l.Index(l.Image("linux/amd64", []entry{{Name: "a/b", Body: "x"}, {Name: "c", Link: "a"}}, []entry{{Name: "c/.wh.b"}})))
	f.Add(l.Tar())
	docker, _ := imagetest.Docker("linux/amd64", "x", []entry{{Name: "a", Body: "x"}})
	f.Add(docker)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := openBytes(data)
		if err != nil {
			t.Skip()
		}
		a.limits = limits{entries: 1000, names: 1 << 20, expanded: 1 << 20, free: 1 << 20, ratio: 10}
		b, err := openBytes(data)
		if err != nil {
			t.Fatalf("opened once, and then: %v", err)
		}
		b.limits = a.limits
		if x, y := contents(a, nil), contents(b, nil); x != y {
			t.Errorf("%q and then %q", x, y)
		}
	})
}

// FuzzLayers holds the merged file system against the plain reading of the
// specification for layers without links: a map of paths.
func FuzzLayers(f *testing.F) {
	f.Add("a/b c|a/.wh.b d|c")
	f.Add("a/b a/c|a/.wh..wh..opq a/d|.wh.a")
	f.Add("a|a/b|.wh.a")
	f.Fuzz(func(t *testing.T, text string) {
		var layers [][]entry
		for layer := range strings.SplitSeq(text, "|") {
			var entries []entry
			for name := range strings.FieldsSeq(layer) {
				if len(name) > 90 || strings.HasSuffix(name, "/") || !strings.ContainsAny(name, "abcd") || strings.Trim(name, "abcd/.whopq") != "" {
					t.Skip()
				}
				entries = append(entries, entry{Name: name, Body: "x"})
			}
			layers = append(layers, entries)
		}
		l := imagetest.New()
		if len(layers) > 20 {
			t.Skip()
		}
		a, err := openBytes(l.Add(l.Image("linux/amd64", layers...)).Tar())
		if err != nil {
			t.Fatal(err)
		}
		tree, err := a.Tree(t.Context(), a.Images()[0])
		if err != nil {
			t.Skip()
		}
		want := map[string]int{}
		for i, layer := range layers {
			below := func(p, dir string) bool { return dir == "." || p == dir || strings.HasPrefix(p, dir+"/") }
			for _, e := range layer {
				dir, base := path.Split(path.Clean("/" + e.Name))
				dir = path.Clean(strings.TrimPrefix(dir, "/"))
				hidden, gone := strings.CutPrefix(base, whiteout)
				for p, in := range want {
					if in < i && gone && (base == opaque && p != dir && below(p, dir) || base != opaque && !strings.HasPrefix(base, whiteoutMeta) && below(p, path.Join(dir, hidden))) {
						delete(want, p)
					}
				}
			}
			for _, e := range layer {
				name := strings.TrimPrefix(path.Clean("/"+e.Name), "/")
				if strings.HasPrefix(path.Base(name), whiteout) {
					continue
				}
				for p := range want {
					if below(p, name) {
						delete(want, p)
					}
				}
				want[name] = i
			}
		}
		var got, wanted []string
		for _, file := range tree.Files() {
			got = append(got, fmt.Sprint(file.LayerIndex, file.Path))
		}
		for p, i := range want {
			wanted = append(wanted, fmt.Sprint(i, p))
		}
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%q: %q, want %q", text, got, wanted)
		}
	})
}

// A layer is unpacked at least half as fast as by the standard library alone,
// which checks nothing. It is read twice for its content.
func BenchmarkTree(b *testing.B) {
	var entries []entry
	for i := range 2000 {
		entries = append(entries, entry{Name: fmt.Sprintf("usr/lib/%d/file", i), Body: strings.Repeat(fmt.Sprintln("line", i), 300)})
	}
	l := imagetest.New()
	data := l.Add(l.Image("linux/amd64", entries)).Tar()
	a, err := openBytes(data)
	if err != nil {
		b.Fatal(err)
	}
	m := a.Images()[0]
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(m.Layers[0].Size)
		for b.Loop() {
			if _, err := a.Tree(b.Context(), m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(m.Layers[0].Size)
		for b.Loop() {
			r, err := a.Layer(m.Layers[0])
			if err != nil {
				b.Fatal(err)
			}
			r.(*layerReader).h, r.(*layerReader).stored.h = nil, nil
			tr := tar.NewReader(r)
			for {
				if _, err := tr.Next(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
