package sbom_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/sbom"
)

// What the go command stamps is the version, and a changed file shows in it.
func TestStampedByGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("without git nothing is stamped")
	}
	p := factstest.New(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)...)
		cmd.Dir = p.Dir
		cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_COMMITTER_DATE=2026-11-21T05:34:23Z", "GIT_AUTHOR_DATE=2026-11-21T05:34:23Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// What the build itself might touch is not to make the tree dirty.
	p.Build(t)
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	check := func(version, purl, modified string) {
		t.Helper()
		bom := fromFile(t, sbom.Options{}, p.Build(t, "-buildvcs=true"))
		c := *bom.Metadata.Component
		if !regexp.MustCompile("^" + version + "$").MatchString(c.Version) {
			t.Errorf("version is %q, want %s", c.Version, version)
		}
		if !regexp.MustCompile("^" + purl + "$").MatchString(c.PackageURL) {
			t.Errorf("package URL is %q, want %s", c.PackageURL, purl)
		}
		if got := property(c, sbom.PropertyModified); got != modified {
			t.Errorf("modified is %q, want %s", got, modified)
		}
		if got, want := bom.Metadata.Timestamp, "2026-11-21T05:34:23Z"; got != want {
			t.Errorf("the time is %q, want that of the commit, %s", got, want)
		}
		if len(property(c, sbom.PropertyRevision)) != 40 {
			t.Errorf("revision is %q, want a commit", property(c, sbom.PropertyRevision))
		}
		valid(t, write(t, bom))
	}
	const pseudo = `v0\.0\.0-20261121053423-[0-9a-f]{12}`
	check(pseudo, `pkg:golang/example\.com/acme/app@`+pseudo, "false")
	git("tag", "v1.4.0")
	check(`v1\.4\.0`, `pkg:golang/example\.com/acme/app@v1\.4\.0`, "false")
	if err := os.WriteFile(filepath.Join(p.Dir, "lib", "more.go"), []byte("package lib\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	check(`v1\.4\.1-0\.20261121053423-[0-9a-f]{12}\+dirty|v1\.4\.0\+dirty`, `pkg:golang/example\.com/acme/app@v1\.4\.[01].*%2Bdirty`, "true")
}
