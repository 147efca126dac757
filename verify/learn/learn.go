package learn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// Options tune this package's functions. The zero Options are what they use
// without.
type Options struct {
	// At is the instant that is judged. Zero is the time of the call.
	At time.Time
	// Verify is what the Verifiers are made with.
	Verify verify.Options
}

// at is o with an instant.
func (o Options) at() Options {
	if o.At.IsZero() {
		o.At = time.Now()
	}
	return o
}

// A Release is one that is known to be good, with its evidence.
type Release struct {
	Name     string               // for messages: a path
	Artifact verify.Artifact      // required
	Digests  provenance.DigestSet // of the artifact, see provenance.Subjects; required
	Evidence []*sign.Bundle       // required
}

// A Width is how much wider than what was seen a rule is.
type Width string

// The widths.
const (
	Exact   Width = "exact"   // what every release said
	Choice  Width = "choice"  // one of what the releases said
	Pattern Width = "pattern" // what they have in common at the beginning
	Open    Width = "any"     // anything: it was not in every one, or they have nothing in common
)

// A Lesson is what one rule was learned from.
type Lesson struct {
	Rule  string   // JSON pointer into the policy
	Width Width    // how much wider than what was seen
	Seen  []string // what was seen, each once, in order; cut after ten
}

// A Learned is a policy and where it comes from.
type Learned struct {
	Policy  *verify.Policy
	From    []string // names of the releases
	Lessons []Lesson // by rule
}

// Policy writes the tightest policy that all the releases meet: exact where they
// agree, a choice or a pattern where they differ. It verifies each of them by it
// before it returns. It believes what t's principals signed.
func Policy(ctx context.Context, t *verify.Trust, name string, releases ...Release) (*Learned, error) {
	return Options{}.Policy(ctx, t, name, releases...)
}

// Policy is [Policy] with these Options.
func (o Options) Policy(ctx context.Context, t *verify.Trust, name string, releases ...Release) (*Learned, error) {
	o = o.at()
	if len(releases) == 0 {
		return nil, errors.New("nothing to learn from: no releases")
	}
	var all []*studied
	for _, r := range releases {
		s, err := o.study(ctx, t, r)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	p, err := generalise(all)
	if err != nil {
		return nil, err
	}
	p.Name = name
	if err := o.tighten(ctx, t, p, all); err != nil {
		return nil, err
	}
	return &Learned{Policy: p, From: names(all), Lessons: lessons(p, all)}, nil
}

func names(all []*studied) []string {
	var out []string
	for _, s := range all {
		out = append(out, s.Name)
	}
	return out
}

// generalise finds what the releases have in common.
func generalise(all []*studied) (*verify.Policy, error) {
	first := all[0]
	p := &verify.Policy{Version: 1, Examine: verify.ExamineRule{Mode: verify.ExamineRequired}}
	r := &p.Provenance
	r.BuildType, r.Level = first.build.BuildDefinition.BuildType, 3
	var signers [][]string
	for _, s := range all {
		if got := s.build.BuildDefinition.BuildType; got != r.BuildType {
			return nil, fmt.Errorf("%q and %q are built in different ways (%q and %q): learn a policy for each", first.Name, s.Name, r.BuildType, got)
		}
		signers = append(signers, s.signedBy)
	}
	r.SignedBy = quorum(signers)
	read, err := learnSource(r, all)
	if err != nil {
		return nil, err
	}
	r.Parameters = learnParameters(all, read)
	for _, kind := range slices.Sorted(maps.Keys(first.attestations)) {
		signers = nil
		for _, s := range all {
			if by, has := s.attestations[kind]; has {
				signers = append(signers, by)
			}
		}
		if len(signers) == len(all) {
			p.Attestations = append(p.Attestations, verify.AttestationRule{Type: kind, SignedBy: quorum(signers)})
		}
	}
	return p, nil
}

// optionalFacts may be absent from a Go binary, so a policy wants them only if
// every artifact has them.
func optionalFacts() []string {
	return []string{"vcs.revision", "vcs.modified", "tags", "ldflags", "cgo", "trimpath", "sbom"}
}

// tighten finds the highest level, the strictest examination and all facts that
// the releases still meet. The error says why they meet nothing.
func (o Options) tighten(ctx context.Context, t *verify.Trust, p *verify.Policy, all []*studied) error {
	meets := func() error { return o.meets(ctx, t, p, all) }
	err := meets()
	for ; err != nil && p.Provenance.Level > 1 && failsWith(err, verify.CodeLevel); err = meets() {
		p.Provenance.Level--
	}
	if err != nil { // an artifact that is no Go binary, or one that says too little
		p.Examine.Mode = verify.ExamineIfApplicable
		if err = meets(); err != nil {
			return err
		}
	}
	if p.Examine.Mode == verify.ExamineIfApplicable {
		return nil
	}
	for _, fact := range optionalFacts() {
		p.Examine.Facts = append(p.Examine.Facts, fact)
		if meets() != nil {
			p.Examine.Facts = p.Examine.Facts[:len(p.Examine.Facts)-1]
		}
	}
	return meets()
}

// failsWith reports whether a refusal has this code among its reasons.
func failsWith(err error, code verify.Code) bool {
	var no *verify.Error
	return errors.As(err, &no) && slices.ContainsFunc(no.Verdict.Failed(), func(f verify.Finding) bool { return f.Code == code })
}

// meets verifies all releases by p. That trust may want policies of this name to
// be signed is for whoever signs it.
func (o Options) meets(ctx context.Context, t *verify.Trust, p *verify.Policy, all []*studied) error {
	v, err := o.Verify.New(unsigned(t), p)
	if err != nil {
		return err
	}
	for _, s := range all {
		if _, err := v.Verify(ctx, verify.Request{Artifact: s.Artifact, At: o.At, Evidence: s.Evidence}); err != nil {
			return fmt.Errorf("no policy is met by this evidence: %w", err)
		}
	}
	return nil
}

// unsigned is t without its word on who signs policies: what is tried out here is
// not in force.
func unsigned(t *verify.Trust) *verify.Trust {
	if t == nil {
		return nil
	}
	own := *t
	own.Policies = nil
	return &own
}

// lessons say what p's rules were learned from.
func lessons(p *verify.Policy, all []*studied) []Lesson {
	var out []Lesson
	add := func(rule string, width Width, seen []string) {
		slices.Sort(seen)
		seen = slices.Compact(seen)
		if len(seen) > 10 {
			seen = append(seen[:10:10], fmt.Sprintf("%d more", len(seen)-10))
		}
		out = append(out, Lesson{Rule: rule, Width: width, Seen: seen})
	}
	each := func(of func(*studied) string) (seen []string) {
		for _, s := range all {
			seen = append(seen, of(s))
		}
		return seen
	}
	signers := func(q verify.Quorum) Width {
		if len(q.Of) > q.AtLeast {
			return Choice
		}
		return Exact
	}
	r := p.Provenance
	add("/provenance/buildType", Exact, []string{r.BuildType})
	add("/provenance/signedBy", signers(r.SignedBy), each(func(s *studied) string { return strings.Join(s.signedBy, " and ") }))
	pointers := sourcePointers(r.BuildType)
	text := func(pointer string) func(*studied) string {
		return func(s *studied) string {
			if v, ok := leavesOf(s.build)[pointer]; ok {
				return fmt.Sprint(v)
			}
			return "nothing"
		}
	}
	switch {
	case r.Source.Any:
		add("/provenance/source", Open, nil)
	case pointers != nil:
		width := Exact
		if r.Source.Repository == "any" {
			width = Open
		}
		add("/provenance/source/repository", width, each(text(pointers[0])))
		switch width = Exact; {
		case r.Source.Ref == "any":
			width = Open
		case strings.Contains(r.Source.Ref, "*"):
			width = Pattern
		}
		add("/provenance/source/ref", width, each(text(pointers[1])))
	}
	for _, pointer := range slices.Sorted(maps.Keys(r.Parameters)) {
		m, width := r.Parameters[pointer], Exact
		switch {
		case m.Any:
			width = Open
		case m.OneOf != nil:
			width = Choice
		}
		add("/provenance/parameters/"+strictjson.EscapePointer(pointer), width, each(text(pointer)))
	}
	for i, a := range p.Attestations {
		add(fmt.Sprintf("/attestations/%d", i), Exact, []string{a.Type})
		add(fmt.Sprintf("/attestations/%d/signedBy", i), signers(a.SignedBy), each(func(s *studied) string { return strings.Join(s.attestations[a.Type], " and ") }))
	}
	return out
}
