package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// It shares no code with what it checks.
func TestBudget(t *testing.T) {
	deptest.Only(t, "examples/audit", deptest.Budget{Modules: 1, Forbidden: []string{"github.com/touchmark-go/touchmark/internal/...", "net/http", "os/exec"}})
	if got := deptest.Modules(t, "examples/audit"); len(got) != 1 || got[0] != "golang.org/x/mod" {
		t.Errorf("it links %q", got)
	}
}

// exported is an export of a world's log, as the library writes it.
func exported(t testing.TB, w *history.World, change func(*capsule.Content)) []byte {
	t.Helper()
	reader, err := w.Log.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := rollout.Survey(t.Context(), reader.Fixed(), w.Root, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content := capsule.Content{At: w.Now, Trust: w.Root, Log: reader}
	erased := inventory.Tombstones()
	for _, e := range erased {
		content.Erased = append(content.Erased, capsule.Erased{Digest: e.Digest, Record: e.Record, Reason: e.Reason})
	}
	for _, item := range inventory.Items {
		if item.Kind != rollout.ItemArtifact && erased[item.Digest] == nil {
			content.Absent = append(content.Absent, item.Digest)
		}
	}
	if change != nil {
		change(&content)
	}
	var b bytes.Buffer
	if err := content.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// audit runs the program's check on an export.
func audit(t testing.TB, data []byte, trustDigest string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "export")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := check(&out, path, "", trustDigest)
	return out.String(), err
}

// Two programs that were written apart come to the same fate of every record, the
// same tags and the same environments, whatever people wrote.
func TestAgrees(t *testing.T) {
	histories, steps := uint64(12), 120
	if os.Getenv("TOUCHMARK_INTEGRATION") == "1" {
		histories = 40
	} else if testing.Short() {
		histories = 3
	}
	seen := map[string]int{}
	for seed := range histories {
		w := history.New(t)
		w.Random(seed, steps)
		export, err := readExport(bytes.NewReader(exported(t, w, nil)))
		if err != nil {
			t.Fatal(err)
		}
		pinned, err := parseTrust(export.trust)
		if err != nil || pinned.digest != w.Root.Digest().String() {
			t.Fatalf("the trust file: %v", err)
		}
		log, err := export.openLog(pinned)
		if err != nil {
			t.Fatal(err)
		}
		h, err := replay(log, pinned)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := export.complete(h); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		theirs, err := rollout.NewReplay(w.Log, w.Root, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		view, err := theirs.Watch(t.Context(), func(e release.Effect, entry rollout.Entry) {
			f := h.fates[e.Index]
			if (f.void == "") != (e.Void == nil) || f.void == "" && f.same != e.Same || !f.time.Equal(entry.Time) || e.Void == nil && (f.kind != e.Kind || f.about != e.Product) {
				t.Errorf("seed %d: record %d is %+v here, and %+v (%v) there", seed, e.Index, f, e, e.Void)
			}
			fate := e.Kind
			if e.Void != nil {
				fate += " void"
			}
			seen[fate]++
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range view.Products() {
			state := view.State(name)
			tags := map[string]string{}
			for tag, b := range state.Tags {
				tags[tag] = b.Digest.String()
			}
			if got := h.products[name]; got == nil && len(state.Releases) > 0 || got != nil && fmt.Sprint(got.tags) != fmt.Sprint(tags) {
				t.Errorf("seed %d: tags of %s are %v there", seed, name, tags)
			}
			for stage, at := range state.Stages {
				here := 0
				if s := h.products[name].stages[stage]; s != nil && s.now != nil {
					here = s.now.number
				}
				if here != at.Release {
					t.Errorf("seed %d: %s of %s is at %d here, and at %d there", seed, stage, name, here, at.Release)
				}
			}
		}
	}
	for _, fate := range []string{"release", "release void", "tag", "tag void", "promotion", "promotion void", "rollback", "rollback void", "deployment", "deployment void",
		"approval", "approval void", "revocation", "revocation void", "trust", "trust void", "audit", "audit void", " void"} {
		if seen[fate] == 0 && !testing.Short() {
			t.Errorf("no record was ever a %s: %v", fate, seen)
		}
	}
}

// It refuses what the library refuses.
func TestTampered(t *testing.T) {
	w := history.New(t)
	one := w.Running("1.0.0", provenance.Digest{})
	w.Running("1.1.0", one.ID())
	data := exported(t, w, nil)
	root := w.Root.Digest().String()
	out, err := audit(t, data, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"promotion  app  by cy, ann (approved), bob (approved)  ok", "app: prod is at app#2 1.1.0", "whole: 10 records of \"releases.acme.example\"", "cosigned by witness.example", "absent: sha256:"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	both := func(what string, changed []byte) {
		t.Helper()
		_, err := audit(t, changed, root)
		c, theirs := capsule.Open(bytes.NewReader(changed), int64(len(changed)))
		if theirs == nil {
			var replay *rollout.Replay
			if replay, theirs = (capsule.Pins{TrustDigest: w.Root.Digest(), At: w.Now}).Replay(c); theirs == nil {
				_, theirs = replay.View(t.Context())
			}
		}
		if err == nil || theirs == nil {
			t.Errorf("%s: %v here, %v there: want it refused by both", what, err, theirs)
		}
	}
	content := func(i int) bool { // what stands in no header and fills no block up
		block := data[i/512*512 : i/512*512+512]
		return data[i] != 0 && string(block[257:262]) != "ustar"
	}
	for i := 0; i < len(data); i += 101 {
		if content(i) {
			data[i] ^= 1
			both(fmt.Sprintf("byte %d changed", i), data)
			data[i] ^= 1
		}
	}
	both("cut", data[:len(data)-1500])
	both("more", append(bytes.Clone(data), "more"...))
	both("nothing", nil)
	other := history.New(t)
	other.Trust.Revokers = nil
	if _, err := audit(t, data, history.Sum("x").String()); err == nil || !strings.Contains(err.Error(), "want sha256:") {
		t.Errorf("by another trust file: %v", err)
	}
}

// A wrong call is told from a wrong export.
func TestUsage(t *testing.T) {
	var out, errs bytes.Buffer
	for _, args := range [][]string{nil, {"x"}, {"-trust", "a", "-trust-digest", "b", "x"}, {"-unknown"}} {
		if got := run(args, &out, &errs); got != 64 {
			t.Errorf("%q: status %d", args, got)
		}
	}
	if got := run([]string{"-trust-digest", "sha256:00", filepath.Join(t.TempDir(), "nowhere")}, &out, &errs); got != 1 {
		t.Errorf("no file: status %d", got)
	}
}
