package rollout_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// shipped is a release of one file and one folder, and where they are.
func shipped(t testing.TB, dir, version string, size int) (*release.State, *release.Released, map[string]string, string) {
	t.Helper()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, version, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	app := write("app", bytes.Repeat([]byte(version), size))
	config := write("config.yaml", []byte("version: "+version))
	write("assets/a/b.txt", []byte("b "+version))
	subjects, err := provenance.SubjectOptions{Root: filepath.Join(dir, version)}.Subjects(t.Context(), filepath.Join(dir, version, "assets"), app)
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	subjects[1].Name = "bin/app"
	rel := release.Release{Product: "app", Version: version, Config: provenance.SumSHA256(frozen), Subjects: subjects}
	r := &release.Released{Number: 1, ID: rel.ID(), By: []string{"ci"}, Version: version, Subjects: subjects, Config: rel.Config, Time: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	return &release.State{Product: "app", Releases: []*release.Released{r}}, r, map[string]string{"bin/app": app, "assets": filepath.Join(dir, version, "assets")}, config
}

func TestInstall(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := t.TempDir()
	i := rollout.Installer{Dir: filepath.Join(dir, "opt")}
	t.Cleanup(func() { writable(i.Dir) })
	ctx := t.Context()
	if _, err := i.Current(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("current of nothing: %v", err)
	}
	s1, one, paths1, config1 := shipped(t, dir, "1.0.0", 10)
	s2, two, paths2, config2 := shipped(t, dir, "1.1.0", 10)
	for range 2 {
		if err := i.Install(ctx, s1, one, paths1, config1); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(i.Dir, "current", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if read("build/assets/a/b.txt") != "b 1.0.0" || read("config/config.yaml") != "version: 1.0.0" {
		t.Error("another content")
	}
	if info, err := os.Stat(filepath.Join(i.Dir, "current/build/bin/app")); err != nil || info.Mode().Perm()&0o333 != 0o111 {
		t.Errorf("the program is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(i.Dir, "current/build")); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("its folder is %v, %v", info.Mode(), err)
	}
	if err := i.Install(ctx, s2, two, paths2, config2); err != nil {
		t.Fatal(err)
	}
	if info, err := i.Current(); err != nil || info.Version != "1.1.0" || info.ID != two.ID || info.Name != "app#1" || info.CreatedAt.IsZero() {
		t.Errorf("%+v, %v", info, err)
	}
	if err := i.Switch(ctx, one.ID); err != nil {
		t.Fatal(err)
	}
	if read("config/config.yaml") != "version: 1.0.0" {
		t.Error("it did not go back")
	}
	// What is not what was released is neither installed nor switched to.
	if err := i.Switch(ctx, provenance.SumSHA256(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("switched to nothing: %v", err)
	}
	s3, three, paths3, config3 := shipped(t, dir, "1.2.0", 10)
	for _, spoil := range []func() (map[string]string, string){
		func() (map[string]string, string) {
			return map[string]string{"bin/app": paths2["bin/app"], "assets": paths3["assets"]}, config3
		},
		func() (map[string]string, string) {
			return map[string]string{"bin/app": paths3["bin/app"], "assets": paths2["assets"]}, config3
		},
		func() (map[string]string, string) { return paths3, config2 },
	} {
		paths, config := spoil()
		if err := i.Install(ctx, s3, three, paths, config); !errors.Is(err, rollout.ErrContent) {
			t.Errorf("installed another content: %v", err)
		}
	}
	if err := i.Install(ctx, s3, three, map[string]string{"assets": paths3["assets"]}, config3); err == nil {
		t.Error("installed without an artifact")
	}
	out := *three
	out.Subjects = []provenance.ResourceDescriptor{{Name: "../app", Digest: three.Subjects[1].Digest}}
	if err := i.Install(ctx, s3, &out, map[string]string{"../app": paths3["bin/app"]}, config3); err == nil {
		t.Error("wrote outside of the folder")
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := i.Install(ctx, s3, three, map[string]string{"bin/app": filepath.Join(dir, "link"), "assets": paths3["assets"]}, config3); err == nil {
		t.Error("followed a link")
	}
	if info, err := i.Current(); err != nil || info.Version != "1.0.0" {
		t.Errorf("a failure changed what is current: %+v, %v", info, err)
	}
	tampered := filepath.Join(i.Dir, "releases", two.ID.Hex(), "build/bin/app")
	if err := errors.Join(os.Chmod(tampered, 0o755), os.WriteFile(tampered, []byte("evil"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := i.Switch(ctx, two.ID); !errors.Is(err, rollout.ErrContent) {
		t.Errorf("switched to what was tampered with: %v", err)
	}
	if err := i.Install(ctx, s2, two, paths2, config2); !errors.Is(err, rollout.ErrContent) {
		t.Errorf("made current what was tampered with: %v", err)
	}
}

// writable lets a test's folder be removed.
func writable(dir string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
}

// Killed at any moment, what is current is one release, whole.
func TestInstallKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	if dir := os.Getenv("TOUCHMARK_INSTALL"); dir != "" {
		s, r, paths, config := shipped(t, dir, os.Getenv("TOUCHMARK_VERSION"), 1<<18)
		if err := (rollout.Installer{Dir: filepath.Join(dir, "opt")}).Install(t.Context(), s, r, paths, config); err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 12
	if os.Getenv("TOUCHMARK_INTEGRATION") == "1" {
		kills = 300
	}
	dir := t.TempDir()
	t.Cleanup(func() { writable(dir) })
	i := rollout.Installer{Dir: filepath.Join(dir, "opt")}
	run := func(version string, after time.Duration) {
		c := exec.Command(os.Args[0], "-test.run", "^TestInstallKilled$")
		c.Env = append(os.Environ(), "TOUCHMARK_INSTALL="+dir, "TOUCHMARK_VERSION="+version)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if after > 0 {
			time.Sleep(after)
			c.Process.Kill()
		}
		if err := c.Wait(); err != nil && after == 0 {
			t.Fatal(err)
		}
	}
	run("1.0.0", 0)
	start := time.Now()
	run("1.0.0", 0)
	took := time.Since(start)
	died := 0
	for n := range kills {
		version := []string{"1.1.0", "1.0.0"}[n%2]
		if n%4 == 0 { // from nothing again
			for _, v := range []string{"1.1.0"} {
				_, r, _, _ := shipped(t, dir, v, 1<<18)
				if info, err := i.Current(); err == nil && info.ID != r.ID {
					path := filepath.Join(i.Dir, "releases", r.ID.Hex())
					writable(path)
					os.RemoveAll(path)
				}
			}
		}
		run(version, time.Duration(rand.Int64N(int64(took))))
		info, err := i.Current()
		if err != nil {
			t.Fatal(err)
		}
		if info.Version != version {
			died++
		}
		if err := i.Switch(t.Context(), info.ID); err != nil { // which checks it
			t.Fatalf("kill %d left %s broken: %v", n, info.Version, err)
		}
		data, err := os.ReadFile(filepath.Join(i.Dir, "current", "config", "config.yaml"))
		if err != nil || string(data) != "version: "+info.Version {
			t.Fatalf("kill %d left a mix: %s with %q", n, info.Version, data)
		}
	}
	t.Logf("%d of %d kills came before the end", died, kills)
	run("1.1.0", 0)
	if info, err := i.Current(); err != nil || info.Version != "1.1.0" {
		t.Errorf("it does not recover: %+v, %v", info, err)
	}
}
