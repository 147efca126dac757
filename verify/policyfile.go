package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/shape"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// policyFile is the form of a policy file.
type policyFile struct {
	Schema       string            `json:"schema"`
	Version      int               `json:"version"`
	Name         string            `json:"name"`
	Package      string            `json:"package,omitempty"`
	Environment  string            `json:"environment,omitempty"`
	Examine      json.RawMessage   `json:"examine"`
	Provenance   *provenanceFile   `json:"provenance"`
	Attestations []attestationFile `json:"attestations,omitempty"`
	Dependencies *dependenciesFile `json:"dependencies,omitempty"`
	Approvals    []json.RawMessage `json:"approvals,omitempty"`
	Release      *releaseFile      `json:"release,omitempty"`
	Exceptions   *exceptionFile    `json:"exceptions,omitempty"`
}

type examineFile struct {
	Mode  ExamineMode `json:"mode"`
	Facts []string    `json:"facts"`
}

type sourceFile struct {
	Repository json.RawMessage `json:"repository"`
	Ref        json.RawMessage `json:"ref"`
	Dirty      bool            `json:"dirty,omitempty"`
	Summary    json.RawMessage `json:"summary,omitempty"`
}

type provenanceFile struct {
	Types      []string        `json:"types,omitempty"`
	SignedBy   json.RawMessage `json:"signedBy"`
	Level      json.RawMessage `json:"level"`
	BuildType  json.RawMessage `json:"buildType"`
	Source     json.RawMessage `json:"source"`
	Parameters json.RawMessage `json:"parameters"`
	MaxAge     string          `json:"maxAge,omitempty"`
}

type attestationFile struct {
	Type      string                     `json:"type"`
	SignedBy  json.RawMessage            `json:"signedBy"`
	MaxAge    string                     `json:"maxAge,omitempty"`
	Predicate map[string]json.RawMessage `json:"predicate,omitempty"`
	Where     string                     `json:"where,omitempty"`
	Fields    json.RawMessage            `json:"fields,omitempty"`
	Summary   json.RawMessage            `json:"summary,omitempty"`
	SBOM      json.RawMessage            `json:"sbom,omitempty"`
}

type releaseFile struct {
	Product    string `json:"product"`
	From       string `json:"from,omitempty"`
	Soak       string `json:"soak,omitempty"`
	MaxHeadAge string `json:"maxHeadAge,omitempty"`
	Witnesses  int    `json:"witnesses,omitempty"`
}

// policyValues are the values that a policy compares with what others wrote.
func policyValues(pointer string) bool {
	step := strings.Split(pointer, "/")
	return pointer == "/provenance/parameters" ||
		len(step) == 4 && step[1] == "attestations" && step[2] != "" && strings.Trim(step[2], "0123456789") == "" && step[3] == "predicate"
}

func (l *loader) policy(in *policyFile) (*Policy, error) {
	if in.Schema != PolicySchema {
		return nil, l.errorf("/schema", "%q is not the schema of a policy: want %q", in.Schema, PolicySchema)
	}
	if in.Version < 1 {
		return nil, l.errorf("/version", "version must be there and at least 1")
	}
	if !validName(in.Name) {
		return nil, l.errorf("/name", "%q is no name for a policy", in.Name)
	}
	p := &Policy{Version: in.Version, Name: in.Name, Package: in.Package, Environment: in.Environment}
	if in.Package != "" {
		if _, err := parsePackage(in.Package); err != nil {
			return nil, l.errorf("/package", "%v", err)
		}
	}
	if in.Environment != "" && !validName(in.Environment) {
		return nil, l.errorf("/environment", "%q is no name of an environment", in.Environment)
	}
	var err error
	if p.Examine, err = l.examine(in.Examine); err != nil {
		return nil, err
	}
	if in.Provenance == nil {
		return nil, l.errorf("/provenance", "provenance must be there: a policy says how the artifact must have been made")
	}
	if p.Provenance, err = l.provenance(in.Provenance); err != nil {
		return nil, err
	}
	for i := range in.Attestations {
		a, err := l.attestation(fmt.Sprintf("/attestations/%d", i), &in.Attestations[i], p)
		if err != nil {
			return nil, err
		}
		p.Attestations = append(p.Attestations, a)
	}
	if in.Dependencies != nil {
		if p.Dependencies, err = l.dependencies(in.Dependencies); err != nil {
			return nil, err
		}
	}
	for i, data := range in.Approvals {
		q, err := l.group(fmt.Sprintf("/approvals/%d", i), data)
		if err != nil {
			return nil, err
		}
		p.Approvals = append(p.Approvals, q)
	}
	if len(p.Approvals) > 0 && p.Environment == "" {
		return nil, l.errorf("/approvals", "approvals are for an environment: name it")
	}
	if in.Release != nil {
		if p.Release, err = l.release(in.Release); err != nil {
			return nil, err
		}
	}
	if in.Exceptions != nil {
		if p.Exceptions, err = l.exceptions(in.Exceptions, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// factNames are the facts that a policy may demand.
var factNames = []string{"path", "module", "toolchain", "goos", "goarch", "tags", "ldflags", "cgo", "trimpath", "vcs.revision", "vcs.modified", "sbom"}

func (l *loader) examine(data json.RawMessage) (ExamineRule, error) {
	const at = "/examine"
	var rule ExamineRule
	if data == nil {
		return rule, l.errorf(at, "examine must be there: required, if-applicable or off")
	}
	if isString(data) {
		if err := l.decode(at, data, &rule.Mode); err != nil {
			return rule, err
		}
	} else {
		var in examineFile
		if err := l.decode(at, data, &in); err != nil {
			return rule, err
		}
		rule = ExamineRule(in)
	}
	if rule.Mode != ExamineRequired && rule.Mode != ExamineIfApplicable && rule.Mode != ExamineOff {
		return rule, l.errorf(at, "%q: want required, if-applicable or off", rule.Mode)
	}
	if rule.Mode == ExamineOff && len(rule.Facts) > 0 {
		return rule, l.errorf(at+"/facts", "examine is off, so no fact can be demanded")
	}
	for i, f := range rule.Facts {
		if !slices.Contains(factNames, f) {
			return rule, l.errorf(fmt.Sprintf("%s/facts/%d", at, i), "%q is no fact: want one of %s", f, strings.Join(factNames, ", "))
		}
	}
	return rule, nil
}

func (l *loader) provenance(in *provenanceFile) (ProvenanceRule, error) {
	const at = "/provenance"
	rule := ProvenanceRule{Types: in.Types}
	for _, m := range []struct {
		name string
		data json.RawMessage
	}{{"signedBy", in.SignedBy}, {"level", in.Level}, {"buildType", in.BuildType}, {"source", in.Source}, {"parameters", in.Parameters}} {
		if m.data == nil {
			return rule, l.errorf(at+"/"+m.name, "%s must be there; to want nothing of it, write {\"any\": true}", m.name)
		}
	}
	for i, t := range in.Types {
		if t != provenance.SLSAProvenanceV1 && t != provenance.SLSAProvenanceV02 && t != provenance.SLSAProvenanceV01 {
			return rule, l.errorf(fmt.Sprintf("%s/types/%d", at, i), "%q is no provenance that can be read: want %q, %q or %q", t, provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02, provenance.SLSAProvenanceV01)
		}
	}
	var err error
	if rule.SignedBy, err = l.quorum(at+"/signedBy", in.SignedBy, true); err != nil {
		return rule, err
	}
	if l.isAny(in.Level) {
		rule.Level = AnyLevel
	} else {
		if err := l.decode(at+"/level", in.Level, &rule.Level); err != nil {
			return rule, err
		}
		if rule.Level < 1 || rule.Level > 3 {
			return rule, l.errorf(at+"/level", "%d: want a SLSA build level, 1 to 3", rule.Level)
		}
	}
	if rule.BuildType, err = l.stringOrAny(at+"/buildType", in.BuildType); err != nil {
		return rule, err
	}
	if rule.Source, err = l.source(in.Source, rule.BuildType); err != nil {
		return rule, err
	}
	if l.isAny(in.Parameters) {
		rule.Parameters = map[string]Matcher{"": {Any: true}}
	} else {
		var raw map[string]json.RawMessage
		if err := l.decode(at+"/parameters", in.Parameters, &raw); err != nil {
			return rule, err
		}
		if raw == nil {
			return rule, l.errorf(at+"/parameters", "parameters must be an object")
		}
		if rule.Parameters, err = l.matchers(at+"/parameters", raw, false); err != nil {
			return rule, err
		}
	}
	if in.MaxAge != "" {
		rule.MaxAge, err = l.duration(at+"/maxAge", in.MaxAge)
	}
	return rule, err
}

func (l *loader) source(data json.RawMessage, buildType string) (SourceRule, error) {
	const at = "/provenance/source"
	var rule SourceRule
	if l.isAny(data) {
		return SourceRule{Any: true}, nil
	}
	var in sourceFile
	if err := l.decode(at, data, &in); err != nil {
		return rule, err
	}
	if in.Repository == nil || in.Ref == nil {
		return rule, l.errorf(at, "repository and ref must both be there; to want nothing of one, write \"any\"")
	}
	if sourceReaders[buildType] == nil && buildType != "any" {
		return rule, l.errorf(at, "where build type %q holds its source is not known: write {\"any\": true} here and name it among the parameters", buildType)
	}
	var err error
	if rule.Repository, err = l.stringOrAny(at+"/repository", in.Repository); err != nil {
		return rule, err
	}
	if rule.Repository != "any" {
		if one, err := repository(rule.Repository); err != nil {
			return rule, l.errorf(at+"/repository", "%q: %v", rule.Repository, err)
		} else if one != rule.Repository {
			return rule, l.errorf(at+"/repository", "%q: write it as %q", rule.Repository, one)
		}
	}
	if rule.Ref, err = l.stringOrAny(at+"/ref", in.Ref); err != nil {
		return rule, err
	}
	if rule.Ref != "any" {
		if err := checkRef(rule.Ref); err != nil {
			return rule, l.errorf(at+"/ref", "%q: %v", rule.Ref, err)
		}
	}
	rule.Dirty = in.Dirty
	if in.Summary != nil {
		rule.Summary, err = l.sourceSummary(at+"/summary", in.Summary, &rule)
	}
	return rule, err
}

func (l *loader) attestation(at string, in *attestationFile, p *Policy) (AttestationRule, error) {
	rule := AttestationRule{Type: in.Type, Where: in.Where, Fields: in.Fields}
	if in.Type == "" {
		return rule, l.errorf(at+"/type", "type must be there: the predicate type, exact")
	}
	if in.SignedBy == nil {
		return rule, l.errorf(at+"/signedBy", "signedBy must be there")
	}
	var err error
	if rule.SignedBy, err = l.quorum(at+"/signedBy", in.SignedBy, true); err != nil {
		return rule, err
	}
	if in.MaxAge != "" {
		if rule.MaxAge, err = l.duration(at+"/maxAge", in.MaxAge); err != nil {
			return rule, err
		}
	}
	if in.Predicate != nil {
		if rule.Predicate, err = l.matchers(at+"/predicate", in.Predicate, p.Package != ""); err != nil {
			return rule, err
		}
	}
	if in.Fields != nil {
		if in.Where == "" {
			return rule, l.errorf(at+"/fields", "fields are for where, and there is none")
		}
		if l.isAny(in.Fields) {
			rule.Fields = json.RawMessage(`"any"`)
		} else if s, err := shape.Parse(in.Fields); err != nil {
			return rule, l.errorf(at+"/fields", "%v", err)
		} else if s.Kind != shape.Object && s.Kind != shape.Map {
			return rule, l.errorf(at+"/fields", "a predicate is an object: say what its members are, or write \"any\"")
		}
	}
	if (in.Summary != nil) != (in.Type == SummaryType) {
		return rule, l.errorf(at+"/summary", "summary must be there for the type %q, and for no other", SummaryType)
	}
	if in.Summary != nil {
		if rule.Summary, err = l.summary(at+"/summary", in.Summary, p.Package != ""); err != nil {
			return rule, err
		}
	}
	if in.SBOM != nil {
		if in.Type != sbom.PredicateType {
			return rule, l.errorf(at+"/sbom", "an attestation of type %q is no SBOM: want %q", in.Type, sbom.PredicateType)
		}
		if rule.SBOM, err = l.sbom(at+"/sbom", in.SBOM, p.Examine.Mode); err != nil {
			return rule, err
		}
	}
	return rule, nil
}

func (l *loader) release(in *releaseFile) (*ReleaseRule, error) {
	const at = "/release"
	rule := &ReleaseRule{Product: in.Product, From: in.From, Witnesses: in.Witnesses}
	if !validName(in.Product) {
		return nil, l.errorf(at+"/product", "%q is no name of a product", in.Product)
	}
	if in.From != "" && !validName(in.From) {
		return nil, l.errorf(at+"/from", "%q is no name of an environment", in.From)
	}
	if in.Soak != "" && in.From == "" {
		return nil, l.errorf(at+"/soak", "soak needs from: say where it must have been")
	}
	if in.Witnesses < 0 {
		return nil, l.errorf(at+"/witnesses", "%d: want 0 or more", in.Witnesses)
	}
	var err error
	if in.Soak != "" {
		if rule.Soak, err = l.duration(at+"/soak", in.Soak); err != nil {
			return nil, err
		}
	}
	if in.MaxHeadAge != "" {
		rule.MaxHeadAge, err = l.duration(at+"/maxHeadAge", in.MaxHeadAge)
	}
	return rule, err
}

// isAny reports whether data is "any" or {"any": true}.
func (l *loader) isAny(data json.RawMessage) bool {
	if isString(data) {
		var s string
		return l.decode("", data, &s) == nil && s == "any"
	}
	var in struct {
		Any bool `json:"any"`
	}
	return len(data) > 0 && data[0] == '{' && l.decode("", data, &in) == nil && in.Any
}

// stringOrAny reads a string that must say something; "any" stands for {"any": true}.
func (l *loader) stringOrAny(pointer string, data json.RawMessage) (string, error) {
	if l.isAny(data) {
		return "any", nil
	}
	var s string
	if err := l.decode(pointer, data, &s); err != nil {
		return "", err
	}
	if s == "" {
		return "", l.errorf(pointer, "must not be empty; to want nothing of it, write {\"any\": true}")
	}
	return s, nil
}

// Marshal is the policy file that [ParsePolicy] reads, indented for people. A
// Policy that is invalid is written so that ParsePolicy refuses it; nil if it
// cannot be written as JSON.
func (p *Policy) Marshal() []byte {
	mustRaw := func(v any) json.RawMessage {
		data, err := json.Marshal(v)
		if err != nil {
			return nil // left out, and so refused by ParsePolicy
		}
		return data
	}
	age := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return formatDuration(d)
	}
	out := policyFile{Schema: PolicySchema, Version: p.Version, Name: p.Name, Package: p.Package, Environment: p.Environment}
	out.Examine = mustRaw(p.Examine.Mode)
	if len(p.Examine.Facts) > 0 {
		out.Examine = mustRaw(examineFile(p.Examine))
	}
	r := p.Provenance
	out.Provenance = &provenanceFile{Types: r.Types, SignedBy: mustRaw(r.SignedBy), Level: mustRaw(r.Level), BuildType: mustRaw(r.BuildType), Parameters: mustRaw(r.Parameters), MaxAge: age(r.MaxAge)}
	if r.Level == AnyLevel {
		out.Provenance.Level = anyJSON
	}
	if m := r.Parameters; len(m) == 1 && m[""].Any {
		out.Provenance.Parameters = anyJSON
	} else if m == nil {
		out.Provenance.Parameters = nil
	}
	if r.Source == (SourceRule{Any: true}) {
		out.Provenance.Source = anyJSON
	} else if !r.Source.Any { // else it says two things, and is left out
		source := sourceFile{Repository: mustRaw(r.Source.Repository), Ref: mustRaw(r.Source.Ref), Dirty: r.Source.Dirty}
		if by := r.Source.Summary; by != nil {
			source.Summary = mustRaw(sourceSummaryFile{by.file(), mustRaw(by.Ref)})
		}
		out.Provenance.Source = mustRaw(source)
	}
	for _, a := range p.Attestations {
		f := attestationFile{Type: a.Type, SignedBy: mustRaw(a.SignedBy), MaxAge: age(a.MaxAge), Where: a.Where, Fields: a.Fields}
		for _, pointer := range slices.Sorted(maps.Keys(a.Predicate)) {
			if f.Predicate == nil {
				f.Predicate = map[string]json.RawMessage{}
			}
			f.Predicate[pointer] = mustRaw(a.Predicate[pointer])
		}
		if a.Summary != nil {
			f.Summary = mustRaw(summaryFile(*a.Summary))
		}
		if a.SBOM != nil {
			f.SBOM = a.SBOM.file()
		}
		out.Attestations = append(out.Attestations, f)
	}
	for _, q := range p.Approvals {
		out.Approvals = append(out.Approvals, mustRaw(q))
	}
	if p.Dependencies != nil {
		out.Dependencies = p.Dependencies.file()
	}
	if r := p.Release; r != nil {
		out.Release = &releaseFile{Product: r.Product, From: r.From, Soak: age(r.Soak), MaxHeadAge: age(r.MaxHeadAge), Witnesses: r.Witnesses}
	}
	if e := p.Exceptions; e != nil {
		out.Exceptions = &exceptionFile{ApprovedBy: mustRaw(e.ApprovedBy), Rules: e.Rules, For: age(e.For)}
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil
	}
	return append(data, '\n')
}
