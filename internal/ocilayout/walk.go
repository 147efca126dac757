package ocilayout

import (
	"archive/tar"
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
)

// collect finds the regular files, by layer and place in it.
func (t *Tree) collect() {
	at := map[*content]int{}
	var visit func(dir *node, prefix string)
	visit = func(dir *node, prefix string) {
		for _, name := range slices.Sorted(maps.Keys(dir.children)) {
			switch n := dir.children[name]; {
			case n.dir():
				visit(n, prefix+name+"/")
			case n.content == nil:
			default:
				i, known := at[n.content]
				if !known {
					i = len(t.files)
					at[n.content] = i
					t.files = append(t.files, File{Layer: t.image.Layers[n.content.layer], LayerIndex: n.content.layer,
						Size: n.content.size, Mode: n.content.mode, entry: n.content.entry})
				}
				t.files[i].Links = append(t.files[i].Links, prefix+name)
			}
		}
	}
	visit(t.root, "")
	for i := range t.files {
		f := &t.files[i]
		slices.Sort(f.Links)
		f.Path, f.Links = f.Links[0], f.Links[1:]
	}
	order := make([]*File, len(t.files)) // code that sorts structs is made for each, and is large
	for i := range t.files {
		order[i] = &t.files[i]
	}
	slices.SortFunc(order, func(a, b *File) int {
		return cmp.Or(cmp.Compare(a.LayerIndex, b.LayerIndex), cmp.Compare(a.entry, b.entry))
	})
	files := make([]File, len(order))
	for i, f := range order {
		files[i] = *f
	}
	t.files = files
}

// Files are the regular files that are there when the image runs, in the order
// of the layers and of their places in them.
func (t *Tree) Files() []File { return slices.Clone(t.files) }

// Image is the manifest that the tree is of.
func (t *Tree) Image() Manifest { return t.image }

// Resolve follows the symbolic links of a path, never out of the image, and
// returns the path of the file or folder that it leads to.
func (t *Tree) Resolve(name string) (string, bool) {
	elements, err := split(name)
	if err != nil {
		return "", false
	}
	n, err := (&walker{root: t.root}).walk(elements)
	if err != nil {
		return "", false
	}
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/"), true
}

// Walk reads the layers once more and calls f with each of [Tree.Files], in that
// order, and its content, of which f may read as much as it wants. The digests
// are checked at the end of each layer: until Walk returns nil, trust nothing
// that was read.
func (t *Tree) Walk(ctx context.Context, f func(File, io.Reader) error) error {
	var expanded int64
	files := t.files
	for i, l := range t.image.Layers {
		n := 0
		for n < len(files) && files[n].LayerIndex == i {
			n++
		}
		if n == 0 {
			continue // it was read for the names, and holds no content that is left
		}
		here := files[:n]
		files = files[n:]
		entry := -1
		err := t.archive.entries(ctx, l, &expanded, func(h *tar.Header, r io.Reader) error {
			if entry++; len(here) == 0 || here[0].entry != entry {
				return nil
			}
			file := here[0]
			here = here[1:]
			if h.Typeflag != tar.TypeReg || h.Size != file.Size {
				return errorf(ErrMismatch, "the layer was changed while it was read")
			}
			if err := f(file, r); err != nil {
				return stopped{err}
			}
			return nil
		})
		if s, ok := err.(stopped); ok {
			return s.error
		}
		if err != nil {
			return err
		}
		if len(here) > 0 {
			return errorf(ErrMismatch, "the layer %s was changed while it was read", l.DiffID)
		}
	}
	return nil
}

// stopped is what the caller's function returned.
type stopped struct{ error }

// Walk is [Archive.Tree] and [Tree.Walk] in one.
func (a *Archive) Walk(ctx context.Context, m Manifest, f func(File, io.Reader) error) error {
	t, err := a.Tree(ctx, m)
	if err != nil {
		return err
	}
	return t.Walk(ctx, f)
}
