package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// The tags of an RPM header that are read (rpm, "Package Tags").
const (
	rpmName         = 1000
	rpmVersion      = 1001
	rpmRelease      = 1002
	rpmEpoch        = 1003
	rpmSummary      = 1004
	rpmVendor       = 1011
	rpmLicense      = 1014
	rpmURL          = 1020
	rpmArch         = 1022
	rpmSource       = 1044
	rpmProvideName  = 1047
	rpmRequireName  = 1049
	rpmDirIndexes   = 1116
	rpmBaseNames    = 1117
	rpmDirNames     = 1118
	maxHeaderTags   = 10_000
	maxHeaderValues = 2_000_000
)

// isRPM reports whether a path is that of RPM's database: in SQLite's format, in
// Berkeley DB's (Packages), in its own (Packages.db), or of changes beside the first.
func isRPM(name string) bool {
	for _, folder := range []string{"var/lib/rpm/", "usr/lib/sysimage/rpm/"} {
		switch strings.TrimPrefix(name, folder) {
		case "rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages", "Packages.db":
			return true
		}
	}
	return false
}

// rpmHeaders calls each for every header of a database, whose format its name says.
func rpmHeaders(file string, r io.ReaderAt, size int64, each func([]byte) error) error {
	switch path.Base(file) {
	case "Packages":
		b, err := openBerkeley(r, size)
		if err != nil {
			return err
		}
		return b.headers(each)
	case "Packages.db":
		return ndbHeaders(r, size, each)
	}
	t, err := openTables(r, size)
	if err != nil {
		return err
	}
	return t.rows("Packages", func(values [][]byte) error {
		if len(values) != 2 {
			return fmt.Errorf("%w: a row of %d values, want 2", errText, len(values))
		}
		return each(values[1])
	})
}

// parseRPM reads RPM's database: a header for each package. The keys that packages
// are signed by stand among them and are none.
func parseRPM(file string, r io.ReaderAt, size int64, each func(*pkg) error, owns func(path string) error) error {
	err := rpmHeaders(file, r, size, func(data []byte) error {
		h, err := parseHeader(data)
		if err != nil {
			return err
		}
		p := h.pkg()
		if p.name == "gpg-pubkey" {
			return nil
		}
		if p.name == "" || p.version == "" {
			return fmt.Errorf("%w: a package without name and version", errText)
		}
		err = h.files(func(name string) error {
			p.provides = append(p.provides, commands(name)...)
			return owns(name)
		})
		if err != nil {
			return err
		}
		return each(p)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// commands are the names by which packages require a file that is a command: where
// bin is a link to usr/bin, both.
func commands(name string) []string {
	if rest, ok := strings.CutPrefix(name, "/usr"); ok && (strings.HasPrefix(rest, "/bin/") || strings.HasPrefix(rest, "/sbin/")) {
		return []string{name, rest}
	}
	if strings.HasPrefix(name, "/bin/") || strings.HasPrefix(name, "/sbin/") {
		return []string{name}
	}
	return nil
}

// A header is what RPM knows of a package: values by tag.
type header struct {
	entries map[uint32]headerEntry
	data    []byte
}

type headerEntry struct{ kind, offset, count uint32 }

// parseHeader reads a header without its magic, as the database holds it: two
// numbers, an index, and the values (rpm, "RPM V4 Package format", "Header").
func parseHeader(b []byte) (header, error) {
	bad := func(format string, args ...any) (header, error) {
		return header{}, fmt.Errorf("%w: an RPM header %s", errText, fmt.Sprintf(format, args...))
	}
	if len(b) < 8 {
		return bad("of %d bytes", len(b))
	}
	tags, length := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	b = b[8:]
	if tags > maxHeaderTags || uint64(tags)*16+uint64(length) != uint64(len(b)) {
		return bad("of %d bytes, which says that it has %d tags and %d bytes of values", len(b)+8, tags, length)
	}
	h := header{entries: make(map[uint32]headerEntry, tags), data: b[tags*16:]}
	for i := range tags {
		e := b[i*16:]
		tag := binary.BigEndian.Uint32(e)
		entry := headerEntry{binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
		if tag < 1000 {
			continue // of the header itself, and its signatures
		}
		if _, twice := h.entries[tag]; twice {
			return bad("has the tag %d twice", tag)
		}
		if uint64(entry.offset) > uint64(length) || entry.count > maxHeaderValues {
			return bad("has a value of the tag %d outside of it, or %d of them", tag, entry.count)
		}
		h.entries[tag] = entry
	}
	return h, nil
}

// texts are the values of a tag that is text, one or several.
func (h header) texts(tag uint32) []string {
	e, ok := h.entries[tag]
	if !ok || e.kind != 6 && e.kind != 8 && e.kind != 9 {
		return nil
	}
	var list []string
	rest := h.data[e.offset:]
	for range e.count {
		end := bytes.IndexByte(rest, 0)
		if end < 0 {
			break
		}
		list = append(list, strings.ToValidUTF8(string(rest[:end]), "\ufffd"))
		rest = rest[end+1:]
	}
	return list
}

func (h header) text(tag uint32) string {
	if list := h.texts(tag); len(list) > 0 {
		return list[0]
	}
	return ""
}

// numbers are the values of a tag of 32-bit numbers.
func (h header) numbers(tag uint32) []uint32 {
	e, ok := h.entries[tag]
	if !ok || e.kind != 4 || uint64(e.offset)+4*uint64(e.count) > uint64(len(h.data)) {
		return nil
	}
	list := make([]uint32, e.count)
	for i := range list {
		list[i] = binary.BigEndian.Uint32(h.data[int(e.offset)+4*i:])
	}
	return list
}

func (h header) pkg() *pkg {
	p := &pkg{
		ecosystem: "rpm", name: h.text(rpmName), arch: h.text(rpmArch), supplier: h.text(rpmVendor),
		homepage: h.text(rpmURL), description: h.text(rpmSummary), source: strings.TrimSuffix(h.text(rpmSource), ".src.rpm"),
		provides: h.texts(rpmProvideName), edges: true,
	}
	if version, release := h.text(rpmVersion), h.text(rpmRelease); version != "" && release != "" {
		p.version = version + "-" + release
		if epoch := h.numbers(rpmEpoch); len(epoch) == 1 && epoch[0] != 0 {
			p.version = strconv.FormatUint(uint64(epoch[0]), 10) + ":" + p.version
		}
	}
	if license := h.text(rpmLicense); license != "" {
		p.licenses = []string{license}
	}
	for _, name := range h.texts(rpmRequireName) {
		// What RPM itself can do, and conditions on several packages, which
		// nothing is called.
		if !strings.HasPrefix(name, "rpmlib(") {
			p.requires = append(p.requires, requirement{name})
		}
	}
	return p
}

// files calls owns for every file of a package: folders are named apart.
func (h header) files(owns func(path string) error) error {
	folders, indexes, names := h.texts(rpmDirNames), h.numbers(rpmDirIndexes), h.texts(rpmBaseNames)
	if len(indexes) != len(names) {
		return fmt.Errorf("%w: an RPM header with %d names of files in %d folders", errText, len(names), len(indexes))
	}
	for i, name := range names {
		if uint64(indexes[i]) >= uint64(len(folders)) {
			return fmt.Errorf("%w: an RPM header with a file in a folder that it does not name", errText)
		}
		if err := owns(folders[indexes[i]] + name); err != nil {
			return err
		}
	}
	return nil
}
