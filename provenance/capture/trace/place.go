package trace

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// A place is a folder, or a file, and what the files in it are.
type place struct {
	dir, class string
}

// places are all of them, the inner ones first.
func (o Options) places(p capture.Places) []place {
	var list []place
	for _, g := range []struct {
		class string
		dirs  []string
	}{
		{capture.ClassOutput, p.Outputs},
		{capture.ClassSource, p.Source},
		{capture.ClassModule, slices.Concat(p.Modules, o.Modules)},
		{capture.ClassToolchain, slices.Concat(p.Toolchain, o.Toolchain)},
		{capture.ClassCache, slices.Concat(p.Cache, o.Cache)},
		{capture.ClassTemporary, p.Temporary},
	} {
		for _, dir := range g.dirs {
			if !filepath.IsAbs(dir) {
				continue
			}
			if real, err := filepath.EvalSymlinks(dir); err == nil {
				dir = real // as the names of files are
			}
			list = append(list, place{filepath.ToSlash(filepath.Clean(dir)), g.class})
		}
	}
	slices.SortStableFunc(list, func(a, b place) int { return len(b.dir) - len(a.dir) })
	return list
}

// within returns what of name is below dir.
func (p place) within(name string) (string, bool) {
	if name == p.dir {
		return path.Base(name), true
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(p.dir, "/")+"/")
	return rest, ok
}

// A fate is what became of a file, by which its class is not only a matter of place.
type fate struct {
	written bool // by the command
	made    bool // and it was not there before
	gone    bool
}

// classify says what a file is, and how it is called.
func classify(places []place, name string, f fate) (class, called string) {
	class = capture.ClassSystem
	rel, source := "", ""
	for _, p := range places {
		if p.class == capture.ClassOutput {
			continue // its name is that of the place that it is in
		}
		rest, ok := p.within(name)
		if !ok {
			continue
		}
		if class, rel = p.class, rest; class == capture.ClassSource {
			source = rest
		}
		break
	}
	switch {
	case f.made && f.gone:
		class = capture.ClassTemporary
	case !f.gone && (isOutput(places, name) || f.written && (class == capture.ClassSource || class == capture.ClassToolchain || class == capture.ClassSystem)):
		class = capture.ClassOutput
	}
	switch {
	case source != "":
		return class, source
	case rel != "":
		return class, class + ":" + rel
	case everywhere(name):
		return class, class + ":" + withoutProcess(name)
	}
	return class, class + ":(withheld)/" + path.Base(name)
}

func isOutput(places []place, name string) bool {
	return slices.ContainsFunc(places, func(p place) bool {
		_, ok := p.within(name)
		return ok && p.class == capture.ClassOutput
	})
}

// everywhere reports whether name is in a folder that says nothing about whose
// machine it is.
func everywhere(name string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	switch first {
	case "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc", "run", "sbin", "sys", "tmp", "usr", "var":
		return strings.HasPrefix(name, "/")
	}
	return false
}

// withoutProcess takes out of a name in /proc the number of the process.
func withoutProcess(name string) string {
	if !strings.HasPrefix(name, "/proc/") {
		return name
	}
	elements := strings.Split(name, "/")
	for i, e := range elements {
		if e != "" && strings.Trim(e, "0123456789") == "" {
			elements[i] = "N"
		}
	}
	return strings.Join(elements, "/")
}
