package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A releaseErase says that content had to go.
type releaseErase struct {
	auditing
	reason string
}

// erasers is how many people it takes.
const erasers = 2

func newReleaseErase() *cobra.Command {
	var o releaseErase
	c := &cobra.Command{
		Use:   "erase --ledger DIR --trust FILE --key FILE… --reason TEXT [--out FILE] DIGEST",
		Short: "say that content had to go: two people, and why",
		Long: `erase records that a configuration, notes, a change log or a piece of evidence had to go, for instance
because of a person's name in it. Its DIGEST and the reason stay in the ledger, so that everybody sees that
something was taken out and nothing else; the content is no longer exported, archived or restored, and
touchmark release gc --delete removes it from the ledger's store; evidence it leaves there.

Two people who may revoke must sign: with two --key, or one after the other with --out FILE. With the
second the record is appended.`,
		Example: `  touchmark release erase --ledger ledger --trust trust.json --key alice.key --key bob.key --reason 'a name in it' sha256:…`,
		Args:    exactly("DIGEST"),
		RunE:    does(o.run),
	}
	o.flagsButOut(c)
	c.Flags().StringVar(&o.out, "out", "", "keep the record in `FILE` until the second has signed it")
	c.Flags().StringVar(&o.reason, "reason", "", "why, in your own words: `TEXT`")
	must(c.MarkFlagRequired("reason"))
	return c
}

func (o *releaseErase) run(cmd *cobra.Command, args []string) error {
	d, err := provenance.ParseDigest(args[0])
	if err != nil {
		return usagef("%q is no digest: %v", args[0], err)
	}
	if o.out == "" && len(o.keys) < erasers {
		return usagef("it takes two people: give a second --key, or --out FILE for who signs next")
	}
	ctx := cmd.Context()
	signers, err := o.signers(ctx)
	if err != nil {
		return err
	}
	defer o.book.done()
	t, err := o.book.loadTrust()
	if err != nil {
		return err
	}
	r := release.Revocation{Kind: release.Erase, Product: o.book.product, Digest: d, Reason: o.reason}
	if err := r.Validate(); err != nil {
		return usagef("%v", err)
	}
	b, err := o.record(ctx, r, signers)
	if err != nil {
		return err
	}
	if len(b.Signatures) < erasers {
		line, err := b.Marshal()
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s counts for nothing yet: %d of %d people\n", show(o.out), len(b.Signatures), erasers)
		return writeFile(o.out, append(line, '\n'), 0o644)
	}
	log, err := o.book.open(t.Ledger)
	if err != nil {
		return err
	}
	book := rollout.Book{Log: log, Trust: t, Options: releaseOptions()}
	v, err := book.View(ctx)
	if err != nil {
		return err
	}
	if err := o.book.remember(v); err != nil {
		return err
	}
	s, err := v.ReadState(o.book.product)
	if err != nil {
		return err
	}
	if s == nil || !slices.ContainsFunc(s.Revoked, func(old release.Revoking) bool { return old.Kind == release.Erase && old.Digest == d }) {
		if v, err = book.Append(ctx, b); err != nil {
			return releaseStatus(cmd, err)
		}
		if err := o.book.remember(v); err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "erased: %s\n", d)
	return nil
}

// record is the record, signed: a new one, or the one in the file.
func (o *releaseErase) record(ctx context.Context, r release.Revocation, signers []sign.Signer) (*sign.Bundle, error) {
	if o.out == "" || !exists(o.out) {
		return sign.Statement(ctx, r.Statement(), signers...)
	}
	b, err := oneBundle("record", o.out, provenance.PayloadType)
	if err != nil {
		return nil, err
	}
	s, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		return nil, fmt.Errorf("%q: %w", o.out, err)
	}
	found, err := release.ParseRevocation(s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", o.out, err)
	}
	if found.Kind != r.Kind || found.Product != r.Product || found.Digest != r.Digest || found.Reason != r.Reason {
		return nil, fmt.Errorf("%q erases %s (%s): say the same DIGEST and --reason, or choose another --out", o.out, found.Digest, show(found.Reason))
	}
	return b, rollout.CoSign(ctx, b, signers...)
}
