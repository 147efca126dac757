package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

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
			v, t, err := o.view(ctx)
			if err != nil {
				return err
			}
			reader, err := o.reader(ctx, t)
			if err != nil {
				return err
			}
			if err := reader.Check(ctx); err != nil {
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
			err = eachStanding(v, v.Products(), func(name string, r *release.Released) error {
				missing, err := missingEvidence(cmd, evidence, r)
				if missing > 0 {
					wrong++
					fmt.Fprintf(out, "%s: %s in the store\n", name, plural(missing, "bundle of its evidence is not", "bundles of its evidence are not"))
				}
				return err
			})
			if err != nil {
				return err
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

// eachStanding calls do with each release that was not taken back, and how it is called.
func eachStanding(v *rollout.View, products []string, do func(name string, r *release.Released) error) error {
	for _, product := range products {
		s, err := v.ReadState(product)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		for _, r := range s.Releases {
			if s.RevokedBy(r.ID) != nil {
				continue
			}
			if err := do(s.Ref(r).Name, r); err != nil {
				return err
			}
		}
	}
	return nil
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
