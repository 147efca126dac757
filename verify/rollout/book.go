package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// A Store keeps evidence by the digest of what it is about; *store.Folder and
// the others of package store are ones.
type Store interface {
	Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error)
	Push(ctx context.Context, subject provenance.Digest, bundles ...*sign.Bundle) error
}

// A Book writes releases, tags, promotions and the rest into a log, each signed,
// and tells whether it took effect: whoever appends waits, replays the log, and
// learns who won.
//
// Everything may be done again: what is in the log already is not written a
// second time, so a program that was killed recovers by running once more.
//
// The zero Book is of no use: Log, Trust and Signer are required. A Book may be
// used concurrently, and must not be copied after its first use.
type Book struct {
	Log    Log
	Trust  *verify.Trust // as for [NewReplay]
	Signer sign.Signer   // whose word the records are
	// Verifier decides about a promotion by the target's own policy: required by
	// Promote, and used by nothing else. Its policies are for that environment.
	Verifier *verify.Verifier
	// Name is what the verifier's policies know the artifact by, see
	// verify.Request.Name. It is called with the release; nil is no name.
	Name func(*release.Released) string
	// Store has the evidence about the artifacts, and keeps the signed verdict. It
	// is required by Promote.
	Store Store
	// Artifact is where an artifact's bytes are, for policies that examine them. If
	// it is nil, a verdict rests on digests and evidence alone.
	Artifact func(provenance.ResourceDescriptor) verify.Artifact
	// Options are those that records are authenticated with.
	Options verify.Options
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	once   sync.Once
	replay *Replay
	err    error
}

// A VoidError says that a record stands in the log and has no effect: who signed
// it may not write it, or the rules do not allow it. Index is its place.
type VoidError struct {
	Index uint64
	Kind  string
	Void  release.Void
}

// Error is the reason.
func (e *VoidError) Error() string {
	return fmt.Sprintf("record %d, a %s, is void: %s: %s", e.Index, e.Kind, e.Void.Code, e.Void.Message)
}

// View is what the log says now.
func (b *Book) View(ctx context.Context) (*View, error) {
	r, err := b.reader()
	if err != nil {
		return nil, err
	}
	return r.View(ctx)
}

func (b *Book) reader() (*Replay, error) {
	b.once.Do(func() { b.replay, b.err = NewReplay(b.Log, b.Trust, b.Options) })
	return b.replay, b.err
}

func (b *Book) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

// add signs a record, appends it and learns what became of it.
func (b *Book) add(ctx context.Context, s *provenance.Statement) (*View, *sign.Bundle, error) {
	if b.Signer == nil {
		return nil, nil, errors.New("a Book without a Signer can only be read")
	}
	bundle, err := sign.Statement(ctx, s, b.Signer)
	if err != nil {
		return nil, nil, err
	}
	v, err := b.Append(ctx, bundle)
	return v, bundle, err
}

// Append appends a record that somebody signed: an approval that came by mail, a
// record with several signatures, a next trust file. The error is a [*VoidError]
// if it has no effect.
func (b *Book) Append(ctx context.Context, bundle *sign.Bundle) (*View, error) {
	r, err := b.reader()
	if err != nil {
		return nil, err
	}
	index, err := b.Log.Append(ctx, bundle)
	if err != nil {
		return nil, err
	}
	v, err := r.View(ctx)
	if err != nil {
		return nil, err
	}
	return v, v.effect(index)
}

// find is a release of a product, by its id.
func (v *View) find(product string, id provenance.Digest) (*release.State, *release.Released, error) {
	for _, name := range v.Products() {
		if product != "" && name != product {
			continue
		}
		r, err := v.Find(name, id.String())
		switch {
		case errors.Is(err, release.ErrUnknown):
			continue
		case err != nil:
			return nil, nil, err
		case r.ID != id:
			continue // id is that of an artifact
		}
		s, err := v.ReadState(name)
		return s, r, err
	}
	return nil, nil, fmt.Errorf("%s is no release in the log: %w", id, release.ErrUnknown)
}

// Release releases r, and returns how it is called. A release that is there
// already is not released again.
func (b *Book) Release(ctx context.Context, r release.Release) (*release.Ref, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	v, err := b.View(ctx)
	if err != nil {
		return nil, err
	}
	if _, _, err := v.find(r.Product, r.ID()); err != nil {
		if v, _, err = b.add(ctx, r.Statement()); err != nil {
			return nil, err
		}
	}
	s, released, err := v.find(r.Product, r.ID())
	if err != nil {
		return nil, err
	}
	ref := s.Ref(released)
	return &ref, nil
}

// Tag binds a tag, for ever. If Digest is zero, it is the release's first
// artifact. A tag that is bound so already is not bound again; one that is bound
// to another digest is a [*VoidError] with the code immutable.
func (b *Book) Tag(ctx context.Context, t release.Tag) error {
	v, err := b.View(ctx)
	if err != nil {
		return err
	}
	s, r, err := v.find(t.Product, t.Release)
	if err != nil {
		return err
	}
	t.Product = s.Product
	if t.Digest.IsZero() {
		t.Digest = s.Ref(r).Digest
	}
	if err := t.Validate(); err != nil {
		return err
	}
	if bound, ok := s.Tags[t.Tag]; ok && bound.Digest == t.Digest {
		return nil
	}
	_, _, err = b.add(ctx, t.Statement())
	return err
}

// Promote moves p.To on to a release. It asks the Verifier about every artifact,
// with the evidence in Store and the approvals at hand; keeps the verdict there,
// signed; appends the approvals that are not in the log yet, and then the
// promotion. Product, Subjects, Replaces, Policy, VSA and Approvals need not be
// set. The error is a [*verify.Error] if the policy says no, and a [*VoidError] if
// the rules do. An environment that is there already is left alone.
func (b *Book) Promote(ctx context.Context, p release.Promotion, approvals ...*sign.Bundle) error {
	v, err := b.View(ctx)
	if err != nil {
		return err
	}
	s, r, err := v.find(p.Product, p.Release)
	if err != nil {
		return err
	}
	p.Product, p.Subjects = s.Product, r.Subjects
	if at := s.Stages[p.To]; at != nil && at.Release != 0 {
		if at.Release == r.Number {
			return nil
		}
		p.Replaces = s.Releases[at.Release-1].ID
	}
	if p.VSA, p.Policy, err = b.verdict(ctx, v, r, p.To, approvals); err != nil {
		return err
	}
	for _, a := range approvals {
		if id := a.ID(); !slices.Contains(p.Approvals, id) {
			p.Approvals = append(p.Approvals, id)
		}
		if b.replay.approved(ctx, a, b.now()) {
			continue
		}
		if _, err := b.Append(ctx, a); err != nil {
			return fmt.Errorf("an approval: %w", err)
		}
	}
	if err := p.Validate(); err != nil {
		return err
	}
	_, _, err = b.add(ctx, p.Statement())
	return err
}

// verdict asks the policy of an environment about a release, and writes the
// answer down.
func (b *Book) verdict(ctx context.Context, v *View, r *release.Released, environment string, approvals []*sign.Bundle) (id, policy provenance.Digest, err error) {
	if b.Verifier == nil || b.Store == nil || b.Signer == nil {
		return id, policy, errors.New("to promote needs a Verifier, a Store and a Signer")
	}
	at := b.now()
	name := ""
	if b.Name != nil {
		name = b.Name(r)
	}
	var verdicts []*verify.Verdict
	var all []*sign.Bundle
	for _, subject := range r.Subjects {
		digest := primary(subject)
		evidence, err := b.Store.Bundles(ctx, digest)
		if err != nil {
			return id, policy, err
		}
		evidence = append(evidence, approvals...)
		artifact := verify.Digest(digest)
		if b.Artifact != nil {
			artifact = b.Artifact(subject)
		}
		request := verify.Request{Artifact: artifact, Name: name, Environment: environment, At: at, Evidence: evidence}
		if b.Verifier.AsksLedger() {
			request.Release = v
		}
		verdict, err := b.Verifier.Verify(ctx, request)
		if err != nil {
			return id, policy, err
		}
		if got, ok := subject.Digest.Get(verdict.Digest.Algorithm()); !ok || got != verdict.Digest {
			return id, policy, fmt.Errorf("%s is %s, and %s was released", subject.Name, verdict.Digest, digest)
		}
		verdicts, all = append(verdicts, verdict), append(all, evidence...)
	}
	signer, err := b.Signer.KeyID()
	if err != nil {
		return id, policy, err
	}
	s, err := report.VSA{Verifier: "urn:touchmark:key:" + signer, Resource: "urn:touchmark:release:" + r.ID.Hex(), Evidence: all}.Statement(verdicts...)
	if err != nil {
		return id, policy, err
	}
	bundle, err := sign.Statement(ctx, s, b.Signer)
	if err != nil {
		return id, policy, err
	}
	for _, subject := range r.Subjects {
		if err := b.Store.Push(ctx, primary(subject), bundle); err != nil {
			return id, policy, err
		}
	}
	return bundle.ID(), verdicts[0].Policies[0].Digest, nil
}

// primary is the digest that an artifact is known by.
func primary(s provenance.ResourceDescriptor) provenance.Digest {
	if d, ok := s.Digest.Get(provenance.SHA256); ok {
		return d
	}
	for _, algorithm := range []string{provenance.DirHash, provenance.SHA512, provenance.SHA384, provenance.GitCommit, provenance.GitTree} {
		if d, ok := s.Digest.Get(algorithm); ok {
			return d
		}
	}
	return provenance.Digest{}
}

// Rollback moves an environment back to a release that was good there. No policy
// is asked: the verdict that let the release in counts. Product, Subjects and
// Config need not be set.
func (b *Book) Rollback(ctx context.Context, p release.Rollback) error {
	v, err := b.View(ctx)
	if err != nil {
		return err
	}
	s, r, err := v.find(p.Product, p.Release)
	if err != nil {
		return err
	}
	if at := s.Stages[p.Environment]; at != nil && at.Release == r.Number {
		return nil
	}
	p.Product, p.Subjects = s.Product, r.Subjects
	if p.Config.IsZero() {
		p.Config = r.Config
	}
	if err := p.Validate(); err != nil {
		return err
	}
	_, _, err = b.add(ctx, p.Statement())
	return err
}

// Approve signs an approval and appends it. Its bundle is what Promote takes.
func (b *Book) Approve(ctx context.Context, a release.Approval) (*sign.Bundle, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	_, bundle, err := b.add(ctx, a.Statement())
	return bundle, err
}

// Deploy records what was put into an environment. Product, Subjects and Config
// need not be set: they are then the release's own. At is the time of the call if
// it is zero.
func (b *Book) Deploy(ctx context.Context, d release.Deployment) error {
	v, err := b.View(ctx)
	if err != nil {
		return err
	}
	s, r, err := v.find(d.Product, d.Release)
	if err != nil {
		return err
	}
	d.Product = s.Product
	if len(d.Subjects) == 0 {
		d.Subjects = r.Subjects
	}
	if d.Config.IsZero() {
		d.Config = r.Config
	}
	if d.At.IsZero() {
		d.At = b.now()
	}
	if err := d.Validate(); err != nil {
		return err
	}
	_, _, err = b.add(ctx, d.Statement())
	return err
}

// Revoke takes something back. What was taken back so already is not again.
func (b *Book) Revoke(ctx context.Context, r release.Revocation) error {
	if err := r.Validate(); err != nil {
		return err
	}
	v, err := b.View(ctx)
	if err != nil {
		return err
	}
	s, err := v.ReadState(r.Product)
	if err != nil {
		return err
	}
	if s != nil && slices.ContainsFunc(s.Revoked, func(old release.Revoking) bool { return old.Kind == r.Kind && old.Digest == r.Digest }) {
		return nil
	}
	_, _, err = b.add(ctx, r.Statement())
	return err
}

// Retire takes a release out of circulation: what runs may run on.
func (b *Book) Retire(ctx context.Context, product string, id provenance.Digest, reason string) error {
	return b.Revoke(ctx, release.Revocation{Kind: release.Retire, Product: product, Digest: id, Reason: reason})
}
