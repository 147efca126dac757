package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/provenance"
)

// Statement makes a statement of bom about the artifact in its main component:
// the subject has the main component's name and its digests by sha256, sha384
// and sha512, and the predicate is the document as [Write] writes it. A BOM
// that is bound to no artifact by one of these is refused, for it could be put
// beside any.
func Statement(bom *cdx.BOM) (*provenance.Statement, error) {
	digests := artifactDigests(bom)
	if len(digests) == 0 {
		return nil, errors.New("the main component of the BOM has no SHA-256, SHA-384 or SHA-512, want one at least")
	}
	var b bytes.Buffer
	if err := Write(&b, bom); err != nil {
		return nil, err
	}
	subject := provenance.ResourceDescriptor{Name: bom.Metadata.Component.Name, Digest: provenance.Set(digests...)}
	return provenance.New(PredicateType, json.RawMessage(bytes.TrimSpace(b.Bytes())), subject)
}

// artifactDigests are the strong, well-formed digests in the main component.
// Two that differ by one algorithm are none.
func artifactDigests(bom *cdx.BOM) []provenance.Digest {
	if bom == nil || bom.Metadata == nil || bom.Metadata.Component == nil || bom.Metadata.Component.Hashes == nil {
		return nil
	}
	var digests []provenance.Digest
	for _, h := range hashNames {
		var found []provenance.Digest
		for _, hash := range *bom.Metadata.Component.Hashes {
			if hash.Algorithm != h.name {
				continue
			}
			d, err := provenance.ParseDigest(h.algorithm + ":" + strings.ToLower(hash.Value))
			if err != nil || len(found) > 0 && found[0] != d {
				return nil
			}
			found = append(found, d)
		}
		if len(found) > 0 {
			digests = append(digests, found[0])
		}
	}
	return digests
}
