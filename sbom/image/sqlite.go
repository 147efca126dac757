package image

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Limits of a database of packages in SQLite's format.
const (
	maxDatabase = 2 << 30  // bytes of the file
	maxRecord   = 64 << 20 // bytes of one record
	maxLevels   = 24       // of a tree
)

// A table reads one table of a SQLite database (SQLite, "Database File Format"): its
// pages in order, and nothing else. Indexes, views and journals are not looked at.
type table struct {
	r       io.ReaderAt
	size    int64 // bytes of a page
	usable  int   // of them
	pages   uint32
	visited map[uint32]bool // a page has one place in a database
}

// openTables checks the head of a database.
func openTables(r io.ReaderAt, size int64) (*table, error) {
	var head [100]byte
	if n, err := r.ReadAt(head[:], 0); n < len(head) {
		if err != io.EOF {
			return nil, err
		}
		return nil, fmt.Errorf("%w: a SQLite database of %d bytes", errText, n)
	}
	t := &table{r: r, size: int64(binary.BigEndian.Uint16(head[16:])), visited: map[uint32]bool{}}
	if t.size == 1 {
		t.size = 64 << 10
	}
	t.usable = int(t.size) - int(head[20])
	switch {
	case string(head[:16]) != "SQLite format 3\x00":
		return nil, fmt.Errorf("%w: no SQLite database", errText)
	case t.size < 512 || t.size&(t.size-1) != 0 || t.usable < 480:
		return nil, fmt.Errorf("%w: a SQLite database with pages of %d bytes", errText, t.size)
	case binary.BigEndian.Uint32(head[56:]) != 1:
		return nil, fmt.Errorf("%w: a SQLite database whose text is not UTF-8", errText)
	case size > maxDatabase:
		return nil, fmt.Errorf("%w: a SQLite database of more than %d bytes", errText, int64(maxDatabase))
	}
	t.pages = uint32(size / t.size)
	return t, nil
}

// rows calls each for every record of the table by this name.
func (t *table) rows(name string, each func(values [][]byte) error) error {
	root := uint32(0)
	err := t.walk(1, 0, func(values [][]byte) error {
		if len(values) >= 4 && string(values[0]) == "table" && string(values[1]) == name {
			for _, b := range values[3] {
				root = root<<8 | uint32(b)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if root == 0 {
		return fmt.Errorf("%w: a SQLite database without the table %s", errText, name)
	}
	return t.walk(root, 0, each)
}

// page reads a page; nothing leads to one twice.
func (t *table) page(number uint32) ([]byte, error) {
	if number == 0 || number > t.pages || t.visited[number] {
		return nil, fmt.Errorf("%w: page %d of a SQLite database has no place, or more than one", errText, number)
	}
	t.visited[number] = true
	page := make([]byte, t.size)
	if _, err := t.r.ReadAt(page, int64(number-1)*t.size); err != nil {
		return nil, err
	}
	return page, nil
}

// walk goes through the tree below a page.
func (t *table) walk(number uint32, level int, each func(values [][]byte) error) error {
	if level > maxLevels {
		return fmt.Errorf("%w: a SQLite table of more than %d levels", errText, maxLevels)
	}
	page, err := t.page(number)
	if err != nil {
		return err
	}
	head := page
	if number == 1 {
		head = page[100:]
	}
	kind, cells, at := head[0], int(binary.BigEndian.Uint16(head[3:])), len(page)-len(head)+8
	if kind == 5 {
		at += 4
	}
	if kind != 5 && kind != 13 || at+2*cells > t.usable {
		return fmt.Errorf("%w: page %d of a SQLite database is of the kind %d with %d cells, want a table's", errText, number, kind, cells)
	}
	for i := range cells {
		offset := int(binary.BigEndian.Uint16(page[at+2*i:]))
		if offset+4 > t.usable {
			return fmt.Errorf("%w: page %d of a SQLite database has a cell outside of it", errText, number)
		}
		if kind == 5 {
			err = t.walk(binary.BigEndian.Uint32(page[offset:]), level+1, each)
		} else {
			err = t.cell(page[offset:t.usable], each)
		}
		if err != nil {
			return err
		}
	}
	if kind == 5 {
		return t.walk(binary.BigEndian.Uint32(head[8:]), level+1, each)
	}
	return nil
}

// cell reads one record: its size, its row's id, and the record, of which the end may
// lie on pages of its own.
func (t *table) cell(data []byte, each func(values [][]byte) error) error {
	size, n := varint(data)
	_, m := varint(data[n:])
	data = data[n+m:]
	if n == 0 || m == 0 || size > maxRecord {
		return fmt.Errorf("%w: a record of a SQLite database has no size, or one of more than %d bytes", errText, maxRecord)
	}
	local := int(size)
	if most := t.usable - 35; local > most {
		least := (t.usable-12)*32/255 - 23
		if local = least + (int(size)-least)%(t.usable-4); local > most {
			local = least
		}
	}
	if local > len(data) || local < int(size) && local+4 > len(data) {
		return fmt.Errorf("%w: a record of a SQLite database is longer than its page", errText)
	}
	record := data[:local:local]
	if local < int(size) {
		next := binary.BigEndian.Uint32(data[local:])
		for len(record) < int(size) {
			page, err := t.page(next)
			if err != nil {
				return err
			}
			next = binary.BigEndian.Uint32(page)
			record = append(record, page[4:min(t.usable, 4+int(size)-len(record))]...)
		}
	}
	values, ok := columns(record)
	if !ok {
		return fmt.Errorf("%w: a record of a SQLite database does not hold what its head says", errText)
	}
	return each(values)
}

// columns takes a record apart. Of numbers it returns the bytes; NULL is nil.
func columns(record []byte) ([][]byte, bool) {
	size, n := varint(record)
	if n == 0 || size > uint64(len(record)) || size < uint64(n) {
		return nil, false
	}
	head, body := record[n:size], record[size:]
	var values [][]byte
	for len(head) > 0 {
		kind, n := varint(head)
		if n == 0 {
			return nil, false
		}
		head = head[n:]
		length := uint64(0)
		switch {
		case kind <= 4:
			length = kind
		case kind == 5:
			length = 6
		case kind <= 7:
			length = 8
		case kind >= 12:
			length = (kind - 12) / 2
		}
		if length > uint64(len(body)) || len(values) >= maxFields {
			return nil, false
		}
		values = append(values, body[:length:length])
		body = body[length:]
	}
	return values, true
}

// varint reads a number of one to nine bytes; n is 0 if there is none.
func varint(data []byte) (value uint64, n int) {
	for i, b := range data {
		if i == 8 {
			return value<<8 | uint64(b), 9
		}
		value = value<<7 | uint64(b&0x7f)
		if b < 0x80 {
			return value, i + 1
		}
	}
	return 0, 0
}
