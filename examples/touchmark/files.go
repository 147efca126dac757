package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sign"
)

// What is read at most, in bytes. The packages that parse have limits of their
// own; these keep a device or a wrong file from being read for ever.
const (
	maxStatement = sign.MaxEnvelopeSize
	maxConfig    = 16 << 20
	maxKey       = 64 << 10
	maxBOM       = 256 << 20
)

// readFile reads a file that must be there; what says what it is wanted for.
func readFile(what, path string, max int64) ([]byte, error) {
	data, err := safefs.ReadFile(path, max)
	if err != nil {
		return nil, readError(what, path, err)
	}
	return data, nil
}

// readError says in one line what was wanted and what was found.
func readError(what, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no file %q", what, path)
	case errors.Is(err, safefs.ErrTooLarge):
		return fmt.Errorf("%s: %q is too large to be one", what, path)
	case errors.Is(err, safefs.ErrNotRegular):
		return fmt.Errorf("%s: %q is not a regular file", what, path)
	}
	return fmt.Errorf("%s: %q: %w", what, path, cause(err))
}

// cause is an error of the operating system without the path, which the
// message has already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readEvidence reads a file of bundles. One that is not there is no evidence,
// which is for the verdict to judge; there says whether it was. What cannot be
// read as a bundle is an entry with its error, for the verdict to name.
func readEvidence(path string) (bundles []*sign.Bundle, there bool, err error) {
	f, err := safefs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, readError("evidence", path, err)
	}
	defer f.Close()
	bundles, err = sign.Read(f)
	if err != nil {
		return nil, true, readError("evidence", path, err)
	}
	return bundles, true, nil
}

// writeFile writes a file whole or not at all.
func writeFile(path string, data []byte, perm fs.FileMode) error {
	if err := atomicfile.Write(path, data, perm); err != nil {
		return fmt.Errorf("writing %q: %w", path, cause(err))
	}
	return nil
}

// emit writes a document to the file at path, or to standard output if path is
// empty.
func emit(cmd *cobra.Command, path string, data []byte) error {
	if path != "" {
		return writeFile(path, data, 0o644)
	}
	if _, err := cmd.OutOrStdout().Write(data); err != nil {
		return fmt.Errorf("writing to standard output: %w", cause(err))
	}
	return nil
}

func emitJSON(cmd *cobra.Command, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return emit(cmd, "", append(data, '\n'))
}

// exists reports whether something is at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// beside is the path of a file that belongs to an artifact: next to it, or in dir.
func beside(artifact, dir, suffix string) string {
	artifact = filepath.Clean(artifact)
	if base := filepath.Base(artifact); base == "." || base == ".." {
		if abs, err := filepath.Abs(artifact); err == nil {
			artifact = abs // the evidence of a folder is beside it, by its name
		}
	}
	if dir != "" {
		artifact = filepath.Join(dir, filepath.Base(artifact))
	}
	return artifact + suffix
}

// The files that belong to an artifact.
const (
	evidenceSuffix   = ".intoto.jsonl"
	bomSuffix        = ".cdx.json"
	provenanceSuffix = ".provenance.json"
	bomStatement     = ".sbom.json"
	traceSuffix      = ".trace.intoto.jsonl"
	traceStatement   = ".trace.json"
)
