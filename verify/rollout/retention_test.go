package rollout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A cellar is a world with a store for its content.
type cellar struct {
	*history.World
	store *store.Folder
	dir   string
}

func newCellar(t *testing.T) *cellar {
	dir := t.TempDir()
	f, err := store.Create(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &cellar{World: history.New(t), store: f, dir: dir}
}

// file writes content to a path and keeps it.
func (c *cellar) file(text string) provenance.Digest {
	c.T.Helper()
	path := filepath.Join(c.T.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.T.Fatal(err)
	}
	return c.keep(path)
}

// folder does so with a folder: names and texts in turn.
func (c *cellar) folder(files ...string) provenance.Digest {
	c.T.Helper()
	dir := c.T.TempDir()
	for pair := range slices.Chunk(files, 2) {
		path := filepath.Join(dir, filepath.FromSlash(pair[0]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			c.T.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pair[1]), 0o644); err != nil {
			c.T.Fatal(err)
		}
	}
	return c.keep(dir)
}

func (c *cellar) keep(path string) provenance.Digest {
	c.T.Helper()
	d, err := rollout.PutContent(c.T.Context(), c.store, path)
	if err != nil {
		c.T.Fatal(err)
	}
	subjects, err := provenance.SubjectOptions{Root: filepath.Dir(path)}.Subjects(c.T.Context(), path)
	if err != nil {
		c.T.Fatal(err)
	}
	if got, ok := subjects[0].Digest.Get(d.Algorithm()); !ok || got != d {
		c.T.Fatalf("%s is kept as %s, want one of %v", path, d, subjects[0].Digest)
	}
	return d
}

// released records a release of a configuration.
func (c *cellar) released(version string, config provenance.Digest) release.Release {
	c.T.Helper()
	r := history.Build(version)
	r.Config = config
	c.Add(r.Statement(), "ci")
	return r
}

func (c *cellar) retire(r release.Release) {
	c.T.Helper()
	c.Add(release.Revocation{Kind: release.Retire, Product: "app", Digest: r.ID(), Reason: "old"}.Statement(), "ann")
}

// sweep is one that is made days later.
func (c *cellar) sweep(days int, r rollout.Retention) rollout.Sweep {
	c.T.Helper()
	inventory, err := rollout.Survey(c.T.Context(), c.Log, c.Root, verify.Options{})
	if err != nil {
		c.T.Fatal(err)
	}
	// What is in the store was put when this test ran, and not when its clock says.
	now := time.Now().Add(48 * time.Hour)
	if later := c.Now.AddDate(0, 0, days); later.After(now) {
		now = later
	}
	return rollout.Sweep{Inventory: inventory, Retention: r, Store: c.store, Now: now}
}

// goes is what a plan lets go of, by the names that texts has for it.
func (c *cellar) goes(s rollout.Sweep, texts ...string) string {
	c.T.Helper()
	plan, err := s.Plan(c.T.Context())
	if err != nil {
		c.T.Fatal(err)
	}
	var out []string
	for _, d := range plan {
		name := "list"
		for _, text := range texts {
			if history.Sum(text) == d.Digest {
				name = text
			}
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (c *cellar) has(d provenance.Digest) bool {
	c.T.Helper()
	r, err := c.store.Blob(c.T.Context(), d)
	if errors.Is(err, store.ErrNotFound) {
		return false
	}
	if err != nil {
		c.T.Fatal(err)
	}
	_, err = io.Copy(io.Discard, r)
	if err := errors.Join(err, r.Close()); err != nil {
		c.T.Fatal(err)
	}
	return true
}

// Only what every release that names it has been done with for long may go.
func TestSweep(t *testing.T) {
	year := 400
	grace := rollout.Retention{Grace: 30 * 24 * time.Hour}
	for _, tt := range []struct {
		name string
		tell func(c *cellar)
		days int
		rule rollout.Retention
		want string
	}{
		{"a release that was retired", func(c *cellar) { c.retire(c.released("1.0.0", c.file("a"))) }, year, grace, "a"},
		{"not within its grace", func(c *cellar) { c.Now = time.Now(); c.retire(c.released("1.0.0", c.file("a"))) }, 29, grace, ""},
		{"with its grace over", func(c *cellar) { c.Now = time.Now(); c.retire(c.released("1.0.0", c.file("a"))) }, 31, grace, "a"},
		{"by default not within a quarter", func(c *cellar) { c.Now = time.Now(); c.retire(c.released("1.0.0", c.file("a"))) }, 89, rollout.Retention{}, ""},
		{"by default after a quarter", func(c *cellar) { c.Now = time.Now(); c.retire(c.released("1.0.0", c.file("a"))) }, 91, rollout.Retention{}, "a"},
		{"a release that nobody took back", func(c *cellar) { c.released("1.0.0", c.file("a")) }, year, grace, ""},
		{"another release names it too", func(c *cellar) {
			c.retire(c.released("1.0.0", c.file("a")))
			c.released("1.1.0", c.file("a"))
		}, year, grace, ""},
		{"one retired, the other lately", func(c *cellar) {
			c.retire(c.released("1.0.0", c.file("a")))
			c.Now = time.Now()
			c.retire(c.released("1.1.0", c.file("a")))
		}, 10, grace, ""},
		{"one of the newest", func(c *cellar) {
			c.retire(c.released("1.0.0", c.file("a")))
			c.retire(c.released("1.1.0", c.file("b")))
			c.retire(c.released("1.2.0", c.file("c")))
		}, year, rollout.Retention{Grace: grace.Grace, Last: 2}, "a"},
		{"revoked", func(c *cellar) {
			r := c.released("1.0.0", c.file("a"))
			c.Add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: r.ID(), Reason: "malware"}.Statement(), "ann")
		}, year, grace, "a"},
		{"retired by nobody who may", func(c *cellar) {
			r := c.released("1.0.0", c.file("a"))
			c.Add(release.Revocation{Kind: release.Retire, Product: "app", Digest: r.ID(), Reason: "x"}.Statement(), "eve")
		}, year, grace, ""},
		{"what no record names", func(c *cellar) { c.file("a"); c.retire(c.released("1.0.0", c.file("b"))) }, year, grace, "b"},
		{"what the store does not have", func(c *cellar) { c.retire(c.released("1.0.0", history.Sum("a"))) }, year, grace, ""},
		{"notes and change log", func(c *cellar) {
			r := history.Build("1.0.0")
			r.Config, r.Notes, r.ChangeLog = c.file("a"), c.file("b"), c.file("c")
			c.Add(r.Statement(), "ci")
			c.retire(r)
		}, year, grace, "a b c"},
		{"a folder, but for what another one has", func(c *cellar) {
			c.retire(c.released("1.0.0", c.folder("x", "a", "deep/y", "b")))
			c.released("1.1.0", c.folder("x", "a", "deep/z", "c"))
		}, year, grace, "b list"},
		{"a file that is in a folder, too", func(c *cellar) {
			c.retire(c.released("1.0.0", c.file("a")))
			c.released("1.1.0", c.folder("x", "a"))
		}, year, grace, ""},
		{"erased by two, though it is needed", func(c *cellar) {
			c.released("1.0.0", c.file("a"))
			c.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: history.Sum("a"), Reason: "a name in it"}.Statement(), "ann", "bob")
		}, 0, grace, "a"},
		{"erased by one", func(c *cellar) {
			c.released("1.0.0", c.file("a"))
			c.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: history.Sum("a"), Reason: "a name in it"}.Statement(), "ann")
		}, year, grace, ""},
		{"an erased folder, but for what another one has", func(c *cellar) {
			d := c.folder("x", "a", "y", "b")
			c.released("1.0.0", d)
			c.released("1.1.0", c.folder("x", "a"))
			c.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: d, Reason: "a name in it"}.Statement(), "ann", "bob")
		}, 0, grace, "b list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCellar(t)
			tt.tell(c)
			s := c.sweep(tt.days, tt.rule)
			if got := c.goes(s, "a", "b", "c"); got != tt.want {
				t.Fatalf("goes %q, want %q", got, tt.want)
			}
			plan, err := s.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(t.Context(), plan, nil); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"a", "b", "c"} {
				if strings.Contains(tt.want, text) && c.has(history.Sum(text)) {
					t.Errorf("%q is still there", text)
				}
			}
			if got := c.goes(s, "a", "b", "c"); got != "" {
				t.Errorf("a second sweep takes %q", got)
			}
		})
	}
}

// An environment, and its way back, keep what they need even of releases that
// were retired while they ran.
func TestSweepKeepsTheWayBack(t *testing.T) {
	c := newCellar(t)
	one := c.released("1.0.0", c.file("a"))
	c.Add(history.To("canary", one, provenance.Digest{}).Statement(), "ci")
	c.retire(one)
	if got := c.goes(c.sweep(400, rollout.Retention{}), "a"); got != "" {
		t.Errorf("goes %q, want nothing: canary runs it", got)
	}
}

func TestSweepArchive(t *testing.T) {
	c := newCellar(t)
	a := c.file("a")
	c.retire(c.released("1.0.0", a))
	archive, err := store.Create(filepath.Join(c.dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	s := c.sweep(400, rollout.Retention{})
	s.Archive = archive
	plan, err := s.Plan(t.Context())
	if err != nil || len(plan) != 1 {
		t.Fatal(plan, err)
	}
	var why error
	if err := s.Run(t.Context(), plan, func(_ rollout.Disposal, err error) { why = err }); err == nil || !errors.Is(why, rollout.ErrNotArchived) || !c.has(a) {
		t.Errorf("%v, %v: want it to stay, because the archive does not have it", err, why)
	}
	if _, err := archive.PutBlob(t.Context(), strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	stored := filepath.Join(c.dir, "archive", "blobs", "sha256", a.Hex()[:2], a.Hex())
	if err := errors.Join(os.Chmod(stored, 0o644), os.WriteFile(stored, []byte("b"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), plan, func(_ rollout.Disposal, err error) { why = err }); err == nil || !errors.Is(why, rollout.ErrNotArchived) || !c.has(a) {
		t.Errorf("%v, %v: want it to stay, because the archive has something else there", err, why)
	}
	if err := os.WriteFile(stored, []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), plan, nil); err != nil || c.has(a) {
		t.Errorf("%v: want it gone, the archive has it", err)
	}
	path := filepath.Join(c.dir, "restored")
	if err := rollout.GetContent(t.Context(), archive, a, path); err != nil {
		t.Fatal(err)
	}
	if d, err := rollout.PutContent(t.Context(), c.store, path); err != nil || d != a || !c.has(a) {
		t.Errorf("restored as %s, %v", d, err)
	}
}

// What is put between plan and sweep stays, and what cannot be read stops the plan.
func TestSweepRefuses(t *testing.T) {
	c := newCellar(t)
	c.retire(c.released("1.0.0", c.file("a")))
	s := c.sweep(400, rollout.Retention{})
	plan, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Now = time.Now() // as if a year had gone by before, and somebody had put it just now
	var why error
	if err := s.Run(t.Context(), plan, func(_ rollout.Disposal, err error) { why = err }); err == nil || !errors.Is(why, store.ErrFresh) {
		t.Errorf("%v, %v: want it to stay, because it was put lately", err, why)
	}
	if _, err := c.sweep(400, rollout.Retention{Grace: 6 * 24 * time.Hour}).Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "known-good") {
		t.Errorf("a grace shorter than known-good files last: %v", err)
	}
	if _, err := c.sweep(400, rollout.Retention{Last: -1}).Plan(t.Context()); err == nil {
		t.Error("less than no release is kept")
	}

	d := c.folder("x", "a")
	c.released("1.1.0", d)
	list := filepath.Join(c.dir, "store", "blobs", "sha256", d.Hex()[:2], d.Hex())
	if err := errors.Join(os.Chmod(list, 0o644), os.WriteFile(list, []byte("nothing\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.sweep(400, rollout.Retention{}).Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "app#2") {
		t.Errorf("the list of a folder that is needed is damaged: %v, want an error that names the release", err)
	}
}

// A folder that is needed and whose list was lost keeps every file, since it may need
// any; the list in the archive says which.
func TestSweepLostList(t *testing.T) {
	c := newCellar(t)
	c.retire(c.released("1.0.0", c.folder("shared", "s", "old", "o")))
	c.released("1.1.0", c.folder("shared", "s"))
	secret := c.file("secret")
	erased := c.released("1.2.0", secret)
	c.retire(erased)
	s := c.sweep(400, rollout.Retention{})
	whole := c.goes(s, "s", "o", "secret")
	needed := s.Inventory.Items[slices.IndexFunc(s.Inventory.Items, func(i rollout.Item) bool { return i.Kind == rollout.ItemFolder && i.Needed })]
	list := filepath.Join(c.dir, "store", "blobs", "sha256", needed.Digest.Hex()[:2], needed.Digest.Hex())
	kept := filepath.Join(c.dir, "list")
	if err := os.Rename(list, kept); err != nil {
		t.Fatal(err)
	}
	if plan, err := s.Plan(t.Context()); !errors.Is(err, rollout.ErrUntold) || !strings.Contains(err.Error(), "app#2") {
		t.Errorf("the list of a needed folder is gone: %v, %v, want ErrUntold and the release", plan, err)
	}
	archive, err := store.Create(filepath.Join(c.dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	s.Archive = archive
	if plan, err := s.Plan(t.Context()); !errors.Is(err, rollout.ErrUntold) {
		t.Errorf("nor is it in the archive: %v, %v, want ErrUntold", plan, err)
	}
	f, err := os.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := archive.PutBlob(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if got := c.goes(s, "s", "o", "secret"); got != whole {
		t.Errorf("with the list in the archive %s goes, want %s", got, whole)
	}
	s.Archive = nil
	s.Inventory.Items = slices.DeleteFunc(s.Inventory.Items, func(i rollout.Item) bool { return i.Kind == rollout.ItemFolder && !i.Needed })
	s.Inventory.Erased = []rollout.Tombstone{{Product: "app", Digest: secret, Reason: "a password"}}
	if got := c.goes(s, "s", "o", "secret"); got != "secret" {
		t.Errorf("of what was erased %q goes, want it all the same", got)
	}
}

// Killed at any moment, a sweep has taken nothing that is needed, and the next one ends it.
func TestSweepKilled(t *testing.T) {
	if dir := os.Getenv("TOUCHMARK_SWEEP"); dir != "" {
		var s rollout.Sweep
		data, err := os.ReadFile(filepath.Join(dir, "inventory.json"))
		if err == nil {
			err = json.Unmarshal(data, &s.Inventory)
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := store.Open(filepath.Join(dir, "store"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s.Store, s.Now = f, time.Now().AddDate(5, 0, 0)
		plan, err := s.Plan(t.Context())
		if err == nil {
			os.Stdout.WriteString("now")
			err = s.Run(t.Context(), plan, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 6
	switch {
	case os.Getenv("TOUCHMARK_DEEP") != "":
		kills = 100
	case testing.Short():
		kills = 1
	}
	c := newCellar(t)
	var took time.Duration
	halves := 0 // kills that came in the middle
	for n := range kills + 1 {
		version := func(minor int) string { return fmt.Sprintf("1.%d.0", 2*n+minor) }
		var files []string
		for i := range 40 {
			files = append(files, fmt.Sprintf("f%d", i), fmt.Sprintf("%d %d", n, i))
		}
		old := c.folder(files...)
		c.retire(c.released(version(0), old))
		stays := c.folder(files[:20]...)
		c.released(version(1), stays)
		s := c.sweep(400, rollout.Retention{})
		plan, err := s.Plan(t.Context())
		if err != nil || len(plan) < 20 {
			t.Fatalf("%d blobs are to go: %v", len(plan), err)
		}
		inventory, err := json.Marshal(s.Inventory)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, "inventory.json"), inventory, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSweepKilled$")
		cmd.Env = append(os.Environ(), "TOUCHMARK_SWEEP="+c.dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("now"))); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if n > 0 { // the first tells how long one takes
			time.Sleep(time.Duration(rand.Int64N(int64(took))))
			cmd.Process.Kill()
		}
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); n == 0 && err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			took = time.Since(start)
		}
		if rest, err := s.Plan(t.Context()); err == nil && 0 < len(rest) && len(rest) < len(plan) {
			halves++
		}
		if err := rollout.GetContent(t.Context(), c.store, stays, filepath.Join(t.TempDir(), "stays")); err != nil {
			t.Fatalf("kill %d took what is needed: %v", n, err)
		}
		rest, err := s.Plan(t.Context())
		if err != nil {
			t.Fatalf("kill %d: %v", n, err)
		}
		if err := s.Run(t.Context(), rest, nil); err != nil {
			t.Fatalf("kill %d: %v", n, err)
		}
		list, err := provenance.ParseDigest("sha256:" + old.Hex())
		if err != nil {
			t.Fatal(err)
		}
		if c.has(list) {
			t.Fatalf("kill %d: the list is there after a whole sweep", n)
		}
		for i := 20; i < 40; i++ {
			if c.has(provenance.SumSHA256([]byte(files[2*i+1]))) {
				t.Fatalf("kill %d left a file that nothing names any more", n)
			}
		}
	}
	t.Logf("%d of %d kills came in the middle of a sweep", halves, kills)
}

// Whatever happened, what an environment runs and may go back to can be restored.
func TestSweepNeverTakesWhatIsNeeded(t *testing.T) {
	for seed := range uint64(5) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		c := newCellar(t)
		configs := []provenance.Digest{c.file("a"), c.file("b"), c.folder("x", "a", "y", "c"), c.folder("x", "c", "z", "d"), c.folder("q/a", "d")}
		var all []release.Release
		at := map[string]provenance.Digest{}
		for n := range 8 {
			r := c.released(fmt.Sprintf("1.%d.0", n), configs[rnd.IntN(len(configs))])
			all = append(all, r)
			if rnd.IntN(3) > 0 {
				c.Add(history.To("canary", r, at["canary"]).Statement(), "ci")
				at["canary"] = r.ID()
				c.Now = c.Now.Add(2 * time.Hour)
				if rnd.IntN(2) > 0 {
					approval := c.Add(c.Approval(r, r.Version), "ann", "bob")
					c.Add(history.To("prod", r, at["prod"], approval.ID()).Statement(), "cy")
					at["prod"] = r.ID()
				}
			}
			if rnd.IntN(2) > 0 {
				c.retire(all[rnd.IntN(len(all))])
			}
			if back := all[rnd.IntN(len(all))]; rnd.IntN(3) == 0 {
				c.Add(release.Rollback{Product: "app", Environment: "canary", Release: back.ID(), Subjects: back.Subjects, Config: back.Config, Reason: "errors"}.Statement(), "dan")
			}
		}
		s := c.sweep(400, rollout.Retention{})
		plan, err := s.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), plan, nil); err != nil {
			t.Fatal(err)
		}
		replay, err := rollout.NewReplay(c.Log, c.Root, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		v, err := replay.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		state := v.State("app")
		for stage, at := range state.Stages {
			for _, n := range append(state.Good(stage), at.Release) {
				if n == 0 {
					continue
				}
				config := state.Releases[n-1].Config
				if err := rollout.GetContent(t.Context(), c.store, config, filepath.Join(c.dir, fmt.Sprint(stage, n, rnd.Uint64()))); err != nil {
					t.Errorf("seed %d: %s needs the configuration of app#%d: %v", seed, stage, n, err)
				}
			}
		}
		t.Logf("seed %d: %d blobs went", seed, len(plan))
	}
}

// A folder's list that a store made up leads nowhere.
func TestGetContent(t *testing.T) {
	c := newCellar(t)
	ctx := t.Context()
	a := c.file("a")
	hex := a.Hex()
	for list, good := range map[string]bool{
		hex + "  x\n":                          true,
		hex + "  x\n" + hex + "  y/z\n":        true,
		"":                                     true,
		hex + "  x":                            false,
		hex + " x\n":                           false,
		hex + "  ../x\n":                       false,
		hex + "  /x\n":                         false,
		hex + "  x\n" + hex + "  x\n":          false,
		hex + "  y\n" + hex + "  x\n":          false,
		hex[:62] + "  x\n":                     false,
		strings.ToUpper(hex) + "  x\n":         false,
		hex + "  x\n" + hex + "  x/y\n":        false, // a file that is a folder, too
		history.Sum("nowhere").Hex() + "  x\n": false,
	} {
		d, err := c.store.PutBlob(ctx, strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		folder, err := provenance.ParseDigest("dirHash:" + d.Hex())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "out")
		err = rollout.GetContent(ctx, c.store, folder, path)
		if (err == nil) != good {
			t.Errorf("%q: %v, want it accepted: %v", list, err, good)
		}
		if _, there := os.Lstat(path); (there == nil) != good {
			t.Errorf("%q: %v is there: %v", list, path, there)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".touchmark-*")); err != nil || len(left) != 0 {
			t.Errorf("%q: it leaves %v, %v", list, left, err)
		}
	}
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := rollout.GetContent(ctx, c.store, a, taken); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v, want fs.ErrExist", err)
	}
	if err := os.Symlink(taken, filepath.Join(filepath.Dir(taken), "link")); err == nil {
		if _, err := rollout.PutContent(ctx, c.store, filepath.Dir(taken)); err == nil {
			t.Error("a folder with a link in it was kept")
		}
	}
}

func ExampleSweep() {
	ctx := context.Background()
	inventory := &rollout.Inventory{Items: []rollout.Item{ // of a ledger, see Survey
		{Kind: rollout.ItemBlob, Digest: provenance.SumSHA256([]byte("level: debug\n")), Releases: []string{"app#1"}, Ended: time.Now().AddDate(-1, 0, 0)},
		{Kind: rollout.ItemBlob, Digest: provenance.SumSHA256([]byte("level: info\n")), Releases: []string{"app#2"}, Needed: true},
	}}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	folder, err := store.Create(filepath.Join(dir, "store"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer folder.Close()
	for _, text := range []string{"level: debug\n", "level: info\n"} {
		if _, err := folder.PutBlob(ctx, bytes.NewReader([]byte(text))); err != nil {
			fmt.Println(err)
			return
		}
	}

	s := rollout.Sweep{Inventory: inventory, Store: folder, Now: time.Now().AddDate(0, 0, 2)}
	plan, err := s.Plan(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range plan {
		fmt.Println(d.Releases)
	}
	fmt.Println(s.Run(ctx, plan, nil))
	// Output:
	// [app#1]
	// <nil>
}
