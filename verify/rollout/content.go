package rollout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// Blobs keep content by its SHA-256; a store of package store does. Blob's reader
// ends with an error if the content is not what the digest says.
type Blobs interface {
	Reading
	PutBlob(ctx context.Context, r io.Reader) (provenance.Digest, error)
}

// Reading is the half of [Blobs] that reads.
type Reading interface {
	Blob(ctx context.Context, digest provenance.Digest) (io.ReadCloser, error)
}

// maxList is how long the list of a folder may be, in bytes.
const maxList = 64 << 20

// PutContent keeps a file or folder, such as a frozen configuration, and returns
// the digest by which a release names it and GetContent finds it: the SHA-256 of a
// file, the dirHash of a folder. Of a folder each file is a blob, and so is the
// list of their names and digests, which is what a dirHash is the SHA-256 of (Go's
// Hash1). Modes and empty folders are not content. A link, or anything else that
// is neither file nor folder, is an error.
func PutContent(ctx context.Context, to Blobs, path string) (provenance.Digest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return provenance.Digest{}, err
	}
	if !info.IsDir() {
		f, err := safefs.Open(path)
		if err != nil {
			return provenance.Digest{}, fmt.Errorf("%q: %w", path, err)
		}
		defer f.Close()
		return to.PutBlob(ctx, f)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return provenance.Digest{}, err
	}
	defer root.Close()
	names, err := safefs.Files(root)
	if err != nil {
		return provenance.Digest{}, fmt.Errorf("%q: %w", path, err)
	}
	var list bytes.Buffer
	for _, name := range names {
		if err := safefs.Local(name); err != nil { // it could not be restored everywhere
			return provenance.Digest{}, fmt.Errorf("%q: the file %q: %w", path, name, err)
		}
		f, err := safefs.OpenIn(root, name)
		if err != nil {
			return provenance.Digest{}, fmt.Errorf("%q: %w", path, err)
		}
		d, err := to.PutBlob(ctx, f)
		f.Close() // only read from
		if err != nil {
			return provenance.Digest{}, err
		}
		fmt.Fprintf(&list, "%s  %s\n", d.Hex(), name)
	}
	if list.Len() > maxList {
		return provenance.Digest{}, fmt.Errorf("%q: a list of %d bytes, want at most %d", path, list.Len(), maxList)
	}
	d, err := to.PutBlob(ctx, &list)
	if err != nil {
		return provenance.Digest{}, err
	}
	return provenance.ParseDigest(provenance.DirHash + ":" + d.Hex())
}

// GetContent writes what PutContent kept to path, which must be free. Nothing is
// there until all of it is known to be what the digest says.
func GetContent(ctx context.Context, from Reading, digest provenance.Digest, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%q: %w", path, fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(path), ".touchmark-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	whole := filepath.Join(aside, "content")
	if digest.Algorithm() != provenance.DirHash {
		if err := getFile(ctx, from, digest, whole); err != nil {
			return err
		}
		return os.Rename(whole, path)
	}
	files, err := listed(ctx, from, listOf(digest))
	if err != nil {
		return err
	}
	if err := os.Mkdir(whole, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := safefs.Local(f.name); err != nil {
			return fmt.Errorf("%s names the file %q: %w", digest, f.name, err)
		}
		to := filepath.Join(whole, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := getFile(ctx, from, f.digest, to); err != nil {
			return fmt.Errorf("%s names the file %q: %w", digest, f.name, err)
		}
	}
	return os.Rename(whole, path)
}

func getFile(ctx context.Context, from Reading, d provenance.Digest, path string) error {
	r, err := from.Blob(ctx, d)
	if err != nil {
		return err
	}
	defer r.Close()
	return writeSynced(path, r, 0o644)
}

// Blobs are the digests under which a store keeps an item: one for a blob; for a
// folder that of its list, and of each file that the list names, which is read from
// the store; none for anything else.
func (i Item) Blobs(ctx context.Context, from Reading) ([]provenance.Digest, error) {
	switch i.Kind {
	case ItemBlob:
		return []provenance.Digest{i.Digest}, nil
	case ItemFolder:
		files, err := listed(ctx, from, i.Digest)
		if err != nil {
			return nil, err
		}
		out := []provenance.Digest{i.Digest}
		for _, f := range files {
			out = append(out, f.digest)
		}
		return out, nil
	}
	return nil, nil
}

// A contentFile is a line of a folder's list.
type contentFile struct {
	digest provenance.Digest
	name   string
}

// listOf is the digest of the blob that is the list of a folder.
func listOf(folder provenance.Digest) provenance.Digest {
	d, err := provenance.ParseDigest(provenance.SHA256 + ":" + folder.Hex())
	if err != nil {
		panic("rollout: a dirHash is no SHA-256: " + err.Error()) // it is one, by its definition
	}
	return d
}

// listed reads the list of a folder.
func listed(ctx context.Context, from Reading, digest provenance.Digest) ([]contentFile, error) {
	r, err := from.Blob(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	list, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return nil, err
	}
	if len(list) > maxList {
		return nil, fmt.Errorf("the list %s is longer than %d bytes", digest, maxList)
	}
	var files []contentFile
	for line := range strings.Lines(string(list)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		raw, err := hex.DecodeString(sum)
		d, _ := provenance.ParseDigest(provenance.SHA256 + ":" + sum)
		if !ok || err != nil || len(raw) != sha256.Size || d.Hex() != sum || !strings.HasSuffix(line, "\n") || len(files) > 0 && files[len(files)-1].name >= name {
			return nil, fmt.Errorf("line %d of the list %s is not one of Go's Hash1: %w", len(files)+1, digest, ErrContent)
		}
		files = append(files, contentFile{d, name})
	}
	return files, nil
}
