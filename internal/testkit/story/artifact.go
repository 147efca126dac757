package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// An artifact is a file or a folder.
type artifact struct {
	algorithm, digest string
	data              []byte            // of a file
	folder            map[string]string // text by name, or "-> target"
	tokens            map[string]string
	isImage           bool
	image             *imagetest.Layout // of an image in a folder
}

// artifact makes what evidence is about, or what stands there in its place.
func (m *maker) artifact(verb string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("want an artifact")
	}
	var a artifact
	switch what := args[0]; {
	case what == "text" && len(args) == 2:
		a = fileOf([]byte(args[1]))
	case what == "go" && verb == "artifact":
		m.goProgram()
		return nil
	case what == "image" && len(args) > 1:
		return m.image(verb, args[1:])
	case what == "blob" && verb == "swap" && len(args) == 2:
		i, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		if a, err = m.flipped(i); err != nil {
			return err
		}
	case what == "garbled" && verb == "artifact":
		data, err := garbled(m.made.data)
		if err != nil {
			return err
		}
		a = fileOf(data)
	case what == "dirty" && verb == "artifact":
		clean, dirty := []byte("Z\nbuild\tvcs.modified=false\n"), []byte("ZZ\nbuild\tvcs.modified=true\n")
		if !bytes.Contains(m.made.data, clean) {
			return fmt.Errorf("no clean checkout to spoil")
		}
		tokens := m.made.tokens
		a = fileOf(bytes.ReplaceAll(m.made.data, clean, dirty))
		a.tokens = tokens
	case what == "folder":
		a.folder = map[string]string{}
		for _, f := range args[1:] {
			name, text, _ := strings.Cut(f, "=")
			a.folder[name] = text
		}
		dir := a.write(m.t)
		got, err := provenance.SubjectOptions{Root: dir}.Subjects(context.Background(), dir)
		if err != nil && verb == "artifact" {
			return err
		}
		a.algorithm, a.digest = provenance.DirHash, "<no digest>"
		if err == nil {
			d, _ := got[0].Digest.Get(provenance.DirHash)
			a.digest = d.Hex()
		}
	case verb == "swap" && what == "later":
		m.later = true
		return m.artifact(verb, args[1:])
	case verb == "swap" && what == "flip" && len(args) == 2:
		i, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		data := slices.Clone(m.made.data)
		data[i] ^= 1
		a = fileOf(data)
	default:
		return fmt.Errorf("no such artifact: %q", what)
	}
	if verb == "swap" {
		m.presented = &a
		return nil
	}
	m.made = a
	return nil
}

func fileOf(data []byte) artifact {
	return artifact{algorithm: provenance.SHA256, digest: provenance.SumSHA256(data).Hex(), data: data}
}

// write puts the artifact into a folder of the test and returns its path.
func (a artifact) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app")
	if a.folder == nil {
		if err := os.WriteFile(path, a.data, 0o777); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range a.folder {
		at := filepath.Join(path, name)
		err := os.MkdirAll(filepath.Dir(at), 0o777)
		if target, link := strings.CutPrefix(text, "->"); err == nil && link {
			err = os.Symlink(target, at)
		} else if err == nil {
			err = os.WriteFile(at, []byte(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// A program is a Go binary with what is known of it.
type program struct {
	data   []byte
	facts  *gofacts.Facts
	sbom   any
	commit string
}

var (
	built     program
	buildOnce sync.Once
)

// goProgram makes a real Go binary the artifact, and lets provenance and SBOM
// say what is true of it.
func (m *maker) goProgram() {
	m.t.Helper()
	buildOnce.Do(func() { built = buildProgram(m.t) })
	if built.data == nil {
		m.t.Fatal("the program could not be built, see the first story that wanted it")
	}
	m.made = fileOf(built.data)
	f := built.facts
	m.made.tokens = map[string]string{"<commit>": built.commit, "<go>": f.GoVersion, "<stdlib>": f.Stdlib().Version}
	var deps []any
	for _, mod := range f.Modules {
		data, err := json.Marshal(mod.Descriptor())
		if err != nil {
			m.t.Fatal(err)
		}
		d, err := decode(data)
		if err != nil {
			m.t.Fatal(err)
		}
		deps = append(deps, d)
		short := mod.Path[strings.LastIndexByte(mod.Path, '/')+1:]
		if mod.Version != "" {
			m.made.tokens["<"+short+"-version>"] = mod.Version
			m.made.tokens["<"+short+"-sum>"] = mod.Sum
		}
	}
	set := func(doc, pointer string, value any) {
		var err error
		if m.docs[doc], err = edit(m.docs[doc], pointer, value, false); err != nil {
			m.t.Fatal(err)
		}
	}
	set("provenance", "/predicate/buildDefinition/internalParameters/go", map[string]any{
		"version": f.GoVersion, "goos": f.Settings["GOOS"], "goarch": f.Settings["GOARCH"], "cgo": f.Settings["CGO_ENABLED"],
		"packages": []any{f.Path}, "module": f.Main.Path, "tags": f.Settings["-tags"], "ldflags": f.Settings["-ldflags"], "trimpath": false,
	})
	source := map[string]any{"uri": "git+https://github.com/acme/app@refs/tags/v1.4.0", "digest": map[string]any{"gitCommit": built.commit}}
	set("provenance", "/predicate/buildDefinition/resolvedDependencies", append([]any{source}, deps...))
	data, err := encode(built.sbom, "")
	if err != nil {
		m.t.Fatal(err)
	}
	bom, err := decode(data) // a copy: stories change it
	if err != nil {
		m.t.Fatal(err)
	}
	set("sbom", "/predicate", bom)
}

// buildProgram builds it in a git repository of its own, with everything that
// the go command can stamp.
func buildProgram(t testing.TB) program {
	t.Helper()
	p := factstest.New(t)
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = p.Dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
			"GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-11-20T00:00:00Z", "GIT_COMMITTER_DATE=2026-11-20T00:00:00Z")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	args := []string{"GOOS=linux", "GOARCH=amd64", "-buildvcs=true", "-tags=prod,netgo", "-ldflags=-X=main.version=v1.4.0"}
	git("init", "-q")
	p.Build(t, "-buildvcs=false") // it completes go.mod, which would be a change afterwards
	git("add", ".")
	git("commit", "-q", "-m", "app")
	data, err := os.ReadFile(p.Build(t, args...))
	if err != nil {
		t.Fatal(err)
	}
	facts, err := gofacts.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if facts.Settings["vcs.modified"] != "false" {
		t.Fatalf("the program is %v", facts.Settings)
	}
	bom, err := sbom.FromBinary(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		t.Fatal(err)
	}
	doc, err := decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return program{data: data, facts: facts, sbom: doc, commit: git("rev-parse", "HEAD")}
}
