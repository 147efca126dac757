package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

func TestGoOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("bin", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ command, want string }{
		{"go build -o app .", "app"},
		{"go build -o=dist/app .", "dist/app"},
		{"go build --o dist/app .", "dist/app"},
		{"go build -trimpath -o a -o b .", "b"},
		{"/usr/local/go/bin/go build -o app", "app"},
		{"go1.26.8 build -o app", "app"},
		{"go.exe build -o app.exe", "app.exe"},
		{"go build -C cmd -o app", "cmd/app"},
		{"go build -C=cmd -o ../app", "app"},
		{"go build -C cmd -o /tmp/app", "/tmp/app"},
		{"go build .", ""},
		{"go build -o", ""},
		{"go build -o bin .", ""},
		{"go build -o bin/ .", ""},
		{"go build -o new/ .", ""},
		{"go install -o app", ""},
		{"goreleaser build -o app", ""},
		{"go", ""},
		{"make -o app", ""},
	} {
		got, err := goOutput(strings.Fields(c.command))
		var usage *usageError
		if c.want == "" && !errors.As(err, &usage) || c.want != "" && err != nil {
			t.Errorf("%s: error %v", c.command, err)
		}
		if filepath.ToSlash(got) != c.want {
			t.Errorf("%s: makes %q, want %q", c.command, got, c.want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for s, want := range map[string]string{
		"dist/app": "dist/app", "my app": "'my app'", "$(rm -rf ~)": "'$(rm -rf ~)'", "it's": `'it'\''s'`, "a\x1b[2Jb": `'a\x1b[2Jb'`, "": "''",
	} {
		if got := shellWord(s); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", s, got, want)
		}
	}
}

// TestBOMOfOtherBytes holds the SBOM to the bytes that the provenance is about:
// a file that was replaced after the build gets no SBOM under its name.
func TestBOMOfOtherBytes(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	subject, err := subjectOf(t.Context(), self)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := bomOf(t.Context(), self, subject.Digest); err != nil {
		t.Errorf("the same bytes: %v", err)
	}
	other := provenance.Set(provenance.SumSHA256([]byte("what was built")))
	if _, _, err := bomOf(t.Context(), self, other); err == nil || !strings.Contains(err.Error(), "changed after it was built") {
		t.Errorf("other bytes: error %v", err)
	}
}
