package main

import (
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A releaseAsk asks across releases: what has to do with a key, a builder or a module.
type releaseAsk struct {
	releaseBook
	key, builder, module, below, tag, from, to, format string
}

func newReleaseAsk() *cobra.Command {
	var o releaseAsk
	c := &cobra.Command{
		Use:   "ask --ledger DIR --trust FILE (--key-id HEX | --builder ID | --module PATH [--below VERSION] | --tag TAG) [--from TIME] [--to TIME] [--format text|json]",
		Short: "what a key signed, a builder built, which releases hold a module, who touched a tag",
		Long: `ask finds what is concerned when a key is stolen, a builder was broken into or a module has a hole; and
what happened to a tag. --from and --to bound when it was witnessed, the end exclusive.

Unknown is not no: releases that do not say who built them, and those whose SBOM is not at hand, are
listed as unknown. Exit status: 0 all is known, 2 of some releases nobody knows.`,
		Example: `  touchmark release ask --ledger ledger --trust trust.json --module golang.org/x/crypto --below v0.31.0
  touchmark release ask --ledger ledger --trust trust.json --builder https://builder.example/v1 --from 2026-11-01T00:00:00Z
  touchmark release ask --ledger ledger --trust trust.json --tag 1.0.0`,
		Args: exactly(),
		RunE: does(o.run),
	}
	o.flags(c, "")
	o.indexFlag(c)
	f := c.Flags()
	f.StringVar(&o.key, "key-id", "", "what the key with the id `HEX` signed; touchmark inspect shows ids")
	f.StringVar(&o.builder, "builder", "", "what the builder `ID` built")
	f.StringVar(&o.module, "module", "", "which releases hold `PATH`, as SBOMs call it")
	f.StringVar(&o.below, "below", "", "in a version before `VERSION`")
	f.StringVar(&o.tag, "tag", "", "what `TAG` names, and who tried to move it")
	f.StringVar(&o.from, "from", "", "witnessed at `TIME` or later")
	f.StringVar(&o.to, "to", "", "witnessed before `TIME`")
	formatFlag(c, &o.format)
	c.MarkFlagsOneRequired("key-id", "builder", "module", "tag")
	c.MarkFlagsMutuallyExclusive("key-id", "builder", "module", "tag")
	return c
}

func (o *releaseAsk) run(cmd *cobra.Command, args []string) error {
	if err := textOrJSON(o.format); err != nil {
		return err
	}
	var from, to time.Time
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"from", o.from, &from}, {"to", o.to, &to}} {
		var err error
		if t.text != "" {
			if *t.into, err = instant(t.flag, t.text); err != nil {
				return err
			}
		}
	}
	if o.tag == "" && !cmd.Flags().Changed("product") {
		o.product = "-" // any
	}
	defer o.done()
	replay, _, err := o.read()
	if err != nil {
		return err
	}
	if o.module != "" {
		evidence, err := store.Open(filepath.Join(o.dir, ledgerEvidence))
		if err != nil {
			return fmt.Errorf("ledger %q: %w", o.dir, err)
		}
		defer evidence.Close()
		if _, err := replay.Learn(cmd.Context(), evidence); err != nil {
			return err
		}
	}
	v, err := replay.View(cmd.Context())
	if err != nil {
		return err
	}
	switch {
	case o.module != "":
		return o.holding(cmd, v)
	case o.tag != "":
		return o.history(cmd, v)
	case o.builder != "":
		return o.mentions(cmd, v.BuiltBy(o.builder, from, to), v.BuiltBy("", from, to))
	}
	return o.mentions(cmd, v.SignedBy(strings.ToLower(o.key), from, to), nil)
}

// unknownStatus is the failure that some releases are unknown.
func unknownStatus(n int) error {
	if n == 0 {
		return nil
	}
	return &failure{statusFailed, fmt.Errorf("of %s nobody knows", plural(n, "release", "releases"))}
}

// A mentionLine is one answer; Unknown says that nobody knows.
type mentionLine struct {
	release.Mention
	Unknown bool `json:"unknown,omitempty"`
}

func (o *releaseAsk) mentions(cmd *cobra.Command, known, unknown iter.Seq2[release.Mention, error]) error {
	lines, nobody := []mentionLine{}, 0
	collect := func(answers iter.Seq2[release.Mention, error], unknown bool) error {
		if answers == nil {
			return nil
		}
		for m, err := range answers {
			if err != nil {
				return err
			}
			if o.product != "-" && m.Product != o.product {
				continue
			}
			if unknown {
				nobody++
			}
			lines = append(lines, mentionLine{m, unknown})
		}
		return nil
	}
	if err := collect(known, false); err != nil {
		return err
	}
	if err := collect(unknown, true); err != nil {
		return err
	}
	if o.format == "json" {
		if err := emitJSON(cmd, lines); err != nil {
			return err
		}
		return unknownStatus(nobody)
	}
	w := table(cmd.OutOrStdout())
	for _, l := range lines {
		what, note := "-", ""
		if l.Release > 0 {
			what = fmt.Sprintf("%s#%d", l.Product, l.Release)
		}
		switch {
		case l.Unknown:
			note = "UNKNOWN: it does not say who built it"
		case l.Void:
			note = "void"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", l.Index, date(l.Time), orDash(l.Kind), what, note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return unknownStatus(nobody)
}

func (o *releaseAsk) holding(cmd *cobra.Command, v *rollout.View) error {
	lines, nobody := []rollout.Holding{}, 0
	for h, err := range v.Holding(o.module, o.below) {
		if err != nil {
			return err
		}
		if o.product != "-" && h.Product != o.product {
			continue
		}
		if h.Unknown != "" {
			nobody++
		}
		lines = append(lines, h)
	}
	if o.format == "json" {
		if err := emitJSON(cmd, lines); err != nil {
			return err
		}
		return unknownStatus(nobody)
	}
	w := table(cmd.OutOrStdout())
	for _, h := range lines {
		note := ""
		if h.Unknown != "" {
			note = "UNKNOWN: " + h.Unknown
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", h.Name, orDash(h.Version), note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return unknownStatus(nobody)
}

func (o *releaseAsk) history(cmd *cobra.Command, v *rollout.View) error {
	h, err := v.TagHistory(o.product, o.tag)
	if err != nil {
		return err
	}
	if o.format == "json" {
		return emitJSON(cmd, h)
	}
	out := cmd.OutOrStdout()
	if h.Bound == nil {
		fmt.Fprintf(out, "%s was never bound\n", show(h.Tag))
	} else {
		fmt.Fprintf(out, "%s is %s of %s#%d for ever, since record %d, by %s\n", show(h.Tag), h.Bound.Digest, o.product, h.Bound.Release, h.Bound.Index, strings.Join(h.Bound.By, ", "))
	}
	for _, a := range h.Attempts {
		who := "nobody who is known"
		if len(a.By) > 0 {
			who = strings.Join(a.By, ", ")
		}
		fmt.Fprintf(out, "%s record %d, by %s: to %s, without effect\n", date(a.Time), a.Index, who, a.Digest)
	}
	return nil
}
