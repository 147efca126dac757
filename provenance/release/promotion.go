package release

import (
	"fmt"
	"slices"

	"github.com/touchmark-go/touchmark/provenance"
)

// PromotionType is the predicate type of a [Promotion]. Its document is
// docs/predicates/promotion/v1.md.
const PromotionType = "https://github.com/touchmark-go/touchmark/predicates/promotion/v1"

// A Promotion moves an environment or a channel on to a release: by digests,
// under a policy whose verdict was signed.
//
// The zero Promotion is invalid. A Promotion is plain data.
type Promotion struct {
	Product string            // required
	Release provenance.Digest // the [Release.ID]. Required
	// Subjects are all artifacts of the release, and of the statement. Required,
	// so that whoever reads the record sees what it was that moved.
	Subjects []provenance.ResourceDescriptor
	From     string // the stage that it comes from, or empty if To is a first one
	To       string // the stage that it enters. Required, and not From
	// Replaces is the [Release.ID] of what To was at, when this was signed; zero if
	// it was at nothing. If it is at another by now, nothing is promoted: what
	// happened meanwhile, a rollback above all, is not undone by accident.
	Replaces provenance.Digest
	Policy   provenance.Digest // verify.Policy.Digest of the target's own policy. Required
	VSA      provenance.Digest // the ID of the signed verdict that it passed. Required
	// Approvals are bundle IDs of the [Approval] records that it rests on. They
	// stand in the log before it.
	Approvals []provenance.Digest
	// Tags are names that this promotion binds to the first artifact, for ever:
	// "1.4.0-prod". If one of them is bound to another one, nothing is promoted.
	Tags []string
	// Hotfix asks for the short way: fewer approvals now, the rest owed.
	Hotfix bool
	Reason string // in the person's own words; required of a hotfix
}

type promotion struct {
	Product   string              `json:"product"`
	Release   provenance.Digest   `json:"release"`
	From      string              `json:"from,omitempty"`
	To        string              `json:"to"`
	Replaces  provenance.Digest   `json:"replaces,omitzero"`
	Policy    provenance.Digest   `json:"policy"`
	VSA       provenance.Digest   `json:"vsa"`
	Approvals []provenance.Digest `json:"approvals,omitempty"`
	Tags      []string            `json:"tags,omitempty"`
	Hotfix    bool                `json:"hotfix,omitempty"`
	Reason    string              `json:"reason,omitempty"`
}

const maxTags = 64 // bound by one promotion

// Validate reports what makes p unusable.
func (p Promotion) Validate() error {
	errs := []error{
		checkProduct("/product", p.Product),
		checkSHA256("/release", p.Release, "a release"),
		checkSubjects(p.Subjects),
		checkText("/from", p.From, maxEnvironment),
		checkEnvironment("/to", p.To),
		checkSHA256("/policy", p.Policy, "a policy"),
		checkSHA256("/vsa", p.VSA, "a verdict"),
		checkIDs("/approvals", p.Approvals),
		checkReason(p.Reason, p.Hotfix),
	}
	if !p.Replaces.IsZero() {
		errs = append(errs, checkSHA256("/replaces", p.Replaces, "a release"))
	}
	if p.From == p.To {
		errs = append(errs, fmt.Errorf("/from and /to are both %q, want a move", p.To))
	}
	if p.Replaces == p.Release {
		errs = append(errs, fmt.Errorf("/replaces and /release are the same"))
	}
	if len(p.Tags) > maxTags {
		errs = append(errs, fmt.Errorf("/tags has %d members, want at most %d", len(p.Tags), maxTags))
	}
	for i, t := range p.Tags {
		errs = append(errs, checkTag("/tags", t))
		if slices.Contains(p.Tags[:i], t) {
			errs = append(errs, fmt.Errorf("/tags has %q twice", t))
		}
	}
	return prefixed("promotion", errs...)
}

// Statement returns the promotion as a statement to sign. One that is not valid
// gives a statement without a subject, which nobody can sign or marshal.
func (p Promotion) Statement() *provenance.Statement {
	return statement(PromotionType, p.Validate(), promotion{p.Product, p.Release, p.From, p.To, p.Replaces, p.Policy, p.VSA, p.Approvals, p.Tags, p.Hotfix, p.Reason}, p.Subjects...)
}

// ParsePromotion reads the Promotion in s: a Statement v1 of exactly
// [PromotionType], and no member that the document does not name.
func ParsePromotion(s *provenance.Statement) (*Promotion, error) {
	var in promotion
	if err := open(s, "promotion", PromotionType, &in); err != nil {
		return nil, err
	}
	p := &Promotion{in.Product, in.Release, s.Subject, in.From, in.To, in.Replaces, in.Policy, in.VSA, in.Approvals, in.Tags, in.Hotfix, in.Reason}
	if len(p.Approvals) == 0 {
		p.Approvals = nil
	}
	if len(p.Tags) == 0 {
		p.Tags = nil
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}
