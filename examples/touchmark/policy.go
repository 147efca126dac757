package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
	"github.com/touchmark-go/touchmark/verify/layout"
	"github.com/touchmark-go/touchmark/verify/rollout"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

func newPolicy() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy COMMAND",
		Short: "say what must be proven: learn, check, test and compare policies, and make exceptions",
		Long: `policy learns, checks and tests policies, and says what a change would do. A policy says what: who must
have signed the provenance, to which level, how and from which source the artifact must have been built,
and what else must be attested.
What it wants nothing of is written in it as "any". except writes what people sign who let one artifact
pass although it fails checks that the policy lets them waive.`,
		RunE: group("check, learn, test, diff or except"),
	}
	c.AddCommand(newPolicyCheck(), newPolicyLearn(), newPolicyTest(), newPolicyDiff(), newPolicyExcept())
	return c
}

func newPolicyCheck() *cobra.Command {
	var trustFile string
	c := &cobra.Command{
		Use:   "check [--trust FILE] POLICY…",
		Short: "say what policies want, and where they want nothing",
		Long: `check reads policies as verify does and says what they want. It warns wherever a policy wants nothing
("any") or less than it may seem to. With --trust it also checks that the trust file knows
everybody whom the policies name, and that they can be applied together.`,
		Example: `  touchmark policy check --trust trust.json policy.json`,
		Args:    atLeastOne("POLICY"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			var policies []*verify.Policy
			var b bytes.Buffer
			for i, path := range args {
				p, err := loadPolicy(path)
				if err != nil {
					return err
				}
				policies = append(policies, p)
				if i > 0 {
					b.WriteByte('\n')
				}
				tellPolicy(&b, p)
			}
			if trustFile != "" {
				t, err := loadTrust(trustFile)
				if err != nil {
					return err
				}
				if _, err := newVerifier(t, policies...); err != nil {
					return err
				}
				fmt.Fprintf(&b, "trust v%d knows everybody named here\n", t.Version)
			}
			return emit(cmd, "", b.Bytes())
		}),
	}
	c.Flags().StringVar(&trustFile, "trust", "", "check against the trust file in `FILE`, too")
	return c
}

// tellPolicy says what p wants, and warns of what it does not.
func tellPolicy(w io.Writer, p *verify.Policy) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "policy %s v%d, %s\n", show(p.Name), p.Version, p.Digest())
	if p.Package != "" {
		line("package", "%s", show(p.Package))
	}
	if p.Environment != "" {
		line("environment", "%s", show(p.Environment))
	}
	examine := string(p.Examine.Mode)
	if len(p.Examine.Facts) > 0 {
		examine += ": " + strings.Join(p.Examine.Facts, ", ")
	}
	line("examine", "%s", show(examine))
	r := p.Provenance
	line("signed by", "%s", show(r.SignedBy.String()))
	if r.Level > 0 {
		line("level", "%d or higher", r.Level)
	}
	line("build type", "%s", show(r.BuildType))
	if !r.Source.Any {
		line("source", "%s", show(r.Source.Repository))
		line("ref", "%s", show(r.Source.Ref))
	}
	for _, pointer := range slices.Sorted(maps.Keys(r.Parameters)) {
		name := show(pointer)
		if pointer == "" {
			name = "(all)"
		}
		line("parameter", "%s = %s", name, show(r.Parameters[pointer].String()))
	}
	if r.MaxAge > 0 {
		line("at most", "%s old", r.MaxAge)
	}
	for _, a := range p.Attestations {
		line("attestation", "%s signed by %s", show(a.Type), show(a.SignedBy.String()))
		for _, pointer := range slices.Sorted(maps.Keys(a.Predicate)) {
			line("", "%s = %s", show(pointer), show(a.Predicate[pointer].String()))
		}
	}
	for _, q := range p.Approvals {
		line("approval", "%s", show(q.String()))
	}
	if p.Release != nil {
		line("release", "of %s", show(p.Release.Product))
	}
	for _, warning := range p.Warnings() {
		fmt.Fprintf(w, "warning: %s\n", oneLine(warning))
	}
}

// newVerifier is a Verifier that knows everything this command knows.
func newVerifier(t *verify.Trust, policies ...*verify.Policy) (*verify.Verifier, error) {
	o, err := verifyOptionsOf(t)
	if err != nil {
		return nil, err
	}
	return o.New(t, policies...)
}

// verifyOptionsOf are what Verifiers by t are made with.
func verifyOptionsOf(t *verify.Trust) (verify.Options, error) {
	o := verify.Options{Conditions: cel.Conditions, Authenticators: []verify.Authenticator{layout.Authenticator{Trust: t}}}
	if len(t.Authorities) > 0 {
		a, err := sigstore.New(t)
		if err != nil {
			return o, err
		}
		o.Authenticators = append(o.Authenticators, a)
	}
	if t.Ledger != nil {
		times, err := rollout.NewTimes(t)
		if err != nil {
			return o, err
		}
		o.Authenticators = append(o.Authenticators, times)
	}
	return o, nil
}
