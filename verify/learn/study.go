package learn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// A studied is what one release's evidence says, as far as trust believes it.
type studied struct {
	Release
	build        *provenance.Build
	signedBy     []string            // the principals behind build
	attestations map[string][]string // predicate type to the principals behind it
}

// study reads the evidence of one release.
func (o Options) study(ctx context.Context, t *verify.Trust, r Release) (*studied, error) {
	out := &studied{Release: r, attestations: map[string][]string{}}
	var why []string // no evidence counted
	for _, s := range o.believed(ctx, t, r, &why) {
		if !slices.ContainsFunc(s.statement.Subject, func(d provenance.ResourceDescriptor) bool { return d.Digest.Match(r.Digests) == provenance.Matched }) {
			why = append(why, "a statement is about something else")
			continue
		}
		if err := out.take(t, s); err != nil {
			return nil, fmt.Errorf("evidence of %q: %w", r.Name, err)
		}
	}
	if out.build == nil {
		if len(why) == 0 {
			why = []string{"there is none"}
		}
		return nil, fmt.Errorf("nothing to learn from %q: no provenance of it that the trust file believes: %s", r.Name, strings.Join(slices.Compact(why), "; "))
	}
	return out, nil
}

// A signed is a statement, and which principals of the trust file signed it.
type signed struct {
	statement *provenance.Statement
	by        []string
}

// believed are the statements that somebody whom t knows has signed. The same
// statement, signed apart, is one.
func (o Options) believed(ctx context.Context, t *verify.Trust, r Release, why *[]string) []signed {
	byID := map[provenance.Digest]int{}
	var out []signed
	for _, b := range r.Evidence {
		a, err := o.Verify.Authenticate(ctx, t, b, o.At)
		if err != nil {
			*why = append(*why, err.Error())
			continue
		}
		if a.PayloadType != provenance.PayloadType {
			continue
		}
		s, err := provenance.Parse(a.Payload)
		if err != nil {
			*why = append(*why, err.Error())
			continue
		}
		i, known := byID[a.ID]
		if !known {
			i = len(out)
			byID[a.ID] = i
			out = append(out, signed{statement: s})
		}
		for _, who := range a.Signatories {
			out[i].by = append(out[i].by, who.Principal)
		}
	}
	for i := range out {
		slices.Sort(out[i].by)
		out[i].by = slices.Compact(out[i].by)
	}
	return out
}

// take adds what a statement about the artifact says.
func (s *studied) take(t *verify.Trust, said signed) error {
	switch said.statement.PredicateType {
	case release.ApprovalType, release.ExceptionType, release.RevocationType: // for one release: the next one has its own
		return nil
	case provenance.SLSAProvenanceV02, provenance.SLSAProvenanceV01: // counts only where a policy lists it
		return nil
	case provenance.SLSAProvenanceV1:
		if !slices.ContainsFunc(said.by, func(name string) bool { return len(t.Principals[name].Builders) > 0 }) {
			return nil // nobody who may vouch for a build
		}
		b, err := provenance.ParseBuild(said.statement)
		if err != nil {
			return err
		}
		if s.build != nil && len(provenance.Diff(s.build, b)) > 0 {
			return errors.New("it holds several provenances that differ: leave the one to learn from")
		}
		s.build, s.signedBy = b, said.by
	default:
		s.attestations[said.statement.PredicateType] = said.by
	}
	return nil
}
