package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// A Problem is what [Folder.Fsck] found to be wrong.
type Problem struct {
	// Path is below the folder, with slashes.
	Path string
	// Msg says what was wanted, and what is there.
	Msg string
	// Done says what was done about it, empty if nothing was.
	Done string
}

// String is one line: the path, what is wrong, and what was done.
func (p Problem) String() string {
	if p.Done == "" {
		return fmt.Sprintf("%q: %s", p.Path, p.Msg)
	}
	return fmt.Sprintf("%q: %s: %s", p.Path, p.Msg, p.Done)
}

// Fsck reads everything and returns what is wrong, in the order of the paths; nil is a sound store. With repair it
// does what can be done without losing anything: content that is not what its name says is moved to the folder
// corrupt, from where it can be put back under its name by pushing the original again; a bundle that no entry names,
// because whoever pushed it was killed, is entered under what its statement says; what a killed process began to
// write is removed. That last is safe at any time: a process that is at work loses what it has not acknowledged, and
// gets an error.
//
// What is missing without a trace is not seen: whoever can write to the folder can take evidence out of it.
func (f *Folder) Fsck(ctx context.Context, repair bool) ([]Problem, error) {
	c := checker{Folder: f, ctx: ctx, repair: repair, named: map[string]bool{}}
	for _, step := range []func() error{c.top, c.drafts, c.entries, c.bundles, c.blobs} {
		if err := step(); err != nil {
			return c.problems, err
		}
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		switch {
		case a.Path < b.Path:
			return -1
		case a.Path > b.Path:
			return 1
		}
		return 0
	})
	return c.problems, nil
}

// A checker is one run of Fsck.
type checker struct {
	*Folder
	ctx      context.Context
	repair   bool
	named    map[string]bool // bundles that an entry names
	problems []Problem
}

func (c *checker) report(path, format string, args ...any) *Problem {
	c.problems = append(c.problems, Problem{Path: path, Msg: fmt.Sprintf(format, args...)})
	return &c.problems[len(c.problems)-1]
}

// top looks for what does not belong in the folder.
func (c *checker) top() error {
	names, err := c.list(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		switch name {
		case markFile, bundlesDir, subjectDir, blobsDir, newDir, corruptDir, dirlock.File:
		default:
			c.report(name, "is no part of a store")
		}
	}
	return nil
}

// drafts finds what was never finished.
func (c *checker) drafts() error {
	names, err := c.list(newDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		p := c.report(path.Join(newDir, name), "was begun and not finished")
		if !c.repair {
			continue
		}
		if err := c.root.Remove(p.Path); err == nil {
			p.Done = "removed"
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// entries looks at what is said to be about whom.
func (c *checker) entries() error {
	return c.each(subjectDir, func(algorithm, shard, name string) error {
		dir := path.Join(subjectDir, algorithm, shard, name)
		if d, err := provenance.ParseDigest(algorithm + ":" + name); err != nil || d.Hex()[:2] != shard {
			c.report(dir, "is no folder of a subject, want ALGORITHM/HH/HEX")
			return nil
		}
		names, err := c.list(dir)
		if err != nil {
			return err
		}
		for _, hex := range names {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			if _, err := provenance.ParseDigest("sha256:" + hex); err != nil {
				c.report(path.Join(dir, hex), "is no entry, want the SHA-256 of a bundle")
				continue
			}
			c.named[hex] = true
			at, file := path.Join(bundlesDir, "sha256", hex[:2]), hex
			if _, err := c.root.Lstat(path.Join(at, file)); errors.Is(err, fs.ErrNotExist) {
				c.report(path.Join(dir, hex), "names a bundle that is not there: push it again, or restore it from another store")
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// bundles reads all bundles.
func (c *checker) bundles() error {
	return c.each(bundlesDir, func(algorithm, shard, name string) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		at := path.Join(bundlesDir, algorithm, shard, name)
		id, ok := c.content(at, algorithm, shard, name, sign.MaxEnvelopeSize)
		if !ok || c.named[id.Hex()] {
			return nil
		}
		p := c.report(at, "no entry names it")
		b, _ := c.bundle(name, sign.MaxEnvelopeSize)
		subjects, err := subjectsOf(b)
		if err != nil {
			p.Msg += fmt.Sprintf(", and it does not say what it is about (%v)", err)
			return nil
		}
		if !c.repair {
			return nil
		}
		for _, subject := range subjects {
			if err := c.enter(subject, id); err != nil {
				return err
			}
		}
		p.Done = "entered under what its statement says"
		return nil
	})
}

// blobs reads all blobs.
func (c *checker) blobs() error {
	return c.each(blobsDir, func(algorithm, shard, name string) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.content(path.Join(blobsDir, algorithm, shard, name), algorithm, shard, name, MaxBlobSize)
		return nil
	})
}

// content reports whether a file is what its name says, and takes it out of the way if it is not.
func (c *checker) content(at, algorithm, shard, name string, limit int64) (provenance.Digest, bool) {
	want, err := provenance.ParseDigest(algorithm + ":" + name)
	if err != nil || algorithm != provenance.SHA256 || want.Hex()[:2] != shard {
		c.report(at, "is no content, want sha256/HH/HEX")
		return want, false
	}
	file, err := c.open(at)
	if err == nil {
		r := Verified(file, want)
		var n int64
		n, err = io.Copy(io.Discard, &patient{c.ctx, io.LimitReader(r, limit+1)})
		if err == nil && n > limit {
			err = fmt.Errorf("has more than %d bytes: %w", limit, sign.ErrLimit)
		}
		r.Close()
	}
	if err == nil || c.ctx.Err() != nil {
		return want, err == nil
	}
	p := c.report(at, "%v", err)
	var bad *DigestError
	if !c.repair || !errors.As(err, &bad) {
		return want, false
	}
	if err := c.mkdir(corruptDir); err != nil {
		p.Done = fmt.Sprintf("cannot be moved to %s: %v", corruptDir, err)
		return want, false
	}
	to := path.Join(corruptDir, bad.Got.Hex())
	if err := c.root.Rename(at, to); err != nil {
		p.Done = fmt.Sprintf("cannot be moved to %s: %v", corruptDir, err)
	} else {
		p.Done = fmt.Sprintf("moved to %s", to)
	}
	return want, false
}
