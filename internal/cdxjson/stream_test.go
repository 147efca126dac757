package cdxjson

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// gather puts a document together from its parts.
func gather(r io.Reader) (*cdx.BOM, error) {
	bom := &cdx.BOM{}
	err := Scan(r, func(p *Part) bool {
		switch {
		case p.Component != nil:
			*bom.Components = append(*bom.Components, *p.Component)
		case p.Service != nil:
			*bom.Services = append(*bom.Services, *p.Service)
		case p.Dependency != nil:
			*bom.Dependencies = append(*bom.Dependencies, *p.Dependency)
		case p.Composition != nil:
			*bom.Compositions = append(*bom.Compositions, *p.Composition)
		case p.Vulnerability != nil:
			*bom.Vulnerabilities = append(*bom.Vulnerabilities, *p.Vulnerability)
		default:
			b, err := json.Marshal(p.Rest)
			if err == nil {
				err = json.Unmarshal(b, bom)
			}
			return err == nil
		}
		return true
	})
	return bom, err
}

// What is read part by part gets the same verdict, at the same place, as what
// is read at once, however the bytes arrive.
func TestScanAgrees(t *testing.T) {
	for _, doc := range documents(t) {
		_, _, want := Decode(doc.text)
		for name, r := range map[string]io.Reader{"bytes": iotest.OneByteReader(strings.NewReader(doc.text)), "string": strings.NewReader(doc.text)} {
			got := Scan(r, func(*Part) bool { return true })
			if (got == nil) != (want == nil) {
				t.Errorf("%s, %s: %v, want %v", doc.id, name, got, want)
			} else if got != nil && got.Error() != want.Error() {
				t.Logf("%s, %s:\n%v, want\n%v", doc.id, name, got, want)
			}
		}
	}
	_ = testkit.Root
}
