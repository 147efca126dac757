package ocilayout

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// A Tree is the file system of one image as it is when the image runs: its
// layers on top of each other, with what whiteouts took away gone (OCI image
// specification, "Layer Filesystem Changeset"). It holds names and sizes, no
// content, and does not change.
type Tree struct {
	archive *Archive
	image   Manifest
	root    *node
	files   []File
}

// A File is a regular file of an image.
type File struct {
	// Path is relative to the root of the image, with slashes: "usr/bin/app".
	Path string
	// Links are its further names (hard links), sorted. Path is the first of all.
	Links []string
	// Layer is the layer that its content is in, and LayerIndex its place, from 0.
	Layer      Layer
	LayerIndex int
	Size       int64
	Mode       fs.FileMode

	entry int // the place of its content in the layer
}

const (
	whiteout     = ".wh."
	opaque       = ".wh..wh..opq"
	whiteoutMeta = ".wh..wh."
)

// maxHops is how many symbolic links the way to one path may follow.
const maxHops = 255

// A node is what stands at a path.
type node struct {
	name     string
	parent   *node
	depth    int              // elements of its path
	length   int              // bytes of its path
	layer    int              // that it is of
	top      int              // the highest layer that it or anything below it is of
	children map[string]*node // of a folder
	content  *content         // of a regular file; shared by its hard links
	target   string           // of a symbolic link
}

type content struct {
	layer, entry int
	size         int64
	mode         fs.FileMode
}

func (n *node) dir() bool { return n.children != nil }

// holds reports whether it or anything below it is of the layer that is being read.
func (n *node) holds(layer int) bool { return n.top == layer }

// Tree reads the names in the layers of an image, all of them to their ends, so
// that every digest is checked. What no tar of an image has is refused: paths
// with "..", a name twice in a layer, hard links to what is not there, sparse
// files, folders below files.
func (a *Archive) Tree(ctx context.Context, m Manifest) (*Tree, error) {
	if m.Kind != Image {
		return nil, errorf(ErrNotImage, "%s is of the kind %s, so it is", m.Digest, m.Kind)
	}
	b := &builder{root: &node{children: map[string]*node{}}, limits: a.limits}
	for i, l := range m.Layers {
		b.layer, b.entry = i, 0
		b.hidden = map[place]bool{}
		err := a.entries(ctx, l, &b.expanded, func(h *tar.Header, _ io.Reader) error { return b.add(h) })
		if err != nil {
			return nil, err
		}
	}
	t := &Tree{archive: a, image: m, root: b.root}
	t.collect()
	return t, nil
}

// entries calls f with each entry of a layer and reads the layer to its end.
func (a *Archive) entries(ctx context.Context, l Layer, expanded *int64, f func(*tar.Header, io.Reader) error) error {
	r, err := a.Layer(l)
	if err != nil {
		return err
	}
	defer r.Close() // only read from
	name := "layer " + l.DiffID.String()
	c := &counted{ctx: ctx, r: r, n: expanded, most: a.limits.expanded}
	tr := tar.NewReader(c)
	for {
		h, err := next(tr)
		if err == io.EOF {
			break
		}
		if c.err != nil && c.err != io.EOF {
			return c.err
		}
		if err != nil {
			return asMalformed(err, "%s", name)
		}
		if err := f(h, tr); err != nil {
			if s, ok := err.(stopped); ok {
				return s
			}
			return asMalformed(err, "%s, entry %.200q", name, h.Name)
		}
	}
	// Readers differ in whether they look behind the end of a tar file.
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return errorf(ErrMalformed, "%s has content behind its end", name)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// counted bounds what all layers expand to, ends with its context, and
// remembers what it failed with, which a parser may lose.
type counted struct {
	ctx  context.Context
	r    io.Reader
	n    *int64
	most int64
	err  error
}

func (c *counted) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	if *c.n += int64(n); *c.n > c.most {
		err = errorf(ErrLimit, "its layers expand to more than %d bytes", c.most)
	}
	if err == nil {
		err = c.ctx.Err()
	}
	c.err = err
	return n, err
}

// A builder puts layers on top of each other.
type builder struct {
	root         *node
	limits       limits
	layer, entry int
	hidden       map[place]bool // the whiteouts of this layer
	entries      int64
	names        int64 // bytes
	steps        int64 // along paths and links
	expanded     int64
}

type place struct {
	parent *node
	name   string
}

// stepsPerEntry is what an entry may cost on average: the elements of its path
// and those of the links on the way. Without it a chain of links makes a
// million entries cost as much as a thousand million.
const stepsPerEntry = 64

// grow puts a new node in its place. Through links a path becomes longer than
// any name in the layer.
func (b *builder) grow(parent *node, name string, n *node) (*node, error) {
	n.name, n.parent, n.layer = name, parent, b.layer
	n.depth, n.length = parent.depth+1, parent.length+1+len(name)
	if b.names += int64(n.length); n.depth > MaxDepth || n.length > maxPath || b.names > b.limits.names {
		return nil, errorf(ErrLimit, "its path has more than %d elements or %d bytes, or all have more than %d", MaxDepth, maxPath, b.limits.names)
	}
	n.top = b.layer
	parent.raise(b.layer)
	parent.children[name] = n
	return n, nil
}

// raise says that something at n or below it is of the layer.
func (n *node) raise(layer int) {
	for ; n != nil && n.top < layer; n = n.parent {
		n.top = layer
	}
}

// maxPath is how long a path of Linux may be.
const maxPath = 4096

func (b *builder) add(h *tar.Header) error {
	entry := b.entry
	b.entry++
	b.entries++
	b.names += int64(len(h.Linkname))
	if len(h.Name) > maxPath || len(h.Linkname) > maxPath {
		return errorf(ErrLimit, "its name or target has more than %d bytes", maxPath)
	}
	if b.entries > b.limits.entries || b.names > b.limits.names {
		return errorf(ErrLimit, "the image has more than %d entries, or more than %d bytes of names", b.limits.entries, b.limits.names)
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	elements, err := split(h.Name)
	if err != nil {
		return err
	}
	if len(elements) == 0 { // the root itself
		if h.Typeflag != tar.TypeDir {
			return errorf(ErrMalformed, "the root is no folder")
		}
		return nil
	}
	parent, err := b.folder(elements[:len(elements)-1])
	if err != nil {
		return err
	}
	name := elements[len(elements)-1]
	if strings.HasPrefix(name, whiteout) {
		return b.whiteout(parent, name)
	}
	if slices.ContainsFunc(elements, func(e string) bool { return strings.HasPrefix(e, whiteout) }) {
		return errorf(ErrMalformed, "it is below a whiteout")
	}
	return b.put(parent, name, h, entry)
}

func (b *builder) put(parent *node, name string, h *tar.Header, entry int) error {
	old := parent.children[name]
	// A folder may come twice, with its attributes; anything else that this layer
	// has at the path, or below it, is unpacked in another way by each reader.
	if old != nil && old.holds(b.layer) && (!old.dir() || h.Typeflag != tar.TypeDir) {
		return errorf(ErrMalformed, "the layer has it twice")
	}
	n := &node{}
	switch h.Typeflag {
	case tar.TypeDir:
		if old != nil && old.dir() {
			b.names += int64(len(name))
			old.layer = b.layer
			old.raise(b.layer)
			return nil
		}
		n.children = map[string]*node{}
		_, err := b.grow(parent, name, n)
		return err
	case tar.TypeReg:
		n.content = &content{layer: b.layer, entry: entry, size: h.Size, mode: h.FileInfo().Mode()}
	case tar.TypeSymlink:
		n.target = h.Linkname
		if n.target == "" {
			return errorf(ErrMalformed, "it is a link to nothing")
		}
	case tar.TypeLink:
		to, err := b.linked(h.Linkname)
		if err != nil {
			return err
		}
		n.content, n.target = to.content, to.target
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	default:
		return errorf(ErrMalformed, "it is of the type %q, which no layer has", h.Typeflag)
	}
	_, err := b.grow(parent, name, n)
	return err
}

// linked is what a hard link leads to, which must stand there already.
func (b *builder) linked(target string) (*node, error) {
	elements, err := split(target)
	if err != nil {
		return nil, err
	}
	if len(elements) == 0 {
		return nil, errorf(ErrMalformed, "it is a hard link to the root")
	}
	last := len(elements) - 1
	parent := b.find(elements[:last])
	if parent == nil || !parent.dir() {
		return nil, errorf(ErrMalformed, "it is a hard link to %.200q, which is not there", target)
	}
	to := parent.children[elements[last]]
	if to == nil || to.dir() {
		return nil, errorf(ErrMalformed, "it is a hard link to %.200q, which is no file", target)
	}
	return to, nil
}

// whiteout takes away what lower layers put there, and nothing of this layer:
// whether the whiteout comes first or last in it must not matter.
func (b *builder) whiteout(parent *node, name string) error {
	b.names += int64(len(name))
	if b.hidden[place{parent, name}] {
		return errorf(ErrMalformed, "the layer has it twice")
	}
	b.hidden[place{parent, name}] = true
	switch {
	case name == opaque:
		for _, child := range slices.Sorted(maps.Keys(parent.children)) {
			b.remove(parent, child)
		}
	case strings.HasPrefix(name, whiteoutMeta):
		// What AUFS kept for itself: nobody unpacks it.
	default:
		hidden := strings.TrimPrefix(name, whiteout)
		if hidden == "" || hidden == "." || hidden == ".." {
			return errorf(ErrMalformed, "it is a whiteout of %.20q", hidden)
		}
		b.remove(parent, hidden)
	}
	return nil
}

func (b *builder) remove(parent *node, name string) {
	n := parent.children[name]
	switch {
	case n == nil:
	case n.dir() && n.holds(b.layer):
		for child := range n.children {
			b.remove(n, child)
		}
	case n.layer < b.layer:
		delete(parent.children, name)
	}
}

// folder finds a folder through links, and makes those that are not there, as
// everything that unpacks layers does.
func (b *builder) folder(elements []string) (*node, error) {
	w := walker{root: b.root, make: func(parent *node, name string) (*node, error) {
		return b.grow(parent, name, &node{children: map[string]*node{}})
	}}
	n, err := w.walk(elements)
	if b.steps += w.steps; err == nil && b.steps > stepsPerEntry*b.limits.entries {
		err = errorf(ErrLimit, "the paths of the image take too many steps")
	}
	if err != nil {
		return nil, err
	}
	if !n.dir() {
		return nil, errorf(ErrMalformed, "it is below something that is no folder")
	}
	return n, nil
}

func (b *builder) find(elements []string) *node {
	w := walker{root: b.root}
	n, err := w.walk(elements)
	b.steps += w.steps
	if err != nil {
		return nil
	}
	return n
}

// A walker goes along a path and follows every link, never out of root.
type walker struct {
	root  *node
	make  func(parent *node, name string) (*node, error) // nil if nothing is to be made
	hops  int
	steps int64
}

func (w *walker) walk(elements []string) (*node, error) {
	at := w.root
	left := slices.Clone(elements)
	for len(left) > 0 {
		name := left[0]
		left = left[1:]
		w.steps++
		if name == ".." { // of a link's target
			if at.parent != nil {
				at = at.parent
			}
			continue
		}
		if !at.dir() {
			return nil, errorf(ErrMalformed, "it is below something that is no folder")
		}
		n := at.children[name]
		switch {
		case n == nil && w.make == nil:
			return nil, errorf(ErrMissing, "%.200q is", name)
		case n == nil:
			var err error
			if at, err = w.make(at, name); err != nil {
				return nil, err
			}
		case n.target == "":
			at = n
		default:
			if w.hops++; w.hops > maxHops {
				return nil, errorf(ErrMalformed, "its links lead in a circle")
			}
			if path.IsAbs(n.target) {
				at = w.root
			}
			steps := strings.FieldsFunc(n.target, func(r rune) bool { return r == '/' })
			steps = slices.DeleteFunc(steps, func(s string) bool { return s == "." })
			if len(steps)+len(left) > 16*MaxDepth {
				return nil, errorf(ErrLimit, "its links lead too deep")
			}
			w.steps += int64(len(n.target)/8 + len(left)) // what it costs to go on from there
			left = append(steps, left...)
		}
	}
	return at, nil
}

// split takes a name of a layer apart. An absolute one is meant from the root
// of the image, as every runtime takes it; one with ".." in it is refused.
func split(name string) ([]string, error) {
	var elements []string
	for e := range strings.SplitSeq(name, "/") {
		switch e {
		case "", ".":
			continue
		case "..":
			return nil, errorf(ErrMalformed, "its name or target %.200q has .. in it", name)
		}
		if len(elements) == MaxDepth {
			return nil, errorf(ErrLimit, "its name has more than %d elements", MaxDepth)
		}
		elements = append(elements, e)
	}
	return elements, nil
}
