package learn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/verify"
)

// A Mutant is a policy of which one rule wants nothing any more.
type Mutant struct {
	Rule   string // JSON pointer to it
	What   string // what was done to it, in words
	Policy *verify.Policy
}

// Mutants are the policies that p becomes if each of its rules in turn wants
// nothing, or one person less.
func Mutants(p *verify.Policy) ([]Mutant, error) {
	if _, err := verify.ParsePolicy(p.Marshal()); err != nil {
		return nil, err
	}
	var out []Mutant
	add := func(rule, what string, change func(*verify.Policy)) {
		m, err := verify.ParsePolicy(p.Marshal()) // a copy of all of it
		if err != nil {
			return // it was read above
		}
		change(m)
		if m, err = verify.ParsePolicy(m.Marshal()); err == nil { // else it is no policy, and nothing to be noticed
			out = append(out, Mutant{rule, what, m})
		}
	}
	if p.Examine.Mode != verify.ExamineOff {
		add("/examine", "off", func(m *verify.Policy) {
			m.Examine = verify.ExamineRule{Mode: verify.ExamineOff}
			for i := range m.Attestations {
				if s := m.Attestations[i].SBOM; s != nil {
					s.Modules = "any"
				}
			}
		})
	}
	for i, fact := range p.Examine.Facts {
		add(fmt.Sprintf("/examine/facts/%d", i), "without "+fact, func(m *verify.Policy) { m.Examine.Facts = slices.Delete(m.Examine.Facts, i, i+1) })
	}
	r := p.Provenance
	quorums(add, "/provenance/signedBy", r.SignedBy, func(m *verify.Policy) *verify.Quorum { return &m.Provenance.SignedBy })
	if r.Level > 0 {
		add("/provenance/level", "any", func(m *verify.Policy) { m.Provenance.Level = verify.AnyLevel })
	}
	if r.BuildType != "any" {
		add("/provenance/buildType", "any", func(m *verify.Policy) { m.Provenance.BuildType = "any" })
	}
	if s := r.Source; !s.Any {
		if s.Repository != "any" {
			add("/provenance/source/repository", "any", func(m *verify.Policy) { m.Provenance.Source.Repository = "any" })
		}
		if s.Ref != "any" {
			add("/provenance/source/ref", "any", func(m *verify.Policy) { m.Provenance.Source.Ref = "any" })
		}
		if !s.Dirty {
			add("/provenance/source/dirty", "true", func(m *verify.Policy) { m.Provenance.Source.Dirty = true })
		}
	}
	for _, pointer := range slices.Sorted(maps.Keys(r.Parameters)) {
		if !r.Parameters[pointer].Any {
			add("/provenance/parameters/"+strictjson.EscapePointer(pointer), "any", func(m *verify.Policy) { m.Provenance.Parameters[pointer] = verify.Matcher{Any: true} })
		}
	}
	if _, open := r.Parameters[""]; !open {
		add("/provenance/parameters", "parameters that are not named", func(m *verify.Policy) { m.Provenance.Parameters[""] = verify.Matcher{Any: true} })
	}
	if r.MaxAge != 0 {
		add("/provenance/maxAge", "any age", func(m *verify.Policy) { m.Provenance.MaxAge = 0 })
	}
	for i := range p.Attestations {
		attestation(add, i, &p.Attestations[i])
	}
	for i, q := range p.Approvals {
		at := fmt.Sprintf("/approvals/%d", i)
		add(at, "none", func(m *verify.Policy) { m.Approvals = slices.Delete(m.Approvals, i, i+1) })
		if q.AtLeast > 1 {
			add(at+"/atLeast", "one less", func(m *verify.Policy) { m.Approvals[i].AtLeast-- })
		}
	}
	if rel := p.Release; rel != nil {
		if rel.Soak != 0 {
			add("/release/soak", "none", func(m *verify.Policy) { m.Release.Soak = 0 })
		}
		if rel.MaxHeadAge != 0 {
			add("/release/maxHeadAge", "any age", func(m *verify.Policy) { m.Release.MaxHeadAge = 0 })
		}
		if rel.Witnesses != 0 {
			add("/release/witnesses", "none", func(m *verify.Policy) { m.Release.Witnesses = 0 })
		}
	}
	return out, nil
}

type adder = func(rule, what string, change func(*verify.Policy))

// quorums makes mutants of a quorum: anybody, and one person less.
func quorums(add adder, at string, q verify.Quorum, of func(*verify.Policy) *verify.Quorum) {
	if q.Any {
		return
	}
	add(at, "any", func(m *verify.Policy) { *of(m) = verify.Quorum{Any: true} })
	if q.AtLeast > 1 {
		add(at+"/atLeast", "one less", func(m *verify.Policy) { of(m).AtLeast-- })
	}
	for i := range q.And {
		add(fmt.Sprintf("%s/and/%d", at, i), "none", func(m *verify.Policy) { of(m).And = slices.Delete(of(m).And, i, i+1) })
	}
}

// attestation makes mutants of one attestation rule.
func attestation(add adder, i int, a *verify.AttestationRule) {
	at := fmt.Sprintf("/attestations/%d", i)
	on := func(rule, what string, change func(*verify.AttestationRule)) {
		add(at+rule, what, func(m *verify.Policy) { change(&m.Attestations[i]) })
	}
	add(at, "none", func(m *verify.Policy) {
		m.Attestations = slices.Delete(m.Attestations, i, i+1)
		if e := m.Exceptions; e != nil { // their numbers have changed
			e.Rules = slices.DeleteFunc(e.Rules, func(rule string) bool { return strings.HasPrefix(rule, "/attestations/") })
			if len(e.Rules) == 0 {
				m.Exceptions = nil
			}
		}
	})
	quorums(add, at+"/signedBy", a.SignedBy, func(m *verify.Policy) *verify.Quorum { return &m.Attestations[i].SignedBy })
	if a.MaxAge != 0 {
		on("/maxAge", "any age", func(a *verify.AttestationRule) { a.MaxAge = 0 })
	}
	for _, pointer := range slices.Sorted(maps.Keys(a.Predicate)) {
		if !a.Predicate[pointer].Any {
			on("/predicate/"+strictjson.EscapePointer(pointer), "any", func(a *verify.AttestationRule) { a.Predicate[pointer] = verify.Matcher{Any: true} })
		}
	}
	if a.Where != "" {
		on("/where", "none", func(a *verify.AttestationRule) { a.Where, a.Fields = "", nil })
	}
	if s := a.SBOM; s != nil {
		if s.Complete != "" && s.Complete != "any" {
			on("/sbom/complete", "any", func(a *verify.AttestationRule) { a.SBOM.Complete = "any" })
		}
		if len(s.Profiles) > 0 && s.Profiles[0] != "any" {
			on("/sbom/profiles", "any", func(a *verify.AttestationRule) { a.SBOM.Profiles = []sbom.Profile{"any"} })
		}
		if s.Licenses != nil && !s.Licenses.Any {
			on("/sbom/licenses", "any", func(a *verify.AttestationRule) { a.SBOM.Licenses = &verify.LicenseRule{Any: true} })
		}
		if s.Packages != nil && !s.Packages.Any {
			on("/sbom/packages", "any", func(a *verify.AttestationRule) { a.SBOM.Packages = &verify.PackageRule{Any: true} })
		}
		if s.Modules == "exact" {
			on("/sbom/modules", "any", func(a *verify.AttestationRule) { a.SBOM.Modules = "any" })
		}
	}
}

// Mutate returns the mutants of p that no case notices: each is a rule that could
// be taken away, and the cases would still pass. It also returns how many mutants
// there are. The cases must all pass by p alone, and one of them must be allowed.
//
// Approvals and exceptions count for a mutant as they do for p.
func Mutate(ctx context.Context, t *verify.Trust, p *verify.Policy, cases ...Case) (missed []Mutant, of int, err error) {
	return Options{}.Mutate(ctx, t, p, cases...)
}

// Mutate is [Mutate] with these Options.
func (o Options) Mutate(ctx context.Context, t *verify.Trust, p *verify.Policy, cases ...Case) (missed []Mutant, of int, err error) {
	o = o.at()
	t = unsigned(t)
	v, err := o.Verify.New(t, p)
	if err != nil {
		return nil, 0, err
	}
	allowed := false
	for _, c := range cases {
		if r := o.run(ctx, v, c); r.Wrong != "" {
			return nil, 0, fmt.Errorf("case %q: %s", c.Name, r.Wrong)
		}
		allowed = allowed || c.Want == verify.Allow
	}
	if !allowed {
		return nil, 0, errors.New("no case is allowed: whatever denies everything would pass")
	}
	mutants, err := Mutants(p)
	if err != nil {
		return nil, 0, err
	}
	options := o.Verify
	options.InsecureApprovedAs = p.Digest()
	for _, m := range mutants {
		v, err := options.New(t, m.Policy)
		if err != nil {
			continue // it could not be used at all
		}
		of++
		if !slices.ContainsFunc(cases, func(c Case) bool { return o.run(ctx, v, c).Wrong != "" }) {
			missed = append(missed, m)
		}
	}
	return missed, of, nil
}
