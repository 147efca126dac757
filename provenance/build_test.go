package provenance_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
)

// someBuild has something in every field.
func someBuild() *provenance.Build {
	east := time.FixedZone("", 3600)
	return &provenance.Build{
		BuildDefinition: provenance.BuildDefinition{
			BuildType: "https://example.com/build-types/go/v1",
			ExternalParameters: map[string]any{
				"command": []string{"go", "build"}, "goos": "linux",
				"source": map[string]any{"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.0.0", "dirty": false},
			},
			InternalParameters: map[string]any{"go": map[string]any{"version": "go1.26.8"}, "exitStatus": 0},
			ResolvedDependencies: []provenance.ResourceDescriptor{
				{URI: "git+https://github.com/acme/app@refs/tags/v1.0.0", Digest: provenance.DigestSet{"gitCommit": hexOf("1", 40), "gitTree": hexOf("2", 40)}},
				{Name: "golang.org/x/mod", URI: "pkg:golang/golang.org/x/mod@v0.42.0", Digest: provenance.DigestSet{"dirHash1": hexOf("3", 64)}},
			},
		},
		RunDetails: provenance.RunDetails{
			Builder: provenance.Builder{
				ID: "https://example.com/builder/v1", Version: map[string]string{"touchmark": "0.1.0"},
				BuilderDependencies: []provenance.ResourceDescriptor{subject("dep")},
			},
			Metadata: provenance.BuildMetadata{
				InvocationID: "run-1",
				StartedOn:    time.Date(2026, 11, 21, 4, 7, 0, 0, east),
				FinishedOn:   time.Date(2026, 11, 21, 4, 7, 9, 500_000_000, east),
			},
			Byproducts: []provenance.ResourceDescriptor{subject("log")},
		},
	}
}

const someBuildJSON = `{"buildDefinition":{"buildType":"https://example.com/build-types/go/v1",` +
	`"externalParameters":{"command":["go","build"],"goos":"linux","source":{"dirty":false,"ref":"refs/tags/v1.0.0","repository":"https://github.com/acme/app"}},` +
	`"internalParameters":{"exitStatus":0,"go":{"version":"go1.26.8"}},` +
	`"resolvedDependencies":[{"uri":"git+https://github.com/acme/app@refs/tags/v1.0.0","digest":{"gitCommit":"1111111111111111111111111111111111111111","gitTree":"2222222222222222222222222222222222222222"}},` +
	`{"name":"golang.org/x/mod","uri":"pkg:golang/golang.org/x/mod@v0.42.0","digest":{"dirHash":"3333333333333333333333333333333333333333333333333333333333333333"}}]},` +
	`"runDetails":{"builder":{"id":"https://example.com/builder/v1","version":{"touchmark":"0.1.0"},"builderDependencies":[{"name":"dep","digest":{"sha256":"` + "DEP" + `"}}]},` +
	`"metadata":{"invocationId":"run-1","startedOn":"2026-11-21T03:07:00Z","finishedOn":"2026-11-21T03:07:09.5Z"},` +
	`"byproducts":[{"name":"log","digest":{"sha256":"` + "LOG" + `"}}]}}`

func TestBuildStatement(t *testing.T) {
	b := someBuild()
	s, err := b.Statement(subject("app"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("DEP", provenance.SumSHA256([]byte("dep")).Hex(), "LOG", provenance.SumSHA256([]byte("log")).Hex()).Replace(someBuildJSON)
	if string(s.Predicate) != want || s.PredicateType != provenance.SLSAProvenanceV1 {
		t.Errorf("predicate of type %s:\n%s\nwant:\n%s", s.PredicateType, s.Predicate, want)
	}
	if !reflect.DeepEqual(b, someBuild()) {
		t.Error("Statement changed the build")
	}
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	validateSLSA(t, data)

	read, err := provenance.ParseBuild(s)
	if err != nil {
		t.Fatal(err)
	}
	if read.From != provenance.SLSAProvenanceV1 {
		t.Errorf("From is %q", read.From)
	}
	again, err := read.Statement(subject("app"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Marshal(); !bytes.Equal(got, data) {
		t.Errorf("read and written again:\n%s\nwant:\n%s", got, data)
	}
}

// validateSLSA fails t unless in-toto's validator takes the statement and SLSA's
// takes its predicate.
func validateSLSA(t testing.TB, data []byte) {
	t.Helper()
	predicate, err := protojson.Marshal(validateIntoto(t, data).GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	var p slsa.Provenance
	if err := protojson.Unmarshal(predicate, &p); err != nil {
		t.Fatalf("slsa cannot read %s: %v", predicate, err)
	}
	if err := p.Validate(); err != nil {
		t.Fatalf("slsa refuses %s: %v", predicate, err)
	}
}

// The least that is valid is valid to SLSA's validator too.
func TestSmallestBuild(t *testing.T) {
	b := &provenance.Build{
		BuildDefinition: provenance.BuildDefinition{BuildType: "https://example.com/t", ExternalParameters: map[string]any{"a": "b"}},
		RunDetails:      provenance.RunDetails{Builder: provenance.Builder{ID: "https://example.com/b"}},
	}
	s, err := b.Statement(subject("app"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"buildDefinition":{"buildType":"https://example.com/t","externalParameters":{"a":"b"}},"runDetails":{"builder":{"id":"https://example.com/b"}}}`
	if string(s.Predicate) != want {
		t.Errorf("predicate is %s, want %s", s.Predicate, want)
	}
	data, _ := s.Marshal()
	validateSLSA(t, data)
	b.BuildDefinition.ExternalParameters = nil
	if s, err := b.Statement(subject("app")); err == nil || !strings.Contains(err.Error(), "/buildDefinition/externalParameters") {
		t.Errorf("without external parameters: %v, %v", s, err)
	}
}

func TestBuildValidate(t *testing.T) {
	if err := someBuild().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		change func(b *provenance.Build)
		want   string
	}{
		{func(b *provenance.Build) { b.BuildDefinition.BuildType = "" }, "/buildDefinition/buildType"},
		{func(b *provenance.Build) { b.BuildDefinition.BuildType = "\xff" }, "/buildDefinition/buildType"},
		{func(b *provenance.Build) { b.RunDetails.Builder.ID = "" }, "/runDetails/builder/id"},
		{func(b *provenance.Build) { b.BuildDefinition.ExternalParameters["x"] = func() {} }, "/buildDefinition/externalParameters/x"},
		{func(b *provenance.Build) { b.BuildDefinition.ExternalParameters["x"] = math.NaN() }, "/buildDefinition/externalParameters/x"},
		{func(b *provenance.Build) { b.BuildDefinition.ExternalParameters["x"] = int64(1)<<53 + 1 }, "/buildDefinition/externalParameters/x"},
		{func(b *provenance.Build) { b.BuildDefinition.ExternalParameters["x"] = []any{-(int64(1)<<53 + 1)} }, "/buildDefinition/externalParameters/x/0"},
		{func(b *provenance.Build) { b.BuildDefinition.ExternalParameters["x"] = "\xff" }, "/buildDefinition/externalParameters/x"},
		{func(b *provenance.Build) {
			b.BuildDefinition.ExternalParameters["x"] = map[string]any{"a/b": []any{1, "\xff"}}
		}, "/buildDefinition/externalParameters/x/a~1b/1"},
		{func(b *provenance.Build) { b.BuildDefinition.InternalParameters["\xff"] = 1 }, "/buildDefinition/internalParameters"},
		{func(b *provenance.Build) { b.BuildDefinition.ResolvedDependencies[1].Digest["sha256"] = "AA" }, "/buildDefinition/resolvedDependencies/1/digest"},
		{func(b *provenance.Build) { b.BuildDefinition.ResolvedDependencies[0] = provenance.ResourceDescriptor{} }, "/buildDefinition/resolvedDependencies/0"},
		{func(b *provenance.Build) { b.RunDetails.Byproducts[0].Digest["SHA512"] = "" }, "/runDetails/byproducts/0/digest"},
		{func(b *provenance.Build) { b.RunDetails.Builder.BuilderDependencies[0].Name = "\xff" }, "/runDetails/builder/builderDependencies/0/name"},
		{func(b *provenance.Build) { b.RunDetails.Metadata.FinishedOn = b.RunDetails.Metadata.StartedOn.Add(-1) }, "/runDetails/metadata/finishedOn"},
		{func(b *provenance.Build) {
			b.RunDetails.Metadata.StartedOn = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		}, "/runDetails/metadata/startedOn"},
		{func(b *provenance.Build) { b.RunDetails.Metadata.StartedOn = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }, "/runDetails/metadata/startedOn"},
	} {
		b := someBuild()
		test.change(b)
		if err := b.Validate(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("Validate = %v, want it to name %s", err, test.want)
		}
		if s, err := b.Statement(subject("app")); err == nil {
			t.Errorf("%s: Statement = %s", test.want, s.Predicate)
		}
	}
	if err := (*provenance.Build)(nil).Validate(); err == nil {
		t.Error("a nil Build is valid")
	}
	b := someBuild()
	b.BuildDefinition.ExternalParameters["x"] = []any{int64(1) << 53, -(int64(1) << 53), 0.1, 1e300}
	if err := b.Validate(); err != nil {
		t.Errorf("2^53 itself: %v", err)
	}
}

func parseBuild(t *testing.T, predicateType, predicate string) (*provenance.Build, error) {
	t.Helper()
	return provenance.ParseBuild(&provenance.Statement{
		Type: provenance.StatementType, Subject: []provenance.ResourceDescriptor{subject("app")},
		PredicateType: predicateType, Predicate: json.RawMessage(predicate),
	})
}

// Unset, null and empty are equal, and extension members are ignored (SLSA v1,
// parsing rules).
func TestParseBuildV1(t *testing.T) {
	const least = `{"buildDefinition":{"buildType":"t"},"runDetails":{"builder":{"id":"b"}}}`
	want, err := parseBuild(t, provenance.SLSAProvenanceV1, least)
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{
		`{"buildDefinition":{"buildType":"t","externalParameters":null,"internalParameters":null,"resolvedDependencies":null},"runDetails":{"builder":{"id":"b","version":null},"metadata":null,"byproducts":null}}`,
		`{"buildDefinition":{"buildType":"t","externalParameters":{},"internalParameters":{}},"runDetails":{"builder":{"id":"b"},"metadata":{}}}`,
		`{"buildDefinition":{"buildType":"t","acme_x":1},"runDetails":{"builder":{"id":"b","acme_y":[]},"metadata":{"acme_z":{}}},"acme_all":true}`,
	} {
		if got, err := parseBuild(t, provenance.SLSAProvenanceV1, same); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads as %+v, %v", same, got, err)
		}
	}
	for _, test := range []struct{ old, new, want string }{
		{`"id":"b"`, `"id":""`, "/runDetails/builder/id"},
		{`"id":"b"`, `"ID":"b"`, `"id"`},
		{`"id":"b"`, `"id":"a","id":"b"`, "id"},
		{`{"builder":{"id":"b"}}`, `null`, "/runDetails/builder/id"},
		{`"buildType":"t"`, ``, "/buildDefinition/buildType"},
		{`"t"`, `"t","externalParameters":[]`, "object"},
		{`"t"`, `"t","externalParameters":{"n":9007199254740993}`, "2^53"},                        // row 13
		{`"t"`, `"t","externalParameters":{"n":[{"m":-9007199254740993}]}`, "2^53"},               // row 13
		{`"t"`, `"t","externalParameters":{"n":1e400}`, "float64"},                                // row 13
		{`"t"`, `"t","internalParameters":{"n":9007199254740993}`, "2^53"},                        // row 13
		{`"t"`, `"t","externalParameters":{"n":1,"n":2}`, "n"},                                    // row 9
		{`"t"`, `"t","resolvedDependencies":[{"digest":{"sha256":"AA"}}]`, "/resolvedDep"},        // row 8
		{`"t"`, `"t","resolvedDependencies":[{}]`, "/buildDefinition/resolvedDependencies/0"},     //
		{`{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":"2026-11-21T03:07:00+01:00"}`, "2026"}, // row 64
		{`{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":"2026-11-21T03:07:00,5Z"}`, "2026"},    // row 64
		{`{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":"2026-11-21T03:07:60Z"}`, "2026"},      // row 64
		{`{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":"0000-11-21T03:07:00Z"}`, "0000"},      // row 64
		{`{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":"2026-11-21 03:07:00Z"}`, "2026"},      // row 64
		{`{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":1}`, ""},
	} {
		bad := strings.Replace(least, test.old, test.new, 1)
		if bad == least {
			t.Fatalf("%s: nothing changed", test.new)
		}
		if b, err := parseBuild(t, provenance.SLSAProvenanceV1, bad); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s reads as %+v, %v, want an error with %q", bad, b, err, test.want)
		}
	}
	fine := strings.Replace(least, `{"id":"b"}`, `{"id":"b"},"metadata":{"startedOn":"2026-11-21T03:07:00.5Z"}`, 1)
	if b, err := parseBuild(t, provenance.SLSAProvenanceV1, fine); err != nil || b.RunDetails.Metadata.StartedOn != time.Date(2026, 11, 21, 3, 7, 0, 5e8, time.UTC) {
		t.Errorf("%s: %v", fine, err)
	}
	// Row 3.
	for _, other := range []string{"https://slsa.dev/provenance/v1.1", "https://slsa.dev/provenance/v0.1", "https://slsa.dev/verification_summary/v1", ""} {
		if b, err := parseBuild(t, other, least); err == nil {
			t.Errorf("a %q reads as %+v", other, b)
		}
	}
	if b, err := provenance.ParseBuild(nil); err == nil {
		t.Errorf("nil reads as %+v", b)
	}
}

func TestParseBuildV02(t *testing.T) {
	sum := hexOf("1", 40)
	const kept = `"builder":{"id":"b"},"buildType":"t","metadata":{"buildInvocationId":"run","buildStartedOn":"2026-11-21T03:07:00Z","buildFinishedOn":"2026-11-21T03:08:00Z","completeness":{"parameters":true},"reproducible":true}`
	config := `{"uri":"git+https://example.com/r@refs/heads/main","digest":{"sha1":"` + sum + `"},"entryPoint":"build.yml"}`
	predicate := `{` + kept + `,"invocation":{"configSource":` + config + `,"parameters":{"x":"y"},"environment":{"os":"linux"}},"buildConfig":{"steps":[]},` +
		`"materials":[{"uri":"pkg:golang/a@v1","digest":{"sha256":"` + hexOf("2", 64) + `"}}]}`
	got, err := parseBuild(t, provenance.SLSAProvenanceV02, predicate)
	if err != nil {
		t.Fatal(err)
	}
	want := &provenance.Build{
		From: provenance.SLSAProvenanceV02,
		BuildDefinition: provenance.BuildDefinition{
			BuildType:          "t",
			ExternalParameters: map[string]any{"x": "y", "source": "git+https://example.com/r@refs/heads/main", "entryPoint": "build.yml"},
			InternalParameters: map[string]any{"os": "linux"},
			ResolvedDependencies: []provenance.ResourceDescriptor{
				{URI: "pkg:golang/a@v1", Digest: provenance.DigestSet{"sha256": hexOf("2", 64)}},
				{URI: "git+https://example.com/r@refs/heads/main", Digest: provenance.DigestSet{"sha1": sum}},
			},
		},
		RunDetails: provenance.RunDetails{
			Builder: provenance.Builder{ID: "b"},
			Metadata: provenance.BuildMetadata{
				InvocationID: "run", StartedOn: time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC), FinishedOn: time.Date(2026, 11, 21, 3, 8, 0, 0, time.UTC),
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("reads as\n%+v\nwant\n%+v", got, want)
	}
	// The fields of v0.2 mean other things (SLSA v1.2, provenance): it must not pass for v1 later.
	if s, err := got.Statement(subject("app")); err == nil {
		t.Errorf("written as v1: %s", s.Predicate)
	}
	if b, err := parseBuild(t, provenance.SLSAProvenanceV1, predicate); err == nil {
		t.Errorf("v0.2 under the name of v1 reads as %+v", b)
	}

	again, err := parseBuild(t, provenance.SLSAProvenanceV02, strings.Replace(predicate, `"materials":[`, `"materials":[{"uri":"git+https://example.com/r@refs/heads/main","digest":{"sha1":"`+sum+`"}},`, 1))
	if err != nil || len(again.BuildDefinition.ResolvedDependencies) != 2 {
		t.Errorf("a config source that is a material: %+v, %v", again, err)
	}
	used, err := parseBuild(t, provenance.SLSAProvenanceV02, strings.Replace(predicate, "buildInvocationId", "buildInvocationID", 1))
	if err != nil || used.RunDetails.Metadata.InvocationID != "run" {
		t.Errorf("as the generators spell it: %+v, %v", used, err)
	}
	for _, test := range []struct{ old, new, want string }{
		{`"builder":{"id":"b"}`, `"builder":{}`, "/builder/id"},
		{`"buildType":"t"`, `"buildType":""`, "/buildType"},
		{`{"x":"y"}`, `{"source":"git+https://example.com/other"}`, "/invocation/parameters/source"},
		{`{"x":"y"}`, `{"entryPoint":""}`, "/invocation/parameters/entryPoint"},
		{`{"x":"y"}`, `["x"]`, "object"},
		{`{"x":"y"}`, `{"x":9007199254740993}`, "2^53"},
		{`{"os":"linux"}`, `"linux"`, "object"},
		{hexOf("2", 64), hexOf("A", 64), "/materials/0/digest"},
		{sum, sum + "0", "/invocation/configSource/digest"},
		{`"buildInvocationId":"run"`, `"buildInvocationId":"run","buildInvocationID":"other"`, "differ"},
		{`03:08:00Z`, `03:08:00+00:00`, "03:08"},
	} {
		bad := strings.Replace(predicate, test.old, test.new, 1)
		if bad == predicate {
			t.Fatalf("%s: nothing changed", test.new)
		}
		if b, err := parseBuild(t, provenance.SLSAProvenanceV02, bad); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s reads as %+v, %v, want an error with %q", bad, b, err, test.want)
		}
	}
}

// Every provenance that others wrote and the corpus calls genuine is read.
func TestCorpusBuilds(t *testing.T) {
	dir := testkit.Corpus(t)
	builds := map[string]int{}
	for _, corpus := range []string{"slsa-verifier", "sigstore-wild"} {
		err := filepath.WalkDir(filepath.Join(dir, corpus), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for line := range bytes.Lines(data) {
				builds[corpusBuild(t, path, line)]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if builds[provenance.SLSAProvenanceV1] < 5 || builds[provenance.SLSAProvenanceV02] < 50 {
		t.Errorf("the corpus has %v, want more of each", builds)
	}
}

// corpusBuild is the predicate type of the build in an envelope or a bundle, "" if there is none.
func corpusBuild(t *testing.T, path string, line []byte) string {
	var bundle struct {
		Payload      []byte `json:"payload"`
		DSSEEnvelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	if json.Unmarshal(line, &bundle) != nil {
		return ""
	}
	if bundle.Payload == nil {
		bundle.Payload = bundle.DSSEEnvelope.Payload
	}
	s, err := provenance.Parse(bundle.Payload)
	if err != nil || s.PredicateType != provenance.SLSAProvenanceV1 && s.PredicateType != provenance.SLSAProvenanceV02 {
		return ""
	}
	b, err := provenance.ParseBuild(s)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return ""
	}
	return b.From
}

func FuzzParseBuild(f *testing.F) {
	s, err := someBuild().Statement(subject("app"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(s.Predicate), byte(1))
	f.Add([]byte(`{"builder":{"id":"b"},"buildType":"t","invocation":{"configSource":{"uri":"u","entryPoint":"e"},"parameters":{"x":1.5}},"materials":[{"uri":"pkg:a/b@1"}],"metadata":{"buildStartedOn":"2026-11-21T03:07:00Z"}}`), byte(2))
	f.Add([]byte(`{"builder":{"id":"b"},"recipe":{"type":"t","definedInMaterial":0,"entryPoint":"e","arguments":{"x":1.5}},"materials":[{"uri":"u"}],"metadata":{"buildStartedOn":"2026-11-21T03:07:00Z"}}`), byte(0))
	f.Fuzz(func(t *testing.T, predicate []byte, version byte) {
		from := []string{provenance.SLSAProvenanceV01, provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02}[version%3]
		b, err := provenance.ParseBuild(&provenance.Statement{Type: provenance.StatementType, Subject: []provenance.ResourceDescriptor{subject("app")}, PredicateType: from, Predicate: predicate})
		if err != nil {
			return
		}
		if b.From != from || provenance.Diff(b, b) != nil {
			t.Errorf("%q reads as from %q and differs from itself by %v", predicate, b.From, provenance.Diff(b, b))
		}
		b.From = ""
		s, err := b.Statement(subject("app"))
		if err != nil {
			if len(b.BuildDefinition.ExternalParameters) > 0 && strictjson.Check(predicate) == nil {
				t.Errorf("%q is read and cannot be written: %v", predicate, err)
			}
			return
		}
		again, err := provenance.ParseBuild(s)
		if err != nil {
			t.Fatalf("%s does not survive a round trip: %v", s.Predicate, err)
		}
		if changes := provenance.Diff(b, again); changes != nil {
			t.Errorf("%s changed in a round trip: %v", s.Predicate, changes)
		}
		twice, err := again.Statement(subject("app"))
		if err != nil || !bytes.Equal(twice.Predicate, s.Predicate) {
			t.Errorf("%s becomes %v, %v", s.Predicate, twice, err)
		}
	})
}
