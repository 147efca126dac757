package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/sign/store/oci"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
)

// traceOf lists the decision, and the checks that were made, in their order.
func traceOf(decision string, findings []verify.Finding) string {
	out := []string{decision}
	for _, f := range findings {
		out = append(out, fmt.Sprintf("%s %s %s", f.Status, f.Code, f.Rule))
	}
	return strings.Join(out, "\n")
}

// Whichever way a question comes in, the checks are the same, in the same order,
// and so is the answer: asked of the library as a file, opened, as content; by the
// command; with the evidence pulled from a registry, with and without the API of
// referrers, from a folder, and out of an image layout on the disk; and with all of
// it out of a capsule.
func TestPathsAreEqual(t *testing.T) {
	registries := []string{startRegistry(t, true), startRegistry(t, false)}
	for name, script := range map[string]string{
		"allowed":  "",
		"changed":  "swap flip 3",
		"stranger": "sign provenance mallory",
		"refused":  "set provenance /predicate/buildDefinition/externalParameters/source/ref \"refs/heads/main\"\nsign approval alice\ndrop scan",
		"pooled":   "set policy /provenance/signedBy {\"atLeast\":2,\"of\":[\"ci\",\"qa\"]}\nsign provenance qa + ci + mallory",
		"expired":  "set trust /expires \"2026-11-21T03:00:00Z\"",
	} {
		t.Run(name, func(t *testing.T) {
			c := story.Build(t, script)
			verdict, err := c.Verifier.Verify(t.Context(), c.Request)
			want := traceOf(verdict.Decision.String(), verdict.Findings)
			check := func(path string, v *verify.Verdict, gotErr error) {
				t.Helper()
				if got := traceOf(v.Decision.String(), v.Findings); got != want || (gotErr == nil) != (err == nil) {
					t.Errorf("%s:\n%s\nwant, as of a file:\n%s", path, got, want)
				}
			}
			with := func(evidence []*sign.Bundle) verify.Request {
				r := c.Request
				r.Evidence = evidence
				return r
			}

			h, openErr := c.Verifier.Open(t.Context(), c.Request)
			if openErr == nil {
				check("open", h.Verdict, nil)
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			} else {
				check("open", openErr.(*verify.Error).Verdict, openErr)
			}
			r := c.Request
			r.Artifact = verify.Content(bytes.NewReader(c.Bytes), int64(len(c.Bytes)))
			v, contentErr := c.Verifier.Verify(t.Context(), r)
			check("content", v, contentErr)

			dir := t.TempDir()
			var out bytes.Buffer
			status := run([]string{"verify", "--trust", integration.Write(t, dir, "trust.json", c.Trust.Marshal()), "--policy", integration.Write(t, dir, "policy.json", c.Policies[0].Marshal()),
				"--evidence", integration.Write(t, dir, "evidence.intoto.jsonl", c.Lines), "--environment", "prod", "--at", "2026-11-21T03:07:00Z", "--format", "json", c.Path},
				strings.NewReader(""), &out, new(bytes.Buffer))
			var said struct {
				Decision string `json:"decision"`
				Findings []struct {
					Code, Status, Rule string
				} `json:"findings"`
			}
			if err := json.Unmarshal(out.Bytes(), &said); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			lines := []string{said.Decision}
			for _, f := range said.Findings {
				lines = append(lines, fmt.Sprintf("%s %s %s", f.Status, f.Code, f.Rule))
			}
			if got := strings.Join(lines, "\n"); got != want || status != map[verify.Decision]int{verify.Allow: statusDone, verify.Deny: statusDenied, verify.Undecided: statusFailed}[verdict.Decision] {
				t.Errorf("the command, exit status %d:\n%s\nwant:\n%s", status, got, want)
			}

			artifact := provenance.SumSHA256(c.Bytes)
			for i, registry := range registries {
				repository, err := oci.Options{InsecureHTTP: true}.Open(registry + "/" + name)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := repository.PutBlob(t.Context(), bytes.NewReader(c.Bytes)); err != nil {
					t.Fatal(err)
				}
				if err := repository.Push(t.Context(), artifact, c.Request.Evidence...); err != nil {
					t.Fatal(err)
				}
				evidence, err := repository.Bundles(t.Context(), artifact)
				if err != nil {
					t.Fatal(err)
				}
				v, err := c.Verifier.Verify(t.Context(), with(evidence))
				check(fmt.Sprintf("registry %d", i), v, err)
			}

			folder, err2 := store.Create(filepath.Join(dir, "store"))
			if err2 != nil {
				t.Fatal(err2)
			}
			defer folder.Close()
			layout := layoutOf(t, artifact, c.Request.Evidence)
			defer layout.Close()
			if err := folder.Push(t.Context(), artifact, c.Request.Evidence...); err != nil {
				t.Fatal(err)
			}
			for path, from := range map[string]interface {
				Bundles(context.Context, provenance.Digest) ([]*sign.Bundle, error)
			}{"a folder": folder, "a layout": layout} {
				evidence, err := from.Bundles(t.Context(), artifact)
				if err != nil {
					t.Fatal(err)
				}
				v, err := c.Verifier.Verify(t.Context(), with(evidence))
				check(path, v, err)
			}

			var file bytes.Buffer
			content := capsule.Content{At: c.Request.At, Trust: c.Trust, Policies: [][]byte{c.Policies[0].Marshal()}, Subjects: []provenance.Digest{artifact}, Source: capsule.Set{artifact: c.Request.Evidence}}
			if err := content.Write(t.Context(), &file); err != nil {
				t.Fatal(err)
			}
			opened, err2 := capsule.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
			if err2 != nil {
				t.Fatal(err2)
			}
			pins := capsule.Pins{TrustDigest: c.Trust.Digest(), Policies: c.Policies, At: c.Request.At}
			inside, request, err2 := pins.Verifier(t.Context(), opened, artifact)
			if err2 != nil {
				if verdict.Decision != verify.Undecided { // one of a trust file that has expired answers nothing at all
					t.Fatal(err2)
				}
				return
			}
			request.Artifact, request.Name, request.Environment = c.Request.Artifact, c.Request.Name, c.Request.Environment
			v, err3 := inside.Verify(t.Context(), request)
			check("capsule", v, err3)
		})
	}
}

// layoutOf is an image layout that holds the evidence about an artifact, a manifest
// each.
func layoutOf(t *testing.T, about provenance.Digest, evidence []*sign.Bundle) *oci.Layout {
	t.Helper()
	l := imagetest.New()
	subject := l.Image("linux/amd64", nil)
	l.Add(subject)
	subject.Digest = about.String()
	for _, b := range evidence {
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		m := imagetest.Manifest(l.Blob("application/vnd.oci.empty.v1+json", []byte("{}")), l.Blob("application/vnd.dsse.envelope.v1+json", line))
		m["artifactType"], m["subject"] = "application/vnd.dsse.envelope.v1+json", subject
		l.Add(l.Document("application/vnd.oci.image.manifest.v1+json", m))
	}
	layout, err := oci.OpenLayout(l.Write(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return layout
}
