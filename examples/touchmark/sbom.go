package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

func newSBOM() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "sbom [--format FORMAT] [--out FILE] BINARY|DIR|IMAGE|FILE",
		Short: "list what is inside a Go program or an image, or work with such a list",
		Long: `sbom lists what is inside a Go program or a container image: as CycloneDX 1.6, as a table or tree to read, or
as a picture.

Of a binary it lists exactly the modules that were linked into it, and it is bound to that binary by
its digest. Of a folder with a main package it lists what would be linked, with who imports whom;
there is no binary yet that it could be bound to. Of a file that holds an SBOM it shows that one.

An image is an OCI layout, as a folder or a tar file, or what docker save writes. Of it sbom lists the Go
programs with their modules, the packages of Debian, Alpine, RPM, npm and Python, and what lock files name,
each with the layer that brought it. Of an image for several platforms, --platform chooses one.`,
		Example: `  touchmark sbom --out app.cdx.json dist/app
  touchmark sbom --format table dist/app
  touchmark sbom --format svg --out app.svg ./cmd/app
  touchmark sbom --platform linux/arm64 --out image.cdx.json image.tar
  touchmark sbom check --profile cisa-2025 app.cdx.json
  touchmark sbom paths ./cmd/app golang.org/x/net`,
		Args: exactly("BINARY, DIR, IMAGE or FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if !contains(bomFormats, format) {
				return usagef("--format: %q: want %s", format, orList(bomFormats))
			}
			bom, data, err := anyBOM(cmd, args[0])
			if err != nil {
				return err
			}
			switch format {
			case "table":
				data = bomTable(bom)
			case "tree":
				data = bomTree(bom)
			case "svg":
				data, err = bomSVG(bom)
			}
			if err != nil {
				return err
			}
			return emit(cmd, out, data)
		}),
	}
	c.Flags().StringVar(&format, "format", "cyclonedx", "write `"+strings.Join(bomFormats, "|")+"`")
	c.Flags().StringVar(&out, "out", "", "write to `FILE`; else to standard output")
	c.Flags().String("platform", "", "list the image for `OS/ARCH`, of several in one archive")
	completeWords(c, "format", bomFormats...)
	c.AddCommand(newSBOMCheck(), newSBOMMerge(), newSBOMPaths())
	return c
}

// bomFormats are what sbom writes. It is never written to.
var bomFormats = []string{"cyclonedx", "table", "tree", "svg"}

// anyBOM is the BOM of a binary or an image, or of the main package in a folder,
// or the one that a file holds.
func anyBOM(cmd *cobra.Command, path string) (*cdx.BOM, []byte, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if bom, data, err := imageBOM(cmd, path); err != nil || bom != nil {
			return bom, data, err
		}
		bom, err := gomod.FromSource(cmd.Context(), path, ".")
		if err != nil {
			return nil, nil, err
		}
		data, err := marshalBOM(bom)
		return bom, data, err
	}
	if bom, data, err := bomFile(path); err != nil || bom != nil {
		return bom, data, err
	}
	bom, data, err := binaryBOM(path)
	if errors.Is(err, errNoBOM) {
		if bom, data, err = imageBOM(cmd, path); err == nil && bom == nil {
			err = fmt.Errorf("%q is neither an SBOM nor a Go program with build info, nor an image: nothing says what is inside", path)
		}
	}
	return bom, data, err
}

// bomFile is the BOM that a file holds, nil if it holds something else: a
// document begins with a brace, and no binary does.
func bomFile(path string) (*cdx.BOM, []byte, error) {
	f, err := safefs.Open(path)
	if err != nil {
		return nil, nil, nil // what is wrong with it is said where a binary is wanted
	}
	defer f.Close()
	first, _ := bufio.NewReader(f).Peek(256)
	if first = bytes.TrimLeft(first, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return nil, nil, nil
	}
	data, err := readFile("SBOM", path, maxBOM)
	if err != nil {
		return nil, nil, err
	}
	bom, err := sbom.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", path, err)
	}
	return bom, data, nil
}

// binaryBOM is the BOM of a file. The error is errNoBOM if it is no Go program.
func binaryBOM(path string) (*cdx.BOM, []byte, error) {
	f, err := safefs.Open(path)
	if errors.Is(err, safefs.ErrNotRegular) {
		return nil, nil, errNoBOM
	}
	if err != nil {
		return nil, nil, readError("SBOM", path, err)
	}
	defer f.Close()
	bom, err := sbom.FromBinary(f)
	if errors.Is(err, sbom.ErrNotGo) {
		return nil, nil, errNoBOM
	}
	if err != nil {
		return nil, nil, fmt.Errorf("SBOM of %q: %w", path, err)
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
