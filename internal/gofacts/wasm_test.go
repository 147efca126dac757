package gofacts_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
)

const (
	frameStart = "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
	frameEnd   = "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"
	wasmText   = "path\texample.com/a\nmod\texample.com/a\tv1.0.0\t\ndep\tb.c/d\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nbuild\tGOOS=wasip1\n"
)

// section is one of a WebAssembly module.
func section(id byte, body string) string {
	return string(binary.AppendUvarint([]byte{id}, uint64(len(body)))) + body
}

func vector(s string) string { return string(binary.AppendUvarint(nil, uint64(len(s)))) + s }

func producers(version string) string {
	return section(0, vector("producers")+"\x02"+vector("language")+"\x01"+vector("Go")+vector(version)+
		vector("processed-by")+"\x01"+vector("Go cmd/compile")+vector(version))
}

func wasm(sections ...string) string { return "\x00asm\x01\x00\x00\x00" + strings.Join(sections, "") }

func TestWasm(t *testing.T) {
	info := frameStart + wasmText + frameEnd
	other := strings.Replace(info, "v1.0.0", "v1.0.1", 1)
	for _, test := range []struct {
		name, file string
		want       error
	}{
		{"whole", wasm(section(1, "types"), section(11, "data"+info+"more"), producers("go1.26.8")), nil},
		{"the same twice", wasm(section(11, info+"and"+info), producers("go1.26.8")), nil},
		{"far behind", wasm(section(11, strings.Repeat("x", 3<<20)+info), producers("go1.26.8")), nil},
		{"over the end of a window", wasm(section(11, strings.Repeat("x", 1<<20-40)+info), producers("go1.26.8")), nil},
		{"two that differ", wasm(section(11, info+other), producers("go1.26.8")), gofacts.ErrMalformed},
		{"in two sections", wasm(section(11, info), section(11, info), producers("go1.26.8")), gofacts.ErrMalformed},
		{"in another section", wasm(section(10, info), producers("go1.26.8")), gofacts.ErrNotGo},
		{"without an end", wasm(section(11, strings.TrimSuffix(info, frameEnd)), producers("go1.26.8")), gofacts.ErrNotGo},
		{"without a toolchain", wasm(section(11, info)), gofacts.ErrNotGo},
		{"by another toolchain", wasm(section(11, info), section(0, vector("producers")+"\x01"+vector("processed-by")+"\x01"+vector("rustc")+vector("1.0"))), gofacts.ErrNotGo},
		{"without information", wasm(section(11, "data"), producers("go1.26.8")), gofacts.ErrNotGo},
		{"too long", wasm(section(11, frameStart+strings.Repeat("x", 40<<20)+frameEnd), producers("go1.26.8")), gofacts.ErrMalformed},
		{"no sections", wasm(), gofacts.ErrNotGo},
		{"a section without a length", wasm() + "\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", gofacts.ErrNotGo},
		{"many sections", wasm(strings.Repeat(section(1, ""), 5000), section(11, info), producers("go1.26.8")), gofacts.ErrNotGo},
	} {
		f, err := gofacts.Read(strings.NewReader(test.file))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if test.want == nil && err == nil && (f.GoVersion != "go1.26.8" || f.Main.Path != "example.com/a" || len(f.Modules) != 1 || f.Settings["GOOS"] != "wasip1") {
			t.Errorf("%s: facts %+v", test.name, f)
		}
	}
}

// What is read of a real module, stripped or not, is what is read of the same
// program for another system.
func TestWasmLikeELF(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("compiles the standard library for WebAssembly: set TOUCHMARK_INTEGRATION=1")
	}
	p := factstest.New(t)
	open := func(args ...string) *gofacts.Facts {
		t.Helper()
		data, err := os.ReadFile(filepath.Clean(p.Build(t, args...)))
		if err != nil {
			t.Fatal(err)
		}
		f, err := gofacts.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	elf := open("GOOS=linux", "GOARCH=amd64")
	for _, args := range [][]string{{"GOOS=wasip1", "GOARCH=wasm"}, {"GOOS=js", "GOARCH=wasm", "-ldflags=-s -w"}} {
		got := open(args...)
		if got.GoVersion != elf.GoVersion || got.Path != elf.Path || !reflect.DeepEqual(got.Modules, elf.Modules) {
			t.Errorf("%v: %+v, want %+v", args, got, elf)
		}
		if got.Settings["GOARCH"] != "wasm" {
			t.Errorf("%v: GOARCH is %q", args, got.Settings["GOARCH"])
		}
	}
}

func FuzzWasm(f *testing.F) {
	f.Add([]byte(wasm(section(11, frameStart+wasmText+frameEnd), producers("go1.26.8"))))
	f.Add([]byte(wasm(producers("go1.26.8"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := gofacts.Read(bytes.NewReader(append([]byte("\x00asm\x01\x00\x00\x00"), data...)))
		if err == nil && facts.GoVersion == "" {
			t.Error("facts without a toolchain")
		}
	})
}
