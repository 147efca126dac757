package gofacts_test

import (
	"bytes"
	"debug/buildinfo"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
)

// platforms are one of each file format and word size that the linker writes.
var platforms = []struct{ goos, goarch string }{
	{"linux", "amd64"}, {"linux", "386"}, {"linux", "mips64"},
	{"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "386"},
}

// What Read says must be what go version -m prints, line by line, on every
// format, stripped or not.
func TestReadLikeGoVersion(t *testing.T) {
	p := factstest.New(t)
	for _, on := range platforms {
		for _, ldflags := range []string{"", "-s -w"} {
			if ldflags == "" && on.goos == "linux" && on.goarch != "amd64" {
				continue // one binary less of the slow ones
			}
			t.Run(on.goos+"/"+on.goarch+ldflags, func(t *testing.T) {
				file := p.Build(t, "GOOS="+on.goos, "GOARCH="+on.goarch, "-ldflags="+ldflags)
				f := readFile(t, file)
				if got, want := lines(f), strings.Join(factstest.GoVersionM(t, file), "\n"); got != want {
					t.Errorf("Read:\n%s\ngo version -m:\n%s", got, want)
				}
				if f.GoVersion != runtime.Version() {
					t.Errorf("toolchain is %q, want %q", f.GoVersion, runtime.Version())
				}
			})
		}
	}
}

// lines are the facts as go version -m prints them, but for what only a line
// in its own order can show: settings are taken in the binary's order.
func lines(f *gofacts.Facts) string {
	var out []string
	module := func(word string, m gofacts.Module) {
		version := func(v string) string {
			if v == "" {
				return "(devel)"
			}
			return v
		}
		switch {
		case m.Replaces == nil:
			out = append(out, fmt.Sprintf("\t%s\t%s\t%s\t%s", word, m.Path, version(m.Version), m.Sum))
		case m.Dir != "":
			out = append(out, fmt.Sprintf("\t%s\t%s\t%s", word, m.Replaces.Path, m.Replaces.Version),
				fmt.Sprintf("\t=>\t%s\t%s\t", m.Dir, version("")))
		default:
			out = append(out, fmt.Sprintf("\t%s\t%s\t%s", word, m.Replaces.Path, m.Replaces.Version),
				fmt.Sprintf("\t=>\t%s\t%s\t%s", m.Path, m.Version, m.Sum))
		}
	}
	out = append(out, "\tpath\t"+f.Path)
	module("mod", f.Main)
	// The original paths decide the linker's order; Facts are sorted by the compiled one.
	for _, path := range []string{"example.com/lib", "golang.org/x/mod", "github.com/package-url/packageurl-go"} {
		for _, m := range f.Modules {
			if m.Path == path {
				module("dep", m)
			}
		}
	}
	for _, name := range []string{"-buildmode", "-compiler", "-ldflags", "-tags", "-trimpath", "CGO_ENABLED", "GOARCH", "GOOS", "GO386", "GOAMD64", "GOARM64", "GOMIPS", "GOMIPS64"} {
		if value, ok := f.Settings[name]; ok {
			if strings.Contains(value, " ") {
				value = `"` + value + `"`
			}
			out = append(out, "\tbuild\t"+name+"="+value)
		}
	}
	return strings.Join(out, "\n")
}

func readFile(t testing.TB, name string) *gofacts.Facts {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f, err := gofacts.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// debug/buildinfo is the oracle: on the toolchain's own binaries and this
// test, both must agree in everything.
func TestReadLikeBuildInfo(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "pkg", "tool", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if gobin, err := exec.LookPath("go"); err == nil {
		names = append(names, gobin)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range append(names, self) {
		info, err := buildinfo.ReadFile(name)
		if err != nil {
			continue
		}
		if got, want := readFile(t, name), gofacts.FromBuildInfo(info); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Read says %+v, debug/buildinfo %+v", name, got, want)
		}
		compared++
	}
	if compared == 0 {
		t.Error("debug/buildinfo read nothing to compare with")
	}
}

// What is true of a real binary must not be lost, nor anything worse happen,
// when it is cut, changed or given absurd sizes.
func TestReadHostile(t *testing.T) {
	p := factstest.New(t)
	for _, on := range platforms {
		t.Run(on.goos+"/"+on.goarch, func(t *testing.T) {
			data, err := os.ReadFile(p.Build(t, "GOOS="+on.goos, "GOARCH="+on.goarch, "-ldflags=-s -w"))
			if err != nil {
				t.Fatal(err)
			}
			want := read(t, data, nil)
			for n := 0; n < 4096; n++ { // the headers are within
				if f, err := gofacts.Read(bytes.NewReader(data[:n])); err == nil {
					t.Fatalf("cut to %d bytes it still has %+v", n, f)
				}
			}
			random := rand.New(rand.NewPCG(1, 2))
			for range 5_000 {
				b := bytes.Clone(data[:min(len(data), 8192)])
				for range 1 + random.IntN(4) {
					b[random.IntN(2048)] = byte(random.Uint32())
				}
				readQuietly(t, io.NewSectionReader(&overlay{data, b}, 0, int64(len(data))))
			}
			for at := 0; at < 1024; at += 4 { // giant sizes and offsets in each word
				b := bytes.Clone(data[:4096])
				binary.LittleEndian.PutUint32(b[at:], 0xffff_fff0)
				readQuietly(t, io.NewSectionReader(&overlay{data, b}, 0, int64(len(data))))
			}
			for range 300 { // both readers say the same, where both can read
				b := bytes.Clone(data[:min(len(data), 8192)])
				b[random.IntN(1024)] = byte(random.Uint32())
				file := io.NewSectionReader(&overlay{data, b}, 0, int64(len(data)))
				f, err := gofacts.Read(file)
				info, oracle := buildinfo.Read(file)
				if err == nil && oracle == nil && !reflect.DeepEqual(f, gofacts.FromBuildInfo(info)) {
					t.Fatalf("Read says %+v, debug/buildinfo %+v", f, info)
				}
			}
			if again := read(t, data, nil); !reflect.DeepEqual(again, want) {
				t.Error("the second reading differs from the first")
			}
		})
	}
}

// overlay is data with other bytes at its beginning.
type overlay struct{ data, head []byte }

func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(o.data).ReadAt(p, off)
	if off < int64(len(o.head)) {
		copy(p[:n], o.head[off:])
	}
	return n, err
}

func read(t testing.TB, data []byte, want error) *gofacts.Facts {
	t.Helper()
	f, err := gofacts.Read(bytes.NewReader(data))
	if !errors.Is(err, want) {
		t.Fatalf("Read: %v, want %v", err, want)
	}
	return f
}

// readQuietly wants facts or one of the two errors, and nothing else.
func readQuietly(t testing.TB, r io.ReaderAt) {
	t.Helper()
	f, err := gofacts.Read(r)
	if err == nil && f == nil || err != nil && !errors.Is(err, gofacts.ErrNotGo) && !errors.Is(err, gofacts.ErrMalformed) {
		t.Fatalf("Read: %v, %v", f, err)
	}
}

// A binary whose headers make debug/macho, debug/elf or debug/pe copy one long
// name for each of many symbols costs next to nothing here.
func TestReadMemory(t *testing.T) {
	const names = 8 << 20
	b := make([]byte, names+(1<<22))
	copy(b, "\x7fELF\x02\x01\x01")
	order := binary.LittleEndian
	order.PutUint64(b[40:], names)  // sections behind the names
	order.PutUint16(b[54:], 56)     // size of a program header
	order.PutUint16(b[58:], 64)     // size of a section header
	order.PutUint16(b[60:], 0xff00) // sections
	for i := 0; i < 0xff00; i++ {
		at := names + i*64
		order.PutUint64(b[at+24:], 64)
		order.PutUint64(b[at+32:], names-64)
	}
	for i := 64; i < names-1; i++ {
		b[i] = 'x'
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read(t, b, gofacts.ErrNotGo)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
		t.Errorf("Read allocated %d MiB, want under 64", got>>20)
	}
}

// failing is a disk that breaks behind the first bytes.
type failing struct{ io.ReaderAt }

var errDisk = errors.New("input/output error")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= 64 {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestReadDiskTrouble(t *testing.T) {
	data := image("go1.26.8", "path\texample.com/a\n")
	if _, err := gofacts.Read(failing{bytes.NewReader(data)}); !errors.Is(err, errDisk) || errors.Is(err, gofacts.ErrNotGo) {
		t.Errorf("Read: %v, want the disk's error and no word about Go", err)
	}
	read(t, data, nil)
}

// image is the smallest ELF file with that build info.
func image(version, info string) []byte {
	blob := make([]byte, 32)
	copy(blob, "\xff Go buildinf:\x08\x02")
	blob = append(binary.AppendUvarint(blob, uint64(len(version))), version...)
	if info != "" {
		info = strings.Repeat("<", 16) + info + strings.Repeat(">", 16)
	}
	return factstest.ELF(append(binary.AppendUvarint(blob, uint64(len(info))), info...))
}

func TestReadText(t *testing.T) {
	const head = "path\texample.com/a\nmod\texample.com/a\t(devel)\t\n"
	tests := []struct {
		name, version, info string
		want                error
	}{
		{"plain", "go1.26.8", head + "dep\tb.c/d\tv1.0.0\th1:x=\n", nil},
		{"outside module mode", "go1.26.8", "", nil},
		{"module twice", "go1.26.8", head + "dep\tb.c/d\tv1.0.0\n" + "dep\tb.c/d\tv1.0.1\n", gofacts.ErrMalformed},
		{"main as dependency", "go1.26.8", head + "dep\texample.com/a\tv1.0.0\n", gofacts.ErrMalformed},
		{"setting twice", "go1.26.8", head + "build\tGOOS=linux\nbuild\tGOOS=darwin\n", gofacts.ErrMalformed},
		{"escape sequence", "go1.26.8", head + "dep\tb.c/\x1b[2Jd\tv1.0.0\n", gofacts.ErrMalformed},
		{"text of the other direction", "go1.26.8", head + "dep\tb.c/\u202ed\tv1.0.0\n", gofacts.ErrMalformed},
		{"no UTF-8", "go1.26.8", head + "dep\tb.c/\xffd\tv1.0.0\n", gofacts.ErrMalformed},
		{"space in a version", "go1.26.8", head + "dep\tb.c/d\tv1.0.0 v2.0.0\n", gofacts.ErrMalformed},
		{"no path", "go1.26.8", head + "dep\t\tv1.0.0\n", gofacts.ErrMalformed},
		{"garbled line", "go1.26.8", head + "dep\n", nil},
		{"replaced by nothing", "go1.26.8", head + "=>\n", nil},
		{"no toolchain", "", head, gofacts.ErrMalformed},
		{"long toolchain", strings.Repeat("g", 5000), head, gofacts.ErrMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { read(t, image(test.version, test.info), test.want) })
	}
}

// Before Go 1.18 the header had pointers. No such toolchain is at hand, so
// debug/buildinfo says whether the image is right.
func TestReadPointers(t *testing.T) {
	for _, size := range []int{4, 8} {
		for flags, order := range map[byte]binary.AppendByteOrder{0: binary.LittleEndian, 1: binary.BigEndian} {
			const base, version, info = 0x400000, "go1.17.13", "path\tb.c/a\nmod\tb.c/a\tv1.0.0\t\ndep\tb.c/d\tv1.0.0\th1:x\n"
			framed := strings.Repeat("<", 16) + info + strings.Repeat(">", 16)
			word := func(b []byte, v int) []byte {
				if size == 4 {
					return order.AppendUint32(b, uint32(v))
				}
				return order.AppendUint64(b, uint64(v))
			}
			blob := append([]byte("\xff Go buildinf:"), byte(size), flags)
			blob = word(word(blob, base+32), base+48)
			blob = append(blob, make([]byte, 32-len(blob))...)
			blob = word(word(blob, base+64), len(version))
			blob = append(blob, make([]byte, 48-len(blob))...)
			blob = word(word(blob, base+64+len(version)), len(framed))
			blob = append(blob, make([]byte, 64-len(blob))...)
			data := factstest.ELF(append(append(blob, version...), framed...))
			want, err := buildinfo.Read(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, data, nil); !reflect.DeepEqual(got, gofacts.FromBuildInfo(want)) || len(got.Modules) != 1 {
				t.Errorf("%d bytes, flags %d: Read says %+v, debug/buildinfo %+v", size, flags, got, want)
			}
			for n := range len(data) {
				readQuietly(t, bytes.NewReader(data[:n]))
			}
		}
	}
}

// In a universal file any part can be what runs, so one that disagrees is a lie.
func TestReadUniversal(t *testing.T) {
	part := func(goarch, version string) []byte {
		return image("go1.26.8", "path\tb.c/a\nmod\tb.c/a\t"+version+"\t\nbuild\tGOOS=darwin\nbuild\tGOARCH="+goarch+"\n")
	}
	arm, amd, other := part("arm64", "v1.0.0"), part("amd64", "v1.0.0"), part("amd64", "v1.0.1")
	f := read(t, fat(arm, amd), nil)
	if got := f.Settings["GOARCH"]; got != "arm64" {
		t.Errorf("GOARCH is %q, want that of the first part", got)
	}
	read(t, fat(arm, other), gofacts.ErrMalformed)
	foreign := []byte("not a program, 16 bytes and more")
	read(t, fat(arm, foreign), gofacts.ErrMalformed)
	read(t, fat(foreign, arm), gofacts.ErrMalformed)
	read(t, fat(foreign, foreign), gofacts.ErrNotGo)
	read(t, []byte("\xca\xfe\xba\xbe\x00\x00\x00\x41 a Java class"), gofacts.ErrNotGo)
}

func fat(parts ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("\xca\xfe\xba\xbe"), uint32(len(parts)))
	off := 4096
	for _, part := range parts {
		for _, word := range []uint32{0, 0, uint32(off), uint32(len(part)), 12} {
			b = binary.BigEndian.AppendUint32(b, word)
		}
		off += len(part)
	}
	return append(append(b, make([]byte, 4096-len(b))...), bytes.Join(parts, nil)...)
}

func FuzzRead(f *testing.F) {
	f.Add(image("go1.26.8", "path\texample.com/a\nmod\texample.com/a\tv1.0.0+dirty\t\ndep\tb.c/D\tv1.0.0\n=>\t../d\t(devel)\t\n"))
	f.Add(image("go1.26.8 X:jsonv2", ""))
	f.Add(fat(image("go1.26.8", ""), image("go1.26.8", "")))
	f.Add([]byte("MZ"))
	f.Add([]byte("\xcf\xfa\xed\xfe"))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := gofacts.Read(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, gofacts.ErrNotGo) && !errors.Is(err, gofacts.ErrMalformed) {
				t.Errorf("Read: %v", err)
			}
			return
		}
		for _, m := range facts.Modules {
			if strings.Contains(m.PURL(), "(devel)") {
				t.Errorf("%+v has the package URL %s", m, m.PURL())
			}
			again, ok := gofacts.ModuleOf(m.Descriptor())
			if !ok || again.Path != m.Path || again.Version != m.Version {
				t.Errorf("%+v became %+v, %v", m, again, ok)
			}
		}
	})
}
