package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A releaseTrust brings the next trust file into force.
type releaseTrust struct {
	book releaseBook
	out  string
}

func newReleaseTrust() *cobra.Command {
	var o releaseTrust
	c := &cobra.Command{
		Use:   "trust --ledger DIR --trust FILE --key FILE [--out FILE] SIGNED",
		Short: "bring the next version of the trust file into force",
		Long: `trust appends the next version of the trust file to the ledger: what is recorded behind it is judged by
its roles and keys, and what stands before by those in force there. SIGNED holds it as its root signed it,
one bundle a line, and may hold several versions: see touchmark trust rotate, touchmark sign.

--key signs the record around it, for which anybody will do whom the trust file in force names. What the
ledger has already is passed over, so that it can be called again. --out writes the new trust file, for
everybody who reads the ledger; the one at hand goes on to be good for reading it.`,
		Example: `  touchmark trust rotate --principal ci=new.key.pub --out next.json trust.json
  touchmark sign --key alice.key --out next.jsonl next.json && touchmark sign --key bob.key next.jsonl
  touchmark release trust --ledger ledger --trust trust.json --key alice.key --out trust.json next.jsonl`,
		Args: exactly("SIGNED"),
		RunE: does(o.run),
	}
	o.book.flags(c, "the record")
	c.Flags().StringVar(&o.out, "out", "", "write the new trust file to `FILE`, which may be that of --trust")
	return c
}

func (o *releaseTrust) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	o.book.product = "-" // all
	defer o.book.done()
	book, v, err := o.book.write(ctx)
	if err != nil {
		return err
	}
	versions, err := updates(book.Trust, args[0], time.Now())
	if err != nil {
		return err
	}
	for _, next := range versions {
		if next.trust.Version <= v.Trust().Version {
			continue // whether it is this one, the ledger says when it is read by it
		}
		record, err := rollout.SignedTrustRecord(ctx, v.Trust(), next.signed, book.Signer)
		if err != nil {
			return err
		}
		if v, err = book.Append(ctx, record); err != nil {
			return releaseStatus(cmd, err)
		}
	}
	last := versions[len(versions)-1].trust
	check := rollout.Book{Log: book.Log, Trust: last, Options: releaseOptions()}
	if _, err := check.View(ctx); err != nil {
		return err // another file is that version
	}
	if o.out != "" {
		if err := writeFile(o.out, last.Marshal(), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "version %d of the trust file is in force: %s\n", last.Version, last.Digest())
	return nil
}
