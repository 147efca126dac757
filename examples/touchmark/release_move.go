package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/release"
)

func newReleaseRollback() *cobra.Command {
	var o releaseBook
	var environment, reason, knownGood, to string
	c := &cobra.Command{
		Use:   "rollback (--ledger DIR | --known-good FILE [--to DIR]) --trust FILE --key FILE --environment ENV --reason TEXT RELEASE",
		Short: "move an environment back to a release that was good there",
		Long: `rollback moves an environment back to a release that was promoted there, was not taken back itself, and
is not revoked. No policy is asked: the verdict that let it in counts, so that enforcement never
stands in the way. touchmark release why says what can be rolled back to.

While the ledger is down, --known-good names the file that touchmark release known-good wrote. What is
to run is printed, and with --to what touchmark release install put into DIR is switched; the signed
record is kept beside the trust file, and owed until touchmark release settle has appended it.`,
		Example: `  touchmark release rollback --ledger ledger --trust trust.json --key oncall.key --environment prod --reason 'error rate' app#101
  touchmark release rollback --known-good prod.known-good --trust trust.json --key oncall.key --environment prod --reason 'error rate' --to /opt/app app#101`,
		Args: exactly("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if (o.dir == "") == (knownGood == "") || to != "" && knownGood == "" {
				return usagef("want one of --ledger and --known-good, and --to only with the latter")
			}
			if knownGood != "" {
				return o.backWithout(cmd, knownGood, environment, reason, to, args[0])
			}
			defer o.done()
			book, s, r, err := o.change(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := book.Rollback(cmd.Context(), release.Rollback{Product: o.product, Environment: environment, Release: r.ID, Reason: reason}); err != nil {
				return releaseStatus(cmd, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is back at %s %s, with configuration %s\n", show(environment), s.Ref(r).Name, r.Version, r.Config)
			for _, a := range r.Subjects {
				fmt.Fprintf(cmd.OutOrStdout(), "  %s %s\n", digestOf(a), show(a.Name))
			}
			return nil
		}),
	}
	o.flagsButLedger(c, "the rollback")
	f := c.Flags()
	f.StringVar(&knownGood, "known-good", "", "while the ledger is down: a `FILE` of touchmark release known-good")
	f.StringVar(&to, "to", "", "switch what is installed in `DIR`")
	f.StringVar(&environment, "environment", "", "what moves, `ENV`")
	f.StringVar(&reason, "reason", "", "why, in your own words: `TEXT`")
	must(c.MarkFlagRequired("environment"))
	must(c.MarkFlagRequired("reason"))
	return c
}

func newReleaseDeploy() *cobra.Command {
	var o releaseBook
	d := release.Deployment{}
	var result, config string
	c := &cobra.Command{
		Use:   "deploy --ledger DIR --trust FILE --key FILE --environment ENV [--cluster NAME] [--result RESULT] [--reference REF] [--config PATH] RELEASE",
		Short: "record what was put into an environment",
		Long: `deploy records what runs, or did not come to run. It moves nothing: what is not what the environment is
at, or runs with another configuration than the frozen one, is reported as drift.`,
		Example: `  touchmark release deploy --ledger ledger --trust trust.json --key deployer.key --environment prod --cluster fra1 app#102`,
		Args:    exactly("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			book, s, r, err := o.change(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			d.Product, d.Release, d.Result = o.product, r.ID, release.Result(result)
			if config != "" {
				c, err := subjectOf(cmd.Context(), config)
				if err != nil {
					return err
				}
				d.Config = digestOf(c)
			}
			if err := book.Deploy(cmd.Context(), d); err != nil {
				return releaseStatus(cmd, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "recorded: %s in %s: %s\n", s.Ref(r).Name, show(strings.TrimSuffix(d.Environment+"/"+d.Cluster, "/")), d.Result)
			return nil
		}),
	}
	o.flags(c, "the record")
	f := c.Flags()
	f.StringVar(&d.Environment, "environment", "", "where, `ENV`")
	f.StringVar(&d.Cluster, "cluster", "", "which of several places of it, `NAME`")
	f.StringVar(&result, "result", "running", "what came of it, `running|removed|pull-failed|missing|verify-failed|failed`")
	f.StringVar(&d.Reference, "reference", "", "what it was asked for by, `REF` (registry.example/app@sha256:…)")
	f.StringVar(&d.Run, "run", "", "the job that did it, a `URL` or id")
	f.StringVar(&config, "config", "", "the configuration that it runs with, a file or folder at `PATH`; else the frozen one")
	must(c.MarkFlagRequired("environment"))
	completeWords(c, "result", "running", "removed", "pull-failed", "missing", "verify-failed", "failed")
	return c
}
