package oci_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// TestRealRegistries does what the other tests do, on one registry with the referrers API and on the CNCF's, which has
// none: evidence of an image and of a file, many who push at once, blobs, and from one to the other by a folder.
func TestRealRegistries(t *testing.T) {
	integration.Need(t)
	var images []provenance.Digest
	names := []string{integration.StartRegistry(t) + "/team/app", integration.StartDistribution(t) + "/team/app"}
	for i, name := range names {
		image := push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}, "")
		images = append(images, image)
		r := open(t, name)
		var want []*sign.Bundle
		var wg sync.WaitGroup
		for n := range 8 {
			b := evidence(t, fmt.Sprintf("person %d of %d", n, i), image)
			want = append(want, b)
			wg.Go(func() {
				if err := open(t, name).Push(t.Context(), image, b); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := found(t, r, image); !slices.Equal(got, lines(t, want...)) {
			t.Errorf("%d: %d are there, want %d", i, len(got), len(want))
		}
		app := provenance.SumSHA256([]byte("app"))
		if got := found(t, r, app); got != nil {
			t.Errorf("%d: about what is not there: %q", i, got)
		}
		if _, err := r.PutBlob(t.Context(), strings.NewReader("app")); err != nil {
			t.Fatal(err)
		}
		a := evidence(t, "alice", app)
		if err := r.Push(t.Context(), app, a, a); err != nil {
			t.Fatal(err)
		}
		if got := found(t, r, app); !slices.Equal(got, lines(t, a)) {
			t.Errorf("%d: about a file: %q", i, got)
		}
		blob, err := r.Blob(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(blob); err != nil || string(data) != "app" {
			t.Errorf("%d: the file is %q, %v", i, data, err)
		}
		blob.Close()
	}
	folder, err := store.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	options := store.CopyOptions{Subjects: images[:1]}
	for _, step := range []struct{ to, from store.Store }{{folder, open(t, names[1])}, {open(t, names[0]), folder}} {
		if done, err := options.Copy(t.Context(), step.to, step.from); err != nil || done.Bundles < 8 {
			t.Errorf("%+v, %v", done, err)
		}
	}
	if got := found(t, open(t, names[0]), images[0]); len(got) != 16 {
		t.Errorf("%d arrived, want those of both", len(got))
	}
}
