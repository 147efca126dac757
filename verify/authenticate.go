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
	// One with a method Code() Code sets the finding's code; others are
	// [CodeSignature].
	Authenticate(ctx context.Context, b *sign.Bundle, at time.Time) ([]Identified, error)
}

// A Reader is an [Authenticator] of evidence that carries no certificate, log
// entry or timestamp: it is also asked about the bundles that it reads.
type Reader interface {
	Authenticator
	// Reads reports whether Authenticate has anything to say about b.
	Reads(b *sign.Bundle) bool
}

// An Identified is what an [Authenticator] vouches for: that the signature was
// made by this identity, or stands for the word of this key; or, if Issuer and
// KeyID are empty, only that it existed at Time.
type Identified struct {
	Signature int    // index into Bundle.Signatures
	KeyID     string // hex SHA-256 of a key in the trust file; then all but Time and Signature is empty
	Authority string // which authority of the trust file vouches
	Issuer    string // exact; empty vouches for the time alone
	Workflow  string // URL@REF
	Email     string // of the certificate's subject, if it is one
	URI       string // of the certificate's subject, if it is another than a workflow
	Username  string // of the certificate's subject, among the issuer's users
	Source    CertifiedSource
	Time      time.Time // trusted; zero if there is none
}

// A CertifiedSource is what a certificate says that its holder was building. A
// certificate authority writes there what the build system told it; members are
// empty if it was told nothing. Provenance that says otherwise is refused.
type CertifiedSource struct {
	Repository string // URL
	Ref        string // in full
	Commit     string // git object id
}

// A Signatory is one principal whose signature counts.
type Signatory struct {
	Principal string    // its name in the trust file
	Kind      Kind      // its kind there
	KeyID     string    // hex SHA-256 of the public key; empty if an identity signed
	Identity  string    // what the certificate said; empty if a key signed
	Time      time.Time // trusted; zero if there is none
	Source    CertifiedSource
}

// An Authenticated is a payload of which it is known who signed it. What it
// says has not been looked at.
type Authenticated struct {
	ID          provenance.Digest // of the bundle: SHA-256 of the PAE
	PayloadType string            // as it was signed
	Payload     []byte            // the very bytes that were signed
	Signatories []Signatory       // distinct principals, sorted by name; at least one
}

// Authenticate finds out which of t's principals signed b, as of at; zero is
// the time of this call. The caller compares PayloadType before it reads
// Payload. The error is an [*Error].
func Authenticate(ctx context.Context, t *Trust, b *sign.Bundle, at time.Time) (*Authenticated, error) {
	return Options{}.Authenticate(ctx, t, b, at)
}

// Authenticate is [Authenticate] with o's Authenticators.
func (o Options) Authenticate(ctx context.Context, t *Trust, b *sign.Bundle, at time.Time) (*Authenticated, error) {
	c, err := o.Checker(t)
	if err != nil {
		verdict := &Verdict{At: at, Findings: []Finding{{Code: CodeTrustInvalid, Status: Failed, Message: err.Error()}}}
		_, err := verdict.result()
		return nil, err
	}
	return c.Authenticate(ctx, b, at)
}

// A Checker is a [Trust] made ready to authenticate many bundles. It never
// changes and may be used concurrently.
type Checker struct {
	index          *trustIndex
	authenticators []Authenticator
	budget         *Budget
}

// Checker makes a Checker of t, which it copies. The error is a [*ConfigError].
func (o Options) Checker(t *Trust) (*Checker, error) {
	index, err := t.index()
	if err != nil {
		return nil, err
	}
	return &Checker{index, slices.Clone(o.Authenticators), o.Budget}, nil
}

// Authenticate is what [Authenticate] does.
func (c *Checker) Authenticate(ctx context.Context, b *sign.Bundle, at time.Time) (*Authenticated, error) {
	if at.IsZero() {
		at = time.Now()
	}
	index := c.index
	verdict := &Verdict{At: at, Trust: index.ref}
	refuse := func(f Finding) (*Authenticated, error) {
		verdict.Findings = append(verdict.Findings, f)
		_, err := verdict.result()
		return nil, err
	}
	if b == nil {
		return refuse(Finding{Code: CodeEnvelope, Status: Failed, Message: "no bundle", Remedy: CodeEnvelope.Remedy()})
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
		return refuse(Finding{Code: CodePayloadType, Status: Failed, Evidence: origin(b), Message: "its payload type is not the one that was signed", Got: b.PayloadType, Remedy: CodePayloadType.Remedy()})
	}
	if b.PAE() == nil {
		return refuse(Finding{Code: CodePayloadType, Status: Failed, Evidence: origin(b), Message: "it signs an artifact itself and states nothing", Want: "a payload", Got: "none", Remedy: CodePayloadType.Remedy()})
	}
	memory := int64(len(b.PAE()))
	if !c.budget.draw(Limits{Memory: memory}) {
		return refuse(*overBudget(fmt.Sprintf("%d bytes of memory", memory)))
	}
	defer c.budget.giveBack(memory)
	spent := &purse{left: maxSpent, shared: c.budget}
	u.authenticate(ctx, index, c.authenticators, at, spent)
	if err := ctx.Err(); err != nil {
		return refuse(Finding{Code: CodeCanceled, Status: Failed, Message: err.Error(), Remedy: CodeCanceled.Remedy()})
	}
	if spent.empty {
		return refuse(*overBudget("a signature to be checked"))
	}
	if len(u.signatories) == 0 {
		return refuse(u.unsigned(""))
	}
	return &Authenticated{ID: u.id, PayloadType: b.PayloadType, Payload: b.UnverifiedPayload(), Signatories: u.sorted()}, nil
}

// maxTries bounds how many keys are tried on one bundle whose hints do not help.
const maxTries = 4096

// maxSpent bounds it for all evidence of a request together, in signature checks.
const maxSpent = 32 * maxTries

// authenticate finds out who signed the unit. It is the only place where
// signatures are checked.
//
// What all units together may still spend is in p.
func (u *unit) authenticate(ctx context.Context, x *trustIndex, authenticators []Authenticator, at time.Time, p *purse) {
	u.signatories = map[string]Signatory{}
	tries := 0
	price := 1 + len(u.bundles[0].PAE())>>16 // to hash 64 KiB takes about as long as to check a signature
	spend := func() bool {
		if ctx.Err() != nil || tries >= maxTries || p.left < price {
			u.limit = true
			return false
		}
		tries++
		p.left -= price
		return p.pay(price)
	}
	for _, b := range u.bundles {
		vouched := map[int][]Identified{}
		for _, a := range authenticators {
			if reader, ok := a.(Reader); !carriesMore(b) && !(ok && reader.Reads(b)) {
				continue
			}
			if !p.pay(witnessed(b) * price) {
				return
			}
			found, err := a.Authenticate(ctx, b, at)
			if err != nil {
				u.refusals = append(u.refusals, &refusal{code: authenticatorCode(err), message: err.Error()})
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
			if !p.pay(price) { // for the key that it hints at
				return
			}
			if key := x.signer(pae, s, spend); key != nil {
				u.countKey(key, earliest(vouched[i]), at)
				continue
			}
			for _, id := range vouched[i] {
				if key := x.byID[id.KeyID]; key != nil {
					u.countKey(key, id.Time, at)
				} else if id.Issuer != "" {
					u.countIdentity(x, id, at)
				}
			}
		}
	}
	// Bundles may come in any order, and without an origin to sort them by.
	slices.SortFunc(u.refusals, func(a, b *refusal) int {
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

// is reports whether the identity is the one that trust means.
func (id Identified) is(want Identity) bool {
	return id.Authority == want.Authority && id.Issuer == want.Issuer && id.Email == want.Email && id.URI == want.URI && id.Username == want.Username &&
		(want.Workflow == "") == (id.Workflow == "") && (want.Workflow == "" || matchPatternURL(want.Workflow, id.Workflow))
}

// String is what the certificate said.
func (id Identified) String() string {
	var names []string
	for _, n := range []struct{ kind, value string }{{"workflow", id.Workflow}, {"email", id.Email}, {"uri", id.URI}, {"user", id.Username}} {
		if n.value != "" {
			names = append(names, n.kind+" "+n.value)
		}
	}
	return strings.Join(names, " and ") + " by " + id.Issuer + " (" + id.Authority + ")"
}
