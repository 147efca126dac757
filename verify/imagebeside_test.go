package verify_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

// What stands beside an image in its index, an attestation that nobody signed, is
// held against its digest as the image is, whether its layers are examined or not.
func TestAttestationBesideFlipped(t *testing.T) {
	program := tinyProgram("one")
	l := imagetest.New()
	image := l.Image("linux/amd64", []imagetest.Entry{{Name: "app", Body: string(program)}})
	statement, err := json.Marshal(map[string]any{"_type": provenance.StatementType, "predicateType": provenance.SLSAProvenanceV1, "subject": []any{map[string]any{"name": "app", "digest": map[string]any{"sha256": strings.TrimPrefix(image.Digest, "sha256:")}}}, "predicate": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	beside := l.Document("application/vnd.oci.image.manifest.v1+json", imagetest.Manifest(l.Document("application/vnd.oci.image.config.v1+json", imagetest.Config("unknown/unknown")), l.Blob("application/vnd.in-toto+json", statement)))
	beside.Platform = imagetest.ParsePlatform("unknown/unknown")
	beside.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.Digest}
	l.Add(l.Index(image, beside))
	good := l.Tar()
	flipped := bytes.Replace(good, []byte(`"predicate":{}`), []byte(`"predicate":[]`), 1)
	if bytes.Equal(good, flipped) {
		t.Fatal("nothing was flipped")
	}
	for _, mode := range []verify.ExamineMode{verify.ExamineRequired, verify.ExamineIfApplicable, verify.ExamineOff} {
		q := imageQuestion{mode: mode, digest: l.Roots[0].Digest, files: [][]byte{program}}
		if got, v := q.decision(t, content(good), false); got != "ALLOW" {
			t.Errorf("%s: %s, want ALLOW\n%s", mode, got, v)
		}
		if got, v := q.decision(t, content(flipped), false); got != "DENY malformed/digest" {
			t.Errorf("%s, flipped: %s, want DENY malformed/digest\n%s", mode, got, v)
		}
	}
}

// An index may say less of a platform than the config does, and nothing else.
func TestPlatformVariant(t *testing.T) {
	for _, c := range []struct{ claimed, runs, want string }{
		{"linux/arm/v7", "linux/arm/v7", "ALLOW"},
		{"linux/arm", "linux/arm/v7", "ALLOW"},
		{"linux/arm/v7", "linux/arm", "ALLOW"},
		{"linux/arm/v6", "linux/arm/v7", "DENY examine/goarch"},
		{"linux/arm64", "linux/arm/v7", "DENY examine/goarch"},
		{"windows/arm/v7", "linux/arm/v7", "DENY examine/goos"},
	} {
		l := imagetest.New()
		image := l.Image(c.runs, []imagetest.Entry{{Name: "run.sh", Body: "#!/bin/sh"}})
		image.Platform = imagetest.ParsePlatform(c.claimed)
		l.Add(l.Index(image))
		q := imageQuestion{mode: verify.ExamineIfApplicable, digest: l.Roots[0].Digest}
		if got, v := q.decision(t, content(l.Tar()), false); got != c.want {
			t.Errorf("%s, which runs on %s: %s, want %s\n%s", c.claimed, c.runs, got, c.want, v)
		}
	}
}
