package image_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/sbom/image"
)

const pageSize = 512

// varint is a number of SQLite's, below 2^21.
func varint(n int) []byte {
	if n < 1<<7 {
		return []byte{byte(n)}
	}
	if n < 1<<14 {
		return []byte{byte(n>>7) | 0x80, byte(n & 0x7f)}
	}
	return []byte{byte(n>>14) | 0x80, byte(n>>7) | 0x80, byte(n & 0x7f)}
}

// A database is a SQLite file in the making: page 1 is the schema, page 2 the root of
// the table Packages, with one page for each record below it.
type database struct{ pages [][]byte }

func (d *database) page() (number uint32, page []byte) {
	page = make([]byte, pageSize)
	d.pages = append(d.pages, page)
	return uint32(len(d.pages)), page
}

// leaf fills a page with one record, which goes on elsewhere if it must.
func (d *database) leaf(page []byte, from int, values ...any) {
	var kinds, body []byte
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			kinds = append(kinds, 0)
		case int:
			kinds, body = append(kinds, 1), append(body, byte(v))
		case string:
			kinds, body = append(kinds, varint(13+2*len(v))...), append(body, v...)
		case []byte:
			kinds, body = append(kinds, varint(12+2*len(v))...), append(body, v...)
		}
	}
	record := append(append(varint(1+len(kinds)), kinds...), body...)
	cell := append(varint(len(record)), 1)
	if most := pageSize - 35; len(record) > most {
		least := (pageSize-12)*32/255 - 23
		local := least + (len(record)-least)%(pageSize-4)
		if local > most {
			local = least
		}
		cell = append(cell, record[:local]...)
		rest := record[local:]
		next, overflow := d.page()
		cell = binary.BigEndian.AppendUint32(cell, next)
		for {
			n := copy(overflow[4:], rest)
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
			number, following := d.page()
			binary.BigEndian.PutUint32(overflow, number)
			overflow = following
		}
	} else {
		cell = append(cell, record...)
	}
	page[from] = 13
	page[from+4] = 1
	at := pageSize - len(cell)
	copy(page[at:], cell)
	binary.BigEndian.PutUint16(page[from+8:], uint16(at))
}

// sqlite is a database of RPM with these headers.
func sqlite(headers ...[]byte) []byte {
	d := &database{}
	_, schema := d.page()
	copy(schema, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(schema[16:], pageSize)
	schema[59] = 1
	d.leaf(schema, 100, "table", "Packages", "Packages", 2, "CREATE TABLE")
	_, root := d.page()
	root[0] = 5
	root[4] = byte(len(headers) - 1)
	for i, h := range headers {
		number, page := d.page()
		d.leaf(page, 0, nil, h)
		if i == len(headers)-1 {
			binary.BigEndian.PutUint32(root[8:], number)
			break
		}
		cell := binary.BigEndian.AppendUint32(nil, number)
		at := pageSize - 8*(i+1)
		copy(root[at:], append(cell, byte(i+1)))
		binary.BigEndian.PutUint16(root[12+2*i:], uint16(at))
	}
	var all []byte
	for _, p := range d.pages {
		all = append(all, p...)
	}
	return all
}

// rpm is a header of RPM: texts by tag, and numbers.
func rpm(values map[uint32]any, order ...uint32) []byte {
	var index, data []byte
	for _, tag := range order {
		kind, count, offset := uint32(6), 1, len(data)
		switch v := values[tag].(type) {
		case string:
			data = append(append(data, v...), 0)
		case []string:
			kind, count = 8, len(v)
			for _, s := range v {
				data = append(append(data, s...), 0)
			}
		case []uint32:
			kind, count = 4, len(v)
			for len(data)%4 != 0 {
				data = append(data, 0)
			}
			offset = len(data)
			for _, n := range v {
				data = binary.BigEndian.AppendUint32(data, n)
			}
		}
		for _, n := range []uint32{tag, kind, uint32(offset), uint32(count)} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(order)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(append(b, index...), data...)
}

// bash and glibc are two packages, the first of which needs the second and a command
// of its own.
func bash() []byte {
	return rpm(map[uint32]any{
		1000: "bash", 1001: "5.2", 1002: "1.fc43", 1003: []uint32{1}, 1004: "a shell", 1011: "Fedora Project", 1014: "GPL-3.0-or-later",
		1020: "https://bash.example/", 1022: "x86_64", 1044: "bash-5.2-1.fc43.src.rpm", 1047: []string{"bash", "config(bash)"},
		1049: []string{"libc.so.6()(64bit)", "rpmlib(CompressedFileNames)", "/bin/sh"}, 1116: []uint32{0, 0, 1}, 1117: []string{"bash", "sh", strings.Repeat("long", 400)},
		1118: []string{"/usr/bin/", "/etc/"},
	}, 1000, 1001, 1002, 1003, 1004, 1011, 1014, 1020, 1022, 1044, 1047, 1049, 1116, 1117, 1118)
}

func glibc() []byte {
	return rpm(map[uint32]any{1000: "glibc", 1001: "2.42", 1002: "4.fc43", 1022: "x86_64", 1047: []string{"libc.so.6()(64bit)"}, 1014: "LGPLv2+ and others"}, 1000, 1001, 1002, 1014, 1022, 1047)
}

func key() []byte {
	return rpm(map[uint32]any{1000: "gpg-pubkey", 1001: "abc", 1002: "def"}, 1000, 1001, 1002)
}

const rpmPath = "usr/lib/sysimage/rpm/rpmdb.sqlite"

// Packages of RPM come with the layer whose database lists them first, with an epoch
// in the version, and own their files.
func TestRPM(t *testing.T) {
	l := imagetest.New()
	release := imagetest.Entry{Name: "etc/os-release", Body: "ID=fedora\nVERSION_ID=43\n"}
	dir := l.Add(l.Image("linux/amd64",
		[]imagetest.Entry{release, {Name: rpmPath, Body: string(sqlite(glibc(), key()))}},
		[]imagetest.Entry{{Name: "bin", Link: "usr/bin"}, {Name: "usr/bin/bash", Body: "x"}, {Name: rpmPath, Body: string(sqlite(glibc(), key(), bash()))}, {Name: rpmPath + "-wal"}},
	)).Write(t.TempDir())
	b := bom(t, dir)
	valid(t, document(t, b))
	const want = `container image 
  platform: linux/amd64
  files: 4
  files:unaccounted: 1
operating-system fedora 43
  at etc/os-release of layer 0
library bash 1:5.2-1.fc43
  pkg:rpm/fedora/bash@5.2-1.fc43?arch=x86_64&distro=fedora-43&epoch=1
  by Fedora Project
  licence GPL-3.0-or-later
  website https://bash.example/
  grade: observed
  source: bash-5.2-1.fc43
  at usr/lib/sysimage/rpm/rpmdb.sqlite of layer 1
library glibc 2.42-4.fc43
  pkg:rpm/fedora/glibc@2.42-4.fc43?arch=x86_64&distro=fedora-43
  licence named "LGPLv2+ and others"
  grade: observed
  at usr/lib/sysimage/rpm/rpmdb.sqlite of layer 0
image -> os:fedora@43
image -> pkg:rpm/fedora/bash@5.2-1.fc43?arch=x86_64&distro=fedora-43&epoch=1
pkg:rpm/fedora/bash@5.2-1.fc43?arch=x86_64&distro=fedora-43&epoch=1 -> pkg:rpm/fedora/glibc@2.42-4.fc43?arch=x86_64&distro=fedora-43
incomplete: parts of image
complete: dependencies of pkg:rpm/fedora/bash@5.2-1.fc43?arch=x86_64&distro=fedora-43&epoch=1
complete: dependencies of pkg:rpm/fedora/glibc@2.42-4.fc43?arch=x86_64&distro=fedora-43
incomplete: dependencies of image
unknown: dependencies of os:fedora@43
`
	if got := show(b); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// Changes beside a database are named as unread. An empty file is no database.
func TestRPMUnread(t *testing.T) {
	const name = "usr/lib/sysimage/rpm/rpmdb.sqlite-wal"
	b := bom(t, one(t, imagetest.Entry{Name: name, Body: "x"}))
	want := name + ": malformed text: changes of RPM's database, which are not read"
	if got := property(b.Metadata.Component, image.PropertyUnread); got != want || (*b.Compositions)[0].Aggregate != cdx.CompositionAggregateIncomplete {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range []string{"var/lib/rpm/Packages", "var/lib/rpm/Packages.db", name} {
		if b := bom(t, one(t, imagetest.Entry{Name: name})); property(b.Metadata.Component, image.PropertyUnread) != "" {
			t.Errorf("%s is empty and said to hold something", name)
		}
	}
}

// A database that lies about itself is refused, and never a short list.
func TestRPMRefused(t *testing.T) {
	change := func(at int, to ...byte) []byte {
		data := sqlite(glibc(), bash())
		copy(data[at:], to)
		return data
	}
	headless := func(change func(b []byte)) []byte {
		h := glibc()
		change(h)
		return sqlite(h)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"no database", []byte(strings.Repeat("x", 200)), "no SQLite database"},
		{"a short one", []byte("SQLite format 3\x00"), "a SQLite database of 16 bytes"},
		{"a page size that is none", change(16, 0, 3), "with pages of 3 bytes"},
		{"reserved space without end", change(20, 255), "with pages of 512 bytes"},
		{"text in UTF-16", change(59, 2), "whose text is not UTF-8"},
		{"no table", []byte(strings.Replace(string(sqlite(glibc())), "Packages", "packages", 1)), "without the table Packages"},
		{"a root outside", change(pageSize+8, 0, 0, 1, 0), "page 256 of a SQLite database has no place"},
		{"a circle", change(pageSize+8, 0, 0, 0, 2), "page 2 of a SQLite database has no place, or more than one"},
		{"an index in its place", change(pageSize, 2), "page 2 of a SQLite database is of the kind 2"},
		{"cells without end", change(pageSize+3, 255, 255), "with 65535 cells"},
		{"a cell outside", change(pageSize+12, 255, 255), "has a cell outside of it"},
		{"a header that is short", sqlite([]byte{0, 0, 0}), "an RPM header of 3 bytes"},
		{"a header that says more", headless(func(b []byte) { b[3]++ }), "which says that it has 7 tags"},
		{"a tag twice", headless(func(b []byte) { copy(b[8+16:], b[8:8+4]) }), "has the tag 1000 twice"},
		{"a value outside", headless(func(b []byte) { b[8+8] = 0x7f }), "has a value of the tag 1000 outside of it"},
		{"values without end", headless(func(b []byte) { b[8+12] = 0x7f }), "has a value of the tag 1000 outside of it, or 2130706433 of them"},
		{"no name", sqlite(rpm(map[uint32]any{1001: "1", 1002: "1"}, 1001, 1002)), "a package without name and version"},
		{"a file in no folder", sqlite(rpm(map[uint32]any{1000: "a", 1001: "1", 1002: "1", 1116: []uint32{7}, 1117: []string{"f"}, 1118: []string{"/"}}, 1000, 1001, 1002, 1116, 1117, 1118)), "a file in a folder that it does not name"},
		{"files and folders that do not match", sqlite(rpm(map[uint32]any{1000: "a", 1001: "1", 1002: "1", 1117: []string{"f"}}, 1000, 1001, 1002, 1117)), "with 1 names of files in 0 folders"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := image.BOMs(t.Context(), one(t, imagetest.Entry{Name: rpmPath, Body: string(c.data)}))
			if err == nil || !strings.Contains(err.Error(), rpmPath+": malformed text: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	// Cut off or changed anywhere: a list, or a refusal, and no panic.
	whole := sqlite(bash())
	for i := 0; i < len(whole); i += 5 {
		for _, data := range [][]byte{whole[:i], append(append(append([]byte(nil), whole[:i]...), whole[i]^0x81), whole[i+1:]...)} {
			archive, _ := imagetest.Docker("linux/amd64", "a", []imagetest.Entry{{Name: rpmPath, Body: string(data)}})
			if boms, err := (image.Options{}).BOMsAt(t.Context(), bytes.NewReader(archive), int64(len(archive))); err == nil {
				document(t, boms[0])
			} else if !strings.Contains(err.Error(), rpmPath+": ") {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
}
