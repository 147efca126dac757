package spdx_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// Part by part, a document becomes what it becomes at once.
func TestStreamFromCycloneDX(t *testing.T) {
	for seed := range uint64(150) {
		m := &maker{Rand: rand.New(rand.NewPCG(2, seed))}
		bom := m.bom()
		if m.chance(30) {
			(*bom.Components)[0].Scope = cdx.ScopeOptional // which is lost
		}
		var in bytes.Buffer
		if err := sbom.Write(&in, bom); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		read, err := sbom.Parse(bytes.NewReader(in.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		doc, lost, err := spdx.FromCycloneDX(read)
		if err != nil {
			t.Fatal(err)
		}
		var want, got bytes.Buffer
		if err := spdx.Write(&want, doc); err != nil {
			t.Fatal(err)
		}
		var told []spdx.Loss
		if err := spdx.StreamFromCycloneDX(&got, bytes.NewReader(in.Bytes()), func(l spdx.Loss) { told = append(told, l) }); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("seed %d: part by part it is\n%s\nat once\n%s", seed, got.Bytes(), want.Bytes())
		}
		// And back.
		bom2, lost2, err := spdx.ToCycloneDX(doc)
		if err != nil {
			t.Fatal(err)
		}
		var wantBack, gotBack bytes.Buffer
		if err := sbom.Write(&wantBack, bom2); err != nil {
			t.Fatal(err)
		}
		if err := spdx.StreamToCycloneDX(&gotBack, bytes.NewReader(want.Bytes()), func(l spdx.Loss) { lost2 = append(lost2, l) }); err != nil || len(lost2) > 0 {
			t.Fatalf("seed %d: %v, lost %v", seed, err, lost2)
		}
		if canonicalBOM(t, gotBack.Bytes()) != wantBack.String() {
			t.Fatalf("seed %d: back part by part it is\n%s\nat once\n%s", seed, gotBack.Bytes(), wantBack.Bytes())
		}
		if fmt.Sprint(told) != fmt.Sprint(lost) {
			t.Errorf("seed %d: lost %v, at once %v", seed, told, lost)
		}
	}
}

// canonicalBOM is a BOM as package sbom writes it.
func canonicalBOM(t *testing.T, data []byte) string {
	t.Helper()
	bom, err := sbom.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	var b strings.Builder
	if err := sbom.Write(&b, bom); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStreamFromCycloneDXRefuses(t *testing.T) {
	const good = `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-11-21T05:34:23Z"},"components":[{"type":"library","name":"a","bom-ref":"a"}]}`
	var b bytes.Buffer
	if err := spdx.StreamFromCycloneDX(&b, strings.NewReader(good), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := spdx.Parse(&b); err != nil {
		t.Error(err)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"no time", `"timestamp":"2026-11-21T05:34:23Z"`, ``, "no metadata.timestamp"},
		{"a bom-ref twice", `"components":[`, `"components":[{"type":"library","name":"b","bom-ref":"a"},`, "twice"},
		{"not CycloneDX", `"CycloneDX"`, `"SPDX"`, "bomFormat"},
		{"half", `"bom-ref":"a"}]}`, `"bom-ref":"a"}`, "BOM"},
	} {
		err := spdx.StreamFromCycloneDX(io.Discard, strings.NewReader(strings.Replace(good, test.old, test.new, 1)), nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want a word about %q", test.name, err, test.want)
		}
	}
	if err := (spdx.Options{Created: created}).StreamFromCycloneDX(io.Discard, strings.NewReader(strings.Replace(good, `"timestamp":"2026-11-21T05:34:23Z"`, ``, 1)), nil); err != nil {
		t.Error(err)
	}
}

// largeBOM writes a document of n components, of about 680 bytes each with
// what they depend on.
func largeBOM(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.cdx.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bytes.NewBuffer(nil)
	fmt.Fprint(w, `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"metadata":{"timestamp":"2026-11-21T05:34:23Z","component":{"type":"application","bom-ref":"main","name":"main"}},"components":[`)
	for i := range n {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, `{"type":"library","bom-ref":"pkg:golang/example.com/module-%d@v1.%d.0","name":"example.com/module-%d","version":"v1.%d.0","purl":"pkg:golang/example.com/module-%d@v1.%d.0",`+
			`"hashes":[{"alg":"SHA-256","content":"%064x"}],"licenses":[{"license":{"id":"MIT","acknowledgement":"declared"}}],"externalReferences":[{"type":"vcs","url":"https://example.com/module-%d.git"}],`+
			`"properties":[{"name":"touchmark:go:h1","value":"h1:%043d="}]}`, i, i, i, i, i, i, i, i, i)
		if w.Len() > 1<<20 {
			if _, err := w.WriteTo(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	fmt.Fprint(w, `],"dependencies":[{"ref":"main","dependsOn":["pkg:golang/example.com/module-0@v1.0.0"]}`)
	for i := range n {
		fmt.Fprintf(w, `,{"ref":"pkg:golang/example.com/module-%d@v1.%d.0","dependsOn":[`, i, i)
		for j := 1; j <= 2 && i+j < n; j++ {
			if j > 1 {
				w.WriteByte(',')
			}
			fmt.Fprintf(w, `"pkg:golang/example.com/module-%d@v1.%d.0"`, i+j, i+j)
		}
		w.WriteString("]}")
	}
	w.WriteString("]}\n")
	if _, err := w.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	return path
}

// A document of 52 MB is converted, and converted back, in 32 MiB.
func TestLargeDocument(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("writes documents of 52 MB; set TOUCHMARK_INTEGRATION=1 to run it")
	}
	const most = 32 << 20
	path := largeBOM(t, 76_000)
	there := filepath.Join(t.TempDir(), "large.spdx.json")
	convert := func(name, from, to string, f func(w io.Writer, r io.ReadSeeker) error) {
		in, err := os.Open(from)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		info, err := in.Stat()
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(to)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		start := time.Now()
		peak := testkit.HeapPeak(most, func() {
			if err := f(out, in); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %.1f MB in %.1f MiB, %v", name, float64(info.Size())/1e6, float64(peak)/(1<<20), time.Since(start).Round(time.Millisecond))
		if peak > most {
			t.Errorf("%s took %.1f MiB, want 32 at most", name, float64(peak)/(1<<20))
		}
	}
	convert("to SPDX", path, there, func(w io.Writer, r io.ReadSeeker) error {
		return spdx.StreamFromCycloneDX(w, r, func(l spdx.Loss) { t.Errorf("lost: %v", l) })
	})
	convert("back", there, filepath.Join(t.TempDir(), "back.cdx.json"), func(w io.Writer, r io.ReadSeeker) error {
		return spdx.StreamToCycloneDX(w, r, func(l spdx.Loss) { t.Errorf("lost: %v", l) })
	})
}
