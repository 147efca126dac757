package verify_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// An imageQuestion is asked about an image whose provenance names the files in it.
type imageQuestion struct {
	mode     verify.ExamineMode
	digest   string // of the image; "" is that of the layout's first root
	files    [][]byte
	policies int
	also     []provenance.ResourceDescriptor // further subjects
}

// decision asks, and returns the decision with the codes that failed.
func (q imageQuestion) decision(t *testing.T, artifact verify.Artifact, open bool) (string, *verify.Verdict) {
	t.Helper()
	build := &provenance.Build{}
	build.BuildDefinition.BuildType = "https://example.com/image/v1"
	build.BuildDefinition.ExternalParameters = map[string]any{"target": "image"}
	for _, f := range q.files {
		build.BuildDefinition.ResolvedDependencies = append(build.BuildDefinition.ResolvedDependencies, provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256(f))})
	}
	build.RunDetails.Builder.ID = "https://example.com/builder"
	digest, err := provenance.ParseDigest(q.digest)
	if err != nil {
		t.Fatal(err)
	}
	st, err := build.Statement(append([]provenance.ResourceDescriptor{{Name: "image", Digest: provenance.Set(digest)}}, q.also...)...)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := sign.Statement(t.Context(), st, signer{seeded("ci")})
	if err != nil {
		t.Fatal(err)
	}
	trust := &verify.Trust{Version: 1, Expires: judged.AddDate(1, 0, 0), Root: verify.Quorum{AtLeast: 1, Of: []string{"ci"}},
		Principals: map[string]verify.Principal{"ci": {Kind: verify.Builder, Keys: []verify.Key{{PEM: pemOf(seeded("ci"))}}, Builders: map[string]int{"https://example.com/builder": 1}}}}
	var policies []*verify.Policy
	for i := range max(q.policies, 1) {
		p, err := verify.ParsePolicy(fmt.Appendf(nil, `{"schema":"https://github.com/touchmark-go/touchmark/policy/v1","version":1,"name":"image%d","examine":%q,
		"provenance":{"signedBy":"ci","level":1,"buildType":"any","source":"any","parameters":{"/target":"image"}}}`, i, q.mode))
		if err != nil {
			t.Fatal(err)
		}
		policies = append(policies, p)
	}
	v, err := verify.New(trust, policies...)
	if err != nil {
		t.Fatal(err)
	}
	r := verify.Request{Artifact: artifact, At: judged, Evidence: []*sign.Bundle{bundle}}
	if open {
		h, err := v.Open(t.Context(), r)
		if err == nil {
			data, err := io.ReadAll(h)
			return fmt.Sprintf("%s %d %v", h.Verdict.Decision, len(data), errors.Join(err, h.Close())), h.Verdict
		}
		var refused *verify.Error
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return strings.TrimSpace(refused.Verdict.Decision.String() + " " + failed(refused.Verdict)), refused.Verdict
	}
	verdict, _ := v.Verify(t.Context(), r)
	return strings.TrimSpace(verdict.Decision.String() + " " + failed(verdict)), verdict
}

func content(data []byte) verify.Artifact {
	return verify.Content(bytes.NewReader(data), int64(len(data)))
}

// TestLayers asks about images that no story tells of.
func TestLayers(t *testing.T) {
	program := tinyProgram("one")
	other := tinyProgram("two")
	app := []imagetest.Entry{{Name: "app", Body: string(program)}}
	one := imagetest.New()
	image := one.Image("linux/amd64", app)
	one.Add(image)

	missing := imagetest.New()
	there := missing.Image("linux/amd64", app)
	gone := imagetest.Descriptor{MediaType: there.MediaType, Digest: imagetest.Sum([]byte("gone")), Size: 4, Platform: imagetest.ParsePlatform("linux/arm64")}
	missing.Add(missing.Index(there, gone))

	attested := imagetest.New()
	subject := attested.Image("linux/amd64", app)
	statement, err := json.Marshal(map[string]any{"_type": provenance.StatementType, "predicateType": provenance.SLSAProvenanceV1, "subject": []any{map[string]any{"name": "app", "digest": map[string]any{"sha256": strings.TrimPrefix(subject.Digest, "sha256:")}}}, "predicate": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	unsigned := attested.Document("application/vnd.oci.image.manifest.v1+json", imagetest.Manifest(attested.Document("application/vnd.oci.image.config.v1+json", imagetest.Config("unknown/unknown")), attested.Blob("application/vnd.in-toto+json", statement)))
	unsigned.Platform = imagetest.ParsePlatform("unknown/unknown")
	unsigned.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject.Digest}
	attested.Add(attested.Index(subject, unsigned))

	twoPlatforms := imagetest.New()
	twoPlatforms.Add(twoPlatforms.Index(twoPlatforms.Image("linux/amd64", app), twoPlatforms.Image("linux/amd64", app, []imagetest.Entry{{Name: "helper", Body: string(other)}})))

	zstd := imagetest.New()
	layer := imagetest.Tar(app...)
	zstd.Add(zstd.Document("application/vnd.oci.image.manifest.v1+json", imagetest.Manifest(zstd.Document("application/vnd.oci.image.config.v1+json", imagetest.Config("linux/amd64", imagetest.Sum(layer))), zstd.Blob("application/vnd.oci.image.layer.v1.tar+zstd", layer))))

	var crowd []imagetest.Entry
	for i := range 1025 {
		crowd = append(crowd, imagetest.Entry{Name: fmt.Sprint("bin/", i), Body: string(program)})
	}
	crowded, exactly := imagetest.New(), imagetest.New()
	crowded.Add(crowded.Image("linux/amd64", crowd))
	exactly.Add(exactly.Image("linux/amd64", crowd[:1024]))

	scripts := imagetest.New()
	scripts.Add(scripts.Image("linux/amd64", []imagetest.Entry{{Name: "run.sh", Body: "#!/bin/sh"}, {Name: "bin/c", Body: "\x7fELF but no Go"}}))

	docker, config := imagetest.Docker("linux/amd64", "app:1", app)

	for name, test := range map[string]struct {
		q      imageQuestion
		layout *imagetest.Layout
		data   []byte
		want   string
	}{
		"required":                          {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, one, nil, "ALLOW"},
		"two policies":                      {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}, policies: 2}, one, nil, "ALLOW"},
		"named by nobody":                   {imageQuestion{mode: verify.ExamineRequired}, one, nil, "DENY examine/binary"},
		"named by nobody, if applicable":    {imageQuestion{mode: verify.ExamineIfApplicable}, one, nil, "ALLOW"},
		"named by nobody, off":              {imageQuestion{mode: verify.ExamineOff}, one, nil, "ALLOW"},
		"docker archive":                    {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}, digest: config}, nil, docker, "ALLOW"},
		"docker archive, named by nobody":   {imageQuestion{mode: verify.ExamineRequired, digest: config}, nil, docker, "DENY examine/binary"},
		"a platform that is missing":        {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, missing, nil, "UNDECIDED examine/no-bytes"},
		"a platform that is missing, off":   {imageQuestion{mode: verify.ExamineOff}, missing, nil, "ALLOW"},
		"an unsigned attestation beside":    {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, attested, nil, "ALLOW"},
		"an unsigned attestation alone":     {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}, digest: subject.Digest}, attested, nil, "DENY subject"},
		"the second platform has one more":  {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, twoPlatforms, nil, "DENY examine/binary"},
		"both are named":                    {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program, other}}, twoPlatforms, nil, "ALLOW"},
		"zstd":                              {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, zstd, nil, "UNDECIDED unsupported"},
		"zstd, off":                         {imageQuestion{mode: verify.ExamineOff}, zstd, nil, "ALLOW"},
		"as many programs as are looked at": {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, exactly, nil, "ALLOW"},
		"one program more":                  {imageQuestion{mode: verify.ExamineRequired, files: [][]byte{program}}, crowded, nil, "DENY limit"},
		"no Go at all":                      {imageQuestion{mode: verify.ExamineRequired}, scripts, nil, "DENY examine/not-go"},
		"no Go at all, if applicable":       {imageQuestion{mode: verify.ExamineIfApplicable}, scripts, nil, "ALLOW"},
	} {
		t.Run(name, func(t *testing.T) {
			forms := map[string]verify.Artifact{"content": content(test.data)}
			data := test.data
			if test.layout != nil {
				data = test.layout.Tar()
				path := filepath.Join(t.TempDir(), "image.tar")
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				forms = map[string]verify.Artifact{"content": content(data), "file": verify.File(path), "folder": verify.File(test.layout.Write(t.TempDir()))}
				if test.q.digest == "" {
					test.q.digest = test.layout.Roots[0].Digest
				}
			}
			var steps string
			for form, artifact := range forms {
				got, verdict := test.q.decision(t, artifact, false)
				if got != test.want {
					t.Errorf("%s: %s, want %s\n%s", form, got, test.want, verdict)
				}
				if s := checks(verdict); steps == "" {
					steps = s
				} else if s != steps {
					t.Errorf("%s: other checks:\n%s\nwant:\n%s", form, s, steps)
				}
				if form == "folder" {
					continue
				}
				want := test.want
				if want == "ALLOW" {
					want = fmt.Sprintf("ALLOW %d <nil>", len(data))
				}
				if got, verdict := test.q.decision(t, artifact, true); got != want {
					t.Errorf("%s, opened: %s, want %s\n%s", form, got, want, verdict)
				}
			}
		})
	}
}

// A layout in a folder can be verified, and has no bytes to open.
func TestOpenLayout(t *testing.T) {
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", []imagetest.Entry{{Name: "a"}}))
	q := imageQuestion{mode: verify.ExamineOff, digest: l.Roots[0].Digest}
	dir := l.Write(t.TempDir())
	if got, _ := q.decision(t, verify.File(dir), false); got != "ALLOW" {
		t.Errorf("verified: %s, want ALLOW", got)
	}
	if got, _ := q.decision(t, verify.File(dir), true); got != "UNDECIDED request" {
		t.Errorf("opened: %s, want UNDECIDED request", got)
	}
}

// An image in a tar file has one name: the image's digest, and the file's only
// if nothing else is attested.
func TestKnownBy(t *testing.T) {
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", []imagetest.Entry{{Name: "a"}}))
	data := l.Tar()
	image, file := l.Roots[0].Digest, provenance.SumSHA256(data)
	for name, test := range map[string]struct {
		q    imageQuestion
		want string
	}{
		"the image": {imageQuestion{digest: image}, image},
		"the file":  {imageQuestion{digest: file.String()}, file.String()},
		"both":      {imageQuestion{digest: image, also: []provenance.ResourceDescriptor{{Name: "image.tar", Digest: provenance.Set(file)}}}, image},
	} {
		test.q.mode = verify.ExamineOff
		got, verdict := test.q.decision(t, content(data), false)
		if got != "ALLOW" || verdict.Digest.String() != test.want {
			t.Errorf("%s is attested: %s %s, want ALLOW %s", name, got, verdict.Digest, test.want)
		}
	}
}

// An archive of several images is none of them.
func TestTwoImages(t *testing.T) {
	var entries []imagetest.Entry
	var list []map[string]any
	for i, body := range []string{"one", "two"} {
		layer := imagetest.Tar(imagetest.Entry{Name: "a", Body: body})
		config, err := json.Marshal(imagetest.Config("linux/amd64", imagetest.Sum(layer)))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, imagetest.Entry{Name: fmt.Sprint(i, ".tar"), Body: string(layer)}, imagetest.Entry{Name: fmt.Sprint(i, ".json"), Body: string(config)})
		list = append(list, map[string]any{"Config": fmt.Sprint(i, ".json"), "Layers": []string{fmt.Sprint(i, ".tar")}})
	}
	for n, want := range map[int]string{1: "DENY subject", 2: "DENY path"} {
		data, err := json.Marshal(list[:n])
		if err != nil {
			t.Fatal(err)
		}
		archive := imagetest.Tar(append(entries, imagetest.Entry{Name: "manifest.json", Body: string(data)})...)
		q := imageQuestion{mode: verify.ExamineOff, digest: imagetest.Sum([]byte("x"))}
		if got, _ := q.decision(t, content(archive), false); got != want {
			t.Errorf("%d images: %s, want %s", n, got, want)
		}
	}
}

// laterImage is an image when it is hashed, and another one of the same size
// afterwards.
type laterImage struct {
	first, then []byte
	reads       int
	after       int
	until       int // and the first one again, if it is not 0
}

func (l *laterImage) ReadAt(p []byte, off int64) (int, error) {
	data := l.first
	if l.reads++; l.reads > l.after && (l.until == 0 || l.reads <= l.until) {
		data = l.then
	}
	return bytes.NewReader(data).ReadAt(p, off)
}

// An image that changes after it was hashed is never allowed, whenever that is.
func TestImageChanges(t *testing.T) {
	program := tinyProgram("one")
	l := imagetest.New()
	l.Stored = true
	l.Add(l.Image("linux/amd64", []imagetest.Entry{{Name: "app", Body: string(program)}}))
	data := l.Tar()
	changed := bytes.Replace(data, program, tinyProgram("two"), 1)
	if len(changed) != len(data) || bytes.Equal(changed, data) {
		t.Fatal("the other image is none")
	}
	q := imageQuestion{mode: verify.ExamineRequired, digest: l.Roots[0].Digest, files: [][]byte{program}}
	// It looks like no image at the one moment when somebody asks.
	plain := bytes.Repeat([]byte("x"), len(data))
	about := imageQuestion{mode: verify.ExamineIfApplicable, digest: provenance.SumSHA256(data).String(), files: [][]byte{tinyProgram("two")}}
	r := &laterImage{first: data, then: plain, after: 2, until: 3}
	if got, verdict := about.decision(t, verify.Content(r, int64(len(data))), false); got != "UNDECIDED changed" {
		t.Errorf("another file for one read: %s, want UNDECIDED changed\n%s", got, verdict)
	}
	for after := 2; after < 6; after++ {
		r := &laterImage{first: data, then: changed, after: after}
		got, verdict := q.decision(t, verify.Content(r, int64(len(data))), false)
		if r.reads <= after {
			if got != "ALLOW" {
				t.Errorf("never changed: %s\n%s", got, verdict)
			}
			continue
		}
		if got != "UNDECIDED changed" && !strings.HasPrefix(got, "DENY") {
			t.Errorf("changed after %d reads: %s\n%s", after, got, verdict)
		}
	}
}

// tinyProgram is the smallest file that has the build information of a Go
// program for linux/amd64 in it. Name has three letters.
func tinyProgram(name string) []byte {
	blob := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	add := func(text string) { blob = append(binary.AppendUvarint(blob, uint64(len(text))), text...) }
	add("go1.26.8")
	frame := strings.Repeat("x", 16)
	add(frame + "path\texample.com/" + name + "\nmod\texample.com/" + name + "\t(devel)\t\nbuild\tGOOS=linux\nbuild\tGOARCH=amd64\n" + frame)
	return factstest.ELF(blob)
}
