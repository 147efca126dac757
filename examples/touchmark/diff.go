package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
)

func newDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "what changed between two provenances or two SBOMs",
		Long: `diff says how B differs from A: two provenances (source, toolchain, flags, parameters, dependencies),
two SBOMs (what is inside), or both where both files hold both. Each file is a statement, a bundle
file or a CycloneDX document. Signatures are not checked. What differs between any two builds,
such as times, is left out.

Exit status 0 says that they could be compared, not that they are equal.`,
		Example: `  touchmark diff app-1.4.0.intoto.jsonl app-1.4.1.intoto.jsonl
  touchmark diff old.cdx.json dist/app.cdx.json`,
		Args: exactly("A", "B"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			a, err := loadSides(args[0])
			if err != nil {
				return err
			}
			b, err := loadSides(args[1])
			if err != nil {
				return err
			}
			var out bytes.Buffer
			if a.build != nil && b.build != nil {
				out.WriteString("provenance\n")
				changes := provenance.Diff(a.build, b.build)
				for _, c := range changes {
					fmt.Fprintf(&out, "  %s\n", oneLine(c.String()))
				}
				if len(changes) == 0 {
					out.WriteString("  no difference\n")
				}
			}
			if a.bom != nil && b.bom != nil {
				out.WriteString("SBOM\n")
				lines := diffBOM(a.bom, b.bom)
				for _, l := range lines {
					fmt.Fprintf(&out, "  %s\n", l)
				}
				if len(lines) == 0 {
					out.WriteString("  no difference\n")
				}
			}
			if out.Len() == 0 {
				return fmt.Errorf("%q holds %s and %q holds %s: nothing in them can be compared", args[0], a.what(), args[1], b.what())
			}
			return emit(cmd, "", out.Bytes())
		}),
	}
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
	case provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02:
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
		if s.bom != nil && len(diffBOM(s.bom, b)) > 0 {
			return fmt.Errorf("it holds several SBOMs that differ: put the one that is meant in a file of its own")
		}
		s.bom = b
	}
	return nil
}

// diffBOM lists how b's components differ from a's.
func diffBOM(a, b *cdx.BOM) []string {
	before, after := bomVersions(a), bomVersions(b)
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], after[name]
		switch {
		case slices.Equal(was, is):
		case was == nil:
			out = append(out, fmt.Sprintf("%s added: %s", show(name), showAll(is)))
		case is == nil:
			out = append(out, fmt.Sprintf("%s removed: was %s", show(name), showAll(was)))
		default:
			out = append(out, fmt.Sprintf("%s changed from %s to %s", show(name), showAll(was), showAll(is)))
		}
	}
	return out
}

// bomVersions are the versions, with the sums, of each component and of the
// main one.
func bomVersions(bom *cdx.BOM) map[string][]string {
	out := map[string][]string{}
	add := func(c *cdx.Component) {
		v := orUnknown(c.Version)
		if sum := bomProperty(c, sbom.PropertyH1); sum != "" {
			v += " " + sum
		}
		out[c.Name] = append(out[c.Name], v)
	}
	list := components(bom)
	for i := range list {
		add(&list[i])
	}
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		add(bom.Metadata.Component)
	}
	for _, versions := range out {
		slices.Sort(versions)
	}
	return out
}
