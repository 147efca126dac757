package release

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// Find returns a release by what people and programs call it: its id, the digest
// of an artifact, "app#102", "#102", its version, or a tag. It is nil if there is
// none. Of several that have an artifact it is the newest that was not revoked.
func (s *State) Find(name string) *Released {
	if d, err := provenance.ParseDigest(name); err == nil {
		if r := s.byID[d]; r != nil {
			return r
		}
		return s.ofArtifact(d)
	}
	if product, number, ok := strings.Cut(name, "#"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || product != "" && product != s.Product || n < 1 || n > len(s.Releases) || strconv.Itoa(n) != number {
			return nil
		}
		return s.Releases[n-1]
	}
	if r := s.looks[Skeleton(name)]; r != nil && r.Version == name {
		return r
	}
	if b, ok := s.Tags[name]; ok {
		return s.Releases[b.Release-1]
	}
	return nil
}

// ofArtifact is the release that an artifact belongs to, nil if it is in none.
func (s *State) ofArtifact(d provenance.Digest) *Released {
	in := s.byFile[d]
	for _, r := range slices.Backward(in) {
		if s.RevokedBy(r.ID) == nil {
			return r
		}
	}
	if len(in) == 0 {
		return nil
	}
	return in[len(in)-1]
}

// RevokedBy is the revocation or retirement of a release; nil if it has none.
func (s *State) RevokedBy(id provenance.Digest) *Revoking {
	if i, ok := s.revoked[id]; ok {
		return &s.Revoked[i]
	}
	return nil
}

// Ref names a release, with the digest of its first artifact.
func (s *State) Ref(r *Released) Ref {
	return Ref{Name: s.name(r.Number), ID: r.ID, Digest: primary(r.Subjects[0])}
}

// Status is what is known about an artifact; nil if it is in no release. A
// retired release is not revoked: what runs may run on.
func (s *State) Status(artifact provenance.Digest) *Status {
	r := s.ofArtifact(artifact)
	if r == nil {
		return nil
	}
	out := &Status{Release: Ref{s.name(r.Number), r.ID, artifact}, Authors: r.By}
	if v := s.RevokedBy(r.ID); v != nil && v.Kind == RevokeRelease {
		out.Revoked = &Revoked{At: v.Time, By: strings.Join(v.By, ", "), Reason: v.Reason}
	}
	type entry struct {
		Entry
		index uint64
	}
	var entries []entry
	for name, at := range s.Stages {
		if m, ok := at.good[r.Number]; ok {
			entries = append(entries, entry{Entry{name, m.Time}, m.Index})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.index, b.index) })
	for _, e := range entries {
		out.Promotions = append(out.Promotions, e.Entry)
	}
	return out
}

// Good are the numbers of the releases that an environment may be rolled back
// to, the newest promotion first: promoted there, not taken back, not revoked
// and not retired. What it is at is among them if it is good.
func (s *State) Good(environment string) []int {
	at := s.Stages[environment]
	if at == nil {
		return nil
	}
	var moves []Move
	for n, m := range at.good {
		if s.RevokedBy(s.Releases[n-1].ID) == nil {
			moves = append(moves, m)
		}
	}
	slices.SortFunc(moves, func(a, b Move) int { return cmp.Compare(b.Index, a.Index) })
	out := make([]int, len(moves))
	for i, m := range moves {
		out[i] = m.Release
	}
	return out
}

// LastGood is what an environment is at, if that is good, else what it was last
// at that is; nil if nothing is.
func (s *State) LastGood(environment string) *Released {
	good := s.Good(environment)
	if at := s.Stages[environment]; at != nil && slices.Contains(good, at.Release) {
		return s.Releases[at.Release-1]
	}
	if len(good) == 0 {
		return nil
	}
	return s.Releases[good[0]-1]
}

// Since is when an environment came to what it is at; zero if nobody knows.
func (s *State) Since(environment string) time.Time {
	at := s.Stages[environment]
	if at == nil || len(at.Moves) == 0 {
		return time.Time{}
	}
	return at.Moves[len(at.Moves)-1].Time
}

// Debts are what hotfixes still owe at an instant, in log order. Overdue ones
// have a Due that is not after it.
func (s *State) Debts(at time.Time) []Owed {
	var out []Owed
	for _, o := range s.Owed {
		if o.Missing > 0 || o.Paid.After(at) {
			out = append(out, *o)
		}
	}
	return out
}
