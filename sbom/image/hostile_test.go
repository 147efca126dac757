package image_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/image"
)

// one is an image of one layer.
func one(t testing.TB, entries ...imagetest.Entry) string {
	t.Helper()
	l := imagetest.New()
	return l.Add(l.Image("linux/amd64", entries)).Write(t.TempDir())
}

// bom is the BOM of the only image.
func bom(t testing.TB, dir string) *cdx.BOM {
	t.Helper()
	boms, err := image.BOMs(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(boms) != 1 {
		t.Fatalf("%d BOMs, want 1", len(boms))
	}
	return boms[0]
}

// Each platform has its own document, in the order of the index and bound to its
// own manifest, and Platform chooses.
func TestPlatforms(t *testing.T) {
	l := imagetest.New()
	amd := l.Image("linux/amd64", []imagetest.Entry{{Name: "app", Body: string(testkit.PlainGoBinary(t))}})
	arm := l.Image("linux/arm64/v8", []imagetest.Entry{{Name: "note", Body: "nothing"}})
	index := l.Index(amd, arm)
	dir := l.Add(index).Write(t.TempDir())
	boms, err := image.BOMs(t.Context(), dir)
	if err != nil || len(boms) != 2 {
		t.Fatalf("%d, %v", len(boms), err)
	}
	platforms, err := image.Platforms(dir)
	if got := strings.Join(platforms, " "); err != nil || got != "linux/amd64 linux/arm64/v8" {
		t.Errorf("platforms %q, %v", got, err)
	}
	for i, d := range []imagetest.Descriptor{amd, arm} {
		main := boms[i].Metadata.Component
		if got := "sha256:" + (*main.Hashes)[0].Value; got != d.Digest || property(main, image.PropertyIndex) != index.Digest || property(main, image.PropertyPlatform) != platforms[i] {
			t.Errorf("BOM %d is bound to %s by %s for %s", i, got, property(main, image.PropertyIndex), property(main, image.PropertyPlatform))
		}
		valid(t, document(t, boms[i]))
	}
	if boms[0].SerialNumber == boms[1].SerialNumber {
		t.Error("both have one serial number")
	}
	only, err := image.Options{Platform: "linux/arm64/v8"}.BOMs(t.Context(), dir)
	if err != nil || len(only) != 1 || only[0].SerialNumber != boms[1].SerialNumber {
		t.Errorf("%d, %v", len(only), err)
	}
	if _, err := (image.Options{Platform: "linux/386"}).BOMs(t.Context(), dir); !errors.Is(err, image.ErrNotImage) {
		t.Errorf("a platform that is not there: %v", err)
	}
}

// An archive of docker save has the name that it was saved by, and a time if the
// caller or the image has one.
func TestDockerArchive(t *testing.T) {
	archive, config := imagetest.Docker("linux/amd64", "registry.example/team/App:1.2", []imagetest.Entry{{Name: "note", Body: "nothing"}})
	at := time.Date(2026, 11, 21, 9, 0, 0, 5, time.FixedZone("", 3600))
	boms, err := image.Options{Time: at}.BOMsAt(t.Context(), bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(boms) != 1 {
		t.Fatalf("%d, %v", len(boms), err)
	}
	valid(t, document(t, boms[0]))
	main := boms[0].Metadata.Component
	want := "pkg:oci/app@" + config + "?arch=amd64&repository_url=registry.example%2Fteam%2Fapp"
	if main.Name != "registry.example/team/App" || main.PackageURL != want || main.Version != config {
		t.Errorf("%s %s %s, want %s", main.Name, main.Version, main.PackageURL, want)
	}
	if property(main, image.PropertyName) != "registry.example/team/App:1.2" || boms[0].Metadata.Timestamp != "2026-11-21T08:00:00Z" {
		t.Errorf("name %s, time %s", property(main, image.PropertyName), boms[0].Metadata.Timestamp)
	}
}

// A program that is larger than memory is meant to hold is read from the disk, with
// the same result; where there is no place for it, that is an error and no silence.
func TestLargeProgram(t *testing.T) {
	small := string(testkit.PlainGoBinary(t))
	large := small + strings.Repeat("\x00", 9<<20)
	dir := one(t, imagetest.Entry{Name: "a", Body: large}, imagetest.Entry{Name: "b", Body: small}, imagetest.Entry{Name: "c", Body: "\x7fELF" + strings.Repeat("x", 9<<20)})
	temp := t.TempDir()
	boms, err := image.Options{Temp: temp}.BOMs(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	components := *boms[0].Components
	if len(components) != 2 || components[0].BOMRef != "/a" || components[1].BOMRef != "/b" || (*components[0].Hashes)[0].Value == (*components[1].Hashes)[0].Value {
		t.Errorf("%+v", components)
	}
	if got := property(boms[0].Metadata.Component, image.PropertyStrangers); got != "1" {
		t.Errorf("%s files are unaccounted for, want 1: a program that is none", got)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("%d files were left behind, %v", len(left), err)
	}
	if _, err := (image.Options{Temp: filepath.Join(temp, "none")}).BOMs(t.Context(), dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no place for it: %v", err)
	}
}

// A program whose build info no linker wrote is named as unread, and not as a
// program without modules.
func TestSpoiltProgram(t *testing.T) {
	bad := bytes.Clone(testkit.GoBinary(t))
	i := bytes.Index(bad, []byte("\xff Go buildinf:"))
	if i < 0 {
		t.Fatal("the program has no build info to spoil")
	}
	copy(bad[i+32:], "\xff\xff\xff\x7f") // the length of its first text
	b := bom(t, one(t, imagetest.Entry{Name: "app", Body: string(bad)}))
	if len(*b.Components) != 0 || !strings.HasPrefix(property(b.Metadata.Component, image.PropertyUnread), "app: malformed text: ") {
		t.Errorf("%d components, unread %q", len(*b.Components), property(b.Metadata.Component, image.PropertyUnread))
	}
	if c := (*b.Compositions)[0]; c.Aggregate != cdx.CompositionAggregateIncomplete {
		t.Errorf("the parts are %s", c.Aggregate)
	}
}

// Nobody outside the image is asked, whatever its links say, and a link inside is
// no second package.
func TestLinks(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(outside, []byte("Package: evil\nVersion: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := bom(t, one(t,
		imagetest.Entry{Name: "var/lib/dpkg/status", Link: outside},
		imagetest.Entry{Name: "lib/apk/db/installed", Link: "../../../../../../../../.." + outside},
		imagetest.Entry{Name: "app", Body: string(testkit.PlainGoBinary(t))},
		imagetest.Entry{Name: "same", Link: "app"},
		imagetest.Entry{Name: "round", Link: "round"},
	))
	if len(*b.Components) != 1 || (*b.Components)[0].BOMRef != "/app" {
		t.Errorf("%+v", *b.Components)
	}
}

// A lockfile.json that is not Maven's is a file like any other, and one of Maven's
// that cannot be read is named as unread.
func TestLockFileOfAnother(t *testing.T) {
	for content, want := range map[string]string{
		`{"lockfileVersion": 3}`:                     "",
		`{"lockFileVersion": 2, "dependencies": []}`: "srv: lockfile.json:1: lockFileVersion is 2, want 1",
	} {
		b := bom(t, one(t, imagetest.Entry{Name: "srv/lockfile.json", Body: content}))
		if got := property(b.Metadata.Component, image.PropertyUnread); got != want {
			t.Errorf("%s: unread is %q, want %q", content, got, want)
		}
		if got := property(b.Metadata.Component, image.PropertyStrangers); got != "1" {
			t.Errorf("%s: %s files are unaccounted for, want 1", content, got)
		}
	}
}

// What costs too much is refused, or named as unread where one package wrote it.
func TestLimits(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, "F%d: x\n", i)
	}
	for _, c := range []struct{ name, path, content, want string }{
		{"a long line", "var/lib/dpkg/status", "Package: " + long, "var/lib/dpkg/status:1: malformed text: a line of more than 1048576 bytes"},
		{"many fields", "var/lib/dpkg/status", many.String(), "var/lib/dpkg/status:1001: malformed text: more than 1000 fields"},
		{"a long paragraph", "var/lib/dpkg/status", "Package: a\n" + strings.Repeat(" "+long[2:]+"\n", 9), "var/lib/dpkg/status:9: malformed text: a paragraph of more than 8388608 bytes"},
		{"a field twice", "var/lib/dpkg/status", "Package: a\nPackage: b\n", `var/lib/dpkg/status:2: malformed text: the field "package" is there twice`},
		{"no field", "var/lib/dpkg/status", " a\n", "var/lib/dpkg/status:1: malformed text: a line that goes on without a field before it"},
		{"no name", "lib/apk/db/installed", "V:1\n\n", "lib/apk/db/installed:2: malformed text: a package without name and version"},
		{"no letter", "lib/apk/db/installed", "name\n", `lib/apk/db/installed:1: malformed text: found "name", want a letter and a colon`},
		{"a name twice", "lib/apk/db/installed", "P:a\nP:b\n", `lib/apk/db/installed:2: malformed text: the field 'P' is there twice in one package`},
		{"half a sum", "lib/apk/db/installed", "C:Q1AAAA\n", `lib/apk/db/installed:1: malformed text: found the sum "Q1AAAA", want Q1 and a SHA-1 in base64, or Q2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := image.BOMs(t.Context(), one(t, imagetest.Entry{Name: c.path, Body: c.content}))
			if err == nil || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
	var entries []imagetest.Entry
	for i := range 1003 {
		entries = append(entries, imagetest.Entry{Name: fmt.Sprintf("node_modules/p%d/package.json", i), Body: "{"})
	}
	b := bom(t, one(t, entries...))
	count, last := 0, ""
	for _, p := range *b.Metadata.Component.Properties {
		if p.Name == image.PropertyUnread {
			count, last = count+1, p.Value
		}
	}
	if count != 1001 || last != "and 3 more" {
		t.Errorf("%d unread, the last %q", count, last)
	}
}

// A history that contradicts itself does not matter to what is there at the end, and
// one that cannot be read is an error.
func TestHistory(t *testing.T) {
	status := func(name string) []imagetest.Entry {
		return []imagetest.Entry{{Name: "./var/lib/dpkg/status", Body: "Package: " + name + "\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"}}
	}
	layers := func(names ...string) string {
		l := imagetest.New()
		var list [][]imagetest.Entry
		for _, name := range names {
			list = append(list, status(name))
		}
		return l.Add(l.Image("linux/amd64", list...)).Write(t.TempDir())
	}
	for names, want := range map[string]string{"a": "0", "a a": "0", "b a": "1", "a b a": "2", "a b a a": "2"} {
		b := bom(t, layers(strings.Fields(names)...))
		if c := (*b.Components)[0]; len(*b.Components) != 1 || c.Name != "a" || property(&c, image.PropertyLayerIndex) != want {
			t.Errorf("%s: %s came with layer %s, want %s", names, c.Name, property(&c, image.PropertyLayerIndex), want)
		}
	}
	_, err := image.BOMs(t.Context(), layers("a\nPackage: b", "a"))
	if err == nil || !strings.Contains(err.Error(), "layer 0: var/lib/dpkg/status:2: ") {
		t.Errorf("a history that cannot be read: %v", err)
	}
}

// What is no image, what was changed, and what was canceled are errors.
func TestRefuse(t *testing.T) {
	if _, err := image.BOMs(t.Context(), t.TempDir()); !errors.Is(err, image.ErrNotImage) {
		t.Errorf("an empty folder: %v", err)
	}
	empty := imagetest.New()
	if _, err := image.BOMs(t.Context(), empty.Write(t.TempDir())); !errors.Is(err, image.ErrNotImage) {
		t.Errorf("a layout without an image: %v", err)
	}
	if _, err := (image.Options{}).BOMsAt(t.Context(), strings.NewReader("x"), 1); !errors.Is(err, image.ErrNotImage) {
		t.Errorf("a file that is none: %v", err)
	}
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", []imagetest.Entry{{Name: "a", Body: "b"}}))
	for name, data := range l.Files {
		if len(data) > 2 && data[0] == 0x1f {
			l.Files[name] = append([]byte(nil), data...)
			l.Files[name][len(data)-1] ^= 1
		}
	}
	if _, err := image.BOMs(t.Context(), l.Write(t.TempDir())); err == nil {
		t.Error("a layer that was changed was read")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := image.BOMs(ctx, one(t, imagetest.Entry{Name: "a", Body: "b"})); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A BOM of an image contradicts nothing by the rules of sbom.Check.
func TestCheck(t *testing.T) {
	b := bom(t, one(t,
		imagetest.Entry{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\n"},
		imagetest.Entry{Name: "var/lib/dpkg/status", Body: "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nDepends: b\n\nPackage: b\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"},
		imagetest.Entry{Name: "app", Body: string(testkit.GoBinary(t))},
	))
	if issues := sbom.Check(b, sbom.ProfileStructure); !sbom.Met(issues) {
		t.Errorf("%+v", issues)
	}
}

// Whatever a stranger writes into the files that describe packages, there is an
// error, or a document that is read again and says the same.
func FuzzDescriptions(f *testing.F) {
	paths := []string{
		"var/lib/dpkg/status", "var/lib/dpkg/status.d/a", "lib/apk/db/installed", "etc/os-release", "usr/share/doc/a/copyright",
		"node_modules/a/package.json", "x/a.dist-info/METADATA", "x/a.dist-info/RECORD", "package-lock.json", "requirements.txt", rpmPath,
	}
	for i, content := range []string{
		"Package: a\nStatus: install ok installed\nVersion: 1:2-3\nDepends: b (>= 1) | c, d:any\n more\n\nPackage: b\nVersion: 1\n",
		"Package: a\nVersion: 1\nSource: s (2)\n", "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:a\nV:1\nD:b>1 !c\np:d=1\nF:usr\nR:x\n\n", "ID=\"debian\"\nVERSION_ID='12'\n",
		"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2+ or Expat, and BSD-3-clause\n",
		`{"name": "a", "version": "1", "license": "(MIT OR Apache-2.0)", "dependencies": {"b": "1"}}`,
		"Name: a\nVersion: 1\nRequires-Dist: b>1; extra == 'x'\nLicense-Expression: MIT\n\ntext", "a.py,sha256=x,1\n\"b\"\"c\",,\n",
		`{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1", "resolved": "https://h/a/-/a-1.tgz"}}}`, "a==1\n", string(sqlite(bash(), glibc())),
	} {
		f.Add(i, content)
	}
	f.Fuzz(func(t *testing.T, kind int, content string) {
		if kind < 0 || kind >= len(paths) {
			t.Skip()
		}
		l := imagetest.New()
		archive := l.Add(l.Image("linux/amd64", []imagetest.Entry{
			{Name: "usr/lib/os-release", Body: "ID=alpine\n"},
			{Name: "node_modules/b/package.json", Body: `{"name": "b", "version": "1"}`},
			{Name: paths[kind], Body: content},
		})).Tar()
		boms, err := image.Options{}.BOMsAt(t.Context(), bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			if !strings.Contains(err.Error(), paths[kind]+":") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		data := document(t, boms[0])
		again, err := sbom.Parse(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(document(t, again), data) {
			t.Error("what was read again is written otherwise")
		}
		if issues := sbom.Check(boms[0], sbom.ProfileStructure); !sbom.Met(issues) {
			t.Errorf("%+v", issues)
		}
	})
}
