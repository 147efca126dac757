package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
)

// An attack is another artifact or other evidence for the same question.
type attack struct {
	name     string // what is done
	file     string // what it is called in the folder
	artifact string
	evidence []*sign.Bundle
	skipped  string // why it was not tried
}

// attacks makes the four. The evidence is that of quickstart: provenance, SBOM
// and two approvals. Whoever attacks has the builder's key, so that no signature
// is wrong, but not those of the people.
func (l *lab) attacks(ctx context.Context, c *cast, artifact string, record *capture.Record, evidence []*sign.Bundle) ([]attack, error) {
	flipped, err := l.flip(artifact)
	if err != nil {
		return nil, err
	}
	list := []attack{{name: "a byte of the program is flipped", file: "1-flipped-byte", artifact: flipped, evidence: evidence}}

	other := attack{name: "provenance of another commit", file: "2-other-commit", artifact: artifact}
	if l.noGit != nil {
		other.skipped = l.noGit.Error() + ", so there is no other commit"
	} else if other.evidence, err = l.otherCommit(ctx, c, record, evidence); err != nil {
		return nil, err
	}
	swapped, err := otherSBOM(ctx, c, record, evidence)
	if err != nil {
		return nil, err
	}
	copied, err := copySignature(c, evidence)
	if err != nil {
		return nil, err
	}
	return append(list, other,
		attack{name: "the SBOM of another program, relabelled", file: "3-other-sbom", artifact: artifact, evidence: swapped},
		attack{name: "alice's signature again, as if it were bob's", file: "4-copied-signature", artifact: artifact, evidence: copied}), nil
}

// flip copies the artifact with one bit of its middle byte changed.
func (l *lab) flip(artifact string) (string, error) {
	data, err := os.ReadFile(artifact)
	if err != nil {
		return "", err
	}
	data[len(data)/2] ^= 1
	name := l.path(filepath.Join("attacks", "1-flipped-byte", filepath.Base(artifact)))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	return name, os.WriteFile(name, data, 0o755)
}

// otherCommit signs, about our artifact, how a later commit was built.
func (l *lab) otherCommit(ctx context.Context, c *cast, record *capture.Record, evidence []*sign.Bundle) ([]*sign.Bundle, error) {
	other, err := l.otherBuild(ctx)
	if err != nil {
		return nil, err
	}
	lie, err := other.Build().Statement(record.Subjects()...)
	if err != nil {
		return nil, err
	}
	forged, err := sign.Statement(ctx, lie, c.ci)
	return replace(evidence, 0, forged), err
}

// otherSBOM signs, about our artifact, what is inside this very program.
func otherSBOM(ctx context.Context, c *cast, record *capture.Record, evidence []*sign.Bundle) ([]*sign.Bundle, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(self)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bom, err := sbom.FromBinary(file)
	if err != nil {
		return nil, err
	}
	var document bytes.Buffer
	if err := sbom.Write(&document, bom); err != nil {
		return nil, err
	}
	lie, err := provenance.New(sbom.PredicateType, json.RawMessage(document.Bytes()), record.Subjects()...)
	if err != nil {
		return nil, err
	}
	forged, err := sign.Statement(ctx, lie, c.ci)
	return replace(evidence, 1, forged), err
}

// copySignature puts alice's signature into her envelope a second time, under
// the id of bob's key, and leaves bob's own approval out.
func copySignature(c *cast, evidence []*sign.Bundle) ([]*sign.Bundle, error) {
	id, err := c.bob.KeyID()
	if err != nil {
		return nil, err
	}
	forged := *evidence[2]
	forged.Signatures = append(slices.Clone(forged.Signatures), sign.Signature{Sig: forged.Signatures[0].Sig, KeyID: id})
	return []*sign.Bundle{evidence[0], evidence[1], &forged}, nil
}

func replace(evidence []*sign.Bundle, i int, with *sign.Bundle) []*sign.Bundle {
	evidence = slices.Clone(evidence)
	evidence[i] = with
	return evidence
}
