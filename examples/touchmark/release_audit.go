package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// stateProofSuffix follows the name of a state's file.
const stateProofSuffix = ".proof"

// An auditing is what commands have in common that several people sign: several keys, and one file.
type auditing struct {
	book   releaseBook
	keys   []string
	secret passphrase
	out    string
}

func (o *auditing) flags(c *cobra.Command) {
	o.flagsButOut(c)
	c.Flags().StringVar(&o.out, "out", "", "write to `FILE`; if it is there already, check it and sign it as well")
	must(c.MarkFlagRequired("out"))
}

func (o *auditing) flagsButOut(c *cobra.Command) {
	o.book.flags(c, "")
	c.Flags().StringArrayVar(&o.keys, "key", nil, "sign with the private key in `FILE`; may be repeated, as often as there are signers here")
	o.secret.flag(c)
	must(c.MarkFlagRequired("key"))
}

func (o *auditing) signers(ctx context.Context) ([]sign.Signer, error) {
	return loadSigners(ctx, o.keys, o.secret)
}

// loadSigners loads several keys, which have one passphrase.
func loadSigners(ctx context.Context, paths []string, secret passphrase) ([]sign.Signer, error) {
	var out []sign.Signer
	for _, path := range paths {
		key, err := (&signingKey{path: path, secret: secret}).load(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	return out, nil
}

// tell says whether enough auditors have signed.
func (o *auditing) tell(cmd *cobra.Command, t *verify.Trust, b *sign.Bundle) (enough bool) {
	err := t.SignedByAuditors(b, time.Now())
	if err != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s counts for nothing yet: %v\n", show(o.out), err)
	}
	return err == nil
}

func newReleaseKnownGood() *cobra.Command {
	var o auditing
	var environment, expires string
	c := &cobra.Command{
		Use:   "known-good --ledger DIR --trust FILE --key FILE… --environment ENV [--expires TIME] --out FILE",
		Short: "write down what may be rolled back to while the ledger is down",
		Long: `known-good writes down what an environment may be rolled back to, artifacts and configurations by
digest, until it expires: a week from now at most. Enough auditors of the trust file must sign it: with
several --key, or one after the other, each on a machine of their own with the same FILE; whoever
signs second compares it with the ledger first.

Write it anew every day, and after every promotion, and keep it where the ledger is not:
touchmark release rollback --known-good FILE needs nothing else.`,
		Example: `  touchmark release known-good --ledger ledger --trust trust.json --key dave.key --key erin.key --environment prod --out prod.known-good`,
		Args:    exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			end, err := until("expires", expires, now)
			if err != nil {
				return err
			}
			signers, err := o.signers(cmd.Context())
			if err != nil {
				return err
			}
			defer o.book.done()
			v, t, err := o.book.view(cmd.Context())
			if err != nil {
				return err
			}
			if _, err := stageOf(t, o.book.product, environment); err != nil {
				return err
			}
			b, err := o.knownGood(cmd.Context(), v, environment, now, end, signers)
			if err != nil {
				return err
			}
			line, err := b.Marshal()
			if err != nil {
				return err
			}
			if err := writeFile(o.out, append(line, '\n'), 0o644); err != nil {
				return err
			}
			if o.tell(cmd, t, b) {
				k, err := rollout.ParseKnownGood(b.UnverifiedPayload())
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s of %s in %s until %s\n", show(o.out), plural(len(k.Releases), "release", "releases"), k.Product, show(k.Environment), date(k.Expires))
			}
			return nil
		}),
	}
	o.flags(c)
	c.Flags().StringVar(&environment, "environment", "", "what it is for, `ENV`")
	c.Flags().StringVar(&expires, "expires", "2d", "from `TIME` on it counts for nothing (2026-11-21, 2d)")
	must(c.MarkFlagRequired("environment"))
	return c
}

// knownGood is the file, signed: a new one, or the one that is there.
func (o *auditing) knownGood(ctx context.Context, v *rollout.View, environment string, now, end time.Time, signers []sign.Signer) (*sign.Bundle, error) {
	if !exists(o.out) {
		k, err := v.KnownGood(o.book.product, environment, now, end.Sub(now.Truncate(time.Second)).Truncate(time.Second))
		if err != nil {
			return nil, err
		}
		body, err := k.Marshal()
		if err != nil {
			return nil, err
		}
		return sign.Payload(ctx, rollout.KnownGoodType, body, signers...)
	}
	b, err := oneBundle("known-good file", o.out, rollout.KnownGoodType)
	if err != nil {
		return nil, err
	}
	k, err := rollout.ParseKnownGood(b.UnverifiedPayload())
	if err != nil {
		return nil, fmt.Errorf("%q: %w", o.out, err)
	}
	if k.Product != o.book.product || k.Environment != environment {
		return nil, fmt.Errorf("%q is of %s in %q: choose another --out", o.out, k.Product, k.Environment)
	}
	if err := v.Confirms(k); err != nil {
		return nil, fmt.Errorf("%q: %w; remove it to write a new one", o.out, err)
	}
	return b, rollout.CoSign(ctx, b, signers...)
}

// oneBundle reads a file of one bundle.
func oneBundle(what, path, payloadType string) (*sign.Bundle, error) {
	data, err := readFile(what, path, sign.MaxFileSize)
	if err != nil {
		return nil, err
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	if len(bundles) != 1 || bundles[0].Err != nil || bundles[0].PayloadType != payloadType {
		return nil, fmt.Errorf("%q is no %s", path, what)
	}
	return bundles[0], nil
}

func newReleaseState() *cobra.Command {
	var o auditing
	c := &cobra.Command{
		Use:   "state --ledger DIR --trust FILE --key FILE… --out FILE",
		Short: "write down all that the ledger says about a product, for who cannot read it",
		Long: `state writes what the ledger says about a product to FILE: its tags, environments and revocations, as
one JSON file. Enough auditors of the trust file must sign it: with several --key, or one after the
other with the same FILE and FILE.proof; whoever signs second replays the ledger and compares.

With the last of them their word is appended to the ledger, so that nobody is shown a state in
secret, and FILE.proof is whole. touchmark verify --state FILE then needs no ledger.`,
		Example: `  touchmark release state --ledger ledger --trust trust.json --key dave.key --key erin.key --out app.state.json`,
		Args:    exactly(),
		RunE:    does(o.state),
	}
	o.flags(c)
	return c
}

func (o *auditing) state(cmd *cobra.Command, args []string) error {
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
	seen, _, err := o.book.read()
	if err != nil {
		return err
	}
	if _, err := seen.View(ctx); err != nil { // an auditor of all people notices an older copy
		return err
	}
	dir, err := ledger.OpenDir(filepath.Join(o.book.dir, ledgerLog))
	if err != nil {
		return fmt.Errorf("ledger %q: %w", o.book.dir, cause(err))
	}
	o.book.close = append(o.book.close, dir.Close)
	auditor := rollout.Auditor{Source: dir, Trust: t, Options: releaseOptions()}
	var before *sign.Bundle
	var old []byte
	proof := &rollout.StateProof{Schema: rollout.StateProofSchema}
	if exists(o.out) {
		if old, proof, err = readState(o.out); err != nil {
			return err
		}
		bundles, err := sign.Read(bytes.NewReader([]byte(proof.Record)))
		if err != nil || len(bundles) != 1 || bundles[0].Err != nil {
			return fmt.Errorf("%q holds no record of an auditor", o.out+stateProofSuffix)
		}
		before = bundles[0]
	}
	var at []byte
	if proof.Checkpoint != "" {
		at = []byte(proof.Checkpoint)
	}
	state, audit, at, err := auditor.State(ctx, o.book.product, at)
	if err != nil {
		return err
	}
	record, err := sign.Statement(ctx, audit, signers...)
	if err != nil {
		return err
	}
	if before != nil {
		if !bytes.Equal(old, state) || before.ID() != record.ID() {
			return &failure{statusDenied, fmt.Errorf("%q is not what the ledger says at that head: do not sign it, and ask who made it", o.out)}
		}
		record.Signatures = append(before.Signatures, record.Signatures...)
	}
	line, err := record.Marshal()
	if err != nil {
		return err
	}
	proof.Checkpoint, proof.Record = string(at), string(line)
	if enough := o.tell(cmd, t, record); enough {
		log, err := o.book.open(t.Ledger)
		if err != nil {
			return err
		}
		if _, err := (&rollout.Book{Log: log, Trust: t, Options: releaseOptions()}).Append(ctx, record); err != nil {
			return releaseStatus(cmd, err)
		}
		if proof, err = auditor.Prove(ctx, state, at); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: the state %s of %s is signed and logged\n", show(o.out), provenance.SumSHA256(state), o.book.product)
	}
	data, err := proof.Marshal()
	if err != nil {
		return err
	}
	return errors.Join(writeFile(o.out, state, 0o644), writeFile(o.out+stateProofSuffix, data, 0o644))
}

const maxState = 256 << 20

// readState reads the file of a state, and its proof beside it.
func readState(path string) ([]byte, *rollout.StateProof, error) {
	state, err := readFile("state", path, maxState)
	if err != nil {
		return nil, nil, err
	}
	data, err := readFile("proof of the state", path+stateProofSuffix, maxConfig)
	if err != nil {
		return nil, nil, err
	}
	proof, err := rollout.ParseStateProof(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w", path+stateProofSuffix, err)
	}
	return state, proof, nil
}
