package verify

import (
	"errors"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// checkModules wants the document to list what the Go binary was linked from, and
// nothing else; or of an image, what its Go binaries were linked from, and no
// other Go modules.
func (d *deciding) checkModules(t *trial, at string) {
	fail := func(code Code, message, want, got string) {
		t.fail(Finding{Code: code, Rule: at, Message: message, Want: want, Got: got})
	}
	if d.artifact.image != nil {
		d.checkImageModules(t, at)
		return
	}
	if d.artifact.content == nil {
		fail(CodeExamineNoBytes, "there are no bytes to hold the SBOM against", "the artifact itself", d.artifact.primary.String())
		return
	}
	facts, err := gofacts.Read(d.artifact.content)
	switch {
	case errors.Is(err, errChanged):
		fail(CodeChanged, err.Error(), "", "")
		return
	case errors.Is(err, gofacts.ErrNotGo), errors.Is(err, gofacts.ErrMalformed):
		fail(CodeExamineNotGo, "the SBOM cannot be held against the artifact", "a Go binary with build information", err.Error())
		return
	case err != nil:
		fail(CodeTransport, "the artifact cannot be read again", "", err.Error())
		return
	}
	w := bomWitness(t.accepted)
	if want, got, same := bomAgrees(w, facts); !same {
		t.fail(Finding{Code: CodeExamineSBOM, Rule: at, Evidence: "in the binary", Message: "the binary contradicts its SBOM", Want: want + " (" + w.who + ")", Got: got})
		return
	}
	var strays tally
	eachComponent(t.bom, func(c *cdx.Component, main bool) {
		if !main && (!listsGo(c) || c.Scope == cdx.ScopeExcluded) {
			strays.add(callName(c))
		}
	})
	if len(w.stdlib) == 0 {
		strays.add("no stdlib")
	}
	if strays.n > 0 {
		t.fail(Finding{Code: CodeExamineSBOM, Rule: at, Message: "the SBOM lists something else than the binary", Want: "the linked modules and the standard library, and nothing else", Got: strays.String(),
			Remedy: "list what else is in the product in an SBOM of its own"})
		return
	}
	t.pass(CodeExamineSBOM, at)
}

// listsGo reports whether a component is a Go module, a Go program or the
// standard library by what scanners know it by.
func listsGo(c *cdx.Component) bool {
	return strings.HasPrefix(c.PackageURL, "pkg:golang/") || propertyOf(c, sbom.PropertySource) != ""
}

// checkImageModules holds the Go modules in the document against all Go binaries
// in the image together, and what stands inside of a program in the document
// against that very program.
func (d *deciding) checkImageModules(t *trial, at string) {
	img := d.artifact.image
	img.look(d.ctx)
	if img.fault != nil {
		f := *img.fault
		f.Rule = at
		t.fail(f)
		return
	}
	var all []*gofacts.Facts
	programs := map[provenance.Digest]*inside{}
	for i := range img.found {
		b := &img.found[i]
		if b.err != nil {
			t.fail(Finding{Code: CodeExamineNotGo, Rule: at, Evidence: b.where(), Message: "the SBOM cannot be held against the artifact", Want: "Go binaries with build information", Got: b.err.Error()})
			return
		}
		all, programs[b.digest] = append(all, b.facts), b
	}
	if len(all) == 0 {
		t.fail(Finding{Code: CodeExamineNotGo, Rule: at, Message: "the SBOM cannot be held against the artifact", Want: "an image with a Go binary", Got: "an image without one"})
		return
	}
	w := bomWitness(t.accepted)
	contradicts := func(evidence, want, got string) {
		t.fail(Finding{Code: CodeExamineSBOM, Rule: at, Evidence: evidence, Message: "the image contradicts its SBOM", Want: want + " (" + w.who + ")", Got: got})
	}
	if want, got, same := bomAgrees(w, all...); !same {
		contradicts("in the image", want, got)
		return
	}
	for _, facts := range all {
		if version := facts.Stdlib().Version; version != "" && !slices.Contains(w.stdlib, version) {
			contradicts("in the image", strings.TrimSpace("stdlib "+strings.Join(w.stdlib, ", ")), "stdlib "+version)
			return
		}
	}
	failed := false
	eachComponent(t.bom, func(c *cdx.Component, main bool) {
		if failed || main || !listsGo(c) {
			return
		}
		digest, named := bomDigests(&cdx.BOM{Metadata: &cdx.Metadata{Component: c}}).Get(provenance.SHA256)
		switch b := programs[digest]; {
		case c.Scope == cdx.ScopeExcluded:
			failed = true
			contradicts("in the image", callName(c)+", and that it is not there", "that it is there, or not listed")
		case !named || c.Components == nil: // a module, whose digest is of its zip
		case b == nil:
			failed = true
			contradicts("in the image", c.Name+" "+digest.String(), "no such program")
		default:
			own := witness{who: w.who, facts: map[string]string{}}
			own.list(c.Components)
			if want, got, same := bomAgrees(own, b.facts); !same {
				failed = true
				contradicts(b.where(), want, got)
			}
		}
	})
	if !failed {
		t.pass(CodeExamineSBOM, at)
	}
}

// bomAgrees reports whether an SBOM lists exactly the modules that are linked
// into some programs, each under one name, and the standard libraries in their
// versions; if not, what it says and what the programs say.
func bomAgrees(w witness, programs ...*gofacts.Facts) (said, own string, same bool) {
	var stdlibs []string
	for _, facts := range programs {
		stdlibs = append(stdlibs, facts.Stdlib().Version)
	}
	for _, version := range w.stdlib {
		if !slices.Contains(stdlibs, version) && !slices.Contains(stdlibs, "") {
			return "stdlib " + version, "stdlib " + strings.Join(stdlibs, ", "), false
		}
	}
	linked := map[string]bool{}
	for _, facts := range programs {
		linked[facts.Main.Path+"@"+facts.Main.Version] = true
		for _, m := range facts.Modules {
			linked[m.Path+"@"+m.Version] = true
			if said, same := w.lists(m); !same {
				return said, moduleString(m), false
			}
		}
	}
	for _, path := range sortedKeys(w.modules) {
		for _, m := range w.modules[path] {
			if !linked[m.Path+"@"+m.Version] {
				return moduleString(m), "no " + m.Path + " in that version", false
			}
		}
	}
	if len(w.odd) > 0 {
		return w.odd[0], "one name for one module", false
	}
	return "", "", true
}
