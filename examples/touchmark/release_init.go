package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

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
	signers, err := loadSigners(cmd.Context(), o.keys, o.secret)
	if err != nil {
		return err
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
