package oci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/store/oci"
)

// What is in a layout is found there: referrers, what cosign saved, and BuildKit's claims apart from both.
func TestLayout(t *testing.T) {
	l := imagetest.New()
	image := l.Image("linux/amd64", []imagetest.Entry{{Name: "bin/app", Body: "app"}})
	about, err := provenance.ParseDigest(image.Digest)
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := evidence(t, "alice", about), evidence(t, "bob", about)
	artifact := func(subject any, mediaType string, texts ...string) imagetest.Descriptor {
		var layers []imagetest.Descriptor
		for _, text := range texts {
			layers = append(layers, l.Blob(mediaType, []byte(text)))
		}
		m := imagetest.Manifest(l.Blob("application/vnd.oci.empty.v1+json", []byte("{}")), layers...)
		m["artifactType"] = mediaType
		if subject != nil {
			m["subject"] = subject
		}
		return l.Document("application/vnd.oci.image.manifest.v1+json", m)
	}
	saved := artifact(nil, dsse, lines(t, bob)...)
	saved.Annotations = map[string]string{"kind": "dev.cosignproject.cosign/atts"}
	elsewhere := image
	elsewhere.Digest = imagetest.Sum([]byte("another"))
	l.Add(image, artifact(image, dsse, lines(t, alice)...), saved, artifact(elsewhere, dsse, lines(t, alice)...), artifact(image, dsse, "no envelope"))

	layout, err := oci.OpenLayout(l.Write(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	bundles, err := layout.Bundles(t.Context(), about)
	if err != nil {
		t.Fatal(err)
	}
	got, want := lines(t, bundles...), lines(t, alice, bob)
	if len(got) != 3 || !strings.HasPrefix(got[0], "! ") || !slices.Equal(got[1:], want) {
		t.Errorf("found %q, want %q and one that is none", got, want)
	}
	if claims, err := layout.Claims(t.Context(), about); err != nil || claims != nil {
		t.Errorf("claims: %v, %v", claims, err)
	}
	if _, err := oci.OpenLayout(t.TempDir()); err == nil {
		t.Error("an empty folder: no error")
	}
}

// What BuildKit puts beside an image is signed by nobody, and comes as a claim.
func TestClaims(t *testing.T) {
	l := imagetest.New()
	image := l.Image("linux/amd64", []imagetest.Entry{{Name: "bin/app", Body: "app"}})
	about, err := provenance.ParseDigest(image.Digest)
	if err != nil {
		t.Fatal(err)
	}
	statement := string(evidence(t, "buildkit", about).UnverifiedPayload())
	manifest := imagetest.Manifest(l.Document("application/vnd.oci.image.config.v1+json", imagetest.Config("unknown/unknown", imagetest.Sum([]byte(statement)), imagetest.Sum([]byte("{}")))),
		l.Blob("application/vnd.in-toto+json", []byte(statement)), l.Blob("application/vnd.in-toto+json", []byte("{}")))
	unsigned := l.Document("application/vnd.oci.image.manifest.v1+json", manifest)
	unsigned.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.Digest}
	l.Add(l.Index(image, unsigned))
	layout, err := oci.OpenLayout(l.Write(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	claims, err := layout.Claims(t.Context(), about)
	if err != nil || len(claims) != 2 || claims[0].Err != nil || claims[0].Statement.PredicateType != "https://example.com/note/v1" || claims[1].Err == nil {
		t.Errorf("%+v, %v, want a statement and an error", claims, err)
	}
	if bundles, err := layout.Bundles(t.Context(), about); err != nil || bundles != nil {
		t.Errorf("it was taken for evidence: %q, %v", lines(t, bundles...), err)
	}
	other, err := provenance.ParseDigest(imagetest.Sum([]byte("another")))
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := layout.Claims(t.Context(), other); err != nil || claims != nil {
		t.Errorf("about another: %+v, %v", claims, err)
	}
}
