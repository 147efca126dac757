package release

import (
	"encoding/json"
	"fmt"
)

// Facts keep what a [History] knows where memory is no matter: rows of lists,
// from 1 on, and names that stand for a number. A History asks for little at a
// time and writes much at once, see [History.Flush]. Package index is one.
type Facts interface {
	// Item is row n of a list; nil if there is none.
	Item(list string, n int) ([]byte, error)
	// SetItem sets a row; nil removes it.
	SetItem(list string, n int, value []byte) error
	// Number is what a name stands for, 0 if for nothing.
	Number(name string) (int, error)
	// SetNumber says what a name stands for; 0 is nothing.
	SetNumber(name string, n int) error
}

// The kinds of rows, and of names.
type kind byte

const (
	aHistory    kind = 'H' // the one row about all
	aProduct    kind = 'P' // by product: one row about it
	aRelease    kind = 'R' // by product: *Released
	aTag        kind = 'T' // by product: *tagged, in log order
	aMove       kind = 'M' // by product and stage: *Move
	aCluster    kind = 'C' // by product and stage: *cluster
	aRevoking   kind = 'V' // by product: *Revoking
	aDebt       kind = 'O' // by product: *owing
	aVoid       kind = 'N' // by product or of none: *Voided
	anAttempt   kind = 'E' // by product: *Attempt
	aMention    kind = 'S' // by what is mentioned: *Mention, in log order
	aCount      kind = 'D' // by what is mentioned: *int, how many mentions there are
	aHeld       kind = 'J' // by module: *Held
	aFate       kind = 'F' // *Voided, of all products and of none
	aConsent    kind = 'A' // *consent
	aRevocation kind = 'B' // *Revocation, of all products
	anAudit     kind = 'U' // by product: *Audited
	aKey        kind = 'K' // *time.Time from which on a key counts for nothing

	byID       kind = 'i' // release id: its number
	byVersion  kind = 'v' // skeleton of a version: the release's number
	byFile     kind = 'f' // artifact's digest: the newest release that has it
	byFilePrev kind = 'g' // artifact's digest and a release: the one before it that has it
	byTag      kind = 't' // tag
	byTagLook  kind = 'l' // skeleton of a tag: the first that has it
	byCluster  kind = 'c' // stage and cluster
	byRevoked  kind = 'r' // release id: the revocation that counts
	byTaken    kind = 'x' // kind and digest: it was revoked so
	byGood     kind = 'd' // stage and release: the promotion that says that it is good there
	byConsent  kind = 'a' // bundle ID of an approval
	byLearnt   kind = 'h' // release: what it holds is known
	byVoid     kind = 'n' // index of a record without effect
	byKey      kind = 'k' // key id
)

type rowKey struct {
	kind           kind
	product, stage string
	n              int
}

func (k rowKey) list() string { return string(k.kind) + k.product + "\x00" + k.stage }

type nameKey struct {
	kind          kind
	product, name string
}

func (k nameKey) String() string { return string(k.kind) + k.product + "\x00" + k.name }

type row struct {
	value any // a pointer; nil if there is none
	dirty bool
}

type number struct {
	n     int
	dirty bool
}

// facts are what a History knows, in memory as far as it was asked for or is not
// written yet. Without anything under it, all is in memory.
type facts struct {
	under Facts
	rows  map[rowKey]row
	names map[nameKey]number
	dirty int
	err   error // the first one of under: from then on no answer counts
}

func newFacts(under Facts) *facts {
	return &facts{under: under, rows: map[rowKey]row{}, names: map[nameKey]number{}}
}

// get is a row, nil if there is none, and none has a number below 1. Whoever
// changes what it points to puts it.
func get[V any](f *facts, k rowKey) *V {
	if k.n < 1 {
		return nil
	}
	if r, ok := f.rows[k]; ok {
		v, _ := r.value.(*V)
		return v
	}
	if f.under == nil || f.err != nil {
		return nil
	}
	data, err := f.under.Item(k.list(), k.n)
	if err != nil || data == nil {
		f.err = err
		return nil
	}
	v := new(V)
	if err := json.Unmarshal(data, v); err != nil {
		f.err = fmt.Errorf("row %d of %q: %w", k.n, k.list(), err)
		return nil
	}
	f.rows[k] = row{value: v}
	return v
}

func put[V any](f *facts, k rowKey, v *V) {
	if !f.rows[k].dirty {
		f.dirty++
	}
	f.rows[k] = row{value: v, dirty: true}
}

func (f *facts) remove(k rowKey) {
	if f.under == nil {
		delete(f.rows, k)
		return
	}
	if !f.rows[k].dirty {
		f.dirty++
	}
	f.rows[k] = row{dirty: true}
}

func (f *facts) number(k nameKey) int {
	if r, ok := f.names[k]; ok {
		return r.n
	}
	if f.under == nil || f.err != nil {
		return 0
	}
	n, err := f.under.Number(k.String())
	if err == nil && n < 0 {
		err = fmt.Errorf("%q stands for %d", k, n)
	}
	if err != nil {
		f.err = err
		return 0
	}
	f.names[k] = number{n: n}
	return n
}

func (f *facts) setNumber(k nameKey, n int) {
	if f.under == nil && n == 0 {
		delete(f.names, k)
		return
	}
	if !f.names[k].dirty {
		f.dirty++
	}
	f.names[k] = number{n, true}
}

// all are the rows of a list.
func all[V any](f *facts, n int, key func(int) rowKey) []V {
	var out []V
	for i := range n {
		if v := get[V](f, key(i+1)); v != nil {
			out = append(out, *v)
		}
	}
	return out
}

// flush writes what was changed, and forgets all: it can be read again.
func (f *facts) flush() error {
	if f.err != nil || f.under == nil {
		return f.err
	}
	for k, r := range f.rows {
		if !r.dirty {
			continue
		}
		var data []byte
		if r.value != nil {
			var err error
			if data, err = json.Marshal(r.value); err != nil {
				return err
			}
		}
		if err := f.under.SetItem(k.list(), k.n, data); err != nil {
			return err
		}
	}
	for k, r := range f.names {
		if !r.dirty {
			continue
		}
		if err := f.under.SetNumber(k.String(), r.n); err != nil {
			return err
		}
	}
	clear(f.rows)
	clear(f.names)
	f.dirty = 0
	return nil
}
