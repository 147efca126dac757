package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/sign/store"
)

func newReleaseWitness() *cobra.Command {
	var o releaseWitness
	c := &cobra.Command{
		Use:   "witness --ledger DIR --trust FILE EVIDENCE…",
		Short: "have the ledger show since when signatures exist",
		Long: `witness puts evidence into the ledger, whose witnesses say when they saw it there, and adds to the
file a line for each signature that carries this along. Whoever trusts the ledger then knows that
the signature is older than the end, or the revocation, of its key: touchmark verify counts it
although the key does not hold any more. It needs no ledger at hand for that.

A signature is logged once, and what the file or the ledger has already is not logged again. The
lines that were there stay as they are. Evidence is no record of a release: it changes nothing.
What is longer than a record may be, 65535 bytes, a timestamp authority can witness: touchmark
sign --tsa.`,
		Example: `  touchmark release witness --ledger ledger --trust trust.json dist/app.intoto.jsonl`,
		Args:    atLeastOne("EVIDENCE"),
		RunE:    does(o.run),
	}
	o.flags(c, "")
	return c
}

type releaseWitness struct{ releaseBook }

func (o *releaseWitness) run(cmd *cobra.Command, args []string) error {
	o.product = "-" // any
	defer o.done()
	t, err := o.loadTrust()
	if err != nil {
		return err
	}
	v, err := logOf(t.Ledger).Verifier()
	if err != nil {
		return err
	}
	var log *tessera.Log
	for _, path := range args {
		file, err := readSignatures(path, v)
		if err != nil {
			return err
		}
		if len(file.missing) > 0 && log == nil {
			if log, err = o.open(t.Ledger); err != nil {
				return err
			}
		}
		since, err := file.stamp(cmd, log)
		if err != nil {
			return fmt.Errorf("%q: %w", path, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: signatures witnessed: %d", show(path), len(file.missing)+file.have)
		if !since.IsZero() {
			fmt.Fprintf(cmd.OutOrStdout(), "; new: %d, the last of them since %s", len(file.missing), date(since))
		}
		fmt.Fprintln(cmd.OutOrStdout())
	}
	return nil
}

// A signatureKey is one signature over one payload.
type signatureKey struct {
	id  provenance.Digest
	sig string
}

// keyOf is that of a bundle with one signature.
func keyOf(b *sign.Bundle) signatureKey { return signatureKey{b.ID(), string(b.Signatures[0].Sig)} }

// signatures are those of one file of evidence.
type signatures struct {
	path    string
	missing []*sign.Bundle // one signature each, of which none carries an entry of the ledger
	have    int            // how many others there are
}

// readSignatures finds what v's log has still to witness. Lines that cannot be
// read are left alone.
func readSignatures(path string, v *ledger.Verifier) (*signatures, error) {
	bundles, there, err := readEvidence(path)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("there is no file %q", path)
	}
	stamped, seen := map[signatureKey]bool{}, map[signatureKey]bool{}
	file := &signatures{path: path}
	var all []*sign.Bundle
	for _, b := range bundles {
		if b.Err != nil || b.PAE() == nil {
			continue
		}
		for i, s := range b.Signatures {
			if len(s.Chain) > 0 {
				continue // a certificate's time is its authority's to say
			}
			key := signatureKey{b.ID(), string(s.Sig)}
			if _, err := v.Stamped(b, i); err == nil {
				stamped[key] = true
			}
			if seen[key] {
				continue
			}
			seen[key] = true
			one, err := bare(b, i)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", path, err)
			}
			all = append(all, one)
		}
	}
	file.have = len(stamped)
	for _, b := range all {
		if !stamped[keyOf(b)] {
			file.missing = append(file.missing, b)
		}
	}
	return file, nil
}

// stamp logs what is not in the log yet, and adds the lines to the file. Since is
// when the last of them was there.
func (f *signatures) stamp(cmd *cobra.Command, log *tessera.Log) (since time.Time, err error) {
	if len(f.missing) == 0 {
		return since, nil
	}
	ctx := cmd.Context()
	places := map[signatureKey]uint64{}
	r, err := log.Read(ctx)
	if err != nil {
		return since, err
	}
	for record, err := range r.Records(ctx, 0) {
		if err != nil {
			return since, err
		}
		b, err := record.Bundle()
		if err != nil || b.PAE() == nil {
			continue
		}
		for _, s := range b.Signatures {
			if key := (signatureKey{b.ID(), string(s.Sig)}); places[key] == 0 {
				places[key] = record.Index // the first; never 0, which is the genesis
			}
		}
	}
	var fresh []*sign.Bundle
	for _, b := range f.missing {
		if places[keyOf(b)] == 0 {
			fresh = append(fresh, b)
		}
	}
	indexes, err := log.AppendAll(ctx, fresh...)
	if err != nil {
		return since, err
	}
	for i, b := range fresh {
		places[keyOf(b)] = indexes[i]
	}
	if r, err = log.Read(ctx); err != nil {
		return since, err
	}
	var stamped []*sign.Bundle
	for _, b := range f.missing {
		out, err := r.Stamp(ctx, b, places[keyOf(b)])
		if err != nil {
			return since, err
		}
		at, err := log.Verifier().Stamped(out, 0)
		if err != nil {
			return since, err
		}
		if at.After(since) {
			since = at
		}
		stamped = append(stamped, out)
	}
	return since, store.Append(ctx, f.path, stamped...)
}

// bare is signature i of b in an envelope of its own: what came along need not be
// in the ledger, and stays where it is.
func bare(b *sign.Bundle, i int) (*sign.Bundle, error) {
	out := *b
	out.Format = sign.DSSE
	out.Signatures = []sign.Signature{{Sig: b.Signatures[i].Sig, KeyID: b.Signatures[i].KeyID}}
	line, err := out.Marshal()
	if err != nil {
		return nil, err
	}
	read, err := sign.Read(bytes.NewReader(line)) // whatever form b had is forgotten
	if err != nil || len(read) != 1 {
		return nil, fmt.Errorf("%s: %w", b.Origin, err)
	}
	return read[0], read[0].Err
}
