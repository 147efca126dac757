package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/spdx"
)

func newSBOM() *cobra.Command {
	var format, out string
	var maker bomMaker
	var key signingKey
	c := &cobra.Command{
		Use:   "sbom [--format FORMAT] [--out FILE] BINARY|DIR|IMAGE|FILE",
		Short: "list what is inside a Go program or an image, or work with such a list",
		Long: `sbom lists what is inside a Go program or a container image: as CycloneDX 1.6, as SPDX 2.3, as a
table or tree to read, or as a picture. What SPDX or XML cannot say is named on standard error.

Of a binary it lists exactly the modules that were linked into it, and it is bound to that binary by
its digest. Of a folder with a main package it lists what would be linked, with who imports whom;
there is no binary yet that it could be bound to. Of a file that holds an SBOM (CycloneDX as JSON or
XML, or SPDX 2.3) it shows that one.

A binary does not say who imports whom, what its modules' archives hash to, or on which terms they
come: --source and --modules look. Who made and supplies it only its publisher knows, and says with
the other flags; what nobody says stays unknown. The time is SOURCE_DATE_EPOCH, or the commit's.

--key puts a signature into the document itself, for readers who know CycloneDX and nothing else.
touchmark verify does not look at it: what it believes is a signed statement, see touchmark sign.

An image is an OCI layout, as a folder or a tar file, or what docker save writes. Of it sbom lists
the Go programs with their modules, the packages of Debian, Alpine, npm and Python, and what lock
files name, each with the layer that brought it. Of an image for several platforms, --platform
chooses one.`,
		Example: `  touchmark sbom --out app.cdx.json dist/app
  touchmark sbom --format table dist/app
  touchmark sbom --format svg --out app.svg ./cmd/app
  touchmark sbom --source . --modules auto --manufacturer Acme --data-license CC0-1.0 dist/app
  touchmark sbom --platform linux/arm64 --out image.cdx.json image.tar
  touchmark sbom check --profile cisa-2025 app.cdx.json
  touchmark sbom paths ./cmd/app golang.org/x/net`,
		Args: exactly("BINARY, DIR, IMAGE or FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if !contains(bomFormats, format) {
				return usagef("--format: %q: want %s", format, orList(bomFormats))
			}
			signer, err := key.load(cmd.Context())
			if err != nil {
				return err
			}
			if signer != nil && format != "cyclonedx" {
				return usagef("--key signs inside the document, which only the format cyclonedx can hold; a statement is signed by touchmark sign")
			}
			bom, data, err := maker.bom(cmd, args[0])
			if err != nil {
				return err
			}
			if signer != nil {
				if err := sbom.Sign(cmd.Context(), bom, signer); err != nil {
					return err
				}
				if data, err = marshalBOM(bom); err != nil {
					return err
				}
			}
			switch format {
			case "table":
				data = bomTable(bom)
			case "tree":
				data = bomTree(bom)
			case "svg":
				data, err = bomSVG(bom)
			case "spdx":
				data, err = bomSPDX(bom, spdx.Options{Created: maker.time}, cmd.ErrOrStderr())
			case "spdx3":
				data, err = bomSPDX3(bom, spdx.Options{Created: maker.time}, cmd.ErrOrStderr())
			case "cyclonedx-xml":
				data, err = bomXML(bom, cmd.ErrOrStderr())
			}
			if err != nil {
				return err
			}
			return emit(cmd, out, data)
		}),
	}
	c.Flags().StringVar(&format, "format", "cyclonedx", "write `"+strings.Join(bomFormats, "|")+"`")
	outFlag(c, &out)
	c.PersistentFlags().String("platform", "", "list the image for `OS/ARCH`, of several in one archive")
	maker.flags(c)
	key.flag(c, "the document inside of it,")
	completeWords(c, "format", bomFormats...)
	c.AddCommand(newSBOMCheck(&maker), newSBOMMerge(&maker), newSBOMPaths(&maker))
	return c
}

// bomFormats are what sbom writes. It is never written to.
var bomFormats = []string{"cyclonedx", "cyclonedx-xml", "spdx", "spdx3", "table", "tree", "svg"}

// bom is the BOM of a binary or an image, or of the main package in a folder, or
// the one that a file holds.
func (m *bomMaker) bom(cmd *cobra.Command, path string) (*cdx.BOM, []byte, error) {
	if err := m.prepare(cmd.Context()); err != nil {
		return nil, nil, err
	}
	marshaled := func(bom *cdx.BOM, err error) (*cdx.BOM, []byte, error) {
		if err != nil {
			return nil, nil, err
		}
		data, err := marshalBOM(bom)
		return bom, data, err
	}
	made := func(bom *cdx.BOM, data []byte, err error) (*cdx.BOM, []byte, error) {
		if err == nil && bom != nil && m.used() {
			err = usagef("%q is listed as it is: the flags that say more are for a Go program", path)
		}
		return bom, data, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if bom, data, err := imageBOM(cmd, path); err != nil || bom != nil {
			return made(bom, data, err)
		}
		return marshaled(m.fromSource(cmd.Context(), path))
	}
	if bom, data, err := bomFile(path, cmd.ErrOrStderr()); err != nil || bom != nil {
		if err == nil && data == nil {
			return made(marshaled(bom, nil))
		}
		return made(bom, data, err)
	}
	bom, err := m.fromBinary(cmd.Context(), path)
	if !errors.Is(err, errNoBOM) {
		return marshaled(bom, err)
	}
	bom, data, err := imageBOM(cmd, path)
	if err == nil && bom == nil {
		err = fmt.Errorf("%q is neither an SBOM nor a Go program with build info, nor an image: nothing says what is inside", path)
	}
	return made(bom, data, err)
}

// binaryBOM is the BOM of a file as it is. The error is errNoBOM if it is no Go program.
func binaryBOM(path string) (*cdx.BOM, []byte, error) {
	bom, err := new(bomMaker).fromBinary(context.Background(), path)
	if err != nil {
		return nil, nil, err
	}
	data, err := marshalBOM(bom)
	return bom, data, err
}

func marshalBOM(bom *cdx.BOM) ([]byte, error) {
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// bomTable is a BOM as a person reads it.
func bomTable(bom *cdx.BOM) []byte {
	var b bytes.Buffer
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		m := bom.Metadata.Component
		fmt.Fprintf(&b, "%s %s\n", show(m.Name), show(orUnknown(m.Version)))
		line := func(name, value string) { fmt.Fprintf(&b, "  %-13s %s\n", show(name), show(value)) }
		if m.Hashes != nil {
			for _, h := range *m.Hashes {
				line(string(h.Algorithm), h.Value)
			}
		}
		for _, p := range bomProperties(m) {
			if name, ok := strings.CutPrefix(p.Name, "touchmark:go:"); ok && p.Name != sbom.PropertyVersion {
				line(name, p.Value)
			}
		}
		b.WriteByte('\n')
	}
	list := components(bom)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "COMPONENT\tVERSION\tSUM\n")
	for i := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\n", show(list[i].Name), show(orUnknown(list[i].Version)), show(bomProperty(&list[i], sbom.PropertyH1)))
	}
	t.Flush()
	fmt.Fprintf(&b, "\n%s\n", plural(len(list), "component", "components"))
	return b.Bytes()
}

func components(bom *cdx.BOM) []cdx.Component {
	if bom.Components == nil {
		return nil
	}
	return *bom.Components
}

func bomProperties(c *cdx.Component) []cdx.Property {
	if c.Properties == nil {
		return nil
	}
	return *c.Properties
}

func bomProperty(c *cdx.Component, name string) string {
	for _, p := range bomProperties(c) {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}
