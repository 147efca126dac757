package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// PolicySchema is the schema member of a policy file, and PolicyType the
// payload type under which one is signed.
const (
	PolicySchema = "https://github.com/touchmark-go/touchmark/policy/v1"
	PolicyType   = "application/vnd.touchmark.policy+json"
)

// A Policy says what must be proven about an artifact before it is accepted.
//
// The zero Policy accepts nothing, and is invalid: what a policy does not want
// must be written in it as "any". A Policy is plain data; [New] copies it.
type Policy struct {
	Version      int               // counts up from 1
	Name         string            // for verdicts
	Package      string            // a purl without version, or an image name; one with /* behind it for all directly below; "any" for every package; empty if the policy is for whatever it is given, by no name
	Environment  string            // empty if the policy is for every environment
	Examine      ExamineRule       // whether the artifact is opened
	Provenance   ProvenanceRule    // how it must have been made
	Attestations []AttestationRule // what else must be attested; all of them
	Dependencies *DependencyRules  // what is wanted of what it was made from; nil asks nothing
	Approvals    []Quorum          // how many of whom must approve; persons only, and nobody fills two places
	Release      *ReleaseRule      // nil if no ledger is asked
	Exceptions   *ExceptionRule    // nil if there are none

	signed *signedPolicy // by whom, if [PolicyReader] read it; believed only while the digest is still that
}

// An ExamineMode says whether a Go binary is held against its evidence.
type ExamineMode string

// The modes. The zero mode is invalid.
const (
	ExamineRequired     ExamineMode = "required"      // it must be a Go binary whose path, modules, platform and toolchain agree
	ExamineIfApplicable ExamineMode = "if-applicable" // if it is one, nothing in it may contradict the evidence
	ExamineOff          ExamineMode = "off"
)

// An ExamineRule is a mode, and the facts that must be there and agree:
// "vcs.revision", "vcs.modified", "tags", "ldflags", "sbom" and the like, the
// codes below examine/ without that prefix.
type ExamineRule struct {
	Mode  ExamineMode // one of the three
	Facts []string    // that must be there; empty demands none beyond the mode
}

// AnyLevel is the Level of a [ProvenanceRule] that wants none: every builder
// that trust knows will do.
const AnyLevel = -1

// A ProvenanceRule says how the artifact must have been made.
type ProvenanceRule struct {
	SignedBy   Quorum             // at least one of who counts must be paired with the builder in trust
	Level      int                // SLSA build level, 1 to 3, or AnyLevel; 0 is invalid
	BuildType  string             // exact; "any" is any
	Source     SourceRule         // what it must have been built from
	Parameters map[string]Matcher // by JSON pointer into externalParameters; what is not named is refused
	MaxAge     time.Duration      // zero is any age
	Types      []string           // predicate types; empty is SLSA Provenance v1 alone
}

// A SourceRule says what it must have been built from. The build type says
// where provenance holds it.
type SourceRule struct {
	Any        bool           // wants nothing; then nothing else is set
	Repository string         // an https URL; "any" is any
	Ref        string         // in full, * in the last segment; "any" is any
	Dirty      bool           // accept uncommitted changes
	Summary    *SourceSummary // of the commit that was built; nil asks for none
}

// An AttestationRule wants one more attestation about the artifact.
type AttestationRule struct {
	Type      string             // predicate type, exact
	SignedBy  Quorum             // who must have signed it
	MaxAge    time.Duration      // zero is any age
	Predicate map[string]Matcher // by JSON pointer; what is not named may be anything
	Where     string             // CEL over the predicate, for loops; needs Options.Conditions
	Fields    json.RawMessage    // what a predicate of a type that is not known may hold, for Where: see docs/policy.md; nil if it is known
	Summary   *SummaryRule       // what a verification summary must say; needed of one, and nil of every other type
	SBOM      *SBOMRule          // what must stand in an SBOM; nil asks nothing of it
}

// A ReleaseRule asks the ledger.
type ReleaseRule struct {
	Product    string        // the ledger's name for it
	From       string        // the environment that it must have been promoted to before; empty is none
	Soak       time.Duration // how long it must have been there
	MaxHeadAge time.Duration // how old the ledger's head may be; zero is any age
	Witnesses  int           // how many witnesses must have cosigned the head
}

// ParsePolicy reads a policy file. The error is a [*ConfigError] that names the
// line; a member that is not in the schema is one, and so is one that is left
// out where "any" must be written to want nothing.
func ParsePolicy(data []byte) (*Policy, error) {
	l := &loader{code: CodePolicyInvalid, data: data}
	if len(data) > maxConfig {
		return nil, &ConfigError{Code: CodePolicyInvalid, Msg: fmt.Sprintf("%d bytes are more than the %d that a policy may have", len(data), maxConfig)}
	}
	var in policyFile
	if err := l.decode("", data, &in); err != nil {
		return nil, err
	}
	l.name = in.Name
	p, err := l.policy(&in)
	if err != nil {
		return nil, err
	}
	if err := l.spelledOut(policyValues); err != nil {
		return nil, err
	}
	return p, nil
}

// Digest is the SHA-256 of the RFC 8785 form of the decoded policy: two files
// that say the same have one digest. Approvals name it. It is zero if p cannot
// be written.
func (p *Policy) Digest() provenance.Digest { return canonicalDigest(p.Marshal()) }

// Warnings are the places where the policy wants nothing, or less than it may
// seem to.
func (p *Policy) Warnings() []string {
	var w []string
	add := func(pointer, what string) { w = append(w, pointer+": "+what) }
	if p.Package == "any" {
		add("/package", "any: it is for every package")
	} else if strings.HasSuffix(p.Package, "/*") {
		add("/package", p.Package+": it is for every package directly below")
	}
	if p.Examine.Mode != ExamineRequired {
		add("/examine", fmt.Sprintf("%s: the artifact is not opened, or need not be a Go binary", p.Examine.Mode))
	}
	r := p.Provenance
	if r.SignedBy.Any {
		add("/provenance/signedBy", "any: every principal of the trust file may sign it")
	}
	if r.Level == AnyLevel {
		add("/provenance/level", "any: every builder that trust knows may build it")
	}
	if r.BuildType == "any" {
		add("/provenance/buildType", "any: it may be built in every way")
	}
	if r.Source.Any || r.Source.Repository == "any" {
		add("/provenance/source", "any: it may be built from every repository")
	}
	if r.Source.Ref == "any" {
		add("/provenance/source/ref", "any: it may be built from every branch")
	}
	if r.Source.Dirty {
		add("/provenance/source/dirty", "uncommitted changes are accepted")
	}
	for _, pointer := range slices.Sorted(maps.Keys(r.Parameters)) {
		if r.Parameters[pointer].Any {
			add("/provenance/parameters/"+strictjson.EscapePointer(pointer), "any: these parameters may be anything")
		}
	}
	if p.Dependencies != nil {
		for i, d := range p.Dependencies.Rules {
			if d.Accept {
				add(fmt.Sprintf("/dependencies/rules/%d", i), "accept: nothing is asked of these dependencies")
			}
		}
	}
	for i, a := range p.Attestations {
		if a.SignedBy.Any {
			add(fmt.Sprintf("/attestations/%d/signedBy", i), "any: every principal of the trust file may sign it")
		}
		if string(a.Fields) == `"any"` {
			add(fmt.Sprintf("/attestations/%d/fields", i), "any: a misspelt member of the condition is noticed only when it is evaluated")
		}
		if a.SBOM != nil {
			a.SBOM.warnings(fmt.Sprintf("/attestations/%d/sbom", i), add)
		}
		if a.Type == sbom.PredicateType && p.Examine.Mode == ExamineOff {
			add(fmt.Sprintf("/attestations/%d", i), "the SBOM is not held against the artifact, because examine is off")
		}
	}
	if p.Exceptions != nil {
		for i, rule := range p.Exceptions.Rules {
			add(fmt.Sprintf("/exceptions/rules/%d", i), fmt.Sprintf("%s may be waived for up to %s by %s", rule, formatDuration(p.Exceptions.For), p.Exceptions.ApprovedBy))
		}
	}
	return w
}
