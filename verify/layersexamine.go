package verify

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// examineImage holds each Go binary that is there when the image runs against
// the provenance of the image, which names it by digest, against the SBOM of
// the image, which lists its modules, against the platform of the image, and
// against its own provenance and SBOM where the evidence has them.
func (d *deciding) examineImage() {
	const rule = "/examine"
	img := d.artifact.image
	img.look(d.ctx)
	if img.fault != nil {
		f := *img.fault
		f.Rule = rule
		d.add(f)
		return
	}
	d.examinePlatforms(img)
	if len(img.found) == 0 {
		d.notGo(rule, "an image without a Go binary")
		if d.provenance != nil {
			d.examineNamed(img, d.namedBinaries())
		}
		return
	}
	if d.provenance == nil {
		// The provenance rule has failed; that nobody names the binaries follows from it.
		d.add(Finding{Code: CodeExamine, Status: Noted, Rule: rule, Message: "not examined: there is no provenance to hold the image against"})
		return
	}
	named := d.namedBinaries()
	anyNamed := slices.ContainsFunc(img.found, func(b inside) bool { return named.has(b.digest) })
	for i := range img.found {
		d.examineInside(&img.found[i], named, d.Examine.Mode == ExamineRequired || anyNamed)
	}
	d.examineNamed(img, named)
}

// examinePlatforms holds what the indexes say of each image against its config,
// which is what its content was made for.
func (d *deciding) examinePlatforms(img *image) {
	for _, m := range img.Manifests() {
		claimed, runs := m.Platform, m.Runs
		f := Finding{Status: Failed, Rule: "/examine", Evidence: short(m.Digest), Message: "the index calls the image one for another platform than its config does", Want: ascii(claimed.String()), Got: ascii(runs.String()),
			Remedy: "build the image again for its platform, and the index from that"}
		switch {
		case m.Kind == ocilayout.Missing:
			d.add(Finding{Code: CodeExamineNoBytes, Status: Failed, Rule: "/examine", Evidence: short(m.Digest), Message: "the index lists an image that is not in the archive", Want: "all of its images", Got: ascii(claimed.String()),
				Remedy: "save the image with all its platforms, or ask about the manifest of one"})
		case m.Kind != ocilayout.Image || claimed == (ocilayout.Platform{}):
		case claimed.OS != runs.OS:
			f.Code = CodeExamineGOOS
			d.add(f)
		case claimed.Architecture != runs.Architecture || claimed.Variant != runs.Variant && claimed.Variant != "" && runs.Variant != "":
			f.Code = CodeExamineGOARCH
			d.add(f)
		}
	}
}

// namings are the files that the provenance of an image names, by SHA-256.
type namings map[provenance.Digest][]*provenance.ResourceDescriptor

func (n namings) has(d provenance.Digest) bool { return len(n[d]) > 0 }

func (d *deciding) namedBinaries() namings {
	n := namings{}
	add := func(list []provenance.ResourceDescriptor) {
		for i := range list {
			if digest, ok := list[i].Digest.Get(provenance.SHA256); ok {
				n[digest] = append(n[digest], &list[i])
			}
		}
	}
	add(d.provenance.build.BuildDefinition.ResolvedDependencies)
	add(d.provenance.build.RunDetails.Byproducts)
	add(d.provenance.unit.statement.Subject)
	return n
}

// examineInside examines one binary.
func (d *deciding) examineInside(b *inside, named namings, must bool) {
	const rule = "/examine"
	where := b.where()
	if b.err != nil {
		d.add(Finding{Code: CodeExamineNotGo, Status: Failed, Rule: rule, Evidence: where, Message: "a Go binary whose build information cannot be read", Want: "well-formed build information", Got: b.err.Error()})
		return
	}
	switch {
	case named.has(b.digest):
		d.pass(CodeExamineBinary, rule, where+": "+d.provenance.who())
	case must:
		d.add(Finding{Code: CodeExamineBinary, Status: Failed, Rule: rule, Evidence: where, Message: "a Go binary in the image that its provenance does not name", Want: "a file that " + d.provenance.who() + " names by digest", Got: b.digest.String() + ", " + ascii(b.facts.Path),
			Remedy: "find out how it came in; a build that is captured names the programs in its image"})
	}
	config := witness{who: "config of the image", facts: map[string]string{"goos": b.image.Runs.OS, "goarch": b.image.Runs.Architecture}}
	witnesses := append(d.ownWitnesses(b.digest), config)
	if w := provenanceWitness(d.provenance); w.facts["path"] != "" && sameFact("path", b.facts.Path, w.facts["path"]) {
		witnesses = append(witnesses, w) // it speaks of this program and not of another in the image
	}
	d.where = where
	defer func() { d.where = "" }()
	d.examineBy(b.facts, witnesses, d.Examine.Facts)
	d.examineListed(b)
}

// examineListed wants each linked module in each SBOM of the image, which lists
// what else is in it, too.
func (d *deciding) examineListed(b *inside) {
	for _, s := range d.sboms {
		w := bomWitness(s)
		for _, m := range b.facts.Modules {
			if said, same := w.lists(m); !same {
				d.contradiction(CodeExamineSBOM, w, said, moduleString(m))
				return
			}
		}
		d.pass(CodeExamineSBOM, "/examine", b.where()+": "+w.who)
	}
}

// ownWitnesses are evidence about the binary itself, by those who may sign it
// for the artifact: provenance by builders that trust knows, and SBOMs.
func (d *deciding) ownWitnesses(digest provenance.Digest) []witness {
	var out []witness
	about := provenance.Set(digest)
	for _, u := range d.units {
		if u.statement == nil || !slices.ContainsFunc(u.statement.Subject, func(s provenance.ResourceDescriptor) bool { return s.Digest.Match(about) == provenance.Matched }) {
			continue
		}
		a := &accepted{unit: u}
		if slices.Contains(d.types, u.statement.PredicateType) && d.countFor(a, d.Provenance.SignedBy, d.signers) {
			if build, err := provenance.ParseBuild(u.statement); err == nil && d.builds(a.counted, build.RunDetails.Builder.ID) {
				a.build = build
				out = append(out, provenanceWitness(a))
			}
			continue
		}
		for i := range d.Attestations {
			if r := &d.Attestations[i]; r.Type != sbom.PredicateType || u.statement.PredicateType != r.Type || !d.countFor(a, r.SignedBy, d.attesters[i]) {
				continue
			}
			bom, err := sbom.ParsePredicate(u.statement.Predicate)
			if err == nil && bomDigests(bom).Match(about) == provenance.Matched {
				a.bom = bom
				out = append(out, bomWitness(a))
				break
			}
		}
	}
	return out
}

// countFor counts the signers that a rule wants.
func (d *deciding) countFor(a *accepted, q Quorum, signers map[string]bool) bool {
	a.counted = nil
	for _, s := range a.unit.sorted() {
		if signers[s.Principal] {
			a.counted = append(a.counted, s.Principal)
		}
	}
	return len(a.counted) > 0 && d.trust.seated(q, a.counted) >= q.need()
}

// builds reports whether trust pairs one of the principals with the builder.
func (d *deciding) builds(principals []string, builder string) bool {
	return slices.ContainsFunc(principals, func(name string) bool {
		return slices.ContainsFunc(d.trust.principals[name].builderIDs, func(pattern string) bool { return matchPatternURL(pattern, builder) })
	})
}

// The annotation of a resolved dependency that says in which image the file is,
// by the digest of its manifest. The descriptor's name is its path there.
const annotationImage = "image"

// examineNamed wants each binary there that the provenance says is in the
// image: one that was taken away, or replaced by a script, was the one that
// somebody looked at.
func (d *deciding) examineNamed(img *image, named namings) {
	ids := map[string]ocilayout.Manifest{}
	for _, m := range img.Images() {
		ids[m.Digest.String()] = m
	}
	for _, dep := range d.provenance.build.BuildDefinition.ResolvedDependencies {
		var id string
		if raw := dep.Annotations[annotationImage]; raw == nil || json.Unmarshal(raw, &id) != nil {
			continue
		}
		m, here := ids[id]
		digest, ok := dep.Digest.Get(provenance.SHA256)
		if !here || !ok {
			continue
		}
		there := slices.ContainsFunc(img.found, func(b inside) bool {
			return b.digest == digest && b.image.Digest == m.Digest && (b.file.Path == dep.Name || slices.Contains(b.file.Links, dep.Name))
		})
		if !there {
			d.add(Finding{Code: CodeExamineBinary, Status: Failed, Rule: "/examine", Evidence: fmt.Sprintf("/%s of %s", ascii(dep.Name), ascii(m.Runs.String())), Message: "a Go binary that the provenance names is not in the image",
				Want: digest.String() + " (" + d.provenance.who() + ")", Got: "another file there, or none"})
		}
	}
}
