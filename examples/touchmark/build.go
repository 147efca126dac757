package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/capture/trace"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign/keys"
)

func newBuild() *cobra.Command {
	var o buildOptions
	c := &cobra.Command{
		Use:   "build [--out DIR] [--key FILE] [--env NAME]… [--link-var NAME]… [--output PATH]… -- COMMAND…",
		Short: "run a build; write provenance, SBOM and bundle for each output",
		Long: `build runs a command that builds something, watches it, and writes beside each output:

  ARTIFACT.intoto.jsonl   with --key: provenance and SBOM, signed; what verify reads
  ARTIFACT.cdx.json       the SBOM of a Go program (CycloneDX 1.6)

Without --key there is no signature, and nobody can rely on what nobody signed: the statements
are then ARTIFACT.provenance.json and ARTIFACT.sbom.json, for touchmark sign.

The outputs are those named by --output; for go build they can be left out, and are what its
-o names. Environment variables are recorded only if --env names them, values that -ldflags=-X
sets only if --link-var names the variable, and arguments of commands other than go only if
--argument allows them. A build that fails leaves no evidence; --failure keeps a record of it,
which is a provenance predicate and no statement. If what was built contradicts what was seen of
the build, such as other modules or another commit, that is an error, which names every finding.
In a CI job the run, the change request and the job's own builder id are recorded, as far as its
variables tell.

What must not be written down can be committed to with --commit: a salted hash stands for it, and
who is later shown the value and the salt can check that it is the one that was there.

With --trace, on Linux, it sees every file that the command and its children really open, execute
and write: what something was made from is in the provenance, and all of it in
ARTIFACT.trace.intoto.jsonl (unsigned, ARTIFACT.trace.json). The command cannot gain privileges
then: sudo in it fails. Where nothing can be seen, the provenance says so.

Evidence beside the output makes the next build's work tree dirty unless git ignores it:
ignore the output folder, or use --out.`,
		Example: `  touchmark build --key release.key -- go build -trimpath -o dist/app ./cmd/app
  touchmark build --key release.key --env CGO_ENABLED --output dist/app -- make dist/app`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 0 {
				return usagef("put -- before the command, so that its flags are its own: touchmark build [flags] -- COMMAND…")
			}
			return atLeastOne("COMMAND")(cmd, args)
		},
		RunE: does(o.run),
	}
	f := c.Flags()
	f.SetInterspersed(false)
	f.StringVar(&o.out, "out", "", "write the evidence to `DIR`, in the place of beside each output")
	o.key.flag(c, "provenance and SBOM")
	f.StringArrayVar(&o.env, "env", nil, "record the environment variable `NAME`; may be repeated")
	f.StringArrayVar(&o.linkVars, "link-var", nil, "record the value that -ldflags=-X gives the `VARIABLE`, like main.version; may be repeated")
	f.StringArrayVar(&o.arguments, "argument", nil, "record the `ARGUMENT` of a command that is not go; may be repeated")
	f.StringVar(&o.failure, "failure", "", "if the command fails, write a record of that to `FILE`")
	f.StringArrayVar(&o.outputs, "output", nil, "`PATH` of a file or folder that the command makes; may be repeated")
	f.BoolVar(&o.trace, "trace", false, "see which files the command really opens, and write that down, too")
	o.commit.flag(c)
	return c
}

type buildOptions struct {
	out          string
	key          signingKey
	env, outputs []string
	linkVars     []string
	arguments    []string
	failure      string
	trace        bool
	commit       committing
}

func (o *buildOptions) run(cmd *cobra.Command, args []string) error {
	outputs, err := o.named(args)
	if err != nil {
		return err
	}
	key, err := o.key.load(cmd.Context()) // before the build: a passphrase that is wrong should not cost one
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return fmt.Errorf("--out: %q: %w", o.out, cause(err))
		}
	}
	stderr := cmd.ErrOrStderr()
	progress(stderr, "touchmark: running %s", show(filepath.Base(args[0]))) // arguments may be secrets
	build := exec.Command(args[0], args[1:]...)
	build.Stdin, build.Stdout, build.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), stderr
	options := capture.Options{Env: o.env, LinkVars: o.linkVars, Arguments: o.arguments, RecordFailure: o.failure != "", CI: os.Environ()}
	if o.trace {
		options.Tracer = trace.Options{}
	}
	if err := o.commit.options(&options); err != nil {
		return err
	}
	rec, err := options.Run(cmd.Context(), build, outputs...)
	if err != nil && rec != nil {
		if err := o.commit.keep(rec); err != nil {
			return err
		}
		return o.failed(rec, err)
	}
	if err != nil {
		return err
	}
	progress(stderr, "touchmark: reading what was built")
	if err := o.commit.keep(rec); err != nil {
		return err
	}
	for i, path := range outputs {
		if err := o.write(cmd, key, rec.Statement(), path, rec.Subjects()[i]); err != nil {
			return err
		}
		if err := o.writeTrace(cmd, key, rec, path); err != nil {
			return err
		}
	}
	tellTrace(cmd.OutOrStdout(), rec)
	tellGrades(cmd.OutOrStdout(), rec)
	o.commit.tell(cmd.OutOrStdout(), rec)
	return nil
}

// failed writes the record of a build that failed with err. It is a predicate:
// there is nothing that a statement could be about.
func (o *buildOptions) failed(rec *capture.Record, err error) error {
	data, jsonErr := json.Marshal(rec.Build())
	if jsonErr == nil {
		jsonErr = writeFile(o.failure, append(data, '\n'), 0o644)
	}
	if jsonErr != nil {
		return fmt.Errorf("%w; and --failure: %v", err, jsonErr)
	}
	return fmt.Errorf("%w; %q says how it was built", err, o.failure)
}

// named are the outputs: those of --output, else what go build's -o names. The
// files written for two of them must not meet.
func (o *buildOptions) named(args []string) ([]string, error) {
	outputs := o.outputs
	if len(outputs) == 0 {
		path, err := goOutput(args)
		if err != nil {
			return nil, err
		}
		outputs = []string{path}
	}
	seen := map[string]string{}
	for _, path := range outputs {
		if path == "" {
			return nil, usagef("--output: the path is empty")
		}
		at := beside(path, o.out, "")
		if other, twice := seen[at]; twice {
			return nil, usagef("the evidence of %q and %q would have one name, %q", other, path, at+evidenceSuffix)
		}
		seen[at] = path
	}
	return outputs, nil
}

// goOutput finds what go build -o writes.
func goOutput(args []string) (string, error) {
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if len(args) < 2 || name != "go" && !strings.HasPrefix(name, "go1.") || args[1] != "build" {
		return "", usagef("what does %s make? name it with --output PATH", show(name))
	}
	var out, chdir string
	for i := 2; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			continue // a package, or the value of a flag that does not matter here
		}
		flag, value, inline := strings.Cut(strings.TrimPrefix(args[i][1:], "-"), "=")
		if flag != "o" && flag != "C" {
			continue
		}
		if !inline && i+1 < len(args) {
			i++
			value = args[i]
		}
		if flag == "o" {
			out = value
		} else {
			chdir = value
		}
	}
	if out == "" {
		return "", usagef("what does it make? give go build -o FILE, or name it with --output PATH")
	}
	folder := strings.HasSuffix(out, "/") || strings.HasSuffix(out, `\`)
	if !filepath.IsAbs(out) {
		out = filepath.Join(chdir, out)
	}
	if info, err := os.Stat(out); folder || err == nil && info.IsDir() {
		return "", usagef("-o %q is a folder: name each file that is made there with --output PATH", out)
	}
	return out, nil
}

// write writes the files that belong to one output.
func (o *buildOptions) write(cmd *cobra.Command, key *keys.Key, built *provenance.Statement, path string, subject provenance.ResourceDescriptor) error {
	w := cmd.OutOrStdout()
	digest := ""
	for _, d := range subject.Digest.Digests() {
		digest = d.String()
	}
	fmt.Fprintf(w, "%s  %s\n", show(path), digest)
	statements := []*provenance.Statement{built}
	names := []string{provenanceSuffix}
	what := "provenance"
	inside, bom, err := bomOf(cmd.Context(), path, subject.Digest)
	switch {
	case errors.Is(err, errNoBOM):
		fmt.Fprintf(w, "  no SBOM: %v\n", err)
	case err != nil:
		return err
	default:
		at := beside(path, o.out, bomSuffix)
		if err := writeFile(at, bom, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(w, "  %s  SBOM\n", show(at))
		statements, names = append(statements, inside), append(names, bomStatement)
		what = "provenance and SBOM"
	}
	if key == nil {
		command := "touchmark sign --key FILE --out " + shellWord(beside(path, o.out, evidenceSuffix))
		for i, s := range statements {
			at := beside(path, o.out, names[i])
			if err := writeStatement(at, s); err != nil {
				return err
			}
			fmt.Fprintf(w, "  %s  statement, unsigned\n", show(at))
			command += " " + shellWord(at)
		}
		fmt.Fprintf(w, "  nothing is signed yet: %s\n", command)
		return nil
	}
	data, err := signAll(cmd.Context(), key, statements...)
	if err != nil {
		return err
	}
	at := beside(path, o.out, evidenceSuffix)
	if err := writeFile(at, data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(w, "  %s  %s, signed by %s\n", show(at), what, key)
	return nil
}

func writeStatement(path string, s *provenance.Statement) error {
	data, err := s.Marshal()
	if err != nil {
		return err
	}
	return writeFile(path, append(data, '\n'), 0o644)
}

// errNoBOM says that an output is nothing whose parts can be listed.
var errNoBOM = errors.New("it is no Go program, so nothing says what is inside")

// bomOf lists what is in the file at path, which must still have the digests
// that the provenance gives it.
func bomOf(ctx context.Context, path string, digests provenance.DigestSet) (*provenance.Statement, []byte, error) {
	bom, data, err := binaryBOM(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := sbom.Statement(bom)
	if err != nil {
		return nil, nil, err
	}
	if s.Subject[0].Digest.Match(digests) != provenance.Matched {
		return nil, nil, fmt.Errorf("%q changed after it was built: its SBOM would be of other bytes than its provenance", path)
	}
	return s, data, nil
}

// tellGrades says how well the facts are known, and names those that are not.
func tellGrades(w io.Writer, rec *capture.Record) {
	count := map[string]int{}
	var absent []string
	for _, g := range rec.Grades() {
		count[g.Grade]++
		if g.Grade == capture.Absent {
			absent = append(absent, fmt.Sprintf("  not known: %s: %s\n", show(g.Field), show(g.Why)))
		}
	}
	fmt.Fprintf(w, "facts: %d observed, %d declared, %d inferred, %d absent\n", count[capture.Observed], count[capture.Declared], count[capture.Inferred], count[capture.Absent])
	for _, line := range absent {
		io.WriteString(w, line)
	}
	if dirty, files := dirtyTree(rec.Build()); dirty {
		fmt.Fprintf(w, "the work tree was dirty%s: most policies refuse that\n", files)
	}
}

// dirtyTree reports whether provenance says that there were uncommitted
// changes, and names the first of the files.
func dirtyTree(b *provenance.Build) (bool, string) {
	source, _ := b.BuildDefinition.ExternalParameters["source"].(map[string]any)
	if source["dirty"] != true {
		return false, ""
	}
	var names []string
	switch list := b.BuildDefinition.InternalParameters["dirtyFiles"].(type) {
	case []any:
		for _, v := range list {
			names = append(names, fmt.Sprint(v))
		}
	case []string:
		names = list
	}
	if len(names) == 0 {
		return true, ""
	}
	more := ""
	if len(names) > 3 {
		more = fmt.Sprintf(" and %d more", len(names)-3)
		names = names[:3]
	}
	return true, " (" + showAll(names) + more + ")"
}

// shellWord is s as a word that can be pasted into a shell.
func shellWord(s string) string {
	if s != "" && plain(s) && !strings.ContainsAny(s, " \t'\"\\$`&|;<>()*?[]#~!{}") {
		return s
	}
	return "'" + strings.ReplaceAll(oneLine(s), "'", `'\''`) + "'"
}
