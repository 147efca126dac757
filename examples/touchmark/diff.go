package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
)

func newDiff() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "diff [--format text|json] A B",
		Short: "what changed between two provenances or two SBOMs",
		Long: `diff says how B differs from A: two provenances (source, toolchain, flags, parameters, dependencies),
two SBOMs (what is inside), or both where both files hold both. Each file is a statement, a bundle
file or a CycloneDX document. Signatures are not checked. What differs between any two builds,
such as times, is left out.

On a terminal what was added is green, what was removed red and what changed yellow, unless the
environment variable NO_COLOR is set.

Exit status 0 says that they could be compared, not that they are equal.`,
		Example: `  touchmark diff app-1.4.0.intoto.jsonl app-1.4.1.intoto.jsonl
  touchmark diff old.cdx.json dist/app.cdx.json`,
		Args: exactly("A", "B"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			a, err := loadSides(args[0])
			if err != nil {
				return err
			}
			b, err := loadSides(args[1])
			if err != nil {
				return err
			}
			d, err := compare(a, b)
			if err != nil {
				return err
			}
			if d.Provenance == nil && d.SBOM == nil {
				return fmt.Errorf("%q holds %s and %q holds %s: nothing in them can be compared", args[0], a.what(), args[1], b.what())
			}
			if format == "json" {
				data, err := json.MarshalIndent(d, "", "  ")
				if err != nil {
					return err
				}
				return emit(cmd, "", append(data, '\n'))
			}
			return emit(cmd, "", d.text(colored(cmd.OutOrStdout(), os.Getenv)))
		}),
	}
	c.Flags().StringVar(&format, "format", "text", "`FORMAT`: text, or json with the members provenance and sbom")
	completeWords(c, "format", "text", "json")
	return c
}

// A difference is what diff prints. A list is nil if there was nothing to
// compare, and empty if there is no difference.
type difference struct {
	Provenance []provenance.Change `json:"provenance,omitzero"`
	SBOM       []sbomChange        `json:"sbom,omitzero"`
}

func compare(a, b sides) (d difference, err error) {
	if a.build != nil && b.build != nil {
		d.Provenance = append([]provenance.Change{}, provenance.Diff(a.build, b.build)...)
	}
	if a.bom != nil && b.bom != nil {
		d.SBOM, err = diffSBOM(a.bom, b.bom)
	}
	return d, err
}

func (d difference) text(color bool) []byte {
	var out bytes.Buffer
	section := func(name string, n int) {
		fmt.Fprintln(&out, name)
		if n == 0 {
			out.WriteString("  no difference\n")
		}
	}
	if d.Provenance != nil {
		section("provenance", len(d.Provenance))
		for _, c := range d.Provenance {
			out.WriteString("  " + paint(color, c.Kind, oneLine(c.String())) + "\n")
		}
	}
	if d.SBOM != nil {
		section("SBOM", len(d.SBOM))
		for _, c := range d.SBOM {
			out.WriteString("  " + paint(color, c.kind(), c.line()) + "\n")
		}
	}
	return out.Bytes()
}

// colored reports whether what is written to w may have colors: a terminal that
// can show them, and nobody said no (no-color.org).
func colored(w io.Writer, env func(string) string) bool {
	return isTerminal(w) && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// paint gives a line the color of the kind of change that it tells. Line is safe
// to print already.
func paint(color bool, kind, line string) string {
	if !color {
		return line
	}
	code := "33" // yellow
	switch kind {
	case "added":
		code = "32"
	case "removed":
		code = "31"
	}
	return "\x1b[" + code + "m" + line + "\x1b[0m"
}

// sides is what of a file can be compared.
type sides struct {
	build *provenance.Build
	bom   *cdx.BOM
}

func (s sides) what() string {
	switch {
	case s.build != nil && s.bom != nil:
		return "provenance and an SBOM"
	case s.build != nil:
		return "provenance"
	case s.bom != nil:
		return "an SBOM"
	}
	return "neither provenance nor an SBOM"
}

func loadSides(path string) (sides, error) {
	data, err := readFile("diff", path, maxBOM)
	if err != nil {
		return sides{}, err
	}
	var kind struct {
		Type      string `json:"_type"`
		BOMFormat string `json:"bomFormat"`
	}
	var out sides
	if json.Unmarshal(data, &kind) == nil && kind.BOMFormat != "" {
		if out.bom, err = sbom.Parse(bytes.NewReader(data)); err != nil {
			return out, fmt.Errorf("%q: %w", path, err)
		}
		return out, nil
	}
	var statements []*provenance.Statement
	if kind.Type != "" {
		s, err := provenance.Parse(data)
		if err != nil {
			return out, fmt.Errorf("%q: %w", path, err)
		}
		statements = append(statements, s)
	} else {
		bundles, err := sign.Read(bytes.NewReader(data))
		if err != nil {
			return out, fmt.Errorf("%q: %w", path, err)
		}
		for _, b := range bundles {
			if b.Err != nil {
				return out, fmt.Errorf("%q is neither a statement, nor bundles, nor an SBOM: %s: %w", path, b.Origin, b.Err)
			}
			if b.PayloadType != provenance.PayloadType {
				continue
			}
			s, err := provenance.Parse(b.UnverifiedPayload())
			if err != nil {
				return out, fmt.Errorf("%q, %s: %w", path, b.Origin, err)
			}
			statements = append(statements, s)
		}
	}
	for _, s := range statements {
		if err := out.add(s); err != nil {
			return out, fmt.Errorf("%q: %w", path, err)
		}
	}
	return out, nil
}

// add takes what a statement holds. Of two of a kind nobody could say which is meant.
func (s *sides) add(st *provenance.Statement) error {
	switch st.PredicateType {
	case provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02, provenance.SLSAProvenanceV01:
		b, err := provenance.ParseBuild(st)
		if err != nil {
			return err
		}
		if s.build != nil && len(provenance.Diff(s.build, b)) > 0 {
			return fmt.Errorf("it holds several provenances that differ: put the one that is meant in a file of its own")
		}
		s.build = b
	case sbom.PredicateType:
		b, err := sbom.Parse(bytes.NewReader(st.Predicate))
		if err != nil {
			return err
		}
		if s.bom != nil && sbomsDiffer(s.bom, b) {
			return fmt.Errorf("it holds several SBOMs that differ: put the one that is meant in a file of its own")
		}
		s.bom = b
	}
	return nil
}
