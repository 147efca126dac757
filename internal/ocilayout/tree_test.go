package ocilayout

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
)

// Layers on top of each other, as OCI image specification 1.1, "Layer Filesystem
// Changeset", wants them. The refusals stand beside what they are close to.
func TestLayers(t *testing.T) {
	hard := func(name, to string) entry { return entry{Name: name, Link: to, Type: tar.TypeLink} }
	file := func(name string) entry { return entry{Name: name, Body: name} }
	dir := func(name string) entry { return entry{Name: name + "/"} }
	link := func(name, to string) entry { return entry{Name: name, Link: to} }
	type layers = [][]entry
	malformed, limit := ErrMalformed.Error(), ErrLimit.Error()
	for name, test := range map[string]struct {
		layers layers
		want   string // the paths with the layer that the content is of, or what the error has in it
	}{
		"one file":                          {layers{{file("a")}}, "0:a"},
		"an empty layer":                    {layers{{}, {file("a")}}, "1:a"},
		"a file over a file":                {layers{{file("a")}, {file("a")}}, "1:a"},
		"whiteout":                          {layers{{file("a"), file("b")}, {file(".wh.a")}}, "0:b"},
		"whiteout of a folder":              {layers{{file("d/a"), file("d/e/b"), file("c")}, {file(".wh.d")}}, "0:c"},
		"whiteout below":                    {layers{{file("d/a"), file("d/b")}, {file("d/.wh.a")}}, "0:d/b"},
		"whiteout of nothing":               {layers{{file("a")}, {file("d/.wh.b")}}, "0:a"},
		"whiteout and new":                  {layers{{file("a")}, {file(".wh.a"), file("a")}}, "1:a"},
		"new and whiteout":                  {layers{{file("a")}, {file("a"), file(".wh.a")}}, "1:a"},
		"whiteout in its own layer":         {layers{{file("a"), file(".wh.a")}}, "0:a"},
		"whiteout and back":                 {layers{{file("a")}, {file(".wh.a")}, {file("a")}}, "2:a"},
		"opaque":                            {layers{{file("d/a"), file("d/e/b"), file("c")}, {dir("d"), file("d/.wh..wh..opq"), file("d/n")}}, "0:c 1:d/n"},
		"opaque last":                       {layers{{file("d/a"), file("d/e/b")}, {file("d/e/n"), file("d/.wh..wh..opq")}}, "1:d/e/n"},
		"opaque root":                       {layers{{file("a"), file("d/b")}, {file(".wh..wh..opq"), file("n")}}, "1:n"},
		"metadata of aufs":                  {layers{{file("a"), file(".wh..wh.aufs"), dir(".wh..wh.plnk")}}, "0:a"},
		"folder over file":                  {layers{{file("a")}, {file("a/b")}}, malformed},
		"folder entry over file":            {layers{{file("a")}, {dir("a"), file("a/b")}}, "1:a/b"},
		"file over folder":                  {layers{{file("a/b")}, {file("a")}}, "1:a"},
		"file over folder of its own layer": {layers{{file("a/b"), file("a")}}, malformed},
		"folder over file of its own layer": {layers{{file("a"), dir("a")}}, malformed},
		"folder twice":                      {layers{{dir("a"), dir("a"), file("a/b")}}, "0:a/b"},
		"file twice":                        {layers{{file("a"), file("./a")}}, malformed},
		"file twice, absolute":              {layers{{file("a"), file("/a")}}, malformed},
		"link over a file":                  {layers{{file("a"), link("a", "/etc")}}, malformed},
		"absolute":                          {layers{{file("/ko-app/a"), file("//b")}}, "0:b 0:ko-app/a"},
		"dots":                              {layers{{dir("."), file("./a"), file("b/./c")}}, "0:a 0:b/c"},
		"up":                                {layers{{file("../a")}}, malformed},
		"up and down":                       {layers{{file("a/../../b")}}, malformed},
		"up in a hard link":                 {layers{{file("a"), hard("b", "../a")}}, malformed},
		"backslashes are letters":           {layers{{file(`..\a`)}}, `0:..\a`},
		"a whiteout of nothing named":       {layers{{file("a"), file(".wh.")}}, malformed},
		"a whiteout of the folder":          {layers{{file("d/a"), file("d/.wh..")}}, malformed},
		"a whiteout of the folder above":    {layers{{file("d/a"), file("d/.wh...")}}, malformed},
		"a whiteout twice":                  {layers{{file("a")}, {file(".wh.a"), file(".wh.a")}}, malformed},
		"a file below a whiteout":           {layers{{file(".wh.d/a")}}, malformed},

		"usrmerge":                                 {layers{{dir("usr/bin"), link("bin", "usr/bin"), file("usr/bin/sh")}, {file("bin/sh"), file("bin/app")}}, "1:usr/bin/app 1:usr/bin/sh"},
		"usrmerge, absolute":                       {layers{{dir("usr/bin"), link("bin", "/usr/bin"), file("usr/bin/sh")}, {file("bin/.wh.sh")}}, ""},
		"a link that leads out":                    {layers{{link("d", "../../../../x")}, {file("d/a")}}, "1:x/a"},
		"a link to a file":                         {layers{{file("f"), link("d", "f")}, {file("d/a")}}, malformed},
		"a link to nothing yet":                    {layers{{link("d", "new/place")}, {file("d/a")}}, "1:new/place/a"},
		"links in a circle":                        {layers{{link("a", "b"), link("b", "a")}, {file("a/x")}}, malformed},
		"a link replaced by a folder":              {layers{{dir("usr/bin"), link("bin", "usr/bin")}, {dir("bin"), file("bin/sh")}}, "1:bin/sh"},
		"hard link":                                {layers{{file("a"), hard("b", "a")}}, "0:a,b"},
		"hard link to a lower layer":               {layers{{file("a")}, {hard("b", "/a")}}, "0:a,b"},
		"hard link to what is taken away":          {layers{{file("a")}, {hard("b", "a"), file(".wh.a")}}, "0:b"},
		"hard link to what is replaced":            {layers{{file("a"), hard("b", "a")}, {file("a")}}, "0:b 1:a"},
		"hard link through a link":                 {layers{{dir("usr/bin"), link("bin", "usr/bin"), file("usr/bin/sh"), hard("sh", "bin/sh")}}, "0:sh,usr/bin/sh"},
		"hard link to nothing":                     {layers{{hard("b", "a")}}, malformed},
		"hard link to what comes later":            {layers{{hard("b", "a"), file("a")}}, malformed},
		"hard link to a folder":                    {layers{{dir("a"), hard("b", "a")}}, malformed},
		"hard link to the root":                    {layers{{hard("b", "/")}}, malformed},
		"hard link to aufs":                        {layers{{hard("b", ".wh..wh.plnk/1")}}, malformed},
		"devices and pipes are no files":           {layers{{file("a"), file("b")}, {entry{Name: "a", Type: tar.TypeChar}, entry{Name: "b", Type: tar.TypeFifo}}}, ""},
		"an attribute of a file":                   {layers{{entry{Name: "a", PAX: map[string]string{"SCHILY.xattr.user.note": "y"}}}}, "0:a"},
		"an attribute of overlayfs":                {layers{{entry{Name: "a/", PAX: map[string]string{"SCHILY.xattr.trusted.overlay.redirect": "/b"}}}}, malformed},
		"a comment of git archive":                 {layers{{entry{Type: tar.TypeXGlobalHeader, PAX: map[string]string{"comment": "c0ffee"}}, file("a")}}, "0:a"},
		"a global header that renames":             {layers{{entry{Type: tar.TypeXGlobalHeader, PAX: map[string]string{"path": "b"}}, file("a")}}, malformed},
		"a type that nobody unpacks":               {layers{{entry{Name: "a", Type: tar.TypeCont}}}, malformed},
		"the root as a file":                       {layers{{entry{Name: "."}}}, malformed},
		"a deep path":                              {layers{{file(strings.Repeat("d/", MaxDepth-1) + "a")}}, "0:" + strings.Repeat("d/", MaxDepth-1) + "a"},
		"a path that is too deep":                  {layers{{file(strings.Repeat("d/", MaxDepth) + "a")}}, limit},
		"a path that is too long":                  {layers{{file(strings.Repeat("d", maxPath+1))}}, limit},
		"a path that is too long through links":    {layers{{dir(strings.Repeat("d", 3000)), link("s", strings.Repeat("d", 3000)), file("s/" + strings.Repeat("e", 2000))}}, limit},
		"a path that is too deep through links":    {layers{{dir(strings.Repeat("d/", 199) + "d"), link("s", strings.Repeat("d/", 200)), file("s/" + strings.Repeat("e/", 199) + "a")}}, limit},
		"a path that is longer through short ones": {layers{{dir(strings.Repeat("d", 3000)), link("s", strings.Repeat("d", 3000)), file("s/e")}}, "0:" + strings.Repeat("d", 3000) + "/e"},
	} {
		t.Run(name, func(t *testing.T) {
			l := imagetest.New()
			a, err := openBytes(l.Add(l.Image("linux/amd64", test.layers...)).Tar())
			if err != nil {
				t.Fatal(err)
			}
			tree, err := a.Tree(t.Context(), a.Images()[0])
			if err != nil {
				if !strings.Contains(err.Error(), test.want) || test.want == "" {
					t.Errorf("%v, want %q", err, test.want)
				}
				return
			}
			var got []string
			for _, f := range tree.Files() {
				got = append(got, fmt.Sprintf("%d:%s", f.LayerIndex, strings.Join(append([]string{f.Path}, f.Links...), ",")))
			}
			slices.Sort(got)
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			err = tree.Walk(t.Context(), func(f File, r io.Reader) error {
				data, err := io.ReadAll(r)
				if err == nil && int64(len(data)) != f.Size {
					err = fmt.Errorf("%s has %d bytes, want %d", f.Path, len(data), f.Size)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	l := imagetest.New()
	a, err := openBytes(l.Add(l.Image("linux/amd64", []entry{
		{Name: "usr/lib/os-release", Body: "x"}, {Name: "etc/os-release", Link: "../usr/lib/os-release"}, {Name: "lib", Link: "/usr/lib"},
		{Name: "out", Link: "../../../usr/lib"}, {Name: "loop", Link: "loop"}, {Name: "dangling", Link: "none"},
	})).Tar())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := a.Tree(t.Context(), a.Images()[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/etc/os-release": "usr/lib/os-release", "lib/os-release": "usr/lib/os-release", "out/os-release": "usr/lib/os-release", "lib": "usr/lib",
		"loop": "", "dangling": "", "../etc": "", "etc/os-release/x": "",
	} {
		if got, ok := tree.Resolve(name); got != want || ok != (want != "") {
			t.Errorf("%s leads to %q, %v, want %q", name, got, ok, want)
		}
	}
}

// Limits hold before the memory or the time is spent (CVE-2026-54448, a tar
// bomb in Trivy, and its like). The limits are made smaller, not the bombs.
func TestBombs(t *testing.T) {
	many := func(n int) []entry {
		var list []entry
		for i := range n {
			list = append(list, entry{Name: fmt.Sprintf("d/%d", i)})
		}
		return list
	}
	chain := func(n int) []entry {
		list := []entry{{Name: "l0/"}}
		for i := range 200 {
			list = append(list, entry{Name: fmt.Sprintf("l%d", i+1), Link: fmt.Sprintf("/l%d", i)})
		}
		for i := range n {
			list = append(list, entry{Name: fmt.Sprintf("l200/%d", i)})
		}
		return list
	}
	small := limits{entries: 1000, names: 1 << 20, expanded: 4 << 20, free: 1 << 20, ratio: 10}
	for name, test := range map[string]struct {
		layers [][]entry
		limits limits
		want   string // "" if it is read
	}{
		"entries":              {[][]entry{many(500), many(500)}, small, ""},
		"too many entries":     {[][]entry{many(500), many(501)}, small, "entries"},
		"names":                {[][]entry{{{Name: strings.Repeat("x", 900)}}}, limits{1000, 1000, 1 << 20, 1 << 16, 10}, ""},
		"too long names":       {[][]entry{{{Name: strings.Repeat("x", 600)}, {Name: strings.Repeat("y", 600)}}}, limits{1000, 1000, 1 << 20, 1 << 16, 10}, "its path has"},
		"zeros":                {[][]entry{{{Name: "a", Body: strings.Repeat("\x00", 50_000)}}}, small, ""},
		"a gzip bomb":          {[][]entry{{{Name: "a", Body: strings.Repeat("\x00", 2_000_000)}}}, small, "times its size"},
		"many small bombs":     {[][]entry{{{Name: "a", Body: strings.Repeat("\x00", 60_000)}}, {{Name: "b", Body: strings.Repeat("\x00", 60_000)}}}, limits{1000, 1 << 20, 100_000, 1 << 16, 10}, "its layers expand"},
		"a chain of links":     {[][]entry{chain(10)}, small, ""},
		"a chain for everyone": {[][]entry{chain(600)}, small, "too many steps"},
	} {
		t.Run(name, func(t *testing.T) {
			l := imagetest.New()
			a, err := openBytes(l.Add(l.Image("linux/amd64", test.layers...)).Tar())
			if err != nil {
				t.Fatal(err)
			}
			a.limits = test.limits
			_, err = a.Tree(t.Context(), a.Images()[0])
			if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// A sparse file says that it has a terabyte in a few bytes; other readers do
// not even agree on its name.
func TestSparse(t *testing.T) {
	for name, pax := range map[string]map[string]string{
		"1.0": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "b", "GNU.sparse.realsize": "1099511627776"},
		"0.1": {"GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,1", "GNU.sparse.name": "b", "GNU.sparse.size": "1099511627776"},
	} {
		layer := rawTar(t, tar.TypeReg, pax)
		l := imagetest.New()
		config := l.Document(MediaTypeConfig, imagetest.Config("linux/amd64", imagetest.Sum(layer)))
		l.Add(l.Document(MediaTypeManifest, imagetest.Manifest(config, l.Blob(MediaTypeLayer, layer))))
		a, err := openBytes(l.Tar())
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := a.Tree(t.Context(), a.Images()[0]); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: a sparse file: %v, want %v", name, err, ErrUnsupported)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
			t.Errorf("%s: %d bytes allocated to refuse a sparse file", name, got)
		}
	}
}

// rawTar is a tar file whose PAX records no writer writes.
func rawTar(t *testing.T, kind byte, pax map[string]string) []byte {
	t.Helper()
	var records strings.Builder
	for key, value := range pax {
		size := len(key) + len(value) + 3
		for n := size; ; n++ {
			if r := fmt.Sprintf("%d %s=%s\n", n, key, value); len(r) == n {
				records.WriteString(r)
				break
			}
		}
	}
	whole := imagetest.Tar(entry{Name: "PaxHeaders.0/b", Body: records.String()}, entry{Name: "b", Type: kind, Body: "1\n0\n1\n" + strings.Repeat("\x00", 506) + "x"})
	whole[156] = tar.TypeXHeader
	for i := range 8 {
		whole[148+i] = ' '
	}
	sum := 0
	for _, c := range whole[:512] {
		sum += int(c)
	}
	copy(whole[148:], fmt.Sprintf("%06o\x00 ", sum))
	return whole
}

// What was read for the names is read again for the content, and has to be the
// same.
func TestChangedBetween(t *testing.T) {
	l := imagetest.New()
	l.Stored = true
	l.Add(l.Image("linux/amd64", twoLayers...))
	for name, data := range l.Files {
		dir := l.Write(t.TempDir())
		a, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		tree, err := a.Tree(t.Context(), a.Images()[0])
		if err != nil {
			t.Fatal(err)
		}
		layer := len(data)%512 == 0 && len(data) > 0
		for what, other := range map[string][]byte{"the same": data, "swapped": bytes.Replace(bytes.Replace(data, []byte("program"), []byte("swapped"), 1), []byte("one"), []byte("two"), 1), "shorter": data[:len(data)/2], "another": imagetest.Tar(entry{Name: "x"})} {
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), other, 0o600); err != nil {
				t.Fatal(err)
			}
			err := tree.Walk(t.Context(), func(_ File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
			if want := layer && what != "the same"; want != errors.Is(err, ErrMismatch) || !want && err != nil {
				t.Errorf("%s is %s: %v, want a mismatch: %v", name, what, err, want)
			}
		}
	}
}

// TestVerified: no byte more, no byte less, and no other byte.
func TestVerified(t *testing.T) {
	for name, test := range map[string]struct {
		data string
		size int64
		want provenance.Digest
		ok   bool
	}{
		"as promised":        {"hello", 5, provenance.SumSHA256([]byte("hello")), true},
		"no digest":          {"hello", 5, provenance.Digest{}, true},
		"shorter":            {"hell", 5, provenance.Digest{}, false},
		"longer":             {"hello!", 5, provenance.Digest{}, false},
		"other bytes":        {"jello", 5, provenance.SumSHA256([]byte("hello")), false},
		"nothing":            {"", 0, provenance.SumSHA256(nil), true},
		"nothing, and a sum": {"", 0, provenance.SumSHA256([]byte("hello")), false},
	} {
		_, err := io.ReadAll(&verified{r: strings.NewReader(test.data), left: test.size, want: test.want, h: hasher(test.want)})
		if test.ok != (err == nil) || err != nil && !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v, want ok %v", name, err, test.ok)
		}
	}
}

func TestWalkStops(t *testing.T) {
	l := imagetest.New()
	a, err := openBytes(l.Add(l.Image("linux/amd64", twoLayers...)).Tar())
	if err != nil {
		t.Fatal(err)
	}
	m := a.Images()[0]
	enough := errors.New("enough")
	if err := a.Walk(t.Context(), m, func(File, io.Reader) error { return enough }); err != enough {
		t.Errorf("%v, want %v", err, enough)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Walk(ctx, m, func(File, io.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}
