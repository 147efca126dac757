package gofacts_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

const sum1 = "h1:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="

func TestParseSum(t *testing.T) {
	text := "example.com/a v1.0.0 " + sum1 + "\nexample.com/a v1.0.0/go.mod " + sum1 + "\n\r\nexample.com/B v2.0.0+incompatible h2:later\n  example.com/a\tv1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	got, err := gofacts.ParseSum("go.sum", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[gofacts.Version][]string{
		{Path: "example.com/a", Version: "v1.0.0"}:              {sum1, "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{Path: "example.com/B", Version: "v2.0.0+incompatible"}: {"h2:later"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}

func TestParseSumRefuses(t *testing.T) {
	good := "example.com/a v1.0.0 " + sum1 + "\n"
	for text, want := range map[string]string{
		good + "example.com/a v1.0.0\n":                            "go.sum:2: want a module, a version and a sum",
		good + good + "example.com/a v1.0.0 h1:short\n":            `go.sum:3: sum of "example.com/a" is "h1:short"`,
		good + "example.com/a v1.0.0 " + sum1 + " more\n":          "go.sum:2: want a module",
		good + "example.com/a latest " + sum1 + "\n":               `go.sum:2: module "example.com/a" has version "latest"`,
		good + "example.com/a v1.0.0/other " + sum1 + "\n":         "go.sum:2: module",
		good + "example.com/\u202ea v1.0.0 " + sum1 + "\n":         "go.sum:2: ",
		good + "example.com/a v1.0.0 \xff\n":                       "go.sum:2: ",
		good + "<<<<<<< HEAD\n":                                    "go.sum:2: ",
		good + "example.com/a v1.0.0 " + sum1[:20] + "\x00" + "\n": "go.sum:2: ",
		strings.Repeat("x", 70<<10):                                "go.sum:1: the line has more than",
		strings.Repeat("\n", 200_001):                              "more than 200000 lines",
	} {
		if _, err := gofacts.ParseSum("go.sum", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: error is %v, want %q", text, err, want)
		}
	}
	if _, err := gofacts.ParseSum("go.sum", endless{}); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("an endless file: error is %v, want the limit", err)
	}
}

// endless is white space for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(strings.Repeat("\t", 1000)+"\n"), len(p)/1001+1)), nil
}

func FuzzParseSum(f *testing.F) {
	f.Add([]byte("example.com/a v1.0.0 " + sum1 + "\nexample.com/a v1.0.0/go.mod " + sum1 + "\n"))
	f.Add([]byte("a v1 h2:x\r\n\t\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sums, err := gofacts.ParseSum("go.sum", bytes.NewReader(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "go.sum") {
				t.Errorf("%q: the error does not name the file: %v", data, err)
			}
			return
		}
		var b strings.Builder
		for v, list := range sums {
			for _, sum := range list {
				b.WriteString(v.Path + " " + v.Version + " " + sum + "\n")
			}
		}
		again, err := gofacts.ParseSum("go.sum", strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(again, sums) {
			t.Errorf("%q does not survive a round trip: %v, %v", data, again, err)
		}
	})
}

func TestParseVendor(t *testing.T) {
	text := `## workspace
# example.com/a v1.2.3
## explicit; go 1.22
example.com/a
example.com/a/b
# example.com/b v0.0.0-20260101000000-aaaaaaaaaaaa => ./b
## explicit
# example.com/c v1.0.0 => example.com/d v1.1.0
## go 1.21
example.com/c/x
# example.com/c => example.com/d v1.1.0
`
	got, err := gofacts.ParseVendor("modules.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	v := func(path, version string) gofacts.Version { return gofacts.Version{Path: path, Version: version} }
	ref := func(v gofacts.Version) *gofacts.Version { return &v }
	want := []gofacts.Vendored{
		{Version: v("example.com/a", "v1.2.3"), Explicit: true, Packages: []string{"example.com/a", "example.com/a/b"}},
		{Version: v("example.com/b", "v0.0.0-20260101000000-aaaaaaaaaaaa"), Replaced: ref(v("./b", "")), Explicit: true},
		{Version: v("example.com/c", "v1.0.0"), Replaced: ref(v("example.com/d", "v1.1.0")), Packages: []string{"example.com/c/x"}},
		{Version: v("example.com/c", ""), Replaced: ref(v("example.com/d", "v1.1.0"))},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("modules are\n%+v, want\n%+v", got, want)
	}
	for text, want := range map[string]string{
		"example.com/a\n":                            "modules.txt:1: want a module first",
		"## explicit\n":                              "modules.txt:1: want a module first",
		"# example.com/a\n":                          "modules.txt:1: want a module and its version",
		"# example.com/a v1.0.0\n## odd\n":           "modules.txt:2: want explicit or a go version",
		"# example.com/a v1.0.0\nexample.com/a b\n":  "modules.txt:2: want the import path",
		"# example.com/a v1.0.0\n\n":                 "modules.txt:2: want the import path",
		"# example.com/a v1.0.0 =>\n":                "modules.txt:1: want what stands in",
		"# example.com/a v1.0.0 => b latest\n":       "modules.txt:1: want what stands in",
		"# example.com/a one\n":                      "modules.txt:1: want a module and its version",
		"# example.com/a v1.0.0 extra\n":             "modules.txt:1: want a module and its version",
		"# example.com/a v1.0.0\n## workspace\n":     "modules.txt:2: want explicit",
		"# example.com/a v1.0.0\n example.com/a\n":   "modules.txt:2: want the import path",
		"# example.com/a v1.0.0\nexample.com/\x01\n": "modules.txt:2: ",
	} {
		if _, err := gofacts.ParseVendor("modules.txt", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
}

func FuzzParseVendor(f *testing.F) {
	f.Add([]byte("# example.com/a v1.2.3 => ../x\n## explicit; go 1.22\nexample.com/a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := gofacts.ParseVendor("modules.txt", bytes.NewReader(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "modules.txt") {
				t.Errorf("%q: the error does not name the file: %v", data, err)
			}
			return
		}
		var b strings.Builder
		for _, v := range list {
			b.WriteString(strings.TrimRight("# "+v.Path+" "+v.Version.Version, " "))
			if v.Replaced != nil {
				b.WriteString(strings.TrimRight(" => "+v.Replaced.Path+" "+v.Replaced.Version, " "))
			}
			b.WriteString("\n")
			if v.Explicit {
				b.WriteString("## explicit\n")
			}
			for _, p := range v.Packages {
				b.WriteString(p + "\n")
			}
		}
		again, err := gofacts.ParseVendor("modules.txt", strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("%q does not survive a round trip: %q, %v", data, b.String(), err)
		}
	})
}
