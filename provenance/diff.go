package provenance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A Change is one difference between two builds.
type Change struct {
	// Field is what kind of input differs, one of builder, buildType, source,
	// toolchain, flags, environment, parameter, internal, dependency.
	Field string `json:"field"`
	// Name is which one: a module path or a package URL without its version, or
	// for what stands in parameters a JSON pointer into externalParameters
	// (internal: and toolchain: into internalParameters).
	Name string `json:"name,omitempty"`
	// Kind is added, removed, changed, upgraded, downgraded or unknown. Upgraded and
	// downgraded are said of versions that can be ordered, and unknown of values that
	// both builds only committed to, with different salts: nobody can tell whether
	// they are equal without the salts.
	Kind string `json:"kind"`
	// Old and New are the values: text as it is, and anything else as JSON. What
	// was added has no Old, and what was removed no New.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Range is, of a source whose commit differs, from which commit to which, as
	// git log takes it: "OLD..NEW". What lies between them is what changed.
	Range string `json:"range,omitempty"`
}

// changeFields is the order of changes: what matters most comes first.
var changeFields = []string{"builder", "buildType", "source", "toolchain", "flags", "environment", "parameter", "internal", "dependency"}

// String is the change in a person's words: "dependency golang.org/x/mod
// upgraded from v0.41.0 to v0.42.0". Text that is not plain is quoted. Of a source
// it ends with the range of commits, shortened.
func (c Change) String() string {
	what := c.Field
	if c.Name != "" {
		what += " " + show(c.Name)
	}
	switch c.Kind {
	case "added":
		if c.New == "" {
			return what + " added"
		}
		return what + " added: " + show(c.New)
	case "removed":
		if c.Old == "" {
			return what + " removed"
		}
		return what + " removed: " + show(c.Old)
	case "unknown":
		return what + " cannot be compared: the salts of the commitments differ"
	}
	s := fmt.Sprintf("%s %s from %s to %s", what, c.Kind, show(c.Old), show(c.New))
	if old, new, ok := strings.Cut(c.Range, ".."); ok {
		s += fmt.Sprintf(" (git log %s..%s)", show(old[:min(len(old), 12)]), show(new[:min(len(new), 12)]))
	}
	return s
}

// show is s on one line, quoted unless it is plain text.
func show(s string) string {
	if s == "" || s[0] == '"' || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == '\uFFFD' }) {
		return strconv.Quote(s)
	}
	return s
}

// takeCommitments takes the commitments to values out of internal parameters, as
// the build types of this project write them, nil if there are none.
func takeCommitments(internal any) map[string]any {
	all, _ := internal.(map[string]any)
	c, _ := all["commitments"].(map[string]any)
	if _, ok := c["salt"].(string); !ok {
		return nil
	}
	delete(all, "commitments")
	return c
}

// commitments compares what two builds committed to, which says something about
// the values only under one salt. The salt is particular to a run.
func (d *differ) commitments(a, b map[string]any) {
	same := a["salt"] == b["salt"] && a["algorithm"] == b["algorithm"]
	for _, kind := range []struct{ name, field string }{{"env", "environment"}, {"arguments", "flags"}} {
		x, _ := a[kind.name].(map[string]any)
		y, _ := b[kind.name].(map[string]any)
		names := map[string]bool{}
		for _, m := range []map[string]any{x, y} {
			for name := range m {
				names[name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			at := "/commitments/" + kind.name + "/" + strictjson.EscapePointer(name)
			old, new := value(x[name]), value(y[name])
			if old != "" && new != "" && !same {
				d.changes = append(d.changes, Change{Field: kind.field, Name: at, Kind: "unknown", Old: old, New: new})
				continue
			}
			d.text(kind.field, at, old, new)
		}
	}
}

// Diff explains how b differs from a: who built and by what rules; the source
// and its commit; the toolchain; flags, environment and all other parameters,
// member by member; and the dependencies, by version where they have one and by
// digest. It leaves out what differs between any two runs: invocation id, times,
// byproducts, the salts of commitments, and the builder's own version. Values
// that are only committed to are compared where the salt is the same. The result is nil if nothing else
// differs, and its order depends on nothing but the two builds.
//
// A nil Build has no inputs at all.
func Diff(a, b *Build) []Change {
	if a == nil {
		a = &Build{}
	}
	if b == nil {
		b = &Build{}
	}
	var d differ
	d.text("builder", "", a.RunDetails.Builder.ID, b.RunDetails.Builder.ID)
	d.text("buildType", "", a.BuildDefinition.BuildType, b.BuildDefinition.BuildType)
	d.values(externalField, "", plainJSON(a.BuildDefinition.ExternalParameters), plainJSON(b.BuildDefinition.ExternalParameters))
	x, y := plainJSON(a.BuildDefinition.InternalParameters), plainJSON(b.BuildDefinition.InternalParameters)
	d.commitments(takeCommitments(x), takeCommitments(y))
	d.values(internalField, "", x, y)
	d.dependencies(a.BuildDefinition.ResolvedDependencies, b.BuildDefinition.ResolvedDependencies)
	slices.SortStableFunc(d.changes, func(x, y Change) int {
		return cmp.Or(
			cmp.Compare(slices.Index(changeFields, x.Field), slices.Index(changeFields, y.Field)),
			strings.Compare(x.Name, y.Name),
			strings.Compare(x.Kind, y.Kind),
			strings.Compare(x.Old, y.Old),
			strings.Compare(x.New, y.New))
	})
	return d.changes
}

// externalField says what the external parameter at a JSON pointer is about, by
// the names that the common build types give their parameters.
func externalField(pointer string) string {
	switch first := strings.Split(pointer+"/", "/")[1]; {
	case first == "source", pointer == "/entryPoint", pointer == "/workflow/ref", pointer == "/workflow/repository":
		return "source"
	case first == "env":
		return "environment"
	case slices.Contains([]string{"command", "flags", "goflags", "tags", "ldflags", "goos", "goarch", "directory"}, first):
		return "flags"
	}
	return "parameter"
}

// internalField does the same for internal parameters.
func internalField(pointer string) string {
	switch {
	case pointer == "/go/version", pointer == "/go/compiler", strings.HasPrefix(pointer, "/go/") && (strings.HasSuffix(pointer, "/go") || strings.HasSuffix(pointer, "/toolchain")):
		return "toolchain"
	case strings.HasPrefix(pointer, "/go/inputs/"), pointer == "/go/work/use":
		return "source"
	case strings.HasPrefix(pointer, "/go/"):
		return "flags"
	case pointer == "/dirtyFiles", strings.HasPrefix(pointer, "/dirtyFiles/"):
		return "source"
	}
	return "internal"
}

type differ struct{ changes []Change }

// text adds the change of a text that is unset when empty.
func (d *differ) text(field, name, a, b string) {
	switch {
	case a == b:
	case a == "":
		d.changes = append(d.changes, Change{Field: field, Name: name, Kind: "added", New: b})
	case b == "":
		d.changes = append(d.changes, Change{Field: field, Name: name, Kind: "removed", Old: a})
	default:
		d.changes = append(d.changes, Change{Field: field, Name: name, Kind: versionKind(field, a, b), Old: a, New: b})
	}
}

// versionKind orders toolchain versions; other texts only differ.
func versionKind(field, a, b string) string {
	if field != "toolchain" && field != "dependency" {
		return "changed"
	}
	switch order, ok := compareVersions(a, b); {
	case ok && order < 0:
		return "upgraded"
	case ok && order > 0:
		return "downgraded"
	}
	return "changed"
}

// plainJSON is v as encoding/json decodes it, so that two ways of writing it in
// Go compare equal. What cannot be encoded is the text of the error: Diff
// explains, and Validate refuses.
func plainJSON(v map[string]any) any {
	if len(v) == 0 {
		return nil
	}
	raw, err := encode(v)
	if err != nil {
		return err.Error()
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return err.Error()
	}
	return plain
}

// values adds the changes between two JSON values, member by member. Lists are
// compared whole, because a list that shifted by one differs everywhere.
func (d *differ) values(field func(pointer string) string, at string, a, b any) {
	if reflect.DeepEqual(a, b) || empty(a) && empty(b) {
		return
	}
	x, okA := a.(map[string]any)
	y, okB := b.(map[string]any)
	if (okA || empty(a)) && (okB || empty(b)) && (okA || okB) {
		names := map[string]bool{}
		for _, m := range []map[string]any{x, y} {
			for name := range m {
				names[name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			d.values(field, at+"/"+strictjson.EscapePointer(name), x[name], y[name])
		}
		return
	}
	old, new := value(a), value(b)
	if old == new { // the number 1 and the text "1"
		old, new = asJSON(a), asJSON(b)
	}
	d.text(field(at), at, old, new)
}

// empty reports whether v is unset, which null and empty values are too (SLSA
// v1, parsing rules).
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// value is a JSON value as a person reads it: a text as it is.
func value(v any) string {
	if empty(v) {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	return asJSON(v)
}

func asJSON(v any) string {
	raw, err := encode(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// A dependency is a descriptor, taken apart.
type dependency struct {
	name, version string
	digest        DigestSet
}

// dependencies adds what differs between two lists. Descriptors are paired by
// what they are without their version; when one thing is in a list more than
// once, what is equal in both pairs first, and the rest in order.
func (d *differ) dependencies(a, b []ResourceDescriptor) {
	x, y := byIdentity(a), byIdentity(b)
	keys := map[string]bool{}
	for _, m := range []map[string][]dependency{x, y} {
		for key := range m {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		old, new := x[key], y[key]
		old, new = without(old, new), without(new, old)
		for i := range max(len(old), len(new)) {
			field := dependencyField(key)
			switch {
			case i >= len(old):
				d.changes = append(d.changes, Change{Field: field, Name: new[i].name, Kind: "added", New: new[i].text()})
			case i >= len(new):
				d.changes = append(d.changes, Change{Field: field, Name: old[i].name, Kind: "removed", Old: old[i].text()})
			default:
				d.pair(field, old[i], new[i])
			}
		}
	}
}

// dependencyField tells the source and the toolchain among dependencies.
func dependencyField(key string) string {
	switch {
	case isGit(key):
		return "source"
	case key == "pkg:generic/go", key == "pkg:golang/stdlib":
		return "toolchain"
	}
	return "dependency"
}

func byIdentity(list []ResourceDescriptor) map[string][]dependency {
	m := map[string][]dependency{}
	for _, r := range list {
		key, version := splitURI(r.URI)
		if key == "" {
			key = r.Name
		}
		name := key
		if r.Name != "" && strings.HasPrefix(key, "pkg:") {
			name = r.Name
		}
		m[key] = append(m[key], dependency{name, version, r.Digest.canonical()})
	}
	for _, list := range m {
		slices.SortStableFunc(list, func(x, y dependency) int {
			order, _ := compareVersions(x.version, y.version)
			return cmp.Or(order, strings.Compare(x.version, y.version), strings.Compare(x.text(), y.text()))
		})
	}
	return m
}

// without is list without what also is in other, each as often as it is there.
func without(list, other []dependency) []dependency {
	counts := map[string]int{}
	for _, o := range other {
		counts[o.text()]++
	}
	var rest []dependency
	for _, l := range list {
		if counts[l.text()]--; counts[l.text()] < 0 {
			rest = append(rest, l)
		}
	}
	return rest
}

// text is the version and the digests of a dependency.
func (d dependency) text() string {
	parts := []string{}
	if d.version != "" {
		parts = append(parts, d.version)
	}
	for _, algorithm := range slices.Sorted(maps.Keys(d.digest)) {
		parts = append(parts, algorithm+":"+d.digest[algorithm])
	}
	return strings.Join(parts, " ")
}

// pair adds the change from old to new. Two descriptors of one version are
// equal unless a digest says otherwise; that one of them has none is said too.
func (d *differ) pair(field string, old, new dependency) {
	c := Change{Field: field, Name: old.name, Kind: versionKind(field, old.version, new.version), Old: old.version, New: new.version}
	if old.version == "" || new.version == "" || c.Kind == "changed" {
		c.Kind, c.Old, c.New = "changed", old.text(), new.text()
	}
	if from, to := old.digest[GitCommit], new.digest[GitCommit]; field == "source" && from != "" && to != "" {
		c.Kind, c.Old, c.New = "changed", old.version, new.version
		if from != to {
			c.Range = from + ".." + to
		}
		if old.version == new.version || old.version == "" || new.version == "" {
			c.Old, c.New = strings.TrimSpace(old.version+" "+from), strings.TrimSpace(new.version+" "+to)
		}
	}
	if old.version != new.version || !old.sameDigest(new) {
		d.changes = append(d.changes, c)
	}
}

// sameDigest reports whether nothing in the digests says that two are different.
func (d dependency) sameDigest(e dependency) bool {
	shared := len(d.digest) == 0 && len(e.digest) == 0
	for algorithm, sum := range d.digest {
		other, ok := e.digest[algorithm]
		if ok && other != sum {
			return false
		}
		shared = shared || ok
	}
	return shared
}
