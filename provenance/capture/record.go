package capture

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
	"github.com/touchmark-go/touchmark/provenance"
)

// A draft is provenance that is being written.
type draft struct {
	external, internal, golang map[string]any
	materials                  []material
	grades                     []Grade
}

// A material is a resolved dependency with how it is known.
type material struct {
	provenance.ResourceDescriptor
	grade, why string
}

func (d *draft) grade(at, grade, why string) {
	d.grades = append(d.grades, Grade{at, grade, why})
}

// put records value, which encoding/json could have decoded.
func (d *draft) put(m map[string]any, at, name string, value any, grade, why string) {
	m[name] = value
	d.grade(pointer(at, name), grade, why)
}

// record hashes and reads the outputs, and writes down what b saw.
func (b *building) record(ctx context.Context) (*Record, error) {
	subjects, err := subjects(ctx, b.root, b.outputs)
	if err != nil {
		return nil, err
	}
	for i := range b.outputs {
		if err := b.outputs[i].lookInside(ctx, subjects[i]); err != nil {
			return nil, err
		}
		if err := b.outputs[i].read(); err != nil {
			return nil, err
		}
	}
	if err := b.consistent(); err != nil {
		return nil, err
	}
	return b.write(subjects)
}

// write makes the record. It looks at nothing outside b.
func (b *building) write(subjects []provenance.ResourceDescriptor) (*Record, error) {
	d := &draft{external: map[string]any{}, internal: map[string]any{}, golang: map[string]any{}}
	for i, o := range b.outputs {
		d.grade(atSubject+"/"+strconv.Itoa(i), o.grade, o.why)
	}
	b.recordSource(d)
	b.recordCommand(d)
	if b.generic() {
		b.recordProgram(d)
	} else {
		b.recordGo(d)
		b.recordModules(d)
	}
	b.recordLocks(d)
	subjects = b.recordContents(d, subjects)
	b.recordJob(d)
	b.recordCommitments(d)
	b.recordTrace(d)
	if len(d.external) == 0 {
		return nil, errors.New("capture: nothing is known of how the outputs were built: they are no Go binaries, and git knows no commit")
	}
	build := &provenance.Build{
		BuildDefinition: provenance.BuildDefinition{
			BuildType: b.buildType(), ExternalParameters: d.external, InternalParameters: d.internal, ResolvedDependencies: d.sorted()},
		RunDetails: b.runDetails(d),
	}
	trace := b.runtimeTrace(build.RunDetails)
	if trace != nil && b.status == 0 {
		if err := d.bindTrace(trace, &build.RunDetails, subjects); err != nil {
			return nil, fmt.Errorf("capture: the trace: %w", err)
		}
	}
	var statement *provenance.Statement
	err := build.Validate()
	if b.status == 0 {
		statement, err = build.Statement(subjects...)
	} else {
		d.grade(atSubject, Absent, "the command failed, so nothing that it left behind is an output")
	}
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	sortGrades(d.grades)
	return &Record{build, statement, d.grades, trace, b.salt, b.commitments}, nil
}

// sorted are the materials by URI and name, without doubles; their grades
// follow them.
func (d *draft) sorted() []provenance.ResourceDescriptor {
	slices.SortStableFunc(d.materials, func(a, b material) int {
		return cmp.Or(strings.Compare(a.URI, b.URI), strings.Compare(a.Name, b.Name))
	})
	var list []provenance.ResourceDescriptor
	for _, m := range d.materials {
		if n := len(list); n > 0 && list[n-1].URI == m.URI && list[n-1].Name == m.Name && maps.Equal(list[n-1].Digest, m.Digest) && sameAnnotations(list[n-1], m.ResourceDescriptor) {
			continue
		}
		at := atDependencies + "/" + strconv.Itoa(len(list))
		d.grade(at, m.grade, m.why)
		if len(m.Digest) == 0 {
			d.grade(at+"/digest", Absent, "nothing was found that a digest could be taken of")
		}
		list = append(list, m.ResourceDescriptor)
	}
	return list
}

func sameAnnotations(a, b provenance.ResourceDescriptor) bool {
	return maps.EqualFunc(a.Annotations, b.Annotations, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

// recordSource records the repository, the commit and what differs from it.
func (b *building) recordSource(d *draft) {
	s, at := b.source, pointer(atExternal, "source")
	if s.commit == "" {
		why := "git knows nothing"
		if b.sourceErr != nil {
			why = b.sourceErr.Error()
		}
		d.grade(at, Absent, why)
		return
	}
	revision, _ := b.agree(func(f *gofacts.Facts) string { return f.Settings["vcs.revision"] })
	if b.argv == nil && revision != s.commit && !b.allInside(s.top) {
		d.grade(at, Absent, "an output is outside the work tree and names no commit, so nothing ties it to this one")
		return
	}
	fields := map[string]any{}
	defer func() {
		if len(fields) > 0 {
			d.external["source"] = fields
		}
	}()
	if s.repository != "" {
		d.put(fields, at, "repository", s.repository, Declared, s.remoteWhy)
	} else {
		d.grade(pointer(at, "repository"), Absent, s.remoteWhy)
	}
	if s.ref != "" {
		d.put(fields, at, "ref", s.ref, Observed, s.refWhy)
	} else if s.ref = b.refOfJob(); s.ref != "" {
		d.put(fields, at, "ref", s.ref, Declared, fromCI+", which means the commit that is checked out")
	} else {
		d.grade(pointer(at, "ref"), Absent, s.refWhy)
	}
	b.recordDirty(d, fields, at)

	uri := ""
	if s.repository != "" {
		uri = "git+" + s.repository + "@" + cmp.Or(s.ref, s.commit)
	}
	grade, why := Observed, "the commit that was checked out when the command started and when it ended"
	if b.argv == nil {
		grade, why = Inferred, "the commit that is checked out now; nobody saw which one was built"
		if revision == s.commit {
			grade, why = Observed, "the commit that is checked out now, which the outputs name themselves"
		}
	}
	d.materials = append(d.materials, material{provenance.ResourceDescriptor{Name: "source", URI: uri,
		Digest: provenance.DigestSet{provenance.GitCommit: s.commit, provenance.GitTree: s.tree}}, grade, why})
}

// allInside reports whether all outputs are in dir.
func (b *building) allInside(dir string) bool {
	return !slices.ContainsFunc(b.outputs, func(o outputFile) bool {
		rel, err := filepath.Rel(dir, o.path)
		return err != nil || !filepath.IsLocal(rel)
	})
}

func (b *building) recordDirty(d *draft, fields map[string]any, at string) {
	dirty, files := b.source.dirtyKnown && len(b.source.dirty) > 0, b.source.dirty
	known, grade, why := b.source.dirtyKnown, Observed, "git status before the command"
	stamped, ok := b.agree(func(f *gofacts.Facts) string { return f.Settings["vcs.modified"] })
	stamped = strings.ToLower(stamped)
	switch {
	case b.argv != nil && ok && (stamped == "true" && !dirty || stamped == "false" && !known):
		known, dirty, why = true, stamped == "true", "the outputs say whether the work tree was modified"
	case b.argv == nil && ok && (stamped == "true" || stamped == "false"):
		known, dirty, why = true, stamped == "true", "the outputs say whether the work tree was modified"
	case b.argv == nil:
		files = b.withoutOutputs(files)
		dirty, grade, why = len(files) > 0, Inferred, "git status now, after the build, the outputs themselves set aside"
	}
	if !known {
		d.grade(pointer(at, "dirty"), Absent, b.source.dirtyWhy)
		return
	}
	d.put(fields, at, "dirty", dirty, grade, why)
	if !dirty || len(files) == 0 {
		return
	}
	d.put(d.internal, atInternal, "dirtyFiles", values(files[:min(len(files), maxDirty)]), grade, "as git names them, from the top of the work tree")
	if more := len(files) - maxDirty; more > 0 {
		d.put(d.internal, atInternal, "dirtyFilesOmitted", float64(more), grade, "how many more there are")
	}
}

// withoutOutputs are the files that are neither outputs nor in one.
func (b *building) withoutOutputs(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		path := filepath.Join(b.source.top, filepath.FromSlash(file))
		return slices.ContainsFunc(b.outputs, func(o outputFile) bool {
			real, err := filepath.EvalSymlinks(o.path)
			if err != nil {
				real = o.path
			}
			rel, err := filepath.Rel(real, path)
			return err == nil && filepath.IsLocal(rel)
		})
	})
}

// cleaners are for what is read in the command's folder, and where go works.
func (b *building) cleaners() (start, work cleaner) {
	also, from := []string{b.rootName}, b.start
	if b.above {
		from = b.root
	}
	return cleaner{b.root, from, also}, cleaner{b.root, b.dir, also}
}

// recordCommand records what was run, where, and in which environment.
func (b *building) recordCommand(d *draft) {
	if b.argv == nil {
		for _, name := range []string{"command", "directory", "env", "goflags"} {
			if name == "goflags" && b.generic() {
				continue
			}
			d.grade(pointer(atExternal, name), Absent, "the build had already run")
		}
		return
	}
	start, work := b.cleaners()
	list := argumentList{clean: work, start: start, linkVars: b.options.LinkVars, allowed: b.options.Arguments}
	for _, o := range b.outputs {
		list.outputs = append(list.outputs, o.path)
	}
	if rel, err := filepath.Rel(b.root, b.dir); err == nil && b.above {
		list.chdir = filepath.ToSlash(rel)
	}
	d.put(d.external, atExternal, "command", values(list.command(b.argv)), Observed, "the command that was run; arguments that are not on the allow-list are withheld")
	d.put(d.internal, atInternal, "exitStatus", float64(b.status), Observed, "the command's own")
	if rel, err := filepath.Rel(b.root, b.start); err == nil && rel != "." && !b.above {
		d.put(d.external, atExternal, "directory", filepath.ToSlash(rel), Observed, "the command's folder, relative to the root")
	}
	b.recordFlags(d, list)
	env := map[string]any{}
	at := pointer(atExternal, "env")
	for _, name := range slices.Compact(slices.Sorted(slices.Values(b.options.Env))) {
		value, ok := lookupOK(b.env, name)
		if !ok {
			d.grade(pointer(at, name), Absent, "the variable is not set")
			continue
		}
		if name == "GOFLAGS" { // what is withheld there must not come in here
			value = goflags.Join(list.flags(goFlagsOf(map[string]string{name: value})))
		} else {
			value = start.variable(value)
		}
		d.put(env, at, name, strings.ToValidUTF8(value, "\uFFFD"), Observed, "the command's environment")
	}
	if len(env) > 0 {
		d.external["env"] = env
	}
	for _, name := range buildVariables() {
		if name == "GOWORK" && b.inputs != nil {
			continue // what it says is recorded with the inputs
		}
		if lookup(b.env, name) != "" && !slices.Contains(b.options.Env, name) {
			d.grade(pointer(at, name), Absent, "the variable is set, and not on the allow-list")
		}
	}
}

// buildVariables are those that change what a Go build makes, or where it takes
// its modules from, and that no other fact shows.
func buildVariables() []string {
	return []string{"AR", "CC", "CXX", "FC", "GCCGO", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS", "PKG_CONFIG",
		"GOENV", "GOROOT", "GOWORK", "GO_EXTLINK_ENABLED", "GOTOOLCHAIN", "GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE"}
}

func (b *building) recordFlags(d *draft, list argumentList) {
	at := pointer(atExternal, "goflags")
	switch {
	case b.generic():
	case !isGo(b.argv[0]):
		d.grade(at, Absent, "the command is not go, and what it passes on to go was not seen")
	case b.toolchain.env == nil:
		d.grade(at, Absent, b.toolchain.err.Error())
	default:
		if flags := goFlagsOf(b.toolchain.env); len(flags) > 0 {
			d.put(d.external, atExternal, "goflags", values(list.flags(flags)), Observed, "go env GOFLAGS, in the command's folder and environment")
		}
	}
}

func (b *building) runDetails(d *draft) provenance.RunDetails {
	run := provenance.RunDetails{Builder: provenance.Builder{ID: cmp.Or(b.options.BuilderID, LocalBuilderID)}}
	run.Metadata.InvocationID = b.invocation
	d.grade(atBuildType, Declared, "by this package")
	d.grade(pointer(atBuilder, "id"), Declared, "by whoever ran the capture")
	d.grade(pointer(atMetadata, "invocationId"), Observed, "drawn at random for this capture")
	b.recordRun(d, &run)
	if b.argv == nil {
		d.grade(pointer(atMetadata, "startedOn"), Absent, "the build had already run")
		d.grade(pointer(atMetadata, "finishedOn"), Absent, "the build had already run")
		return run
	}
	run.Metadata.StartedOn = b.started.UTC().Truncate(time.Second)
	run.Metadata.FinishedOn = b.finished.UTC().Truncate(time.Second)
	d.grade(pointer(atMetadata, "startedOn"), Observed, "this machine's clock")
	d.grade(pointer(atMetadata, "finishedOn"), Observed, "this machine's clock")
	return run
}

// newUUID is a random UUID (RFC 9562, version 4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// values is list as encoding/json would have decoded it.
func values(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = strings.ToValidUTF8(s, "\uFFFD")
	}
	return out
}

// Build returns the provenance. It is a copy, and the caller's to change.
func (r *Record) Build() *provenance.Build {
	b := *r.build
	def := &b.BuildDefinition
	def.ExternalParameters, _ = clone(def.ExternalParameters).(map[string]any)
	def.InternalParameters, _ = clone(def.InternalParameters).(map[string]any)
	def.ResolvedDependencies = cloneDescriptors(def.ResolvedDependencies)
	return &b
}

// Statement returns the provenance as a statement about the outputs. It is a
// copy, and the caller's to change. It is nil of a build that failed.
func (r *Record) Statement() *provenance.Statement {
	if r.statement == nil {
		return nil
	}
	s := *r.statement
	s.Subject = cloneDescriptors(s.Subject)
	s.Predicate = slices.Clone(s.Predicate)
	return &s
}

// Subjects returns the outputs with their digests, in the order in which they
// were named, each by its path relative to the root, with forward slashes. A
// build that failed has none.
func (r *Record) Subjects() []provenance.ResourceDescriptor {
	if r.statement == nil {
		return nil
	}
	return cloneDescriptors(r.statement.Subject)
}

// Grades says of each recorded fact how it is known, and of what is missing
// why, sorted by field.
func (r *Record) Grades() []Grade { return slices.Clone(r.grades) }

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for name, member := range v {
			c[name] = clone(member)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, element := range v {
			c[i] = clone(element)
		}
		return c
	}
	return v
}

func cloneDescriptors(list []provenance.ResourceDescriptor) []provenance.ResourceDescriptor {
	list = slices.Clone(list)
	for i := range list {
		list[i].Digest = maps.Clone(list[i].Digest)
		list[i].Annotations = maps.Clone(list[i].Annotations)
		for name, value := range list[i].Annotations {
			list[i].Annotations[name] = json.RawMessage(slices.Clone(value))
		}
	}
	return list
}
