package rollout

import (
	"context"
	"maps"
	"slices"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// A View is what a log says as of one head. It never changes, and may be used
// concurrently. It is a [release.View].
type View struct {
	head    release.Head
	states  map[string]*release.State
	revoked []release.Revocation
	void    []release.Voided
	trust   *verify.Trust
}

func newView(h *release.History, head release.Head, trust *verify.Trust) *View {
	v := &View{head: head, states: map[string]*release.State{}, revoked: h.Revocations(), void: h.Void(), trust: trust}
	for _, product := range h.Products() {
		v.states[product] = h.State(product, head)
	}
	return v
}

// Head implements [release.View].
func (v *View) Head() release.Head { return v.head }

// Trust is the trust file in force at the head. It must not be changed.
func (v *View) Trust() *verify.Trust { return v.trust }

// Products are those that any record is about, sorted.
func (v *View) Products() []string { return slices.Sorted(maps.Keys(v.states)) }

// State is all that is known about a product; nil if no record is about it. It
// must not be changed.
func (v *View) State(product string) *release.State { return v.states[product] }

// Revocations are those of attestations, keys and builders, in log order.
func (v *View) Revocations() []release.Revocation { return v.revoked }

// Void are the records without effect that are about no product, in log order.
func (v *View) Void() []release.Voided { return v.void }

// Tag implements [release.View].
func (v *View) Tag(_ context.Context, product, tag string) (provenance.Digest, error) {
	if s := v.states[product]; s != nil {
		if b, ok := s.Tags[tag]; ok {
			return b.Digest, nil
		}
	}
	return provenance.Digest{}, release.ErrUnknown
}

// Status implements [release.View].
func (v *View) Status(_ context.Context, product string, artifact provenance.Digest) (*release.Status, error) {
	if s := v.states[product]; s != nil {
		if status := s.Status(artifact); status != nil {
			return status, nil
		}
	}
	return nil, release.ErrUnknown
}

// LastGood implements [release.View].
func (v *View) LastGood(_ context.Context, product, environment string) (*release.Ref, error) {
	if s := v.states[product]; s != nil {
		if r := s.LastGood(environment); r != nil {
			ref := s.Ref(r)
			return &ref, nil
		}
	}
	return nil, release.ErrUnknown
}
