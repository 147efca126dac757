package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names lie in 16,384 slots by how they begin. A slot is a page: entries in order
// of their names, each a name, a length in one byte, and a value, which is a
// number or the ref of a page of a list. The root page has the refs of 128 group
// pages, each has those of 128 slots. That a name is not there is as sealed as
// what it stands for.
const (
	fanoutBits = 7
	fanout     = 1 << fanoutBits
	nameSize   = len(name{})
)

func slotOf(n name) int { return int(binary.BigEndian.Uint16(n[:])) >> (16 - 2*fanoutBits) }

// entry is the value of a name, nil if it has none.
func (x *Index) entry(n name) ([]byte, error) {
	if x.err != nil {
		return nil, x.err
	}
	slot, _, err := x.slot(slotOf(n))
	if err != nil {
		return nil, x.fail(err)
	}
	for len(slot) > 0 {
		key, value, rest, err := cutEntry(slot)
		if err != nil {
			return nil, x.fail(err)
		}
		switch c := bytes.Compare(key, n[:]); {
		case c == 0:
			return value, nil
		case c > 0:
			return nil, nil
		}
		slot = rest
	}
	return nil, nil
}

func cutEntry(slot []byte) (key, value, rest []byte, err error) {
	if len(slot) <= nameSize || len(slot) < nameSize+1+int(slot[nameSize]) {
		return nil, nil, nil, fmt.Errorf("%w: a page is no page", ErrDamaged)
	}
	n := nameSize + 1 + int(slot[nameSize])
	return slot[:nameSize], slot[nameSize+1 : n], slot[n:], nil
}

// slot is what a slot holds, and where that is.
func (x *Index) slot(i int) ([]byte, ref, error) {
	group, err := x.group(i / fanout)
	if err != nil {
		return nil, ref{}, err
	}
	at := group[i%fanout]
	if at.size == 0 {
		return nil, at, nil
	}
	if slot := x.slots.get(i); slot != nil {
		return slot, at, nil
	}
	slot, err := x.sealed.read(at)
	if err == nil {
		x.slots.put(i, slot)
	}
	return slot, at, err
}

func (x *Index) group(i int) (*[fanout]ref, error) {
	if !x.known {
		tops, err := x.refs(x.sealed.root)
		if err != nil {
			return nil, err
		}
		x.tops, x.known = *tops, true
	}
	if x.groups[i] == nil {
		group, err := x.refs(x.tops[i])
		if err != nil {
			return nil, err
		}
		x.groups[i] = group
	}
	return x.groups[i], nil
}

// refs reads a page of refs; all zero if there is none.
func (x *Index) refs(at ref) (*[fanout]ref, error) {
	var out [fanout]ref
	if at.size == 0 {
		return &out, nil
	}
	page, err := x.sealed.read(at)
	if err != nil {
		return nil, err
	}
	if len(page) != fanout*refSize {
		return nil, fmt.Errorf("%w: a page is no page", ErrDamaged)
	}
	for i := range out {
		out[i], _ = parseRef(page[i*refSize : (i+1)*refSize])
	}
	return &out, nil
}

func marshalRefs(refs *[fanout]ref) []byte {
	page := make([]byte, 0, fanout*refSize)
	for _, r := range refs {
		page = r.append(page)
	}
	return page
}

// update sets names; those with no value are removed. It returns the new root.
func (x *Index) update(set map[name][]byte) (ref, error) {
	names := make([]name, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b name) int { return bytes.Compare(a[:], b[:]) })
	changed := map[int]bool{}
	for len(names) > 0 {
		i := slotOf(names[0])
		n := 1
		for n < len(names) && slotOf(names[n]) == i {
			n++
		}
		old, at, err := x.slot(i)
		if err != nil {
			return ref{}, err
		}
		slot, err := merge(old, names[:n], set)
		if err != nil {
			return ref{}, err
		}
		if x.groups[i/fanout][i%fanout], err = x.sealed.write(slot, at); err != nil {
			return ref{}, err
		}
		x.slots.put(i, slot)
		changed[i/fanout] = true
		names = names[n:]
	}
	for i := range fanout {
		if !changed[i] {
			continue
		}
		at, err := x.sealed.write(marshalRefs(x.groups[i]), x.tops[i])
		if err != nil {
			return ref{}, err
		}
		x.tops[i] = at
	}
	return x.sealed.write(marshalRefs(&x.tops), x.sealed.root)
}

// merge puts names, which are in order, into a slot.
func merge(slot []byte, names []name, set map[name][]byte) ([]byte, error) {
	out := make([]byte, 0, len(slot)+len(names)*(nameSize+1+8))
	add := func(n name) {
		if value := set[n]; value != nil {
			out = append(out, n[:]...)
			out = append(out, byte(len(value)))
			out = append(out, value...)
		}
	}
	for len(slot) > 0 {
		key, _, rest, err := cutEntry(slot)
		if err != nil {
			return nil, err
		}
		for len(names) > 0 && bytes.Compare(names[0][:], key) < 0 {
			add(names[0])
			names = names[1:]
		}
		if len(names) > 0 && bytes.Equal(names[0][:], key) {
			add(names[0])
			names = names[1:]
		} else {
			out = append(out, slot[:len(slot)-len(rest)]...)
		}
		slot = rest
	}
	for _, n := range names {
		add(n)
	}
	return out, nil
}

// compact writes all that is in use into a new file.
func (x *Index) compact() error {
	number, err := strconv.Atoi(strings.TrimPrefix(x.sealed.head.Data, "data-"))
	if err != nil {
		return fmt.Errorf("%w: its data are in %q", ErrDamaged, x.sealed.head.Data)
	}
	old := x.sealed
	next := &sealed{dir: old.dir, key: old.key}
	path := filepath.Join(old.dir, "data-"+strconv.Itoa(number+1))
	if next.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return err
	}
	if err = next.start(0, 0); err == nil {
		err = x.copyTo(next)
	}
	if err != nil {
		next.close()
		return err
	}
	x.sealed = next
	old.close()
	return x.sealed.sweep()
}

func (x *Index) copyTo(next *sealed) error {
	var tops [fanout]ref
	for i := range fanout {
		var group [fanout]ref
		for j := range fanout {
			slot, _, err := x.slot(i*fanout + j)
			if err != nil {
				return err
			}
			if slot, err = x.copySlot(next, slot); err != nil {
				return err
			}
			if group[j], err = next.write(slot, ref{}); err != nil {
				return err
			}
		}
		at, err := next.write(marshalRefs(&group), ref{})
		if err != nil {
			return err
		}
		tops[i] = at
	}
	root, err := next.write(marshalRefs(&tops), ref{})
	if err != nil {
		return err
	}
	if err := next.commit(root, x.sealed.head.Log); err != nil {
		return err
	}
	x.tops, x.groups = tops, [fanout]*[fanout]ref{}
	x.slots = newCache[int](slotBytes)
	return nil
}

// copySlot copies the pages that a slot names, and returns the slot that names the copies.
func (x *Index) copySlot(next *sealed, slot []byte) ([]byte, error) {
	out := make([]byte, 0, len(slot))
	for len(slot) > 0 {
		key, value, rest, err := cutEntry(slot)
		if err != nil {
			return nil, err
		}
		if at, ok := parseRef(value); ok {
			page, err := x.sealed.read(at)
			if err != nil {
				return nil, err
			}
			if at, err = next.write(page, ref{}); err != nil {
				return nil, err
			}
			value = at.append(nil)
		}
		out = append(out, key...)
		out = append(out, byte(len(value)))
		out = append(out, value...)
		slot = rest
	}
	return out, nil
}
