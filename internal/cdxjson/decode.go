package cdxjson

import (
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// Decode reads a document of which s is all. Its strings are parts of s, so
// that s is kept as long as one of them is. Lost names what the document says
// and cyclonedx-go's structs have no place for, in the order of the document;
// that an empty string or a false of an optional member was there is not told.
func Decode(s string) (bom *cdx.BOM, lost []Lost, err error) {
	if err := checkSize(s); err != nil {
		return nil, nil, err
	}
	v, err := versionOf(s)
	if err != nil {
		return nil, nil, err
	}
	d := decoder{s: s}
	bom = &cdx.BOM{}
	d.readBOM(bom, cdxschema.Of(v))
	d.end()
	if err := d.located(); err != nil {
		return nil, nil, err
	}
	if bom.Version == 0 && v >= 5 {
		bom.Version = 1 // the schema's default: it allows no 0
	}
	return bom, d.losses(), nil
}

// losses completes what is lost with its places.
func (d *decoder) losses() []Lost {
	if len(d.lost) == 0 {
		return nil
	}
	offsets := make([]int, len(d.lost))
	for i, l := range d.lost {
		offsets[i] = l.offset
	}
	for i, pointer := range pointers(d.s, offsets) {
		d.lost[i].Pointer = strings.Clone(pointer)
	}
	return d.lost
}

func checkSize(s string) error {
	if len(s) > MaxSize {
		return &Error{Line: 1, Column: 1, Msg: fmt.Sprintf("want at most %d bytes, found %d", MaxSize, len(s)), limit: true}
	}
	return nil
}
