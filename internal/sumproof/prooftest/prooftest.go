// Package prooftest is a Go checksum database for tests and examples: a real one,
// with a key of its own, whose records are what the test says. It panics where
// that cannot be.
package prooftest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"testing/fstest"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/sumproof"
)

// A DB is a database.
type DB struct {
	Name, Key string // Key is how trust names it
	signer    note.Signer
	records   []record
	hashes    []tlog.Hash
}

type record struct{ path, version, sum, goMod string }

// New is an empty database with a new key.
func New(name string) *DB {
	secret, key, err := note.GenerateKey(rand.Reader, name)
	must(err)
	signer, err := note.NewSigner(secret)
	must(err)
	return &DB{Name: name, Key: key, signer: signer}
}

// Sum is some sum, the same for the same text.
func Sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return "h1:" + base64.StdEncoding.EncodeToString(h[:])
}

// Add adds a module's record.
func (d *DB) Add(path, version, sum string) {
	r := record{path, version, sum, Sum(path + "@" + version + "/go.mod")}
	hashes, err := tlog.StoredHashes(int64(len(d.records)), sumproof.Record(r.path, r.version, r.sum, r.goMod), d)
	must(err)
	d.records, d.hashes = append(d.records, r), append(d.hashes, hashes...)
}

// ReadHashes makes d a [tlog.HashReader].
func (d *DB) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		if i >= int64(len(d.hashes)) {
			return nil, fmt.Errorf("no hash %d", i)
		}
		out = append(out, d.hashes[i])
	}
	return out, nil
}

// Head is the signed head of the tree with the first n records.
func (d *DB) Head(n int) string {
	hash, err := tlog.TreeHash(int64(n), d)
	must(err)
	signed, err := note.Sign(&note.Note{Text: string(tlog.FormatTree(tlog.Tree{N: int64(n), Hash: hash}))}, d.signer)
	must(err)
	return string(signed)
}

// Size is how many records there are.
func (d *DB) Size() int { return len(d.records) }

// Prove is the proof of a module in the whole tree.
func (d *DB) Prove(path, version string) sumproof.Proof {
	i := slices.IndexFunc(d.records, func(r record) bool { return r.path == path && r.version == version })
	if i < 0 {
		panic(fmt.Sprintf("the database has no %s %s", path, version))
	}
	p, err := tlog.ProveRecord(int64(d.Size()), int64(i), d)
	must(err)
	return sumproof.Proof{Size: int64(d.Size()), Index: int64(i), GoMod: d.records[i].goMod, Path: p}
}

// FS is what the go command keeps of the database, once it has asked for all of
// its records one by one, each as soon as it was there.
func (d *DB) FS() fstest.MapFS {
	fsys := fstest.MapFS{}
	for i, r := range d.records {
		path, err := module.EscapePath(r.path)
		must(err)
		version, err := module.EscapeVersion(r.version)
		must(err)
		text, err := tlog.FormatRecord(int64(i), sumproof.Record(r.path, r.version, r.sum, r.goMod))
		must(err)
		fsys["lookup/"+path+"@"+version] = &fstest.MapFile{Data: append(text, d.Head(i+1)...)}
		for _, tile := range tlog.NewTiles(8, int64(i), int64(i+1)) {
			data, err := tlog.ReadTileData(tile, d)
			must(err)
			fsys[tile.Path()] = &fstest.MapFile{Data: data}
		}
	}
	return fsys
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Signing is d with the key of another database: what that one could say too.
func (d *DB) Signing(as *DB) *DB {
	d.Name, d.Key, d.signer = as.Name, as.Key, as.signer
	return d
}
