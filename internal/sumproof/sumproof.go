// Package sumproof is the form in which proofs of a Go checksum database
// travel inside an SBOM, and how they are checked.
//
// A tree head is the database's signed note as it gives it. A proof is one line:
// the number of the record, the sum of the module's go.mod file, which is the
// other half of the record, and the hashes of RFC 6962's audit path, from the
// leaf up. What it proves is that the record stands in the tree, so that
// everybody who asks the database is told the same sum.
package sumproof

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxHashes is more than a proof in any tree of fewer than 2^62 records has.
const maxHashes = 64

// A Proof says where a module's record is.
type Proof struct {
	Size  int64  // of the tree whose head is meant
	Index int64  // of the record
	GoMod string // the sum of the module's go.mod file, "h1:…"
	Path  tlog.RecordProof
}

// String is the proof as it is written.
func (p Proof) String() string {
	fields := []string{strconv.FormatInt(p.Size, 10), strconv.FormatInt(p.Index, 10), p.GoMod}
	for _, h := range p.Path {
		fields = append(fields, h.String())
	}
	return strings.Join(fields, " ")
}

// Parse reads a proof, in the one way that [Proof.String] writes it.
func Parse(text string) (Proof, error) {
	fields := strings.Split(text, " ")
	if len(fields) < 3 || len(fields) > 3+maxHashes {
		return Proof{}, errors.New("want a tree's size, a record's number, a sum and hashes")
	}
	var p Proof
	for i, n := range []*int64{&p.Size, &p.Index} {
		var err error
		if *n, err = strconv.ParseInt(fields[i], 10, 64); err != nil || strconv.FormatInt(*n, 10) != fields[i] || *n < 0 {
			return Proof{}, fmt.Errorf("%q is no number", fields[i])
		}
	}
	if p.GoMod = fields[2]; !isSum(p.GoMod) {
		return Proof{}, fmt.Errorf("%q is no sum", p.GoMod)
	}
	for _, f := range fields[3:] {
		h, err := tlog.ParseHash(f)
		if err != nil || h.String() != f {
			return Proof{}, fmt.Errorf("%q is no hash", f)
		}
		p.Path = append(p.Path, h)
	}
	return p, nil
}

// isSum reports whether s is spelled as a sum in go.sum.
func isSum(s string) bool {
	hash, ok := strings.CutPrefix(s, "h1:")
	h, err := tlog.ParseHash(hash)
	return ok && err == nil && h.String() == hash
}

// Record is what the database has of a module: go.sum's two lines.
func Record(path, version, sum, goMod string) []byte {
	return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, sum, path, version, goMod)
}

// Check checks that tree has the record of a module with that sum.
func (p Proof) Check(tree tlog.Tree, path, version, sum string) error {
	if !isSum(sum) {
		return fmt.Errorf("%q is no sum", sum)
	}
	if strings.ContainsAny(path+version, " \n\t\r") {
		return errors.New("no module is called so")
	}
	return tlog.CheckRecord(p.Path, tree.N, tree.Hash, p.Index, tlog.RecordHash(Record(path, version, sum, p.GoMod)))
}

// OpenHead checks a signed tree head by the keys of a database. Only what such
// a key signed counts, and nothing may stand around it.
func OpenHead(head string, keys note.Verifiers) (tlog.Tree, error) {
	n, err := note.Open([]byte(head), keys)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := tlog.ParseTree([]byte(n.Text))
	if err != nil {
		return tlog.Tree{}, err
	}
	if !bytes.Equal(tlog.FormatTree(tree), []byte(n.Text)) {
		return tlog.Tree{}, errors.New("the tree head says more than a tree head")
	}
	return tree, nil
}
