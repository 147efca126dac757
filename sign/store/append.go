package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sign"
)

// Append adds bundles to the evidence file at path, ARTIFACT.intoto.jsonl by custom, and makes it if it is not there.
// Several processes may do so at once and lose nothing, and one that is killed leaves the file as it was. A line that
// is there already is not added again. A file that holds something other than bundles is left alone, and so is one
// that would become larger than [sign.Read] reads.
func Append(ctx context.Context, path string, bundles ...*sign.Bundle) error {
	var added bytes.Buffer
	if err := sign.Write(&added, bundles...); err != nil {
		return err
	}
	unlock, err := dirlock.Lock(ctx, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	old, err := existing(path)
	if err != nil {
		return err
	}
	whole := union(old, added.Bytes())
	if n := bytes.Count(whole, newline); n > sign.MaxLines || len(whole) > sign.MaxFileSize {
		return fmt.Errorf("%q would hold %d bundles in %d bytes, want at most %d in %d: %w", path, n, len(whole), sign.MaxLines, sign.MaxFileSize, sign.ErrLimit)
	}
	if bytes.Equal(whole, old) {
		return nil
	}
	return atomicfile.Write(path, whole, 0o644)
}

var newline = []byte("\n")

// existing reads an evidence file as lines, each with its end. One envelope that is spread over several is one.
func existing(path string) ([]byte, error) {
	data, err := safefs.ReadFile(path, sign.MaxFileSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(bundles, func(b *sign.Bundle) bool { return b.Err != nil }); i >= 0 {
		return nil, fmt.Errorf("%q is there and holds something other than bundles (%s: %w): name another file", path, bundles[i].Origin, bundles[i].Err)
	}
	if len(bundles) == 1 {
		line, err := bundles[0].Marshal()
		return append(line, '\n'), err
	}
	if data = bytes.TrimRight(data, " \r\n\t"); len(data) == 0 {
		return nil, nil
	}
	return append(data, '\n'), nil
}

// union is old and those lines of added that it does not have.
func union(old, added []byte) []byte {
	there := map[string]bool{}
	for line := range bytes.Lines(old) {
		there[string(bytes.TrimSpace(line))] = true
	}
	whole := slices.Clone(old)
	for line := range bytes.Lines(added) {
		if key := string(bytes.TrimSpace(line)); !there[key] {
			there[key] = true
			whole = append(whole, line...)
		}
	}
	return whole
}
