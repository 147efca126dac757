package modcache

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// The bounds of a zip. The go command refuses larger modules (golang.org/ref/mod,
// "Module zip files").
const (
	maxZip      = 500 << 20 // bytes, packed and unpacked
	maxZipFiles = 1 << 18
	maxInMemory = 64 << 20 // of a zip in a file system without random access
)

// A Zip is the zip of a module. It must be closed.
type Zip struct {
	// Size and Modified are of the file, to know it again by.
	Size     int64
	Modified time.Time

	prefix string // "PATH@VERSION/", before every name in it
	files  []*zip.File
	r      io.ReaderAt
	closer io.Closer
}

// Zip opens the zip of a module. Nothing of it has been checked but that it is
// a zip with names of that module.
func (c Cache) Zip(path, version string) (*Zip, error) {
	if c.FS == nil {
		return nil, fs.ErrNotExist
	}
	name, err := file(path, version, ".zip")
	if err != nil {
		return nil, err
	}
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	z := &Zip{prefix: path + "@" + version + "/", closer: f}
	if err := z.open(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return z, nil
}

func (z *Zip) open(f fs.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxZip {
		return fmt.Errorf("it has mode %s and %d bytes, want a file of at most %d", info.Mode(), info.Size(), maxZip)
	}
	z.Size, z.Modified = info.Size(), info.ModTime()
	if r, ok := f.(io.ReaderAt); ok {
		z.r = r
	} else {
		data, err := io.ReadAll(io.LimitReader(f, maxInMemory+1))
		if err != nil {
			return err
		}
		if len(data) > maxInMemory {
			return fmt.Errorf("it has more than %d bytes, and its file system has no random access", maxInMemory)
		}
		z.r, z.Size = bytes.NewReader(data), int64(len(data))
	}
	r, err := zip.NewReader(z.r, z.Size)
	if err != nil {
		return err
	}
	if len(r.File) > maxZipFiles {
		return fmt.Errorf("it has %d files, at most %d are read", len(r.File), maxZipFiles)
	}
	var unpacked uint64
	for _, f := range r.File {
		if unpacked += f.UncompressedSize64; unpacked > maxZip || f.UncompressedSize64 > maxZip {
			return fmt.Errorf("it has more than %d bytes unpacked", maxZip)
		}
		if !strings.HasPrefix(f.Name, z.prefix) || strings.ContainsAny(f.Name, "\n\\") || !fs.ValidPath(f.Name) {
			return fmt.Errorf("it has the file %q, want only what is below %q", f.Name, z.prefix)
		}
	}
	z.files = r.File
	return nil
}

// Close closes the file.
func (z *Zip) Close() error { return z.closer.Close() }

// A File is one in a zip.
type File struct {
	Name string // below the module's root
	Size int64  // as the zip says
	f    *zip.File
}

// Read reads at most most bytes of the file.
func (f File) Read(most int64) ([]byte, error) {
	r, err := f.f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}

// Files are those that want picks by name, in order of their names.
func (z *Zip) Files(want func(name string) bool) []File {
	var list []File
	for _, f := range z.files {
		if name := strings.TrimPrefix(f.Name, z.prefix); want(name) {
			list = append(list, File{Name: name, Size: int64(f.UncompressedSize64), f: f})
		}
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Sum is the zip's sum as go.sum spells it, "h1:…", of what is really in it.
func (z *Zip) Sum(ctx context.Context) (string, error) {
	files := slices.SortedFunc(slices.Values(z.files), func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	all, one := sha256.New(), sha256.New()
	buf := make([]byte, 128<<10)
	for i, f := range files {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if i > 0 && files[i-1].Name == f.Name {
			return "", fmt.Errorf("it has the file %q twice", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			return "", err
		}
		one.Reset()
		// No longer than the zip says, and the zip's reader checks that and the CRC.
		_, err = io.CopyBuffer(one, struct{ io.Reader }{io.LimitReader(r, maxZip)}, buf)
		r.Close()
		if err != nil {
			return "", fmt.Errorf("file %q: %w", f.Name, err)
		}
		fmt.Fprintf(all, "%x  %s\n", one.Sum(nil), f.Name)
	}
	return h1(all), nil
}

func h1(h hash.Hash) string { return "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// SumGoMod is the sum of a go.mod file as go.sum spells it on the line of
// "VERSION/go.mod".
func SumGoMod(data []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%x  go.mod\n", sha256.Sum256(data))
	return h1(h)
}

// Digests are the SHA-256 and the SHA-512 of the zip as a file.
func (z *Zip) Digests(ctx context.Context) (provenance.DigestSet, error) {
	h256, h512 := sha256.New(), sha512.New()
	buf := make([]byte, 128<<10)
	for off := int64(0); off < z.Size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := z.r.ReadAt(buf[:min(int64(len(buf)), z.Size-off)], off)
		if n == 0 && err != nil {
			return nil, err
		}
		h256.Write(buf[:n])
		h512.Write(buf[:n])
		off += int64(n)
	}
	return provenance.DigestSet{provenance.SHA256: fmt.Sprintf("%x", h256.Sum(nil)), provenance.SHA512: fmt.Sprintf("%x", h512.Sum(nil))}, nil
}
