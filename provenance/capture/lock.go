package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/lockfile"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// maxLocked is how many packages of one lock file are recorded. A statement
// with more of them could not be read everywhere.
const maxLocked = 10_000

// A lock is a lock file of a package manager, as it was before the command.
type lock struct {
	name   string // relative to the root
	path   string
	before provenance.Digest
	after  provenance.Digest
	parsed *lockfile.Lock
	err    error // why it says nothing
}

// lookLocks reads the lock files that the caller names, and those in the
// command's folder. One that is named must be there.
func (b *building) lookLocks() error {
	if b.goBuild || b.argv == nil {
		return nil
	}
	for _, name := range b.options.LockFiles {
		if !lockfile.Known(name) {
			return fmt.Errorf("capture: lock file %q: it is none of %s", name, strings.Join(lockfile.Names(), ", "))
		}
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(b.start, path)
		}
		if err := b.lookLock(path); err != nil {
			return fmt.Errorf("capture: lock file %q: %w", name, pathless(err))
		}
	}
	entries, err := os.ReadDir(b.start)
	if err != nil {
		return fmt.Errorf("capture: the command's folder: %w", pathless(err))
	}
	for _, e := range entries {
		if e.Type().IsRegular() && lockfile.Known(e.Name()) && !slices.ContainsFunc(b.locks, func(l *lock) bool { return l.path == filepath.Join(b.start, e.Name()) }) {
			// One that nobody named and that cannot be read is not worth a failed build.
			if err := b.lookLock(filepath.Join(b.start, e.Name())); err != nil && !errors.Is(err, lockfile.ErrUnknown) {
				b.locks = append(b.locks, &lock{name: e.Name(), path: filepath.Join(b.start, e.Name()), err: pathless(err)})
			}
		}
	}
	slices.SortFunc(b.locks, func(x, y *lock) int { return strings.Compare(x.name, y.name) })
	return nil
}

func (b *building) lookLock(path string) error {
	data, err := safefs.ReadFile(path, lockfile.MaxSize)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(b.root, path)
	if err != nil || !filepath.IsLocal(rel) {
		rel = filepath.Base(path)
	}
	l := &lock{name: filepath.ToSlash(rel), path: path, before: provenance.SumSHA256(data)}
	if l.parsed, err = lockfile.Parse(filepath.Base(path), bytes.NewReader(data)); err != nil {
		return err
	}
	if len(l.parsed.Packages) > maxLocked {
		l.err = fmt.Errorf("it locks more than %d packages", maxLocked)
	}
	b.locks = append(b.locks, l)
	return nil
}

// lookLocksAgain finds out whether the command changed them.
func (b *building) lookLocksAgain() {
	for _, l := range b.locks {
		if data, err := safefs.ReadFile(l.path, lockfile.MaxSize); err == nil {
			l.after = provenance.SumSHA256(data)
		}
	}
}

// recordLocks records each lock file, and what it declares.
func (b *building) recordLocks(d *draft) {
	for _, l := range b.locks {
		if l.before.IsZero() {
			d.incomplete("a lock file beside the command cannot be read")
			continue
		}
		why := "the lock file before the command, which did not change it"
		switch l.after {
		case l.before:
		case provenance.Digest{}:
			why = "the lock file before the command; it was not looked at afterwards"
		default:
			why = "the lock file before the command, which changed it"
		}
		d.materials = append(d.materials, material{provenance.ResourceDescriptor{Name: l.name, Digest: provenance.Set(l.before)}, Observed, why})
		if l.err != nil {
			d.incomplete("a lock file locks more packages than are recorded")
			continue
		}
		for i := range l.parsed.Packages {
			if p := &l.parsed.Packages[i]; !p.Local && p.PURL != "" {
				d.materials = append(d.materials, material{locked(p, l), Declared, "a lock file says so; that it was installed, nobody saw"})
			}
		}
		if len(l.parsed.Omitted) > 0 {
			d.incomplete("a lock file asks for more than it locks")
		}
	}
}

// locked is a package as a dependency. Of one that may be any of several files
// the digests are carried, and match nothing.
func locked(p *lockfile.Package, l *lock) provenance.ResourceDescriptor {
	r := provenance.ResourceDescriptor{Name: p.Name, URI: p.PURL, DownloadLocation: p.Source, Annotations: map[string]json.RawMessage{"lockFile": jsonValue(l.name)}}
	if len(p.Digests) > 0 {
		r.Digest = p.Digests
	}
	if len(p.OneOf) > 0 {
		r.Annotations["oneOf"] = jsonValue(p.OneOf)
	}
	if p.Dev {
		r.Annotations["dev"] = jsonValue(true)
	}
	return r
}

func jsonValue(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null") // only what can be marshalled comes here
	}
	return data
}
