package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// bomFile is the BOM that a file holds, CycloneDX or SPDX, and the file if it is
// CycloneDX's JSON; nil if it holds something else: a document begins with a
// brace or a "<", and no binary does. What SPDX says and CycloneDX cannot say is
// told to w.
func bomFile(path string, w io.Writer) (*cdx.BOM, []byte, error) {
	f, err := safefs.Open(path)
	if err != nil {
		return nil, nil, nil // what is wrong with it is said where a binary is wanted
	}
	defer f.Close()
	first, _ := bufio.NewReader(f).Peek(256)
	first = bytes.TrimLeft(bytes.TrimPrefix(first, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(first) == 0 || first[0] != '{' && first[0] != '<' {
		return nil, nil, nil
	}
	data, err := readFile("SBOM", path, maxBOM)
	if err != nil {
		return nil, nil, err
	}
	var kind struct {
		SPDXVersion string `json:"spdxVersion"`
	}
	if first[0] == '{' && json.Unmarshal(data, &kind) == nil && kind.SPDXVersion != "" {
		document, err := spdx.Parse(bytes.NewReader(data))
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", path, err)
		}
		bom, lost, err := spdx.ToCycloneDX(document)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", path, err)
		}
		tellLosses(w, lost)
		return bom, nil, nil
	}
	bom, lost, err := sbom.Read(bytes.NewReader(data))
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", path, err)
	}
	if first[0] != '{' {
		tellLosses(w, lost)
		data = nil
	}
	return bom, data, nil
}

// tellLosses says what a document says and its other form cannot say.
func tellLosses(w io.Writer, lost []sbom.Loss) {
	const most = 10
	for i, l := range lost {
		if i == most {
			fmt.Fprintf(w, "touchmark: and %d more are lost\n", len(lost)-most)
			return
		}
		fmt.Fprintf(w, "touchmark: lost: %s\n", oneLine(l.String()))
	}
}

// bomSPDX is a BOM as SPDX 2.3. What that cannot say is told to w.
func bomSPDX(bom *cdx.BOM, o spdx.Options, w io.Writer) ([]byte, error) {
	if o.Created.IsZero() && (bom.Metadata == nil || bom.Metadata.Timestamp == "") {
		return nil, errors.New("the SBOM has no time, and SPDX demands one: set SOURCE_DATE_EPOCH")
	}
	document, lost, err := o.FromCycloneDX(bom)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := spdx.Write(&b, document); err != nil {
		return nil, err
	}
	tellLosses(w, lost)
	return b.Bytes(), nil
}

// bomSPDX3 is a BOM as SPDX 3.0.1. What that cannot say is told to w.
func bomSPDX3(bom *cdx.BOM, o spdx.Options, w io.Writer) ([]byte, error) {
	if o.Created.IsZero() && (bom.Metadata == nil || bom.Metadata.Timestamp == "") {
		return nil, errors.New("the SBOM has no time, and SPDX demands one: set SOURCE_DATE_EPOCH")
	}
	var b bytes.Buffer
	lost, err := o.Write3(&b, bom)
	if err != nil {
		return nil, err
	}
	tellLosses(w, lost)
	return b.Bytes(), nil
}

// bomXML is a BOM as CycloneDX's XML. What that cannot say is told to w.
func bomXML(bom *cdx.BOM, w io.Writer) ([]byte, error) {
	var b bytes.Buffer
	lost, err := sbom.WriteXML(&b, bom)
	if err != nil {
		return nil, err
	}
	tellLosses(w, lost)
	return b.Bytes(), nil
}
