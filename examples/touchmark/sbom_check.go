package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sbom"
)

func newSBOMCheck(maker *bomMaker) *cobra.Command {
	var profiles []string
	var format string
	var all bool
	c := &cobra.Command{
		Use:   "check [--profile PROFILE]… [--format text|json] BINARY|DIR|FILE",
		Short: "say what an SBOM misses",
		Long: `check holds an SBOM against what others ask of one, and says what it misses:

  structure   references that lead nowhere, cycles, and claims that the document itself refutes
  ntia-2021   NTIA, The Minimum Elements For a Software Bill of Materials
  cisa-2025   CISA, 2025 Minimum Elements for a Software Bill of Materials (draft)
  bsi-2.1     BSI TR-03183-2, version 2.1.0
  sbomqs      what sbomqs scores, with the score

What is unknown is missing: no word that tools write in place of an answer is taken for one.
Advice (what is recommended, or wanted only where it exists) is counted, and listed with --all.

A document of more than 64 MiB is checked as it goes by, without a score, and of what it misses the
first 10,000 issues are kept.

Exit status: 0 if the profiles are met, 1 if not.`,
		Example: `  touchmark sbom check app.cdx.json
  touchmark sbom check --profile cisa-2025 --profile bsi-2.1 --all dist/app`,
		Args: exactly("BINARY, DIR or FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			for _, p := range profiles {
				if !slices.Contains(sbom.Profiles(), sbom.Profile(p)) {
					return usagef("--profile: %q: want %s", p, orList(profileNames()))
				}
			}
			results, err := checkLarge(args[0], profiles)
			if err != nil {
				return err
			}
			if results == nil {
				bom, _, err := maker.bom(cmd, args[0])
				if err != nil {
					return err
				}
				results = checkBOM(bom, profiles)
			}
			met := !slices.ContainsFunc(results, func(r checkResult) bool { return !r.Met })
			var out []byte
			if format == "json" {
				if out, err = json.MarshalIndent(results, "", "  "); err != nil {
					return err
				}
				out = append(out, '\n')
			} else {
				out = checkText(results, all)
			}
			if err := emit(cmd, "", out); err != nil {
				return err
			}
			if !met {
				return &failure{status: statusDenied}
			}
			return nil
		}),
	}
	c.Flags().StringArrayVar(&profiles, "profile", []string{string(sbom.ProfileStructure)}, "what to ask: `PROFILE`, may come several times")
	c.Flags().StringVar(&format, "format", "text", "write `text|json`")
	c.Flags().BoolVar(&all, "all", false, "list every component, and advice too")
	completeWords(c, "profile", profileNames()...)
	completeWords(c, "format", "text", "json")
	return c
}

func profileNames() (names []string) {
	for _, p := range sbom.Profiles() {
		names = append(names, string(p))
	}
	return names
}

// A checkResult is what one profile misses.
type checkResult struct {
	Profile string       `json:"profile"`
	Met     bool         `json:"met"`
	Rating  *sbom.Rating `json:"rating,omitempty"`
	Issues  []sbom.Issue `json:"issues"`
}

func checkBOM(bom *cdx.BOM, profiles []string) (results []checkResult) {
	for _, p := range profiles {
		r := checkResult{Profile: p, Issues: sbom.Check(bom, sbom.Profile(p))}
		r.Met = sbom.Met(r.Issues)
		if sbom.Profile(p) == sbom.ProfileSBOMQS {
			rating := sbom.Score(bom)
			r.Rating = &rating
		}
		results = append(results, r)
	}
	return results
}

// Documents of more bytes than largeBOM are checked as they go by, and of their
// issues the first maxIssues are kept.
const (
	largeBOM  = 64 << 20
	maxIssues = 10_000
)

// checkLarge checks a large document; nil if the file is none.
func checkLarge(path string, profiles []string) ([]checkResult, error) {
	f, err := safefs.Open(path)
	if err != nil {
		return nil, nil // what is wrong with it is said where it is read
	}
	defer f.Close()
	first := make([]byte, 1)
	if info, err := f.Stat(); err != nil || info.Size() <= largeBOM {
		return nil, nil
	}
	if _, err := f.ReadAt(first, 0); err != nil || first[0] != '{' {
		return nil, nil
	}
	return checkStream(path, f, profiles)
}

func checkStream(path string, r io.ReadSeeker, profiles []string) (results []checkResult, err error) {
	for _, p := range profiles {
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		out := checkResult{Profile: p}
		for issue, err := range sbom.CheckStream(r, sbom.Profile(p)) {
			if err != nil {
				return nil, fmt.Errorf("%q: %w", path, err)
			}
			if out.Issues = append(out.Issues, issue); len(out.Issues) == maxIssues {
				break
			}
		}
		out.Met = sbom.Met(out.Issues) && len(out.Issues) < maxIssues
		results = append(results, out)
	}
	return results, nil
}

// checkText is what profiles miss, as a person reads it: rule by rule, with a few
// of the components, unless all are wanted.
func checkText(results []checkResult, all bool) []byte {
	const most = 3
	var b bytes.Buffer
	for i, r := range results {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s", r.Profile, map[bool]string{true: "met", false: "not met"}[r.Met])
		if r.Rating != nil {
			fmt.Fprintf(&b, ", %.1f of 10 (%s)", r.Rating.Total, r.Rating.Grade())
		}
		b.WriteByte('\n')
		var order []string
		by := map[string][]sbom.Issue{}
		advice := 0
		for _, issue := range r.Issues {
			if issue.Advice && !all {
				advice++
				continue
			}
			if by[issue.Rule] == nil {
				order = append(order, issue.Rule)
			}
			by[issue.Rule] = append(by[issue.Rule], issue)
		}
		for _, rule := range order {
			issues := by[rule]
			first := issues[0]
			kind := ""
			if first.Advice {
				kind = "advice: "
			}
			fmt.Fprintf(&b, "\n%s%s  %s\n    want %s\n", kind, strings.TrimPrefix(rule, r.Profile+"/"), first.Reference, first.Want)
			for n, issue := range issues {
				if n == most && !all && len(issues) > most+1 {
					fmt.Fprintf(&b, "    and %d more\n", len(issues)-n)
					break
				}
				at := show(issue.Component)
				if issue.Component == "" {
					at = "the document"
				}
				if issue.Pointer != "" {
					at += " (" + show(issue.Pointer) + ")"
				}
				fmt.Fprintf(&b, "    got  %s: %s\n", at, show(issue.Found))
			}
			fmt.Fprintf(&b, "    do   %s\n", first.Remedy)
		}
		if advice > 0 {
			fmt.Fprintf(&b, "\n%s, listed with --all\n", plural(advice, "piece of advice", "pieces of advice"))
		}
	}
	return b.Bytes()
}
