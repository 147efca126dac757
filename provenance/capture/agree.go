package capture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/gofacts"
)

// consistent checks that neither the outputs nor the files that were read
// contradict what was seen.
func (b *building) consistent() error {
	var findings []Finding
	if in := b.inputs; in != nil {
		findings = append(findings, in.findings...)
		findings = append(findings, in.changed(b.sourceUntil())...)
	}
	for _, o := range b.outputs {
		if o.facts != nil {
			findings = append(findings, b.disagree(o.given, o.facts)...)
		}
	}
	if len(findings) == 0 {
		return nil
	}
	slices.SortStableFunc(findings, func(x, y Finding) int {
		return cmp.Or(strings.Compare(x.Subject, y.Subject), strings.Compare(x.Fact, y.Fact))
	})
	return &ContradictionError{findings}
}

// sourceUntil is the time after which no source may have been changed, zero if
// it cannot be told: -mod=mod lets the build change go.mod, and the clock of the
// file system may be another than ours.
func (b *building) sourceUntil() time.Time {
	if b.late() || slices.ContainsFunc(b.outputs, func(o outputFile) bool { return o.new.info == nil || o.new.info.ModTime().After(b.finished) }) {
		return time.Time{}
	}
	return b.started
}

// disagree lists what an output says otherwise than the build.
func (b *building) disagree(output string, f *gofacts.Facts) (findings []Finding) {
	differ := func(fact, want, got string) {
		if want != got {
			findings = append(findings, Finding{output, fact, want, got})
		}
	}
	if at := f.Settings["vcs.revision"]; at != "" && b.source.commit != "" {
		differ("commit", b.source.commit, at)
	}
	if !b.goBuild || b.toolchain.env == nil {
		return findings
	}
	env := b.toolchain.env
	known := func(fact, want, got string) {
		if want != "" && got != "" {
			differ(fact, want, got)
		}
	}
	known("GOOS", env["GOOS"], f.Settings["GOOS"])
	known("GOARCH", env["GOARCH"], f.Settings["GOARCH"])
	known("Go", goRelease(env["GOVERSION"]), goRelease(f.GoVersion))
	if f.Settings["-compiler"] == "" {
		return findings // the go command stamped no settings
	}
	known("CGO_ENABLED", env["CGO_ENABLED"], f.Settings["CGO_ENABLED"])
	for _, name := range archSettings() {
		if name != "GOFIPS140" && f.Settings[name] != "" {
			differ(name, env[name], f.Settings[name])
		}
	}
	differ("GOEXPERIMENT", env["GOEXPERIMENT"], f.Settings["GOEXPERIMENT"])
	fips := f.Settings["GOFIPS140"]
	if want := env["GOFIPS140"]; !strings.HasPrefix(want, "v") {
		differ("GOFIPS140", onOff(want), onOff(fips)) // the others are names for a version
	} else if !strings.HasPrefix(fips+"-", want+"-") {
		findings = append(findings, Finding{output, "GOFIPS140", want, fips})
	}
	differ("-tags", strings.Join(tags(b.flag("tags")+","+gofacts.FIPSTag(fips)), ","), strings.Join(tags(f.Settings["-tags"]), ","))
	for _, name := range []string{"race", "msan", "asan", "trimpath"} {
		differ("-"+name, isTrue(b.flag(name)), isTrue(f.Settings["-"+name]))
	}
	if mode := b.flag("buildmode"); mode != "" && mode != "default" {
		differ("-buildmode", mode, f.Settings["-buildmode"])
	}
	_, work := b.cleaners()
	list := argumentList{clean: work, linkVars: b.options.LinkVars}
	for _, flag := range []struct {
		name  string
		clean func(string) string
	}{{"ldflags", list.linker}, {"gcflags", list.tool}, {"asmflags", list.tool}} {
		want, got := b.flag(flag.name), f.Settings["-"+flag.name]
		if flag.name == "ldflags" && got == "" && f.Settings["-trimpath"] == "true" {
			continue // the go command leaves them out then
		}
		if want != got {
			findings = append(findings, Finding{output, "-" + flag.name, perPattern(want, flag.clean), perPattern(got, flag.clean)})
		}
	}
	return append(findings, b.disagreeModules(output, f)...)
}

func isTrue(flag string) string {
	switch strings.ToLower(flag) {
	case "1", "t", "true":
		return "true"
	}
	return "false"
}

func onOff(s string) string {
	if s == "" || s == "off" {
		return "off"
	}
	return "on"
}

// disagreeModules holds the modules that the linker wrote down against those
// that go list says the program is compiled from, and the profile likewise.
func (b *building) disagreeModules(output string, f *gofacts.Facts) (findings []Finding) {
	in := b.inputs
	if in == nil || in.err != nil {
		return nil
	}
	want, ok := in.modulesOf(f.Path)
	if !ok {
		return []Finding{{output, "main package", in.mains(), f.Path}}
	}
	got := map[string]gofacts.Module{}
	for _, m := range f.Modules {
		got[m.Path] = m
	}
	delete(want, f.Main.Path)
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if m, ok := got[path]; !ok || !sameModule(want[path], m) {
			findings = append(findings, Finding{output, "module " + path, moduleText(want[path], true), moduleText(m, ok)})
		}
	}
	for _, m := range f.Modules {
		if _, ok := want[m.Path]; !ok {
			findings = append(findings, Finding{output, "module " + m.Path, "nothing of it", moduleText(m, true)})
		}
	}
	profiled := slices.ContainsFunc(in.profiles, func(p profile) bool { return p.main == "" || p.main == f.Path })
	if stamped := f.Settings["-pgo"] != ""; stamped != profiled {
		findings = append(findings, Finding{output, "-pgo", fmt.Sprint(profiled), fmt.Sprint(stamped)})
	}
	return findings
}

func sameModule(a, b gofacts.Module) bool {
	if a.Path != b.Path || a.Version != b.Version || a.Sum != b.Sum && a.Sum != "" && b.Sum != "" || (a.Replaces == nil) != (b.Replaces == nil) {
		return false
	}
	return a.Replaces == nil || a.Replaces.Path == b.Replaces.Path && a.Replaces.Version == b.Replaces.Version
}

func moduleText(m gofacts.Module, there bool) string {
	if !there {
		return "nothing of it"
	}
	text := strings.TrimSpace(m.Path + " " + m.Version)
	if m.Replaces != nil {
		text = strings.TrimSpace(m.Replaces.Path+" "+m.Replaces.Version) + " => " + text
	}
	return strings.TrimSpace(text + " " + m.Sum)
}

// mains are the programs that the command compiles.
func (in *inputs) mains() string {
	var list []string
	for _, p := range in.packages {
		if !p.DepOnly {
			list = append(list, p.ImportPath)
		}
	}
	slices.Sort(list)
	return strings.Join(list[:min(len(list), 10)], ", ")
}

// modulesOf are the modules of all packages that a main package is compiled
// from, by path.
func (in *inputs) modulesOf(main string) (map[string]gofacts.Module, bool) {
	byPath := make(map[string]*gofacts.Package, len(in.packages))
	for i := range in.packages {
		byPath[in.packages[i].ImportPath] = &in.packages[i]
	}
	if p := byPath[main]; p == nil || p.DepOnly {
		return nil, false
	}
	modules, seen := map[string]gofacts.Module{}, map[string]bool{}
	open := []string{main}
	for len(open) > 0 {
		p := byPath[open[len(open)-1]]
		open = open[:len(open)-1]
		if p == nil || p.Standard || seen[p.ImportPath] {
			continue // "C", and what comes with the toolchain
		}
		seen[p.ImportPath] = true
		open = append(open, p.Imports...)
		if p.Module != nil {
			modules[p.Module.Path] = *p.Module
		}
	}
	return modules, true
}
