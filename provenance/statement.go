package provenance

import (
	"context"
	"encoding/json"
	"time"
)

// StatementType is the _type of a Statement that this package writes;
// StatementTypeV01 is the older one that it also reads.
const (
	StatementType    = "https://in-toto.io/Statement/v1"
	StatementTypeV01 = "https://in-toto.io/Statement/v0.1"
)

// PayloadType is the DSSE payload type of an in-toto Statement.
const PayloadType = "application/vnd.in-toto+json"

// A ResourceDescriptor names a thing (in-toto v1).
type ResourceDescriptor struct {
	Name             string                     `json:"name,omitempty"`
	URI              string                     `json:"uri,omitempty"`
	Digest           DigestSet                  `json:"digest,omitempty"`
	Content          []byte                     `json:"content,omitempty"`
	DownloadLocation string                     `json:"downloadLocation,omitempty"`
	MediaType        string                     `json:"mediaType,omitempty"`
	Annotations      map[string]json.RawMessage `json:"annotations,omitempty"`
}

// A Statement is a claim about subjects.
type Statement struct {
	Type          string               `json:"_type"`
	Subject       []ResourceDescriptor `json:"subject"`
	PredicateType string               `json:"predicateType"`
	Predicate     json.RawMessage      `json:"predicate,omitempty"`
}

// New makes a Statement.
func New(predicateType string, predicate any, subjects ...ResourceDescriptor) (*Statement, error) {
	return nil, errNotYet
}

// Parse reads a Statement strictly.
func Parse(data []byte) (*Statement, error) { return nil, errNotYet }

// Decode decodes the predicate strictly into v if the statement is of that predicateType.
func (s *Statement) Decode(predicateType string, v any) error { return errNotYet }

// Validate reports what makes s unusable.
func (s *Statement) Validate() error { return errNotYet }

// Marshal returns the deterministic JSON of s.
func (s *Statement) Marshal() ([]byte, error) { return nil, errNotYet }

// SubjectOptions tune [Subjects].
type SubjectOptions struct {
	Algorithms []string // default sha256
	Root       string   // names are relative to it; default the working folder
}

// Subjects hashes files and folders.
func Subjects(ctx context.Context, paths ...string) ([]ResourceDescriptor, error) {
	return SubjectOptions{}.Subjects(ctx, paths...)
}

// Subjects hashes files and folders.
func (o SubjectOptions) Subjects(ctx context.Context, paths ...string) ([]ResourceDescriptor, error) {
	return nil, errNotYet
}

// SLSAProvenanceV1 and V02 are the predicate types that [ParseBuild] reads.
const (
	SLSAProvenanceV1  = "https://slsa.dev/provenance/v1"
	SLSAProvenanceV02 = "https://slsa.dev/provenance/v0.2"
)

// A Build is a SLSA Provenance v1 predicate.
type Build struct {
	From            string          `json:"-"` // the predicate type that it was read from
	BuildDefinition BuildDefinition `json:"buildDefinition"`
	RunDetails      RunDetails      `json:"runDetails"`
}

// A BuildDefinition holds all inputs of a build.
type BuildDefinition struct {
	BuildType            string               `json:"buildType"`
	ExternalParameters   map[string]any       `json:"externalParameters"`
	InternalParameters   map[string]any       `json:"internalParameters,omitempty"`
	ResolvedDependencies []ResourceDescriptor `json:"resolvedDependencies,omitempty"`
}

// RunDetails holds what is particular to one run.
type RunDetails struct {
	Builder    Builder              `json:"builder"`
	Metadata   BuildMetadata        `json:"metadata,omitzero"`
	Byproducts []ResourceDescriptor `json:"byproducts,omitempty"`
}

// A Builder is who ran the build.
type Builder struct {
	ID                  string               `json:"id"`
	Version             map[string]string    `json:"version,omitempty"`
	BuilderDependencies []ResourceDescriptor `json:"builderDependencies,omitempty"`
}

// BuildMetadata says which run, and when.
type BuildMetadata struct {
	InvocationID string    `json:"invocationId,omitempty"`
	StartedOn    time.Time `json:"startedOn,omitzero"`
	FinishedOn   time.Time `json:"finishedOn,omitzero"`
}

// ParseBuild reads the Build in s.
func ParseBuild(s *Statement) (*Build, error) { return nil, errNotYet }

// Validate names the field that makes b unusable.
func (b *Build) Validate() error { return errNotYet }

// Statement makes a Statement of b about subjects.
func (b *Build) Statement(subjects ...ResourceDescriptor) (*Statement, error) { return nil, errNotYet }

// A Change is one difference between two builds.
type Change struct {
	Field string `json:"field"` // source, toolchain, flags, parameter, dependency, environment …
	Name  string `json:"name"`  // which one: a module path, a JSON pointer
	Kind  string `json:"kind"`  // added, removed, changed, upgraded, downgraded
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// Diff explains the difference of two builds.
func Diff(a, b *Build) []Change { return nil }
