// Command audit checks an export of a release ledger (docs/capsule.md) without a
// line of the library that wrote it: the file, the log's tree and signatures, who
// signed each record, and whether the roles in force at its place let it take
// effect. An auditor can read it before believing it; it
// uses the standard library and golang.org/x/mod alone.
//
//	audit -trust trust.json FILE            by the trust file at hand
//	audit -trust-digest sha256:… FILE       by the digest of the one in the export
//
// It prints every record: when it was witnessed, what it is, who signed it, and
// what became of it. Exit status: 0 the export is whole and nothing in it
// contradicts, 1 it is not, 64 wrong usage. A void record is no contradiction: it
// is kept, shown, and has no effect.
//
// What it leaves to the library: policies and evidence (it says only whether what
// releases name is there), records in Sigstore bundles, and identities by
// certificate. It refuses an export whose records need them.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	flags.SetOutput(stderr)
	trustFile := flags.String("trust", "", "whom to believe: the trust `FILE`")
	trustDigest := flags.String("trust-digest", "", "or the `DIGEST` of the trust file in the export")
	if flags.Parse(args) != nil {
		return 64
	}
	if flags.NArg() != 1 || (*trustFile == "") == (*trustDigest == "") {
		fmt.Fprintln(stderr, "usage: audit -trust FILE | -trust-digest DIGEST EXPORT")
		return 64
	}
	if err := check(stdout, flags.Arg(0), *trustFile, *trustDigest); err != nil {
		fmt.Fprintf(stderr, "audit: %q\n", err.Error())
		return 1
	}
	return 0
}

// check reads everything, and prints what it found.
func check(out io.Writer, path, trustFile, trustDigest string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	export, err := readExport(file)
	if err != nil {
		return err
	}
	data := export.trust
	if trustFile != "" {
		if data, err = os.ReadFile(trustFile); err != nil {
			return err
		}
	}
	pinned, err := parseTrust(data)
	if err != nil {
		return fmt.Errorf("the trust file: %w", err)
	}
	if trustDigest != "" && pinned.digest != trustDigest {
		return fmt.Errorf("the trust file in the export is %s, want %s", pinned.digest, trustDigest)
	}
	log, err := export.openLog(pinned)
	if err != nil {
		return err
	}
	h, err := replay(log, pinned)
	if err != nil {
		return err
	}
	absent, err := export.complete(h)
	if err != nil {
		return err
	}
	h.print(out)
	fmt.Fprintf(out, "whole: %d records of %q, root %s, cosigned by %s\n", len(log.records), pinned.origin, log.root, strings.Join(log.witnesses, ", "))
	fmt.Fprintf(out, "trust file: version %d, %s\nexport: %s\n", h.trust.version, h.trust.digest, export.digest)
	for _, e := range export.erased {
		fmt.Fprintf(out, "erased by record %d: %s: %q\n", e.Record, e.Digest, e.Reason)
	}
	for _, line := range absent {
		fmt.Fprintf(out, "absent: %s\n", line)
	}
	return nil
}

// print lists records, and what each product came to.
func (h *outcome) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, f := range h.fates {
		what := "ok"
		if f.same {
			what = "ok, changes nothing"
		}
		if f.void != "" {
			what = "VOID " + f.void
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\tby %s\t%s\n", f.index, date(f.time), dash(f.kind), dash(f.about), dash(strings.Join(f.by, ", ")), printable(what))
	}
	w.Flush()
	for _, name := range sortedKeys(h.products) {
		p := h.products[name]
		for _, tag := range sortedKeys(p.tags) {
			fmt.Fprintf(out, "%s: tag %s is %s\n", name, tag, p.tags[tag])
		}
		for _, stage := range sortedKeys(p.stages) {
			if at := p.stages[stage]; at.now != nil {
				fmt.Fprintf(out, "%s: %s is at %s#%d %s since %s\n", name, printable(stage), name, at.now.number, at.now.version, date(at.since))
			}
		}
	}
}

// printable keeps a terminal from being told what to do by who wrote a record.
func printable(s string) string {
	if q := fmt.Sprintf("%q", s); q != `"`+s+`"` {
		return q
	}
	return s
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
