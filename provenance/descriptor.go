package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// A ResourceDescriptor names a thing (in-toto attestation framework v1,
// ResourceDescriptor). With a digest it denotes something immutable, and the
// digest alone is what it is matched by: Name and URI only help a person to
// find it. The zero ResourceDescriptor names nothing.
type ResourceDescriptor struct {
	// Name tells it from others in the same place: a path with forward slashes,
	// a module path. It is no evidence of anything.
	Name string `json:"name,omitempty"`
	// URI identifies it globally: a package URL, "git+https://…@refs/heads/main".
	URI string `json:"uri,omitempty"`
	// Digest is its content by one algorithm or several.
	Digest DigestSet `json:"digest,omitempty"`
	// Content is its content itself, and should be under 1 KB.
	Content []byte `json:"content,omitempty"`
	// DownloadLocation is where it was fetched from. Nothing here follows it.
	DownloadLocation string `json:"downloadLocation,omitempty"`
	// MediaType is what Content or the thing at DownloadLocation is.
	MediaType string `json:"mediaType,omitempty"`
	// Annotations are more facts about it, each a JSON value.
	Annotations map[string]json.RawMessage `json:"annotations,omitempty"`
}

// Limits of in-toto material (DESIGN, "Limits"). There are no knobs.
const (
	maxSubjects  = 1024
	maxDigests   = 32
	maxStatement = 16 << 20 // bytes: as much as an envelope may have
)

// validate reports what is wrong with d, by JSON pointer below at. The
// annotations go through check.
func (d *ResourceDescriptor) validate(at string, check func([]byte) error) error {
	if d.Name == "" && d.URI == "" && len(d.Digest) == 0 && len(d.Content) == 0 {
		return fmt.Errorf("%s has no name, uri, digest or content, want one at least", at)
	}
	if len(d.Digest) > maxDigests {
		return limitError(at+"/digest", len(d.Digest), maxDigests, "digests")
	}
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("%s/digest: %w", at, err)
	}
	for _, f := range []struct{ name, value string }{
		{"name", d.Name}, {"uri", d.URI}, {"downloadLocation", d.DownloadLocation}, {"mediaType", d.MediaType},
	} {
		if !utf8.ValidString(f.value) {
			return fmt.Errorf("%s/%s is %s, want valid UTF-8", at, f.name, quote(f.value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Annotations)) {
		if !utf8.ValidString(name) {
			return fmt.Errorf("%s/annotations has the name %s, want valid UTF-8", at, quote(name))
		}
		if err := check(d.Annotations[name]); err != nil {
			return fmt.Errorf("%s/annotations, %s: %w", at, quote(name), err)
		}
	}
	return nil
}

// canonical is d as we write it, sharing nothing that is changed.
func (d ResourceDescriptor) canonical() ResourceDescriptor {
	d.Digest = d.Digest.canonical()
	return d
}

func canonicalAll(ds []ResourceDescriptor) []ResourceDescriptor {
	c := slices.Clone(ds)
	for i := range c {
		c[i] = c[i].canonical()
	}
	return c
}

// encode is JSON without HTML escapes and without the final newline.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
