package sign

import (
	"fmt"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A collection is a document of another's that holds several pieces of
// evidence: npm's attestations, or the provenance of Google Cloud Build. What
// it says around them nobody signed, and it is not looked at.
type collection struct {
	is, both bool
	found    []*Bundle
	over     bool // there were more than MaxLines
}

// isCollection reports whether a member of a document, whose value begins so,
// makes it a collection.
func isCollection(name []byte, kind byte) bool {
	return string(name) == "attestations" && kind == '[' || string(name) == "provenance_summary" && kind == '{'
}

func (c *collection) member(s *strictjson.Scanner, name []byte) error {
	c.both, c.is = c.both || c.is, true
	if string(name) == "attestations" {
		return c.list(s, "/attestations", "bundle")
	}
	return s.Object(func(name []byte) error {
		if string(name) != "provenance" {
			return skipUnknown(s, name, false, "provenance")
		}
		return c.list(s, "/provenance_summary/provenance", "envelope")
	})
}

// list reads the elements of an array, each an object whose member inner is
// signed.
func (c *collection) list(s *strictjson.Scanner, pointer, inner string) error {
	return s.Array(func(i int) error {
		b := &Bundle{Err: fmt.Errorf("want member %q in it, found none: nobody vouches for it", inner)}
		err := s.Object(func(name []byte) error {
			if string(name) != inner {
				return skipUnknown(s, name, false, inner)
			}
			data, err := s.Raw()
			if err == nil {
				b = piece(data, inner)
			}
			return err
		})
		if len(c.found) == MaxLines {
			c.over = true
			return err
		}
		b.Origin = fmt.Sprintf("%s/%d", pointer, i)
		c.found = append(c.found, b)
		return err
	})
}

// piece reads one of them, which is a Sigstore bundle or an envelope and no
// collection again.
func piece(data []byte, inner string) *Bundle {
	found := parse(data)
	b := found[0]
	want := map[string]Format{"bundle": Sigstore, "envelope": DSSE}[inner]
	switch {
	case len(found) > 1 || strings.HasPrefix(b.Origin, "/"):
		return &Bundle{Err: fmt.Errorf("member %q holds evidence of several kinds", inner)}
	case b.Err == nil && b.Format != want:
		return &Bundle{Err: fmt.Errorf("member %q is a %s, want a %s", inner, b.Format, want)}
	}
	return b
}

func (c *collection) all(s *strictjson.Scanner) ([]*Bundle, error) {
	if c.over {
		c.found = append(c.found, &Bundle{Err: s.FailLimit("more than %d attestations", MaxLines)})
	}
	if len(c.found) == 0 {
		return nil, s.Fail("want signed attestations, found an empty list of them")
	}
	return c.found, nil
}
