// Package sigstore checks what a public key alone cannot: signatures made with
// short-lived certificates, as Sigstore's clients and GitHub's attestations
// make them, and timestamps.
//
// An [Authenticator] is made of the authorities in a trust file, each of which
// is a Sigstore instance: the public one, GitHub's, or a company's own. It is
// handed to [verify.Options]. Everything happens offline, by the
// trusted_root.json in the trust file; nothing is ever fetched here.
//
// Of a signature with a certificate it wants, by one authority alone:
//
//   - the signature over the very bytes, by the certificate's key
//   - as many operators of logs, and of timestamp authorities, as the trust file
//     says; all that one operator runs counts once, and a log or authority that
//     the root does not know counts for nothing
//   - a log entry that is about this signature, this certificate and these
//     bytes, is in the log by an inclusion proof to a signed checkpoint, or is
//     promised to be by a signed entry timestamp
//   - a trusted time: a timestamp over the signature, or the time in a signed
//     entry timestamp. An inclusion proof gives none
//   - a chain to a certificate authority in which every certificate is valid at
//     every one of those times, for signing code
//   - a certificate timestamp by a known log, if the root names such logs
//
// What the certificate says of the source that was built is handed on, and
// verify holds it against the provenance.
//
// The rules are those of the Sigstore client specification, and stricter where
// docs/sigstore.md says so.
package sigstore

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// Options tune an [Authenticator]. The zero Options are what [New] uses.
type Options struct {
	// InsecureWithoutLog accepts an envelope that brings a certificate along and
	// neither a log entry nor a timestamp, as the first SLSA generators for
	// GitHub wrote them, whose log entry was meant to be looked up. Nothing then
	// says when it was signed: the certificate is judged at its own beginning,
	// and whoever had its key could have signed at any time since. If false,
	// such an envelope is refused.
	InsecureWithoutLog bool
	// InsecureLongLived names authorities whose certificates live long: a private
	// certificate authority without a log or a timestamp authority. Theirs are
	// judged at the instant of judgement, and what the trust file wants at least
	// of logs and timestamps is not wanted. Whoever steals such a key can sign
	// until its certificate ends. If empty, there are none.
	InsecureLongLived []string
}

// An Authenticator checks certificates, log entries and timestamps against the
// authorities of one trust file. It is a [verify.Authenticator], never changes,
// and may be used concurrently.
type Authenticator struct {
	authorities []*authority // by name
	withoutLog  bool
}

var _ verify.Authenticator = (*Authenticator)(nil)

// New makes an Authenticator of the authorities in t. The error is a
// [*verify.ConfigError] that names the authority whose trusted root cannot be
// used.
func New(t *verify.Trust) (*Authenticator, error) { return Options{}.New(t) }

// New is [New] with these Options.
func (o Options) New(t *verify.Trust) (*Authenticator, error) {
	a := &Authenticator{withoutLog: o.InsecureWithoutLog}
	if t == nil {
		return nil, &verify.ConfigError{Code: verify.CodeTrustInvalid, Msg: "no trust: it says whom to believe"}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Authorities)) {
		root, err := parseRoot(t.Authorities[name].TrustedRoot)
		if err != nil {
			return nil, &verify.ConfigError{Code: verify.CodeTrustInvalid, Pointer: "/authorities/" + name + "/trustedRoot", Msg: err.Error()}
		}
		root.name, root.atLeast = name, t.Authorities[name].AtLeast
		if slices.Contains(o.InsecureLongLived, name) {
			root.atLeast, root.longLived = verify.AuthorityThreshold{}, true
		}
		if root.atLeast.Log > root.logOperators() || root.atLeast.Timestamp > root.timestampOperators() {
			return nil, &verify.ConfigError{Code: verify.CodeTrustInvalid, Pointer: "/authorities/" + name + "/atLeast",
				Msg: fmt.Sprintf("%d operators of logs and %d of timestamp authorities can never be met: the trusted root has %d and %d", root.atLeast.Log, root.atLeast.Timestamp, root.logOperators(), root.timestampOperators())}
		}
		a.authorities = append(a.authorities, root)
	}
	return a, nil
}

// Accepts reports whether id is of an authority that this Authenticator knows.
func (a *Authenticator) Accepts(id verify.Identity) bool {
	return slices.ContainsFunc(a.authorities, func(x *authority) bool { return x.name == id.Authority && len(x.cas) > 0 })
}

// An Error says why a signature is not believed. Its Code becomes the finding's.
type Error struct {
	code  verify.Code
	stage int
	msg   string
}

func (e *Error) Error() string { return e.msg }

// Code is what the finding about it is called.
func (e *Error) Code() verify.Code { return e.code }

// The stages of a check, to report of several authorities the one that came
// closest.
const (
	stageShape = iota
	stageSignature
	stageLog
	stageTime
	stageChain
	stageSCT
	stageIdentity
)

func refuse(stage int, code verify.Code, format string, args ...any) *Error {
	return &Error{code: code, stage: stage, msg: fmt.Sprintf(format, args...)}
}

// Authenticate checks the signatures of b that carry a certificate or a
// timestamp, see [verify.Authenticator]. At matters only to authorities that
// Options.InsecureLongLived names: all else is judged at the trusted times.
func (a *Authenticator) Authenticate(ctx context.Context, b *sign.Bundle, at time.Time) ([]verify.Identified, error) {
	if b == nil || b.Err != nil || b.PAE() == nil {
		return nil, refuse(stageShape, verify.CodeEnvelope, "it has no payload that could be signed")
	}
	return a.authenticate(ctx, b, &content{pae: b.PAE(), payload: b.UnverifiedPayload(), at: at})
}

// AuthenticateArtifact checks a bundle that signs an artifact itself and states
// nothing about it ([sign.Bundle.MessageDigest]) against the artifact's digest.
// Such a signature is no evidence to a policy: it only says that somebody
// vouches for the bytes, in a way that they do not say.
func (a *Authenticator) AuthenticateArtifact(ctx context.Context, b *sign.Bundle, artifact provenance.Digest) ([]verify.Identified, error) {
	if b == nil || b.Err != nil || b.MessageDigest.IsZero() {
		return nil, refuse(stageShape, verify.CodeEnvelope, "it does not sign an artifact itself")
	}
	if b.MessageDigest != artifact {
		return nil, refuse(stageShape, verify.CodeSubject, "it is of %s, want %s", b.MessageDigest, artifact)
	}
	return a.authenticate(ctx, b, &content{digest: artifact})
}

func (a *Authenticator) authenticate(ctx context.Context, b *sign.Bundle, c *content) ([]verify.Identified, error) {
	var found []verify.Identified
	var worst *Error
	for i := range b.Signatures {
		s := &b.Signatures[i]
		if len(s.Chain) == 0 && len(s.Timestamps) == 0 {
			continue // a key's, and no word of when
		}
		var best *Error
		var vouched bool
		leaf, err := parseLeaf(s.Chain)
		if err != nil {
			best = err
		}
		for _, x := range a.authorities {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if best != nil && best.stage == stageShape {
				break
			}
			id, err := a.one(x, b, s, leaf, c)
			if err != nil {
				if best == nil || err.stage > best.stage {
					best = err
				}
				continue
			}
			id.Signature, id.Authority, vouched = i, x.name, true
			found = append(found, *id)
		}
		if !vouched && best == nil {
			best = refuse(stageShape, verify.CodeSigstoreChain, "the trust file names no authority that could vouch for it")
		}
		if !vouched && (worst == nil || best.stage > worst.stage) {
			worst = best
		}
	}
	if len(found) == 0 && worst != nil {
		return nil, worst
	}
	return found, nil
}

// one holds one signature against one authority. Leaf is nil if a key signed.
func (a *Authenticator) one(x *authority, b *sign.Bundle, s *sign.Signature, leaf *x509.Certificate, c *content) (*verify.Identified, *Error) {
	if leaf == nil {
		times, _, err := x.timestamps(s, max(x.atLeast.Timestamp, 1))
		if err != nil {
			return nil, err
		}
		return &verify.Identified{Time: slices.MinFunc(times, time.Time.Compare)}, nil
	}
	if err := c.signedBy(leaf, s.Sig); err != nil {
		return nil, err
	}
	if a.withoutLog && b.Format == sign.DSSE && len(s.LogEntries) == 0 && len(s.Timestamps) == 0 {
		id, err := x.identity(leaf, []time.Time{leaf.NotBefore})
		return id, err
	}
	times, err := x.logEntries(s, leaf, c)
	if err != nil {
		return nil, err
	}
	stamped, why, err := x.timestamps(s, x.atLeast.Timestamp)
	if err != nil {
		return nil, err
	}
	if times = append(times, stamped...); len(times) == 0 && x.longLived && !c.at.IsZero() {
		id, err := x.identity(leaf, []time.Time{c.at})
		return id, err
	}
	if len(times) == 0 && why != nil {
		return nil, refuse(stageTime, verify.CodeTrustedTime, "its timestamps do not say when it was signed: %v", why)
	}
	if len(times) == 0 {
		return nil, refuse(stageTime, verify.CodeTrustedTime, "nothing trusted says when it was signed: no timestamp, and no log that signed its time")
	}
	id, err := x.identity(leaf, times)
	if err != nil {
		return nil, err
	}
	id.Time = slices.MinFunc(times, time.Time.Compare)
	return id, nil
}

// identity holds the certificate against the authority at every trusted time,
// and reads whose it is.
func (x *authority) identity(leaf *x509.Certificate, times []time.Time) (*verify.Identified, *Error) {
	chains, err := x.chains(leaf, times)
	if err != nil {
		return nil, err
	}
	if len(x.ctLogs) > 0 {
		if err := x.certificateTimestamp(leaf, chains); err != nil {
			return nil, err
		}
	}
	id, bad := identify(leaf)
	if bad != nil {
		return nil, refuse(stageIdentity, verify.CodeSigstoreIdentity, "%v", bad)
	}
	return id, nil
}

var errMany = errors.New("several names in one certificate")
