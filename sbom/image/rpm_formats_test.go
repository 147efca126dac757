package image_test

import (
	"encoding/binary"
	"hash/adler32"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/sbom/image"
)

// ndb is a database of RPM in its own format: a page of slots, the third of which is
// free, and a blob for each header.
func ndb(headers ...[]byte) []byte {
	file := make([]byte, 4096)
	copy(file, "RpmP")
	binary.LittleEndian.PutUint32(file[12:], 1)
	for at := 32; at < len(file); at += 16 {
		copy(file[at:], "Slot")
	}
	for i, h := range headers {
		slot := 32 + 16*i
		if i >= 2 {
			slot += 16
		}
		blob := ndbBlob(uint32(i+1), h)
		ndbSlot(file[slot:], i+1, len(file), len(blob))
		file = append(file, blob...)
	}
	return file
}

func ndbSlot(slot []byte, index, at, length int) {
	for i, n := range []int{index, at / 16, length / 16} {
		binary.LittleEndian.PutUint32(slot[4+4*i:], uint32(n))
	}
}

func ndbBlob(index uint32, data []byte) []byte {
	number := binary.LittleEndian.AppendUint32
	blob := append(number(number(number([]byte("BlbS"), index), 1_700_000_000), uint32(len(data))), data...)
	for len(blob)%16 != 4 {
		blob = append(blob, 0)
	}
	return append(number(number(blob, adler32.Checksum(blob)), uint32(len(data))), "BlbE"...)
}

const bdbPage = 512

// bdb is a hash database of Berkeley DB: the head, a page of items with RPM's counter
// and every header, and overflow pages for those that are long.
func bdb(order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}, headers ...[]byte) []byte {
	pages := [][]byte{make([]byte, bdbPage), make([]byte, bdbPage)}
	var items [][]byte
	item := func(key uint32, value []byte) {
		items = append(items, order.AppendUint32([]byte{1}, key), value)
	}
	item(0, order.AppendUint32([]byte{1}, uint32(len(headers))))
	for i, h := range headers {
		if len(h) < 100 {
			item(uint32(i+1), append([]byte{1}, h...))
			continue
		}
		item(uint32(i+1), order.AppendUint32(order.AppendUint32([]byte{3, 0, 0, 0}, uint32(len(pages))), uint32(len(h))))
		for rest := h; len(rest) > 0; {
			page := make([]byte, bdbPage)
			page[25] = 7
			n := copy(page[26:], rest)
			order.PutUint16(page[22:], uint16(n))
			if rest = rest[n:]; len(rest) > 0 {
				order.PutUint32(page[16:], uint32(len(pages)+1))
			}
			pages = append(pages, page)
		}
	}
	pages[1][25] = 13
	order.PutUint16(pages[1][20:], uint16(len(items)))
	end := bdbPage
	for i, data := range items {
		end -= len(data)
		copy(pages[1][end:], data)
		order.PutUint16(pages[1][26+2*i:], uint16(end))
	}
	head := pages[0]
	order.PutUint32(head[12:], 0x061561)
	order.PutUint32(head[16:], 9)
	order.PutUint32(head[20:], bdbPage)
	head[25] = 8
	order.PutUint32(head[32:], uint32(len(pages)-1))
	var all []byte
	for _, p := range pages {
		all = append(all, p...)
	}
	return all
}

// short is a header that has room on a page of items.
func short() []byte {
	return rpm(map[uint32]any{1000: "s", 1001: "1", 1002: "2"}, 1000, 1001, 1002)
}

// The same packages are found whatever format the database has.
func TestRPMFormats(t *testing.T) {
	list := func(name string, data []byte) string {
		b := bom(t, one(t, imagetest.Entry{Name: "etc/os-release", Body: "ID=fedora\n"}, imagetest.Entry{Name: name, Body: string(data)}))
		if got := property(b.Metadata.Component, image.PropertyUnread); got != "" {
			t.Errorf("%s: unread is %q", name, got)
		}
		return strings.ReplaceAll(show(b), name, "DATABASE")
	}
	headers := [][]byte{bash(), key(), glibc(), short()}
	want := list(rpmPath, sqlite(headers...))
	if strings.Count(want, "pkg:rpm/") < 3 {
		t.Fatalf("too few packages:\n%s", want)
	}
	for _, c := range []struct {
		what, name string
		data       []byte
	}{
		{"its own", "usr/lib/sysimage/rpm/Packages.db", ndb(headers...)},
		{"Berkeley DB's", "var/lib/rpm/Packages", bdb(binary.LittleEndian, headers...)},
		{"Berkeley DB's of a large machine", "var/lib/rpm/Packages", bdb(binary.BigEndian, headers...)},
	} {
		if got := list(c.name, c.data); got != want {
			t.Errorf("in %s format:\n%s\nwant:\n%s", c.what, got, want)
		}
	}
}

// A database in these formats that lies about itself is refused, and never a short list.
func TestRPMFormatsRefused(t *testing.T) {
	le := binary.LittleEndian
	own := func(change func(b []byte)) []byte { b := ndb(glibc(), bash()); change(b); return b }
	berkeley := func(change func(b []byte)) []byte { b := bdb(le, bash(), short()); change(b); return b }
	at := func(i int, to ...byte) func([]byte) { return func(b []byte) { copy(b[i:], to) } }
	blob := 4096
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"nothing of its own", "Packages.db", []byte("x"), "the database ends within 32 bytes at 0"},
		{"another magic", "Packages.db", own(at(0, 'r')), "that is none, or of another version"},
		{"another version", "Packages.db", own(at(4, 1)), "that is none, or of another version"},
		{"no slots", "Packages.db", own(at(12, 0)), "with 0 pages of slots"},
		{"slots without end", "Packages.db", own(at(12, 255, 255)), "with 65535 pages of slots"},
		{"no slot", "Packages.db", own(at(32, 's')), "with a slot that is none"},
		{"a blob among the slots", "Packages.db", own(at(32+8, 2, 0)), "whose package 1 has no place"},
		{"a blob behind the end", "Packages.db", own(at(32+12, 0, 1)), "whose package 1 has no place"},
		{"a package without a number", "Packages.db", own(at(32+4, 0)), "whose package 0 has no place"},
		{"a package twice", "Packages.db", own(func(b []byte) { copy(b[48:64], b[32:48]) }), "with the package 1 twice"},
		{"one blob for two", "Packages.db", own(func(b []byte) { copy(b[48+8:64], b[32+8:48]) }), "whose package 2 is not where its slot says"},
		{"a blob in a blob", "Packages.db", nested(), "whose packages overlap"},
		{"another blob", "Packages.db", own(at(blob+4, 9)), "whose package 1 is not where its slot says"},
		{"a shorter blob", "Packages.db", own(at(blob+12, 1)), "whose package 1 is not where its slot says"},
		{"a changed blob", "Packages.db", own(at(blob+16+8, 1)), "whose package 1 has another sum"},
		{"no Berkeley DB", "Packages", []byte(strings.Repeat("x", 512)), "that is none, or no hash database"},
		{"a short one", "Packages", []byte("x"), "the database ends within 72 bytes at 0"},
		{"a version to come", "Packages", berkeley(at(16, 11)), "of version 11"},
		{"a tree", "Packages", berkeley(at(25, 9)), "with a first page of the kind 9"},
		{"encrypted", "Packages", berkeley(at(24, 1)), "that is encrypted, or has sums"},
		{"with sums", "Packages", berkeley(at(26, 1)), "that is encrypted, or has sums"},
		{"pages of three bytes", "Packages", berkeley(at(20, 3, 0)), "with pages of 3 bytes"},
		{"more pages than bytes", "Packages", berkeley(at(32, 0, 1)), "with 257 pages of 512"},
		{"pages without end", "Packages", berkeley(at(32, 255, 255, 255, 255)), "with 4294967296 pages of 512"},
		{"a key without a value", "Packages", berkeley(at(bdbPage+20, 5)), "whose page 1 has 5 items"},
		{"items without end", "Packages", berkeley(at(bdbPage+20, 254)), "whose page 1 has 254 items"},
		{"an item in the index", "Packages", berkeley(at(bdbPage+26, 1, 0)), "whose page 1 has an item outside of it"},
		{"an item behind the page", "Packages", berkeley(at(bdbPage+26, 255, 255)), "whose page 1 has an item outside of it"},
		{"a key that is text", "Packages", berkeley(at(2*bdbPage-5, 9)), "has a key that is no number"},
		{"a list as a value", "Packages", berkeley(at(2*bdbPage-10-5-12, 2)), "has a value of the kind 2"},
		{"a chain to nowhere", "Packages", berkeley(at(2*bdbPage-10-5-12+4, 255)), "whose page 255 has no place, or more than one"},
		{"a chain that is a ring", "Packages", berkeley(at(2*bdbPage+16, 2)), "whose page 2 has no place, or more than one"},
		{"a chain that ends early", "Packages", berkeley(at(2*bdbPage+16, 0)), "has a value of 486 bytes, want"},
		{"a chain of items", "Packages", berkeley(at(2*bdbPage+25, 13)), "whose page 2 is of the kind 13"},
		{"a value that is longer", "Packages", berkeley(at(2*bdbPage-10-5-12+8, 255, 255, 255, 255)), "has a value of 4294967295 bytes"},
		{"a page with more than its bytes", "Packages", berkeley(at(2*bdbPage+22, 255, 255)), "whose page 2 is of the kind 7, with 65535 bytes"},
	} {
		boms, err := image.BOMs(t.Context(), one(t, imagetest.Entry{Name: "var/lib/rpm/" + c.file, Body: string(c.data)}))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "var/lib/rpm/"+c.file+": ") {
			t.Errorf("%s: %d documents, error %v, want %q", c.name, len(boms), err, c.want)
		}
	}
}

// nested is a database with a package inside of what another slot says is one: so a
// small file could hold packages without end.
func nested() []byte {
	inner := ndbBlob(1, rpm(map[uint32]any{1000: "a", 1001: "1", 1002: "2", 1004: strings.Repeat("long ", 1000)}, 1000, 1001, 1002, 1004))
	outer := ndbBlob(2, inner)
	file := ndb()
	ndbSlot(file[32:], 1, len(file)+16, len(inner))
	ndbSlot(file[48:], 2, len(file), len(outer))
	return append(file, outer...)
}
