// Package keyless signs for whoever has nothing but a login: with a key that
// lives for one signature, a certificate that says who asked for it, an entry in
// a transparency log, and timestamps that say when (Sigstore).
//
// [Statement] gets an identity token, has a certificate authority (Fulcio) put
// the name in it into a certificate, signs, has a log (Rekor v2) record the
// signature and authorities (RFC 3161) date it, and returns one Sigstore bundle
// v0.3. The private key never leaves memory, and is not kept. If a step fails
// there is no bundle at all.
//
// Which services are asked, [Services] says; [ParseSigningConfig] reads them from
// Sigstore's signing_config.json. A token is a password for as long as it lives,
// and goes to the certificate authority that the Services name and nowhere else:
// not over plain http, not after a redirect.
package keyless

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/webclient"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/timestamp"
)

// Options say how to sign.
type Options struct {
	Services Services     // who is asked; required
	Token    TokenSource  // says who signs; required
	Audience string       // whom tokens are for; empty is "sigstore"
	Client   *http.Client // asks; nil is one that waits ten seconds and follows no redirect. Redirects are refused whatever it does
}

// A Step is a part of signing that depends on somebody else.
type Step string

// The steps, in their order.
const (
	StepToken     Step = "token"       // the login has no token, or one that is over
	StepAuthority Step = "certificate" // the certificate authority is down, or refuses the token
	StepLog       Step = "log"         // the transparency log is down, or refuses the entry
	StepTimestamp Step = "timestamp"   // a timestamp authority is down
)

// An Error says which step failed. Nothing was signed that anybody could use.
type Error struct {
	Step Step
	URL  string // of the service, without its query; empty if none was asked
	Err  error
}

func (e *Error) Error() string {
	where := ""
	if e.URL != "" {
		where = " at " + e.URL
	}
	what := map[Step]string{StepToken: "no identity token", StepAuthority: "no certificate", StepLog: "not logged", StepTimestamp: "no timestamp"}[e.Step]
	return fmt.Sprintf("keyless: %s%s: %v", what, where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Statement signs a statement.
func Statement(ctx context.Context, s *provenance.Statement, o Options) (*sign.Bundle, error) {
	return o.sign(ctx, nil, func(key sign.Signer) (*sign.Bundle, error) { return sign.Statement(ctx, s, key) })
}

// Payload signs a payload of another type.
func Payload(ctx context.Context, payloadType string, body []byte, o Options) (*sign.Bundle, error) {
	return o.sign(ctx, nil, func(key sign.Signer) (*sign.Bundle, error) { return sign.Payload(ctx, payloadType, body, key) })
}

// Artifact signs content itself, and states nothing about it. To a policy that
// is no evidence: prefer a statement.
func Artifact(ctx context.Context, content []byte, o Options) (*sign.Bundle, error) {
	return o.sign(ctx, content, func(key sign.Signer) (*sign.Bundle, error) {
		sig, err := key.Sign(ctx, content)
		if err != nil {
			return nil, err
		}
		return &sign.Bundle{Format: sign.Sigstore, MessageDigest: provenance.SumSHA256(content), Signatures: []sign.Signature{{Sig: sig}}}, nil
	})
}

// sign does everything but the signature itself, which is made once the
// certificate is there. Artifact is set if that is what is signed.
func (o Options) sign(ctx context.Context, artifact []byte, make func(sign.Signer) (*sign.Bundle, error)) (*sign.Bundle, error) {
	if err := o.Services.check(); err != nil {
		return nil, fmt.Errorf("keyless: %w", err)
	}
	if o.Token == nil {
		return nil, errors.New("keyless: want a Token: without a login nobody can say who signs")
	}
	audience := o.Audience
	if audience == "" {
		audience = "sigstore"
	}
	token, err := o.Token(ctx, audience)
	if err == nil {
		err = checkToken(token, time.Now())
	}
	if err != nil {
		return nil, &Error{Step: StepToken, Err: err}
	}
	client := o.client()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf, err := certificate(ctx, client, o.Services.CertificateAuthority, token, private)
	if err != nil {
		return nil, &Error{Step: StepAuthority, URL: webclient.Redacted(o.Services.CertificateAuthority), Err: err}
	}
	b, err := make(ephemeral{private})
	if err != nil {
		return nil, err
	}
	s := &b.Signatures[0]
	b.Format, s.KeyID, s.Chain = sign.Sigstore, "", [][]byte{leaf.Raw}
	signed := b.PAE()
	if signed == nil {
		signed = artifact
	}
	for _, url := range o.Services.Logs {
		entry, err := record(ctx, client, url, sha256.Sum256(signed), s.Sig, leaf)
		if err != nil {
			return nil, &Error{Step: StepLog, URL: webclient.Redacted(url), Err: err}
		}
		s.LogEntries = append(s.LogEntries, entry)
	}
	if len(o.Services.TimestampAuthorities) > 0 {
		if b, err = (timestamp.Options{Client: client}).Add(ctx, b, o.Services.TimestampAuthorities...); err != nil {
			return nil, &Error{Step: StepTimestamp, Err: err}
		}
	}
	if _, err := b.Marshal(); err != nil { // what a log answered must be writable
		return nil, &Error{Step: StepLog, Err: err}
	}
	return b, nil
}

// client never follows a redirect: the token would go along.
func (o Options) client() *http.Client {
	if o.Client == nil {
		return webclient.New()
	}
	c := *o.Client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// An ephemeral is a key for one signature.
type ephemeral struct{ key *ecdsa.PrivateKey }

func (e ephemeral) Sign(_ context.Context, data []byte) ([]byte, error) {
	return keycheck.Sign("ecdsa-sha256", e.key, data)
}

func (e ephemeral) KeyID() (string, error) { return keycheck.ID(e.key.Public()) }
