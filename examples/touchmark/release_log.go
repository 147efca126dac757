package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
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
	formatFlag(c, &format)
	return c
}
