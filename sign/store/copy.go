package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/touchmark-go/touchmark/provenance"
)

// CopyOptions say what [Copy] carries. The zero CopyOptions are all of it.
type CopyOptions struct {
	// Subjects are the artifacts whose evidence is wanted, and Blobs the blobs. If both are empty, everything that the
	// source holds is, which must then be a [Lister].
	Subjects, Blobs []provenance.Digest
	// Progress, if not nil, is called after each subject and each blob, with what was carried so far.
	Progress func(Progress)
}

// Progress counts what [Copy] has carried, or found to be there.
type Progress struct{ Subjects, Bundles, Blobs int }

// Copy carries evidence and blobs from one store to another: to a mirror, into an archive, over an air gap, or back.
// Blobs go first, for in a registry evidence hangs on what is there.
// What was interrupted goes on when it is called again. Evidence that cannot be read and content that is not what its
// digest says are not carried; they are named in the error, after all the rest was. Any other trouble ends it at once.
func Copy(ctx context.Context, to, from Store) (Progress, error) {
	return CopyOptions{}.Copy(ctx, to, from)
}

// Copy is [Copy] of what the options name.
func (o CopyOptions) Copy(ctx context.Context, to, from Store) (Progress, error) {
	c := copier{CopyOptions: o, to: to, from: from}
	if len(o.Subjects) > 0 || len(o.Blobs) > 0 {
		for _, d := range o.Blobs {
			if err := c.blob(ctx, d); err != nil {
				return c.done, err
			}
		}
		for _, d := range o.Subjects {
			if err := c.subject(ctx, d); err != nil {
				return c.done, err
			}
		}
		return c.done, errors.Join(c.bad...)
	}
	all, ok := from.(Lister)
	if !ok {
		return c.done, errors.New("the source cannot list what it holds: name subjects or blobs")
	}
	for d, err := range all.Blobs(ctx) {
		if err != nil {
			return c.done, err
		}
		if err := c.blob(ctx, d); err != nil {
			return c.done, err
		}
	}
	for d, err := range all.Subjects(ctx) {
		if err != nil {
			return c.done, err
		}
		if err := c.subject(ctx, d); err != nil {
			return c.done, err
		}
	}
	return c.done, errors.Join(c.bad...)
}

// maxBad is how many faults of the source are named.
const maxBad = 100

type copier struct {
	CopyOptions
	to, from Store
	done     Progress
	bad      []error
}

func (c *copier) fault(format string, args ...any) {
	if len(c.bad) < maxBad {
		c.bad = append(c.bad, fmt.Errorf(format, args...))
	}
}

func (c *copier) subject(ctx context.Context, d provenance.Digest) error {
	bundles, err := c.from.Bundles(ctx, d)
	if err != nil {
		return err
	}
	for _, b := range bundles {
		if b.Err != nil {
			c.fault("%s: %w", b.Origin, b.Err)
			continue
		}
		if err := c.to.Push(ctx, d, b); err != nil {
			return err
		}
		c.done.Bundles++
	}
	c.done.Subjects++
	c.progress()
	return nil
}

func (c *copier) blob(ctx context.Context, d provenance.Digest) error {
	r, err := c.from.Blob(ctx, d)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = c.to.PutBlob(ctx, r)
	var other *DigestError
	switch {
	case errors.As(err, &other):
		c.fault("blob %s: %w", d, err)
	case err != nil:
		return err
	default:
		c.done.Blobs++
	}
	c.progress()
	return nil
}

func (c *copier) progress() {
	if c.Progress != nil {
		c.Progress(c.done)
	}
}
