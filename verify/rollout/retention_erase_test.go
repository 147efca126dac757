package rollout_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// eraseFolder tells of a folder that two people erased.
func eraseFolder(c *cellar) {
	d := c.folder("x", "a", "y", "b")
	c.released("1.0.0", d)
	c.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: d, Reason: "a name in it"}.Statement(), "ann", "bob")
}

// The files of an erased folder go at once, however lately they were put, and
// whether or not an archive has them.
func TestSweepErasedFolderAtOnce(t *testing.T) {
	for _, archived := range []bool{false, true} {
		c := newCellar(t)
		eraseFolder(c)
		s := c.sweep(0, rollout.Retention{})
		s.Now = time.Now().Add(time.Minute) // and not the two days that sweep adds
		if archived {
			archive, err := store.Create(filepath.Join(c.dir, "archive"))
			if err != nil {
				t.Fatal(err)
			}
			defer archive.Close()
			s.Archive = archive
		}
		plan, err := s.Plan(t.Context())
		if err != nil || len(plan) != 3 {
			t.Fatalf("%v, %v: want the list and both files", plan, err)
		}
		err = s.Run(t.Context(), plan, func(d rollout.Disposal, why error) {
			if why != nil {
				t.Errorf("archive %t: %v", archived, why)
			}
			if d.Erased == nil {
				t.Errorf("archive %t: %s goes, and it is not said why", archived, d.Digest)
			}
		})
		if err != nil || c.has(history.Sum("a")) || c.has(history.Sum("b")) {
			t.Errorf("archive %t: %v: what was erased is still there", archived, err)
		}
	}
}

// Wherever a sweep ends, the next one takes the rest.
func TestSweepGoesOn(t *testing.T) {
	for name, tell := range map[string]func(*cellar){
		"erased":  eraseFolder,
		"retired": func(c *cellar) { c.retire(c.released("1.0.0", c.folder("x", "a", "y", "b"))) },
	} {
		for n := range 3 {
			c := newCellar(t)
			tell(c)
			s := c.sweep(400, rollout.Retention{})
			plan, err := s.Plan(t.Context())
			if err != nil || len(plan) != 3 {
				t.Fatalf("%v, %v: want the list and both files", plan, err)
			}
			if err := s.Run(t.Context(), plan[:n], nil); err != nil {
				t.Fatal(err)
			}
			rest, err := s.Plan(t.Context())
			if err := errors.Join(err, s.Run(t.Context(), rest, nil)); err != nil {
				t.Fatal(err)
			}
			if c.has(history.Sum("a")) || c.has(history.Sum("b")) {
				t.Errorf("%s, ended after %d of 3: a file stays for good", name, n)
			}
		}
	}
}
