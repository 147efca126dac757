package verify_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "verify", deptest.Budget{
		Modules:   5,
		Own:       []string{"provenance", "provenance/release", "sbom", "sign"},
		Forbidden: []string{"net/http", "os/exec"},
	})
}

// A stripped program that verifies a file is at most 7 MB.
func TestBinarySize(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package and all that it imports for another system")
	}
	const most = 7_000_000
	root := testkit.Root(t)
	out := filepath.Join(t.TempDir(), "verify")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "./verify/testdata/smallest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > most {
		t.Errorf("a program that verifies a file has %d bytes, want at most %d", info.Size(), most)
	}
}
