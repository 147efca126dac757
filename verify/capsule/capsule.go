// Package capsule puts all that a decision about software rests on into one
// file, which can be carried to where there is no network, kept for years, and
// judged again: evidence, trust files, policies, a release ledger with all its
// records or what auditors signed about it, and the instant at which it was made.
// It is what an audit of a ledger is exported as, too.
//
//	err := capsule.Content{At: now, Trust: trust, Subjects: …, Evidence: evidence, Log: log}.Write(ctx, w)
//
//	c, err := capsule.Open(f, size)
//	v, request, err := capsule.Pins{TrustDigest: root}.Verifier(ctx, c)
//	request.Artifact = verify.File("dist/app")
//	verdict, err := v.Verify(ctx, request)
//
// A capsule never vouches for itself. Whoever judges brings along whom to believe,
// at least the digest of a trust file ([Pins]); what is in the capsule counts as
// far as that trust says, just as if it came in files.
//
// The same content has the same bytes, and only those are read: [Open] refuses a
// file in which a byte was changed, added, moved or cut off. The format is
// documented in docs/capsule.md.
package capsule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/logtiles"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
)

// The limits of a capsule. What is over one of them is [ErrLimit].
const (
	MaxMembers = 1 << 18  // files in it
	MaxMember  = 64 << 20 // bytes of one of them

	maxManifest = 64 << 20
)

// What can be wrong with a capsule. Test for them with errors.Is.
var (
	// ErrMalformed is a file that is no capsule, or was changed since it was made.
	ErrMalformed = errors.New("capsule: it is none, or was changed")
	// ErrLimit is content that is larger than a capsule may be.
	ErrLimit = sign.ErrLimit
)

// A Capsule is an open capsule. All of it was read and held against its manifest;
// whom to believe in it is not said here, see [Pins]. It may be used concurrently.
type Capsule struct {
	r        io.ReaderAt
	manifest *manifest
	digest   provenance.Digest
	tree     logtiles.Tree
}

// Open reads a capsule of that size, all of it, and keeps r to read parts of it
// again when they are asked for; each is checked again. The error is
// [ErrMalformed], or r's own.
func Open(r io.ReaderAt, size int64) (*Capsule, error) {
	c := &Capsule{r: r}
	err := c.open(&frame{r: r, size: size})
	var trouble *readError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &trouble):
		return nil, fmt.Errorf("capsule: %w", trouble.error)
	}
	return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
}

func (c *Capsule) open(f *frame) error {
	size, err := f.sized(manifestName, maxManifest)
	if err != nil {
		return err
	}
	data, err := f.content(size)
	if err != nil {
		return err
	}
	want := sum(data)
	if _, err := f.member(sumName, int64(len(want))); err != nil {
		return err
	}
	got, err := f.content(int64(len(want)))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not the digest of %s", sumName, manifestName)
	}
	if c.manifest, err = parseManifest(data); err != nil {
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	c.digest = provenance.SumSHA256(data)
	for i := range c.manifest.Members {
		m := &c.manifest.Members[i]
		if m.at, err = f.member(m.Name, m.Size); err != nil {
			return err
		}
		content, err := f.content(m.Size)
		if err != nil {
			return err
		}
		if got := provenance.SumSHA256(content); got != m.Digest {
			return fmt.Errorf("%s is %s, want %s", m.Name, got, m.Digest)
		}
	}
	if err := f.end(); err != nil {
		return err
	}
	return c.checkMembers()
}

// checkMembers wants the one form of all members: nothing is parsed before all of
// it is what the manifest says.
func (c *Capsule) checkMembers() error {
	for _, m := range c.manifest.Members {
		if kind := kindOf(m); kind == blobKind || kind == entriesKind || kind == stateKind || kind == stateProofKind {
			continue // the digest is all there is to it; logs and states are checked as a whole
		}
		data, err := c.read(m)
		if err != nil {
			return err
		}
		if err := checkMember(m, data); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	if err := c.checkTrust(); err != nil {
		return err
	}
	if err := c.checkStates(); err != nil {
		return err
	}
	return c.checkLog()
}

// checkMember wants the one form that a member has.
func checkMember(m member, data []byte) error {
	switch kindOf(m) {
	case evidenceKind:
		again, err := marshalBundles(readBundles(data))
		if err != nil {
			return err
		}
		if !bytes.Equal(again, data) {
			return errors.New("want bundles, one a line as package sign writes them, sorted, each once")
		}
	case plainPolicyKind:
		p, err := verify.ParsePolicy(data)
		if err != nil {
			return err
		}
		if !bytes.Equal(p.Marshal(), data) {
			return errors.New("want a policy as package verify writes it")
		}
	case signedPolicyKind:
		return checkSigned(verify.PolicyType, data)
	case plainTrustKind:
		t, err := verify.ParseTrust(data)
		if err != nil {
			return err
		}
		if !bytes.Equal(t.Marshal(), data) || trustName(t.Version, false) != m.Name {
			return errors.New("want a trust file as package verify writes it, named by its version")
		}
	case signedTrustKind:
		if err := checkSigned(verify.TrustType, data); err != nil {
			return err
		}
		t, err := trustIn(readBundles(data))
		if err != nil {
			return err
		}
		if trustName(t.Version, true) != m.Name {
			return errors.New("want a trust file named by its version")
		}
	}
	return nil
}

// checkSigned wants one payload of a type, however many signed it apart.
func checkSigned(payloadType string, data []byte) error {
	bundles := readBundles(data)
	again, err := marshalBundles(bundles)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return errors.New("want bundles, one a line as package sign writes them, sorted, each once")
	}
	for _, b := range bundles {
		if b.PayloadType != payloadType || b.ID() != bundles[0].ID() {
			return fmt.Errorf("want bundles of one payload of type %q", payloadType)
		}
	}
	return nil
}

// readBundles reads lines. What cannot be read, marshalBundles refuses.
func readBundles(data []byte) []*sign.Bundle {
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil {
		return []*sign.Bundle{{Err: err}}
	}
	return bundles
}

// marshalBundles writes bundles as sorted lines, each once.
func marshalBundles(bundles []*sign.Bundle) ([]byte, error) {
	lines := make([][]byte, 0, len(bundles))
	for _, b := range bundles {
		line, err := b.Marshal()
		if err != nil {
			return nil, err
		}
		lines = append(lines, append(line, '\n'))
	}
	slices.SortFunc(lines, bytes.Compare)
	lines = slices.CompactFunc(lines, bytes.Equal)
	if len(lines) == 0 || len(lines) > sign.MaxLines {
		return nil, fmt.Errorf("%d bundles, want 1 to %d: %w", len(lines), sign.MaxLines, ErrLimit)
	}
	return bytes.Join(lines, nil), nil
}

// find is a member by name.
func (c *Capsule) find(name string) (member, bool) {
	i, ok := slices.BinarySearchFunc(c.manifest.Members, name, func(m member, name string) int { return strings.Compare(m.Name, name) })
	if !ok {
		return member{}, false
	}
	return c.manifest.Members[i], true
}

// read reads a member again, which may have changed in the file.
func (c *Capsule) read(m member) ([]byte, error) {
	data := make([]byte, m.Size)
	if _, err := c.r.ReadAt(data, m.at); err != nil && err != io.EOF {
		return nil, fmt.Errorf("capsule: %w", err)
	}
	if got := provenance.SumSHA256(data); got != m.Digest {
		return nil, fmt.Errorf("%w: %s is %s now, and was %s", ErrMalformed, m.Name, got, m.Digest)
	}
	return data, nil
}

// Digest identifies the capsule: it is the SHA-256 of its manifest, which names
// the digest of everything else.
func (c *Capsule) Digest() provenance.Digest { return c.digest }

// At is the instant at which whoever made the capsule says to have made it, and
// to have judged. Nobody vouches for it.
func (c *Capsule) At() time.Time { return c.manifest.At }

// Erased is content that the ledger names and that had to go, sorted by digest.
// That it had to is said by the records, which [Pins] lets be read.
func (c *Capsule) Erased() []Erased { return slices.Clone(c.manifest.Erased) }

// Absent is content that the ledger names and that whoever made the capsule did
// not have, sorted by digest: bundles of evidence by their ID, and blobs.
func (c *Capsule) Absent() []provenance.Digest { return slices.Clone(c.manifest.Absent) }

// A Member is one file in a capsule.
type Member struct {
	Name   string
	Size   int64
	Digest provenance.Digest
}

// Members are the files in the capsule, in their order.
func (c *Capsule) Members() []Member {
	out := make([]Member, len(c.manifest.Members))
	for i, m := range c.manifest.Members {
		out[i] = Member{m.Name, m.Size, m.Digest}
	}
	return out
}

// Subjects are the digests that there is evidence about, in the order of members.
func (c *Capsule) Subjects() []provenance.Digest {
	var out []provenance.Digest
	for _, m := range c.manifest.Members {
		if kindOf(m) == evidenceKind {
			d, _ := subjectOf(m.Name)
			out = append(out, d)
		}
	}
	return out
}

// Bundles is the evidence about one subject, as package store has it; none if
// there is none.
func (c *Capsule) Bundles(_ context.Context, subject provenance.Digest) ([]*sign.Bundle, error) {
	m, there := c.find(evidenceName(subject))
	if !there {
		return nil, nil
	}
	data, err := c.read(m)
	if err != nil {
		return nil, err
	}
	bundles := readBundles(data)
	for i, b := range bundles {
		b.Origin = fmt.Sprintf("%s:%d", m.Name, i+1)
	}
	return bundles, nil
}

// Blobs are the digests of the blobs, sorted.
func (c *Capsule) Blobs() []provenance.Digest {
	var out []provenance.Digest
	for _, m := range c.manifest.Members {
		if kindOf(m) == blobKind {
			out = append(out, m.Digest)
		}
	}
	return out
}

// Blob is the blob of a digest. The error of one that is not there says so.
func (c *Capsule) Blob(_ context.Context, digest provenance.Digest) (io.ReadCloser, error) {
	m, there := c.find(blobName(digest))
	if !there {
		return nil, fmt.Errorf("blob %s is %w", digest, errNoBlob)
	}
	data, err := c.read(m)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

var errNoBlob = errors.New("not in the capsule")

var _ ledger.Source = logSource{}
