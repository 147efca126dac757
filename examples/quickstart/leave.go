package main

import (
	"bytes"
	"os"
	"path/filepath"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// leave writes down what was made, and says how to look at it.
func (l *lab) leave(trust *verify.Trust, policy *verify.Policy, bom *cdx.BOM, evidence []*sign.Bundle, attacks []attack) error {
	artifact := filepath.Base(attacks[1].artifact)
	files := map[string][]byte{
		"trust.json":  trust.Marshal(),
		"policy.json": policy.Marshal(),
	}
	var document bytes.Buffer
	err := sbom.Write(&document, bom)
	if err != nil {
		return err
	}
	files[artifact+".cdx.json"] = document.Bytes()
	if files[artifact+".intoto.jsonl"], err = lines(evidence); err != nil {
		return err
	}
	for _, a := range attacks {
		if a.skipped != "" {
			continue
		}
		if files[filepath.Join("attacks", a.file+".intoto.jsonl")], err = lines(a.evidence); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := os.WriteFile(l.path(name), data, 0o644); err != nil {
			return err
		}
	}
	say("D=%s", l.folder)
	command := "go run ./examples/touchmark "
	ask := command + "verify --trust $D/trust.json --policy $D/policy.json --environment prod "
	say("%s", ask+"$D/"+artifact)
	for _, a := range attacks[1:] {
		if a.skipped == "" {
			say("%s", ask+"--evidence $D/attacks/"+a.file+".intoto.jsonl $D/"+artifact)
			break
		}
	}
	say("%s", command+"inspect $D/"+artifact+".intoto.jsonl")
	say("%s", command+"sbom --format table $D/"+artifact)
	say("%s also has trust.json, policy.json, %s, attacks/ and source/", l.folder, artifact+".cdx.json")
	return nil
}

// lines are bundles as a file has them, one a line.
func lines(bundles []*sign.Bundle) ([]byte, error) {
	var b bytes.Buffer
	err := sign.Write(&b, bundles...)
	return b.Bytes(), err
}
