package provenance_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// What v0.1 calls a recipe goes where v0.2's invocation goes, in a statement of
// either version.
func TestParseBuildV01(t *testing.T) {
	const predicate = `{"builder":{"id":"https://example.com/b"},
		"recipe":{"type":"https://example.com/make","definedInMaterial":1,"entryPoint":"src:foo","arguments":{"CFLAGS":"-O3"},"environment":{"GOOS":"linux"}},
		"metadata":{"buildInvocationId":"7","buildStartedOn":"2026-11-20T17:00:00Z","buildFinishedOn":"2026-11-20T17:05:00Z","completeness":{"arguments":true},"reproducible":false},
		"materials":[{"uri":"pkg:generic/tool@1","digest":{"sha256":"5f1e2c9a7b3d4e5f60718293a4b5c6d75f1e2c9a7b3d4e5f60718293a4b5c6d7"}},{"uri":"git+https://example.com/r","digest":{"sha1":"5f1e2c9a7b3d4e5f60718293a4b5c6d7e8f90a1b"}}]}`
	got, err := parseBuild(t, provenance.SLSAProvenanceV01, predicate)
	if err != nil {
		t.Fatal(err)
	}
	want := &provenance.Build{
		From: provenance.SLSAProvenanceV01,
		BuildDefinition: provenance.BuildDefinition{
			BuildType:          "https://example.com/make",
			ExternalParameters: map[string]any{"CFLAGS": "-O3", "source": "git+https://example.com/r", "entryPoint": "src:foo"},
			InternalParameters: map[string]any{"GOOS": "linux"},
			ResolvedDependencies: []provenance.ResourceDescriptor{
				{URI: "pkg:generic/tool@1", Digest: provenance.DigestSet{"sha256": "5f1e2c9a7b3d4e5f60718293a4b5c6d75f1e2c9a7b3d4e5f60718293a4b5c6d7"}},
				{URI: "git+https://example.com/r", Digest: provenance.DigestSet{"sha1": "5f1e2c9a7b3d4e5f60718293a4b5c6d7e8f90a1b"}},
			},
		},
		RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: "https://example.com/b"}, Metadata: provenance.BuildMetadata{InvocationID: "7",
			StartedOn: time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC), FinishedOn: time.Date(2026, 11, 20, 17, 5, 0, 0, time.UTC)}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	for _, version := range []string{provenance.StatementTypeV01, provenance.StatementType} {
		s := &provenance.Statement{Type: version, Subject: []provenance.ResourceDescriptor{subject("app")}, PredicateType: provenance.SLSAProvenanceV01, Predicate: json.RawMessage(predicate)}
		if b, err := provenance.ParseBuild(s); err != nil || !reflect.DeepEqual(b, want) {
			t.Errorf("in a statement %s: %v", version, err)
		}
	}
	if b, err := parseBuild(t, provenance.SLSAProvenanceV01, strings.Replace(predicate, `"definedInMaterial":1,`, ``, 1)); err != nil || b.BuildDefinition.ExternalParameters["source"] != nil {
		t.Errorf("a recipe that is in no material: %+v, %v", b, err)
	}
	for _, test := range []struct{ from, to, want string }{
		{`"definedInMaterial":1`, `"definedInMaterial":2`, "there are 2 materials"},
		{`"definedInMaterial":1`, `"definedInMaterial":-1`, "there are 2 materials"},
		{`"definedInMaterial":1`, `"definedInMaterial":"1"`, "want an integer"},
		{`"CFLAGS"`, `"source"`, "/recipe/arguments/source"},
		{`"CFLAGS"`, `"entryPoint"`, "/recipe/arguments/entryPoint"},
		{`"type":"https://example.com/make"`, `"type":""`, "/recipe/type is missing"},
		{`"id":"https://example.com/b"`, `"id":""`, "/builder/id is missing"},
		{`"2026-11-20T17:05:00Z"`, `"yesterday"`, "want a time"},
	} {
		bad := strings.Replace(predicate, test.from, test.to, 1)
		if b, err := parseBuild(t, provenance.SLSAProvenanceV01, bad); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %+v, %v, want %q", test.to, b, err, test.want)
		}
	}
}
