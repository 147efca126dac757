package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A keeping is what commands about a ledger's store have in common: what is in it, and what ought to be.
type keeping struct {
	book      releaseBook
	dir       string // of the store; the ledger's own if it is empty
	other     place
	store     *store.Folder
	inventory *rollout.Inventory
}

// open reads the ledger and opens its store.
func (o *keeping) open(ctx context.Context) error {
	t, err := o.book.loadTrust()
	if err != nil {
		return err
	}
	r, err := o.book.reader(ctx, t)
	if err != nil {
		return err
	}
	if o.inventory, err = o.book.survey(ctx, t, r); err != nil {
		return err
	}
	dir := o.dir
	if dir == "" {
		dir = filepath.Join(o.book.dir, ledgerEvidence)
	}
	if o.store, err = store.Open(dir); err != nil {
		return err
	}
	o.book.close = append(o.book.close, o.store.Close)
	return nil
}

// carry copies what the ledger names, or what these releases name, and passes over what was erased and what the
// source does not have: missing says how many files that are.
func (o *keeping) carry(cmd *cobra.Command, to, from store.Store, releases map[string]bool) (missing int, err error) {
	ctx := cmd.Context()
	erased := o.inventory.Tombstones()
	var options store.CopyOptions
	for _, item := range o.inventory.Items {
		if releases != nil && !anyOf(releases, item.Releases) || erased[item.Digest] != nil {
			continue
		}
		if item.Kind == rollout.ItemArtifact {
			options.Subjects = append(options.Subjects, item.Digest)
		}
		blobs, err := item.Blobs(ctx, from)
		if errors.Is(err, store.ErrNotFound) {
			missing++
			continue
		}
		if err != nil {
			return missing, err
		}
		for _, d := range blobs {
			if erased[d] != nil {
				continue
			}
			r, err := from.Blob(ctx, d)
			if errors.Is(err, store.ErrNotFound) {
				missing++
				continue
			}
			if err != nil {
				return missing, err
			}
			r.Close() // Copy reads it
			options.Blobs = append(options.Blobs, d)
		}
	}
	done := store.Progress{}
	if len(options.Subjects)+len(options.Blobs) > 0 { // without any name Copy takes everything
		done, err = options.Copy(ctx, to, without{from, erased})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s about %s, %s\n", plural(done.Bundles, "bundle", "bundles"), plural(done.Subjects, "artifact", "artifacts"), plural(done.Blobs, "file", "files"))
	return missing, err
}

func anyOf(set map[string]bool, names []string) bool {
	for _, name := range names {
		if set[name] {
			return true
		}
	}
	return false
}

func newReleaseArchive() *cobra.Command {
	var o keeping
	c := &cobra.Command{
		Use:   "archive --ledger DIR --trust FILE --to PLACE",
		Short: "carry evidence and configurations of all releases to another store",
		Long: `archive copies what the ledger names and its store has, the evidence about every artifact and the
frozen configurations, notes and change logs, to another store. What is there already is left as it is, so
it may run every night, and what was interrupted goes on. What was erased is not carried.

touchmark release gc --archive PLACE lets go of nothing that is not there, whole; touchmark release
restore brings it back.`,
		Example: `  touchmark release archive --ledger ledger --trust trust.json --to /media/archive/app`,
		Args:    exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.book.done()
			if err := o.open(cmd.Context()); err != nil {
				return err
			}
			return o.other.with(true, func(to store.Store) error {
				missing, err := o.carry(cmd, to, o.store, nil)
				if missing > 0 { // of releases from before content was kept, or what gc let go of
					fmt.Fprintf(cmd.OutOrStdout(), "%s that the ledger names: not in its store\n", plural(missing, "file", "files"))
				}
				return err
			})
		}),
	}
	o.book.flags(c, "")
	o.other.flag(c, "to", "carry to")
	o.other.plainFlag(c.Flags())
	return c
}

func newReleaseRestore() *cobra.Command {
	var o keeping
	c := &cobra.Command{
		Use:   "restore --ledger DIR --trust FILE --from PLACE RELEASE…",
		Short: "bring evidence and configurations of releases back from an archive",
		Long: `restore copies the evidence about the artifacts of each RELEASE, its configuration, notes and change log
from an archive into the ledger's store, each checked against the digest that the ledger has. What was
erased stays away.`,
		Example: `  touchmark release restore --ledger ledger --trust trust.json --from /media/archive/app app#102`,
		Args:    atLeastOne("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.book.done()
			if err := o.open(cmd.Context()); err != nil {
				return err
			}
			replay, _, err := o.book.read()
			if err != nil {
				return err
			}
			v, err := replay.View(cmd.Context())
			if err != nil {
				return err
			}
			wanted := map[string]bool{}
			for _, name := range args {
				s, r, err := o.book.find(v, name)
				if err != nil {
					return err
				}
				wanted[s.Ref(r).Name] = true
			}
			return o.other.with(false, func(from store.Store) error {
				missing, err := o.carry(cmd, o.store, from, wanted)
				if err == nil && missing > 0 {
					err = fmt.Errorf("%s of %s: not in %q", plural(missing, "file", "files"), strings.Join(args, ", "), o.other.name)
				}
				return err
			})
		}),
	}
	o.book.flags(c, "")
	o.other.flag(c, "from", "bring back from")
	o.other.plainFlag(c.Flags())
	return c
}

// A releaseGC lets go of what no release needs.
type releaseGC struct {
	keeping
	keep, format string
	last         int
	del          bool
}

func newReleaseGC() *cobra.Command {
	var o releaseGC
	c := &cobra.Command{
		Use:   "gc --ledger DIR --trust FILE [--store DIR] [--keep DAYS] [--keep-last N] [--archive PLACE] [--delete]",
		Short: "let go of configurations that no release needs any more",
		Long: `gc lists the configurations, notes and change logs that the ledger's store may let go of; --delete does it.

Only that goes which every release that names it has been retired or revoked for as long as --keep says,
and no environment runs or may go back to; and what two people erased, at once. What the ledger does not
name is left alone, and so is what was put within the last day. Evidence and the ledger are kept for good.

With --archive nothing goes that is not in the archive, read whole and found to be right.`,
		Example: `  touchmark release gc --ledger ledger --trust trust.json
  touchmark release gc --ledger ledger --trust trust.json --keep 365d --archive /media/archive/app --delete`,
		Args: exactly(),
		RunE: does(o.run),
	}
	o.book.flags(c, "")
	f := c.Flags()
	f.StringVar(&o.keep, "keep", "90d", "how long something is kept after the last release that names it was taken back, `DAYS` (90d)")
	f.StringVar(&o.dir, "store", "", "the store in `DIR`, in the place of the ledger's own: an archive that has to forget what was erased")
	f.IntVar(&o.last, "keep-last", 0, "keep what the newest `N` releases name, whatever became of them")
	f.StringVar(&o.other.name, "archive", "", "let go of nothing that this `PLACE` does not have")
	o.other.plainFlag(f)
	f.BoolVar(&o.del, "delete", false, "delete what is listed, for good")
	f.StringVar(&o.format, "format", "text", "print as `text|json`")
	completeWords(c, "format", "text", "json")
	return c
}

// A disposalRow is a row of gc's answer.
type disposalRow struct {
	Digest   provenance.Digest `json:"digest"`
	Releases []string          `json:"releases"`
	Since    time.Time         `json:"since,omitzero"`
	Erased   string            `json:"erased,omitempty"` // why
	State    string            `json:"state"`            // may go, gone, stays
	Why      string            `json:"why,omitempty"`    // it stays
}

func (o *releaseGC) run(cmd *cobra.Command, args []string) error {
	if err := textOrJSON(o.format); err != nil {
		return err
	}
	now := time.Now()
	end, err := until("keep", o.keep, now)
	if err != nil || !strings.HasSuffix(o.keep, "d") {
		return usagef("--keep: %q: want a number of days like 90d", o.keep)
	}
	retention := rollout.Retention{Grace: end.Sub(now.UTC().Truncate(time.Second)), Last: o.last}
	switch {
	case retention.Grace < rollout.MaxKnownGood:
		return usagef("--keep: %q: want at least %dd: known-good files name content for that long", o.keep, rollout.MaxKnownGood/(24*time.Hour))
	case o.last < 0:
		return usagef("--keep-last: %d: want none or more", o.last)
	}
	ctx := cmd.Context()
	defer o.book.done()
	if err := o.open(ctx); err != nil {
		return err
	}
	sweep := rollout.Sweep{Inventory: o.inventory, Store: o.store, Now: now, Retention: retention}
	if o.other.name != "" {
		archive, done, err := o.other.open(false)
		if err != nil {
			return err
		}
		defer done()
		sweep.Archive = archive
	}
	plan, err := sweep.Plan(ctx)
	if err != nil {
		return err
	}
	rows := make([]disposalRow, 0, len(plan))
	row := func(d rollout.Disposal, state string, why error) {
		r := disposalRow{Digest: d.Digest, Releases: d.Releases, Since: d.Since, State: state}
		if d.Erased != nil {
			r.Erased = d.Erased.Reason
		}
		if why != nil {
			r.State, r.Why = "stays", why.Error()
		}
		rows = append(rows, r)
	}
	if o.del {
		err = sweep.Run(ctx, plan, func(d rollout.Disposal, why error) { row(d, "gone", why) })
	} else {
		for _, d := range plan {
			row(d, "may go", nil)
		}
	}
	if o.format == "json" {
		return errors.Join(err, emitJSON(cmd, rows))
	}
	return errors.Join(err, o.print(cmd, rows))
}

func (o *releaseGC) print(cmd *cobra.Command, rows []disposalRow) error {
	out := cmd.OutOrStdout()
	w := table(out)
	for _, r := range rows {
		why := "taken back " + date(r.Since)
		if r.Erased != "" {
			why = "erased: " + show(r.Erased)
		}
		if r.Why != "" {
			why = show(r.Why)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.State, r.Digest, orDash(strings.Join(r.Releases, " ")), why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !o.del {
		fmt.Fprintf(out, "%s may go; --delete lets go of them\n", plural(len(rows), "file", "files"))
	}
	return nil
}
