package tuf_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/testkit/tufrepo"
	"github.com/touchmark-go/touchmark/verify/sigstore/tuf"
)

// theirs is what go-tuf says of the repository.
func theirs(t *testing.T, s *tufrepo.Server, state string) ([]byte, error) {
	c, err := config.New(s.URL, s.Roots[0])
	if err != nil {
		t.Fatal(err)
	}
	c.LocalMetadataDir, c.LocalTargetsDir = state, state
	u, err := updater.New(c)
	if err != nil {
		return nil, err
	}
	if err := u.Refresh(); err != nil {
		return nil, err
	}
	info, err := u.GetTargetInfo(tuf.TrustedRoot)
	if err != nil {
		return nil, err
	}
	_, data, err := u.DownloadTarget(info, filepath.Join(t.TempDir(), "got"), "")
	return data, err
}

// What a repository says is taken or refused by the rules, and go-tuf, which keeps
// to them too, says the same.
func TestFetch(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *tufrepo.Server) // after it was fetched once
		want   string                  // a part of the error, if it is refused
	}{
		"nothing new":    {func(s *tufrepo.Server) {}, ""},
		"another target": {func(s *tufrepo.Server) { s.Target = append(s.Target, ' '); s.Next() }, ""},
		"the next root":  {func(s *tufrepo.Server) { s.Root(s.Keys[metadata.ROOT]...); s.Next() }, ""},
		"new keys of a role": {func(s *tufrepo.Server) {
			s.Keys[metadata.TIMESTAMP][0] = s.Key()
			s.Root(s.Keys[metadata.ROOT]...)
			s.Next()
		}, ""},
		"new keys of the root, by old and new": {func(s *tufrepo.Server) {
			old := s.Keys[metadata.ROOT]
			s.Keys[metadata.ROOT] = []signature.Signer{s.Key(), s.Key()}
			s.Root(append(old, s.Keys[metadata.ROOT]...)...)
			s.Root(s.Keys[metadata.ROOT]...)
			s.Next()
		}, ""},
		"a root before it has expired": {func(s *tufrepo.Server) {
			s.Expires[metadata.ROOT] = time.Now().Add(-time.Hour)
			s.Root(s.Keys[metadata.ROOT]...)
			s.Expires[metadata.ROOT] = time.Now().Add(time.Hour)
			s.Root(s.Keys[metadata.ROOT]...)
		}, ""},
		"a stolen key wrote the last version there can be, and was replaced": {func(s *tufrepo.Server) {
			s.Keys[metadata.TIMESTAMP][0] = s.Key()
			s.Root(s.Keys[metadata.ROOT]...)
			s.Versions[metadata.TIMESTAMP] = 1 // less than what was seen
			s.Publish()
		}, ""},

		"new keys of the root, by the new alone": {func(s *tufrepo.Server) {
			s.Keys[metadata.ROOT] = []signature.Signer{s.Key(), s.Key()}
			s.Root(s.Keys[metadata.ROOT]...)
		}, "root version 2, by the keys before it: root: 0 of the 2"},
		"new keys of the root, by the old alone": {func(s *tufrepo.Server) {
			old := s.Keys[metadata.ROOT]
			s.Keys[metadata.ROOT] = []signature.Signer{s.Key(), s.Key()}
			s.Root(old...)
		}, "root version 2, by its own keys: root: 0 of the 2"},
		"a root by too few":   {func(s *tufrepo.Server) { s.Root(s.Keys[metadata.ROOT][0]) }, "root: 1 of the 2"},
		"a root by one twice": {func(s *tufrepo.Server) { s.Root(s.Keys[metadata.ROOT][0], s.Keys[metadata.ROOT][0]) }, "root"},
		"a root of another version": {func(s *tufrepo.Server) {
			s.Root(s.Keys[metadata.ROOT]...)
			s.Root(s.Keys[metadata.ROOT]...)
			s.Put("2.root.json", s.Roots[2])
		}, "says that it is version 3"},
		"the newest root has expired": {func(s *tufrepo.Server) {
			s.Expires[metadata.ROOT] = time.Now().Add(-time.Hour)
			s.Root(s.Keys[metadata.ROOT]...)
		}, "root version 2 expired"},
		"frozen: the timestamp has expired": {func(s *tufrepo.Server) {
			s.Expires[metadata.TIMESTAMP] = time.Now().Add(-time.Second)
			s.Next()
		}, "timestamp version 6 expired"},
		"the snapshot has expired":        {func(s *tufrepo.Server) { s.Expires[metadata.SNAPSHOT] = time.Now().Add(-time.Second); s.Next() }, "snapshot version 6 expired"},
		"the targets have expired":        {func(s *tufrepo.Server) { s.Expires[metadata.TARGETS] = time.Now().Add(-time.Second); s.Next() }, "targets version 6 expired"},
		"rolled back: an older timestamp": {func(s *tufrepo.Server) { s.Versions[metadata.TIMESTAMP] = 4; s.Publish() }, "timestamp is version 4, and was 5 already"},
		"rolled back: an older snapshot in a newer timestamp": {func(s *tufrepo.Server) {
			s.Versions[metadata.TIMESTAMP], s.Versions[metadata.SNAPSHOT] = 6, 4
			s.Publish()
		}, "snapshot is version 4, and was 5 already"},
		"rolled back: older targets in a newer snapshot": {func(s *tufrepo.Server) {
			s.Versions[metadata.TIMESTAMP], s.Versions[metadata.SNAPSHOT], s.Versions[metadata.TARGETS] = 6, 6, 4
			s.Publish()
		}, `"targets.json" is version 4 in the snapshot, and was 5 already`},
		"a timestamp by a stranger":                 {func(s *tufrepo.Server) { s.Keys[metadata.TIMESTAMP][0] = s.Key(); s.Next() }, "timestamp: 0 of the 1"},
		"a snapshot by a stranger":                  {func(s *tufrepo.Server) { s.Keys[metadata.SNAPSHOT][0] = s.Key(); s.Next() }, "snapshot: 0 of the 1"},
		"targets by a stranger":                     {func(s *tufrepo.Server) { s.Keys[metadata.TARGETS][0] = s.Key(); s.Next() }, "targets: 0 of the 1"},
		"targets signed by the key of the snapshot": {func(s *tufrepo.Server) { s.Keys[metadata.TARGETS] = s.Keys[metadata.SNAPSHOT]; s.Next() }, "targets: 0 of the 1"},
		"mixed: another version of the snapshot": {func(s *tufrepo.Server) {
			s.Next()
			s.Put("6.snapshot.json", s.Files["5.snapshot.json"])
		}, "snapshot is version 5, want 6"},
		"mixed: another version of the targets":       {func(s *tufrepo.Server) { s.Next(); s.Put("6.targets.json", s.Files["5.targets.json"]) }, "targets is version 5, want 6"},
		"mixed: targets in the place of the snapshot": {func(s *tufrepo.Server) { s.Next(); s.Put("6.snapshot.json", s.Files["6.targets.json"]) }, "snapshot"},
		"a byte of the metadata is another": {func(s *tufrepo.Server) {
			s.Put("timestamp.json", bytes.Replace(s.Files["timestamp.json"], []byte(`"version":5`), []byte(`"version":7`), 1))
		}, "timestamp: 0 of the 1"},
		"a byte of the target is another": {func(s *tufrepo.Server) { s.Tamper(func(data []byte) []byte { data[0] ^= 1; return data }) }, "has the sha256"},
		"a target cut short":              {func(s *tufrepo.Server) { s.Tamper(func(data []byte) []byte { return data[:len(data)-1] }) }, "bytes, want"},
		"a target that never ends":        {func(s *tufrepo.Server) { s.Endless = "trusted_root" }, "more than"},
		"a timestamp that never ends":     {func(s *tufrepo.Server) { s.Endless = "timestamp" }, "more than 16384 bytes"},
		"the target is gone":              {func(s *tufrepo.Server) { s.Tamper(func([]byte) []byte { return nil }) }, "not there"},
		"the timestamp is gone":           {func(s *tufrepo.Server) { delete(s.Files, "timestamp.json") }, "not there"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tufrepo.New(t)
			for range 4 {
				s.Next()
			}
			r := tuf.Repository{URL: s.URL, Root: s.Roots[0], State: filepath.Join(t.TempDir(), "state.json")}
			state := t.TempDir()
			if got, err := r.Fetch(t.Context(), tuf.TrustedRoot); err != nil || !bytes.Equal(got, s.Target) {
				t.Fatalf("at first: %q, %v", got, err)
			}
			if _, err := theirs(t, s, state); err != nil {
				t.Fatalf("go-tuf at first: %v", err)
			}
			before, err := os.ReadFile(r.State)
			if err != nil {
				t.Fatal(err)
			}
			c.change(s)
			got, err := r.Fetch(t.Context(), tuf.TrustedRoot)
			_, theirs := theirs(t, s, state)
			if (err == nil) != (theirs == nil) {
				t.Errorf("we say %v, and go-tuf says %v", err, theirs)
			}
			if c.want == "" {
				if err != nil || !bytes.Equal(got, s.Target) {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			if got != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
			if after, err := os.ReadFile(r.State); err != nil || !bytes.Equal(before, after) {
				t.Errorf("what was refused is remembered: %v", err)
			}
		})
	}
}

// What is wrong before anything is fetched, and what only we refuse.
func TestFetchRefuses(t *testing.T) {
	s := tufrepo.New(t)
	state := filepath.Join(t.TempDir(), "state.json")
	good := tuf.Repository{URL: s.URL, Root: s.Roots[0], State: state}
	if _, err := good.Fetch(t.Context(), tuf.TrustedRoot); err != nil {
		t.Fatal(err)
	}
	other := tufrepo.New(t)
	garbled := filepath.Join(t.TempDir(), "garbled.json")
	if err := os.WriteFile(garbled, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.RedirectHandler(s.URL, http.StatusFound))
	defer elsewhere.Close()
	newer := filepath.Join(t.TempDir(), "newer.json")
	if err := os.WriteFile(newer, []byte(`{"root":7}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(r *tuf.Repository)
		target string
		want   string
	}{
		"no root":             {func(r *tuf.Repository) { r.Root = nil }, "", "the pinned root"},
		"a root that is none": {func(r *tuf.Repository) { r.Root = []byte(`{"signed":{},"signatures":[]}`) }, "", "the pinned root"},
		"a root of another":   {func(r *tuf.Repository) { r.Root = other.Roots[0] }, "", "timestamp: 0 of the 1"},
		"a root that was changed": {func(r *tuf.Repository) {
			r.Root = bytes.Replace(r.Root, []byte(`"threshold":2`), []byte(`"threshold":1`), 1)
		}, "", "the pinned root: root: 0 of the 1"},
		"a root with a member twice": {func(r *tuf.Repository) {
			r.Root = bytes.Replace(r.Root, []byte(`"version":1`), []byte(`"version":1,"version":1`), 1)
		}, "", "duplicate"},
		"elsewhere":           {func(r *tuf.Repository) { r.URL = elsewhere.URL }, "", "302"},
		"no TLS":              {func(r *tuf.Repository) { r.URL = "http://tuf.example" }, "", "want https"},
		"nobody there":        {func(r *tuf.Repository) { r.URL = "http://127.0.0.1:1" }, "", "refused"},
		"another target":      {func(r *tuf.Repository) {}, "other.json", "list no"},
		"at another time":     {func(r *tuf.Repository) { r.At = time.Now().Add(2 * time.Hour) }, "", "expired"},
		"a garbled state":     {func(r *tuf.Repository) { r.State = garbled }, "", "remembered"},
		"a root that is back": {func(r *tuf.Repository) { r.State = newer }, "", "was 7 already"},
	} {
		r := good
		c.change(&r)
		if c.target == "" {
			c.target = tuf.TrustedRoot
		}
		if got, err := r.Fetch(t.Context(), c.target); got != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
	good.State = "" // and without a memory nothing is remembered
	if _, err := good.Fetch(t.Context(), tuf.TrustedRoot); err != nil {
		t.Error(err)
	}
}

// Whoever fetches a trusted root links one module, which does no work
// before main.
func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/sigstore/tuf", deptest.Budget{Modules: 1, Forbidden: []string{"os/exec", "github.com/theupdateframework/...", "google.golang.org/protobuf/..."}})
}
