package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// Beside the trust file lie what this client saw of the ledger, and the records
// that it owes it.
func (o *releaseBook) memoryFile() string { return o.trust + ".seen" }
func (o *releaseBook) owedFile() string   { return o.trust + ".owed.jsonl" }

// memory reads what was seen before.
func (o *releaseBook) memory() (*rollout.Memory, error) {
	if !exists(o.memoryFile()) {
		return &rollout.Memory{}, nil
	}
	data, err := readFile("what was seen of the ledger", o.memoryFile(), maxBOM)
	if err != nil {
		return nil, err
	}
	m, err := rollout.ParseMemory(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", o.memoryFile(), err)
	}
	return m, nil
}

func (o *releaseBook) keep(m *rollout.Memory) error {
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	return writeFile(o.memoryFile(), data, 0o644)
}

// remember keeps which releases were taken back, for when the ledger is down.
func (o *releaseBook) remember(v *rollout.View) error {
	s, err := v.ReadState(o.product)
	if err != nil {
		return err
	}
	if s == nil || len(s.Revoked) == 0 {
		return nil
	}
	m, err := o.memory()
	if err != nil {
		return err
	}
	known := len(m.Revoked[o.product])
	if m.Remember(s); len(m.Revoked[o.product]) == known {
		return nil
	}
	return o.keep(m)
}

// owed are the records that wait for the ledger.
func (o *releaseBook) owed() ([]*sign.Bundle, error) {
	bundles, _, err := readEvidence(o.owedFile())
	if err != nil {
		return nil, err
	}
	for _, b := range bundles {
		if b.Err != nil {
			return nil, fmt.Errorf("%q: %s: %w", o.owedFile(), b.Origin, b.Err)
		}
	}
	return bundles, nil
}

// showOwed says what was done without the ledger, and does not stand in it.
func (o *releaseBook) showOwed(cmd *cobra.Command, out io.Writer, t *verify.Trust) error {
	records, err := o.owed()
	if err != nil || len(records) == 0 {
		return err
	}
	log, err := o.follow(t)
	if err != nil {
		return err
	}
	owed, err := rollout.Owed(cmd.Context(), log, t, releaseOptions(), records...)
	if err != nil {
		return err
	}
	for _, b := range owed {
		fmt.Fprintf(out, "owed: the record of %s: touchmark release settle\n", show(rolledBack(b)))
	}
	return nil
}

// rolledBack says what a record of a rollback is about.
func rolledBack(b *sign.Bundle) string {
	s, err := provenance.Parse(b.UnverifiedPayload())
	if err == nil {
		if r, err := release.ParseRollback(s); err == nil {
			return fmt.Sprintf("rolling %s back in %s to %s, which was done %s", r.Product, r.Environment, r.Release, date(r.Performed))
		}
	}
	return b.ID().String()
}

// backWithout rolls back by a known-good file, while the ledger is down.
func (o *releaseBook) backWithout(cmd *cobra.Command, file, environment, reason, to, name string) error {
	t, err := o.loadTrust()
	if err != nil {
		return err
	}
	key, err := o.signer.load(cmd.Context())
	if err != nil {
		return err
	}
	bundles, there, err := readEvidence(file)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("known-good file: there is no file %q", file)
	}
	memory, err := o.memory()
	if err != nil {
		return err
	}
	now := time.Now()
	trusted, err := rollout.KnownGoodReader{Trust: t, At: now, Memory: memory}.Read(o.product, environment, bundles...)
	if err != nil {
		return err
	}
	if err := o.keep(memory); err != nil {
		return err
	}
	r := trusted.Find(name)
	if r == nil {
		return &failure{statusDenied, fmt.Errorf("rollback: %q is not known to be good in %s", name, show(environment))}
	}
	rollback, err := trusted.Rollback(r, reason, now)
	if errors.Is(err, rollout.ErrTakenBack) {
		return &failure{statusDenied, fmt.Errorf("revoked: %w", err)}
	}
	if err != nil {
		return err
	}
	record, err := sign.Statement(cmd.Context(), rollback.Statement(), key)
	if err != nil {
		return err
	}
	if err := store.Append(cmd.Context(), o.owedFile(), record); err != nil { // before anything is done
		return err
	}
	if to != "" {
		if err := (rollout.Installer{Dir: to}).Switch(cmd.Context(), r.ID); err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s goes back to %s#%d %s, with configuration %s\n", show(environment), o.product, r.Number, r.Version, r.Config)
	for _, a := range r.Subjects {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s %s\n", digestOf(a), show(a.Name))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "owed: the ledger has no record of it yet; when it is there again: touchmark release settle --ledger DIR --trust %s\n", show(o.trust))
	return nil
}

func newReleaseSettle() *cobra.Command {
	var o releaseBook
	c := &cobra.Command{
		Use:   "settle --ledger DIR --trust FILE",
		Short: "append the records of what was done while the ledger was down",
		Long: `settle appends the signed records that touchmark release rollback --known-good left beside the trust
file, and forgets them. One that comes too late, because the environment was moved since, stands in
the ledger without effect, and the exit status is 1. Killed in between, it is simply called again.`,
		Example: `  touchmark release settle --ledger ledger --trust trust.json`,
		Args:    exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			t, err := o.loadTrust()
			if err != nil {
				return err
			}
			records, err := o.owed()
			if err != nil {
				return err
			}
			log, err := o.open(t.Ledger)
			if err != nil {
				return err
			}
			fates, err := (&rollout.Book{Log: log, Trust: t, Options: releaseOptions()}).Settle(cmd.Context(), records...)
			if err != nil {
				return err
			}
			if err := os.Remove(o.owedFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s appended\n", plural(len(fates), "record", "records"))
			return releaseStatus(cmd, errors.Join(fates...))
		}),
	}
	o.flags(c, "")
	return c
}
