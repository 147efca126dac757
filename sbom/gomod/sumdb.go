package gomod

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/sumproof"
	"github.com/touchmark-go/touchmark/sbom"
)

// A SumDB is a copy of a Go checksum database, from which the proofs are taken
// that its records of a program's modules stand in it.
//
//	db := gomod.SumDB{FS: os.DirFS(filepath.Join(goModCache, "cache/download/sumdb", name)), Key: key}
//	err := db.Prove(ctx, bom)
//
// With them in the document a policy can want that every module is one that the
// whole world was told the same sum of, without asking anybody: see
// [sbom.PropertySumDB].
type SumDB struct {
	// FS has the files "lookup/…" and "tile/8/…" as the database serves them and the
	// go command keeps them.
	FS fs.FS
	// Key is the database's key, as the go command spells it in GOSUMDB:
	// "NAME+HASH+KEY".
	Key string
}

// Prove adds to each module in bom the proof of its record, and to the metadata
// the tree heads that the proofs lead to, in place of any that are there. A
// module that FS does not have all of a proof of stays without, as does one
// without a sum. It is an error if a record has another sum than bom, or if
// something in FS is not what the database's key signed; bom is then as it was.
func (d SumDB) Prove(ctx context.Context, bom *cdx.BOM) error {
	if bom == nil || bom.Components == nil || bom.Metadata == nil {
		return errors.New("the BOM has no components, want one of a Go program")
	}
	key, err := note.NewVerifier(d.Key)
	if err != nil {
		return fmt.Errorf("the key of the checksum database: %w", err)
	}
	r := sumReader{fs: d.FS, keys: note.VerifierList(key), tiles: map[string][]byte{}}
	var records []record
	for i := range *bom.Components {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := &(*bom.Components)[i]
		sum := property(*c, sbom.PropertyH1)
		if sum == "" || c.Version == "" || c.Name == gofacts.Stdlib {
			continue
		}
		rec, err := r.lookup(c.Name, c.Version, sum)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("checksum database: %s %s: %w", c.Name, c.Version, err)
		}
		rec.component = i
		records = append(records, rec)
	}
	// Later heads have earlier records too, and one head for all is the shortest.
	heads := slices.Clone(r.heads)
	slices.SortFunc(heads, func(a, b sumHead) int { return cmp.Compare(b.tree.N, a.tree.N) })
	used := map[int64]bool{}
	proofs := make([]string, len(*bom.Components))
	for _, rec := range records {
		for _, h := range heads {
			if err := ctx.Err(); err != nil {
				return err
			}
			p, err := rec.prove(h.tree, &r)
			if errors.Is(err, fs.ErrNotExist) || rec.index >= h.tree.N {
				continue
			}
			if err != nil {
				return fmt.Errorf("checksum database: %s: %w", (*bom.Components)[rec.component].Name, err)
			}
			proofs[rec.component], used[h.tree.N] = p.String(), true
			break
		}
	}
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		c.Properties = replaced(c.Properties, sbom.PropertySumDB, proofs[i])
	}
	var notes []string
	for _, h := range heads {
		if used[h.tree.N] {
			notes = append(notes, h.note)
		}
	}
	bom.Metadata.Properties = replaced(bom.Metadata.Properties, sbom.PropertySumDBHead, notes...)
	return nil
}

// replaced is a list of properties with these values of one name and no others.
func replaced(list *[]cdx.Property, name string, values ...string) *[]cdx.Property {
	var out []cdx.Property
	if list != nil {
		out = slices.DeleteFunc(slices.Clone(*list), func(p cdx.Property) bool { return p.Name == name })
	}
	for _, v := range values {
		if v != "" {
			out = append(out, cdx.Property{Name: name, Value: v})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &out
}

// A record is one of the database's, about a component.
type record struct {
	component               int
	index                   int64
	path, version, sum, mod string
}

func (r *record) prove(tree tlog.Tree, reader *sumReader) (sumproof.Proof, error) {
	if r.index >= tree.N {
		return sumproof.Proof{}, nil
	}
	// Tiles are believed as far as the tree's hash is over them.
	path, err := tlog.ProveRecord(tree.N, r.index, tlog.TileHashReader(tree, reader))
	if err != nil {
		return sumproof.Proof{}, err
	}
	p := sumproof.Proof{Size: tree.N, Index: r.index, GoMod: r.mod, Path: path}
	return p, p.Check(tree, r.path, r.version, r.sum)
}

// A sumHead is a signed tree head.
type sumHead struct {
	tree tlog.Tree
	note string
}

// A sumReader reads the files of a database.
type sumReader struct {
	fs    fs.FS
	keys  note.Verifiers
	heads []sumHead // one of each size
	tiles map[string][]byte
}

// maxSumFile is more than any file of a database has.
const maxSumFile = 1 << 20

func (r *sumReader) read(name string) ([]byte, error) {
	if r.fs == nil {
		return nil, fs.ErrNotExist
	}
	f, err := r.fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSumFile+1))
	if err == nil && len(data) > maxSumFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxSumFile)
	}
	return data, err
}

// lookup is the record of a module, and remembers the head that came with it.
func (r *sumReader) lookup(path, version, sum string) (record, error) {
	escapedPath, err := module.EscapePath(path)
	if err != nil {
		return record{}, err
	}
	escapedVersion, err := module.EscapeVersion(version)
	if err != nil {
		return record{}, err
	}
	data, err := r.read("lookup/" + escapedPath + "@" + escapedVersion)
	if err != nil {
		return record{}, err
	}
	index, text, rest, err := tlog.ParseRecord(data)
	if err != nil {
		return record{}, err
	}
	tree, err := sumproof.OpenHead(string(rest), r.keys)
	if err != nil {
		return record{}, err
	}
	out := record{index: index, path: path, version: version, sum: sum}
	for line := range strings.Lines(string(text)) {
		if mod, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), path+" "+version+"/go.mod "); ok {
			out.mod = mod
		}
	}
	if want := sumproof.Record(path, version, sum, out.mod); string(text) != string(want) {
		return record{}, fmt.Errorf("it has %q, and the BOM has the sum %s", text, sum)
	}
	at := slices.IndexFunc(r.heads, func(h sumHead) bool { return h.tree.N == tree.N })
	switch {
	case at < 0:
		r.heads = append(r.heads, sumHead{tree, string(rest)})
	case r.heads[at].tree.Hash != tree.Hash:
		return record{}, fmt.Errorf("two different trees of %d records are signed", tree.N)
	}
	return out, nil
}

// Height, ReadTiles and SaveTiles make a sumReader a [tlog.TileReader].
func (r *sumReader) Height() int                         { return 8 }
func (r *sumReader) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (r *sumReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, ok := r.tiles[t.Path()]
		if !ok {
			var err error
			data, err = r.read(t.Path())
			if whole := t; errors.Is(err, fs.ErrNotExist) && t.W < 1<<t.H {
				whole.W = 1 << t.H // the beginning of a tile that has been filled since
				if data, err = r.read(whole.Path()); err == nil && len(data) >= t.W*tlog.HashSize {
					data = data[:t.W*tlog.HashSize]
				}
			}
			if err != nil {
				return nil, err
			}
			r.tiles[t.Path()] = data
		}
		out[i] = data
	}
	return out, nil
}
