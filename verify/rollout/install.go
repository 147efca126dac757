package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// An Installer puts releases side by side into a folder and lets one of them be
// current:
//
//	DIR/releases/ID/build/…        the artifacts, by name
//	DIR/releases/ID/config/…       the frozen configuration
//	DIR/releases/ID/RELEASE_INFO   what this is, as JSON
//	DIR/current                    a link to releases/ID
//
// Releases are read-only, and appear whole or not at all; current changes from
// one to the next in one step. Killed at any moment, what is current is whole, and
// calling again brings it to the end. Several processes may install at once.
type Installer struct {
	Dir string // is made if it is not there; its parent must be
}

// Info is the content of RELEASE_INFO.
type Info struct {
	ID         provenance.Digest               `json:"id"`
	Name       string                          `json:"name"` // "app#102"
	Product    string                          `json:"product"`
	Version    string                          `json:"version"`
	CreatedAt  time.Time                       `json:"createdAt,omitzero"` // when the release was recorded
	Commit     provenance.Digest               `json:"commit,omitzero"`
	Repository string                          `json:"repository,omitempty"`
	By         []string                        `json:"by"` // who released it
	Config     provenance.Digest               `json:"config"`
	Artifacts  []provenance.ResourceDescriptor `json:"artifacts"`
}

const infoName = "RELEASE_INFO"

// ErrContent says that something to be installed is not what was released. Test
// for it with errors.Is.
var ErrContent = errors.New("it is not what was released")

// Install copies a release, whose artifacts are files or folders at paths by
// their names and whose configuration is the file or folder at config, and makes
// it current. What was copied is hashed and held against the release before it is
// seen by anybody. A release that is there already is checked and made current.
func (i Installer) Install(ctx context.Context, s *release.State, r *release.Released, paths map[string]string, config string) error {
	if v := s.RevokedBy(r.ID); v != nil {
		return fmt.Errorf("%s was taken back (%s): %s", s.Ref(r).Name, v.Kind, v.Reason)
	}
	unlock, err := i.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	id := r.ID.Hex()
	dir := filepath.Join(i.Dir, "releases", id)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := i.fill(ctx, dir, s, r, paths, config); err != nil {
			return err
		}
	}
	if err := check(ctx, dir, r.Subjects, r.Config); err != nil {
		return err
	}
	return i.swap(id)
}

// Switch makes a release current that is installed, after it was checked: that is
// how to roll back in place.
func (i Installer) Switch(ctx context.Context, id provenance.Digest) error {
	unlock, err := i.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(i.Dir, "releases", id.Hex())
	info, err := readInfo(dir)
	if err != nil {
		return err
	}
	if info.ID != id {
		return fmt.Errorf("%s says that it is %s: %w", dir, info.ID, ErrContent)
	}
	if err := check(ctx, dir, info.Artifacts, info.Config); err != nil {
		return err
	}
	return i.swap(id.Hex())
}

// Current is what is current; fs.ErrNotExist if nothing is.
func (i Installer) Current() (*Info, error) {
	target, err := os.Readlink(filepath.Join(i.Dir, "current"))
	if err != nil {
		return nil, err
	}
	return readInfo(filepath.Join(i.Dir, "releases", filepath.Base(target)))
}

func readInfo(dir string) (*Info, error) {
	data, err := os.ReadFile(filepath.Join(dir, infoName))
	if err != nil {
		return nil, err
	}
	var info Info
	if err := json.Unmarshal(data, &info); err != nil {
		return nil, fmt.Errorf("%s: %w", infoName, err)
	}
	return &info, nil
}

// lock keeps others out, and clears away what somebody who was killed left.
func (i Installer) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.Mkdir(i.Dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	releases := filepath.Join(i.Dir, "releases")
	if err := os.Mkdir(releases, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	unlock, err = dirlock.Lock(ctx, i.Dir)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{i.Dir, releases} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			unlock()
			return nil, err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), pending) {
				if err := removeAll(filepath.Join(dir, e.Name())); err != nil {
					unlock()
					return nil, err
				}
			}
		}
	}
	return unlock, nil
}

// pending begins the names of what is not finished.
const pending = ".new-"

// removeAll removes a folder whose folders may be read-only.
func removeAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// fill makes a release's folder aside, checks it, and puts it in its place.
func (i Installer) fill(ctx context.Context, dir string, s *release.State, r *release.Released, paths map[string]string, config string) error {
	aside := filepath.Join(filepath.Dir(dir), pending+filepath.Base(dir))
	for _, sub := range []string{"", "build", "config"} {
		if err := os.Mkdir(filepath.Join(aside, sub), 0o755); err != nil {
			return err
		}
	}
	for _, a := range r.Subjects {
		path, name := paths[a.Name], filepath.FromSlash(a.Name)
		if path == "" {
			return fmt.Errorf("the artifact %q is missing", a.Name)
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the artifact %q is not the name of a file in the folder", a.Name)
		}
		to := filepath.Join(aside, "build", name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyTree(ctx, to, path); err != nil {
			return err
		}
	}
	to := filepath.Join(aside, "config")
	if r.Config.Algorithm() == provenance.DirHash {
		if err := os.Remove(to); err != nil {
			return err
		}
	} else {
		to = filepath.Join(to, filepath.Base(config))
	}
	if err := copyTree(ctx, to, config); err != nil {
		return err
	}
	info, err := json.MarshalIndent(Info{ID: r.ID, Name: s.Ref(r).Name, Product: s.Product, Version: r.Version, CreatedAt: r.Time, Commit: r.Commit, Repository: r.Repository,
		By: r.By, Config: r.Config, Artifacts: r.Subjects}, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(aside, infoName), strings.NewReader(string(info)+"\n"), 0o444); err != nil {
		return err
	}
	if err := check(ctx, aside, r.Subjects, r.Config); err != nil {
		return err
	}
	if err := freeze(aside); err != nil {
		return err
	}
	if err := os.Rename(aside, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// copyTree copies a file or a folder of files and folders.
func copyTree(ctx context.Context, to, from string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case info.Mode().IsRegular():
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close()
		return writeSynced(to, f, 0o444|info.Mode()&0o111)
	case !info.IsDir():
		return fmt.Errorf("%q is neither a file nor a folder", from)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyTree(ctx, filepath.Join(to, e.Name()), filepath.Join(from, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func writeSynced(path string, r io.Reader, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// freeze makes folders read-only, and their entries last.
func freeze(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if err := syncDir(path); err != nil {
			return err
		}
		return os.Chmod(path, 0o555)
	})
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// check hashes what is installed and holds it against the release.
func check(ctx context.Context, dir string, artifacts []provenance.ResourceDescriptor, config provenance.Digest) error {
	for _, a := range artifacts {
		if err := checkOne(ctx, filepath.Join(dir, "build"), filepath.Join(dir, "build", filepath.FromSlash(a.Name)), a.Digest); err != nil {
			return fmt.Errorf("artifact %q: %w", a.Name, err)
		}
	}
	path := filepath.Join(dir, "config")
	if config.Algorithm() != provenance.DirHash {
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		if len(entries) != 1 {
			return fmt.Errorf("configuration: %d files: %w", len(entries), ErrContent)
		}
		path = filepath.Join(path, entries[0].Name())
	}
	if err := checkOne(ctx, dir, path, provenance.Set(config)); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

func checkOne(ctx context.Context, root, path string, want provenance.DigestSet) error {
	o := provenance.SubjectOptions{Root: root}
	for _, algorithm := range []string{provenance.SHA256, provenance.SHA384, provenance.SHA512} {
		if _, ok := want.Get(algorithm); ok {
			o.Algorithms = append(o.Algorithms, algorithm)
		}
	}
	got, err := o.Subjects(ctx, path)
	if err != nil {
		return err
	}
	if want.Match(got[0].Digest) != provenance.Matched {
		return fmt.Errorf("want %v, got %v: %w", want.Digests(), got[0].Digest.Digests(), ErrContent)
	}
	return nil
}

// swap makes an installed release current, in one step.
func (i Installer) swap(id string) error {
	aside, link := filepath.Join(i.Dir, pending+"current"), filepath.Join(i.Dir, "current")
	target := filepath.Join("releases", id)
	if was, err := os.Readlink(link); err == nil && was == target {
		return nil
	}
	if err := os.Symlink(target, aside); err != nil {
		return err
	}
	if err := os.Rename(aside, link); err != nil {
		return err
	}
	return syncDir(i.Dir)
}
