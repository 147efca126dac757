package provenance

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
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
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/safefs"
)

// SubjectOptions tune [Subjects]. The zero SubjectOptions are what it uses.
type SubjectOptions struct {
	// Algorithms are those that files are hashed by, in one pass: [SHA256],
	// [SHA384], [SHA512]. If empty, it is SHA256. Folders always have [DirHash],
	// and nothing else.
	Algorithms []string
	// Root is the folder that names are relative to, and that nothing is read
	// outside of. If empty, it is the working folder.
	Root string
}

// Subjects hashes files and folders, so that a statement can be about them. Its
// results are in the order of paths, each with its Name relative to the working
// folder, with forward slashes. See [SubjectOptions.Subjects].
func Subjects(ctx context.Context, paths ...string) ([]ResourceDescriptor, error) {
	return SubjectOptions{}.Subjects(ctx, paths...)
}

// Subjects hashes files and folders. A relative path is relative to the working
// folder, as everywhere; what lies outside Root, also by way of a link, is
// refused. So is whatever is neither a file nor a folder: a link, because it
// can be turned to something else between two looks, and a device. A file that
// changes its size while it is read is an error.
//
// A folder is hashed as golang.org/x/mod/sumdb/dirhash does (Hash1), with names
// relative to the folder itself. File modes and empty folders are not part of
// that hash. A name with a newline in it is refused, as Hash1 must, and
// one that is not UTF-8; a folder may have 1,000,000 entries.
//
// Files are read once, in pieces, several at a time but not more than
// GOMAXPROCS. Memory does not grow with the number or the size of the files in a
// folder. All of it ends with ctx, also in the middle of a file and of a list of
// names. Of several errors it is that of the first path.
func (o SubjectOptions) Subjects(ctx context.Context, paths ...string) ([]ResourceDescriptor, error) {
	algorithms, err := o.algorithms()
	if err != nil {
		return nil, err
	}
	dir := o.Root
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()

	subjects := make([]ResourceDescriptor, len(paths))
	var jobs []*fileJob
	var folders []*fileJob
	for i, path := range paths {
		name, err := nameBelow(dir, path)
		if err != nil {
			return nil, err
		}
		subjects[i].Name = filepath.ToSlash(name)
		if !utf8.ValidString(subjects[i].Name) {
			return nil, fmt.Errorf("name of %s is not valid UTF-8", quote(path))
		}
		info, err := root.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			jobs = append(jobs, &fileJob{path: name, subject: i, algorithms: algorithms})
			continue
		}
		folders = append(folders, &fileJob{path: name, subject: i})
	}
	failed, err := hashAll(ctx, root, jobs)
	for _, f := range folders {
		if err != nil && failed.subject < f.subject {
			break
		}
		sum, err := hashFolder(ctx, root, f.path)
		if err != nil {
			return nil, err
		}
		subjects[f.subject].Digest = Set(Digest{DirHash, sum})
	}
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		subjects[job.subject].Digest = job.digests()
	}
	return subjects, nil
}

func (o SubjectOptions) algorithms() ([]string, error) {
	if len(o.Algorithms) == 0 {
		return []string{SHA256}, nil
	}
	for i, algorithm := range o.Algorithms {
		if newHash(algorithm) == nil {
			return nil, fmt.Errorf("algorithm is %s, want %s, %s or %s", quote(algorithm), SHA256, SHA384, SHA512)
		}
		if slices.Contains(o.Algorithms[:i], algorithm) {
			return nil, fmt.Errorf("algorithm %s is asked for twice", algorithm)
		}
	}
	return o.Algorithms, nil
}

// newHash is nil for what files are not hashed by.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	}
	return nil
}

// nameBelow is path relative to the folder root. It is lexical: what links make
// of it is for os.Root to refuse.
func nameBelow(root, path string) (string, error) {
	if path == "" {
		return "", errors.New("path is empty")
	}
	name := filepath.Clean(path)
	if filepath.Clean(root) != "." || !filepath.IsLocal(name) {
		absRoot, err := filepath.Abs(root)
		if err != nil {
			return "", err
		}
		absPath, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		name, err = filepath.Rel(absRoot, absPath)
		if err != nil || !filepath.IsLocal(name) {
			return "", fmt.Errorf("%s is outside of the root %s", quote(path), quote(root))
		}
	}
	return name, nil
}

func notRegular(path string, mode fs.FileMode) error {
	what := "a device"
	switch mode.Type() {
	case fs.ModeSymlink:
		what = "a link"
	case fs.ModeDir:
		what = "a folder"
	case fs.ModeNamedPipe:
		what = "a pipe"
	case fs.ModeSocket:
		what = "a socket"
	}
	return fmt.Errorf("%s is %s, want a file", quote(path), what)
}

// A fileJob is one file to hash, and then its sums.
type fileJob struct {
	path       string // below the root
	subject    int
	algorithms []string
	sums       [][]byte // one for each algorithm
	err        error
}

func (j *fileJob) digests() DigestSet {
	set := DigestSet{}
	for i, algorithm := range j.algorithms {
		set[algorithm] = hex.EncodeToString(j.sums[i])
	}
	return set
}

// readSize is how much of a file is read at once: enough that the system call
// costs nothing, and little enough to be in the processor's cache still when it
// is hashed.
const readSize = 512 << 10

// hashAll hashes the files of jobs, and returns the first that failed, with its error.
func hashAll(ctx context.Context, root *os.Root, jobs []*fileJob) (*fileJob, error) {
	var next, failed atomic.Int64 // failed is the first that failed so far
	failed.Store(int64(len(jobs)))
	ahead := 1
	if 2*len(jobs) <= runtime.GOMAXPROCS(0) {
		ahead = 4 // a processor is idle, so it reads while the other one hashes
	}
	work := func() {
		bufs := make([][]byte, ahead)
		for i := range bufs {
			bufs[i] = make([]byte, readSize)
		}
		for {
			i := next.Add(1) - 1
			if i >= int64(len(jobs)) || i > failed.Load() {
				return
			}
			stop := func() error {
				if failed.Load() < i {
					return context.Canceled // nobody will ask for it
				}
				return ctx.Err()
			}
			if jobs[i].err = jobs[i].hash(root, bufs, stop); jobs[i].err != nil {
				for at := failed.Load(); i < at && !failed.CompareAndSwap(at, i); at = failed.Load() {
				}
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		wg.Go(work)
	}
	wg.Wait()
	if i := failed.Load(); i < int64(len(jobs)) {
		return jobs[i], jobs[i].err
	}
	return &fileJob{subject: -1}, ctx.Err()
}

// hash reads the file once, in pieces of a buffer, until stop says to.
func (j *fileJob) hash(root *os.Root, bufs [][]byte, stop func() error) error {
	f, err := openRegular(root, j.path)
	if err != nil {
		return err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return err
	}
	hashes := make([]hash.Hash, len(j.algorithms))
	for i, algorithm := range j.algorithms {
		hashes[i] = newHash(algorithm)
	}
	var size int64
	err = inPieces(f, bufs, func(piece []byte) error {
		for _, h := range hashes {
			h.Write(piece)
		}
		if size += int64(len(piece)); size > before.Size() {
			return fmt.Errorf("%s changed while it was read: it had %d bytes, and has more", quote(j.path), before.Size())
		}
		return stop()
	})
	if err != nil {
		return err
	}
	if size != before.Size() {
		return fmt.Errorf("%s changed while it was read: it had %d bytes, and has %d", quote(j.path), before.Size(), size)
	}
	j.sums = make([][]byte, len(hashes))
	for i, h := range hashes {
		j.sums[i] = h.Sum(nil)
	}
	return nil
}

// inPieces reads r to its end and calls f with each piece, until f has an
// error. With more than one buffer it reads on while f looks at a piece: copying
// out of the page cache takes a tenth of the time that SHA-256 does.
func inPieces(r io.Reader, bufs [][]byte, f func(piece []byte) error) error {
	if len(bufs) == 1 {
		for {
			n, err := r.Read(bufs[0])
			if stop := f(bufs[0][:n]); stop != nil {
				return stop
			}
			if err != nil {
				return endOf(err)
			}
		}
	}
	type piece struct {
		buf []byte
		n   int
		err error
	}
	free, full := make(chan []byte, len(bufs)), make(chan piece, len(bufs))
	for _, buf := range bufs {
		free <- buf
	}
	var reader sync.WaitGroup
	defer reader.Wait()
	defer close(free)
	reader.Go(func() {
		for buf := range free {
			n, err := r.Read(buf)
			full <- piece{buf, n, err} // there is room for all
			if err != nil {
				return
			}
		}
	})
	for {
		p := <-full
		if stop := f(p.buf[:p.n]); stop != nil {
			return stop
		}
		if p.err != nil {
			return endOf(p.err)
		}
		free <- p.buf
	}
}

// endOf is nil if err is how reading should end.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// openRegular opens a file that is neither a link nor a device. A pipe that is
// put in its place meanwhile does not block.
func openRegular(root *os.Root, path string) (*os.File, error) {
	looked, err := root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !looked.Mode().IsRegular() {
		return nil, notRegular(path, looked.Mode())
	}
	return safefs.OpenUnder(root, path)
}
