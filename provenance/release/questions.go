package release

import (
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// Find returns a release by what people and programs call it: its id, the digest
// of an artifact, "app#102", "#102", its version, or a tag. It is nil if there is
// none. Of several that have an artifact it is the newest that was not revoked.
func (s *State) Find(name string) *Released { return s.about().find(name) }

// RevokedBy is the revocation or retirement of a release; nil if it has none.
func (s *State) RevokedBy(id provenance.Digest) *Revoking { return s.about().revokedBy(id) }

// Ref names a release, with the digest of its first artifact.
func (s *State) Ref(r *Released) Ref {
	return Ref{Name: title(s.Product, r.Number), ID: r.ID, Digest: primary(r.Subjects[0])}
}

// Status is what is known about an artifact; nil if it is in no release. A
// retired release is not revoked: what runs may run on.
func (s *State) Status(artifact provenance.Digest) *Status { return s.about().status(artifact) }

// Good are the numbers of the releases that an environment may be rolled back
// to, the newest promotion first: promoted there, not taken back, not revoked
// and not retired. What it is at is among them if it is good.
func (s *State) Good(environment string) []int {
	if s.Stages[environment] == nil {
		return nil
	}
	out := []int{}
	for r := range s.about().goods(environment) {
		out = append(out, r.Number)
	}
	return out
}

// LastGood is what an environment is at, if that is good, else what it was last
// at that is; nil if nothing is.
func (s *State) LastGood(environment string) *Released { return s.about().lastGood(environment) }

// Since is when an environment came to what it is at; zero if nobody knows.
func (s *State) Since(environment string) time.Time { return s.about().since(environment) }

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
