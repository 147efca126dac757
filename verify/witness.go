package verify

import (
	"fmt"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
)

// A witness is evidence that says something about the binary's facts.
type witness struct {
	who     string // where it stands, and who signed it
	facts   map[string]string
	modules map[string][]gofacts.Module // by path
	lister  bool                        // it lists modules
	isBOM   bool                        // and all of them
	stdlib  []string                    // versions of the standard library that it lists
	odd     []string                    // what it calls by two names that differ
}

// witnesses are the accepted provenance and SBOMs.
func (d *deciding) witnesses() []witness {
	var out []witness
	if d.provenance != nil {
		out = append(out, provenanceWitness(d.provenance))
	}
	for _, s := range d.sboms {
		out = append(out, bomWitness(s))
	}
	return out
}

func (a *accepted) who() string { return a.unit.origin() + ", " + strings.Join(a.counted, " and ") }

// provenanceWitness reads what provenance says about a Go binary: the modules
// and the commit among its resolved dependencies, and the facts that a capture
// writes into the parameters.
func provenanceWitness(a *accepted) witness {
	w := witness{who: a.who(), facts: map[string]string{}}
	def := &a.build.BuildDefinition
	set := func(name string, params map[string]any, pointer string) {
		switch v, _ := lookup(any(params), pointer); v := v.(type) {
		case string:
			w.facts[name] = v
		case bool:
			w.facts[name] = fmt.Sprint(v)
		case []any:
			var all []string
			for _, s := range v {
				if s, ok := s.(string); ok {
					all = append(all, s)
				}
			}
			w.facts[name] = strings.Join(all, "\n")
		}
	}
	for _, f := range []struct{ name, pointer string }{{"path", "/go/packages"}, {"toolchain", "/go/version"}, {"goos", "/go/goos"}, {"goarch", "/go/goarch"},
		{"tags", "/go/tags"}, {"ldflags", "/go/ldflags"}, {"cgo", "/go/cgo"}, {"trimpath", "/go/trimpath"}, {"main", "/go/module"}} {
		set(f.name, def.InternalParameters, f.pointer)
	}
	if def.BuildType == goBuildType && w.facts["goos"] != "" && len(a.unit.statement.Subject) == 1 {
		// This build type leaves out what was not set. Of several outputs it also
		// leaves out what they differ in, so there silence says nothing.
		for _, name := range []string{"tags", "ldflags"} {
			if _, said := w.facts[name]; !said {
				w.facts[name] = ""
			}
		}
	}
	if read := sourceReaders[def.BuildType]; read != nil {
		s := read(a.build)
		if commits := s.commits(a.build); len(commits) == 1 {
			w.facts["vcs.revision"] = commits[0]
		}
		if dirty, ok := s.dirty.(bool); ok {
			w.facts["vcs.modified"] = fmt.Sprint(dirty)
		}
	}
	for _, dep := range def.ResolvedDependencies {
		if m, ok := gofacts.ModuleOf(dep); ok {
			w.add(m)
		}
	}
	return w
}

func (w *witness) add(m gofacts.Module) {
	if w.modules == nil {
		w.modules = map[string][]gofacts.Module{}
	}
	w.modules[m.Path], w.lister = append(w.modules[m.Path], m), true
}

// lists reports whether the witness lists a linked module as the binary has it.
// A sum that one side lacks (vendored, replaced by a folder) is not compared.
func (w witness) lists(m gofacts.Module) (string, bool) {
	other := "no " + m.Path
	for _, said := range w.modules[m.Path] {
		if said.Version == m.Version && (said.Sum == "" || m.Sum == "" || said.Sum == m.Sum) {
			return "", true
		}
		other = moduleString(said)
	}
	return other, false
}

func moduleString(m gofacts.Module) string {
	return strings.TrimSpace(strings.Join([]string{m.Path, m.Version, m.Sum}, " "))
}
