// Package gofacts parses what the Go toolchain says about a program: the build
// info that the linker wrote into a binary, and the output of go list. It only
// parses, and runs nothing; provenance/capture, sbom and verify read the same
// facts through it, so that they can be held against each other.
//
// Facts are claims of whoever made the binary. [Read] promises that they are
// well formed and small, never that they are true.
package gofacts

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strings"
)

// Facts are what a Go binary says about its own build.
type Facts struct {
	// GoVersion is the toolchain as it names itself: "go1.26.8", or with its
	// experiments "go1.26.8-X:jsonv2", before Go 1.26 "go1.25.4 X:jsonv2".
	GoVersion string
	// Path is the import path of the main package, "command-line-arguments"
	// when it was built from a list of files.
	Path string
	// Main is the module that Path is in. Its Path is empty when there is none,
	// its Version when nothing was stamped (never "(devel)").
	Main Module
	// Modules are the other modules that were linked, sorted by path.
	Modules []Module
	// Settings are the build settings as they were stamped, by their own names:
	// "-tags", "-ldflags", "GOOS", "CGO_ENABLED", "vcs.revision".
	Settings map[string]string
}

// FromBuildInfo are the facts in info, which is not changed. What a replacement
// stands in for moves to [Module.Replaces].
func FromBuildInfo(info *debug.BuildInfo) *Facts {
	f := &Facts{
		GoVersion: info.GoVersion,
		Path:      info.Path,
		Main:      moduleOf(info.Main),
		Settings:  make(map[string]string, len(info.Settings)),
	}
	if len(info.Deps) > 0 {
		f.Modules = make([]Module, 0, len(info.Deps))
	}
	modules := make([]*Module, 0, len(info.Deps)) // code that sorts structs is made for each, and is large
	for _, dep := range info.Deps {
		if dep != nil {
			m := moduleOf(*dep)
			modules = append(modules, &m)
		}
	}
	// The linker sorts too, by the path that is replaced.
	slices.SortFunc(modules, func(a, b *Module) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.Version, b.Version), strings.Compare(a.Sum, b.Sum))
	})
	for _, m := range modules {
		f.Modules = append(f.Modules, *m)
	}
	for _, s := range info.Settings {
		f.Settings[s.Key] = s.Value
	}
	return f
}

// Stdlib is the standard library as a module: "stdlib", at the version that the
// vulnerability databases write, see [Release].
func (f *Facts) Stdlib() Module { return Module{Path: Stdlib, Version: Release(f.GoVersion)} }

// Release is the version of a toolchain without "go" and without experiments:
// "1.26.8" of "go1.26.8-X:jsonv2". It is empty of a toolchain that was built
// between releases.
func Release(goVersion string) string {
	version, _, _ := strings.Cut(goVersion, " ")
	version, _, _ = strings.Cut(version, "-X:")
	version, ok := strings.CutPrefix(version, "go")
	if !ok || version == "" || version[0] < '0' || version[0] > '9' {
		return ""
	}
	return version
}

// Stdlib is how the vulnerability databases name the standard library.
const Stdlib = "stdlib"

// FIPSTag is the build tag that the go command adds for a version of the FIPS
// 140-3 module, as GOFIPS140 stands in build info: "fips140v1.0" for
// "v1.0.0-c2097c7c". It adds none for "latest" and "off".
func FIPSTag(version string) string {
	if !strings.HasPrefix(version, "v") {
		return ""
	}
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return "fips140" + major + "." + minor
}
