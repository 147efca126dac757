// Package store keeps evidence and blobs where others find them by digest.
//
// A [Store] holds two things: bundles, under the digest of the artifact that they are about, and blobs (a frozen
// configuration, an SBOM, a log) under their own. [Folder] is one on a disk; package oci below this one is one in a
// container registry. [Copy] carries from one to another, again and again if need be: what is there already is not
// carried twice.
//
//	folder, err := store.Create("evidence")
//	err = store.Add(ctx, folder, bundle)              // under every digest that its statement names
//	evidence, err := folder.Bundles(ctx, digest)      // for verify.Request
//
// A store is not believed. Whoever can write to it can add evidence, leave some out and mix up what belongs where, so
// all that is promised is that content is what its digest says, and that nothing acknowledged is lost. What evidence
// is worth, package verify says. That is why evidence is never deleted here: a store that forgets a denial allows. Blobs
// can be let go of, one by one, from a folder: [Folder.Discard].
//
// [Append] is for the evidence that lies beside an artifact, ARTIFACT.intoto.jsonl.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// A Store keeps evidence and blobs. Implementations must be safe for concurrent use, also by several processes.
type Store interface {
	// Push keeps bundles as evidence about subject. When it returns without an error they will be found, whatever
	// happens to the process. What is there already is left as it is, and is no error.
	Push(ctx context.Context, subject provenance.Digest, bundles ...*sign.Bundle) error
	// Bundles returns the evidence about subject, none if there is none. What cannot be read is a bundle whose Err
	// says why, so that bad evidence neither hides nor spoils the good.
	Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error)
	// PutBlob keeps what r holds, to its end, and returns its SHA-256.
	PutBlob(ctx context.Context, r io.Reader) (provenance.Digest, error)
	// Blob opens the blob with a SHA-256 digest. Reading ends with an error, not with io.EOF, if the content is not
	// what the digest says: until io.EOF, no byte of it is to be trusted. A blob that is not there is [ErrNotFound].
	Blob(ctx context.Context, digest provenance.Digest) (io.ReadCloser, error)
}

// A Lister is a store that knows what it holds. The sequences end after the first error, and are in the order of the
// digests; what is added meanwhile may or may not be among them. Breaking out of a loop leaves nothing open.
type Lister interface {
	Store
	// Subjects yields the digest of each artifact that there is evidence about.
	Subjects(ctx context.Context) iter.Seq2[provenance.Digest, error]
	// Blobs yields the digest of each blob.
	Blobs(ctx context.Context) iter.Seq2[provenance.Digest, error]
}

// The limits of a store. What is over one of them is refused with [sign.ErrLimit].
const (
	MaxBundles  = sign.MaxLines    // bundles about one subject that are read
	MaxEvidence = sign.MaxFileSize // bytes of all bundles about one subject that are read
	MaxBlobSize = 16 << 30         // bytes of a blob
)

// ErrNotFound is what [errors.Is] finds in the error about a blob that a store does not hold.
var ErrNotFound = errors.New("not in the store")

// Add keeps bundles under every digest by which their statements name a subject, see [provenance.DigestSet.Digests].
// Nothing about them has been checked: whoever signed a statement about another's artifact gets it listed there, and
// is refused by package verify. A bundle that is not a statement, such as a trust file, has no subject and is an error:
// use [Store.Push] with the digest it belongs to.
func Add(ctx context.Context, s Store, bundles ...*sign.Bundle) error {
	places := make([][]provenance.Digest, len(bundles))
	for i, b := range bundles {
		subjects, err := subjectsOf(b)
		if err != nil {
			return fmt.Errorf("bundle %d: %w", i+1, err)
		}
		places[i] = subjects
	}
	for i, b := range bundles {
		for _, subject := range places[i] {
			if err := s.Push(ctx, subject, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// subjectsOf lists the digests that a statement claims to be about, or that a signature without one claims to be over.
func subjectsOf(b *sign.Bundle) ([]provenance.Digest, error) {
	if b == nil {
		return nil, errors.New("there is no bundle")
	}
	if b.Err != nil {
		return nil, b.Err
	}
	if !b.MessageDigest.IsZero() {
		return []provenance.Digest{b.MessageDigest}, nil
	}
	if b.PayloadType != provenance.PayloadType {
		return nil, fmt.Errorf("payload type is %q and has no subject, want a statement (%s)", b.PayloadType, provenance.PayloadType)
	}
	statement, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		return nil, err
	}
	var digests []provenance.Digest
	for _, subject := range statement.Subject {
		digests = append(digests, subject.Digest.Digests()...)
	}
	if len(digests) == 0 {
		return nil, errors.New("no subject has a digest by an algorithm that in-toto names")
	}
	return digests, nil
}
