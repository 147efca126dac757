package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// The files of a folder:
//
//	store.json                          what this folder is
//	bundles/sha256/HH/HEX               a bundle, as one line, by the SHA-256 of that line
//	subjects/ALGORITHM/HH/HEX/BUNDLE    an empty file: that bundle is about this subject
//	blobs/sha256/HH/HEX                 a blob
//	new/                                what is being written
//	corrupt/                            what Fsck took out of the way
//
// A file appears in its place whole, by a rename, after it was synced; a bundle before the entries that name it. So
// whatever a crash leaves behind is a file in new/, or a bundle that no entry names yet: neither was acknowledged.
const (
	markFile   = "store.json"
	bundlesDir = "bundles"
	subjectDir = "subjects"
	blobsDir   = "blobs"
	newDir     = "new"
	corruptDir = "corrupt"
)

// markText is the whole content of the file that makes a folder a store.
const markText = `{"schema":"https://github.com/touchmark-go/touchmark/store/v1"}` + "\n"

// A Folder is a store in a folder of the file system, which several processes may use at once. It follows no link
// and leaves the folder on no path. Make one with [Create] or [Open], and close it.
type Folder struct {
	root *os.Root
	dir  string // where it is, whatever becomes of the working folder

	mu   sync.Mutex
	made map[string]bool // folders that are there for sure, durably
}

var _ Lister = (*Folder)(nil)

// Create opens the store at dir and makes it first if there is none: dir is then free or an empty folder, and its
// parent is there. A folder that holds something else is refused.
func Create(dir string) (*Folder, error) {
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return openFolder(dir, (*Folder).init)
}

// Open opens the store at dir. A folder that is not a store is an error, and nothing is written to it.
func Open(dir string) (*Folder, error) {
	return openFolder(dir, (*Folder).check)
}

func openFolder(dir string, ready func(*Folder, string) error) (*Folder, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{root: root, dir: path, made: map[string]bool{}}
	if err := ready(f, dir); err != nil {
		root.Close()
		return nil, err
	}
	return f, nil
}

// Close lets go of the folder. Blobs that were opened can still be read.
func (f *Folder) Close() error { return f.root.Close() }

// check reads the file that says what this folder is.
func (f *Folder) check(dir string) error {
	data, err := f.read(markFile, 4096)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%q has no %s, want a folder that Create made", dir, markFile)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", dir, err)
	}
	if string(data) != markText {
		return fmt.Errorf("%q holds %q, want %q: it was made by another version, or is no store", path.Join(dir, markFile), clip(data), markText)
	}
	return nil
}

// init makes a store of an empty folder, unless another process has.
func (f *Folder) init(dir string) error {
	if f.check(dir) == nil {
		return nil
	}
	unlock, err := dirlock.Lock(context.Background(), dir)
	if err != nil {
		return err
	}
	defer unlock()
	err = f.check(dir)
	if err == nil {
		return nil
	}
	if _, there := f.root.Lstat(markFile); !errors.Is(there, fs.ErrNotExist) {
		return err
	}
	entries, err := f.list(".")
	if err != nil {
		return err
	}
	for _, name := range entries {
		if name != newDir && name != dirlock.File { // of a process that was killed when it had just begun
			return fmt.Errorf("%q is not empty and has no %s, want a store or an empty folder", dir, markFile)
		}
	}
	temp, err := f.begin()
	if err != nil {
		return err
	}
	defer temp.abort()
	if _, err := temp.Write([]byte(markText)); err != nil {
		return err
	}
	return temp.commit(".", markFile)
}

// Push implements [Store]. Bundles are kept as [sign.Bundle.Marshal] writes them.
func (f *Folder) Push(ctx context.Context, subject provenance.Digest, bundles ...*sign.Bundle) error {
	if subject.IsZero() {
		return errors.New("there is no digest of what the evidence is about")
	}
	lines := make([][]byte, len(bundles))
	for i, b := range bundles {
		if b == nil {
			return fmt.Errorf("bundle %d is nil", i+1)
		}
		line, err := b.Marshal()
		if err != nil {
			return fmt.Errorf("bundle %d: %w", i+1, err)
		}
		lines[i] = line
	}
	for _, line := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := provenance.SumSHA256(line)
		if err := f.keep(bundlesDir, id, line); err != nil {
			return err
		}
		if err := f.enter(subject, id); err != nil {
			return err
		}
	}
	return nil
}

// keep writes content that is small to its place, unless it is there.
func (f *Folder) keep(kind string, id provenance.Digest, data []byte) error {
	dir, name := place(kind, id)
	if old, err := f.read(path.Join(dir, name), int64(len(data))); err == nil && bytes.Equal(old, data) {
		return f.settle(dir) // whoever wrote it may not have come to that
	}
	temp, err := f.begin()
	if err != nil {
		return err
	}
	defer temp.abort()
	if _, err := temp.Write(data); err != nil {
		return err
	}
	return temp.commit(dir, name)
}

// enter notes that a bundle is about subject.
func (f *Folder) enter(subject, bundle provenance.Digest) error {
	above, hex := place(subjectDir, subject)
	dir := path.Join(above, hex)
	if err := f.mkdir(dir); err != nil {
		return err
	}
	entry, err := f.root.OpenFile(path.Join(dir, bundle.Hex()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if errors.Is(err, fs.ErrExist) {
		return f.settle(dir) // whoever made it may not have come to that
	}
	if err != nil {
		return err
	}
	if err := entry.Close(); err != nil {
		return err
	}
	return f.settle(dir)
}

// Bundles implements [Store]. They come in the order of their digests, each with the path of its entry as Origin.
func (f *Folder) Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error) {
	if subject.IsZero() {
		return nil, errors.New("there is no digest to look up")
	}
	above, hex := place(subjectDir, subject)
	names, err := f.list(path.Join(above, hex))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var bundles []*sign.Bundle
	left := int64(MaxEvidence)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		origin := path.Join(above, hex, name)
		if len(bundles) == MaxBundles || left <= 0 {
			err := fmt.Errorf("more than %d bundles or %d bytes about %s: %w", MaxBundles, MaxEvidence, subject, sign.ErrLimit)
			return append(bundles, &sign.Bundle{Origin: origin, Err: err}), nil
		}
		b, size := f.bundle(name, left)
		left -= size
		b.Origin = origin
		bundles = append(bundles, b)
	}
	return bundles, nil
}

// bundle reads the bundle with a SHA-256 of hex. Whatever is wrong with it is its Err.
func (f *Folder) bundle(hex string, left int64) (*sign.Bundle, int64) {
	id, err := provenance.ParseDigest("sha256:" + hex)
	if err != nil {
		return &sign.Bundle{Err: fmt.Errorf("the entry's name: %w", err)}, 0
	}
	dir, name := place(bundlesDir, id)
	data, err := f.read(path.Join(dir, name), min(left, sign.MaxEnvelopeSize))
	switch {
	case errors.Is(err, safefs.ErrTooLarge):
		return &sign.Bundle{Err: fmt.Errorf("%w: %w", err, strictjson.ErrLimit)}, left
	case err != nil:
		return &sign.Bundle{Err: err}, 0
	}
	size := int64(len(data))
	if got := provenance.SumSHA256(data); got != id {
		return &sign.Bundle{Err: &DigestError{Want: id, Got: got}}, size
	}
	read, err := sign.Read(bytes.NewReader(data))
	if err != nil {
		return &sign.Bundle{Err: err}, size
	}
	if len(read) != 1 {
		return &sign.Bundle{Err: fmt.Errorf("%d bundles in one file, want 1", len(read))}, size
	}
	return read[0], size
}

// Subjects implements [Lister].
func (f *Folder) Subjects(ctx context.Context) iter.Seq2[provenance.Digest, error] {
	return f.digests(ctx, subjectDir)
}

// Blobs implements [Lister].
func (f *Folder) Blobs(ctx context.Context) iter.Seq2[provenance.Digest, error] {
	return f.digests(ctx, blobsDir)
}

// digests walks two levels of folders: algorithm, and the first two digits.
func (f *Folder) digests(ctx context.Context, kind string) iter.Seq2[provenance.Digest, error] {
	return func(yield func(provenance.Digest, error) bool) {
		err := f.each(kind, func(algorithm, shard, name string) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := provenance.ParseDigest(algorithm + ":" + name)
			if err != nil || d.Hex()[:2] != shard {
				return nil // a stranger's file: Fsck reports it
			}
			if !yield(d, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(provenance.Digest{}, err)
		}
	}
}

var errStop = errors.New("the loop was left")

// each calls visit for what lies under kind/ALGORITHM/HH/, in order.
func (f *Folder) each(kind string, visit func(algorithm, shard, name string) error) error {
	algorithms, err := f.list(kind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, algorithm := range algorithms {
		shards, err := f.list(path.Join(kind, algorithm))
		if err != nil {
			return err
		}
		for _, shard := range shards {
			names, err := f.list(path.Join(kind, algorithm, shard))
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := visit(algorithm, shard, name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// read reads a small file below the folder, and open opens any.
func (f *Folder) read(name string, max int64) ([]byte, error) {
	return safefs.ReadFileIn(f.root, name, max)
}

func (f *Folder) open(name string) (*os.File, error) { return safefs.OpenIn(f.root, name) }

// list returns the sorted names in a folder, which may not be a link.
func (f *Folder) list(dir string) ([]string, error) {
	if dir != "." {
		info, err := f.root.Lstat(dir)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%q is not a folder (mode %s)", dir, info.Mode())
		}
	}
	d, err := f.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// place is where something with a digest lies: its folder, and its name there.
func place(kind string, d provenance.Digest) (dir, name string) {
	return path.Join(kind, d.Algorithm(), d.Hex()[:2]), d.Hex()
}

// clip shortens what a stranger wrote, for an error.
func clip(data []byte) []byte { return data[:min(len(data), 80)] }

// PutBlob implements [Store]. It needs as much memory for a large blob as for a small one.
func (f *Folder) PutBlob(ctx context.Context, r io.Reader) (provenance.Digest, error) {
	temp, err := f.begin()
	if err != nil {
		return provenance.Digest{}, err
	}
	defer temp.abort()
	n, err := io.Copy(temp, &patient{ctx, io.LimitReader(r, MaxBlobSize+1)})
	if err != nil {
		return provenance.Digest{}, err
	}
	if n > MaxBlobSize {
		return provenance.Digest{}, fmt.Errorf("a blob of more than %d bytes: %w", int64(MaxBlobSize), sign.ErrLimit)
	}
	id := temp.digest()
	dir, name := place(blobsDir, id)
	unlock, err := dirlock.Lock(ctx, f.dir) // so that Discard takes away nothing that was just put
	if err != nil {
		return provenance.Digest{}, err
	}
	defer unlock()
	// What is there may be damaged, and is then whole again; else it is as if it were new, see Discard.
	return id, temp.commit(dir, name)
}

// Blob implements [Store].
func (f *Folder) Blob(_ context.Context, digest provenance.Digest) (io.ReadCloser, error) {
	if digest.Algorithm() != provenance.SHA256 {
		return nil, fmt.Errorf("blobs are found by sha256, want not %q", digest)
	}
	dir, name := place(blobsDir, digest)
	file, err := f.open(path.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s is %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return Verified(file, digest), nil
}
