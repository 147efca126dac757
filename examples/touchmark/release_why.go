package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newReleaseWhy() *cobra.Command {
	var o releaseBook
	var environment string
	c := &cobra.Command{
		Use:   "why --ledger DIR --trust FILE --environment ENV [RELEASE]",
		Short: "may this environment go to that release, or back to it, and why not",
		Long: `why says how an environment came to what it is at, and what it can be rolled back to; or of one release,
why it may or may not be rolled back to there. Exit status: 0 it may, 1 it may not.`,
		Example: `  touchmark release why --ledger ledger --trust trust.json --environment prod
  touchmark release why --ledger ledger --trust trust.json --environment prod sha256:…`,
		Args: cobra.MaximumNArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			v, t, err := o.view(cmd.Context())
			if err != nil {
				return err
			}
			if _, err := stageOf(t, o.product, environment); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if len(args) == 1 {
				s, found, err := o.find(v, args[0])
				if err != nil {
					return err
				}
				yes, why, err := v.MayGoBack(o.product, environment, args[0])
				if err != nil {
					return err
				}
				if yes && s.Stages[environment].Release == found.Number {
					why += ", since " + date(s.Since(environment))
				}
				fmt.Fprintf(out, "%s %s: %s\n", s.Ref(found).Name, found.Version, oneLine(why))
				if !yes {
					return &failure{status: statusDenied}
				}
				return nil
			}
			s, err := v.ReadState(o.product)
			if err != nil {
				return err
			}
			if s == nil || s.Stages[environment] == nil {
				fmt.Fprintf(out, "%s is at nothing\n", show(environment))
				return nil
			}
			for _, m := range s.Stages[environment].Moves {
				how := "promoted"
				switch {
				case m.Rollback:
					how = "rolled back"
				case m.Hotfix:
					how = "hotfix"
				}
				rel := s.Releases[m.Release-1]
				fmt.Fprintf(out, "%s %s to %s %s by %s, record %d%s%s\n", date(m.Time), how, s.Ref(rel).Name, rel.Version, strings.Join(m.By, ", "), m.Index, approvedBy(m), because(m.Reason))
			}
			for _, n := range s.Good(environment) {
				rel := s.Releases[n-1]
				fmt.Fprintf(out, "good: %s %s\n", s.Ref(rel).Name, rel.Version)
			}
			return nil
		}),
	}
	o.flags(c, "")
	o.indexFlag(c)
	c.Flags().StringVar(&environment, "environment", "", "which, `ENV`")
	must(c.MarkFlagRequired("environment"))
	return c
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + show(reason)
}
