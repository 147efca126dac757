package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A logLine is one record, as log prints it.
type logLine struct {
	Index   uint64            `json:"index"`
	Time    time.Time         `json:"time,omitzero"`
	Kind    string            `json:"kind"`
	Product string            `json:"product,omitempty"`
	ID      provenance.Digest `json:"id"`
	Void    *release.Void     `json:"void,omitempty"`
}

func newReleaseLog() *cobra.Command {
	var o releaseBook
	var format string
	c := &cobra.Command{
		Use:   "log --ledger DIR --trust FILE [--format text|json]",
		Short: "all records, in order, and what became of each",
		Long: `log lists the records of the ledger, those without effect too, and says why they have none. Every
signature is checked by the trust that was in force at the record.`,
		Example: `  touchmark release log --ledger ledger --trust trust.json`,
		Args:    exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			only := cmd.Flags().Changed("product")
			if !only {
				o.product = "-" // any
			}
			defer o.done()
			r, _, err := o.read()
			if err != nil {
				return err
			}
			lines := []logLine{}
			_, err = r.Watch(cmd.Context(), func(e release.Effect, entry rollout.Entry) {
				if only && e.Product != o.product {
					return
				}
				line := logLine{Index: e.Index, Time: entry.Time, Kind: e.Kind, Product: e.Product, Void: e.Void}
				if entry.Bundle != nil {
					line.ID = entry.Bundle.ID()
				}
				lines = append(lines, line)
			})
			if err != nil {
				return err
			}
			if format == "json" {
				return emitJSON(cmd, lines)
			}
			w := table(cmd.OutOrStdout())
			for _, l := range lines {
				what := "ok"
				if l.Void != nil && l.Void.Code == "predicate-type" {
					what = "kept, no record of a release: " + oneLine(l.Void.Message) // see touchmark release witness
				} else if l.Void != nil {
					what = "VOID " + oneLine(l.Void.Error())
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", l.Index, date(l.Time), orDash(l.Kind), orDash(l.Product), what)
			}
			return w.Flush()
		}),
	}
	o.flags(c, "")
	c.Flags().StringVar(&format, "format", "text", "print as `text|json`")
	completeWords(c, "format", "text", "json")
	return c
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return show(s)
}

func emitJSON(cmd *cobra.Command, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return emit(cmd, "", append(data, '\n'))
}

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
			r, t, err := o.read()
			if err != nil {
				return err
			}
			v, err := r.View(cmd.Context())
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
	c.Flags().StringVar(&format, "format", "text", "print as `text|json`")
	completeWords(c, "format", "text", "json")
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

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
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
			r, t, err := o.read()
			if err != nil {
				return err
			}
			if _, err := stageOf(t, o.product, environment); err != nil {
				return err
			}
			v, err := r.View(cmd.Context())
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if len(args) == 1 {
				s, found, err := o.find(v, args[0])
				if err != nil {
					return err
				}
				yes, why := mayGoBack(s, found, environment)
				fmt.Fprintf(out, "%s %s: %s\n", s.Ref(found).Name, found.Version, why)
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

// mayGoBack says whether an environment may be rolled back to a release.
func mayGoBack(s *release.State, r *release.Released, environment string) (bool, string) {
	at := s.Stages[environment]
	switch v := s.RevokedBy(r.ID); {
	case v != nil:
		return false, fmt.Sprintf("%s was taken back by %s (%s): %s", environment, strings.Join(v.By, ", "), v.Kind, v.Reason)
	case at != nil && at.Release == r.Number:
		return true, environment + " is at it, since " + date(s.Since(environment))
	case slices.Contains(s.Good(environment), r.Number):
		return true, "good in " + environment + ", and may be rolled back to"
	case at != nil && slices.ContainsFunc(at.Moves, func(m release.Move) bool { return m.Release == r.Number }):
		return false, "it was taken back in " + environment + ": it comes back by promotion alone"
	}
	return false, "it was never promoted to " + environment
}

func newReleaseFsck() *cobra.Command {
	var o releaseBook
	var repair bool
	c := &cobra.Command{
		Use:   "fsck --ledger DIR --trust FILE [--repair]",
		Short: "read everything, and say what is wrong",
		Long: `fsck reads every record, every hash and every page of times of the log, replays it by the trust in force,
reads all evidence, and wants the evidence of every release that is not retired to be there.
With --repair the store is mended as far as nothing can be lost; the log never is.`,
		Example: `  touchmark release fsck --ledger ledger --trust trust.json`,
		Args:    exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			o.product = "-"
			defer o.done()
			replay, t, err := o.read()
			if err != nil {
				return err
			}
			check, err := logOf(t.Ledger).Verifier()
			if err != nil {
				return err
			}
			dir, err := ledger.OpenDir(filepath.Join(o.dir, ledgerLog))
			if err != nil {
				return err
			}
			defer dir.Close()
			reader, err := check.Read(ctx, dir)
			if err != nil {
				return err
			}
			if err := reader.Check(ctx); err != nil {
				return err
			}
			v, err := replay.View(ctx)
			if err != nil {
				return err
			}
			evidence, err := store.Open(filepath.Join(o.dir, ledgerEvidence))
			if err != nil {
				return err
			}
			defer evidence.Close()
			problems, err := evidence.Fsck(ctx, repair)
			if err != nil {
				return err
			}
			out, wrong := cmd.OutOrStdout(), 0
			for _, p := range problems {
				wrong++
				fmt.Fprintf(out, "store: %s\n", oneLine(fmt.Sprint(p)))
			}
			for _, product := range v.Products() {
				s := v.State(product)
				for _, r := range s.Releases {
					if s.RevokedBy(r.ID) != nil {
						continue
					}
					missing, err := missingEvidence(cmd, evidence, r)
					if err != nil {
						return err
					}
					if missing > 0 {
						wrong++
						fmt.Fprintf(out, "%s: %s in the store\n", s.Ref(r).Name, plural(missing, "bundle of its evidence is not", "bundles of its evidence are not"))
					}
				}
			}
			if wrong > 0 {
				return &failure{statusFailed, fmt.Errorf("%s", plural(wrong, "thing is wrong", "things are wrong"))}
			}
			fmt.Fprintf(out, "sound: %s, %s\n", plural(int(v.Head().Size), "record", "records"), plural(len(v.Products()), "product", "products"))
			return nil
		}),
	}
	o.flags(c, "")
	c.Flags().BoolVar(&repair, "repair", false, "mend the store")
	return c
}

// missingEvidence is how many bundles that a release names are not in the store.
func missingEvidence(cmd *cobra.Command, s store.Store, r *release.Released) (int, error) {
	have := map[provenance.Digest]bool{}
	for _, a := range r.Subjects {
		bundles, err := s.Bundles(cmd.Context(), digestOf(a))
		if err != nil {
			return 0, err
		}
		for _, b := range bundles {
			have[b.ID()] = true
		}
	}
	missing := 0
	for _, id := range slices.Concat(r.Provenance, r.SBOMs) {
		if !have[id] {
			missing++
		}
	}
	return missing, nil
}
