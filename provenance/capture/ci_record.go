package capture

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

const (
	maxWorkflow = 4 << 20 // bytes of a workflow file that is hashed
	maxDoubts   = 64      // doubts that are graded
	fromCI      = "an environment variable of the CI system"
	inJob       = "an environment variable of the CI system; nobody saw whether the build ran in this job"
)

// A jobFile is the workflow file as git has it.
type jobFile struct {
	digest provenance.DigestSet
	why    string
}

// lookJob reads the environment of the CI system, and the workflow file that it
// names if git has it.
func (b *building) lookJob(ctx context.Context) {
	if b.options.CI == nil {
		return
	}
	b.job = FindJob(b.options.CI)
	if b.source.commit == "" {
		return
	}
	g := newGit(b.source.top, b.env)
	if commit, err := g.run(ctx, "cat-file", "commit", b.source.commit); err == nil {
		_, message, _ := strings.Cut(string(commit), "\n\n")
		b.links = linksOf(b.source.repository, b.job.System, message)
	}
	w := b.job.Workflow
	if w.Path == "" || w.Commit == "" {
		return
	}
	out, err := g.run(ctx, "rev-parse", "--verify", "--end-of-options", w.Commit+":"+w.Path)
	blob := strings.TrimSuffix(string(out), "\n")
	if err != nil || !isObject(blob) {
		return
	}
	content, err := g.run(ctx, "cat-file", "blob", blob)
	if err != nil || len(content) > maxWorkflow {
		return
	}
	sum := sha256.Sum256(content)
	b.jobFile = jobFile{provenance.DigestSet{"gitBlob": blob, "sha256": hex.EncodeToString(sum[:])}, "the file in the commit that the CI system names, as git has it"}
}

// refOfJob is the ref that the CI system says it builds, if git itself knows
// none and the system means the commit that is checked out.
func (b *building) refOfJob() string {
	j := b.job
	if j.Commit == "" || j.Commit != b.source.commit || b.source.repository != "" && j.Repository != "" && j.Repository != b.source.repository {
		return ""
	}
	return j.Ref
}

// recordJob records where the build ran. All of it is what variables say.
func (b *building) recordJob(d *draft) {
	if b.options.CI == nil {
		return
	}
	j, at := b.job, pointer(atInternal, "ci")
	if j.System == "" {
		d.grade(at, Absent, cmp.Or(whys(j.Doubts, func(Doubt) bool { return true }), "the environment is of no CI system that is known"))
		return
	}
	why := fromCI
	if b.argv == nil {
		why = inJob
	}
	fields := map[string]any{}
	for _, f := range []struct{ name, value, doubt string }{
		{"system", j.System, ""},
		{"repository", j.Repository, b.contradicts(j.Repository, b.source.repository, "another repository than the one that is checked out")},
		{"commit", j.Commit, b.contradicts(j.Commit, b.source.commit, "another commit than the one that is checked out")},
		{"ref", j.Ref, b.contradicts(j.Ref, b.source.ref, "another ref than the one that is checked out")},
		{"event", j.Event, ""},
		{"actor", j.Actor, ""},
	} {
		if f.value != "" {
			d.put(fields, at, f.name, f.value, Declared, why+f.doubt)
		}
	}
	group := func(name string, members ...string) {
		m := map[string]any{}
		for i := 0; i < len(members); i += 2 {
			if members[i+1] != "" {
				m[members[i]] = members[i+1]
			}
		}
		if len(m) > 0 {
			d.put(fields, at, name, m, Declared, why)
		}
	}
	w, r := j.Workflow, j.Runner
	group("workflow", "repository", w.Repository, "path", w.Path, "ref", w.Ref)
	group("runner", "environment", r.Environment, "os", r.OS, "arch", r.Arch, "image", r.Image)
	d.internal["ci"] = fields
	b.recordDoubts(d, at, fields)
	b.recordWorkflow(d)
}

// recordDoubts says what is missing because it could not be believed.
func (b *building) recordDoubts(d *draft, at string, fields map[string]any) {
	names := map[string]bool{}
	for _, doubt := range b.job.Doubts {
		names[doubt.Field] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		why := whys(b.job.Doubts, func(doubt Doubt) bool { return doubt.Field == name })
		if _, known := fields[name]; known || name == "" { // another variable had it
			name += "Doubt"
		}
		d.grade(pointer(at, name), Absent, why)
	}
}

// whys are the reasons of some doubts, as one sentence.
func whys(doubts []Doubt, some func(Doubt) bool) string {
	var list []string
	for _, doubt := range doubts {
		if some(doubt) && len(list) < maxDoubts {
			list = append(list, doubt.Why)
		}
	}
	return strings.Join(list, "; ")
}

// contradicts says that the environment and git do not mean the same, if both
// say something.
func (b *building) contradicts(claimed, seen, what string) string {
	if claimed == "" || seen == "" || claimed == seen {
		return ""
	}
	return "; it means " + what
}

// recordWorkflow records the workflow file as what it is: something that the
// build was made from.
func (b *building) recordWorkflow(d *draft) {
	w := b.job.Workflow
	if w.Repository == "" && w.Commit != "" && w.Commit == b.source.commit {
		w.Repository = b.source.repository
	}
	if w.Path == "" || w.Repository == "" {
		return
	}
	m := material{ResourceDescriptor: provenance.ResourceDescriptor{Name: "workflow", URI: "git+" + w.Repository}, grade: Declared, why: fromCI}
	if version := cmp.Or(w.Ref, w.Commit); version != "" {
		m.URI += "@" + version
	}
	m.URI += "#" + w.Path
	switch {
	case b.jobFile.digest != nil:
		m.Digest, m.grade, m.why = b.jobFile.digest, Observed, b.jobFile.why
	case w.Commit != "":
		m.Digest = provenance.DigestSet{provenance.GitCommit: w.Commit}
	}
	d.materials = append(d.materials, m)
}

// recordRun adds to the run's details what the CI system says of the run, and
// the pages that the commit names.
func (b *building) recordRun(d *draft, run *provenance.RunDetails) {
	j := b.job
	if b.argv != nil && b.options.BuilderID == "" && j.BuilderID != "" {
		run.Builder.ID = j.BuilderID
	}
	if b.argv != nil && j.ID != "" {
		run.Metadata.InvocationID = j.ID + "#" + b.invocation
	}
	for _, page := range j.Byproducts() {
		d.grade(pointer(atByproducts, strconv.Itoa(len(run.Byproducts))), Declared, fromCI)
		run.Byproducts = append(run.Byproducts, page)
	}
	for _, page := range b.links {
		if slices.ContainsFunc(run.Byproducts, func(o provenance.ResourceDescriptor) bool { return o.Name == page.Name && o.URI == page.URI }) {
			continue
		}
		d.grade(pointer(atByproducts, strconv.Itoa(len(run.Byproducts))), Inferred, "the message of the commit names it")
		run.Byproducts = append(run.Byproducts, page)
	}
}
