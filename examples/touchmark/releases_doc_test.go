package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// The commands of docs/releases.md work, in their order, in an empty folder; what
// begins with "!" ends with 1, a no, and with no other failure.
func TestReleasesDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("many processes, one after the other")
	}
	for _, name := range []string{"sh", "git"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("no " + name)
		}
	}
	data, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs", "releases.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := "set -e\nno() { if \"$@\"; then echo \"yes: $*\"; exit 9; elif [ $? -ne 1 ]; then echo \"failed: $*\"; exit 8; fi; }\n"
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) < 7 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	for _, b := range blocks {
		script += regexp.MustCompile("(?m)^! ").ReplaceAllString(b[1], "no ")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../audit").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := exec.Command("sh", "-c", script)
	c.Dir = t.TempDir()
	t.Cleanup(func() { exec.Command("chmod", "-R", "u+w", c.Dir).Run() })
	c.Env = slices.Concat(os.Environ(), testkit.OutsideCI(), goEnvironment(t), gitEnvironment, []string{"HOME=" + c.Dir, "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")})
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"prod is back at app#1 1.0.0", "immutable: tag 1.0.0 is bound to sha256:", "good: app#1", "sound: ", "app: prod is at app#1 1.0.0 since ", "whole: ", "owed: the record of rolling app back in canary", "1 record appended", "is signed and logged"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q was never said:\n%s", want, out)
		}
	}
	info, err := os.ReadFile(filepath.Join(c.Dir, "opt", "current", "RELEASE_INFO"))
	if err != nil || !strings.Contains(string(info), `"version": "1.0.0"`) {
		t.Errorf("what is installed is %s, %v", info, err)
	}
}
