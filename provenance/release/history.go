package release

import (
	"slices"
	"weak"

	"github.com/touchmark-go/touchmark/provenance"
)

// A History is what a log says, record by record, by the rules that each record
// found in force. What it says after n records never depends on what follows.
//
// The zero History is of an empty log. It is not safe for concurrent use.
type History struct {
	Origin string // of the log, once it has a genesis

	facts  *facts
	row    *historyRow
	states map[string]*State // of products, until a record is about one

	snapshots []weak.Pointer[Snapshot]
}

// A historyRow is what is known about no product, or about all.
type historyRow struct {
	Origin   string
	Next     uint64
	Roles    *Roles
	Products []string
	Owing    []debt // what hotfixes still need
	// How many rows of a kind there are.
	Consents, Revocations, Keys, Void, Fates int
	Forgotten                                uint64 // what became of records before this one may not be remembered
}

// Resume is the History that was flushed to facts before; of an empty log if none was.
func Resume(f Facts) (*History, error) {
	h := &History{facts: newFacts(f)}
	h.open()
	h.Origin = h.row.Origin
	return h, h.facts.err
}

// open makes a History ready.
func (h *History) open() {
	if h.row != nil {
		return
	}
	if h.facts == nil {
		h.facts = newFacts(nil)
	}
	h.states = map[string]*State{}
	if h.row = get[historyRow](h.facts, rowKey{kind: aHistory, n: 1}); h.row == nil {
		h.row = &historyRow{}
	}
}

// Pending is how much waits in memory for [History.Flush].
func (h *History) Pending() int {
	if h.facts == nil {
		return 0
	}
	return h.facts.dirty
}

// Flush writes what changed to the Facts that h was resumed from, and keeps
// nothing in memory that it can ask for again.
func (h *History) Flush() error {
	h.open()
	h.row.Origin = h.Origin
	put(h.facts, rowKey{kind: aHistory, n: 1}, h.row)
	return h.facts.flush()
}

// Size is how many records were applied.
func (h *History) Size() uint64 { h.open(); return h.row.Next }

// Roles are those in force for the next record, nil before a genesis.
func (h *History) Roles() *Roles { h.open(); return h.row.Roles }

// Products are the products that any record was about, sorted.
func (h *History) Products() []string { h.open(); return slices.Sorted(slices.Values(h.row.Products)) }

// Revocations are those of attestations, keys and builders that took effect, in
// log order: they concern all products.
func (h *History) Revocations() []Revocation {
	h.open()
	return all[Revocation](h.facts, h.row.Revocations, func(n int) rowKey { return rowKey{kind: aRevocation, n: n} })
}

// Approved are the people who signed the approval whose bundle has that ID, as
// far as the log has it.
func (h *History) Approved(id provenance.Digest) []string {
	h.open()
	if c := h.consent(id); c != nil {
		return slices.Clone(c.People)
	}
	return nil
}

// KeyRevoked reports whether what a key signs has been revoked by a record.
func (h *History) KeyRevoked(keyID string) bool { h.open(); return h.key(keyID) != nil }

// of is a product that has rules, to be changed.
func (h *History) of(name string) *product {
	h.keep(name)
	delete(h.states, name)
	p := h.product(name)
	if p == nil {
		h.row.Products = append(h.row.Products, name)
		p = &product{f: h.facts, h: h, name: name, head: &productHead{}}
	}
	p.touch()
	return p
}

// product is one that a record was about, nil if none was.
func (h *History) product(name string) *product {
	head := get[productHead](h.facts, rowKey{aProduct, name, "", 1})
	if head == nil {
		return nil
	}
	return &product{f: h.facts, h: h, name: name, head: head}
}
