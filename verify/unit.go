package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// A refusal is why a signature that is sound, or that somebody vouched for,
// still does not count.
type refusal struct {
	code      Code
	principal string
	message   string
}

// A unit is all evidence with one ID: one payload, whoever signed it, pooled
// from all bundles. It is what rules are held against.
type unit struct {
	id          provenance.Digest
	bundles     []*sign.Bundle // at least one
	signatories map[string]Signatory
	refusals    []*refusal
	strangers   []string // identities that are vouched for and that trust does not know
	limit       bool     // too many keys were tried

	taken *takenBack // what revocations say of keys; nil if there are none to know of

	statement *provenance.Statement // nil until parsed
	parseErr  error
	matched   provenance.Match // of the artifact
	claimed   *string          // see claimedType; nil until read
}

// countKey counts the principal of a key that made a signature, if the key
// held at the time that is known of it: the trusted time, else at.
func (u *unit) countKey(k *trustedKey, trusted, at time.Time) {
	refuse := func(code Code, format string, args ...any) {
		u.refusals = append(u.refusals, &refusal{code: code, principal: k.principal.name, message: fmt.Sprintf(format, args...)})
	}
	when, how, early := at, "and nothing trusted says that it signed before", ""
	if !trusted.IsZero() {
		when, how = trusted, "and it signed "+trusted.UTC().Format(time.RFC3339)
		early = ", " + how
	}
	switch {
	case trusted.After(at.Add(maxSkew)):
		refuse(CodeTrustedTime, "%s's key %s… signed %s, after the instant that is judged", k.principal.name, k.id[:12], trusted.UTC().Format(time.RFC3339))
	case !k.NotBefore.IsZero() && when.Before(k.NotBefore):
		refuse(CodeKeyPolicy, "%s's key %s… is not valid before %s%s", k.principal.name, k.id[:12], k.NotBefore.UTC().Format(time.RFC3339), early)
	case !k.NotAfter.IsZero() && !when.Before(k.NotAfter):
		refuse(CodeTrustedTime, "%s's key %s… ended %s, %s", k.principal.name, k.id[:12], k.NotAfter.UTC().Format(time.RFC3339), how)
	case k.Revoked != nil && !when.Before(k.Revoked.At):
		why := ""
		if k.Revoked.Reason != "" {
			why = " (" + k.Revoked.Reason + ")"
		}
		refuse(CodeTrustedTime, "%s's key %s… is revoked since %s%s, %s", k.principal.name, k.id[:12], k.Revoked.At.UTC().Format(time.RFC3339), why, how)
	case u.taken.key(k.id) != nil && !when.Before(u.taken.key(k.id).Since):
		refuse(CodeTrustedTime, "%s's key %s… is %s, %s", k.principal.name, k.id[:12], u.taken.key(k.id), how)
	default:
		u.count(Signatory{Principal: k.principal.name, Kind: k.principal.kind, KeyID: k.id, Time: trusted})
	}
}

// countIdentity counts the principal that an identity belongs to. One that
// would belong to several belongs to nobody.
func (u *unit) countIdentity(x *trustIndex, id Identified, at time.Time) {
	var owners []string
	for name, p := range x.principals {
		if slices.ContainsFunc(p.identities, id.is) {
			owners = append(owners, name)
		}
	}
	slices.Sort(owners)
	switch len(owners) {
	case 0:
		u.strangers = append(u.strangers, id.String())
	case 1:
		p := x.principals[owners[0]]
		if id.Time.After(at.Add(maxSkew)) {
			u.refusals = append(u.refusals, &refusal{CodeTrustedTime, p.name, fmt.Sprintf("%s signed %s, after the instant that is judged", id, id.Time.UTC().Format(time.RFC3339))})
			return
		}
		u.count(Signatory{Principal: p.name, Kind: p.kind, Identity: id.String(), Time: id.Time, Source: id.Source})
	default:
		u.refusals = append(u.refusals, &refusal{code: CodeKeyPolicy, message: fmt.Sprintf("%s belongs to several principals: %s", id, strings.Join(owners, ", "))})
	}
}

// count counts a principal once. Of several signatures the one with the
// earliest trusted time is kept.
func (u *unit) count(s Signatory) {
	if old, again := u.signatories[s.Principal]; again && (s.Time.IsZero() || !old.Time.IsZero() && !s.Time.Before(old.Time)) {
		return
	}
	u.signatories[s.Principal] = s
}

// sorted lists who signed, by name.
func (u *unit) sorted() []Signatory {
	out := make([]Signatory, 0, len(u.signatories))
	for _, name := range sortedKeys(u.signatories) {
		out = append(out, u.signatories[name])
	}
	return out
}

// origin says where the evidence stands.
func origin(b *sign.Bundle) string {
	if b.Origin != "" {
		return b.Origin
	}
	return short(b.ID())
}

// origin is origin of the unit's first bundle, whose ID is not hashed again for
// each finding. Inlined, it would make the smallest program that verifies 60 KB larger.
//
//go:noinline
func (u *unit) origin() string {
	if o := u.bundles[0].Origin; o != "" {
		return o
	}
	return short(u.id)
}

// unreadable is the finding about a bundle that could not be read.
func unreadable(b *sign.Bundle) Finding {
	code := CodeEnvelope
	switch {
	case errors.Is(b.Err, sign.ErrLimit):
		code = CodeLimit
	case errors.Is(b.Err, sign.ErrUnsupported):
		code = CodeUnsupported
	case authenticatorCode(b.Err) != CodeSignature: // who made the bundle says what it is
		code = authenticatorCode(b.Err)
	}
	return Finding{Code: code, Status: Failed, Evidence: b.Origin, Message: b.Err.Error(), Remedy: code.Remedy()}
}

// unsigned is the finding that nobody known signed the unit.
func (u *unit) unsigned(rule string) Finding {
	f := Finding{Code: CodeSignature, Status: Failed, Rule: rule, Evidence: u.origin(), Message: "no trusted key made this signature", Want: "a signature by a principal of the trust file", Got: "none that holds"}
	switch {
	case len(u.refusals) > 0:
		f.Code, f.Message, f.Want, f.Got = u.refusals[0].code, "a signature that does not count", "a key that holds now, or held at a trusted time", u.refusals[0].message
		if f.Code == CodeRevoked {
			f.Message, f.Want = "it was taken back", "evidence that nobody took back"
			f.Remedy = "do not use it: have it made and signed again, and find out what was wrong with it"
		} else if u.refusals[0].principal == "" && f.Code != CodeKeyPolicy { // an Authenticator's
			f.Message, f.Want = "it does not hold", "evidence that holds"
		} else if u.refusals[0].principal == "" {
			f.Want, f.Remedy = "an identity of one principal", "narrow the identities in the trust file until one principal alone fits"
		}
	case len(u.strangers) > 0:
		f.Remedy = "if it may sign, add the identity to the trust file after review; else find out who signed"
		f.Code, f.Message, f.Want, f.Got = CodeMissingEvidence, "signed by an identity that trust does not know", "an identity of the trust file", u.strangers[0]
	case u.limit:
		f.Code, f.Message, f.Want, f.Got = CodeLimit, "too many keys to try", fmt.Sprintf("at most %d tries", maxTries), "more"
	case len(u.bundles[0].Signatures) == 0:
		f.Message, f.Got = "nobody signed it", "no signature"
	}
	if f.Remedy == "" {
		f.Remedy = f.Code.Remedy()
	}
	return f
}
