package provenance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// The predicate types that [ParseBuild] reads. Only the first is written.
const (
	SLSAProvenanceV1  = "https://slsa.dev/provenance/v1"
	SLSAProvenanceV02 = "https://slsa.dev/provenance/v0.2"
	SLSAProvenanceV01 = "https://slsa.dev/provenance/v0.1"
)

// A Build says how something was built: a SLSA Provenance v1 predicate. The
// zero Build is invalid. A Build is plain data, and may be shared as long as
// nobody changes it.
//
// Unset, null and empty are equal everywhere in it, as SLSA demands, and it
// holds the members that SLSA v1 names: extension members are dropped on
// reading.
type Build struct {
	// From is the predicate type that it was read from, and "" if it was made
	// here. A policy that wants v1 must not be satisfied by an older one.
	From            string          `json:"-"`
	BuildDefinition BuildDefinition `json:"buildDefinition"`
	RunDetails      RunDetails      `json:"runDetails"`
}

// A BuildDefinition holds all inputs of a build.
type BuildDefinition struct {
	// BuildType is the URI of the document that says what the parameters mean. Required.
	BuildType string `json:"buildType"`
	// ExternalParameters are what whoever asked for the build could choose. They
	// are not to be trusted, and all of them must be verified. Values are what
	// encoding/json decodes to; whole numbers beyond 2^53 are refused.
	ExternalParameters map[string]any `json:"externalParameters"`
	// InternalParameters are what the platform chose.
	InternalParameters map[string]any `json:"internalParameters,omitempty"`
	// ResolvedDependencies are what went into the build, in no order.
	ResolvedDependencies []ResourceDescriptor `json:"resolvedDependencies,omitempty"`
}

// RunDetails holds what is particular to one run.
type RunDetails struct {
	Builder  Builder       `json:"builder"`
	Metadata BuildMetadata `json:"metadata,omitzero"`
	// Byproducts are what else the run made: logs, resolved configuration.
	Byproducts []ResourceDescriptor `json:"byproducts,omitempty"`
}

// A Builder is who ran the build.
type Builder struct {
	// ID is the URI of everything that had to be trusted to run the build and
	// record it. The level follows from it and from the signer alone. Required.
	ID string `json:"id"`
	// Version maps the builder's components to their versions.
	Version map[string]string `json:"version,omitempty"`
	// BuilderDependencies could not affect the build, but could affect its provenance.
	BuilderDependencies []ResourceDescriptor `json:"builderDependencies,omitempty"`
}

// BuildMetadata says which run, and when. Times are the builder's own claim;
// they are read and written in RFC 3339 with "Z", and zero is unset.
type BuildMetadata struct {
	InvocationID string    `json:"invocationId,omitempty"`
	StartedOn    time.Time `json:"startedOn,omitzero"`
	FinishedOn   time.Time `json:"finishedOn,omitzero"`
}

// ParseBuild reads the Build in s, which must be of type [SLSAProvenanceV1],
// [SLSAProvenanceV02] or [SLSAProvenanceV01]. What it returns is valid, and From says what it was read
// from. Digests that are spelled dirHash1 have become dirHash.
//
// A v0.2 predicate goes where SLSA's own migration guide puts it ("Migrating
// from 0.2", provenance v1):
//
//	v0.2                               Build
//	builder.id                         RunDetails.Builder.ID
//	buildType                          BuildDefinition.BuildType, as it is
//	invocation.parameters              ExternalParameters
//	invocation.configSource.uri        ExternalParameters["source"]
//	invocation.configSource.entryPoint ExternalParameters["entryPoint"]
//	invocation.configSource            ResolvedDependencies, if not in materials
//	invocation.environment             InternalParameters
//	materials                          ResolvedDependencies
//	metadata.buildInvocationId         RunDetails.Metadata.InvocationID
//	metadata.buildStartedOn            RunDetails.Metadata.StartedOn
//	metadata.buildFinishedOn           RunDetails.Metadata.FinishedOn
//	buildConfig                        nowhere: builder.id implies it
//	metadata.completeness              nowhere: builder.id implies it
//	metadata.reproducible              nowhere: builder.id implies it
//
// V0.1 has recipe.type for buildType, recipe.arguments and recipe.environment for
// those of the invocation, and the material at recipe.definedInMaterial with
// recipe.entryPoint for the config source; it goes where those go.
//
// A parameter that is itself named source or entryPoint would hide the config
// source, or be hidden by it, so it is refused. Digests stay as they are: v0.2
// writes a git commit as sha1, which is weak and never becomes a gitCommit. The
// SLSA generators for GitHub write buildInvocationID, which no version of the
// specification has; it is read, and refused beside another buildInvocationId.
func ParseBuild(s *Statement) (*Build, error) {
	if s == nil {
		return nil, errors.New("statement is missing")
	}
	var b *Build
	var err error
	switch s.PredicateType {
	case SLSAProvenanceV1:
		b, err = parseBuildV1(s)
	case SLSAProvenanceV02:
		b, err = parseBuildV02(s)
	case SLSAProvenanceV01:
		b, err = parseBuildV01(s)
	default:
		return nil, fmt.Errorf("predicate type is %s, want %q, %q or %q", quote(s.PredicateType), SLSAProvenanceV1, SLSAProvenanceV02, SLSAProvenanceV01)
	}
	if err != nil {
		return nil, err
	}
	b.From = s.PredicateType
	if err := b.validate(); err != nil { // its parameters were read strictly
		return nil, err
	}
	b.eachList(func(_ string, list []ResourceDescriptor) {
		for i := range list {
			list[i] = list[i].canonical()
		}
	})
	return b, nil
}

func parseBuildV1(s *Statement) (*Build, error) {
	b := new(Build)
	if err := s.Decode(SLSAProvenanceV1, b); err != nil {
		return nil, err
	}
	def := &b.BuildDefinition
	def.ExternalParameters = set(def.ExternalParameters)
	def.InternalParameters = set(def.InternalParameters)
	return b, nil
}

// set is the parameters, or nil if there are none: unset, null and empty are equal.
func set(parameters map[string]any) map[string]any {
	if len(parameters) == 0 {
		return nil
	}
	return parameters
}

// eachList calls f with every list of descriptors in b and its JSON pointer.
func (b *Build) eachList(f func(at string, list []ResourceDescriptor)) {
	f("/buildDefinition/resolvedDependencies", b.BuildDefinition.ResolvedDependencies)
	f("/runDetails/builder/builderDependencies", b.RunDetails.Builder.BuilderDependencies)
	f("/runDetails/byproducts", b.RunDetails.Byproducts)
}

// Validate names the field that makes b unusable, by JSON pointer: no build
// type, no builder id, a descriptor that names nothing or has a digest that is
// not well formed, a parameter that is no JSON or has a whole number beyond
// 2^53, a run that ends before it starts.
func (b *Build) Validate() error {
	if b == nil {
		return errors.New("build is missing")
	}
	if err := b.validate(); err != nil {
		return err
	}
	if err := validateParameters("/buildDefinition/externalParameters", b.BuildDefinition.ExternalParameters); err != nil {
		return err
	}
	return validateParameters("/buildDefinition/internalParameters", b.BuildDefinition.InternalParameters)
}

// validate is Validate but for the parameters.
func (b *Build) validate() error {
	def, run := &b.BuildDefinition, &b.RunDetails
	for _, f := range []struct{ at, value string }{
		{"/buildDefinition/buildType", def.BuildType},
		{"/runDetails/builder/id", run.Builder.ID},
	} {
		if f.value == "" {
			return fmt.Errorf("%s is missing", f.at)
		}
		if !utf8.ValidString(f.value) {
			return fmt.Errorf("%s is %s, want valid UTF-8", f.at, quote(f.value))
		}
	}
	var err error
	b.eachList(func(at string, list []ResourceDescriptor) {
		for i := range list {
			if err == nil {
				err = list[i].validate(fmt.Sprintf("%s/%d", at, i), strictjson.Check)
			}
		}
	})
	if err != nil {
		return err
	}
	return run.Metadata.validate()
}

// validateParameters reads what would be written: strictjson refuses a whole
// number that a float64 cannot tell from its neighbours.
func validateParameters(at string, parameters map[string]any) error {
	if len(parameters) == 0 {
		return nil
	}
	raw, err := encode(parameters)
	if err != nil {
		return fmt.Errorf("%s: %v", culprit(at, parameters, func(v any) bool { _, err := encode(v); return err != nil }), err)
	}
	if replaced(raw) {
		bad := func(v any) bool { raw, err := encode(v); return err == nil && replaced(raw) }
		return fmt.Errorf("%s has text that is not valid UTF-8", culprit(at, parameters, bad))
	}
	var plain map[string]any
	err = strictjson.Unmarshal(raw, &plain)
	var refused *strictjson.Error
	if errors.As(err, &refused) && refused.Pointer != "" {
		return fmt.Errorf("%s%s: %w", at, refused.Pointer, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

// culprit is where in v, which stands at a JSON pointer and is bad, the fault is:
// in a member or an element of it, as deep as that can be told.
func culprit(at string, v any, bad func(any) bool) string {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if bad(v[name]) {
				return culprit(at+"/"+strictjson.EscapePointer(name), v[name], bad)
			}
		}
	case []any:
		for i, element := range v {
			if bad(element) {
				return culprit(fmt.Sprintf("%s/%d", at, i), element, bad)
			}
		}
	}
	return at
}

func (m *BuildMetadata) validate() error {
	for _, f := range []struct {
		at   string
		time time.Time
	}{
		{"/runDetails/metadata/startedOn", m.StartedOn},
		{"/runDetails/metadata/finishedOn", m.FinishedOn},
	} {
		if year := f.time.UTC().Year(); !f.time.IsZero() && (year < 1 || year > 9999) {
			return fmt.Errorf("%s is in the year %d, want 1 to 9999", f.at, year)
		}
	}
	if !m.FinishedOn.IsZero() && m.FinishedOn.Before(m.StartedOn) {
		return fmt.Errorf("/runDetails/metadata/finishedOn is %s, before startedOn, %s",
			m.FinishedOn.UTC().Format(time.RFC3339Nano), m.StartedOn.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// Statement makes a Statement of b about subjects, by SLSA Provenance v1. It
// wants one external parameter at least, as in-toto's own validator does: a
// build of which nothing was asked cannot be held to anything. A Build that was
// read from v0.2 is refused: its buildType still means the old layout, so give
// it a new one and clear From to claim it as yours.
func (b *Build) Statement(subjects ...ResourceDescriptor) (*Statement, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	if b.From != "" && b.From != SLSAProvenanceV1 {
		return nil, fmt.Errorf("build was read from %s, want one made as %q", quote(b.From), SLSAProvenanceV1)
	}
	if len(b.BuildDefinition.ExternalParameters) == 0 {
		return nil, errors.New("/buildDefinition/externalParameters is empty, want what was asked of the build")
	}
	c := *b
	def, run := &c.BuildDefinition, &c.RunDetails
	def.ResolvedDependencies = canonicalAll(def.ResolvedDependencies)
	run.Builder.BuilderDependencies = canonicalAll(run.Builder.BuilderDependencies)
	run.Byproducts = canonicalAll(run.Byproducts)
	run.Metadata.StartedOn = utc(run.Metadata.StartedOn)
	run.Metadata.FinishedOn = utc(run.Metadata.FinishedOn)
	return New(SLSAProvenanceV1, &c, subjects...)
}

// utc is t as we write it; zero stays zero, which is unset.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
