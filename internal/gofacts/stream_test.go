package gofacts_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
)

func TestReadStream(t *testing.T) {
	binary := testkit.GoBinary(t)
	want, err := gofacts.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	got, digest, err := gofacts.ReadStream(bytes.NewReader(binary), int64(len(binary)))
	if err != nil || got.Path != want.Path || digest != provenance.SumSHA256(binary) {
		t.Errorf("%v, %s, %v, want what Read says", got, digest, err)
	}
	for name, text := range map[string]string{"nothing": "", "a letter": "a", "text": "hello", "a script": "#!/bin/sh\n"} {
		r := strings.NewReader(text)
		if _, _, err := gofacts.ReadStream(r, int64(len(text))); !errors.Is(err, gofacts.ErrNotGo) {
			t.Errorf("%s: %v, want %v", name, err, gofacts.ErrNotGo)
		}
		if read := len(text) - r.Len(); read > 4 {
			t.Errorf("%s: %d bytes were read, want at most 4", name, read)
		}
	}
	if _, digest, err := gofacts.ReadStream(strings.NewReader("\x7fELF, and no more"), 16); !errors.Is(err, gofacts.ErrNotGo) || digest.IsZero() {
		t.Errorf("a program that is not Go: %s, %v, want a digest and %v", digest, err, gofacts.ErrNotGo)
	}
	if _, _, err := gofacts.ReadStream(strings.NewReader("\x7fELF"), gofacts.MaxStream+1); !errors.Is(err, gofacts.ErrTooLarge) {
		t.Errorf("a program that says it is huge: %v, want %v", err, gofacts.ErrTooLarge)
	}
	broken := errors.New("the disk is broken")
	if _, _, err := gofacts.ReadStream(io.MultiReader(strings.NewReader("\x7fELF"), &brokenReader{broken}), 100); !errors.Is(err, broken) {
		t.Errorf("a broken disk: %v, want %v", err, broken)
	}
}

type brokenReader struct{ err error }

func (f *brokenReader) Read([]byte) (int, error) { return 0, f.err }
