package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"

	cdx "github.com/CycloneDX/cyclonedx-go"
	attestation "github.com/in-toto/attestation/go/v1"
	"github.com/package-url/packageurl-go"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/mod/modfile"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"google.golang.org/protobuf/encoding/protojson"
)

// look says what data is, first in a few words and then in more.
func look(name string, data []byte) []string {
	for _, as := range []func(string, []byte) []string{asModule, asKey, asEnvelope, asBOM, asDocument} {
		if lines := as(name, data); lines != nil {
			return lines
		}
	}
	sum := blake2b.Sum256(data)
	size := message.NewPrinter(language.English).Sprintf("%d bytes", len(data))
	return []string{size + ", BLAKE2b " + hex.EncodeToString(sum[:8])}
}

func asModule(name string, data []byte) []string {
	file, err := modfile.ParseLax(name, data, nil)
	if err != nil || file.Module == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("module %s, %d requirements", file.Module.Mod.Path, len(file.Require))}
	for _, r := range file.Require {
		namespace, base := path.Split(r.Mod.Path)
		purl := packageurl.NewPackageURL(packageurl.TypeGolang, namespace, base, r.Mod.Version, nil, "")
		lines = append(lines, purl.ToString())
	}
	return lines
}

func asKey(_ string, data []byte) []string {
	key, err := cryptoutils.UnmarshalPEMToPublicKey(data)
	if err != nil {
		return nil
	}
	id, err := cryptoutils.SKID(key)
	if err != nil {
		return nil
	}
	return []string{fmt.Sprintf("public key (%T) %s", key, hex.EncodeToString(id))}
}

func asEnvelope(_ string, data []byte) []string {
	var envelope dsse.Envelope
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if json.Unmarshal(line, &envelope) != nil || envelope.PayloadType == "" {
		return nil
	}
	lines := []string{fmt.Sprintf("%s, %d signatures that nobody checked", envelope.PayloadType, len(envelope.Signatures))}
	payload, err := envelope.DecodeB64Payload()
	var statement attestation.Statement
	if err != nil || (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(payload, &statement) != nil {
		return lines
	}
	lines = append(lines, "predicate "+statement.GetPredicateType())
	for _, subject := range statement.GetSubject() {
		lines = append(lines, "about "+subject.GetName())
	}
	return lines
}

func asBOM(_ string, data []byte) []string {
	var bom cdx.BOM
	if cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom) != nil || bom.BOMFormat != cdx.BOMFormat || bom.Components == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("CycloneDX %s, %d components", bom.SpecVersion, len(*bom.Components))}
	for _, component := range *bom.Components {
		lines = append(lines, component.Name+" "+component.Version)
	}
	return lines
}

func asDocument(_ string, data []byte) []string {
	var document map[string]any
	if yaml.Unmarshal(data, &document) != nil || document == nil {
		return nil
	}
	return []string{fmt.Sprintf("a document with %d members", len(document))}
}
