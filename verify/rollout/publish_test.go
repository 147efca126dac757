package rollout_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store/oci"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A faulty registry stands before a real one in this process, and lets the n-th
// request that writes fail: before it gets there, or after, when nobody hears that
// it was done. It can also pretend to have stored what it did not.
type faulty struct {
	next http.Handler

	mu     sync.Mutex // a request may still be on its way when its sender has given up
	writes int
	fail   int // the write that fails, from 1
	after  bool
	lie    string // a part of a path that is answered with success and not stored
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		f.next.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	f.writes++
	fails, after, lie := f.writes == f.fail, f.after, f.lie
	f.mu.Unlock()
	if fails && !after {
		panic(http.ErrAbortHandler)
	}
	if lie != "" && strings.Contains(r.URL.String(), lie) && r.Method == http.MethodPut {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(http.StatusCreated)
		return
	}
	if fails {
		f.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	f.next.ServeHTTP(w, r)
}

// failAt lets the n-th write from now on fail, or none if n is 0.
func (f *faulty) failAt(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes, f.fail, f.after = 0, n, after
}

// count is how many writes there were since failAt.
func (f *faulty) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// A publicStage is a registry with an image in it, and what is to be published.
type publicStage struct {
	*company
	faulty     *faulty
	host, path string
	image      provenance.Digest
}

const program = "the program"

func newPublicStage(t testing.TB, c *company) *publicStage {
	t.Helper()
	return stageBefore(t, c, registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))), "team/app")
}

// stageBefore is a stage in a repository of that path in a registry.
func stageBefore(t testing.TB, c *company, next http.Handler, path string) *publicStage {
	t.Helper()
	p := &publicStage{company: c, faulty: &faulty{next: next}, path: path}
	server := httptest.NewUnstartedServer(p.faulty)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	p.host = strings.TrimPrefix(server.URL, "http://")
	p.image = p.push(t, "layer")
	return p
}

// push pushes an image by its digest, with one layer.
func (p *publicStage) push(t testing.TB, layer string) provenance.Digest {
	t.Helper()
	repository := p.open(t)
	for _, blob := range []string{"{}", layer} {
		if _, err := repository.PutBlob(t.Context(), strings.NewReader(blob)); err != nil {
			t.Fatal(err)
		}
	}
	return p.put(t, "", layer)
}

// put stores the manifest of an image under a tag, or under its digest.
func (p *publicStage) put(t testing.TB, tag, layer string) provenance.Digest {
	t.Helper()
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%d}]}`,
		provenance.SumSHA256([]byte("{}")), provenance.SumSHA256([]byte(layer)), len(layer))
	d := provenance.SumSHA256([]byte(manifest))
	r, err := http.NewRequest(http.MethodPut, "http://"+p.host+"/v2/"+p.path+"/manifests/"+cmp.Or(tag, d.String()), strings.NewReader(manifest))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	return d
}

func (p *publicStage) open(t testing.TB) *oci.Repository {
	t.Helper()
	r, err := oci.Options{InsecureHTTP: true}.Open(p.host + "/" + p.path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// publication is a release of an image and a file.
func publication(ctx context.Context, repository rollout.Registry, book *rollout.Book, image provenance.Digest) (rollout.Publication, error) {
	file := provenance.ResourceDescriptor{Name: "program", Digest: provenance.Set(provenance.SumSHA256([]byte(program)))}
	main := provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(image)}
	out := rollout.Publication{Registry: repository, Book: book, Tag: "1.0.0",
		Content: map[string]func() (io.ReadCloser, error){"program": func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(program)), nil }},
		Release: release.Release{Product: "app", Version: "1.0.0", Config: provenance.SumSHA256(nil), Subjects: []provenance.ResourceDescriptor{main, file}}}
	for _, a := range out.Release.Subjects {
		build := &provenance.Build{BuildDefinition: provenance.BuildDefinition{BuildType: "https://example.com/build/v1", ExternalParameters: map[string]any{"a": a.Name}}, RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: builderID}}}
		s, err := build.Statement(a)
		if err != nil {
			return out, err
		}
		b, err := sign.Statement(ctx, s, key("ci"))
		if err != nil {
			return out, err
		}
		out.Evidence, out.Release.Provenance = append(out.Evidence, b), append(out.Release.Provenance, b.ID())
	}
	return out, nil
}

// sound is what must hold at every moment: who sees the tag finds the release, and
// who finds the release finds every artifact with its evidence.
func (p *publicStage) sound(t *testing.T, book *rollout.Book, pub rollout.Publication) (released, tagged bool) {
	t.Helper()
	repository := p.open(t)
	tags, err := repository.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := book.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := v.State("app")
	released = s != nil && s.Find(pub.Release.ID().String()) != nil
	named, tagged := tags["1.0.0"]
	if tagged && (!released || s.Tags["1.0.0"].Digest != named || named != p.image) {
		t.Errorf("the tag is there, and the ledger says %v", s)
	}
	if !released {
		return released, tagged
	}
	for i, a := range pub.Release.Subjects {
		d, _ := a.Digest.Get(provenance.SHA256)
		there, err := repository.Bundles(t.Context(), d)
		if err != nil || len(there) != 1 || there[0].ID() != pub.Evidence[i].ID() {
			t.Errorf("it is released, and the evidence about %s is %v, %v", a.Name, there, err)
		}
		if err := repository.Complete(t.Context(), d); err != nil {
			t.Errorf("it is released, and %s is not there: %v", a.Name, err)
		}
	}
	return released, tagged
}

// Each write to the registry and to the log fails once, before it was done and
// after: nothing is seen before it is complete, and publishing again ends it.
func TestPublishCrash(t *testing.T) { crashes(t, newPublicStage) }

func crashes(t *testing.T, stage func(testing.TB, *company) *publicStage) {
	t.Helper()
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			c := newCompany(t)
			p := stage(t, c)
			c.log.lose = !after
			writes := 0
			c.log.fail = func(*sign.Bundle) error {
				if writes++; p.faulty.count()+writes == n {
					return errors.New("the power went")
				}
				return nil
			}
			p.faulty.failAt(n, after)
			book := &rollout.Book{Log: c.log, Trust: c.trust, Signer: key("ci"), Store: c.store}
			pub, err := publication(t.Context(), p.open(t), book, p.image)
			c.must(err)
			_, failed := pub.Publish(t.Context())
			p.faulty.failAt(0, after)
			c.log.fail = nil
			p.sound(t, book, pub)
			ref, err := pub.Publish(t.Context())
			if err != nil || ref.Name != "app#1" {
				t.Fatalf("write %d failed (%v), and then %v", n, failed, err)
			}
			if released, tagged := p.sound(t, book, pub); !released || !tagged {
				t.Fatalf("write %d failed, and afterwards it is %v, %v", n, released, tagged)
			}
			if failed == nil && n > 3 {
				t.Logf("%d writes", n-1)
				break
			}
		}
	}
}

// What is missing is noticed before anything is recorded, also when the registry
// says that it stored it.
func TestPublishRefused(t *testing.T) { refusals(t, newPublicStage) }

func refusals(t *testing.T, stage func(testing.TB, *company) *publicStage) {
	t.Helper()
	for _, test := range []struct {
		name  string
		spoil func(p *publicStage, pub *rollout.Publication)
		want  string
	}{
		{"provenance of one is missing", func(_ *publicStage, pub *rollout.Publication) { pub.Evidence = pub.Evidence[:1] }, "no provenance"},
		{"evidence that the release names is missing", func(_ *publicStage, pub *rollout.Publication) {
			pub.Release.SBOMs = []provenance.Digest{provenance.SumSHA256([]byte("an SBOM"))}
		}, "which the release names"},
		{"another file", func(_ *publicStage, pub *rollout.Publication) {
			pub.Content["program"] = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("another")), nil }
		}, "is to be released"},
		{"a file in the place of an image", func(_ *publicStage, pub *rollout.Publication) {
			pub.Content["app"], pub.Content["program"] = pub.Content["program"], nil
		}, "is to be released"},
		{"a registry that does not store evidence", func(p *publicStage, _ *rollout.Publication) { p.faulty.lie = "/manifests/" }, ""},
		{"a registry that does not store blobs", func(p *publicStage, _ *rollout.Publication) { p.faulty.lie = "/blobs/" }, ""},
		{"the tag is taken", func(p *publicStage, _ *rollout.Publication) {
			p.must(p.open(p.t).Bind(context.Background(), "1.0.0", p.push(p.t, "another")))
		}, "names something else"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCompany(t)
			p := stage(t, c)
			book := &rollout.Book{Log: c.log, Trust: c.trust, Signer: key("ci"), Store: c.store}
			pub, err := publication(t.Context(), p.open(t), book, p.image)
			c.must(err)
			records := len(c.log.entries)
			test.spoil(p, &pub)
			ref, err := pub.Publish(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v, want %q", ref, err, test.want)
			}
			if taken := test.name == "the tag is taken"; !taken && len(c.log.entries) != records {
				t.Errorf("%d records were written", len(c.log.entries)-records)
			}
			tags, err := p.open(t).Tags(t.Context())
			c.must(err)
			if tags["1.0.0"] == p.image {
				t.Error("the tag is there")
			}
		})
	}
}

// publishEnv has the test binary publish, until it is killed.
const publishEnv = "TOUCHMARK_TEST_PUBLISHER"

// A publisher is what such a process is told.
type publisher struct {
	Host, Path                   string
	Image                        provenance.Digest
	Dir, Memory, Private, Public string
	Trust                        json.RawMessage
}

func publish(job string) error {
	var p publisher
	if err := json.Unmarshal([]byte(job), &p); err != nil {
		return err
	}
	trust, err := verify.ParseTrust(p.Trust)
	if err != nil {
		return err
	}
	log, err := openDisk(p.Dir, p.Memory, p.Private, p.Public)
	if err != nil {
		return err
	}
	defer log.Close()
	repository, err := oci.Options{InsecureHTTP: true}.Open(p.Host + "/" + p.Path)
	if err != nil {
		return err
	}
	pub, err := publication(context.Background(), repository, &rollout.Book{Log: log, Trust: trust, Signer: key("ci")}, p.Image)
	if err != nil {
		return err
	}
	_, err = pub.Publish(context.Background())
	return err
}

// Killed at random moments, a publisher never shows a part of a release, and the
// next one brings it to the end.
func TestPublishKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	kills := 6
	if large() {
		kills = 100
	}
	killed(t, kills, newPublicStage)
}

func killed(t *testing.T, kills int, stage func(testing.TB, *company) *publicStage) {
	t.Helper()
	d := newDisk(t)
	log := d.open(t)
	trust := d.begin(t, log)
	p := stage(t, &company{t: t})
	job, err := json.Marshal(publisher{p.host, p.path, p.image, d.dir, d.memory, d.private, d.public, trust.Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(kill time.Duration) error {
		var trouble bytes.Buffer
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), publishEnv+"="+string(job))
		cmd.Stderr = &trouble
		if err := cmd.Start(); err != nil {
			return err
		}
		if kill > 0 {
			time.AfterFunc(kill, func() { cmd.Process.Kill() })
		}
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%w\n%s", err, trouble.String())
		}
		return nil
	}
	book := &rollout.Book{Log: log, Trust: trust, Signer: key("ci")}
	pub, err := publication(t.Context(), p.open(t), book, p.image)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(4, 4))
	for range kills {
		run(time.Duration(50+rnd.IntN(600)) * time.Millisecond)
		p.sound(t, book, pub)
	}
	if err := run(0); err != nil {
		t.Fatal(err)
	}
	if released, tagged := p.sound(t, book, pub); !released || !tagged {
		t.Errorf("in the end it is %v, %v", released, tagged)
	}
	v, err := book.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := v.State("app"); len(s.Releases) != 1 || len(s.Tags) != 1 {
		t.Errorf("%s", dump(s))
	}
}
