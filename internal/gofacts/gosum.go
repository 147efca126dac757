package gofacts

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// Limits of the module files that are read. A go.sum of ten thousand modules
// has 2 MiB.
const (
	maxModuleFile  = 16 << 20 // bytes
	maxModuleLines = 200_000
	maxModuleLine  = 64 << 10 // bytes
)

// A Version is one version of a module.
type Version struct{ Path, Version string }

// ParseSum reads a go.sum or go.work.sum file: the Hash1 of each module's
// content. The sums of go.mod files are checked and left out. Of a module that
// stands there more than once with different sums all are returned, in order.
//
// An error names the line, as name:line.
func ParseSum(name string, r io.Reader) (map[Version][]string, error) {
	sums := map[Version][]string{}
	err := eachLine(name, r, func(line string) error {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return nil
		}
		if len(fields) != 3 {
			return fmt.Errorf("want a module, a version and a sum, found %q", line)
		}
		v := Version{fields[0], fields[1]}
		if !isHash(fields[2]) {
			return fmt.Errorf("sum of %q is %q, want h1: and the base64 of 32 bytes", v.Path, fields[2])
		}
		if !word(v.Path) || !isVersion(strings.TrimSuffix(v.Version, "/go.mod")) {
			return fmt.Errorf("module %q has version %q, want one like v1.2.3", v.Path, v.Version)
		}
		if !strings.HasSuffix(v.Version, "/go.mod") {
			sums[v] = append(sums[v], fields[2])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sums, nil
}

// isHash reports whether s is a sum of an algorithm that go knows, which is
// Hash1, or of one that it does not and so leaves alone.
func isHash(s string) bool {
	encoded, ok := strings.CutPrefix(s, "h1:")
	if !ok {
		kind, sum, found := strings.Cut(s, ":")
		return found && len(kind) > 1 && kind[0] == 'h' && word(s) && sum != ""
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return err == nil && len(raw) == 32
}

// isVersion reports whether s looks like a semantic version as go writes it.
func isVersion(s string) bool {
	return len(s) > 1 && s[0] == 'v' && '0' <= s[1] && s[1] <= '9' && word(s) && !strings.ContainsAny(s, "/@")
}

// eachLine calls f with each line of r, and says of an error on which it is.
func eachLine(name string, r io.Reader, f func(line string) error) error {
	limited := &io.LimitedReader{R: r, N: maxModuleFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxModuleLine)
	n := 0
	for lines.Scan() {
		if n++; n > maxModuleLines {
			return fmt.Errorf("%s has more than %d lines: %w", name, maxModuleLines, strictjson.ErrLimit)
		}
		line := strings.TrimSuffix(lines.Text(), "\r")
		if !text(strings.ReplaceAll(line, "\t", " ")) {
			return fmt.Errorf("%s:%d: %q is not printable text", name, n, line)
		}
		if err := f(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	err := lines.Err()
	switch {
	case limited.N == 0:
		return fmt.Errorf("%s has more than %d bytes: %w", name, maxModuleFile, strictjson.ErrLimit)
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s:%d: the line has more than %d bytes: %w", name, n+1, maxModuleLine, strictjson.ErrLimit)
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
