package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A row is one case.
type row struct {
	id, format, bundle, artifact, trustedRoot string
	identity, issuer, builder, source, tag    string
	expected, note                            string
	root                                      *os.Root
	cache                                     *authenticators
}

// columns are the first line of an expected.csv.
var columns = []string{"id", "format", "bundle_path", "artifact_path_or_digest", "trusted_root_path", "identity", "issuer", "builder_id", "source_uri", "source_tag", "expected", "note"}

// counts are the results.
type counts struct{ passed, failed, skipped int }

// A skip is why a case is not run. Nothing else but these may be skipped.
type skip string

func (s skip) Error() string { return string(s) }

const (
	skipAmbiguous skip = "ambiguous: clients differ"
	skipOpenPGP   skip = "OpenPGP key"
	skipTextproto skip = "CycloneDX textproto"
)

// An unusable says that the material cannot be read, which is no verdict.
type unusable struct{ error }

// runner is what decides a case of this format: nil is a pass.
func runner(format string) func(row) error {
	switch format {
	case "dsse-key":
		return runDSSE
	case "in-toto-layout":
		return runLayout
	case "sigstore-bundle-msg", "sigstore-bundle-dsse", "sigstore-jsonl":
		return runSigstore
	case "dsse-embedded-cert", "sigstore-bundle-slsa":
		return runSLSA
	case "oci-layout-cosign":
		return runSavedImage
	case "bundle-custom-ca":
		return runCustomCA
	case "npm-attestations":
		return runNPM
	case "gcb-provenance":
		return runGCB
	case "dsse-vsa":
		return runVSA
	case "openvex":
		return runOpenVEX
	case "purl-tests":
		return runPURL
	case "wycheproof-ecdsa", "wycheproof-ed25519", "wycheproof-rsa-pss", "wycheproof-rsa-signature":
		return runWycheproof
	}
	if strings.HasSuffix(format, "-textproto") {
		return func(row) error { return skipTextproto }
	}
	if strings.HasPrefix(format, "cyclonedx-") {
		return runCycloneDX
	}
	return func(row) error { return unusable{fmt.Errorf("format %q is not known", format)} }
}

// corpus runs every row of a file.
func corpus(path, root string, out io.Writer) (c counts, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	dir, err := os.OpenRoot(root)
	if err != nil {
		return c, err
	}
	defer dir.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return c, err
	}
	if len(lines) < 2 || !slices.Equal(lines[0], columns) {
		return c, fmt.Errorf("%s: want a first line %q and cases below it", path, strings.Join(columns, ","))
	}
	var rows []row
	cache := newCache()
	for _, l := range lines[1:] {
		rows = append(rows, row{id: l[0], format: l[1], bundle: l[2], artifact: l[3], trustedRoot: l[4], identity: l[5], issuer: l[6], builder: l[7], source: l[8], tag: l[9],
			expected: l[10], note: l[11], root: dir, cache: cache})
		if e := l[10]; e != "pass" && e != "fail" {
			return c, fmt.Errorf("%s: %s expects %q, want pass or fail", path, l[0], e)
		}
	}
	for i, why := range verdicts(rows) {
		r, got := rows[i], "pass"
		if strings.Contains(strings.ToLower(r.note), "ambiguous") {
			why = skipAmbiguous
		}
		var skipped skip
		var broken unusable
		switch {
		case errors.As(why, &skipped):
			fmt.Fprintf(out, "SKIP %s %s\n", r.id, skipped)
			c.skipped++
			continue
		case errors.As(why, &broken):
			return c, fmt.Errorf("%s: %s: %w", path, r.id, broken.error)
		case why != nil:
			got = "fail"
		}
		if got == r.expected {
			c.passed++
			continue
		}
		c.failed++
		reason := "accepted"
		if why != nil {
			reason = why.Error()
		}
		fmt.Fprintf(out, "MISMATCH %s %s %s %s\n", r.id, r.expected, got, strings.ReplaceAll(reason, "\n", " "))
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", c.passed, c.failed, c.skipped)
	return c, nil
}

// verdicts runs all rows, several at once, and returns what comes of each.
func verdicts(rows []row) []error {
	out := make([]error, len(rows))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				out[i] = runner(rows[i].format)(rows[i])
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// maxCase is the most that one file of a case may have, in bytes.
const maxCase = 256 << 20

// open opens a file of the case.
func (r row) open(path string) (*os.File, error) {
	f, err := r.root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, unusable{err}
	}
	return f, nil
}

// read returns a file of the case.
func (r row) read(path string) ([]byte, error) {
	f, err := r.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCase+1))
	if err == nil && len(data) > maxCase {
		err = fmt.Errorf("%s has more than %d bytes", path, maxCase)
	}
	if err != nil {
		return nil, unusable{err}
	}
	return data, nil
}

// noted is the value of name=value in the note, which separates by " ; ".
func (r row) noted(name string) string {
	for _, part := range strings.Split(r.note, " ; ") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			return value
		}
	}
	return ""
}
