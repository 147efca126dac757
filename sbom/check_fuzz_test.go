package sbom_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/sbom"
)

// Whatever Parse accepts can be checked, compared with itself without a
// difference, and merged; and what goes by is found to be what is held.
func FuzzWork(f *testing.F) {
	f.Add(sound)
	f.Add(fullDocument())
	f.Add(strings.Replace(sound, `{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["app","zz"]}`, 1))
	f.Add(strings.Replace(sound, `"name":"b"`, `"name":"b\n","group":"@g","purl":"pkg:npm/b@1","components":[{"type":"file","name":"c"}]`, 1))
	f.Add(strings.Replace(sound, `"version":"2"}`, `"version":"2","licenses":[{"license":{"name":"LicenseRef-x","bom-ref":"l"}}],"hashes":[{"alg":"MD5","content":"d41d8cd98f00b204e9800998ecf8427e"}]}`, 1))
	f.Fuzz(func(t *testing.T, document string) {
		bom, err := sbom.Parse(strings.NewReader(document))
		if err != nil {
			t.Skip()
		}
		for _, profile := range sbom.Profiles() {
			want := issueLines(sbom.Check(bom, profile))
			if got := issueLines(streamed(t, strings.NewReader(document), profile)); !slices.Equal(got, want) {
				t.Errorf("%s:\n%s\nwant:\n%s", profile, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if r := sbom.Score(bom); r.Total < 0 || r.Total > 10 {
			t.Errorf("a score of %v", r.Total)
		}
		if changes := sbom.Diff(bom, bom); changes != nil {
			t.Errorf("it differs from itself by %v", changes)
		}
		if changes, err := sbom.DiffStream(strings.NewReader(document), strings.NewReader(document)); changes != nil || err != nil {
			t.Errorf("it differs from itself by %v, %v", changes, err)
		}
		if bom.Metadata == nil || bom.Metadata.Component == nil {
			t.Skip()
		}
		once, _, err := sbom.Merge("product", "1", bom)
		if err != nil {
			t.Skip() // of a component that cannot stand in a document of ours
		}
		again, _, err := sbom.Merge("product", "1", bom, once, bom)
		if err != nil {
			t.Fatal(err)
		}
		var a, b bytes.Buffer
		if err := fmt.Sprint(sbom.Write(&a, once), sbom.Write(&b, again)); err != "<nil> <nil>" || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("merged again it is another:\n%s\n%s\n%s", a.Bytes(), b.Bytes(), err)
		}
		if _, err := sbom.Parse(&a); err != nil {
			t.Errorf("merged, it is refused: %v", err)
		}
	})
}
