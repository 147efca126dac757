package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// The reports that are known, as they are called in messages.
const (
	goTestReport      = "the output of go test -json"
	junitReport       = "a JUnit report"
	sarifReport       = "a SARIF log"
	govulncheckReport = "the output of govulncheck -json"
)

// A report is what a tool wrote, or a predicate, while it is read.
type toolReport struct {
	path    string
	file    *os.File // nil if it is standard input
	reader  *bufio.Reader
	sum     hash.Hash // of what was read from the file
	written time.Time
}

func openReport(cmd *cobra.Command, path string) (*toolReport, error) {
	r := &toolReport{path: path, sum: sha256.New(), written: time.Now()}
	in := cmd.InOrStdin()
	if path != "-" {
		f, err := safefs.Open(path)
		if err != nil {
			return nil, readError("predicate", path, err)
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, readError("predicate", path, err)
		}
		r.file, r.written, in = f, info.ModTime(), f
	}
	r.reader = bufio.NewReaderSize(io.TeeReader(in, r.sum), 64<<10)
	return r, nil
}

func (r *toolReport) close() {
	if r.file != nil {
		r.file.Close()
	}
}

// all is the whole content, if it may be a predicate.
func (r *toolReport) all() ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r.reader, maxStatement+1))
	if err == nil && len(data) > maxStatement {
		err = safefs.ErrTooLarge
	}
	if err != nil {
		return nil, readError("predicate", r.path, err)
	}
	return data, nil
}

// detect tells from the beginning which report it is; "" is none that is known.
func (r *toolReport) detect() string {
	head, _ := r.reader.Peek(64 << 10)
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	if bytes.HasPrefix(head, []byte("<")) {
		return junitReport
	}
	// What is left of go test's standard error comes first, if it is mixed in.
	if bytes.Contains(head, []byte("\n{\"Time\":")) && !bytes.HasPrefix(head, []byte("{")) {
		return goTestReport
	}
	names := memberNames(head)
	switch {
	case names["Action"]:
		return goTestReport
	case names["config"] && len(names) == 1:
		return govulncheckReport
	case names["runs"] && (names["version"] || names["$schema"]):
		return sarifReport
	}
	return ""
}

// memberNames are the names of the members of the first JSON object in head, as
// far as it goes.
func memberNames(head []byte) map[string]bool {
	names := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(head))
	depth, key := 0, false
	for {
		token, err := d.Token()
		if err != nil {
			return names
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			key = depth == 1
		case string:
			if depth == 1 && key {
				names[token] = true
				key = false
				continue
			}
			key = depth == 1
		default:
			key = depth == 1
		}
		if depth == 0 {
			return names
		}
	}
}

// testResult makes a test result of a report.
func (o *attestOptions) testResult(ctx context.Context, r *toolReport, kind string) (any, error) {
	if o.started != "" || o.finished != "" {
		return nil, usagef("--started and --finished are for a scan, and %q is %s", o.predicate, kind)
	}
	configuration, err := o.configuration(ctx)
	if err != nil {
		return nil, err
	}
	from := map[string]func(io.Reader, ...provenance.ResourceDescriptor) (*predicate.TestResult, error){
		goTestReport: predicate.FromGoTest, junitReport: predicate.FromJUnit, sarifReport: predicate.FromSARIF}[kind]
	own := len(configuration) == 0
	if own {
		configuration = []provenance.ResourceDescriptor{{Name: r.name()}} // its digest is known when it has been read
	}
	result, err := from(r.reader, configuration...)
	if err != nil {
		return nil, fmt.Errorf("predicate %q: %w", o.predicate, err)
	}
	if own {
		if _, err := io.Copy(io.Discard, r.reader); err != nil {
			return nil, readError("predicate", o.predicate, err)
		}
		result.Configuration[0].Digest = provenance.DigestSet{"sha256": hex.EncodeToString(r.sum.Sum(nil))}
	}
	if result.URL = o.url; result.URL == "" {
		result.URL = capture.FindJob(os.Environ()).LogURL
	}
	return result, nil
}

// name is what the report is called where it stands for itself.
func (r *toolReport) name() string {
	if r.file == nil {
		return "report"
	}
	return filepath.Base(r.path)
}

// vulns makes a list of vulnerabilities of a report.
func (o *attestOptions) vulns(r *toolReport) (any, error) {
	if len(o.config) > 0 || o.url != "" {
		return nil, usagef("--config and --url are for a test run, and %q is %s", o.predicate, govulncheckReport)
	}
	started, finished := r.written, r.written
	for _, t := range []struct {
		flag, value string
		time        *time.Time
	}{{"started", o.started, &started}, {"finished", o.finished, &finished}} {
		if t.value == "" {
			continue
		}
		var err error
		if *t.time, err = instant(t.flag, t.value); err != nil {
			return nil, err
		}
	}
	vulns, err := predicate.FromGovulncheck(r.reader, started.UTC().Truncate(time.Second), finished.UTC().Truncate(time.Second))
	if err != nil {
		return nil, fmt.Errorf("predicate %q: %w", o.predicate, err)
	}
	if o.started != "" {
		vulns.Metadata.ScanStartedOn = started
	}
	if o.finished != "" {
		vulns.Metadata.ScanFinishedOn = finished
	}
	return vulns, nil
}

// configuration are the files that the tests were run with.
func (o *attestOptions) configuration(ctx context.Context) ([]provenance.ResourceDescriptor, error) {
	var list []provenance.ResourceDescriptor
	for _, path := range o.config {
		if !exists(path) {
			return nil, fmt.Errorf("--config: there is no file %q", path)
		}
		d, err := subjectOf(ctx, path)
		if err != nil {
			return nil, err
		}
		d.Name = pathName(path)
		list = append(list, d)
	}
	return list, nil
}
