package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newReleaseShow() *cobra.Command {
	var o releaseBook
	var format string
	c := &cobra.Command{
		Use:   "show --ledger DIR --trust FILE [--format text|json] [RELEASE]",
		Short: "what runs where and since when; or one release",
		Long: `show says what each environment is at and since when, what runs there, what is owed and the newest
releases; or all that is known about one release. With --format json it is the product's whole state.`,
		Example: `  touchmark release show --ledger ledger --trust trust.json
  touchmark release show --ledger ledger --trust trust.json app#102`,
		Args: cobra.MaximumNArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			defer o.done()
			v, t, err := o.view(cmd.Context())
			if err != nil {
				return err
			}
			if err := o.remember(v); err != nil {
				return err
			}
			if len(args) == 1 {
				s, found, err := o.find(v, args[0])
				if err != nil {
					return err
				}
				if format == "json" {
					return emitJSON(cmd, found)
				}
				return showRelease(cmd.OutOrStdout(), s, found)
			}
			s, err := v.ReadState(o.product)
			if err != nil {
				return err
			}
			if s == nil {
				return fmt.Errorf("nothing of %s was ever released", o.product)
			}
			if format == "json" {
				return emitJSON(cmd, s)
			}
			if err := showProduct(cmd.OutOrStdout(), s, v, o.product); err != nil {
				return err
			}
			return o.showOwed(cmd, cmd.OutOrStdout(), t)
		}),
	}
	o.flags(c, "")
	o.indexFlag(c)
	formatFlag(c, &format)
	return c
}

// showProduct prints what is where.
func showProduct(out io.Writer, s *release.State, v *rollout.View, product string) error {
	fmt.Fprintf(out, "%s: %s, %s, at record %d of %s\n", s.Product, plural(len(s.Releases), "release", "releases"), plural(len(s.Tags), "tag", "tags"), s.Head.Size, date(s.Head.Time))
	w := table(out)
	for _, stage := range v.Trust().Products[product].Stages {
		at := s.Stages[stage.Name]
		if at == nil || at.Release == 0 {
			fmt.Fprintf(w, "%s\tnothing\n", show(stage.Name))
			continue
		}
		r := s.Releases[at.Release-1]
		fmt.Fprintf(w, "%s\t%s\t%s\tsince %s\n", show(stage.Name), s.Ref(r).Name, r.Version, date(s.Since(stage.Name)))
		for _, cluster := range sortedNames(at.Running) {
			d, drift := at.Running[cluster], ""
			if d.Drift {
				drift = "\tDRIFT"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s%s\n", orDash(cluster), s.Ref(s.Releases[d.Release-1]).Name, d.Result, date(d.Time), drift)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, o := range s.Debts(v.Head().Time) {
		late := ""
		if !v.Head().Time.Before(o.Due) {
			late = ", OVERDUE"
		}
		fmt.Fprintf(out, "owed: %s for the hotfix %s in %s until %s%s\n", plural(o.Missing, "approval", "approvals"), s.Ref(s.Releases[o.Release-1]).Name, show(o.Stage), date(o.Due), late)
	}
	if n := s.Voids; n > 0 {
		fmt.Fprintf(out, "void: %s about it without effect, see touchmark release log\n", plural(n, "record", "records"))
	}
	return nil
}

// showRelease prints all that is known about one.
func showRelease(out io.Writer, s *release.State, r *release.Released) error {
	fmt.Fprintf(out, "%s %s %s\n", s.Ref(r).Name, r.Version, r.ID)
	if v := s.RevokedBy(r.ID); v != nil {
		fmt.Fprintf(out, "REVOKED (%s) by %s in record %d: %s\n", v.Kind, strings.Join(v.By, ", "), v.Index, show(v.Reason))
	}
	w := table(out)
	line := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "[]" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	line("released", fmt.Sprintf("%s by %s, record %d", date(r.Time), strings.Join(r.By, ", "), r.Index))
	for _, a := range r.Subjects {
		line("artifact", digestOf(a).String()+" "+show(a.Name))
	}
	line("configuration", r.Config)
	line("commit", r.Commit)
	line("repository", r.Repository)
	line("run", r.Run)
	for _, tag := range sortedNames(s.Tags) {
		if b := s.Tags[tag]; b.Release == r.Number {
			line("tag", tag+" of "+b.Digest.String())
		}
	}
	for _, name := range sortedNames(s.Stages) {
		for _, m := range s.Stages[name].Moves {
			if m.Release == r.Number {
				how := "promoted"
				if m.Rollback {
					how = "rolled back to"
				}
				line(show(name), fmt.Sprintf("%s %s by %s, record %d%s", how, date(m.Time), strings.Join(m.By, ", "), m.Index, approvedBy(m)))
			}
		}
	}
	return w.Flush()
}

func approvedBy(m release.Move) string {
	if len(m.Approved) == 0 {
		return ""
	}
	return ", approved by " + strings.Join(m.Approved, ", ")
}
