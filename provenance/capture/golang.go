package capture

import (
	"maps"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
	"github.com/touchmark-go/touchmark/provenance"
)

const (
	inBinary = "the outputs' build info, which the linker wrote"
	inGoEnv  = "go env, in the command's folder and environment"
	noBinary = "no output is a Go binary with build info"
	differ   = "the outputs differ in it"
)

// agree is what get says of every Go binary among the outputs, if they all say
// the same and it is not empty.
func (b *building) agree(get func(*gofacts.Facts) string) (string, bool) {
	value, seen := "", false
	for _, o := range b.outputs {
		if o.facts == nil {
			continue
		}
		v := get(o.facts)
		if seen && v != value {
			return "", false
		}
		value, seen = v, true
	}
	return value, value != ""
}

func (b *building) hasGo() bool {
	return slices.ContainsFunc(b.outputs, func(o outputFile) bool { return o.facts != nil })
}

// goEnv is what go env says, if the command is go itself.
func (b *building) goEnv(name string) string {
	if b.argv == nil || !isGo(b.argv[0]) {
		return ""
	}
	return b.toolchain.env[name]
}

// flag is the value that the command gives a build flag, or GOFLAGS does.
func (b *building) flag(name string) string {
	return b.flagOf(name, b.toolchain.env)
}

func goFlagsOf(env map[string]string) []string {
	flags, err := goflags.Split(env["GOFLAGS"])
	if err != nil {
		return nil
	}
	return flags
}

// recordGo records how the Go toolchain was set up. What the outputs say comes
// first: they are what was built.
func (b *building) recordGo(d *draft) {
	d.internal["go"] = d.golang
	at := pointer(atInternal, "go")
	b.fact(d, at, "version", func(f *gofacts.Facts) string { return f.GoVersion }, b.goEnv("GOVERSION"), inGoEnv)
	for _, name := range []string{"goos", "goarch"} {
		upper := strings.ToUpper(name)
		b.fact(d, at, name, setting(upper), b.goEnv(upper), inGoEnv)
		if value, ok := d.golang[name]; ok {
			d.put(d.external, atExternal, name, value, Observed, d.grades[len(d.grades)-1].Why)
		} else {
			d.grade(pointer(atExternal, name), Absent, d.grades[len(d.grades)-1].Why)
		}
	}
	b.fact(d, at, "compiler", setting("-compiler"), "", "")
	b.fact(d, at, "cgo", setting("CGO_ENABLED"), b.goEnv("CGO_ENABLED"), inGoEnv)
	b.optional(d, at, "buildmode", setting("-buildmode"), b.flag("buildmode"))
	for _, name := range archSettings() {
		b.optional(d, at, strings.ToLower(name), setting(name), "")
	}
	b.recordTags(d, at)
	_, work := b.cleaners()
	list := argumentList{clean: work, linkVars: b.options.LinkVars}
	b.optional(d, at, "ldflags", func(f *gofacts.Facts) string { return perPattern(f.Settings["-ldflags"], list.linker) }, perPattern(b.flag("ldflags"), list.linker))
	b.optional(d, at, "gcflags", func(f *gofacts.Facts) string { return perPattern(f.Settings["-gcflags"], list.tool) }, perPattern(b.flag("gcflags"), list.tool))
	b.optional(d, at, "asmflags", func(f *gofacts.Facts) string { return perPattern(f.Settings["-asmflags"], list.tool) }, perPattern(b.flag("asmflags"), list.tool))
	b.recordTrimpath(d, at)
	b.fact(d, at, "module", func(f *gofacts.Facts) string { return f.Main.Path }, "", "")
	b.recordPackages(d, at)
	b.recordInputs(d, at)
	if len(d.golang) == 0 {
		delete(d.internal, "go")
	}
}

func setting(name string) func(*gofacts.Facts) string {
	return func(f *gofacts.Facts) string { return f.Settings[name] }
}

// archSettings are the environment variables that change what is compiled, as
// they stand in build info.
func archSettings() []string {
	return []string{"GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM", "GOEXPERIMENT", "GOFIPS140"}
}

// fact records what the outputs agree on, else other, else that it is absent.
func (b *building) fact(d *draft, at, name string, get func(*gofacts.Facts) string, other, why string) {
	value, ok := b.agree(get)
	switch {
	case ok:
		d.put(d.golang, at, name, strings.ToValidUTF8(value, "\uFFFD"), Observed, inBinary)
	case b.hasGo() && !b.same(get):
		d.grade(pointer(at, name), Absent, differ)
	case other != "":
		d.put(d.golang, at, name, other, Observed, why)
	case b.hasGo():
		d.grade(pointer(at, name), Absent, "the outputs' build info does not say")
	default:
		d.grade(pointer(at, name), Absent, noBinary)
	}
}

// optional is fact for what is usually not set, so that its absence says nothing.
func (b *building) optional(d *draft, at, name string, get func(*gofacts.Facts) string, other string) {
	if value, _ := b.agree(get); value == "" && b.same(get) && other == "" {
		return
	}
	b.fact(d, at, name, get, other, "the command's arguments or GOFLAGS")
}

// same reports whether all Go binaries say the same, which may be nothing.
func (b *building) same(get func(*gofacts.Facts) string) bool {
	var first *gofacts.Facts
	for _, o := range b.outputs {
		if o.facts == nil {
			continue
		}
		if first == nil {
			first = o.facts
		}
		if get(o.facts) != get(first) {
			return false
		}
	}
	return true
}

// recordTags records the build tags twice: as the parameter that they are, and
// as the one string that build info holds.
func (b *building) recordTags(d *draft, at string) {
	get := func(f *gofacts.Facts) string { return strings.Join(tags(f.Settings["-tags"]), ",") }
	b.optional(d, at, "tags", get, strings.Join(tags(b.flag("tags")), ","))
	if joined, ok := d.golang["tags"].(string); ok {
		d.put(d.external, atExternal, "tags", values(tags(joined)), Observed, d.grades[len(d.grades)-1].Why)
	}
}

func (b *building) recordTrimpath(d *draft, at string) {
	value, ok := b.agree(setting("-trimpath"))
	switch {
	case ok:
		d.put(d.golang, at, "trimpath", value == "true", Observed, inBinary)
	case b.hasGo() && b.same(setting("-trimpath")):
		d.put(d.golang, at, "trimpath", false, Observed, inBinary)
	default:
		d.grade(pointer(at, "trimpath"), Absent, noBinary)
	}
}

func (b *building) recordPackages(d *draft, at string) {
	packages := map[string]bool{}
	for _, o := range b.outputs {
		if o.facts != nil && o.facts.Path != "" {
			packages[o.facts.Path] = true
		}
	}
	if len(packages) == 0 {
		d.grade(pointer(at, "packages"), Absent, noBinary)
		return
	}
	d.put(d.golang, at, "packages", values(slices.Sorted(maps.Keys(packages))), Observed, inBinary)
}

// recordModules records the toolchain, the C compiler and every linked module.
func (b *building) recordModules(d *draft) {
	b.recordToolchain(d)
	for _, o := range b.outputs {
		if o.facts == nil {
			continue
		}
		modules := o.facts.Modules
		if o.facts.Main.Sum != "" { // go install module@version: the main module was fetched, too
			modules = append(slices.Clone(modules), o.facts.Main)
		}
		for _, m := range modules {
			descriptor, why := b.inputs.module(m)
			d.materials = append(d.materials, material{descriptor, Observed, inBinary + why})
		}
	}
}

// recordToolchain names the toolchain, with digests if the one that can be
// looked at is of the same version.
func (b *building) recordToolchain(d *draft) {
	version, _ := d.golang["version"].(string)
	if version == "" {
		return
	}
	if b.toolchain.err != nil || len(b.toolchain.deps) == 0 || goRelease(version) != goRelease(b.toolchain.env["GOVERSION"]) {
		d.materials = append(d.materials, material{provenance.ResourceDescriptor{Name: "go", URI: goURI(version)}, Observed, inBinary})
		return
	}
	grade, why := Observed, "the file in the toolchain that the command names as its own, hashed during the build"
	if b.argv == nil || !isGo(b.argv[0]) {
		grade, why = Inferred, "the file in the toolchain of this version that PATH names"
	}
	for _, dep := range b.toolchain.deps {
		d.materials = append(d.materials, material{dep, grade, why})
	}
	if cgo := d.golang["cgo"]; cgo == "1" && b.toolchain.cc != nil && b.argv != nil && isGo(b.argv[0]) {
		d.materials = append(d.materials, material{*b.toolchain.cc, Inferred, "the C compiler that go would call; whether a package needed it was not seen"})
	}
}
