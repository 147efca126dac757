package release

import (
	"fmt"
	"strconv"
)

// A Void says why a record has no effect. Code is one of package verify's.
type Void struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error is the code and the message.
func (v *Void) Error() string { return v.Code + ": " + v.Message }

// The codes of a Void, which are package verify's.
const (
	voidSignature = "signature"           // nobody who may write it signed it
	voidStatement = "malformed/statement" // it is no statement
	voidPredicate = "malformed/predicate" // it is not what its type says
	voidType      = "predicate-type"      // it is none of the records
	voidImmutable = "immutable"           // a tag or version that is bound to something else
	voidRelease   = "release"             // not released, not promoted, still soaking, or overtaken
	voidRollback  = "rollback"            // not good there, or an older trust file
	voidRevoked   = "revoked"             // taken back
	voidApproval  = "approval"            // fewer people than wanted
	voidTime      = "trusted-time"        // the rules need a time, and the log has none
	voidSubject   = "subject"             // it is about other artifacts than the release has
)

// void makes a reason.
func void(code, format string, args ...any) *Void {
	return &Void{Code: code, Message: fmt.Sprintf(format, args...)}
}

// MaxVoid is how many records without effect are remembered of each product, and
// of none: the newest. The log has all of them.
const MaxVoid = 1024

// Void are the newest records without effect that are about no product, in log
// order, [MaxVoid] at most, and how many there were.
func (h *History) Void() ([]Voided, int) {
	h.open()
	return h.voided("", h.row.Void), h.row.Void
}

// voided are those of the first n records without effect that are remembered.
func (h *History) voided(product string, n int) []Voided {
	first := max(n-MaxVoid, 0)
	return all[Voided](h.facts, n-first, func(i int) rowKey { return rowKey{aVoid, product, "", first + i} })
}

// addVoid remembers the n-th record without effect about a product, or about none.
func (h *History) addVoid(product string, n int, v Voided) {
	put(h.facts, rowKey{aVoid, product, "", n}, &v)
	if n > MaxVoid {
		h.facts.remove(rowKey{aVoid, product, "", n - MaxVoid})
	}
	h.row.Fates++
	put(h.facts, rowKey{kind: aFate, n: h.row.Fates}, &v)
	h.facts.setNumber(nameKey{byVoid, "", strconv.FormatUint(v.Index, 10)}, h.row.Fates)
	if old := (rowKey{kind: aFate, n: h.row.Fates - MaxVoid}); old.n > 0 {
		if gone := get[Voided](h.facts, old); gone != nil {
			h.row.Forgotten = gone.Index + 1
			h.facts.setNumber(nameKey{byVoid, "", strconv.FormatUint(gone.Index, 10)}, 0)
			h.facts.remove(old)
		}
	}
}

// fate is why a record is without effect, nil if it has one.
func (h *History) fate(index uint64) (*Voided, error) {
	if n := h.facts.number(nameKey{byVoid, "", strconv.FormatUint(index, 10)}); n != 0 {
		return get[Voided](h.facts, rowKey{kind: aFate, n: n}), h.facts.err
	}
	if index < h.row.Forgotten {
		return nil, fmt.Errorf("record %d: whether it has an effect is not remembered any more: %d later ones have none; read the log", index, MaxVoid)
	}
	return nil, h.facts.err
}
