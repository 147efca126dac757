package oci_test

import (
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/touchmark-go/touchmark/sign/store/oci"
)

// What tags name is what the registry says now, after one was re-pointed too; tags that
// keep evidence are none.
func TestTags(t *testing.T) {
	name, _ := serve(t, false, nil)
	one := push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Annotations: map[string]string{"v": "1"}}, "1.0.0")
	push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Annotations: map[string]string{"v": "1"}}, "stable")
	two := push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Annotations: map[string]string{"v": "2"}}, "stable")
	push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}, "sha256-"+strings.Repeat("1", 64)+".att")
	r, err := oci.Options{InsecureHTTP: true}.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["1.0.0"] != one || got["stable"] != two {
		t.Errorf("%v, want 1.0.0 at %s and stable at %s", got, one, two)
	}
}
