package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newReleaseExport() *cobra.Command {
	var o releaseExport
	c := &cobra.Command{
		Use:   "export --ledger DIR --trust FILE [--policy FILE]… [--at TIME] --out FILE",
		Short: "the whole ledger in one file, for an auditor",
		Long: `export writes all records of the ledger, the trust file, the evidence about all that was released, and
the configurations and texts that releases name, into one file. It needs nothing else to be checked:
touchmark release log --ledger FILE --trust FILE reads it, and so does the program examples/audit, which
shares no code with this one.

No record can be left out unseen. What releases name and the store does not have is listed as absent, and
what was erased as erased, with the reason. The same ledger has the same bytes: without --at the instant
in it is that of the ledger's head.`,
		Example: `  touchmark release export --ledger ledger --trust trust.json --out 2026-12.capsule`,
		Args:    exactly(),
		RunE:    does(o.run),
	}
	o.book.flags(c, "")
	f := c.Flags()
	f.StringArrayVar(&o.policies, "policy", nil, "put the policy in `FILE` with it, signed or not; may be repeated")
	f.StringVar(&o.at, "at", "", "name `TIME` as the instant of making; else that of the ledger's head")
	f.StringVar(&o.out, "out", "", "write the export to `FILE`")
	must(c.MarkFlagRequired("out"))
	return c
}

type releaseExport struct {
	book     releaseBook
	at, out  string
	policies []string
}

func (o *releaseExport) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	o.book.product = "-" // all
	defer o.book.done()
	t, err := o.book.loadTrust()
	if err != nil {
		return err
	}
	content := capsule.Content{Trust: t}
	if content.Log, err = o.book.reader(ctx, t); err != nil {
		return err
	}
	inventory, err := o.book.survey(ctx, t, content.Log)
	if err != nil {
		return err
	}
	if content.At = inventory.Head.Time; o.at != "" {
		if content.At, err = instant("at", o.at); err != nil {
			return err
		}
	}
	for _, path := range o.policies {
		data, err := readFile("policy", path, maxConfig)
		if err != nil {
			return err
		}
		content.Policies = append(content.Policies, data)
	}
	evidence, err := store.Open(filepath.Join(o.book.dir, ledgerEvidence))
	if err != nil {
		return fmt.Errorf("ledger %q: %w", o.book.dir, err)
	}
	o.book.close = append(o.book.close, evidence.Close)
	if err := fill(ctx, &content, inventory, evidence); err != nil {
		return err
	}
	return writeCapsule(cmd, content, o.out)
}

// reader is a reader of the ledger as of now.
func (o *releaseBook) reader(ctx context.Context, t *verify.Trust) (*ledger.Reader, error) {
	log, err := o.follow(t)
	if err != nil {
		return nil, err
	}
	return log.Read(ctx)
}

// survey takes the inventory of a ledger as of a reader.
func (o *releaseBook) survey(ctx context.Context, t *verify.Trust, r *ledger.Reader) (*rollout.Inventory, error) {
	return rollout.Survey(ctx, r.Fixed(), t, releaseOptions())
}

// fill puts into an export what the store has of the inventory, and says what it
// has not.
func fill(ctx context.Context, content *capsule.Content, inventory *rollout.Inventory, from store.Store) error {
	erased := inventory.Tombstones()
	for i := range inventory.Erased {
		e := &inventory.Erased[i]
		if slices.ContainsFunc(content.Erased, func(o capsule.Erased) bool { return o.Digest == e.Digest }) {
			continue
		}
		content.Erased = append(content.Erased, capsule.Erased{Digest: e.Digest, Record: e.Record, Reason: e.Reason})
	}
	source := without{from, erased}
	content.Source = source
	have := map[provenance.Digest]bool{}
	for _, item := range inventory.Items {
		switch {
		case item.Kind == rollout.ItemArtifact:
			bundles, err := source.Bundles(ctx, item.Digest)
			if err != nil {
				return err
			}
			for _, b := range bundles {
				have[b.ID()] = true
			}
			content.Subjects = append(content.Subjects, item.Digest)
		case item.Kind != rollout.ItemEvidence && erased[item.Digest] == nil:
			blobs, err := item.Blobs(ctx, from)
			if errors.Is(err, store.ErrNotFound) {
				blobs, err = []provenance.Digest{item.Digest}, nil
			}
			if err != nil {
				return err
			}
			for _, d := range blobs {
				if err := fillBlob(ctx, content, d, from, erased); err != nil {
					return err
				}
			}
		}
	}
	for _, item := range inventory.Items {
		if item.Kind == rollout.ItemEvidence && !have[item.Digest] && erased[item.Digest] == nil {
			content.Absent = append(content.Absent, item.Digest)
		}
	}
	return nil
}

// fillBlob puts a blob into an export, or says that the store has it not.
func fillBlob(ctx context.Context, content *capsule.Content, d provenance.Digest, from store.Store, erased map[provenance.Digest]*rollout.Tombstone) error {
	if erased[d] != nil || slices.Contains(content.Blobs, d) || slices.Contains(content.Absent, d) {
		return nil
	}
	r, err := from.Blob(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		content.Absent = append(content.Absent, d)
		return nil
	}
	if err != nil {
		return err
	}
	content.Blobs = append(content.Blobs, d)
	return r.Close()
}

// without is a store without the evidence that was erased.
type without struct {
	store.Store
	erased map[provenance.Digest]*rollout.Tombstone
}

func (w without) Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error) {
	bundles, err := w.Store.Bundles(ctx, subject)
	return slices.DeleteFunc(bundles, func(b *sign.Bundle) bool { return w.erased[b.ID()] != nil }), err
}

// digestList reads digests with commas between them.
func digestList(flag, text string) ([]provenance.Digest, error) {
	var out []provenance.Digest
	for s := range strings.SplitSeq(text, ",") {
		d, err := provenance.ParseDigest(s)
		if err != nil {
			return nil, usagef("--%s: %v", flag, err)
		}
		out = append(out, d)
	}
	return out, nil
}
