package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newRelease() *cobra.Command {
	c := &cobra.Command{
		Use:   "release COMMAND",
		Short: "release for good, promote and roll back by digest",
		Long: `release keeps releases in a ledger that nobody can rewrite unseen. A release is an exact build and
an exact configuration; a tag names one artifact for ever; promotion and rollback are signed
records about digests. Who may write which record is said by the trust file under products.

The ledger is a folder: log/ has the records, evidence/ the evidence about artifacts. Whoever
appends needs log.key and witness.key in it; whoever reads needs neither, but the trust file, and
keeps the newest head seen beside that file, so that an older copy of the log is noticed. What only
reads takes the file that export wrote in place of the folder.

A RELEASE is named by its id, the digest of an artifact, app#102, its version, or a tag.`,
		RunE: group("init, create, tag, approve, promote, rollback, known-good, settle, state, trust, deploy, revoke, retire, install, pin, guard, witness, log, show, why, ask, metrics, export, erase, archive, restore, gc, audit or fsck"),
	}
	c.AddCommand(newReleaseInit(), newReleaseCreate(), newReleaseTag(), newReleaseApprove(), newReleasePromote(), newReleaseRollback(), newReleaseDeploy(),
		newReleaseKnownGood(), newReleaseState(), newReleaseTrust(), newReleaseSettle(), newReleaseRevoke(), newReleaseRetire(), newReleaseInstall(), newReleasePin(), newReleaseGuard(), newReleaseWitness(), newReleaseLog(), newReleaseShow(), newReleaseWhy(), newReleaseAsk(), newReleaseMetrics(), newReleaseExport(), newReleaseErase(), newReleaseArchive(), newReleaseRestore(), newReleaseGC(), newReleaseAudit(), newReleaseFsck())
	return c
}

// A releaseBook is what all commands need of a ledger.
type releaseBook struct {
	dir, trust, product, index string
	signer                     signingKey
	asked                      *cobra.Command // that may have an index

	close []func() error
}

// flags adds the flags of a command that writes, or only reads.
func (o *releaseBook) flags(c *cobra.Command, writes string) {
	o.flagsButLedger(c, writes)
	must(c.MarkFlagRequired("ledger"))
}

// flagsButLedger does not insist on the ledger, which may be down.
func (o *releaseBook) flagsButLedger(c *cobra.Command, writes string) {
	f := c.Flags()
	f.StringVar(&o.dir, "ledger", "", "the ledger, a `DIR`; see touchmark release init")
	f.StringVar(&o.trust, "trust", "", "whom to believe: the trust `FILE` that names the ledger")
	f.StringVar(&o.product, "product", "", "whose releases, `NAME`; need not be said if the trust file has one")
	must(c.MarkFlagRequired("trust"))
	if writes != "" {
		o.signer.flag(c, writes)
		must(c.MarkFlagRequired("key"))
	}
}

// The parts of a ledger's folder.
const (
	ledgerLog        = "log"
	ledgerEvidence   = "evidence"
	ledgerKey        = "log.key"
	ledgerWitnessKey = "witness.key"
	ledgerWitness    = "witness"
)

// done lets go of what was opened.
func (o *releaseBook) done() {
	for _, f := range slices.Backward(o.close) {
		f()
	}
}

// loadTrust reads the trust file, which must name a ledger, and settles the product.
func (o *releaseBook) loadTrust() (*verify.Trust, error) {
	t, err := loadTrust(o.trust)
	if err != nil {
		return nil, err
	}
	if t.Ledger == nil {
		return nil, fmt.Errorf("%q names no ledger: name the file that touchmark release init wrote", o.trust)
	}
	if o.product == "" && len(t.Products) == 1 {
		for name := range t.Products {
			o.product = name
		}
	}
	if o.product == "" {
		return nil, usagef("--product is missing: the trust file has several")
	}
	return t, nil
}

func logOf(l *verify.Ledger) ledger.Log {
	return ledger.Log{Origin: l.Origin, Key: l.Key, Witnesses: l.Witnesses.Keys, AtLeast: l.Witnesses.AtLeast}
}

// releaseOptions are those that records and evidence are judged with.
func releaseOptions() verify.Options { return verify.Options{Conditions: cel.Conditions} }

// read opens the ledger to read it.
func (o *releaseBook) read() (*rollout.Replay, *verify.Trust, error) {
	t, err := o.loadTrust()
	if err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(o.dir); err == nil && info.Mode().IsRegular() {
		r, err := o.readCapsule(t)
		return r, t, err
	}
	log, err := o.follow(t)
	if err != nil {
		return nil, nil, err
	}
	r, err := o.replay(log, t)
	return r, t, err
}

// view is what the ledger says now, and whom to believe.
func (o *releaseBook) view(ctx context.Context) (*rollout.View, *verify.Trust, error) {
	replay, t, err := o.read()
	if err != nil {
		return nil, nil, err
	}
	v, err := replay.View(ctx)
	return v, t, err
}

// follow opens the log to read it, and remembers its newest head.
func (o *releaseBook) follow(t *verify.Trust) (*ledger.Follower, error) {
	v, err := logOf(t.Ledger).Verifier()
	if err != nil {
		return nil, err
	}
	dir, err := ledger.OpenDir(filepath.Join(o.dir, ledgerLog))
	if err != nil {
		return nil, fmt.Errorf("ledger %q: %w", o.dir, cause(err))
	}
	o.close = append(o.close, dir.Close)
	return v.Follow(dir, o.trust+".head"), nil
}

// write opens the ledger to append to it, as the person whose key it is.
func (o *releaseBook) write(ctx context.Context) (*rollout.Book, *rollout.View, error) {
	t, err := o.loadTrust()
	if err != nil {
		return nil, nil, err
	}
	key, err := o.signer.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	log, err := o.open(t.Ledger)
	if err != nil {
		return nil, nil, err
	}
	evidence, err := store.Open(filepath.Join(o.dir, ledgerEvidence))
	if err != nil {
		return nil, nil, fmt.Errorf("ledger %q: %w", o.dir, err)
	}
	o.close = append(o.close, evidence.Close)
	book := &rollout.Book{Log: log, Trust: t, Signer: key, Store: evidence, Options: releaseOptions()}
	v, err := book.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	return book, v, o.remember(v)
}

// change opens the ledger to append to it, about the release that name means.
func (o *releaseBook) change(ctx context.Context, name string) (*rollout.Book, *release.State, *release.Released, error) {
	book, v, err := o.write(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	s, r, err := o.find(v, name)
	return book, s, r, err
}

// find is the release that name means, among those of the product.
func (o *releaseBook) find(v *rollout.View, name string) (*release.State, *release.Released, error) {
	s, err := v.ReadState(o.product)
	if err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, fmt.Errorf("nothing of %s was ever released", o.product)
	}
	r := s.Find(name)
	if r == nil {
		return nil, nil, fmt.Errorf("%s has no release %q", o.product, name)
	}
	return s, r, nil
}

// releaseStatus turns a no into a status: a void record and a denial are answers.
func releaseStatus(cmd *cobra.Command, err error) error {
	var void *rollout.VoidError
	var denied *verify.Error
	switch {
	case errors.As(err, &void):
		return &failure{statusDenied, fmt.Errorf("%s: %s", void.Void.Code, void.Void.Message)}
	case errors.As(err, &denied):
		if err := emit(cmd, "", []byte(denied.Verdict.String())); err != nil {
			return err
		}
		return verdictStatus(err)
	}
	return err
}

// digestOf is what an artifact of a release is known by.
func digestOf(s provenance.ResourceDescriptor) provenance.Digest {
	for _, d := range s.Digest.Digests() {
		if d.Algorithm() == provenance.SHA256 {
			return d
		}
	}
	if all := s.Digest.Digests(); len(all) > 0 {
		return all[0]
	}
	return provenance.Digest{}
}
