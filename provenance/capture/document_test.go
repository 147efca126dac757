package capture

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

var update = flag.Bool("update", false, "write the example of the build type's document")

// documented is a build as the document's example shows it, looked at by nobody.
func documented() (*building, []provenance.ResourceDescriptor) {
	digest := func(algorithm, of string) provenance.DigestSet {
		return provenance.DigestSet{algorithm: provenance.SumSHA256([]byte(of)).Hex()}
	}
	facts := &gofacts.Facts{
		GoVersion: "go1.26.8", Path: "example.com/app/cmd/app", Main: gofacts.Module{Path: "example.com/app"},
		Modules: []gofacts.Module{
			{Path: "example.com/dep", Version: "v1.2.3", Sum: "h1:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
			{Path: "example.com/fork", Version: "v1.1.0", Sum: "h1:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
				Replaces: &gofacts.Module{Path: "example.com/old", Version: "v1.0.0"}},
		},
		Settings: map[string]string{"GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1", "CGO_ENABLED": "0", "-compiler": "gc", "-buildmode": "exe",
			"-tags": "netgo,osusergo", "-trimpath": "true", "-pgo": "default.pgo"},
	}
	app := gofacts.Module{Path: "example.com/app"}
	looked := &inputs{
		packages: []gofacts.Package{
			{ImportPath: "runtime", Standard: true, DepOnly: true},
			{ImportPath: "example.com/dep", Module: &facts.Modules[0], ModuleDir: "/go/pkg/mod/example.com/dep@v1.2.3", GoFiles: []string{"dep.go"}, DepOnly: true},
			{ImportPath: "example.com/old", Module: &facts.Modules[1], ModuleDir: "/go/pkg/mod/example.com/fork@v1.1.0", GoFiles: []string{"old.go"}, DepOnly: true},
			{ImportPath: "example.com/app/cmd/app", Name: "main", Module: &app, Main: true, ModuleDir: "/src/app", GoFiles: []string{"main.go"},
				NativeFiles: []string{"fast_amd64.s"}, EmbedFiles: []string{"page.html"}},
		},
		folders:  []folder{{module: app, dir: "/src/app", digest: digest(provenance.DirHash, "app")}},
		modules:  map[gofacts.Version]moduleCheck{},
		profiles: []profile{{"example.com/app/cmd/app", provenance.ResourceDescriptor{Name: "profile cmd/app/default.pgo", Digest: digest(provenance.SHA256, "profile")}, nil}},
		mod:      &gofacts.ModFile{Module: app.Path, Go: "1.26.0", Toolchain: "go1.26.8"},
	}
	b := &building{
		options: Options{Env: []string{"CGO_ENABLED"}},
		argv: []string{"/usr/local/go/bin/go", "build", "-trimpath", "-tags=osusergo,netgo", "-ldflags=-s -w -X main.commit=5f1e2c9", "-o", "/src/app/dist/app",
			"./cmd/app"},
		env: []string{"CGO_ENABLED=0", "GITHUB_TOKEN=secret"}, start: "/src/app", dir: "/src/app", root: "/src/app", rootName: "/src/app",
		source: source{top: "/src/app", commit: "5f1e2c9d8a3b4c5d6e7f8091a2b3c4d5e6f70819", tree: "9b2f6c1e0d4a5b3c7e8f1a2b3c4d5e6f70819a2b", ref: "refs/tags/v1.4.0",
			refWhy: "the tag of the commit", repository: "https://github.com/acme/app", remoteWhy: "the remote origin", dirtyKnown: true},
		toolchain: toolchain{
			env: map[string]string{"GOVERSION": "go1.26.8", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
			deps: []provenance.ResourceDescriptor{
				{Name: "go", URI: "pkg:generic/go@1.26.8", Digest: digest(provenance.SHA256, "go")},
				{Name: "go tool compile", URI: "pkg:generic/go@1.26.8#pkg/tool/linux_amd64/compile", Digest: digest(provenance.SHA256, "compile")},
				{Name: "go tool link", URI: "pkg:generic/go@1.26.8#pkg/tool/linux_amd64/link", Digest: digest(provenance.SHA256, "link")},
			}},
		outputs:    []outputFile{{given: "dist/app", path: "/src/app/dist/app", facts: facts, grade: Observed, why: "made"}},
		inputs:     looked,
		invocation: "0f8fad5b-d9cb-469f-a165-70867728950e",
		started:    time.Date(2026, 11, 21, 3, 6, 40, 0, time.UTC),
		finished:   time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC),
	}
	b.command, b.goBuild = readGo(b.argv)
	return b, []provenance.ResourceDescriptor{{Name: "dist/app", Digest: digest(provenance.SHA256, "hello")}}
}

// TestDocumentedExample wants the document's example to be what this package
// writes, byte for byte.
func TestDocumentedExample(t *testing.T) {
	const dir = "../../docs/build-types/go-build/"
	b, subjects := documented()
	r, err := b.write(subjects)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Statement().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(dir + "v1.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(document), "```json\n")
	shown, after, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatal("the document has no example")
	}
	if *update {
		whole := before + "```json\n" + indented.String() + "\n```" + after
		for name, data := range map[string]string{"v1.md": whole, "v1.example.json": string(got)} {
			if err := os.WriteFile(dir+name, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want, err := os.ReadFile(dir + "v1.example.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the example is\n%s, want\n%s", want, got)
	}
	if shown != indented.String() {
		t.Errorf("the document shows\n%s, want\n%s", shown, indented.String())
	}
}

// TestDocumentedInternal wants a row for every internal parameter that a go build
// has.
func TestDocumentedInternal(t *testing.T) {
	b, subjects := documented()
	b.inputs.vendored, b.toolchain.env["GOWORK"] = true, "off"
	r, err := b.write(subjects)
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/build-types/go-build/v1.md")
	if err != nil {
		t.Fatal(err)
	}
	prose, _, _ := strings.Cut(string(document), "```json")
	golang, _ := r.Build().BuildDefinition.InternalParameters["go"].(map[string]any)
	inputs, _ := golang["inputs"].(map[string]any)
	if len(golang) < 12 || len(inputs) < 6 {
		t.Fatalf("%d and %d members", len(golang), len(inputs))
	}
	for name := range golang {
		if !strings.Contains(prose, "`go."+name+"`") {
			t.Errorf("the document has no row for go.%s", name)
		}
	}
	for name := range inputs {
		if !strings.Contains(prose, "`go.inputs."+name+"`") && !strings.Contains(prose, "`."+name+"`") {
			t.Errorf("the document has no row for go.inputs.%s", name)
		}
	}
}
