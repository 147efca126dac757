package image

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The kinds of pages and items of a hash database of Berkeley DB that are read
// (libdb, src/dbinc/db_page.h).
const (
	bdbUnsorted = 2 // pages of items
	bdbOverflow = 7
	bdbMeta     = 8
	bdbSorted   = 13
	bdbOnPage   = 1 // items
	bdbOffPage  = 3
	bdbHeader   = 26 // bytes at the beginning of each page
)

// A berkeley is a hash database of Berkeley DB. Its pages are read in their order, the
// hashing is of no interest: pages of items hold keys and values in turn, from their
// end; a value that has no room there is in a chain of overflow pages.
type berkeley struct {
	r       io.ReaderAt
	order   binary.ByteOrder
	size    int64 // bytes of a page
	pages   uint32
	visited map[uint32]bool // an overflow page has one place in a database
}

func badBerkeley(format string, args ...any) error {
	return fmt.Errorf("%w: a Berkeley DB %s", errText, fmt.Sprintf(format, args...))
}

// openBerkeley checks the head of a database.
func openBerkeley(r io.ReaderAt, size int64) (*berkeley, error) {
	if size > maxDatabase {
		return nil, badBerkeley("of more than %d bytes", int64(maxDatabase))
	}
	var head [72]byte
	if err := readAt(r, head[:], 0); err != nil {
		return nil, err
	}
	const magic = 0x061561
	b := &berkeley{r: r, visited: map[uint32]bool{}}
	switch {
	case binary.LittleEndian.Uint32(head[12:]) == magic:
		b.order = binary.LittleEndian
	case binary.BigEndian.Uint32(head[12:]) == magic:
		b.order = binary.BigEndian
	default:
		return nil, badBerkeley("that is none, or no hash database")
	}
	b.size = int64(b.order.Uint32(head[20:]))
	last := b.order.Uint32(head[32:])
	switch version := b.order.Uint32(head[16:]); {
	case version < 8 || version > 10 || head[25] != bdbMeta:
		return nil, badBerkeley("of version %d, with a first page of the kind %d", version, head[25])
	case head[24] != 0 || head[26]&1 != 0:
		return nil, badBerkeley("that is encrypted, or has sums")
	case b.size < 512 || b.size > 64<<10 || b.size&(b.size-1) != 0:
		return nil, badBerkeley("with pages of %d bytes", b.size)
	case int64(last)+1 > size/b.size:
		return nil, badBerkeley("of %d bytes with %d pages of %d", size, int64(last)+1, b.size)
	}
	b.pages = last + 1
	return b, nil
}

// headers calls each for every value but the one whose key is zero: RPM counts there.
func (b *berkeley) headers(each func([]byte) error) error {
	page := make([]byte, b.size)
	for number := uint32(1); number < b.pages; number++ {
		if err := readAt(b.r, page, int64(number)*b.size); err != nil {
			return err
		}
		if page[25] != bdbUnsorted && page[25] != bdbSorted {
			continue // free, or an overflow page, which a value leads to
		}
		items, err := b.items(number, page)
		if err != nil {
			return err
		}
		for i := 0; i < len(items); i += 2 {
			key, value := items[i], items[i+1]
			if key[0] != bdbOnPage || len(key) != 5 {
				return badBerkeley("whose page %d has a key that is no number", number)
			}
			if b.order.Uint32(key[1:]) == 0 {
				continue
			}
			header := value[1:]
			if value[0] == bdbOffPage {
				if header, err = b.overflow(number, value); err != nil {
					return err
				}
			} else if value[0] != bdbOnPage {
				return badBerkeley("whose page %d has a value of the kind %d", number, value[0])
			}
			if err := each(header); err != nil {
				return err
			}
		}
	}
	return nil
}

// items are those of a page, keys and values in turn. None is empty.
func (b *berkeley) items(number uint32, page []byte) ([][]byte, error) {
	count := int(b.order.Uint16(page[20:]))
	if count%2 != 0 || bdbHeader+2*count > len(page) {
		return nil, badBerkeley("whose page %d has %d items", number, count)
	}
	items, end := make([][]byte, count), len(page)
	for i := range items {
		begin := int(b.order.Uint16(page[bdbHeader+2*i:]))
		if begin < bdbHeader+2*count || begin >= end {
			return nil, badBerkeley("whose page %d has an item outside of it", number)
		}
		items[i], end = page[begin:end], begin
	}
	return items, nil
}

// overflow is a value that is in pages of its own.
func (b *berkeley) overflow(number uint32, item []byte) ([]byte, error) {
	if len(item) != 12 {
		return nil, badBerkeley("whose page %d has a value of %d bytes elsewhere", number, len(item))
	}
	next, length := b.order.Uint32(item[4:]), int64(b.order.Uint32(item[8:]))
	if length > maxRecord || length > int64(b.pages)*b.size {
		return nil, badBerkeley("whose page %d has a value of %d bytes", number, length)
	}
	value, page := make([]byte, 0, length), make([]byte, b.size)
	for next != 0 {
		if next >= b.pages || b.visited[next] {
			return nil, badBerkeley("whose page %d has no place, or more than one", next)
		}
		b.visited[next] = true
		if err := readAt(b.r, page, int64(next)*b.size); err != nil {
			return nil, err
		}
		held := int64(b.order.Uint16(page[22:]))
		if page[25] != bdbOverflow || bdbHeader+held > b.size || int64(len(value))+held > length {
			return nil, badBerkeley("whose page %d is of the kind %d, with %d bytes", next, page[25], held)
		}
		value = append(value, page[bdbHeader:bdbHeader+held]...)
		next = b.order.Uint32(page[16:])
	}
	if int64(len(value)) != length {
		return nil, badBerkeley("whose page %d has a value of %d bytes, want %d", number, len(value), length)
	}
	return value, nil
}
