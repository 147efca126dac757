package provenance_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

// BenchmarkParse compares Parse with encoding/json, which is not strict, over
// the same bytes.
//
//	go test -run '^$' -bench Parse ./provenance
func BenchmarkParse(b *testing.B) {
	for name, size := range map[string]int{"2KiB": 2 << 10, "1MiB": 1 << 20} {
		build := someBuild()
		build.BuildDefinition.InternalParameters["log"] = strings.Repeat("0123456789abcde\n", size/17)
		s, err := build.Statement(subject("app"))
		if err != nil {
			b.Fatal(err)
		}
		data, err := s.Marshal()
		if err != nil {
			b.Fatal(err)
		}
		for reader, read := range map[string]func() error{
			"strict": func() error { _, err := provenance.Parse(data); return err },
			"json":   func() error { var s provenance.Statement; return json.Unmarshal(data, &s) },
		} {
			b.Run(fmt.Sprintf("%s/%s", name, reader), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					if err := read(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
