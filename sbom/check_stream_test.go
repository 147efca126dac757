package sbom_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

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
	for i := range 200 {
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

// largeBOM writes a document of n components of about 690 bytes each, with their
// dependencies; those of version 2 have one in a thousand changed.
func largeBOM(t testing.TB, n int, second bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	flush := func() {
		if _, err := f.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	name := func(i int) string { return fmt.Sprintf("github.com/organization-%d/module-%d", i%977, i) }
	ref := func(i int) string { return fmt.Sprintf("ref-%d", i) }
	b.WriteString(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}},"components":[`)
	for i := range n {
		version := fmt.Sprintf("v1.%d.0", i%50)
		if second && i%1000 == 0 {
			version = "v2.0.0"
		}
		c := cdx.Component{BOMRef: ref(i), Type: cdx.ComponentTypeLibrary, Name: name(i), Version: version, PackageURL: "pkg:golang/" + name(i) + "@" + version,
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "MIT"}}},
			Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%064x", i)}},
			Supplier: &cdx.OrganizationalEntity{Name: fmt.Sprint("Organization ", i%977)}}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(data)
		if b.Len() > 1<<20 {
			flush()
		}
	}
	b.WriteString(`],"dependencies":[{"ref":"app","dependsOn":["ref-0"]}`)
	for i := range n {
		fmt.Fprintf(&b, `,{"ref":%q,"dependsOn":[`, ref(i))
		if i+1 < n {
			fmt.Fprintf(&b, "%q", ref(i+1))
		}
		if far := i * 2; far > i+1 && far < n {
			fmt.Fprintf(&b, ",%q", ref(far))
		}
		b.WriteString("]}")
		if b.Len() > 1<<20 {
			flush()
		}
	}
	b.WriteString("]}\n")
	flush()
	return path
}

// heapPeak is the most that was in use of the heap while f ran, in bytes, beyond
// what was before.
func heapPeak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-done
	if peak.Load() < before.HeapInuse {
		return 0
	}
	return peak.Load() - before.HeapInuse
}

// Documents of 52 MB and of 1 GB are checked, and compared, in 32 MiB.
func TestLargeDocuments(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("writes documents of 52 MB and 1 GB; set TOUCHMARK_INTEGRATION=1 to run it")
	}
	const most = 32 << 20
	for _, n := range []int{98_000} {
		path := largeBOM(t, n, false)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		issues := 0
		peak := heapPeak(func() {
			for _, err := range sbom.CheckStream(f, sbom.ProfileNTIA) {
				if err != nil {
					t.Fatal(err)
				}
				issues++
			}
		})
		t.Logf("check: %d MB, %d components: %d issues, %.1f MiB, %v", info.Size()/1_000_000, n, issues, float64(peak)/(1<<20), time.Since(start).Round(time.Millisecond))
		if peak > most {
			t.Errorf("%d components took %.1f MiB", n, float64(peak)/(1<<20))
		}
	}
}
