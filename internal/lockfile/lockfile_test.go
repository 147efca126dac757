package lockfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	packageurl "github.com/package-url/packageurl-go"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// show is a lock as the stories spell it.
func show(l *lockfile.Lock) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s", l.Format, l.Ecosystem)
	if !l.Edges {
		b.WriteString(", no edges")
	}
	b.WriteByte('\n')
	for _, p := range l.Packages {
		fmt.Fprintf(&b, "%d %s %s %s", p.Line, p.Name, p.Version, p.PURL)
		for _, f := range []struct {
			set  bool
			name string
		}{{p.Dev, "dev"}, {p.Optional, "optional"}, {p.Bundled, "bundled"}, {p.Local, "local"}} {
			if f.set {
				b.WriteString(" " + f.name)
			}
		}
		b.WriteByte('\n')
		for _, d := range p.Digests.Digests() {
			fmt.Fprintf(&b, "  is %s\n", d)
		}
		for _, d := range p.OneOf {
			fmt.Fprintf(&b, "  or %s\n", d)
		}
		for _, line := range [][2]string{{"sha1", p.SHA1}, {"sum", p.TreeSum}, {"from", p.Source}} {
			if line[1] != "" {
				fmt.Fprintf(&b, "  %s %s\n", line[0], line[1])
			}
		}
		for _, d := range p.Dependencies {
			fmt.Fprintf(&b, "  needs %s\n", d)
		}
	}
	for _, o := range l.Omitted {
		fmt.Fprintf(&b, "%d omitted %s\n", o.Line, o.Text)
	}
	return b.String()
}

// Every file of testdata tells of one lock file: the file under its name, and
// "want", the whole of what is read or the error.
func TestParse(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, story := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(story), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(story)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) != 2 || a.Files[1].Name != "want" {
				t.Fatalf("want a lock file and its want")
			}
			got := ""
			lock, err := lockfile.Parse("some/folder/"+a.Files[0].Name, strings.NewReader(string(a.Files[0].Data)))
			if err != nil {
				got = err.Error() + "\n"
			} else {
				got = show(lock)
				checkPURLs(t, lock)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "token") {
				t.Errorf("a secret came out:\n%s", got)
			}
			if want := string(a.Files[1].Data); got != want {
				if os.Getenv("UPDATE") != "" {
					a.Files[1].Data = []byte(got)
					if err := os.WriteFile(story, txtar.Format(a), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// checkPURLs holds the package URLs against the library that everybody reads them with.
func checkPURLs(t *testing.T, l *lockfile.Lock) {
	t.Helper()
	for _, p := range l.Packages {
		if p.PURL == "" {
			if !p.Local {
				t.Errorf("%s has no package URL and is not local", p.Name)
			}
			continue
		}
		u, err := packageurl.FromString(p.PURL)
		if err != nil {
			t.Errorf("%q: %v", p.PURL, err)
			continue
		}
		if again := u.ToString(); again != p.PURL {
			t.Errorf("package URL %q, the library writes %q", p.PURL, again)
		}
		if u.Type != l.Ecosystem && l.Ecosystem != "" {
			t.Errorf("%q has the type %q, want %q", p.PURL, u.Type, l.Ecosystem)
		}
		if u.Version != p.Version && u.Version != "" {
			t.Errorf("%q has the version %q, want %q", p.PURL, u.Version, p.Version)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"package.json", "pom.xml", "", "Cargo.toml", "requirements.in", "package-lock.json/x"} {
		if lockfile.Known(name) {
			t.Errorf("%q is known", name)
		}
		_, err := lockfile.Parse(name, strings.NewReader("{}"))
		if !errors.Is(err, lockfile.ErrUnknown) {
			t.Errorf("Parse(%q): %v, want ErrUnknown", name, err)
		}
	}
	for _, text := range []string{"{}", "[]", "1", `{"lockfileVersion": 3, "packages": {}}`, `{"lockFileVersion": 1}`, `{"dependencies": []}`} {
		if _, err := lockfile.Parse("lockfile.json", strings.NewReader(text)); !errors.Is(err, lockfile.ErrUnknown) {
			t.Errorf("lockfile.json with %s: %v, want ErrUnknown", text, err)
		}
	}
	_, err := lockfile.Parse("go.sum", strings.NewReader(""))
	for _, name := range lockfile.Names() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not say that %s is read: %v", name, err)
		}
		if !lockfile.Known(`C:\some\` + strings.ReplaceAll(name, "*", "-dev")) {
			t.Errorf("%s is not known", name)
		}
	}
}

func TestReaderFails(t *testing.T) {
	want := errors.New("disk on fire")
	if _, err := lockfile.Parse("Cargo.lock", iotest.ErrReader(want)); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
