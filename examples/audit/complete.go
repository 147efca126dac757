package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A listed file is a line of a folder's list.
type listed struct{ digest, name string }

// parseList reads the list of a folder, whose SHA-256 is the folder's dirHash (Go's
// Hash1): a line for each file, "HEX  NAME", sorted by name.
func parseList(data []byte) ([]listed, bool) {
	files := []listed{}
	for line := range bytes.Lines(data) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "  ")
		raw, err := hex.DecodeString(sum)
		if !ok || err != nil || len(raw) != 32 || hex.EncodeToString(raw) != sum || !bytes.HasSuffix(line, []byte("\n")) || len(files) > 0 && files[len(files)-1].name >= name {
			return nil, false
		}
		files = append(files, listed{"sha256:" + sum, name})
	}
	return files, true
}

// blobOf is the digest of the blob that content is kept under: of a folder it is
// that of its list.
func blobOf(digest string) (blob string, folder bool) {
	sum, folder := strings.CutPrefix(digest, "dirHash:")
	if folder {
		return "sha256:" + sum, true
	}
	return digest, false
}

// complete wants everything that records name to be there, each file of a folder
// too, or to be listed as erased, which a record says, or as absent. It returns
// what is not there, and what it is, fit for a terminal.
func (e *export) complete(h *outcome) (absent []string, err error) {
	accounted := maps.Clone(e.have)
	for _, d := range e.absent {
		if e.have[d] {
			return nil, fmt.Errorf("%s is listed as absent, and is there", d)
		}
		accounted[d] = true
	}
	for _, x := range e.erased {
		if !slices.ContainsFunc(h.erased, func(o erasure) bool { return o == x }) {
			return nil, fmt.Errorf("%s is listed as erased by record %d, and that does not say so", x.Digest, x.Record)
		}
		blob, _ := blobOf(x.Digest)
		if e.have[blob] {
			return nil, fmt.Errorf("%s was erased, and is there", x.Digest)
		}
		accounted[blob] = true
	}
	what := map[string]string{}
	for _, d := range sortedKeys(h.named) {
		blob, folder := blobOf(d)
		switch what[blob] = h.named[d]; {
		case !strings.HasPrefix(blob, "sha256:"):
			absent = append(absent, fmt.Sprintf("%s, %s: an export holds nothing by such a digest", printable(d), h.named[d]))
		case !accounted[blob]:
			return nil, fmt.Errorf("%s, %s, was left out", d, h.named[d])
		case folder && e.have[blob]:
			files, ok := e.lists[blob]
			if !ok {
				return nil, fmt.Errorf("%s, %s, is no list of a folder's files", d, h.named[d])
			}
			for _, f := range files {
				if !accounted[f.digest] {
					return nil, fmt.Errorf("%s, the file %q of %s, was left out", f.digest, f.name, h.named[d])
				}
				if what[f.digest] == "" {
					what[f.digest] = fmt.Sprintf("the file %q of %s", f.name, h.named[d])
				}
			}
		case folder:
			what[blob] = h.named[d] + ", a folder: which files it had is not known"
		}
	}
	for _, d := range e.absent {
		if what[d] == "" {
			what[d] = "which nothing in the export names"
		}
		absent = append(absent, printable(d)+", "+what[d])
	}
	return absent, nil
}
