package provenance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/safefs"
)

// Limits of a folder that is hashed.
const (
	maxEntries = 1_000_000 // files and folders in it
	maxFolders = 256       // folders in each other
	maxNames   = 1 << 15   // names of one folder that are held at once; with more it is read again
	maxBatches = 256       // batches that are hashed or wait for one before them
	batchFiles = 8         // files of a batch
	maxOpen    = 128       // folders that are open because files of them wait
)

// An openFolder is a folder of which files are read, one name at a time, so that
// no link can lead out of it.
type openFolder interface {
	// entries calls f with the name and type of each entry, in any order.
	entries(f func(name string, mode fs.FileMode) error) error
	// sub opens a folder in it, which must not be a link.
	sub(name string) (openFolder, error)
	// hash writes the content of a regular file, which must not be a link, to h.
	hash(ctx context.Context, name string, h hash.Hash, buf []byte) error
	close() error
}

// hashFolder is Hash1 of the folder dir below root, in hexadecimal.
//
// One goroutine walks the folder in the order of Hash1, others hash batches of
// its files, and this one writes down their sums in order. What is in memory
// does not grow with the number of files or their size.
func hashFolder(ctx context.Context, root *os.Root, dir string) (string, error) {
	top, err := openFastFolder(root, dir)
	if err != nil {
		return "", err
	}
	sum, err := hashOpen(ctx, top, maxNames)
	if err != nil {
		return "", fmt.Errorf("folder %s: %w", quote(dir), err)
	}
	return sum, nil
}

// hashOpen is hashFolder of an open folder, which it closes, with at most names
// names of one folder in memory.
func hashOpen(ctx context.Context, top openFolder, names int) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &folderWalk{left: maxEntries, names: names, work: make(chan *fileBatch, maxBatches), order: make(chan *fileBatch, maxBatches),
		open: make(chan struct{}, maxOpen)}
	var running sync.WaitGroup
	running.Go(func() {
		defer close(w.order)
		defer close(w.work)
		f := w.share(top)
		defer w.leave(f)
		if w.err = w.folder(ctx, f, "", maxFolders); w.err == nil {
			w.err = w.flush(ctx)
		}
	})
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			h, buf := sha256.New(), make([]byte, readSize/2)
			for b := range w.work {
				b.hash(ctx, h, buf)
			}
		})
	}
	sum, err := w.collect(cancel)
	cancel()
	running.Wait()
	if err == nil {
		err = w.err
	}
	return sum, err
}

// A sharedFolder is closed when the walk has left it and its files are hashed.
type sharedFolder struct {
	openFolder
	users atomic.Int64
	open  chan struct{} // holds a place for each folder that the walk has left
}

func (w *folderWalk) share(f openFolder) *sharedFolder {
	s := &sharedFolder{openFolder: f, open: w.open}
	s.users.Store(1)
	return s
}

// leave waits for a place: there are not so many file descriptors as files.
func (w *folderWalk) leave(f *sharedFolder) {
	f.open <- struct{}{}
	f.release()
}

func (f *sharedFolder) release() {
	if f.users.Add(-1) == 0 {
		f.close() // only read from
		<-f.open
	}
}

// A fileBatch is some files that follow each other.
type fileBatch struct {
	files []folderFile
	done  chan struct{}
	err   error
}

type folderFile struct {
	in     *sharedFolder
	prefix string // the path of its folder with a slash, or ""
	name   string
	sum    [sha256.Size]byte
}

func (b *fileBatch) hash(ctx context.Context, h hash.Hash, buf []byte) {
	defer close(b.done)
	for i := range b.files {
		f := &b.files[i]
		if b.err == nil {
			b.err = ctx.Err()
		}
		if b.err == nil {
			h.Reset()
			if err := f.in.hash(ctx, f.name, h, buf); err != nil {
				b.err = at(f.prefix+f.name, err)
			}
			h.Sum(f.sum[:0])
		}
		f.in.release()
	}
}

// A refusal is an error about what a folder holds, which is not the disk's. Its
// kind is one of safefs.
type refusal struct {
	text string
	kind error
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), kind}
}

// at says of an error where in the folder it was. What is the disk's stays an
// [fs.PathError], as callers know it.
func at(path string, err error) error {
	var refused *refusal
	var disk *fs.PathError
	switch {
	case errors.As(err, &refused), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &disk):
		err = &fs.PathError{Op: disk.Op, Path: "it", Err: disk.Err}
	default:
		err = &fs.PathError{Op: "open", Path: "it", Err: err}
	}
	return fmt.Errorf("%s: %w", quote(path), err)
}

// A folderWalk lists the files of a folder in the order of Hash1.
type folderWalk struct {
	left, names int
	batch       *fileBatch
	sent        int
	work, order chan *fileBatch
	open        chan struct{}
	err         error
}

// collect writes the lines of Hash1 as the sums come in. At the first error, in
// the order of the files, it stops everything.
func (w *folderWalk) collect(stop func()) (string, error) {
	h := sha256.New()
	var first error
	var line []byte
	for b := range w.order {
		<-b.done
		if first == nil && b.err != nil {
			first = b.err
			stop()
		}
		for i := range b.files {
			f := &b.files[i]
			line = hex.AppendEncode(line[:0], f.sum[:])
			line = append(append(append(append(line, "  "...), f.prefix...), f.name...), '\n')
			h.Write(line)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), first
}

// add puts a file into the batch, and sends that on when it is full. The first
// batches are of one file: a folder may have only a few, and large ones.
func (w *folderWalk) add(ctx context.Context, f folderFile) error {
	if w.batch == nil {
		w.batch = &fileBatch{files: make([]folderFile, 0, batchFiles), done: make(chan struct{})}
	}
	f.in.users.Add(1)
	w.batch.files = append(w.batch.files, f)
	if len(w.batch.files) == batchFiles || w.sent < batchFiles*runtime.GOMAXPROCS(0) {
		return w.flush(ctx)
	}
	return nil
}

func (w *folderWalk) flush(ctx context.Context) error {
	if w.batch == nil {
		return ctx.Err()
	}
	b := w.batch
	w.batch, w.sent = nil, w.sent+1
	w.order <- b // as many as there is room for; the collector takes them until the end
	w.work <- b
	return ctx.Err()
}

// folder lists f, whose path is prefix.
func (w *folderWalk) folder(ctx context.Context, f *sharedFolder, prefix string, depth int) error {
	if depth == 0 {
		return refuse(safefs.ErrTooLarge, "more than %d folders lie in each other", maxFolders)
	}
	after, first := "", 0
	for {
		names, seen, err := w.smallest(ctx, f, prefix, after)
		if err != nil {
			return err
		}
		switch {
		case after == "":
			if first, w.left = seen, w.left-seen; w.left < 0 {
				return refuse(safefs.ErrTooLarge, "more than %d files and folders", maxEntries)
			}
		case seen != first:
			return refuse(safefs.ErrChanged, "%s changed while it was read: it had %d entries, and has %d", quote(prefix), first, seen)
		}
		for _, name := range names {
			if err := w.entry(ctx, f, prefix, name, depth); err != nil {
				return err
			}
		}
		if len(names) < w.names {
			return nil
		}
		after = names[len(names)-1]
	}
}

// smallest are the first names of a folder behind after, in the order of the
// paths of Hash1: that of a folder ends in a slash. It says how many entries
// there are in all.
func (w *folderWalk) smallest(ctx context.Context, f *sharedFolder, prefix, after string) (names []string, seen int, err error) {
	last := "" // no name behind it will be kept
	err = f.entries(func(name string, mode fs.FileMode) error {
		if seen++; seen > w.left && after == "" {
			return refuse(safefs.ErrTooLarge, "more than %d files and folders", maxEntries)
		}
		switch {
		case !utf8.ValidString(name) || strings.ContainsAny(name, "\n\r"):
			return refuse(safefs.ErrNotLocal, "name %s has a newline or is not UTF-8", quote(prefix+name))
		case mode.IsDir():
			name += "/"
		case !mode.IsRegular():
			kind := safefs.ErrNotRegular
			if mode&fs.ModeSymlink != 0 {
				kind = safefs.ErrLink
			}
			return refuse(kind, "%v", notRegular(prefix+name, mode))
		}
		if name <= after || last != "" && name >= last {
			return nil
		}
		if names = append(names, name); len(names) == 2*w.names {
			slices.Sort(names)
			names = names[:w.names]
			last = names[w.names-1]
		}
		return ctx.Err()
	})
	slices.Sort(names)
	return names[:min(len(names), w.names)], seen, err
}

// entry goes on with a name of [folderWalk.smallest].
func (w *folderWalk) entry(ctx context.Context, f *sharedFolder, prefix, name string, depth int) error {
	base, isFolder := strings.CutSuffix(name, "/")
	if !isFolder {
		return w.add(ctx, folderFile{in: f, prefix: prefix, name: name})
	}
	sub, err := f.sub(base)
	if err != nil {
		return at(prefix+base, err)
	}
	below := w.share(sub)
	defer w.leave(below)
	return w.folder(ctx, below, prefix+name, depth-1)
}

// each calls f with the entries of an open folder.
func each(dir *os.File, f func(name string, mode fs.FileMode) error) error {
	for {
		entries, err := dir.ReadDir(1024)
		for _, e := range entries {
			if err := f(e.Name(), e.Type()); err != nil {
				return err
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

// A rootFolder is an openFolder on every system.
type rootFolder struct{ root *os.Root }

func openRootFolder(root *os.Root, dir string) (openFolder, error) {
	sub, err := root.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return rootFolder{sub}, nil
}

func (r rootFolder) close() error { return r.root.Close() }

func (r rootFolder) sub(name string) (openFolder, error) {
	info, err := r.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, refuse(safefs.ErrChanged, "it is no folder any more")
	}
	return openRootFolder(r.root, name)
}

func (r rootFolder) entries(f func(name string, mode fs.FileMode) error) error {
	dir, err := r.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return each(dir, f)
}

func (r rootFolder) hash(ctx context.Context, name string, h hash.Hash, buf []byte) error {
	f, err := openRegular(r.root, filepath.FromSlash(name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return hashPieces(ctx, info.Size(), h, buf, f.Read)
}

// hashPieces hashes what read returns, which must be size bytes. A regular file
// that gives less than was asked for has ended.
func hashPieces(ctx context.Context, size int64, h hash.Hash, buf []byte, read func([]byte) (int, error)) error {
	var total int64
	for {
		n, err := read(buf)
		h.Write(buf[:max(n, 0)])
		total += int64(max(n, 0))
		switch {
		case err != nil && err != io.EOF:
			return err
		case total > size:
			return refuse(safefs.ErrChanged, "changed while it was read: it had %d bytes, and has more", size)
		case n < len(buf) || err == io.EOF:
			if total != size {
				return refuse(safefs.ErrChanged, "changed while it was read: it had %d bytes, and has %d", size, total)
			}
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
