package verify

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// A takenBack is what revocations among the evidence take back. They can only
// add a no: that none is there means nothing, and none takes another one back.
//
// Whoever made something may take it back: its signers an attestation, its owner
// a key, who may sign as a builder that builder. The revokers of the trust file
// may take back everything, and besides them only those of a product its
// releases and their content.
type takenBack struct {
	all   []takenBackBy
	keys  map[string]takenBackBy // by key ID, the earliest of each
	noted []Finding              // what does not count, and why
}

// A takenBackBy is one revocation that somebody known signed.
type takenBackBy struct {
	*release.Revocation
	unit  *unit
	by    string // who may; "" if that is not known yet
	named bool   // trust names them for it, so they need no right of their own
}

func (t takenBackBy) String() string {
	since := ""
	if !t.Since.IsZero() {
		since = " since " + t.Since.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("taken back%s by %s: %s", since, t.by, t.Reason)
}

// isRevocation reports whether the unit says that it is a revocation. Only who
// spells its type with escapes has the whole of it read for that.
func isRevocation(u *unit) bool {
	payload := u.bundles[0].UnverifiedPayload()
	if !bytes.Contains(payload, []byte(release.RevocationType)) && !bytes.Contains(payload, []byte(`\`)) {
		return false
	}
	return claimedType(u) == release.RevocationType
}

// takenBack reads the revocations among the units, which have been authenticated
// and parsed. Key revocations take effect from here, the others where what they
// are about is met.
func (x *trustIndex) takenBack(units []*unit) *takenBack {
	t := &takenBack{keys: map[string]takenBackBy{}}
	for _, u := range units {
		aside := func(code Code, format string, args ...any) {
			t.noted = append(t.noted, Finding{Code: code, Status: Failed, Evidence: u.origin(), Message: fmt.Sprintf(format, args...)})
		}
		if len(u.signatories) == 0 {
			f := u.unsigned("")
			aside(f.Code, "a revocation that takes nothing back: %s", f.Message)
			continue
		}
		if u.statement == nil {
			aside(CodeStatement, "a revocation that takes nothing back: %v", u.parseErr)
			continue
		}
		r, err := release.ParseRevocation(u.statement)
		if err != nil {
			aside(CodePredicate, "a revocation that takes nothing back: %v", err)
			continue
		}
		one := takenBackBy{Revocation: r, unit: u}
		var named []string
		for _, name := range sortedKeys(u.signatories) {
			if slices.Contains(x.releases.Revokers, name) || r.Product != "" && slices.Contains(x.releases.Products[r.Product].Revokers, name) {
				named = append(named, name)
			}
		}
		if one.named = len(named) > 0; one.named {
			one.by = strings.Join(named, " and ")
		} else {
			one.by = x.own(one)
		}
		if one.by == "" && r.Kind != release.RevokeAttestation {
			aside(CodeSignature, "a revocation by %s, who may not take this back", strings.Join(sortedKeys(u.signatories), " and "))
			continue
		}
		t.all = append(t.all, one)
		if r.Kind == release.RevokeKey {
			if old, again := t.keys[r.Digest.Hex()]; !again || r.Since.Before(old.Since) {
				t.keys[r.Digest.Hex()] = one
			}
		}
	}
	return t
}

// key is the revocation of a key, nil if there is none.
func (t *takenBack) key(id string) *takenBackBy {
	if t == nil {
		return nil
	}
	if r, there := t.keys[id]; there {
		return &r
	}
	return nil
}

// own is who among its signers may revoke by their own right, as far as can be
// told without what is revoked.
func (x *trustIndex) own(r takenBackBy) string {
	for _, name := range sortedKeys(r.unit.signatories) {
		p := x.principals[name]
		switch r.Kind {
		case release.RevokeKey:
			if k := x.byID[r.Digest.Hex()]; k != nil && k.principal == p {
				return name
			}
		case release.RevokeBuilder:
			if slices.ContainsFunc(p.builderIDs, func(pattern string) bool { return matchPatternURL(pattern, r.Builder) }) {
				return name
			}
		}
	}
	return ""
}

// apply takes attestations back: then nobody signed them.
func (t *takenBack) apply(u *unit) {
	for _, r := range t.all {
		if r.Kind != release.RevokeAttestation || r.Digest != u.id {
			continue
		}
		if !r.named {
			for _, name := range sortedKeys(u.signatories) {
				if _, signed := r.unit.signatories[name]; signed && r.by == "" {
					r.by = name
				}
			}
			if r.by == "" {
				t.noted = append(t.noted, Finding{Code: CodeSignature, Status: Failed, Evidence: r.unit.origin(),
					Message: fmt.Sprintf("a revocation by %s, who may not take this back", strings.Join(sortedKeys(r.unit.signatories), " and "))})
				continue
			}
		}
		u.refusals = nil
		for _, name := range sortedKeys(u.signatories) {
			u.refusals = append(u.refusals, &refusal{CodeRevoked, name, fmt.Sprintf("what %s signed is %s", name, r)})
		}
		u.signatories = map[string]Signatory{}
		return
	}
}

// builder is the revocation that a build falls under, and why; nil if there is
// none. A build is older than the window only if a trusted time says so, or the
// instant that is judged: a stolen builder writes the date that it likes.
func (t *takenBack) builder(b *provenance.Build, trusted, at time.Time) *takenBackBy {
	for i, r := range t.all {
		if r.Kind != release.RevokeBuilder || r.Builder != b.RunDetails.Builder.ID {
			continue
		}
		other := false
		for component, version := range r.Versions {
			other = other || b.RunDetails.Builder.Version[component] != version
		}
		proven := at
		if !trusted.IsZero() && trusted.Before(at) {
			proven = trusted
		}
		before := !r.Since.IsZero() && proven.Before(r.Since)
		finished := b.RunDetails.Metadata.FinishedOn
		after := !r.Until.IsZero() && !proven.Before(r.Until) && !finished.Before(r.Until)
		if !other && !before && !after {
			return &t.all[i]
		}
	}
	return nil
}

// content is the finding that the artifact itself was erased, or that a release
// of it, whose record is among the evidence or which the ledger names, was taken
// back; nil if neither.
func (t *takenBack) content(digests provenance.DigestSet, units []*unit, status *release.Status) *Finding {
	for _, r := range t.all {
		f := &Finding{Code: CodeRevoked, Status: Failed, Evidence: r.unit.origin(), Got: r.String(), Remedy: CodeRevoked.Remedy()}
		switch {
		case !r.named:
		case r.Kind == release.Erase && provenance.Set(r.Digest).Match(digests) == provenance.Matched:
			f.Message, f.Want = "this content was erased", "content that may be kept"
			return f
		case r.Kind == release.RevokeRelease:
			if status != nil && status.Release.ID == r.Digest || slices.ContainsFunc(units, func(u *unit) bool { return isReleased(u, r.Digest) }) {
				f.Message, f.Want = "the release was revoked", "a release in force"
				return f
			}
		}
	}
	return nil
}

// isReleased reports whether the unit is the record of that release, and the
// artifact in it.
func isReleased(u *unit, id provenance.Digest) bool {
	if u.statement == nil || u.statement.PredicateType != release.ReleaseType || u.matched != provenance.Matched || len(u.signatories) == 0 {
		return false
	}
	r, err := release.ParseRelease(u.statement)
	return err == nil && r.ID() == id
}

// sortedNotes are the revocations that count for nothing, as evidence that was
// set aside.
func (t *takenBack) sortedNotes() []Finding {
	return setAside(sortedOnce(t.noted))
}

// authenticateAll finds out who signed each unit, revocations first: what they
// say of keys counts for all others.
func (v *Verifier) authenticateAll(ctx context.Context, units []*unit, at time.Time) (*takenBack, *Finding) {
	spent := &purse{left: maxSpent, shared: v.budget}
	one := func(u *unit) *Finding {
		if err := ctx.Err(); err != nil {
			return &Finding{Code: CodeCanceled, Status: Failed, Message: err.Error()}
		}
		u.authenticate(ctx, v.trust, v.authenticators, at, spent)
		if spent.empty {
			return overBudget("a signature to be checked")
		}
		if len(u.signatories) > 0 {
			u.statement, u.parseErr = provenance.Parse(u.bundles[0].UnverifiedPayload())
		}
		return nil
	}
	var revocations, others []*unit
	for _, u := range units {
		if !isRevocation(u) {
			others = append(others, u)
			continue
		}
		revocations = append(revocations, u)
		if f := one(u); f != nil {
			return nil, f
		}
	}
	taken := v.trust.takenBack(revocations)
	for _, u := range others {
		u.taken = taken
		if f := one(u); f != nil {
			return nil, f
		}
	}
	for _, u := range others {
		taken.apply(u)
	}
	return taken, nil
}
