package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
)

// TestImageSBOM lists what is in an image as a folder and as a file, and one of
// several platforms only by its name.
func TestImageSBOM(t *testing.T) {
	layer := []imagetest.Entry{
		{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\n"},
		{Name: "var/lib/dpkg/status", Body: "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: all\n"},
	}
	other := []imagetest.Entry{{Name: "var/lib/dpkg/status", Body: "Package: dash\nStatus: install ok installed\nVersion: 0.5-1\nArchitecture: all\n"}}
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", layer))
	both := imagetest.New()
	both.Add(both.Index(both.Image("linux/amd64", layer), both.Image("linux/arm64", other)))
	broken := imagetest.New()
	broken.Add(broken.Image("linux/amd64", []imagetest.Entry{{Name: "var/lib/dpkg/status", Body: "evil\n"}}))
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file, two, bad := write("one.tar", l.Tar()), write("two.tar", both.Tar()), write("bad.tar", broken.Tar())
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{file}, statusDone, `"purl":"pkg:deb/debian/bash@5.2-1?arch=all&distro=debian-12"`},
		{[]string{l.Write(filepath.Join(dir, "layout"))}, statusDone, `"purl":"pkg:deb/debian/bash@5.2-1?arch=all&distro=debian-12"`},
		{[]string{"--format", "table", file}, statusDone, "bash"},
		{[]string{"--platform", "linux/arm64", two}, statusDone, `"purl":"pkg:deb/dash@0.5-1?arch=all"`},
		{[]string{two}, statusFailed, "holds images for linux/amd64 or linux/arm64: choose one with --platform"},
		{[]string{"--platform", "plan9/386", two}, statusFailed, `there is none for "plan9/386" in the archive`},
		{[]string{bad}, statusFailed, "var/lib/dpkg/status:1: malformed text"},
	} {
		var out, errs bytes.Buffer
		got := run(append([]string{"sbom"}, c.args...), strings.NewReader(""), &out, &errs)
		if got != c.status || !strings.Contains(out.String()+errs.String(), c.want) {
			t.Errorf("%q: status %d, want %d and %q\n%s%s", c.args, got, c.status, c.want, out.String(), errs.String())
		}
	}
}
