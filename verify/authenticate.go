package verify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// An Authenticator checks evidence that a public key alone cannot: certificates,
// logs and timestamps. It is the seam for other packages; implementations must
// be safe for concurrent use.
type Authenticator interface {
	// Accepts reports whether it can check signatures by this identity.
	Accepts(Identity) bool
	// Authenticate checks the signatures of b that carry a certificate, a log
	// entry or a timestamp, and returns what it vouches for. A signature that it
	// cannot vouch for is left out; an error says that b is not to be believed.
	Authenticate(ctx context.Context, b *sign.Bundle, at time.Time) ([]Identified, error)
}

// An Identified is what an [Authenticator] vouches for: that the signature was
// made by this identity, or, if Issuer is empty, only that it existed at Time.
type Identified struct {
	Signature int // index into Bundle.Signatures
	Authority string
	Issuer    string
	Workflow  string // URL@REF
	Email     string
	URI       string
	Time      time.Time // trusted; zero if there is none
}

// A Signatory is one principal whose signature counts.
type Signatory struct {
	Principal string
	Kind      Kind
	KeyID     string    // hex SHA-256 of the public key; empty if an identity signed
	Identity  string    // what the certificate said; empty if a key signed
	Time      time.Time // trusted; zero if there is none
}

// An Authenticated is a payload of which it is known who signed it. What it
// says has not been looked at.
type Authenticated struct {
	ID          provenance.Digest // of the bundle: SHA-256 of the PAE
	PayloadType string
	Payload     []byte      // the very bytes that were signed
	Signatories []Signatory // distinct principals, sorted by name; at least one
}

// Authenticate finds out which of t's principals signed b, as of at; zero is
// the time of this call. The caller compares PayloadType before it reads
// Payload. The error is an [*Error].
func Authenticate(ctx context.Context, t *Trust, b *sign.Bundle, at time.Time) (*Authenticated, error) {
	return Options{}.Authenticate(ctx, t, b, at)
}

// Authenticate is [Authenticate] with o's Authenticators.
func (o Options) Authenticate(ctx context.Context, t *Trust, b *sign.Bundle, at time.Time) (*Authenticated, error) {
	if at.IsZero() {
		at = time.Now()
	}
	verdict := &Verdict{At: at}
	refuse := func(f Finding) (*Authenticated, error) {
		verdict.Findings = append(verdict.Findings, f)
		_, err := verdict.result()
		return nil, err
	}
	index, err := t.index()
	if err != nil {
		return refuse(Finding{Code: CodeTrustInvalid, Status: Failed, Message: err.Error()})
	}
	verdict.Trust = index.ref
	if b == nil {
		return refuse(Finding{Code: CodeEnvelope, Status: Failed, Message: "no bundle", Remedy: CodeEnvelope.remedy()})
	}
	verdict.Artifact = origin(b)
	if f := index.expired(at); f != nil {
		return refuse(*f)
	}
	u := &unit{id: b.ID(), bundles: []*sign.Bundle{b}}
	if b.Err != nil {
		return refuse(unreadable(b))
	}
	if b.PAE() != nil && !signedAs(b) {
		return refuse(Finding{Code: CodePayloadType, Status: Failed, Evidence: origin(b), Message: "its payload type is not the one that was signed", Got: b.PayloadType, Remedy: CodePayloadType.remedy()})
	}
	if b.PAE() == nil {
		return refuse(Finding{Code: CodePayloadType, Status: Failed, Evidence: origin(b), Message: "it signs an artifact itself and states nothing", Want: "a payload", Got: "none", Remedy: CodePayloadType.remedy()})
	}
	left := maxSpent
	u.authenticate(ctx, index, o.Authenticators, at, &left)
	if err := ctx.Err(); err != nil {
		return refuse(Finding{Code: CodeCanceled, Status: Failed, Message: err.Error(), Remedy: CodeCanceled.remedy()})
	}
	if len(u.signatories) == 0 {
		return refuse(u.unsigned(""))
	}
	return &Authenticated{ID: u.id, PayloadType: b.PayloadType, Payload: b.UnverifiedPayload(), Signatories: u.sorted()}, nil
}

// index is t made ready, apart from what the caller may still change in t. A nil
// Trust trusts nobody.
func (t *Trust) index() (*trustIndex, error) {
	if t == nil {
		return nil, &ConfigError{Code: CodeTrustInvalid, Msg: "no trust"}
	}
	data := t.Marshal()
	if t.made != nil && canonicalDigest(data) == t.made.ref.Digest {
		return t.made, nil
	}
	own, err := ParseTrust(data)
	if err != nil {
		return nil, err
	}
	return own.made, nil
}

// expired is the finding that trust is past its time, or nil.
func (x *trustIndex) expired(at time.Time) *Finding {
	if at.Before(x.expires) {
		return nil
	}
	return &Finding{Code: CodeExpiredTrust, Status: Failed, Rule: "trust:/expires", Message: "the trust file is past its time",
		Want: "before " + x.expires.UTC().Format(time.RFC3339), Got: at.UTC().Format(time.RFC3339), Remedy: CodeExpiredTrust.remedy()}
}

// maxTries bounds how many keys are tried on one bundle whose hints do not help.
const maxTries = 4096

// maxSpent bounds it for all evidence of a request together, in signature checks.
const maxSpent = 32 * maxTries

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
	refusals    []refusal
	strangers   []string // identities that are vouched for and that trust does not know
	limit       bool     // too many keys were tried

	statement *provenance.Statement // nil until parsed
	parseErr  error
	matched   provenance.Match // of the artifact
	claimed   *string          // see claimedType; nil until read
}

// authenticate finds out who signed the unit. It is the only place where
// signatures are checked.
//
// Left is what all units together may still spend on signatures that do not say
// whose they are, or say it wrongly.
func (u *unit) authenticate(ctx context.Context, x *trustIndex, authenticators []Authenticator, at time.Time, left *int) {
	u.signatories = map[string]Signatory{}
	tries := 0
	price := 1 + len(u.bundles[0].PAE())>>16 // to hash 64 KiB takes about as long as to check a signature
	spend := func() bool {
		if ctx.Err() != nil || tries >= maxTries || *left < price {
			u.limit = true
			return false
		}
		tries++
		*left -= price
		return true
	}
	for _, b := range u.bundles {
		vouched := map[int][]Identified{}
		for _, a := range authenticators {
			if !carriesMore(b) {
				continue
			}
			found, err := a.Authenticate(ctx, b, at)
			if err != nil {
				u.refusals = append(u.refusals, refusal{code: authenticatorCode(err), message: err.Error()})
				continue
			}
			for _, id := range found {
				if id.Signature >= 0 && id.Signature < len(b.Signatures) {
					vouched[id.Signature] = append(vouched[id.Signature], id)
				}
			}
		}
		pae := b.PAE()
		for i := range b.Signatures {
			s := &b.Signatures[i]
			if key := x.signer(pae, s, spend); key != nil {
				u.countKey(key, earliest(vouched[i]), at)
				continue
			}
			for _, id := range vouched[i] {
				if id.Issuer != "" {
					u.countIdentity(x, id, at)
				}
			}
		}
	}
	// Bundles may come in any order, and without an origin to sort them by.
	slices.SortFunc(u.refusals, func(a, b refusal) int {
		return cmp.Or(strings.Compare(a.principal, b.principal), strings.Compare(a.message, b.message), strings.Compare(string(a.code), string(b.code)))
	})
	slices.Sort(u.strangers)
}

// signedAs reports whether what was signed is of the payload type that b, whose
// fields anybody may have set since, says.
func signedAs(b *sign.Bundle) bool {
	return bytes.HasPrefix(b.PAE(), fmt.Appendf(nil, "DSSEv1 %d %s ", len(b.PayloadType), b.PayloadType))
}

// carriesMore reports whether b has anything that an Authenticator could check.
func carriesMore(b *sign.Bundle) bool {
	return slices.ContainsFunc(b.Signatures, func(s sign.Signature) bool {
		return len(s.Chain)+len(s.Timestamps)+len(s.LogEntries) > 0
	})
}

// authenticatorCode is the code that an Authenticator's error names, if it does.
func authenticatorCode(err error) Code {
	var coded interface{ Code() Code }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return CodeSignature
}

// earliest is the first trusted time of a signature; zero if there is none.
func earliest(ids []Identified) time.Time {
	var t time.Time
	for _, id := range ids {
		if !id.Time.IsZero() && (t.IsZero() || id.Time.Before(t)) {
			t = id.Time
		}
	}
	return t
}

// signer is the trusted key that made s, or nil. The key ID is only a hint of
// which key to try first, and that try is free: it decides nothing.
func (x *trustIndex) signer(pae []byte, s *sign.Signature, spend func() bool) *trustedKey {
	try := func(k *trustedKey) bool { return keycheck.Verify(k.scheme, k.public, pae, s.Sig) == nil }
	hinted := x.byID[s.KeyID]
	if hinted != nil && try(hinted) {
		return hinted
	}
	for _, k := range x.keys {
		if k == hinted {
			continue
		}
		if !spend() {
			return nil
		}
		if try(k) {
			return k
		}
	}
	return nil
}

// countKey counts the principal of a key that made a signature, if the key
// held at the time that is known of it: the trusted time, else at.
func (u *unit) countKey(k *trustedKey, trusted, at time.Time) {
	refuse := func(code Code, format string, args ...any) {
		u.refusals = append(u.refusals, refusal{code: code, principal: k.principal.name, message: fmt.Sprintf(format, args...)})
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
			u.refusals = append(u.refusals, refusal{CodeTrustedTime, p.name, fmt.Sprintf("%s signed %s, after the instant that is judged", id, id.Time.UTC().Format(time.RFC3339))})
			return
		}
		u.count(Signatory{Principal: p.name, Kind: p.kind, Identity: id.String(), Time: id.Time})
	default:
		u.refusals = append(u.refusals, refusal{code: CodeKeyPolicy, message: fmt.Sprintf("%s belongs to several principals: %s", id, strings.Join(owners, ", "))})
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

// is reports whether the identity is the one that trust means.
func (id Identified) is(want Identity) bool {
	return id.Authority == want.Authority && id.Issuer == want.Issuer && id.Email == want.Email && id.URI == want.URI &&
		(want.Workflow == "") == (id.Workflow == "") && (want.Workflow == "" || matchPatternURL(want.Workflow, id.Workflow))
}

// String is what the certificate said.
func (id Identified) String() string {
	var names []string
	for _, n := range []struct{ kind, value string }{{"workflow", id.Workflow}, {"email", id.Email}, {"uri", id.URI}} {
		if n.value != "" {
			names = append(names, n.kind+" "+n.value)
		}
	}
	return strings.Join(names, " and ") + " by " + id.Issuer
}

// sorted lists who signed, by name.
func (u *unit) sorted() []Signatory {
	out := make([]Signatory, 0, len(u.signatories))
	for _, s := range u.signatories {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Signatory) int { return strings.Compare(a.Principal, b.Principal) })
	return out
}

// origin says where the evidence stands.
func origin(b *sign.Bundle) string {
	if b.Origin != "" {
		return b.Origin
	}
	return short(b.ID())
}

func (u *unit) origin() string { return origin(u.bundles[0]) }

// unreadable is the finding about a bundle that could not be read.
func unreadable(b *sign.Bundle) Finding {
	code := CodeEnvelope
	switch {
	case errors.Is(b.Err, sign.ErrLimit):
		code = CodeLimit
	case errors.Is(b.Err, sign.ErrUnsupported):
		code = CodeUnsupported
	}
	return Finding{Code: code, Status: Failed, Evidence: b.Origin, Message: b.Err.Error(), Remedy: code.remedy()}
}

// unsigned is the finding that nobody known signed the unit.
func (u *unit) unsigned(rule string) Finding {
	f := Finding{Code: CodeSignature, Status: Failed, Rule: rule, Evidence: u.origin(), Message: "no trusted key made this signature", Want: "a signature by a principal of the trust file", Got: "none that holds"}
	switch {
	case len(u.refusals) > 0:
		f.Code, f.Message, f.Want, f.Got = u.refusals[0].code, "a signature that does not count", "a key that holds now, or held at a trusted time", u.refusals[0].message
		if u.refusals[0].principal == "" && f.Code == CodeKeyPolicy {
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
		f.Remedy = f.Code.remedy()
	}
	return f
}
