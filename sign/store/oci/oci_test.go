package oci_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/sign/store/oci"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/store/oci", deptest.Budget{Modules: 8, Own: []string{"sign", "sign/store", "provenance"}})
}

// noKey is a signer for evidence whose signature nobody looks at.
type noKey struct{ id string }

func (k noKey) Sign(context.Context, []byte) ([]byte, error) {
	return []byte("signature of " + k.id), nil
}
func (k noKey) KeyID() (string, error) { return k.id, nil }

// evidence makes a bundle about an image, by who.
func evidence(t testing.TB, who string, image provenance.Digest) *sign.Bundle {
	t.Helper()
	s, err := provenance.New("https://example.com/note/v1", map[string]string{"by": who}, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(image)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.Statement(t.Context(), s, noKey{who})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// serve starts a registry with one empty image in it, behind a wrapper that may lie.
func serve(t testing.TB, referrers bool, wrap func(http.Handler) http.Handler) (name string, image provenance.Digest) {
	t.Helper()
	handler := registry.New(registry.WithReferrersSupport(referrers), registry.Logger(log.New(io.Discard, "", 0)))
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	name = strings.TrimPrefix(server.URL, "http://") + "/team/app"
	return name, push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest}, "")
}

func raw(t testing.TB, name string) *remote.Repository {
	t.Helper()
	r, err := remote.NewRepository(name)
	if err != nil {
		t.Fatal(err)
	}
	r.PlainHTTP = true
	return r
}

// push puts a manifest into a registry as others would, with the blobs that it is given.
func push(t testing.TB, name string, m ocispec.Manifest, tag string, blobs ...string) provenance.Digest {
	t.Helper()
	r := raw(t, name)
	m.SchemaVersion = 2
	if m.Config.Digest == "" {
		m.Config = ocispec.DescriptorEmptyJSON
		m.Config.Data = nil
	}
	for _, b := range append(blobs, "{}") {
		d := ocispec.Descriptor{Digest: digest.FromString(b), Size: int64(len(b))}
		if err := r.Blobs().Push(t.Context(), d, strings.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return pushRaw(t, name, data, m.MediaType, tag)
}

func pushRaw(t testing.TB, name string, data []byte, mediaType, tag string) provenance.Digest {
	t.Helper()
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	var err error
	if tag == "" {
		err = raw(t, name).Push(t.Context(), d, bytes.NewReader(data))
	} else {
		err = raw(t, name).PushReference(t.Context(), d, bytes.NewReader(data), tag)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := provenance.ParseDigest(d.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func open(t testing.TB, name string) *oci.Repository {
	t.Helper()
	r, err := oci.Options{InsecureHTTP: true}.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found are the lines of the evidence about an image, sorted, or what is wrong with them.
func found(t testing.TB, s store.Store, image provenance.Digest) []string {
	t.Helper()
	bundles, err := s.Bundles(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	return lines(t, bundles...)
}

func lines(t testing.TB, bundles ...*sign.Bundle) []string {
	t.Helper()
	var all []string
	for _, b := range bundles {
		if b.Err != nil {
			all = append(all, "! "+b.Err.Error())
			continue
		}
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(line))
	}
	slices.Sort(all)
	return all
}

// both runs a test on a registry with the referrers API, and on one without.
func both(t *testing.T, test func(t *testing.T, referrers bool)) {
	for _, referrers := range []bool{true, false} {
		t.Run(map[bool]string{true: "API", false: "tag"}[referrers], func(t *testing.T) { test(t, referrers) })
	}
}

func TestRepository(t *testing.T) {
	both(t, func(t *testing.T, referrers bool) {
		name, image := serve(t, referrers, nil)
		r := open(t, name)
		if got := found(t, r, image); got != nil {
			t.Errorf("before: %q", got)
		}
		a, b := evidence(t, "alice", image), evidence(t, "bob", image)
		for range 2 { // the same again changes nothing
			if err := r.Push(t.Context(), image, a, b, a); err != nil {
				t.Fatal(err)
			}
		}
		want := lines(t, a, b)
		if got := found(t, r, image); !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
		bundles, err := oci.Options{InsecureHTTP: true}.Bundles(t.Context(), name+":latest@"+image.String())
		if err != nil || !slices.Equal(lines(t, bundles...), want) {
			t.Errorf("by its name: %q, %v", lines(t, bundles...), err)
		}
		for _, b := range bundles {
			if !strings.HasPrefix(b.Origin, name+"@sha256:") {
				t.Errorf("origin is %q", b.Origin)
			}
		}
		other := provenance.SumSHA256([]byte("another"))
		if got := found(t, r, other); got != nil {
			t.Errorf("about another: %q", got)
		}
		if err := r.Push(t.Context(), other, a); err == nil || !strings.Contains(err.Error(), "push the image, or the blob, before its evidence") {
			t.Errorf("about an image that is not there: %v", err)
		}
	})
}

// Evidence about a file that is no image is kept beside the blob that it is.
func TestEvidenceOfBlob(t *testing.T) {
	both(t, func(t *testing.T, referrers bool) {
		name, _ := serve(t, referrers, nil)
		r := open(t, name)
		app := provenance.SumSHA256([]byte("app"))
		a, b := evidence(t, "alice", app), evidence(t, "bob", app)
		if err := r.Push(t.Context(), app, a); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before the blob: %v", err)
		}
		if got, err := r.PutBlob(t.Context(), strings.NewReader("app")); err != nil || got != app {
			t.Fatal(got, err)
		}
		if got := found(t, r, app); got != nil {
			t.Errorf("before: %q", got)
		}
		for range 2 {
			if err := r.Push(t.Context(), app, a, b); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := found(t, open(t, name), app), lines(t, a, b); !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
		long, err := provenance.ParseDigest("sha512:" + strings.Repeat("a", 128)) // no tag is that long
		if err != nil {
			t.Fatal(err)
		}
		if got := found(t, r, long); got != nil {
			t.Errorf("about another, by SHA-512: %q", got)
		}
	})
}

// Many who push at once lose nothing, also where the list of referrers is a file that each overwrites.
func TestCrowd(t *testing.T) {
	both(t, func(t *testing.T, referrers bool) {
		name, image := serve(t, referrers, nil)
		var want []*sign.Bundle
		var wg sync.WaitGroup
		for i := range 8 {
			b := evidence(t, fmt.Sprint("person ", i), image)
			want = append(want, b)
			wg.Go(func() {
				if err := open(t, name).Push(t.Context(), image, b); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := found(t, open(t, name), image); !slices.Equal(got, lines(t, want...)) {
			t.Errorf("%d are there, want %d", len(got), len(want))
		}
	})
}

func TestBlobs(t *testing.T) {
	name, _ := serve(t, true, nil)
	r := open(t, name)
	for _, text := range []string{"frozen configuration", strings.Repeat("x", 1<<20), ""} {
		want := provenance.SumSHA256([]byte(text))
		for _, content := range []io.Reader{strings.NewReader(text), io.MultiReader(strings.NewReader(text))} {
			got, err := r.PutBlob(t.Context(), content)
			if err != nil || got != want {
				t.Fatalf("put: %v, %v, want %v", got, err, want)
			}
		}
		blob, err := r.Blob(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(blob)
		if err != nil || string(data) != text {
			t.Errorf("%d bytes, %v, want %d", len(data), err, len(text))
		}
		blob.Close()
		if _, err := raw(t, name).Resolve(t.Context(), "sha256-"+want.Hex()+".blob"); err != nil {
			t.Errorf("no tag keeps it: %v", err)
		}
	}
	if _, err := r.Blob(t.Context(), provenance.SumSHA256([]byte("nowhere"))); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a blob that is not there: %v", err)
	}
}

// Evidence and blobs go from a registry to a folder and on to another registry.
func TestCopy(t *testing.T) {
	from, image := serve(t, true, nil)
	to, _ := serve(t, false, nil)
	a := evidence(t, "alice", image)
	if err := open(t, from).Push(t.Context(), image, a); err != nil {
		t.Fatal(err)
	}
	blob, err := open(t, from).PutBlob(t.Context(), strings.NewReader("a log"))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := store.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	options := store.CopyOptions{Subjects: []provenance.Digest{image}, Blobs: []provenance.Digest{blob}}
	want := store.Progress{Subjects: 1, Bundles: 1, Blobs: 1}
	if done, err := options.Copy(t.Context(), folder, open(t, from)); err != nil || done != want {
		t.Fatalf("%+v, %v", done, err)
	}
	if done, err := store.Copy(t.Context(), open(t, to), folder); err != nil || done != want {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := found(t, open(t, to), image); !slices.Equal(got, lines(t, a)) {
		t.Errorf("arrived: %q", got)
	}
}

// What cosign 2 wrote is under a tag of its own.
func TestAttachments(t *testing.T) {
	name, image := serve(t, true, nil)
	a, b := evidence(t, "alice", image), evidence(t, "bob", image)
	var layers []ocispec.Descriptor
	for _, line := range lines(t, a, b) {
		layers = append(layers, ocispec.Descriptor{MediaType: "application/vnd.dsse.envelope.v1+json", Digest: digest.FromString(line), Size: int64(len(line)),
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": ""}})
	}
	push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: layers}, "sha256-"+image.Hex()+".att", lines(t, a, b)...)
	if got, want := found(t, open(t, name), image), lines(t, a, b); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestNames(t *testing.T) {
	image := provenance.SumSHA256(nil).String()
	for name, want := range map[string]string{
		"registry.example/app:v1":                                "a tag may be another image tomorrow",
		"registry.example/app":                                   "no digest",
		"registry.example/app@sha256:ab":                         "64",
		"registry.example/app@sha1:" + strings.Repeat("a", 40):   "want sha256 or sha512",
		"registry.example/UPPER@" + image:                        "UPPER",
		"registry.example/a/../b@" + image:                       "repository",
		"app@" + image:                                           "repository",
		"https://registry.example/app@" + image:                  "repository",
		"registry.example/app@" + image + "@" + image:            "sha256",
		"user:secret@registry.example/app@" + image:              "digest",
		"registry.example/app\n@" + image:                        "repository",
		"registry.example/app@md5:" + strings.Repeat("a", 32):    "want sha256 or sha512",
		"registry.example/app@sha256:" + strings.Repeat("A", 64): "lower-case",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what is not refused here is asked of nobody
		if _, err := oci.Bundles(ctx, name); err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if _, err := oci.Open("registry.example/app@" + image); err == nil {
		t.Error("a repository with a digest: no error")
	}
}

// A login is for the registry, and for nobody that it sends somebody to.
func TestRedirect(t *testing.T) {
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Authorization", "Cookie"} {
			if v := r.Header.Get(name); v != "" {
				stolen = append(stolen, r.URL.Path+": "+v)
			}
		}
		w.Header().Set("Www-Authenticate", `Bearer realm="`+"http://"+r.Host+`/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer thief.Close()
	var asked bool
	name, _ := serve(t, true, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/sha256:") && r.Method == http.MethodGet {
				if _, _, ok := r.BasicAuth(); !ok {
					w.Header().Set("Www-Authenticate", `Basic realm="x"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				asked = true
				http.Redirect(w, r, thief.URL+"/blob", http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	r, err := oci.Options{InsecureHTTP: true, Credential: func(context.Context, string) (auth.Credential, error) {
		return auth.Credential{Username: "alice", Password: "secret"}, nil
	}}.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Blob(t.Context(), provenance.SumSHA256([]byte("x")))
	if err == nil || !asked || len(stolen) > 0 {
		t.Errorf("logged in: %v, stolen: %q, %v", asked, stolen, err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error holds the password: %v", err)
	}
}

// Without TLS nothing is sent to anybody who was not named so.
func TestPlain(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++ }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	if _, err := oci.Bundles(t.Context(), host+"/app@"+provenance.SumSHA256(nil).String()); err == nil || asked > 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	name, image := serve(t, true, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/referrers/") {
				http.Redirect(w, r, server.URL, http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	if _, err := open(t, name).Bundles(t.Context(), image); err == nil || !strings.Contains(err.Error(), "is not HTTPS") || asked > 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// hostile changes what a registry answers to GET.
func hostile(change func(path string, answer *httptest.ResponseRecorder)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			if r.Method == http.MethodGet {
				change(r.URL.Path, answer)
				answer.Header().Del("Content-Length")
			}
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.Code)
			w.Write(answer.Body.Bytes())
		})
	}
}

// Bad evidence is an entry of its own, beside the good.
func TestBadEvidence(t *testing.T) {
	for name, tt := range map[string]struct {
		add  func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor // to the list
		want string
	}{
		"about another image": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			other := push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: dsse}, "")
			return []ocispec.Descriptor{ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.Digest(other.String()), Size: size(t, name, other), ArtifactType: dsse}}
		}, "is about something else"},
		"not there": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			return []ocispec.Descriptor{ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("nowhere"), Size: 7, ArtifactType: dsse}}
		}, "is listed, and not there"},
		"another size": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			other := push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: dsse}, "")
			return []ocispec.Descriptor{ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.Digest(other.String()), Size: 3, ArtifactType: dsse}}
		}, "bytes, want 3"},
		"a digest that is none": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			return []ocispec.Descriptor{ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: "sha256:../../x", Size: 3, ArtifactType: dsse}}
		}, "its descriptor"},
		"an index": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			return []ocispec.Descriptor{ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromString("x"), Size: 3, ArtifactType: dsse}}
		}, "is listed as"},
		"no layer": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: dsse, Subject: about}, "")
			return nil
		}, "holds no bundle"},
		"no envelope": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: dsse, Subject: about, Layers: []ocispec.Descriptor{
				{MediaType: dsse, Digest: digest.FromString("hello"), Size: 5}}}, "", "hello")
			return nil
		}, "want"},
		"too large": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			big := strings.Repeat("x", sign.MaxEnvelopeSize+1)
			push(t, name, ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: dsse, Subject: about, Layers: []ocispec.Descriptor{
				{MediaType: dsse, Digest: digest.FromString(big), Size: int64(len(big))}}}, "", big)
			return nil
		}, "more than"},
		"a member twice": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			pushRaw(t, name, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":{"mediaType":"x","digest":%q,"size":2},"layers":[],"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
				ocispec.MediaTypeImageManifest, dsse, digest.FromString("{}"), about.MediaType, about.Digest, about.Size), ocispec.MediaTypeImageManifest, "")
			return nil
		}, "duplicate"},
		"an image and an index": {func(t *testing.T, name string, about *ocispec.Descriptor) []ocispec.Descriptor {
			pushRaw(t, name, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":{"mediaType":"x","digest":%q,"size":2},"layers":[],"manifests":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
				ocispec.MediaTypeImageManifest, dsse, digest.FromString("{}"), about.MediaType, about.Digest, about.Size), ocispec.MediaTypeImageManifest, "")
			return nil
		}, "an image and an index in one"},
	} {
		t.Run(name, func(t *testing.T) {
			var extra []ocispec.Descriptor
			name, image := serve(t, false, entering(&extra))
			good := evidence(t, "alice", image)
			if err := open(t, name).Push(t.Context(), image, good); err != nil {
				t.Fatal(err)
			}
			extra = tt.add(t, name, &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.Digest(image.String()), Size: size(t, name, image)})
			got := found(t, open(t, name), image)
			if len(got) != 2 || !strings.HasPrefix(got[0], "! ") || !strings.Contains(got[0], tt.want) || got[1] != lines(t, good)[0] {
				t.Errorf("found %q, want one entry with %q and the good one", got, tt.want)
			}
		})
	}
}

const dsse = "application/vnd.dsse.envelope.v1+json"

func size(t *testing.T, name string, d provenance.Digest) int64 {
	t.Helper()
	desc, err := raw(t, name).Resolve(t.Context(), d.String())
	if err != nil {
		t.Fatal(err)
	}
	return desc.Size
}

// entering adds to the list of referrers under the fallback tag, in which anybody who may push can enter anything.
func entering(extra *[]ocispec.Descriptor) func(http.Handler) http.Handler {
	return hostile(func(path string, answer *httptest.ResponseRecorder) {
		if !strings.Contains(path, "/manifests/sha256-") || answer.Code != http.StatusOK || len(*extra) == 0 {
			return
		}
		var index ocispec.Index
		if json.Unmarshal(answer.Body.Bytes(), &index) != nil {
			return
		}
		index.Manifests = append(index.Manifests, *extra...)
		answer.Body.Reset()
		json.NewEncoder(answer.Body).Encode(index)
		answer.Header().Set("Docker-Content-Digest", digest.FromBytes(answer.Body.Bytes()).String())
	})
}

// What a registry sends is held against the digest that was asked for, and its trouble is no lack of evidence.
func TestLyingRegistry(t *testing.T) {
	lie := func(string, *httptest.ResponseRecorder) {}
	name, image := serve(t, true, hostile(func(path string, answer *httptest.ResponseRecorder) { lie(path, answer) }))
	good := evidence(t, "alice", image)
	r := open(t, name)
	if err := r.Push(t.Context(), image, good); err != nil {
		t.Fatal(err)
	}
	blob, err := r.PutBlob(t.Context(), strings.NewReader("a log"))
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(part string) func(string, *httptest.ResponseRecorder) {
		return func(path string, answer *httptest.ResponseRecorder) {
			if strings.Contains(path, part) && answer.Code == http.StatusOK {
				answer.Body.Bytes()[answer.Body.Len()/2] ^= 1
			}
		}
	}
	lie = spoil("/blobs/")
	if got := found(t, r, image); len(got) != 1 || !strings.Contains(got[0], "its content is sha256:") {
		t.Errorf("a changed envelope: %q", got)
	}
	content, err := r.Blob(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	var bad *store.DigestError
	if data, err := io.ReadAll(content); !errors.As(err, &bad) {
		t.Errorf("a changed blob: %q, %v", data, err)
	}
	content.Close()
	lie = spoil("/manifests/sha256:")
	if bundles, err := r.Bundles(t.Context(), image); err == nil && (len(bundles) != 1 || bundles[0].Err == nil) {
		t.Errorf("a changed manifest: %q", lines(t, bundles...))
	}
	for _, part := range []string{"/referrers/", "/manifests/", "/blobs/"} {
		lie = func(path string, answer *httptest.ResponseRecorder) {
			if strings.Contains(path, part) {
				answer.Code = http.StatusForbidden
			}
		}
		if bundles, err := r.Bundles(t.Context(), image); err == nil {
			t.Errorf("no access to %s: %q, want an error and not less evidence", part, lines(t, bundles...))
		}
	}
	lie = func(path string, answer *httptest.ResponseRecorder) {
		if strings.Contains(path, "/referrers/") { // for ever the same page
			answer.Header().Set("Link", "<"+path+"?n=1>; rel=\"next\"")
		}
	}
	if bundles, err := r.Bundles(t.Context(), image); err == nil {
		t.Errorf("an endless list: %q", lines(t, bundles...))
	}
	lie = func(string, *httptest.ResponseRecorder) {}
	if got := found(t, r, image); !slices.Equal(got, lines(t, good)) {
		t.Errorf("the good neighbour: %q", got)
	}
}

// A list as long as anybody likes is read up to the limit, and that is said.
func TestTooMany(t *testing.T) {
	name, image := serve(t, true, hostile(func(path string, answer *httptest.ResponseRecorder) {
		if !strings.Contains(path, "/referrers/") {
			return
		}
		index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
		index.SchemaVersion = 2
		for i := range oci.MaxReferrers + 10 {
			index.Manifests = append(index.Manifests, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromString(fmt.Sprint(i)), ArtifactType: dsse})
		}
		answer.Body.Reset()
		json.NewEncoder(answer.Body).Encode(index)
	}))
	bundles, err := open(t, name).Bundles(t.Context(), image)
	if err != nil || len(bundles) != oci.MaxReferrers+1 || !errors.Is(bundles[0].Err, sign.ErrLimit) {
		t.Errorf("%d entries, %v", len(bundles), err)
	}
}

// What the list of referrers has lost to another who wrote it is found by its own tag.
func TestLostUpdate(t *testing.T) {
	name, image := serve(t, false, nil)
	a, b := evidence(t, "alice", image), evidence(t, "bob", image)
	if err := open(t, name).Push(t.Context(), image, a); err != nil {
		t.Fatal(err)
	}
	empty, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex, "manifests": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	pushRaw(t, name, empty, ocispec.MediaTypeImageIndex, strings.Replace(image.String(), ":", "-", 1))
	if err := open(t, name).Push(t.Context(), image, b); err != nil {
		t.Fatal(err)
	}
	if got, want := found(t, open(t, name), image), lines(t, a, b); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// registryWithImage is a registry for the example.
func registryWithImage() (repository string, image provenance.Digest, stop func()) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":2},"layers":[]}`,
		ocispec.MediaTypeImageManifest, digest.FromString("{}"))
	request, err := http.NewRequest(http.MethodPut, server.URL+"/v2/team/app/manifests/v1", bytes.NewReader(manifest))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusCreated {
		log.Fatal(answer, err)
	}
	answer.Body.Close()
	return strings.TrimPrefix(server.URL, "http://") + "/team/app", provenance.SumSHA256(manifest), server.Close
}
