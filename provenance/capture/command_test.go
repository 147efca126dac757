package capture_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// validCommand holds a record of a command against its schema, our parser, and
// the promise that every fact has its grade.
func validCommand(t testing.TB, r *capture.Record) {
	t.Helper()
	data := marshal(t, r)
	s, err := provenance.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	build, err := provenance.ParseBuild(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := build.BuildDefinition.BuildType; got != capture.CommandBuildType {
		t.Errorf("the build type is %s, want %s", got, capture.CommandBuildType)
	}
	f, err := os.Open("../../docs/build-types/command/v1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("command.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("command.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(toJSON(t, r.Build().BuildDefinition.ExternalParameters)); err != nil {
		t.Errorf("the build type's schema: %v", err)
	}
	checkGrades(t, data, r.Grades())
}

// shell is a command that runs a script, whose text is allowed to be recorded if
// it is named.
func shell(script string) []string { return []string{"sh", "-c", script} }

// TestCommand captures a command that has nothing to do with Go.
func TestCommand(t *testing.T) {
	w := newWorld(t)
	w.write("config/a.json", "{}")
	w.commit()
	cmd := w.command(append(shell("mkdir -p dist && cp config/a.json dist/config.json && cp -r config dist/bundle"), "--token=s3cr3t", "fast"), "MODE=prod", "SECRET=hunter2")
	r, err := capture.Options{Env: []string{"MODE"}, Arguments: []string{"-c", "fast"}}.Run(t.Context(), cmd, "dist/config.json", "dist/bundle")
	if err != nil {
		t.Fatal(err)
	}
	validCommand(t, r)
	for at, want := range map[string]string{"/command": `["sh","-c","(withheld)","(withheld)","fast"]`, "/env": `{"MODE":"prod"}`, "/source/dirty": "false"} {
		if got := external(t, r, at); got != want {
			t.Errorf("%s is %s, want %s", at, got, want)
		}
	}
	if found := leaks(everything(t, r), "s3cr3t", "hunter2", w.dir); found != nil {
		t.Errorf("written down: %q", found)
	}
	if got, want := dependencies(r), "source program"; got != want {
		t.Errorf("dependencies are %s, want %s", got, want)
	}
	if got, want := internalParameter(t, r, "/go"), ""; got != want {
		t.Errorf("what is no Go build has %s", got)
	}
	if got := len(r.Subjects()); got != 2 {
		t.Errorf("%d subjects, want 2", got)
	}

	after, err := capture.Options{Root: w.dir}.After(t.Context(), filepath.Join(w.dir, "dist/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	validCommand(t, after)

	// As soon as an output is a Go program it is a Go build, whatever the command.
	if got := w.capture(capture.Options{}, shell("go build -o dist/app .")).Build().BuildDefinition.BuildType; got != capture.GoBuildType {
		t.Errorf("the build type is %s, want %s", got, capture.GoBuildType)
	}
}

func dependencies(r *capture.Record) string {
	var names []string
	for _, d := range r.Build().BuildDefinition.ResolvedDependencies {
		names = append(names, d.Name)
	}
	return strings.Join(names, " ")
}

// A command that fails leaves no provenance, and asked for it a record.
func TestCommandFails(t *testing.T) {
	w := newWorld(t)
	r, err := capture.Run(t.Context(), w.command(shell("mkdir -p dist; echo x >dist/data; exit 3")), "dist/data")
	if r != nil || err == nil {
		t.Errorf("%v, %v, want an error alone", r, err)
	}
	r, err = capture.Options{RecordFailure: true}.Run(t.Context(), w.command(shell("exit 3")), "dist/data")
	if err == nil || r == nil || r.Statement() != nil || r.Build().BuildDefinition.BuildType != capture.CommandBuildType {
		t.Errorf("%v, %v, want a record without a statement beside the error", r, err)
	}
	if _, err := capture.Run(t.Context(), w.command(shell("true")), "dist/data"); err == nil {
		t.Error("an output that was not made is recorded")
	}
}

// images are one image in each of its forms.
func images(t testing.TB) (binary []byte, forms map[string]func(dir string) string) {
	t.Helper()
	binary = testkit.GoBinary(t)
	layers := [][]imagetest.Entry{{{Name: "etc/os-release", Body: "ID=none"}, {Name: "tmp/app", Body: string(binary) + "old"}}, {{Name: "tmp/.wh.app"}, {Name: "app", Body: string(binary)}, {Name: "bin/sh", Body: "\x7fELF and no Go"}}}
	l := imagetest.New()
	one := l.Image("linux/amd64", layers...)
	index := l.Index(one, l.Image("linux/arm64", layers[0]))
	l.Add(index)
	file := func(data []byte) func(string) string {
		return func(dir string) string {
			path := filepath.Join(dir, "image.tar")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	docker, _ := imagetest.Docker("linux/amd64", "app:1", layers...)
	return binary, map[string]func(string) string{"folder": func(dir string) string { return l.Write(filepath.Join(dir, "image")) }, "tar": file(l.Tar()), "docker": file(docker)}
}

// TestImages wants every part of an image among the subjects, and the programs
// in it among the dependencies, by the digests by which verify finds them.
func TestImages(t *testing.T) {
	binary, forms := images(t)
	for form, want := range map[string]struct{ types, inside string }{
		"folder": {"application/vnd.oci.image.index.v1+json application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json application/vnd.oci.image.layer.v1.tar+gzip application/vnd.oci.image.layer.v1.tar+gzip application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json", "app tmp/app"},
		"docker": {"application/vnd.docker.container.image.v1+json application/vnd.docker.image.rootfs.diff.tar application/vnd.docker.image.rootfs.diff.tar", "app"},
	} {
		for _, as := range map[string][]string{"folder": {"folder", "tar"}, "docker": {"docker"}}[form] {
			t.Run(as, func(t *testing.T) {
				w := newWorld(t)
				source := forms[as](t.TempDir())
				r := w.capture(capture.Options{}, shell("mkdir -p dist && cp -r "+source+" dist/app"))
				validCommand(t, r)
				var types, inside []string
				for _, s := range r.Subjects()[1:] {
					types = append(types, s.MediaType)
					if d, ok := s.Digest.Get(provenance.SHA256); !ok || s.Name != "dist/app#"+d.String() {
						t.Errorf("a part is called %s, want its digest %s behind the output", s.Name, d)
					}
				}
				for _, d := range r.Build().BuildDefinition.ResolvedDependencies {
					if d.Annotations["image"] == nil {
						continue
					}
					inside = append(inside, d.Name)
					var image string
					if err := json.Unmarshal(d.Annotations["image"], &image); err != nil || !slices.ContainsFunc(r.Subjects(), func(s provenance.ResourceDescriptor) bool { return strings.HasSuffix(s.Name, "#"+image) }) {
						t.Errorf("%s is in %q, which is no subject", d.Name, image)
					}
					if got, _ := d.Digest.Get(provenance.SHA256); d.Name == "app" && got != provenance.SumSHA256(binary) {
						t.Errorf("app has the digest %s, want %s", got, provenance.SumSHA256(binary))
					}
				}
				if got := strings.Join(types, " "); got != want.types {
					t.Errorf("parts are %s, want %s", got, want.types)
				}
				if got := strings.Join(inside, " "); got != want.inside {
					t.Errorf("inside are %s, want %s", got, want.inside)
				}
			})
		}
	}
}

// An image that contradicts itself is not recorded; one that cannot be read is,
// and it is said what is not known.
func TestBrokenImages(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		edit func(l *imagetest.Layout, layer *imagetest.Descriptor)
		want string
	}{
		"a layer of other bytes": {func(l *imagetest.Layout, d *imagetest.Descriptor) {
			l.Files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")] = imagetest.Tar(imagetest.Entry{Name: "b"})
		}, "does not match"},
		"a layer that is missing": {func(l *imagetest.Layout, d *imagetest.Descriptor) {
			delete(l.Files, "blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:"))
		}, "not in the archive"},
		"zstd":    {func(_ *imagetest.Layout, d *imagetest.Descriptor) { d.MediaType += "+zstd" }, ""},
		"nothing": {func(*imagetest.Layout, *imagetest.Descriptor) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := imagetest.New()
			data := imagetest.Tar(imagetest.Entry{Name: "a", Body: "A"})
			layer := l.Blob("application/vnd.oci.image.layer.v1.tar", data)
			test.edit(l, &layer)
			config := l.Document("application/vnd.oci.image.config.v1+json", imagetest.Config("linux/amd64", imagetest.Sum(data)))
			l.Add(l.Document("application/vnd.oci.image.manifest.v1+json", imagetest.Manifest(config, layer)))
			source := l.Write(t.TempDir())
			r, err := capture.Run(t.Context(), w.command(shell("rm -rf dist; mkdir dist && cp -r "+source+" dist/image")), "dist/image")
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"dist/image"`) {
					t.Errorf("%v, want %q and the output's name", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			validCommand(t, r)
			if got, want := grade(r, "/predicate/buildDefinition/resolvedDependencies/-"), map[string]string{"zstd": capture.Absent}[name]; got != want {
				t.Errorf("what is inside is graded %q, want %q", got, want)
			}
		})
	}
}

// TestLockFiles records what lock files declare.
func TestLockFiles(t *testing.T) {
	const npm = `{"name":"web","lockfileVersion":3,"packages":{"":{"name":"web"},"node_modules/left":{"version":"1.2.3","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}}}`
	pip := "right==2.0 --hash=sha256:" + strings.Repeat("ab", 32) + "\n"
	cargo := "version = 3\n\n[[package]]\nname = \"middle\"\nversion = \"0.1.0\"\nsource = \"registry+https://crates.example/index\"\nchecksum = \"" + strings.Repeat("cd", 32) + "\"\n"
	w := newWorld(t)
	w.write("package-lock.json", npm)
	w.write("requirements.txt", pip)
	w.write("rust/Cargo.lock", cargo)
	w.write("lockfile.json", "{}") // by its name Maven's, and not by its content
	w.commit()
	r, err := capture.Options{LockFiles: []string{"rust/Cargo.lock"}}.Run(t.Context(), w.command(shell("mkdir -p dist && echo x >dist/data && echo >>requirements.txt")), "dist/data")
	if err != nil {
		t.Fatal(err)
	}
	validCommand(t, r)
	var got []string
	for i, d := range r.Build().BuildDefinition.ResolvedDependencies {
		if d.Name == "source" || d.Name == "program" {
			continue
		}
		at := fmt.Sprintf("/predicate/buildDefinition/resolvedDependencies/%d", i)
		got = append(got, fmt.Sprintf("%s %s %s %d %s", d.Name, d.URI, grade(r, at), len(d.Digest), d.Annotations["lockFile"]))
	}
	want := []string{
		`package-lock.json  observed 1 `, `requirements.txt  observed 1 `, `rust/Cargo.lock  observed 1 `,
		`middle pkg:cargo/middle@0.1.0 declared 1 "rust/Cargo.lock"`, `left pkg:npm/left@1.2.3 declared 1 "package-lock.json"`, `right pkg:pypi/right@2.0 declared 1 "requirements.txt"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := grade(r, "/predicate/buildDefinition/resolvedDependencies/-"); got != "" {
		t.Errorf("all lock files are read, and it is graded %q that they are not", got)
	}
	if !slices.ContainsFunc(r.Grades(), func(g capture.Grade) bool { return strings.Contains(g.Why, "which changed it") }) {
		t.Error("that the command changed a lock file is not said")
	}

	w.write("package-lock.json", "{")
	for name, test := range map[string]struct{ file, want string }{
		"missing":    {"none/Cargo.lock", "Cargo.lock"},
		"unknown":    {"main.go", "it is none of"},
		"another's":  {"lockfile.json", "it has no lockFileVersion"},
		"unreadable": {"package-lock.json", "package-lock.json:1"},
	} {
		_, err := capture.Options{LockFiles: []string{test.file}}.Run(t.Context(), w.command(shell("mkdir -p dist && echo x >dist/data")), "dist/data")
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), w.dir) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	r, err = capture.Run(t.Context(), w.command(shell("rm -rf dist; mkdir -p dist && echo x >dist/data")), "dist/data")
	if err != nil {
		t.Fatalf("a lock file that nobody named and nobody can read: %v", err)
	}
	if got := grade(r, "/predicate/buildDefinition/resolvedDependencies/-"); got != capture.Absent {
		t.Errorf("it is graded %q, want %q", got, capture.Absent)
	}
	// A Go build has its modules, and takes nothing from the locks beside it.
	if r := w.capture(capture.Options{LockFiles: []string{"none"}}, goBuild(".")); strings.Contains(dependencies(r), "left") {
		t.Error("a Go build depends on a package of npm")
	}
}
