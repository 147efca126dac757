package rollout

import (
	"context"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// A View is what a log says as of one head. It never changes, and may be used
// concurrently. It is a [release.View].
type View struct {
	head     release.Head
	snapshot *release.Snapshot
	replay   *Replay // its lock guards snapshot
	revoked  []release.Revocation
	void     []release.Voided
	trust    *verify.Trust
}

// view is what r says now. Its lock is held.
func (r *Replay) view() (*View, error) {
	v := &View{head: r.head, snapshot: r.history.Snapshot(r.head), replay: r, trust: r.trust}
	v.void, _ = r.history.Void()
	var err error
	v.revoked, err = v.snapshot.Revocations()
	return v, err
}

// Head implements [release.View].
func (v *View) Head() release.Head { return v.head }

// Trust is the trust file in force at the head. It must not be changed.
func (v *View) Trust() *verify.Trust { return v.trust }

// Products are those that any record is about, sorted. They must not be changed.
func (v *View) Products() []string { return v.snapshot.Products() }

// State is all that is known about a product; nil if no record is about it, or if
// the [Keeper] failed: see [View.ReadState]. It must not be changed.
func (v *View) State(product string) *release.State {
	s, _ := v.ReadState(product)
	return s
}

// ReadState is State, and what kept the [Keeper] from answering.
func (v *View) ReadState(product string) (s *release.State, err error) {
	v.ask(func(snapshot *release.Snapshot) { s, err = snapshot.State(product) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// ask calls f with what answers questions.
func (v *View) ask(f func(*release.Snapshot)) {
	v.replay.mu.Lock()
	defer v.replay.mu.Unlock()
	f(v.snapshot)
}

// Revocations are those of attestations, keys and builders, in log order.
func (v *View) Revocations() []release.Revocation { return v.revoked }

// Void are the records without effect that are about no product, in log order:
// the newest, [release.MaxVoid] at most.
func (v *View) Void() []release.Voided { return v.void }

// Tag implements [release.View].
func (v *View) Tag(_ context.Context, product, tag string) (d provenance.Digest, err error) {
	var b *release.Bound
	v.ask(func(s *release.Snapshot) { b, err = s.Tag(product, tag) })
	if err == nil && b == nil {
		err = release.ErrUnknown
	}
	if err != nil {
		return d, err
	}
	return b.Digest, nil
}

// Status implements [release.View].
func (v *View) Status(_ context.Context, product string, artifact provenance.Digest) (*release.Status, error) {
	return known(v, func(s *release.Snapshot) (*release.Status, error) { return s.Status(product, artifact) })
}

// LastGood implements [release.View].
func (v *View) LastGood(_ context.Context, product, environment string) (*release.Ref, error) {
	return known(v, func(s *release.Snapshot) (*release.Ref, error) { return s.LastGood(product, environment) })
}

// Find is a release of a product by what people and programs call it, see
// [release.State.Find]. It is [release.ErrUnknown] if there is none.
func (v *View) Find(product, name string) (*release.Released, error) {
	return known(v, func(s *release.Snapshot) (*release.Released, error) {
		r, _, err := s.Find(product, name)
		return r, err
	})
}

// known asks, and says ErrUnknown for nothing.
func known[T any](v *View, question func(*release.Snapshot) (*T, error)) (answer *T, err error) {
	v.ask(func(s *release.Snapshot) { answer, err = question(s) })
	if err == nil && answer == nil {
		err = release.ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// effect is a [*VoidError] if the record at index is void.
func (v *View) effect(index uint64) (err error) {
	var void *release.Voided
	v.ask(func(s *release.Snapshot) { void, err = s.Fate(index) })
	if err == nil && void != nil {
		err = &VoidError{Index: index, Kind: void.Kind, Void: void.Void}
	}
	return err
}
