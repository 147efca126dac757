package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
	"github.com/touchmark-go/touchmark/sign"
)

func newAttest() *cobra.Command {
	var o attestOptions
	c := &cobra.Command{
		Use:   "attest --type TYPE --predicate FILE [--config FILE]… [--key FILE] [--out FILE] ARTIFACT",
		Short: "state anything about an artifact: a test result, a scan, a review",
		Long: `attest makes a statement about an artifact: a predicate, which is any JSON object, and the URI
that says what it means. A policy asks for it under "attestations".

Four types are known by a short name, and held to their specification:

  test-result     ` + predicate.TestResultType + `
  vulns           ` + predicate.VulnsType + `
  link            ` + predicate.LinkType + `
  runtime-trace   ` + predicate.RuntimeTraceType + `

For test-result, --predicate may be what a tool wrote: the output of go test -json, a JUnit report
or a SARIF log; for vulns, the output of govulncheck -json. Which one it is, is seen from its content;
- reads standard input. A test that failed makes FAILED, a warning WARNED, and what was skipped
was not run. A report that was cut off, or in which nothing ran, is refused: no result is made up.
Keep standard error out of it: go test -json ./... >tests.json; govulncheck -json ./... >vulns.json

With --key it is signed, and --out adds the bundle to the file, which may hold others. Without
--key it is an unsigned statement for touchmark sign. The exit status says whether the statement
was made, not what it says.`,
		Example: `  touchmark attest --type test-result --predicate tests.json --key qa.key --out dist/app.intoto.jsonl dist/app
  touchmark attest --type vulns --predicate vulns.json --key qa.key --out dist/app.intoto.jsonl dist/app
  touchmark attest --type https://acme.example/review/v1 --predicate review.json --key alice.key --out dist/app.intoto.jsonl dist/app
  touchmark attest --type link --predicate step.json --key ci.key --layout links dist/app`,
		Args: exactly("ARTIFACT"),
		RunE: does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.kind, "type", "", "what the predicate means: its URI or short name, `TYPE`")
	f.StringVar(&o.predicate, "predicate", "", "the predicate, or the report of a tool: a `FILE`, or - for standard input")
	f.StringArrayVar(&o.config, "config", nil, "a `FILE` that the tests were run with; may be repeated. If there is none, the report stands in its place")
	f.StringVar(&o.url, "url", "", "the page of the test run, `URL`; else that of the CI job, if the variables tell")
	f.StringVar(&o.started, "started", "", "the `TIME` when the scan started; else that in the report, or when it was written")
	f.StringVar(&o.finished, "finished", "", "the `TIME` when the scan ended; else that in the report, or when it was written")
	o.key.flag(c, "the statement")
	f.StringVar(&o.out, "out", "", "add the bundle to `FILE`, or without --key write the statement there; else to standard output")
	f.StringVar(&o.layout, "layout", "", "write a link for in-toto's own tools into `DIR`: NAME.KEYID.link, which is no statement")
	must(c.MarkFlagRequired("type"))
	must(c.MarkFlagRequired("predicate"))
	completeWords(c, "type", shortTypes()...)
	return c
}

type attestOptions struct {
	kind, predicate, url, started, finished, out, layout string
	config                                               []string
	key                                                  signingKey
}

func shortTypes() []string { return []string{"test-result", "vulns", "link", "runtime-trace"} }

func (o *attestOptions) run(cmd *cobra.Command, args []string) error {
	if i := slices.Index(shortTypes(), o.kind); i >= 0 {
		o.kind = []string{predicate.TestResultType, predicate.VulnsType, predicate.LinkType, predicate.RuntimeTraceType}[i]
	}
	if u, err := url.Parse(o.kind); err != nil || !u.IsAbs() {
		return usagef("--type: %q is no predicate type: want %s, or a URI like https://acme.example/review/v1", o.kind, orList(shortTypes()))
	}
	if o.layout != "" && (o.kind != predicate.LinkType || o.key.path == "" || o.out != "") {
		return usagef("--layout is for --type link with --key, in the place of --out")
	}
	subject, err := subjectOf(cmd.Context(), args[0])
	if err != nil {
		return err
	}
	if o.kind == predicate.LinkType { // a layout knows what a step makes by its path
		subject.Name = pathName(args[0])
	}
	body, err := o.body(cmd)
	if err != nil {
		return err
	}
	var s *provenance.Statement
	if made, ok := body.(converted); ok {
		s, err = made.Statement(subject)
	} else if s, err = provenance.New(o.kind, body, subject); err == nil {
		err = validPredicate(s)
	}
	if err != nil {
		return fmt.Errorf("predicate %q: %w", o.predicate, err)
	}
	if o.layout != "" {
		return o.writeLink(cmd, s)
	}
	return emitStatements(cmd, &o.key, o.out, s)
}

// A converted is a predicate that was made of a report.
type converted interface {
	Statement(subjects ...provenance.ResourceDescriptor) (*provenance.Statement, error)
}

// validPredicate holds a predicate to its specification, if it is one of those
// that are known here.
func validPredicate(s *provenance.Statement) error {
	var err error
	switch s.PredicateType {
	case predicate.TestResultType:
		_, err = predicate.ParseTestResult(s)
	case predicate.VulnsType:
		_, err = predicate.ParseVulns(s)
	case predicate.LinkType:
		_, err = predicate.ParseLink(s)
	case predicate.RuntimeTraceType:
		_, err = predicate.ParseRuntimeTrace(s)
	}
	return err
}

// writeLink writes a link as layouts are verified with.
func (o *attestOptions) writeLink(cmd *cobra.Command, s *provenance.Statement) error {
	link, err := predicate.ParseLink(s)
	if err != nil {
		return err
	}
	if !filepath.IsLocal(link.Name) || strings.ContainsAny(link.Name, `/\:`) {
		return fmt.Errorf("predicate %q: step %q is to be the name of a file, and is none", o.predicate, link.Name)
	}
	body, err := link.Metadata(s.Subject...)
	if err != nil {
		return err
	}
	key, err := o.key.load(cmd.Context())
	if err != nil {
		return err
	}
	id, err := key.KeyID()
	if err != nil {
		return err
	}
	bundle, err := sign.Payload(cmd.Context(), provenance.PayloadType, body, key)
	if err != nil {
		return err
	}
	data, err := bundle.Marshal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.layout, 0o755); err != nil {
		return fmt.Errorf("--layout: %q: %w", o.layout, cause(err))
	}
	path := filepath.Join(o.layout, link.Name+"."+id[:min(8, len(id))]+".link")
	if err := atomicfile.Write(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing %q: %w", path, cause(err))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s  step %s, signed by %s\n", show(path), show(link.Name), key)
	return nil
}

// body is the predicate: as it is in the file, or made of the report there.
func (o *attestOptions) body(cmd *cobra.Command) (any, error) {
	r, err := openReport(cmd, o.predicate)
	if err != nil {
		return nil, err
	}
	defer r.close()
	kind := r.detect()
	switch {
	case kind == "":
		if err := o.unused("is no report of a tool"); err != nil {
			return nil, err
		}
		data, err := r.all()
		if err != nil {
			return nil, err
		}
		return json.RawMessage(data), nil
	case o.kind == predicate.TestResultType && kind != govulncheckReport:
		return o.testResult(cmd.Context(), r, kind)
	case o.kind == predicate.VulnsType && kind == govulncheckReport:
		return o.vulns(r)
	case o.kind == predicate.TestResultType:
		return nil, fmt.Errorf("predicate %q is %s, which is no test result: want --type vulns", o.predicate, kind)
	case o.kind == predicate.VulnsType && kind == sarifReport:
		return nil, fmt.Errorf("predicate %q is %s, which does not say how old the scanner's database was, as vulns must: want --type test-result", o.predicate, kind)
	case o.kind == predicate.VulnsType:
		return nil, fmt.Errorf("predicate %q is %s, which names no vulnerabilities: want --type test-result", o.predicate, kind)
	case kind == sarifReport: // it is one JSON object, and may be what another type wants
		data, err := r.all()
		if err != nil {
			return nil, err
		}
		return json.RawMessage(data), nil
	}
	return nil, fmt.Errorf("predicate %q is %s, which becomes no predicate of type %s", o.predicate, kind, show(o.kind))
}

// unused says that flags which are for a report stand beside none.
func (o *attestOptions) unused(why string) error {
	for _, f := range []struct {
		name string
		set  bool
	}{{"config", len(o.config) > 0}, {"url", o.url != ""}, {"started", o.started != ""}, {"finished", o.finished != ""}} {
		if f.set {
			return usagef("--%s is for a report that is converted, and %q %s", f.name, o.predicate, why)
		}
	}
	return nil
}

// subjectOf hashes a file or folder, wherever it is, and names it by its last
// element.
func subjectOf(ctx context.Context, path string, algorithms ...string) (provenance.ResourceDescriptor, error) {
	if !exists(path) {
		return provenance.ResourceDescriptor{}, fmt.Errorf("artifact: there is no file %q", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return provenance.ResourceDescriptor{}, err
	}
	list, err := provenance.SubjectOptions{Root: filepath.Dir(abs), Algorithms: algorithms}.Subjects(ctx, abs)
	if err != nil {
		return provenance.ResourceDescriptor{}, fmt.Errorf("artifact %q: %w", path, err)
	}
	return list[0], nil
}

// pathName names a file by its path from here, and one that is elsewhere by its
// last element.
func pathName(path string) string {
	if clean := filepath.Clean(path); filepath.IsLocal(clean) && clean != "." {
		return filepath.ToSlash(clean)
	}
	return filepath.Base(path)
}
