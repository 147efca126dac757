package capsule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
)

// Content is what goes into a capsule. Order and doubles mean nothing, and the
// same content has the same bytes.
type Content struct {
	// At is the instant to name as that of making and judging, to the second. Required.
	At time.Time
	// Trust is the trust file that readers may have pinned, and Updates the next
	// versions of it, each signed with [verify.TrustType].
	Trust   *verify.Trust
	Updates []*sign.Bundle
	// Policies are files with a policy, or with one that was signed.
	Policies [][]byte
	// Subjects are the artifacts whose evidence is wanted, and Blobs the blobs. They
	// are taken from Source. One whose digest has more than 64 digits is refused.
	Subjects, Blobs []provenance.Digest
	Source          Source
	// Log is a release ledger. All of its records go in; nil is none.
	Log *ledger.Reader
	// States are what auditors signed about products, for readers without the Log: one
	// of each product.
	States []State
	// Erased and Absent are what the ledger names and Source does not have.
	Erased []Erased
	Absent []provenance.Digest
}

// A Source has evidence and blobs: the stores of package store are ones, and so
// are a [Capsule] and a [Set].
type Source interface {
	// Bundles is the evidence about subject, none if there is none.
	Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error)
	// Blob is the content with that SHA-256.
	Blob(ctx context.Context, digest provenance.Digest) (io.ReadCloser, error)
}

// A Set is evidence in memory, by the digest that it is about. It has no blobs.
type Set map[provenance.Digest][]*sign.Bundle

// Bundles implements [Source].
func (s Set) Bundles(_ context.Context, subject provenance.Digest) ([]*sign.Bundle, error) {
	return s[subject], nil
}

// Blob implements [Source].
func (s Set) Blob(_ context.Context, digest provenance.Digest) (io.ReadCloser, error) {
	return nil, fmt.Errorf("blob %s is not in memory", digest)
}

// A file is a member that is to be written. What it reads twice must be the same.
type file struct {
	name string
	read func() ([]byte, error)
}

// Write writes the capsule. Everything is read twice, one member at a time, and
// never held whole. What cannot be read or is over a limit is an error, and what
// was written by then is no capsule.
func (c Content) Write(ctx context.Context, w io.Writer) error {
	if err := c.write(ctx, w); err != nil {
		return fmt.Errorf("capsule: %w", err)
	}
	return nil
}

func (c Content) write(ctx context.Context, w io.Writer) error {
	files, err := c.files(ctx)
	if err != nil {
		return err
	}
	m := &manifest{Schema: Schema, At: c.At.UTC(), Members: []member{}, Erased: slices.Clone(c.Erased), Absent: sorted(c.Absent)}
	slices.SortFunc(m.Erased, func(a, b Erased) int { return compare(a.Digest, b.Digest) })
	for _, f := range files {
		data, err := f.content(ctx)
		if err != nil {
			return err
		}
		m.Members = append(m.Members, member{Name: f.name, Size: int64(len(data)), Digest: provenance.SumSHA256(data)})
	}
	data, err := m.marshal()
	if err != nil {
		return err
	}
	if _, err := parseManifest(data); err != nil { // what nobody could read is not written
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	if len(data) > maxManifest {
		return fmt.Errorf("%s has %d bytes, want at most %d: %w", manifestName, len(data), maxManifest, ErrLimit)
	}
	if err := put(w, manifestName, data); err != nil {
		return err
	}
	if err := put(w, sumName, sum(data)); err != nil {
		return err
	}
	for i, f := range files {
		data, err := f.content(ctx)
		if err != nil {
			return err
		}
		if got := provenance.SumSHA256(data); got != m.Members[i].Digest {
			return fmt.Errorf("%s changed while it was written", f.name)
		}
		if err := put(w, f.name, data); err != nil {
			return err
		}
	}
	_, err = w.Write(make([]byte, 2*block))
	return err
}

// content reads what goes into a member.
func (f file) content(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return data, nil
}

// put writes one member.
func put(w io.Writer, name string, data []byte) error {
	framed := append(header(name, int64(len(data))), data...)
	framed = append(framed, make([]byte, padded(int64(len(data)))-int64(len(data)))...)
	_, err := w.Write(framed)
	return err
}

// files are the members, sorted.
func (c Content) files(ctx context.Context) ([]file, error) {
	var all []file
	if c.Trust != nil {
		all = append(all, file{trustName(c.Trust.Version, false), func() ([]byte, error) { return c.Trust.Marshal(), nil }})
	} else if len(c.Updates) > 0 {
		return nil, errors.New("signed trust files need the one that they lead on from")
	}
	updates, err := c.updates()
	if err != nil {
		return nil, err
	}
	all = append(all, updates...)
	for i, data := range c.Policies {
		f, err := policyFile(data)
		if err != nil {
			return nil, fmt.Errorf("policy %d: %w", i, err)
		}
		all = append(all, f)
	}
	states, err := c.states()
	if err != nil {
		return nil, err
	}
	all = append(all, states...)
	for _, d := range sorted(c.Blobs) {
		all = append(all, file{blobName(d), func() ([]byte, error) { return c.blob(ctx, d) }})
	}
	for _, d := range sorted(c.Subjects) {
		if len(evidenceName(d)) > maxName {
			return nil, fmt.Errorf("evidence about %s: want a digest of at most 64 digits", d)
		}
		found, err := c.Source.Bundles(ctx, d)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			continue
		}
		all = append(all, file{evidenceName(d), func() ([]byte, error) {
			bundles, err := c.Source.Bundles(ctx, d)
			if err != nil {
				return nil, err
			}
			return marshalBundles(bundles)
		}})
	}
	if c.Log != nil {
		files, err := logFiles(ctx, c.Log)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b file) bool { return a.name == b.name }), nil
}

// blob reads a blob, which must be what its digest says.
func (c Content) blob(ctx context.Context, d provenance.Digest) ([]byte, error) {
	r, err := c.Source.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, MaxMember+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxMember {
		return nil, fmt.Errorf("more than %d bytes: %w", MaxMember, ErrLimit)
	}
	if got := provenance.SumSHA256(data); got != d {
		return nil, fmt.Errorf("content is %s, want %s", got, d)
	}
	return data, nil
}

// policyFile is the member of a policy, signed or not, in its one form.
func policyFile(data []byte) (file, error) {
	p, err := verify.ParsePolicy(data)
	form, signed := []byte(nil), false
	if err == nil {
		form = p.Marshal()
	} else {
		bundles := readBundles(data)
		if slices.ContainsFunc(bundles, func(b *sign.Bundle) bool { return b.Err != nil }) || len(bundles) == 0 {
			return file{}, err // it was meant to be a policy
		}
		signed = true
		if form, err = marshalBundles(bundles); err != nil {
			return file{}, err
		}
		if err := checkSigned(verify.PolicyType, form); err != nil {
			return file{}, err
		}
	}
	return file{policyName(provenance.SumSHA256(form), signed), func() ([]byte, error) { return form, nil }}, nil
}
