package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/learn"
)

func newPolicyLearn() *cobra.Command {
	var o learnOptions
	c := &cobra.Command{
		Use:   "learn --trust FILE [--name NAME] [--at TIME] [--out FILE] ARTIFACT…",
		Short: "write the tightest policy that these artifacts' evidence meets",
		Long: `learn reads ARTIFACT.intoto.jsonl of each artifact, believes what the trust file's principals signed,
and writes the tightest policy that all of them meet: exact where they agree, a list or a pattern where
they differ. It verifies every artifact by that policy before it writes.

It learns from what you show it, so show it releases that you know to be good; several of them
tell it what may change from one to the next. This is trust on first use: what it learned from how
many, what stays exact and what it made wider goes to standard error with --explain. Read the policy
before you use it.`,
		Example: `  touchmark policy learn --trust trust.json --out policy.json v1.0.0/app v1.1.0/app
  touchmark policy check --trust trust.json policy.json`,
		Args: atLeastOne("ARTIFACT"),
		RunE: does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.trust, "trust", "", "whom to believe: a trust `FILE`")
	f.StringVar(&o.name, "name", "", "`NAME` of the policy; else that of the first artifact")
	f.StringVar(&o.at, "at", "", "judge as of `TIME` (2026-11-21T03:07:00Z); else now")
	outFlag(c, &o.out)
	f.BoolVar(&o.explain, "explain", false, "say what each rule was learned from")
	must(c.MarkFlagRequired("trust"))
	return c
}

type learnOptions struct {
	trust, name, at, out string
	explain              bool
}

func (o *learnOptions) run(cmd *cobra.Command, args []string) error {
	ctx, options := cmd.Context(), learn.Options{At: time.Now()}
	if o.at != "" {
		var err error
		if options.At, err = instant("at", o.at); err != nil {
			return err
		}
	}
	t, err := loadTrust(o.trust)
	if err != nil {
		return err
	}
	if options.Verify, err = verifyOptionsOf(t); err != nil {
		return err
	}
	var releases []learn.Release
	for _, path := range args {
		subject, err := subjectOf(ctx, path, provenance.SHA256, provenance.SHA384, provenance.SHA512)
		if err != nil {
			return err
		}
		file := beside(path, "", evidenceSuffix)
		evidence, there, err := readEvidence(file)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("nothing to learn from %q: there is no file %q", path, file)
		}
		releases = append(releases, learn.Release{Name: path, Artifact: verify.File(path), Digests: subject.Digest, Evidence: evidence})
	}
	name := o.name
	if name == "" {
		name = policyName(args[0])
	}
	learned, err := options.Policy(ctx, t, name, releases...)
	if err != nil {
		return err
	}
	if err := emit(cmd, o.out, learned.Policy.Marshal()); err != nil {
		return err
	}
	if o.explain {
		fmt.Fprintf(cmd.ErrOrStderr(), "learned from %s: %s\n", plural(len(learned.From), "release", "releases"), showAll(learned.From))
		for _, l := range learned.Lessons {
			fmt.Fprintf(cmd.ErrOrStderr(), "  %-8s %s: %s\n", l.Width, show(l.Rule), showAll(l.Seen))
		}
	}
	for _, w := range learned.Policy.Warnings() {
		fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: %s\n", oneLine(w))
	}
	return nil
}

// policyName makes a name of an artifact's.
func policyName(path string) string {
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9._@+-]+`).ReplaceAllString(filepath.Base(filepath.Clean(path)), "-"), "-._@+")
	if name == "" || name == "any" {
		return "learned"
	}
	return name[:min(len(name), 128)]
}
