package index

// PageOf is where in the data the page of a list's row is; no size if there is none.
func (x *Index) PageOf(list string, row int) (at, size int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, r, err := x.page(pageKey{list, row / pageRows})
	return int(r.at), int(r.size), err
}

// SlotOfName is where the slot is that a name lies in; SlotOfPage is it for the
// page of a list's row.
func (x *Index) SlotOfName(s string) (at, size int, err error) { return x.slotAt(nameOf(aName, s)) }

// SlotOfPage: see SlotOfName.
func (x *Index) SlotOfPage(list string, row int) (at, size int, err error) {
	return x.slotAt(pageKey{list, row / pageRows}.name())
}

func (x *Index) slotAt(n name) (at, size int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, r, err := x.slot(slotOf(n))
	return int(r.at), int(r.size), err
}

// GroupOfName is where the page is that finds a name's slot.
func (x *Index) GroupOfName(s string) (at, size int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slotOf(nameOf(aName, s)) / fanout
	_, err = x.group(i)
	return int(x.tops[i].at), int(x.tops[i].size), err
}

// Root is where the root page is.
func (x *Index) Root() (at, size int) { return int(x.sealed.root.at), int(x.sealed.root.size) }
