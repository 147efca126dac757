package verify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

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
	if d.artifact.image != nil {
		d.examineImage()
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
	if again := d.artifact.again; again != nil && (err == nil || errors.Is(err, gofacts.ErrNotGo)) {
		err = again
	}
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
	must := slices.Clone(d.Examine.Facts)
	if d.Examine.Mode == ExamineRequired {
		must = append(must, required...)
	}
	d.examineBy(facts, witnesses, must)
}

// examineBy compares the facts of one binary; those in must have to be said.
func (d *deciding) examineBy(facts *gofacts.Facts, witnesses []witness, must []string) {
	own := binaryFacts(facts)
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
				d.add(Finding{Code: CodeExamineVCSModified, Status: Failed, Rule: "/provenance/source/dirty", Evidence: d.binary(), Message: "built from a checkout with uncommitted changes", Want: "a clean checkout", Got: "dirty",
					Remedy: CodeSource.Remedy()})
				continue
			}
			d.examineFact(name, said, known, witnesses, slices.Contains(must, name))
		default:
			said, known := own[name]
			d.examineFact(name, said, known, witnesses, slices.Contains(must, name))
		}
	}
}

// binary says which binary a finding is about.
func (d *deciding) binary() string { return cmp.Or(d.where, "in the binary") }

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
			d.add(Finding{Code: code, Status: Failed, Rule: rule, Evidence: d.binary(), Message: "the binary contradicts its evidence", Want: orNothing(said) + " (" + w.who + ")", Got: orNothing(own)})
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
		if said, own, same := bomAgrees(w, facts); !same {
			d.contradiction(CodeExamineSBOM, w, said, own)
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
	d.add(Finding{Code: code, Status: Failed, Rule: "/examine", Evidence: d.binary(), Message: "the binary contradicts its evidence", Want: want + " (" + w.who + ")", Got: got})
}
