package sbom_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/sbom"
)

// streamed collects what CheckStream finds.
func streamed(t testing.TB, r io.ReadSeeker, profile sbom.Profile) (issues []sbom.Issue) {
	t.Helper()
	for i, err := range sbom.CheckStream(r, profile) {
		if err != nil {
			t.Fatal(err)
		}
		issues = append(issues, i)
	}
	return issues
}

func issueLines(issues []sbom.Issue) []string {
	var lines []string
	for _, i := range issues {
		lines = append(lines, fmt.Sprintf("%+v", i))
	}
	slices.Sort(lines)
	return lines
}

// A document that goes by has the issues of one that is held.
func TestCheckStream(t *testing.T) {
	documents := map[string]string{"sound": sound, "full": fullDocument()}
	for name, change := range map[string][2]string{
		"dangling":        {`["a","b"]}`, `["a","zz"]}`},
		"no ref":          {`"bom-ref":"b",`, ``},
		"a ref twice":     {`{"bom-ref":"b",`, `{"bom-ref":"b","type":"library","name":"c"},{"bom-ref":"b",`},
		"the main ref":    {`"bom-ref":"b"`, `"bom-ref":"app"`},
		"two entries":     {`{"ref":"b",`, `{"ref":"a","dependsOn":[]},{"ref":"b",`},
		"on itself":       {`{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["b"]}`},
		"a cycle":         {`{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["app"]}`},
		"no entry":        {`,{"ref":"b","dependsOn":[]}`, ``},
		"contradiction":   {`"compositions":[`, `"compositions":[{"aggregate":"incomplete","dependencies":["a"]},`},
		"empty":           {`"compositions":[`, `"compositions":[{"aggregate":"incomplete"},`},
		"a stranger":      {`["app","a","b"]}]`, `["app","a","b"]},{"aggregate":"unknown","assemblies":["z"]}]`},
		"unreached":       {`{"ref":"app","dependsOn":["a","b"]},{"ref":"a","dependsOn":["b"]}`, `{"ref":"app","dependsOn":["b"]},{"ref":"a","dependsOn":["b"]}`},
		"inside":          {`"name":"b","version":"2"}`, `"name":"b","version":"2","components":[{"bom-ref":"c","type":"file","name":"c"},{"type":"file","name":"d","components":[{"bom-ref":"e","type":"file","name":"e"}]}]}`},
		"a service":       {`"components":[`, `"services":[{"bom-ref":"s","name":"s"}],"components":[`},
		"main last":       {`"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}},`, ``},
		"vulnerabilities": {`"dependencies":[`, `"vulnerabilities":[{"id":"CVE-2026-1"}],"dependencies":[`},
	} {
		documents[name] = strings.Replace(sound, change[0], change[1], 1)
	}
	documents["main last"] = strings.TrimSuffix(documents["main last"], "}") + `,"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}}}`
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 60 {
		documents[fmt.Sprint("random ", i)] = string(write(t, randomBOM(r)))
	}
	for name, document := range documents {
		for _, profile := range sbom.Profiles() {
			bom, err := sbom.Parse(strings.NewReader(document))
			if err != nil {
				for _, err = range sbom.CheckStream(strings.NewReader(document), profile) {
				}
				if err == nil {
					t.Errorf("%s: what Parse refuses is checked", name)
				}
				continue
			}
			got, want := issueLines(streamed(t, strings.NewReader(document), profile)), issueLines(sbom.Check(bom, profile))
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s:\n%s\nwant:\n%s\nof %s", name, profile, strings.Join(got, "\n"), strings.Join(want, "\n"), document)
			}
		}
	}
}

// The reading begins where the reader stands, breaking out of it is fine, and
// what cannot be read is an error.
func TestCheckStreamReader(t *testing.T) {
	r := strings.NewReader("xx" + sound)
	if _, err := r.Seek(2, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got := streamed(t, r, sbom.ProfileStructure); got != nil {
		t.Errorf("%v", got)
	}
	n := 0
	for range sbom.CheckStream(strings.NewReader(sound), sbom.ProfileNTIA) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d issues before the break", n)
	}
	for _, document := range []string{"", "{}", `{"bomFormat":"CycloneDX"`, `{"spdxVersion":"SPDX-2.3"}`} {
		var last error
		for _, err := range sbom.CheckStream(strings.NewReader(document), sbom.ProfileNTIA) {
			last = err
		}
		if last == nil {
			t.Errorf("%q is checked", document)
		}
	}
	if got := streamed(t, strings.NewReader(sound), "none"); len(got) != 1 || sbom.Met(got) {
		t.Errorf("a profile that there is none of: %v", got)
	}
}
