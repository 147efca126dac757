// Package modcache reads a Go module cache: the folder that GOMODCACHE names, or
// a file system that is laid out like it (go help goproxy, "module cache").
//
// A cache is somebody's folder, so nothing in it is believed for being there: a
// zip counts as that of a module only when it has the module's sum.
package modcache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A Cache is a module cache. The zero Cache has no modules.
type Cache struct{ FS fs.FS }

// The most that is read of the small files.
const (
	maxGoMod = 4 << 20
	maxInfo  = 64 << 10
)

// errPath is a path or version that no module has.
var errPath = errors.New("no path or version of a module")

// file is the path of a file of a module: "cache/download/PATH/@v/VERSION.EXT"
// with "!" before what is a lower-case letter there and an upper-case one in the path.
func file(path, version, ext string) (string, error) {
	b := append(make([]byte, 0, 64+len(path)+len(version)), "cache/download/"...)
	b, ok := escape(b, path, true)
	b = append(b, "/@v/"...)
	b, ok2 := escape(b, version, false)
	name := string(append(b, ext...))
	if !ok || !ok2 || !fs.ValidPath(name) {
		return "", fmt.Errorf("%q %q: %w", path, version, errPath)
	}
	return name, nil
}

// escape appends s, and reports whether it has only what module paths and
// versions are made of (golang.org/ref/mod, "Module paths, packages, and versions").
func escape(b []byte, s string, path bool) ([]byte, bool) {
	if s == "" || len(s) > 1024 {
		return b, false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			b = append(b, '!', c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '+' && !path, c == '/' && path:
			b = append(b, c)
		default:
			return b, false
		}
	}
	return b, true
}

// read is the content of a small file of a module.
func (c Cache) read(path, version, ext string, most int64) ([]byte, error) {
	if c.FS == nil {
		return nil, fs.ErrNotExist
	}
	name, err := file(path, version, ext)
	if err != nil {
		return nil, err
	}
	if data, ok, err := direct(c.FS, name, most); ok {
		return data, err
	}
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%q: %w", name, tooMuch(info.Mode().IsRegular(), info.Size(), most))
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return data, nil
}

// tooMuch says what a file is that is not read.
func tooMuch(regular bool, size, most int64) error {
	if !regular {
		return errors.New("is no regular file")
	}
	return fmt.Errorf("has %d bytes, want at most %d", size, most)
}

// GoMod is the go.mod file of a module. The error is [fs.ErrNotExist] if the
// cache does not have it. Who holds its sum checks it with [SumGoMod].
func (c Cache) GoMod(path, version string) ([]byte, error) {
	return c.read(path, version, ".mod", maxGoMod)
}

// ZipHash is what the go command computed of a module's zip when it put it
// there, "h1:…", or empty.
func (c Cache) ZipHash(path, version string) string {
	data, err := c.read(path, version, ".ziphash", 256)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// An Origin is where a version was fetched from, as the go command or a proxy
// recorded it.
type Origin struct{ VCS, URL, Hash, Ref string }

// Origin is what the cache says of where a version comes from. It is false
// when it does not say, or names nothing that others could reach.
func (c Cache) Origin(path, version string) (Origin, bool) {
	data, err := c.read(path, version, ".info", maxInfo)
	if err != nil {
		return Origin{}, false
	}
	var info struct {
		Version, Time string
		Origin        *struct {
			VCS, URL, Subdir, Hash, TagPrefix, TagSum, Ref, RepoSum string
		}
	}
	if strictjson.Unmarshal(data, &info) != nil || info.Origin == nil || info.Version != version {
		return Origin{}, false
	}
	o := Origin{VCS: info.Origin.VCS, URL: info.Origin.URL, Hash: info.Origin.Hash, Ref: info.Origin.Ref}
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Origin{}, false
	}
	return o, true
}
