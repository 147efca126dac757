package ocilayout

import (
	"archive/tar"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
)

// TestAdvisories is what went wrong in others who read images, each as the image
// that it was about.
func TestAdvisories(t *testing.T) {
	layers := func(layers ...[]entry) func() []byte {
		return func() []byte {
			l := imagetest.New()
			return l.Add(l.Image("linux/amd64", layers...)).Tar()
		}
	}
	document := func(mediaType, text string) func() []byte {
		return func() []byte {
			l := imagetest.New()
			return l.Add(l.Blob(mediaType, []byte(text))).Tar()
		}
	}
	const empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	config := fmt.Sprintf(`{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2}`, empty)
	for name, test := range map[string]struct {
		image func() []byte
		want  error
	}{
		// stereoscope: a member of the archive is written where it says.
		"CVE-2024-24579": {func() []byte {
			l := imagetest.New()
			l.Add(l.Image("linux/amd64"))
			return imagetest.Tar(append(dot(l), entry{Name: "../../evil"})...)
		}, ErrMalformed},
		// "Zip slip" in a layer, and through a link that the layer makes first.
		"zip slip":        {layers([]entry{{Name: "../../etc/cron.d/evil"}}), ErrMalformed},
		"link slip":       {layers([]entry{{Name: "lib", Link: "../../../../usr/lib"}, {Name: "lib/evil", Body: "x"}}), nil}, // it stays inside
		"up a link":       {layers([]entry{{Name: "a", Link: "/"}, {Name: "a/../b"}}), ErrMalformed},
		"hard link slip":  {layers([]entry{{Name: "passwd", Link: "../../../etc/passwd", Type: tar.TypeLink}}), ErrMalformed},
		"symlink circles": {layers([]entry{{Name: "a", Link: "b"}, {Name: "b", Link: "a"}, {Name: "a/c"}}), ErrMalformed},
		// distribution and containerd: one digest, two meanings.
		"GHSA-qq97-vm5h-rrhg": {document(MediaTypeManifest, `{"schemaVersion":2,"config":`+config+`,"layers":[],"manifests":[]}`), ErrMalformed},
		"GHSA-5j5w-g665-5m35": {document(MediaTypeIndex, `{"schemaVersion":2,"config":`+config+`,"layers":[],"manifests":[]}`), ErrMalformed},
		// containers/image: a digest that is no digest becomes a path.
		"CVE-2024-3727": {document(MediaTypeManifest, `{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:../../../../etc/shadow","size":1},"layers":[]}`), ErrMalformed},
		// trivy: a bomb in a layer. Here the limit is made smaller, not the bomb.
		"CVE-2026-54448": {layers([]entry{{Name: "zeros", Body: strings.Repeat("\x00", 4<<20)}}), ErrLimit},
		// kyverno: content that is not what its digest says is believed.
		"CVE-2022-47633": {func() []byte {
			l := imagetest.New()
			d := l.Image("linux/amd64", []entry{{Name: "a"}})
			other := l.Image("linux/amd64", []entry{{Name: "b"}})
			l.Files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")] = l.Files["blobs/sha256/"+strings.TrimPrefix(other.Digest, "sha256:")]
			return l.Add(d).Tar()
		}, ErrMismatch},
		// kyverno: more manifests than anybody needs.
		"CVE-2023-42813": {func() []byte {
			l := imagetest.New()
			return l.Add(many(l.Image("linux/amd64"), MaxManifests+1)...).Tar()
		}, ErrLimit},
		// tar readers that do not agree on what a sparse file, or a size, is.
		"sparse differences": {layers([]entry{{Type: tar.TypeXGlobalHeader, PAX: map[string]string{"size": "0"}}, {Name: "a", Body: "A"}}), ErrMalformed},
		"nothing wrong":      {layers([]entry{{Name: "a", Body: "A"}}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := openBytes(test.image())
			if err == nil {
				a.limits = limits{entries: 1000, names: 1 << 20, expanded: 1 << 30, free: 1 << 20, ratio: 10}
				for _, m := range a.Images() {
					if _, err = a.Tree(t.Context(), m); err != nil {
						break
					}
				}
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}
