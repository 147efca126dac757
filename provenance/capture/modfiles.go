package capture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// modFile is the go.mod file that the command goes by, "" if there is none.
func (b *building) modFile(env map[string]string) string {
	if other := b.flagOf("modfile", env); other != "" {
		if !filepath.IsAbs(other) {
			other = filepath.Join(b.dir, other)
		}
		return other
	}
	if mod := env["GOMOD"]; mod != os.DevNull && filepath.IsAbs(mod) {
		return mod
	}
	return ""
}

// workFile is the go.work file that the command goes by, "" if there is none.
func workFile(env map[string]string) string {
	if work := env["GOWORK"]; filepath.IsAbs(work) {
		return work
	}
	return ""
}

// flagOf is the value that the command gives a build flag, else GOFLAGS in env.
func (b *building) flagOf(name string, env map[string]string) string {
	if !b.goBuild {
		return ""
	}
	if value := b.command.last(name); value != "" {
		return value
	}
	value := ""
	for _, a := range goArguments(goFlagsOf(env)) {
		if a.name == name {
			value = a.value
		}
	}
	return value
}

// readModFiles reads go.mod and go.work, where there are such.
func (b *building) readModFiles(in *inputs, env map[string]string) {
	for _, f := range []struct {
		path string
		to   **gofacts.ModFile
	}{{b.modFile(env), &in.mod}, {workFile(env), &in.work}} {
		if f.path == "" {
			continue
		}
		name := filepath.Base(f.path)
		file, err := safefs.Open(f.path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			*f.to, err = gofacts.ParseMod(name, file)
			file.Close()
		}
		in.malformed(name, err)
	}
}

func (in *inputs) malformed(name string, err error) {
	if err != nil {
		in.findings = append(in.findings, Finding{Subject: name, Fact: "cannot be read", Got: pathless(err).Error()})
	}
}

// lookVendor hashes the vendor folder, and holds the packages that were
// compiled from it, and go.mod, against its modules.txt.
func (in *inputs) lookVendor(ctx context.Context, env map[string]string) {
	top := env["GOMOD"]
	if work := workFile(env); work != "" {
		top = work
	}
	dir := filepath.Join(filepath.Dir(top), "vendor")
	hashed, err := provenance.SubjectOptions{Root: dir}.Subjects(ctx, dir)
	if err != nil {
		in.malformed("vendor", errors.New("the folder cannot be hashed"))
		return
	}
	in.vendor = &provenance.ResourceDescriptor{Name: "vendor", Digest: hashed[0].Digest}
	file, err := safefs.Open(filepath.Join(dir, "modules.txt"))
	if err != nil {
		in.malformed("vendor/modules.txt", err)
		return
	}
	defer file.Close()
	list, err := gofacts.ParseVendor("vendor/modules.txt", file)
	if err != nil {
		in.malformed("vendor/modules.txt", err)
		return
	}
	in.findings = append(in.findings, in.disagreeVendor(list)...)
}

func (in *inputs) disagreeVendor(list []gofacts.Vendored) (findings []Finding) {
	byPath := map[string]gofacts.Vendored{}
	for _, v := range list {
		byPath[v.Path] = v
	}
	seen := map[string]bool{}
	for _, p := range in.packages {
		if p.Standard || p.Module == nil || p.ModuleDir != "" || seen[p.Module.Path] {
			continue
		}
		seen[p.Module.Path] = true
		m := *p.Module
		want := gofacts.Version{Path: m.Path, Version: m.Version}
		if m.Replaces != nil {
			want = gofacts.Version{Path: m.Replaces.Path, Version: m.Replaces.Version}
		}
		if got, ok := byPath[want.Path]; !ok || got.Version != want || (got.Replaced != nil) != (m.Replaces != nil) ||
			m.Replaces != nil && m.Version != "" && *got.Replaced != (gofacts.Version{Path: m.Path, Version: m.Version}) {
			findings = append(findings, Finding{want.Path, "version in vendor/modules.txt", m.Version, got.Version.Version})
		}
	}
	if in.work != nil || in.mod == nil {
		return findings
	}
	for _, r := range in.mod.Require {
		if got := byPath[r.Path]; got.Version != (gofacts.Version{Path: r.Path, Version: r.Version}) || !got.Explicit {
			findings = append(findings, Finding{r.Path, "explicit version in vendor/modules.txt", r.Version, got.Version.Version})
		}
	}
	return findings
}

// lookProfiles hashes the profiles that the compiler optimizes by: the one that
// -pgo names, else default.pgo in the folder of each main package.
func (b *building) lookProfiles(ctx context.Context, in *inputs, env map[string]string) {
	given := b.flagOf("pgo", env)
	if given == "off" {
		return
	}
	if given != "" && given != "auto" {
		if !filepath.IsAbs(given) {
			given = filepath.Join(b.dir, given)
		}
		in.profiles = append(in.profiles, b.profile(ctx, "", given))
		return
	}
	for _, p := range in.packages {
		path := filepath.Join(p.Dir, "default.pgo")
		if p.DepOnly || p.Name != "main" {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			in.profiles = append(in.profiles, b.profile(ctx, p.ImportPath, path))
		}
	}
}

func (b *building) profile(ctx context.Context, main, path string) profile {
	_, work := b.cleaners()
	name := base(path)
	if rel, ok := (cleaner{work.root, work.root, work.also}).inside(path); ok {
		name = rel
	}
	sum, err := sha256File(ctx, path)
	return profile{main, provenance.ResourceDescriptor{Name: "profile " + name, Digest: sum}, err}
}

// recordInputs records what go list and the files that it names say.
func (b *building) recordInputs(d *draft, at string) {
	in := b.inputs
	if in != nil {
		in.recordMod(b, d, at)
	}
	if in == nil || in.err != nil {
		var why string
		switch {
		case b.argv == nil:
			why = "the build had already run"
		case !b.goBuild:
			why = "the command is not go build or go install, so what it compiles was not seen"
		case in == nil:
			why = "go list was not asked"
		default:
			why = in.err.Error()
		}
		d.grade(pointer(at, "inputs"), Absent, why)
		return
	}
	const why = "go list -deps, with the command's flags and in its environment"
	fields := map[string]any{}
	count := map[string]int{"packages": len(in.packages)}
	for _, p := range in.packages {
		if p.Standard {
			count["standard"]++
			continue
		}
		count["files"] += len(p.GoFiles) + len(p.NativeFiles) + len(p.EmbedFiles)
		count["native"] += len(p.NativeFiles)
		count["embedded"] += len(p.EmbedFiles)
		if p.Foreign {
			count["foreign"]++
		}
	}
	at = pointer(at, "inputs")
	for name, n := range count {
		if n > 0 {
			d.put(fields, at, name, float64(n), Observed, why)
		}
	}
	if count["foreign"] > 0 {
		d.grade(pointer(at, "libraries"), Absent, "packages use cgo or bring objects; the headers and libraries of the system that they name were not seen")
	}
	modules, atModules := map[string]any{}, pointer(at, "modules")
	for _, f := range in.folders {
		name := f.module.Path
		if name == "" {
			name = "command-line-arguments"
		}
		if f.err != nil {
			d.grade(pointer(atModules, name), Absent, f.err.Error())
			continue
		}
		d.put(modules, atModules, name, f.digest[provenance.DirHash], Observed, "hashed during the build: the files that go list names, and go.mod")
	}
	if len(modules) > 0 {
		fields["modules"] = modules
	}
	d.golang["inputs"] = fields
	if in.vendor != nil {
		d.materials = append(d.materials, material{*in.vendor, Observed, "the whole folder, hashed during the build"})
	}
	for _, p := range in.profiles {
		if p.err == nil {
			d.materials = append(d.materials, material{p.ResourceDescriptor, Observed, "the profile that go build optimizes by, hashed during the build"})
		}
	}
}

// recordMod records the lines of go.mod and go.work that choose the language
// and the toolchain, and the folders of a workspace.
func (in *inputs) recordMod(b *building, d *draft, at string) {
	for _, f := range []struct {
		name string
		file *gofacts.ModFile
	}{{"mod", in.mod}, {"work", in.work}} {
		if f.file == nil {
			continue
		}
		fields, at := map[string]any{}, pointer(at, f.name)
		why := "the go." + f.name + " file, read during the build"
		if f.file.Go != "" {
			d.put(fields, at, "go", f.file.Go, Observed, why)
		}
		if f.file.Toolchain != "" {
			d.put(fields, at, "toolchain", f.file.Toolchain, Observed, why)
		}
		if len(f.file.Use) > 0 {
			c := cleaner{b.root, filepath.Dir(workFile(b.toolchain.env)), []string{b.rootName}}
			use := slices.Clone(f.file.Use)
			for i := range use {
				use[i] = c.path(use[i])
			}
			slices.Sort(use)
			d.put(fields, at, "use", values(use), Observed, why)
		}
		if len(fields) > 0 {
			d.golang[f.name] = fields
		}
	}
	if b.toolchain.env["GOWORK"] == "off" {
		d.put(d.golang, at, "gowork", "off", Observed, inGoEnv)
	}
}
