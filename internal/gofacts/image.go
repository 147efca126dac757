package gofacts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// An image is where a program's bytes lie in memory, as far as the search for
// the build info needs it: no symbols, no names but one.
type image struct {
	r           io.ReaderAt
	segments    []segment
	start, size uint64 // where to search, by address
}

// A segment is a run of the file that is mapped to addr.
type segment struct{ addr, off, size uint64 }

// Limits of the headers. Linkers stay far below.
const (
	maxHeaders = 4 << 20 // bytes of a table of headers
	maxNames   = 1 << 20 // bytes of section names
	maxParts   = 16      // programs in a universal file; 52 or more is a Java class
)

// read returns the bytes from addr on, n of them or as many as the file has in
// that segment.
func (m *image) read(addr, n uint64) []byte {
	for _, s := range m.segments {
		if addr < s.addr || addr-s.addr >= s.size {
			continue
		}
		skip := addr - s.addr
		if s.off > math.MaxInt64-skip {
			return nil
		}
		b, _ := readUpTo(m.r, s.off+skip, min(n, s.size-skip))
		return b
	}
	return nil
}

// readUpTo reads n bytes from off, fewer at the end of the file. It holds no
// more than a little above what there is.
func readUpTo(r io.ReaderAt, off, n uint64) ([]byte, bool) {
	if off > math.MaxInt64 || n > math.MaxInt64-off {
		return nil, false
	}
	var b []byte
	for step := uint64(1 << 20); uint64(len(b)) < n; {
		next := make([]byte, min(step, n-uint64(len(b))))
		got, err := r.ReadAt(next, int64(off)+int64(len(b)))
		if b == nil {
			b = next[:got]
		} else {
			b = append(b, next[:got]...)
		}
		if got < len(next) || err != nil && err != io.EOF {
			return b, uint64(len(b)) == n
		}
	}
	return b, true
}

// universal returns the programs in a Mach-O universal file, and of any other
// file itself.
func universal(r io.ReaderAt) ([]io.ReaderAt, error) {
	head, ok := readUpTo(r, 0, 8)
	if !ok {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrNotGo, len(head))
	}
	entry := uint64(20)
	switch binary.BigEndian.Uint32(head) {
	case 0xcafebabe:
	case 0xcafebabf:
		entry = 32
	default:
		return []io.ReaderAt{r}, nil
	}
	count := binary.BigEndian.Uint32(head[4:])
	if count == 0 || count > maxParts {
		return nil, fmt.Errorf("%w: it has the magic of a universal file and %d parts", ErrNotGo, count)
	}
	table, ok := readUpTo(r, 8, uint64(count)*entry)
	if !ok {
		return nil, fmt.Errorf("%w: its table of parts is cut off", ErrNotGo)
	}
	var parts []io.ReaderAt
	for ; len(table) > 0; table = table[entry:] {
		off, size := uint64(binary.BigEndian.Uint32(table[8:])), uint64(binary.BigEndian.Uint32(table[12:]))
		if entry == 32 {
			off, size = binary.BigEndian.Uint64(table[8:]), binary.BigEndian.Uint64(table[16:])
		}
		if off > math.MaxInt64 || size > math.MaxInt64-off {
			return nil, fmt.Errorf("%w: a part of it lies outside of every file", ErrNotGo)
		}
		parts = append(parts, io.NewSectionReader(r, int64(off), int64(size)))
	}
	return parts, nil
}

// imageOf reads the headers of a program.
func imageOf(r io.ReaderAt) (*image, error) {
	head, _ := readUpTo(r, 0, 64)
	m := &image{r: r}
	var ok bool
	switch {
	case len(head) < 16:
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		ok = m.elf(head)
	case bytes.HasPrefix(head, []byte("MZ")):
		ok = m.pe(head)
	case bytes.HasPrefix(head, []byte("\xfe\xed\xfa")), bytes.HasPrefix(head[1:], []byte("\xfa\xed\xfe")):
		ok = m.macho(head)
	default:
		return nil, fmt.Errorf("%w: it is no ELF, PE, Mach-O or Wasm file", ErrNotGo)
	}
	if !ok || m.size == 0 {
		return nil, fmt.Errorf("%w: its headers show no data", ErrNotGo)
	}
	return m, nil
}

// elf reads the program headers, and of the sections only where .go.buildinfo is.
func (m *image) elf(head []byte) bool {
	if len(head) < 64 {
		return false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	wide := head[4] == 2
	word := func(b []byte, at32, at64 int) uint64 {
		if wide {
			return order.Uint64(b[at64:])
		}
		return uint64(order.Uint32(b[at32:]))
	}
	half := func(at32, at64 int) uint64 {
		if wide {
			at32 = at64
		}
		return uint64(order.Uint16(head[at32:]))
	}
	least := func(wideSize, narrow uint64) uint64 {
		if wide {
			return wideSize
		}
		return narrow
	}

	size, count := half(42, 54), half(44, 56)
	if size < least(56, 32) || size*count > maxHeaders {
		return false
	}
	programs, ok := readUpTo(m.r, word(head, 28, 32), size*count)
	if !ok {
		return false
	}
	const load, execute, write = 1, 1, 2
	for ; len(programs) > 0; programs = programs[size:] {
		s := segment{addr: word(programs, 8, 16), off: word(programs, 4, 8), size: word(programs, 16, 32)}
		m.segments = append(m.segments, s)
		flags := order.Uint32(programs[24:])
		if wide {
			flags = order.Uint32(programs[4:])
		}
		if m.size == 0 && order.Uint32(programs) == load && flags&(execute|write) == write {
			m.start, m.size = s.addr, word(programs, 20, 40)
		}
	}

	size, count = half(46, 58), half(48, 60)
	off := word(head, 32, 40)
	if count == 0 || size < least(64, 40) || size*count > maxHeaders {
		return true // without sections, or with too many to be a program's
	}
	sections, ok := readUpTo(m.r, off, size*count)
	if !ok {
		return true
	}
	index := half(50, 62)
	if index >= count {
		return true
	}
	table := sections[index*size:]
	names, _ := readUpTo(m.r, word(table, 16, 24), min(word(table, 20, 32), maxNames))
	for ; len(sections) > 0; sections = sections[size:] {
		at := uint64(order.Uint32(sections))
		if at < uint64(len(names)) && bytes.HasPrefix(names[at:], []byte(".go.buildinfo\x00")) {
			m.start, m.size = word(sections, 12, 16), word(sections, 20, 32)
			return true
		}
	}
	return true
}

// pe reads the section table; the build info is in the first section of
// initialised, writable data.
func (m *image) pe(head []byte) bool {
	if len(head) < 64 {
		return false
	}
	order := binary.LittleEndian
	at := uint64(order.Uint32(head[60:]))
	file, ok := readUpTo(m.r, at, 4+20+32)
	if !ok || string(file[:4]) != "PE\x00\x00" {
		return false
	}
	count, optional := uint64(order.Uint16(file[6:])), uint64(order.Uint16(file[20:]))
	var base uint64
	switch magic := order.Uint16(file[24:]); {
	case optional >= 32 && magic == 0x10b:
		base = uint64(order.Uint32(file[24+28:]))
	case optional >= 32 && magic == 0x20b:
		base = order.Uint64(file[24+24:])
	default:
		return false
	}
	sections, ok := readUpTo(m.r, at+24+optional, count*40)
	if !ok {
		return false
	}
	const aligned, data = 0x00600000, 0x00000040 | 0x40000000 | 0x80000000
	for ; len(sections) > 0; sections = sections[40:] {
		virtual := uint64(order.Uint32(sections[12:]))
		s := segment{addr: base + virtual, off: uint64(order.Uint32(sections[20:])), size: uint64(order.Uint32(sections[16:]))}
		m.segments = append(m.segments, s)
		if m.size == 0 && virtual != 0 && s.size != 0 && order.Uint32(sections[36:])&^aligned == data {
			m.start, m.size = s.addr, uint64(order.Uint32(sections[8:]))
		}
	}
	return true
}

// macho reads the segments among the load commands.
func (m *image) macho(head []byte) bool {
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 0xfe {
		order = binary.BigEndian
	}
	magic := order.Uint32(head)
	wide := magic == 0xfeedfacf
	if !wide && magic != 0xfeedface || len(head) < 32 {
		return false
	}
	segmentCommand, header, section := uint32(0x1), 28, 68
	if wide {
		segmentCommand, header, section = 0x19, 32, 80
	}
	commands, ok := readUpTo(m.r, uint64(header), uint64(min(order.Uint32(head[20:]), maxHeaders)))
	if !ok {
		return false
	}
	named := false
	for len(commands) >= 8 {
		size := uint64(order.Uint32(commands[4:]))
		if size < 8 || size > uint64(len(commands)) {
			return false
		}
		c := commands[:size]
		commands = commands[size:]
		fixed := 56
		if wide {
			fixed = 72
		}
		if order.Uint32(c) != segmentCommand || len(c) < fixed {
			continue
		}
		word := func(b []byte, at, index int) uint64 {
			if wide {
				return order.Uint64(b[at+8*index:])
			}
			return uint64(order.Uint32(b[at+4*index:]))
		}
		s := segment{addr: word(c, 24, 0), off: word(c, 24, 2), size: word(c, 24, 3)}
		if !bytes.HasPrefix(c[8:24], []byte("__PAGEZERO\x00")) {
			m.segments = append(m.segments, s)
		}
		const readWrite = 3
		most, initial := order.Uint32(c[fixed-16:]), order.Uint32(c[fixed-12:])
		if m.size == 0 && s.addr != 0 && s.size != 0 && most == readWrite && initial == readWrite {
			m.start, m.size = s.addr, word(c, 24, 1)
		}
		for rest := c[fixed:]; len(rest) >= section && !named; rest = rest[section:] {
			if bytes.HasPrefix(rest, []byte("__go_buildinfo\x00")) {
				m.start, m.size, named = word(rest, 32, 0), word(rest, 32, 1), true
			}
		}
	}
	return true
}
