package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
	"github.com/touchmark-go/touchmark/provenance"
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

// required are the facts that must agree where examine is required.
var required = []string{"path", "module", "toolchain", "goos", "goarch"}

// checkExamine holds what a Go binary says of itself against the accepted
// provenance and SBOMs: a contradiction between them is a finding, and no
// signature can make up for it.
func (d *deciding) checkExamine() {
	const rule = "/examine"
	mode := d.Examine.Mode
	if mode == ExamineOff {
		d.add(Finding{Code: CodeExamine, Status: Waived, Rule: rule, Message: "off"})
		return
	}
	if d.artifact.content == nil {
		f := Finding{Code: CodeExamineNoBytes, Status: Failed, Rule: rule, Message: "there are no bytes to open", Want: "the artifact itself", Got: d.artifact.primary.String()}
		if mode == ExamineIfApplicable {
			f.Message = "there are no bytes to open, so whether it applies is not known"
		}
		if d.artifact.primary.Algorithm() == provenance.DirHash {
			d.notGo(rule, "a folder")
			return
		}
		d.add(f)
		return
	}
	facts, err := gofacts.Read(d.artifact.content)
	switch {
	case errors.Is(err, errChanged):
		d.add(Finding{Code: CodeChanged, Status: Failed, Rule: rule, Message: err.Error()})
		return
	case errors.Is(err, gofacts.ErrNotGo):
		d.notGo(rule, err.Error())
		return
	case err != nil && !errors.Is(err, gofacts.ErrMalformed): // the disk, not the file
		d.add(Finding{Code: CodeTransport, Status: Failed, Rule: rule, Message: "the artifact cannot be read again", Got: err.Error()})
		return
	case err != nil:
		d.add(Finding{Code: CodeExamineNotGo, Status: Failed, Rule: rule, Message: "a Go binary whose build information cannot be read", Want: "well-formed build information", Got: err.Error()})
		return
	}
	d.examine(facts)
}

// notGo reports that there is nothing to hold against the evidence.
func (d *deciding) notGo(rule, got string) {
	f := Finding{Code: CodeExamineNotGo, Status: Failed, Rule: rule, Message: "the policy wants a Go binary", Want: "a Go binary with build information", Got: got,
		Remedy: "find out why it is none; a policy for other artifacts says if-applicable"}
	if d.Examine.Mode == ExamineIfApplicable && len(d.Examine.Facts) == 0 {
		f = Finding{Code: CodeExamineNotGo, Status: Waived, Rule: rule, Message: "not applicable: no Go binary"}
	}
	d.add(f)
}

// examine compares every fact with every witness.
func (d *deciding) examine(facts *gofacts.Facts) {
	witnesses := d.witnesses()
	if len(witnesses) == 0 {
		// The provenance rule has failed; that nobody states the facts follows from it.
		d.add(Finding{Code: CodeExamine, Status: Noted, Rule: "/examine", Message: "not examined: there is no evidence to hold the binary against"})
		return
	}
	own := binaryFacts(facts)
	must := slices.Clone(d.Examine.Facts)
	if d.Examine.Mode == ExamineRequired {
		must = append(must, required...)
	}
	for _, name := range factNames {
		switch name {
		case "module":
			d.examineModules(facts, witnesses, slices.Contains(must, name))
		case "sbom":
			d.examineSBOM(facts, witnesses, slices.Contains(must, name))
		case "vcs.modified":
			said, known := own[name]
			if source := d.Provenance.Source; said == "true" && !source.Any && !source.Dirty {
				// Most builds record no state of the checkout, and the binary does.
				d.add(Finding{Code: CodeExamineVCSModified, Status: Failed, Rule: "/provenance/source/dirty", Evidence: "in the binary", Message: "built from a checkout with uncommitted changes", Want: "a clean checkout", Got: "dirty",
					Remedy: CodeSource.remedy()})
				continue
			}
			d.examineFact(name, said, known, witnesses, slices.Contains(must, name))
		default:
			said, known := own[name]
			d.examineFact(name, said, known, witnesses, slices.Contains(must, name))
		}
	}
}

// examineFact holds one fact of the binary against who says something of it.
func (d *deciding) examineFact(name, own string, known bool, witnesses []witness, must bool) {
	code, rule := Code("examine/"+name), "/examine"
	var agree []string
	for _, w := range witnesses {
		said, ok := w.facts[name]
		if !ok {
			continue
		}
		if !known {
			continue // the binary does not carry it: neither agreement nor contradiction
		}
		if !sameFact(name, own, said) && !(w.isBOM && name == "toolchain" && sameRelease(own, said)) {
			d.add(Finding{Code: code, Status: Failed, Rule: rule, Evidence: "in the binary", Message: "the binary contradicts its evidence", Want: orNothing(said) + " (" + w.who + ")", Got: orNothing(own)})
			return
		}
		agree = append(agree, w.who)
	}
	switch {
	case len(agree) > 0:
		d.pass(code, rule, strings.Join(agree, ", "))
	case must && !known:
		d.add(Finding{Code: code, Status: Failed, Rule: rule, Message: "the binary does not say it", Want: name, Got: "absent from the binary", Remedy: absentRemedy(name)})
	case must:
		d.add(Finding{Code: code, Status: Failed, Rule: rule, Message: "no accepted evidence says it", Want: "evidence that says " + name, Got: orNothing(own) + " in the binary", Remedy: unsaidRemedy})
	}
}

const unsaidRemedy = "let the build record it, or want an SBOM of it among the policy's attestations"

// absentRemedy is what makes the go command write a fact into the binary.
func absentRemedy(name string) string {
	switch name {
	case "vcs.revision", "vcs.modified":
		return "build in the git checkout with -buildvcs=true"
	case "ldflags":
		return "build without -trimpath, which drops ldflags from the binary, or do not demand them"
	}
	return ""
}

// sameFact compares a fact of the binary with what evidence says of it.
func sameFact(name, own, said string) bool {
	switch name {
	case "path": // evidence of several outputs lists several
		return slices.Contains(strings.Split(said, "\n"), own)
	case "ldflags":
		return sameFlags(own, said)
	case "tags":
		return sameSet(own, said)
	}
	return own == said
}

// sameRelease compares Go versions without the experiments, which the name of
// the standard library's component has no place for.
func sameRelease(own, said string) bool {
	own, _, _ = strings.Cut(own, " ")
	said, _, _ = strings.Cut(said, " ")
	return own == said
}

// sameSet compares comma-separated lists without regard to order.
func sameSet(a, b string) bool {
	x, y := strings.FieldsFunc(a, isComma), strings.FieldsFunc(b, isComma)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}

func isComma(r rune) bool { return r == ',' || r == ' ' }

// sameFlags compares linker flags, one by one. What was withheld agrees with
// everything that stands in the same flag, but never with a further flag or the
// setting of another variable.
func sameFlags(own, said string) bool {
	mine, err := goflags.Split(own)
	theirs, errSaid := goflags.Split(said)
	switch {
	case err != nil || errSaid != nil:
		return own == said
	case said == goflags.Withheld: // the list as a whole
		return len(variables(mine)) == 0
	}
	return slices.EqualFunc(mine, theirs, sameFlag) && slices.Equal(variables(mine), variables(theirs))
}

func sameFlag(own, said string) bool {
	parts := strings.Split(said, goflags.Withheld)
	if len(parts) == 1 {
		return own == said
	}
	first, last := parts[0], parts[len(parts)-1]
	return len(own) >= len(first)+len(last) && strings.HasPrefix(own, first) && strings.HasSuffix(own, last)
}

// variables are the names that -X sets, in order.
func variables(fields []string) []string {
	var out []string
	for i, f := range fields {
		value, joined := strings.CutPrefix(strings.TrimPrefix(f, "-"), "-X=")
		if !joined {
			value, joined = strings.CutPrefix(f, "-X=")
		}
		if !joined && (f == "-X" || f == "--X") && i+1 < len(fields) {
			value, joined = fields[i+1], true
		}
		if name, _, ok := strings.Cut(value, "="); joined && ok {
			out = append(out, name)
		}
	}
	return out
}

// binaryFacts is what the binary says of itself. What is not in it is absent.
func binaryFacts(f *gofacts.Facts) map[string]string {
	facts := map[string]string{
		"path":         f.Path,
		"toolchain":    f.GoVersion,
		"goos":         f.Settings["GOOS"],
		"goarch":       f.Settings["GOARCH"],
		"tags":         f.Settings["-tags"],
		"ldflags":      f.Settings["-ldflags"],
		"cgo":          f.Settings["CGO_ENABLED"],
		"trimpath":     f.Settings["-trimpath"],
		"vcs.revision": f.Settings["vcs.revision"],
		"vcs.modified": f.Settings["vcs.modified"],
	}
	maps.DeleteFunc(facts, func(_, value string) bool { return value == "" })
	if facts["goos"] != "" {
		// The go command stamped its settings, and these two whenever they were
		// set: to be silent about them is to say that they were not.
		facts["tags"] = f.Settings["-tags"]
		if facts["trimpath"] == "" {
			facts["trimpath"] = "false"
		}
	}
	return facts
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

// examineModules wants every linked module to be in the provenance, in the
// version and with the sum that the binary carries. Provenance may list more:
// it can be of several outputs.
func (d *deciding) examineModules(facts *gofacts.Facts, witnesses []witness, must bool) {
	var agree []string
	for _, w := range witnesses {
		if main := w.facts["main"]; main != "" && facts.Main.Path != "" && main != facts.Main.Path {
			d.contradiction(CodeExamineModule, w, "main module "+main, "main module "+facts.Main.Path)
			return
		}
		if w.isBOM || !w.lister {
			continue
		}
		for _, m := range facts.Modules {
			if said, same := w.lists(m); !same {
				d.contradiction(CodeExamineModule, w, said, moduleString(m))
				return
			}
		}
		agree = append(agree, w.who)
	}
	for _, w := range witnesses { // an SBOM is held against the binary under examine/sbom
		if w.isBOM && len(agree) == 0 {
			agree = append(agree, w.who)
		}
	}
	switch {
	case len(agree) > 0:
		d.pass(CodeExamineModule, "/examine", strings.Join(agree, ", "))
	case must && len(facts.Modules) == 0 && len(witnesses) > 0:
		d.pass(CodeExamineModule, "/examine", "no modules but its own")
	case must:
		d.add(Finding{Code: CodeExamineModule, Status: Failed, Rule: "/examine", Message: "no accepted evidence lists the modules", Want: "evidence that lists them", Got: fmt.Sprintf("%d modules in the binary", len(facts.Modules)), Remedy: unsaidRemedy})
	}
}

// examineSBOM wants exactly the modules of the binary in each SBOM: one that is
// not listed is hidden, one that is not linked is invented.
func (d *deciding) examineSBOM(facts *gofacts.Facts, witnesses []witness, must bool) {
	var agree []string
	for _, w := range witnesses {
		if !w.isBOM {
			continue
		}
		stdlib := facts.Stdlib().Version
		for _, version := range w.stdlib {
			if stdlib != "" && version != stdlib {
				d.contradiction(CodeExamineSBOM, w, "stdlib "+version, "stdlib "+stdlib)
				return
			}
		}
		linked := map[string]bool{facts.Main.Path + "@" + facts.Main.Version: true}
		for _, m := range facts.Modules {
			linked[m.Path+"@"+m.Version] = true
			if said, same := w.lists(m); !same {
				d.contradiction(CodeExamineSBOM, w, said, moduleString(m))
				return
			}
		}
		for _, path := range sortedKeys(w.modules) {
			for _, m := range w.modules[path] {
				if !linked[m.Path+"@"+m.Version] {
					d.contradiction(CodeExamineSBOM, w, moduleString(m), "no "+m.Path+" in that version")
					return
				}
			}
		}
		if len(w.odd) > 0 {
			d.contradiction(CodeExamineSBOM, w, w.odd[0], "one name for one module")
			return
		}
		agree = append(agree, w.who)
	}
	switch {
	case len(agree) > 0:
		d.pass(CodeExamineSBOM, "/examine", strings.Join(agree, ", "))
	case must:
		d.add(Finding{Code: CodeExamineSBOM, Status: Failed, Rule: "/examine", Message: "no accepted SBOM to hold the binary against", Want: "an SBOM that the policy's attestations accept", Got: "none", Remedy: unsaidRemedy})
	}
}

func (d *deciding) contradiction(code Code, w witness, want, got string) {
	d.add(Finding{Code: code, Status: Failed, Rule: "/examine", Evidence: "in the binary", Message: "the binary contradicts its evidence", Want: want + " (" + w.who + ")", Got: got})
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
