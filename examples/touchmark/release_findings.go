package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A releaseFinding is one thing that audit found.
type releaseFinding struct {
	Code    string `json:"code"` // "expiring", "unused-role", "store", "witness" or "evidence"
	What    string `json:"what"` // it is about
	Message string `json:"message"`
}

type releaseFindings struct {
	releaseBook
	within, headAge time.Duration
	at, format      string
	policies        []string
	found           []releaseFinding
	now             time.Time
}

func newReleaseAudit() *cobra.Command {
	var o releaseFindings
	c := &cobra.Command{
		Use:   "audit --ledger DIR --trust FILE [--within DURATION] [--head-age DURATION] [--policy FILE]… [--format text|json]",
		Short: "what will go wrong soon, or did unseen",
		Long: `audit looks for what nobody notices until it hurts: keys and trust files about to expire, roles that
nothing names, an evidence store that cannot be read, witnesses that are behind or silent, and releases
whose evidence is not in the store. A role may be named by a policy: hand policies in with --policy.

Exit status: 0 nothing was found, 1 something was, 2 it could not look.`,
		Example: `  touchmark release audit --ledger ledger --trust trust.json --policy prod.json`,
		Args:    exactly(),
		RunE:    does(o.run),
	}
	o.flags(c, "")
	o.indexFlag(c)
	f := c.Flags()
	f.DurationVar(&o.within, "within", 30*24*time.Hour, "say what expires within `DURATION`")
	f.DurationVar(&o.headAge, "head-age", 24*time.Hour, "say which witness did not cosign for `DURATION`")
	f.StringVar(&o.at, "at", "", "look as of `TIME` (2026-11-21T03:07:00Z); now if not said")
	f.StringArrayVar(&o.policies, "policy", nil, "a policy `FILE` that may name roles; may be repeated")
	formatFlag(c, &o.format)
	return c
}

func (o *releaseFindings) add(code, what, format string, args ...any) {
	o.found = append(o.found, releaseFinding{code, what, fmt.Sprintf(format, args...)})
}

func (o *releaseFindings) run(cmd *cobra.Command, args []string) error {
	if err := textOrJSON(o.format); err != nil {
		return err
	}
	o.now = time.Now()
	if o.at != "" {
		var err error
		if o.now, err = instant("at", o.at); err != nil {
			return err
		}
	}
	only := cmd.Flags().Changed("product")
	if !only {
		o.product = "-" // any
	}
	defer o.done()
	v, _, err := o.view(cmd.Context())
	if err != nil {
		return err
	}
	if err := errors.Join(o.keys(v.Trust()), o.roles(v.Trust()), o.witnesses(cmd, v.Trust()), o.evidence(cmd, v, only)); err != nil {
		return err
	}
	if o.format == "json" {
		if o.found == nil {
			o.found = []releaseFinding{}
		}
		err = emitJSON(cmd, o.found)
	} else {
		w := table(cmd.OutOrStdout())
		for _, f := range o.found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.Code, show(f.What), oneLine(f.Message))
		}
		if len(o.found) == 0 {
			fmt.Fprintln(w, "nothing was found")
		}
		err = w.Flush()
	}
	if err == nil && len(o.found) > 0 {
		err = &failure{status: statusDenied}
	}
	return err
}

// keys says what expires soon.
func (o *releaseFindings) keys(t *verify.Trust) error {
	soon := o.now.Add(o.within)
	if t.Expires.Before(soon) {
		o.add("expiring", "the trust file", "version %d ends %s: publish the next one", t.Version, date(t.Expires))
	}
	for _, name := range sortedNames(t.Principals) {
		for i, k := range t.Principals[name].Keys {
			if k.Revoked == nil && !k.NotAfter.IsZero() && k.NotAfter.Before(soon) {
				o.add("expiring", name, "its key %d ends %s: make a new one, and put it into the trust file", i, date(k.NotAfter))
			}
		}
	}
	return nil
}

// roles says which roles neither the trust file nor a policy names.
func (o *releaseFindings) roles(t *verify.Trust) error {
	named := map[string]bool{}
	collect := func(data []byte) error {
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		collectStrings(v, named)
		return nil
	}
	if err := collect(t.Marshal()); err != nil {
		return err
	}
	for _, path := range o.policies {
		p, err := loadPolicy(path)
		if err != nil {
			return err
		}
		if err := collect(p.Marshal()); err != nil {
			return err
		}
	}
	for _, role := range sortedNames(t.Roles) {
		if !named[role] {
			o.add("unused-role", role, "nothing in the trust file names it, nor a policy that was handed in: remove it, so that nobody thinks that it protects something")
		}
	}
	return nil
}

// collectStrings collects the values of a document; names of members are none.
func collectStrings(v any, into map[string]bool) {
	switch v := v.(type) {
	case string:
		into[v] = true
	case []any:
		for _, e := range v {
			collectStrings(e, into)
		}
	case map[string]any:
		for _, e := range v {
			collectStrings(e, into)
		}
	}
}

// witnesses says which of them did not cosign the head, or long ago.
func (o *releaseFindings) witnesses(cmd *cobra.Command, t *verify.Trust) error {
	reader, err := o.reader(cmd.Context(), t)
	if err != nil {
		return err
	}
	last := map[string]time.Time{}
	for _, c := range reader.Checkpoint().Cosignatures() {
		last[c.Witness] = c.Time
	}
	if len(t.Ledger.Witnesses.Keys) == 0 {
		o.add("witness", t.Ledger.Origin, "nobody watches the log: nobody knows when anything was there")
	}
	for _, key := range t.Ledger.Witnesses.Keys {
		name, _, _ := strings.Cut(key, "+")
		at, ok := last[name]
		switch {
		case !ok:
			o.add("witness", name, "it did not cosign the head of %d records", reader.Checkpoint().Size())
		case o.now.Sub(at) > o.headAge:
			o.add("witness", name, "it cosigned last %s, which is %s ago", date(at), o.now.Sub(at).Truncate(time.Second))
		}
	}
	return nil
}

// evidence says which releases lack some, or that the store cannot be read.
func (o *releaseFindings) evidence(cmd *cobra.Command, v *rollout.View, only bool) error {
	path := filepath.Join(o.dir, ledgerEvidence)
	evidence, err := store.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fs.ErrNotExist
		}
		o.add("store", ledgerEvidence, "it cannot be read: %v", err)
		return nil
	}
	defer evidence.Close()
	products := v.Products()
	if only {
		products = []string{o.product}
	}
	return eachStanding(v, products, func(name string, r *release.Released) error {
		missing, err := missingEvidence(cmd, evidence, r)
		switch {
		case err != nil:
			o.add("store", name, "its evidence cannot be read: %v", err)
		case missing > 0:
			o.add("evidence", name, "%s in the store", plural(missing, "bundle that it names is not", "bundles that it names are not"))
		case len(r.Provenance) == 0:
			o.add("evidence", name, "it names no provenance: nobody can say how it was made")
		case len(r.SBOMs) == 0:
			o.add("evidence", name, "it names no SBOM: nobody can say what it holds")
		}
		return nil
	})
}
