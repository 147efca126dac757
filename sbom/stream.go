package sbom

import (
	"fmt"
	"io"
	"iter"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxjson"
)

// MaxPart is how many bytes one [Part] of a document may have that [Scan] reads.
const MaxPart = cdxjson.MaxPart

// A Part is one part of a document: an item of one of the lists that can be
// long, or any other member as a whole. Exactly one of the pointers is set, and
// what it points to is the caller's to keep.
type Part struct {
	// Member is the member of the document, "components", and Index the item of
	// its list, from 0, or -1 if the part is the whole member.
	Member string
	Index  int
	// Line is where the part begins, from 1.
	Line int

	Component     *cdx.Component
	Service       *cdx.Service
	Dependency    *cdx.Dependency
	Composition   *cdx.Composition
	Vulnerability *cdx.Vulnerability
	// Rest holds any other member ("metadata", "serialNumber", …) alone in a
	// document, beside the SpecVersion, which every Rest has.
	Rest *cdx.BOM

	// Losses is what [Read] would tell about the part.
	Losses []Loss
}

// Pointer is the JSON pointer to the part in its document.
func (p Part) Pointer() string {
	if p.Index < 0 {
		return "/" + p.Member
	}
	return fmt.Sprintf("/%s/%d", p.Member, p.Index)
}

// Scan reads a CycloneDX JSON document of any size part by part, in the order
// of the document, and is as strict as [Parse]. It holds one part at a time, of
// [MaxPart] bytes at most, and a hash of each item, so that one that stands
// twice is seen: 8 to 16 bytes an item, and no more than 4 MiB for each
// gigabyte if r is an [io.Seeker] at the document's beginning: then a document
// of over 128 MiB may be read a second time, after its last part, for items that
// the first reading could not tell apart.
//
// A part obeys the schema when it is yielded. That the document as a whole does
// is known when the sequence ends without an error; an error is its last pair,
// with a zero Part. Breaking out of the loop ends the reading, with nothing known
// about the rest. A document that cannot be read again must have its specVersion
// within its first 256 KiB.
func Scan(r io.Reader) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		err := cdxjson.Scan(r, func(p *cdxjson.Part) bool {
			return yield(Part{Member: p.Member, Index: p.Index, Line: p.Line, Component: p.Component, Service: p.Service, Dependency: p.Dependency,
				Composition: p.Composition, Vulnerability: p.Vulnerability, Rest: p.Rest, Losses: lossesOf(p.Lost)}, nil)
		})
		if err != nil {
			yield(Part{}, fmt.Errorf("BOM: %w", err))
		}
	}
}
