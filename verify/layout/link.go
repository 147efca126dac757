package layout

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// Artifacts are files and what they hash to, by name. Names are clean
// slash-separated paths.
type Artifacts map[string]provenance.DigestSet

// A link says what one step took and made (in-toto specification 4.4).
type link struct {
	Type        string          `json:"_type"`
	Name        string          `json:"name"`
	Materials   Artifacts       `json:"materials"`
	Products    Artifacts       `json:"products"`
	ByProducts  json.RawMessage `json:"byproducts"`
	Command     []string        `json:"command"`
	Environment json.RawMessage `json:"environment"`
}

func parseLink(body []byte) (*link, error) {
	l := &link{}
	if err := strictjson.UnmarshalClosed(body, l); err != nil {
		return nil, err
	}
	var err error
	if l.Materials, err = l.Materials.clean(); err != nil {
		return nil, fmt.Errorf("materials of %q: %w", l.Name, err)
	}
	if l.Products, err = l.Products.clean(); err != nil {
		return nil, fmt.Errorf("products of %q: %w", l.Name, err)
	}
	return l, nil
}

// clean is a with its names cleaned, so that dir/../foo and ./foo are foo to
// every rule (CVE-2021-41087). Two names for one file, a name that some systems
// read otherwise, and a file that nothing strong names are errors.
func (a Artifacts) clean() (Artifacts, error) {
	out := make(Artifacts, len(a))
	for _, name := range slices.Sorted(maps.Keys(a)) {
		digests, at := a[name], path.Clean(name)
		switch {
		case name == "" || at == "." || strings.ContainsAny(name, "\\\x00"):
			return nil, fmt.Errorf("%q is no file name that means the same everywhere", name)
		case digests.Validate() != nil:
			return nil, fmt.Errorf("%q: %w", name, digests.Validate())
		case digests.Match(digests) != provenance.Matched:
			return nil, fmt.Errorf("%q has no strong digest", name)
		}
		if _, twice := out[at]; twice {
			return nil, fmt.Errorf("%q stands here under two names", at)
		}
		out[at] = digests
	}
	return out, nil
}

// equal reports whether both name the same files with the same digests, by the
// same algorithms: what only some algorithms say, others may contradict.
func (a Artifacts) equal(b Artifacts) bool {
	return maps.EqualFunc(a, b, func(x, y provenance.DigestSet) bool { return maps.Equal(x, y) })
}

// subjects are the files as in-toto's attestation framework names them, sorted.
func (a Artifacts) subjects() []provenance.ResourceDescriptor {
	out := make([]provenance.ResourceDescriptor, 0, len(a))
	for _, name := range slices.Sorted(maps.Keys(a)) {
		out = append(out, provenance.ResourceDescriptor{Name: name, Digest: a[name]})
	}
	return out
}
