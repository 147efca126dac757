package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/learn"
)

// casesSchema is the schema member of a file of cases.
const casesSchema = "https://github.com/touchmark-go/touchmark/cases/v1"

// casesFile is a file of cases. Paths in it are from its folder.
type casesFile struct {
	Schema string     `json:"schema"`
	Cases  []caseFile `json:"cases"`
}

type caseFile struct {
	Name        string        `json:"name"`
	Artifact    string        `json:"artifact"`           // a file, a folder or a digest
	Evidence    []string      `json:"evidence,omitempty"` // files; else ARTIFACT.intoto.jsonl
	AskedFor    string        `json:"askedFor,omitempty"` // as verify --name
	Environment string        `json:"environment,omitempty"`
	At          time.Time     `json:"at,omitzero"`
	Want        string        `json:"want"`            // allow, deny or undecided
	Codes       []verify.Code `json:"codes,omitempty"` // of all checks that must fail
}

// loadCases reads a file of cases with its artifacts and evidence.
func loadCases(path string) ([]learn.Case, error) {
	data, err := readFile("cases", path, maxConfig)
	if err != nil {
		return nil, err
	}
	var in casesFile
	if err := strictjson.UnmarshalClosed(data, &in); err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	if in.Schema != casesSchema || len(in.Cases) == 0 {
		return nil, fmt.Errorf("%q: want the schema %q and cases", path, casesSchema)
	}
	var cases []learn.Case
	for i, c := range in.Cases {
		if c.Name == "" {
			return nil, fmt.Errorf("%q: /cases/%d has no name", path, i)
		}
		out := learn.Case{Name: c.Name, Codes: c.Codes, Request: verify.Request{Name: c.AskedFor, Environment: c.Environment, At: c.At}}
		switch c.Want {
		case "allow":
			out.Want = verify.Allow
		case "deny":
			out.Want = verify.Deny
		case "undecided":
		default:
			return nil, fmt.Errorf("%q: case %q wants %q: want allow, deny or undecided", path, c.Name, c.Want)
		}
		if out.Want == verify.Allow && len(c.Codes) > 0 {
			return nil, fmt.Errorf("%q: case %q wants allow and checks that fail", path, c.Name)
		}
		from := func(name string) string { return filepath.Join(filepath.Dir(path), filepath.FromSlash(name)) }
		var isDigest bool
		if out.Request.Artifact, isDigest = artifact(c.Artifact); !isDigest {
			out.Request.Artifact = verify.File(from(c.Artifact))
		}
		files := c.Evidence
		if files == nil && !isDigest {
			files = []string{c.Artifact + evidenceSuffix}
		}
		for _, name := range files {
			bundles, there, err := readEvidence(from(name))
			if err != nil {
				return nil, err
			}
			if !there && c.Evidence != nil {
				return nil, fmt.Errorf("case %q: there is no file %q", c.Name, from(name))
			}
			out.Request.Evidence = append(out.Request.Evidence, bundles...)
		}
		cases = append(cases, out)
	}
	return cases, nil
}

func newPolicyTest() *cobra.Command {
	var trustFile string
	var policyFiles []string
	var mutate bool
	c := &cobra.Command{
		Use:   "test --trust FILE --policy FILE… [--mutate] CASES",
		Short: "run cases against policies, and find rules that no case would miss",
		Long: `test asks what the file of cases asks and compares the answers. Each case names an artifact, its
evidence (else ARTIFACT.intoto.jsonl), how it was asked for, and what is wanted: allow, deny or
undecided, and for the latter two the codes of all checks that must fail.

  { "schema": "` + casesSchema + `", "cases": [
    { "name": "the release", "artifact": "v1.0.0/app", "at": "2026-11-21T03:07:00Z", "want": "allow" },
    { "name": "from a branch", "artifact": "main/app", "want": "deny", "codes": ["ref"] } ] }

With --mutate each rule of the policy is then made to want nothing, one after the other, and some
case must notice. A rule that none notices is not tested. Exit status 1 if a case or a rule fails.`,
		Example: `  touchmark policy test --trust trust.json --policy policy.json --mutate cases.json`,
		Args:    exactly("CASES"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			t, policies, err := loadPolicies(cmd.Context(), trustFile, policyFiles)
			if err != nil {
				return err
			}
			cases, err := loadCases(args[0])
			if err != nil {
				return err
			}
			known, err := verifyOptionsOf(t)
			if err != nil {
				return err
			}
			o := learn.Options{Verify: known}
			results, err := o.Test(cmd.Context(), t, policies, cases...)
			if err != nil {
				return err
			}
			var b strings.Builder
			bad := 0
			for _, r := range results {
				if r.Wrong == "" {
					continue
				}
				bad++
				fmt.Fprintf(&b, "FAIL %s: %s\n%s", show(r.Case), show(r.Wrong), indent(r.Verdict.String()))
			}
			fmt.Fprintf(&b, "%d of %s as wanted\n", len(results)-bad, plural(len(results), "case", "cases"))
			if mutate && bad == 0 {
				if len(policies) != 1 {
					return usagef("--mutate: name one policy: each has cases of its own")
				}
				missed, of, err := o.Mutate(cmd.Context(), t, policies[0], cases...)
				if err != nil {
					return err
				}
				for _, m := range missed {
					fmt.Fprintf(&b, "UNTESTED %s (%s): no case notices\n", show(m.Rule), show(m.What))
				}
				fmt.Fprintf(&b, "%d of %s noticed\n", of-len(missed), plural(of, "change", "changes"))
				bad = len(missed)
			}
			if err := emit(cmd, "", []byte(b.String())); err != nil {
				return err
			}
			if bad > 0 {
				return &failure{status: statusDenied}
			}
			return nil
		}),
	}
	f := c.Flags()
	f.StringVar(&trustFile, "trust", "", "whom to believe: a trust `FILE`")
	f.StringArrayVar(&policyFiles, "policy", nil, "a policy `FILE`; may be repeated, and all must allow")
	f.BoolVar(&mutate, "mutate", false, "find rules that no case would miss")
	must(c.MarkFlagRequired("trust"))
	must(c.MarkFlagRequired("policy"))
	return c
}

func newPolicyDiff() *cobra.Command {
	var trustFile, casesPath, format string
	c := &cobra.Command{
		Use:   "diff --trust FILE --live CASES [--format text|json] OLD NEW",
		Short: "say what a change of a policy would newly deny or allow",
		Long: `diff asks OLD and NEW, each a policy, about everything in the file of cases that --live names, whose
form touchmark policy test says: what runs today, with its evidence. What is wanted there does not
matter. Exit status 1 if something would newly be denied or undecided.`,
		Example: `  touchmark policy diff --trust trust.json --live running.json policy.json next.json`,
		Args:    exactly("OLD", "NEW"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			t, policies, err := loadPolicies(cmd.Context(), trustFile, args)
			if err != nil {
				return err
			}
			cases, err := loadCases(casesPath)
			if err != nil {
				return err
			}
			var live []learn.Live
			for _, c := range cases {
				live = append(live, learn.Live{Name: c.Name, Request: c.Request})
			}
			known, err := verifyOptionsOf(t)
			if err != nil {
				return err
			}
			o := learn.Options{Verify: known}
			changes, err := o.Diff(cmd.Context(), t, policies[:1], policies[1:], live...)
			if err != nil {
				return err
			}
			worse := 0
			var b strings.Builder
			for _, c := range changes {
				if c.Old.Decision == verify.Allow {
					worse++
				}
				fmt.Fprintf(&b, "%s: %s, was %s\n", show(c.Name), c.New.Decision, c.Old.Decision)
				for _, f := range c.New.Failed() {
					fmt.Fprintf(&b, "  %s  %s (%s)\n", f.Code, show(f.Message), show(f.Rule))
				}
				if c.Reapprove {
					fmt.Fprintln(&b, "  it only has to be approved again, under the new policy")
				}
			}
			fmt.Fprintf(&b, "%d of %s changes\n", len(changes), plural(len(live), "case", "cases"))
			data := []byte(b.String())
			if format == "json" {
				if changes == nil {
					changes = []learn.Change{}
				}
				if data, err = json.MarshalIndent(changes, "", "  "); err != nil {
					return err
				}
				data = append(data, '\n')
			}
			if err := emit(cmd, "", data); err != nil {
				return err
			}
			if worse > 0 {
				return &failure{status: statusDenied}
			}
			return nil
		}),
	}
	f := c.Flags()
	f.StringVar(&trustFile, "trust", "", "whom to believe: a trust `FILE`")
	f.StringVar(&casesPath, "live", "", "a `FILE` of cases: what runs")
	f.StringVar(&format, "format", "text", "print the changes as `text|json`")
	must(c.MarkFlagRequired("trust"))
	must(c.MarkFlagRequired("live"))
	return c
}

// indent moves text to the right.
func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ") + "\n"
}
