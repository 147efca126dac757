package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
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

// verifyOptions are those that records and evidence are judged with.
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

// open opens the log with the keys that lie beside it.
func (o *releaseBook) open(l *verify.Ledger) (*tessera.Log, error) {
	quietKlog()
	key, err := readFile("the log's key", filepath.Join(o.dir, ledgerKey), maxKey)
	if err != nil {
		return nil, err
	}
	options := tessera.Options{Memory: o.trust + ".head"}
	signer, err := loadWitness(filepath.Join(o.dir, ledgerWitnessKey), l.Origin)
	if err != nil {
		return nil, err
	}
	w, err := tessera.NewWitness(signer, filepath.Join(o.dir, ledgerWitness), ledger.Log{Origin: l.Origin, Key: l.Key})
	if err != nil {
		return nil, err
	}
	options.Witnesses, options.AtLeast = []tessera.Endpoint{{Key: signer.Key(), Local: w}}, 1
	log, err := options.Open(filepath.Join(o.dir, ledgerLog), strings.TrimSpace(string(key)))
	if err != nil {
		return nil, err
	}
	o.close = append(o.close, log.Close)
	return log, nil
}

// quietKlog keeps the log's engine from writing to standard error.
func quietKlog() {
	f := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(f)
	must(f.Set("logtostderr", "false"))
	must(f.Set("stderrthreshold", "FATAL"))
	klog.SetOutput(discard{})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// witnessName is what a ledger's own witness is called.
func witnessName(origin string) string { return origin + "/witness" }

func loadWitness(path, origin string) (*ledger.Signer, error) {
	data, err := readFile("the witness's key", path, maxKey)
	if err != nil {
		return nil, err
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%q is no key of a witness", path)
	}
	return ledger.NewSigner(witnessName(origin), ed25519.NewKeyFromSeed(seed))
}

func newReleaseInit() *cobra.Command {
	var o releaseInit
	c := &cobra.Command{
		Use:   "init --ledger DIR --origin NAME --trust FILE --key FILE… --out FILE",
		Short: "begin a ledger",
		Long: `init begins a ledger in a new folder: the keys of the log and of its own witness, which says when
what was there, and record 0, which holds the trust file.

That file has a root and products, and no ledger yet. It is signed by its root: name as many keys as
its quorum wants. What is written to --out is its next version, with the ledger in it, for
everybody who reads the ledger: whoever has that file need not believe the folder.

log.key and witness.key stay where records are appended. A witness that runs on the log's own
machine gives times, and does not keep the machine's owner from showing two histories: see
ledger.witnesses in the trust file for others.`,
		Example: `  touchmark release init --ledger ledger --origin releases.acme.example --trust first.json --key alice.key --key bob.key --out trust.json`,
		Args:    exactly(),
		RunE:    does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.dir, "ledger", "", "the ledger, a `DIR` that is made")
	f.StringVar(&o.origin, "origin", "", "the log's `NAME`, like a host name (releases.acme.example)")
	f.StringVar(&o.trust, "trust", "", "the first version of the trust `FILE`")
	f.StringArrayVar(&o.keys, "key", nil, "sign with the private key in `FILE`; may be repeated, as often as the root's quorum wants")
	f.StringVar(&o.out, "out", "", "write the next version of the trust file to `FILE`")
	o.secret.flag(c)
	for _, name := range []string{"ledger", "origin", "trust", "key", "out"} {
		must(c.MarkFlagRequired(name))
	}
	return c
}

type releaseInit struct {
	dir, origin, trust, out string
	keys                    []string
	secret                  passphrase
}

func (o *releaseInit) run(cmd *cobra.Command, args []string) error {
	if exists(o.out) {
		return fmt.Errorf("%q is already there: it may be the only file that pins a ledger", o.out)
	}
	first, err := loadTrust(o.trust)
	if err != nil {
		return err
	}
	var signers []sign.Signer
	for _, path := range o.keys {
		key, err := (&signingKey{path: path, secret: o.secret}).load(cmd.Context())
		if err != nil {
			return err
		}
		signers = append(signers, key)
	}
	public, err := o.prepare()
	if err != nil {
		return err
	}
	book := releaseBook{dir: o.dir, trust: o.out}
	defer book.done()
	l := verify.Ledger{Origin: o.origin, Key: public}
	signer, err := loadWitness(filepath.Join(o.dir, ledgerWitnessKey), o.origin)
	if err != nil {
		return err
	}
	l.Witnesses = verify.LedgerWitnesses{AtLeast: 1, Keys: []string{signer.Key()}}
	log, err := book.open(&l)
	if err != nil {
		return err
	}
	t, err := rollout.Begin(cmd.Context(), log, first, l, signers...)
	if err != nil {
		return err
	}
	if err := writeFile(o.out, t.Marshal(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "ledger %s begun, genesis %s\n%s is version %d of the trust file: give it to everybody who reads the ledger\n", show(o.origin), t.Ledger.Genesis, show(o.out), t.Version)
	return nil
}

// prepare makes the folder and its keys, or takes those of an init that was killed.
func (o *releaseInit) prepare() (public string, err error) {
	for _, dir := range []string{"", ledgerLog, ledgerWitness} {
		if err := os.MkdirAll(filepath.Join(o.dir, dir), 0o755); err != nil {
			return "", fmt.Errorf("ledger %q: %w", o.dir, cause(err))
		}
	}
	evidence, err := store.Create(filepath.Join(o.dir, ledgerEvidence))
	if err != nil {
		return "", err
	}
	evidence.Close()
	if path := filepath.Join(o.dir, ledgerKey); !exists(path) {
		private, _, err := tessera.NewKey(o.origin)
		if err != nil {
			return "", err
		}
		if err := writeNew(path, []byte(private+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	if path := filepath.Join(o.dir, ledgerWitnessKey); !exists(path) {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		if err := writeNew(path, []byte(hex.EncodeToString(seed)+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	key, err := readFile("the log's key", filepath.Join(o.dir, ledgerKey), maxKey)
	if err != nil {
		return "", err
	}
	return tessera.PublicKey(strings.TrimSpace(string(key)))
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
