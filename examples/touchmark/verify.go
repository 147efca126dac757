package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
)

func newVerify() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify --trust FILE --policy FILE [--evidence FILE]… [--name NAME] [--environment ENV] [--ledger DIR] [--at TIME] [--format text|json] ARTIFACT|DIGEST",
		Short: "may this artifact be used? ALLOW, DENY or UNDECIDED, and why",
		Long: `verify decides whether an artifact may be used. It holds the artifact and the evidence
about it against a trust file, which says who, and a policy, which says what must be
proven. Of several policies all must allow.

The artifact is a file or a folder. A digest (sha256:…) stands for one that is not at hand;
what has to look inside it cannot be answered then. Without --evidence the evidence is
ARTIFACT.intoto.jsonl. A file that is not there is no evidence, and that denies.

The verdict goes to standard output. Exit status: 0 ALLOW, 1 DENY, 2 UNDECIDED or an
unusable trust file or policy, 64 wrong usage. Only 0 is a yes. Nothing is fetched from anywhere.`,
		Example: `  touchmark verify --trust trust.json --policy policy.json dist/app
  touchmark verify --trust trust.json --policy prod.json --environment prod --evidence app.intoto.jsonl --format json dist/app && deploy dist/app`,
		Args: exactly("ARTIFACT or DIGEST"),
		RunE: does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.trust, "trust", "", "whom to believe: a trust `FILE`, see touchmark trust init")
	f.StringArrayVar(&o.policies, "policy", nil, "what must be proven: a policy `FILE`, signed or not, see touchmark policy learn, or a folder of which the name chooses; may be repeated, and all must allow")
	f.StringArrayVar(&o.evidence, "evidence", nil, "a `FILE` of bundles, in the place of ARTIFACT.intoto.jsonl; may be repeated")
	f.StringArrayVar(&o.layouts, "layout", nil, "an in-toto layout, a `FILE` beside its links, as evidence that its steps were done as it says; may be repeated")
	f.StringVar(&o.name, "name", "", "the `NAME` that it was asked for by (pkg:generic/app@1.4.0); wanted exactly if the policy is for a package")
	f.StringVar(&o.environment, "environment", "", "where it is to run, `ENV`; wanted exactly if the policy is for an environment")
	f.StringVar(&o.ledger, "ledger", "", "what is released and promoted: a ledger, a `DIR`; wanted exactly if the policy asks one, see touchmark release")
	f.StringVar(&o.at, "at", "", "judge as of `TIME` (2026-11-21T03:07:00Z); else now")
	f.StringVar(&o.format, "format", "text", "print the verdict as `text|json`")
	must(c.MarkFlagRequired("trust"))
	must(c.MarkFlagRequired("policy"))
	completeWords(c, "format", "text", "json")
	return c
}

type verifyOptions struct {
	trust, name, environment, ledger, at, format string
	policies, evidence, layouts                  []string
}

func (o *verifyOptions) run(cmd *cobra.Command, args []string) error {
	if o.format != "text" && o.format != "json" {
		return usagef("--format: %q: want text or json", o.format)
	}
	request := verify.Request{Name: o.name, Environment: o.environment}
	if o.at != "" {
		at, err := instant("at", o.at)
		if err != nil {
			return err
		}
		request.At = at
	}
	trust, err := loadTrust(o.trust)
	if err != nil {
		return err
	}
	policies, err := o.load(cmd.Context(), trust)
	if err != nil {
		return err
	}
	v, err := newVerifier(trust, policies...)
	if err != nil {
		return err
	}
	var isDigest bool
	request.Artifact, isDigest = artifact(args[0])
	files := o.evidence
	if len(files) == 0 && !isDigest {
		files = []string{beside(args[0], "", evidenceSuffix)}
	}
	if request.Evidence, err = o.read(cmd, files); err != nil {
		return err
	}
	for _, path := range o.layouts {
		b, err := readLayout(path)
		if err != nil {
			return err
		}
		request.Evidence = append(request.Evidence, b)
	}
	if o.ledger != "" {
		book := releaseBook{dir: o.ledger, trust: o.trust, product: "-"} // a policy names its own
		defer book.done()
		replay, _, err := book.read()
		if err != nil {
			return err
		}
		view, err := replay.View(cmd.Context())
		if err != nil {
			return err
		}
		request.Release = view
	}
	verdict, err := v.Verify(cmd.Context(), request)
	if err := o.print(cmd, verdict); err != nil {
		return err
	}
	if now := time.Now(); !request.At.IsZero() && request.At.Before(now) {
		request.At = now
		today, _ := v.Verify(cmd.Context(), request) // what was asked is answered: this only tells
		tellToday(cmd, verdict, today)
	}
	return verdictStatus(err)
}

// tellToday says what has changed since the instant that was asked about.
func tellToday(cmd *cobra.Command, then, today *verify.Verdict) {
	if then.Decision == today.Decision {
		return
	}
	because := ""
	if failed := today.Failed(); len(failed) > 0 {
		because = fmt.Sprintf(", because %s: %s: %s", failed[0].Code, failed[0].Message, show(failed[0].Got))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: %s as of %s, but %s today%s\n", then.Decision, date(then.At), today.Decision, because)
}

// readLayout makes evidence of a layout and the links beside it. What does not
// hold is evidence that cannot be read, and the verdict says why.
func readLayout(path string) (*sign.Bundle, error) {
	chain, err := layout.Load(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("layout %q: %w", path, err)
	}
	b, err := chain.Bundle()
	if err != nil {
		b = &sign.Bundle{Err: err}
	}
	b.Origin = filepath.Base(path)
	return b, nil
}

// artifact is the file of that name, or the digest if it is one and no such
// file is there.
func artifact(arg string) (a verify.Artifact, isDigest bool) {
	if d, err := provenance.ParseDigest(arg); err == nil {
		// Some systems have no file names with a colon, and say so in their own way.
		if _, err := os.Lstat(arg); err != nil {
			return verify.Digest(d), true
		}
	}
	return verify.File(arg), false
}

// read reads the evidence and says which files are not there: that the verdict
// then knows of no evidence must not surprise.
func (o *verifyOptions) read(cmd *cobra.Command, files []string) ([]*sign.Bundle, error) {
	var all []*sign.Bundle
	for _, path := range files {
		bundles, there, err := readEvidence(path)
		if err != nil {
			return nil, err
		}
		if !there {
			fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: there is no file %q, so nothing is proven by it (name evidence with --evidence)\n", path)
		}
		all = append(all, bundles...)
	}
	if len(files) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "touchmark: no evidence: beside a digest there is none, name it with --evidence")
	}
	return all, nil
}

func (o *verifyOptions) print(cmd *cobra.Command, verdict *verify.Verdict) error {
	if o.format == "text" {
		return emit(cmd, "", []byte(verdict.String()))
	}
	data, err := json.MarshalIndent(verdict, "", "  ")
	if err != nil {
		return err
	}
	return emit(cmd, "", append(data, '\n'))
}

// verdictStatus turns the error of a verdict, which has been printed, into a status.
func verdictStatus(err error) error {
	var no *verify.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no) && no.Verdict.Decision == verify.Deny:
		return &failure{status: statusDenied}
	case errors.As(err, &no):
		return &failure{status: statusFailed}
	}
	return err
}

// load reads the policies, or chooses them from a folder by what was asked for.
func (o *verifyOptions) load(ctx context.Context, t *verify.Trust) ([]*verify.Policy, error) {
	var policies []*verify.Policy
	for _, path := range o.policies {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			root, err := os.OpenRoot(path)
			if err != nil {
				return nil, fmt.Errorf("policies %q: %w", path, cause(err))
			}
			set, err := verify.PolicyReader{Trust: t}.ReadDir(ctx, root.FS())
			root.Close()
			if err != nil {
				return nil, fmt.Errorf("policies %q: %w", path, err)
			}
			chosen, err := set.For(o.name, o.environment)
			if err != nil {
				return nil, fmt.Errorf("policies %q: %w", path, err)
			}
			policies = append(policies, chosen...)
			continue
		}
		p, err := loadSigned(ctx, t, path)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	return policies, nil
}

// loadPolicies reads a trust file and policies, signed or not.
func loadPolicies(ctx context.Context, trustFile string, paths []string) (*verify.Trust, []*verify.Policy, error) {
	t, err := loadTrust(trustFile)
	if err != nil {
		return nil, nil, err
	}
	var policies []*verify.Policy
	for _, path := range paths {
		p, err := loadSigned(ctx, t, path)
		if err != nil {
			return nil, nil, err
		}
		policies = append(policies, p)
	}
	return t, policies, nil
}

// loadSigned reads a policy, or one that those whom t names have signed.
func loadSigned(ctx context.Context, t *verify.Trust, path string) (*verify.Policy, error) {
	data, err := readFile("policy", path, maxConfig)
	if err != nil {
		return nil, err
	}
	if schemaOf(data) != "" {
		return loadPolicy(path)
	}
	p, err := verify.PolicyReader{Trust: t}.ReadFile(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return p, nil
}

func loadTrust(path string) (*verify.Trust, error) {
	data, err := readFile("trust file", path, maxConfig)
	if err != nil {
		return nil, err
	}
	t, err := verify.ParseTrust(data)
	if err != nil && schemaOf(data) == verify.PolicySchema {
		return nil, fmt.Errorf("trust-invalid: %q is a policy, want a trust file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return t, nil
}

func loadPolicy(path string) (*verify.Policy, error) {
	data, err := readFile("policy", path, maxConfig)
	if err != nil {
		return nil, err
	}
	p, err := verify.ParsePolicy(data)
	if err != nil && schemaOf(data) == verify.TrustSchema {
		return nil, fmt.Errorf("policy-invalid: %q is a trust file, want a policy", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return p, nil
}

// schemaOf is what a configuration file says it is, to tell two that were mixed up.
func schemaOf(data []byte) string {
	var in struct {
		Schema string `json:"schema"`
	}
	if json.Unmarshal(data, &in) != nil {
		return ""
	}
	return in.Schema
}

// date is a time as a person reads it.
func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
