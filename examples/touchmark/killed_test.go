//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// TestKilled kills touchmark build at many moments. What is there afterwards
// under the name of evidence is whole, each time.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	bin := goBuild(t, ".", "touchmark")
	work := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { println() }\n"} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(after time.Duration, args ...string) error {
		cmd := exec.Command(bin, args...)
		cmd.Dir = work
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if after > 0 {
			timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
			defer timer.Stop()
		}
		return cmd.Wait()
	}
	if err := run(0, "keys", "generate", "--out", "release.key", "--unencrypted"); err != nil {
		t.Fatal(err)
	}
	build := []string{"build", "--key", "release.key", "--out", "evidence", "--failure", "evidence/failure.json", "--", "go", "build", "-o", "dist/app", "."}
	start := time.Now()
	if err := run(0, build...); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	moments, killed := 8, 0
	if os.Getenv("TOUCHMARK_INTEGRATION") == "1" {
		moments = 100
	}
	for i := range moments {
		if err := os.RemoveAll(filepath.Join(work, "evidence")); err != nil {
			t.Fatal(err)
		}
		// Most moments lie where files are written, which is at the end.
		if err := run(whole/4+whole*time.Duration(i)/time.Duration(moments), build...); err != nil {
			killed++
		}
		wholeFiles(t, filepath.Join(work, "evidence"))
	}
	t.Logf("killed %d of %d times", killed, moments)
}

// wholeFiles wants every file with the name of evidence in dir to be read to its end.
func wholeFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // a file that was never renamed into place
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), bomSuffix) {
			if !json.Valid(data) {
				t.Errorf("%s is half of an SBOM", e.Name())
			}
			continue
		}
		bundles, err := sign.Read(bytes.NewReader(data))
		if err != nil || len(bundles) != 2 {
			t.Errorf("%s: %d bundles, %v, want 2", e.Name(), len(bundles), err)
			continue
		}
		for _, b := range bundles {
			if b.Err != nil {
				t.Errorf("%s: %v", e.Name(), b.Err)
			} else if _, err := provenance.Parse(b.UnverifiedPayload()); err != nil {
				t.Errorf("%s: %v", e.Name(), err)
			}
		}
	}
}
