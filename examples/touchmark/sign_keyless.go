package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keyless"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/timestamp"
)

// A login is the flags with which somebody signs who has no key, and --tsa,
// which is for those with a key as well.
type login struct {
	on                    bool
	fulcio, config, token string
	rekor, tsa            []string
}

func (l *login) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&l.on, "keyless", false, "sign as whoever an identity token names, without a key of one's own")
	f.StringVar(&l.config, "signing-config", "", "which services to ask: Sigstore's signing configuration in `FILE`")
	f.StringVar(&l.fulcio, "fulcio", "", "the certificate authority at `URL`, which sees the token")
	f.StringArrayVar(&l.rekor, "rekor", nil, "log the signature at `URL` (Rekor v2); may be repeated")
	f.StringArrayVar(&l.tsa, "tsa", nil, "have the timestamp authority (RFC 3161) at `URL` say when it was signed; may be repeated")
	f.StringVar(&l.token, "identity-token", "", "the identity token is in `FILE`; else it is that of the CI job")
}

// options are how to sign without a key.
func (l *login) options() (keyless.Options, error) {
	if l.config != "" && (l.fulcio != "" || len(l.rekor)+len(l.tsa) > 0) {
		return keyless.Options{}, usagef("--signing-config names all services: leave out --fulcio, --rekor and --tsa")
	}
	if l.config == "" && (l.fulcio == "" || len(l.tsa) == 0) {
		return keyless.Options{}, usagef("--keyless wants to know whom to ask: --signing-config, or --fulcio, --rekor and --tsa")
	}
	o := keyless.Options{Services: keyless.Services{CertificateAuthority: l.fulcio, Logs: l.rekor, TimestampAuthorities: l.tsa}, Token: keyless.Ambient(os.Getenv)}
	if l.token != "" {
		o.Token = keyless.TokenFile(l.token)
	}
	if l.config != "" {
		data, err := readFile("signing configuration", l.config, maxConfig)
		if err != nil {
			return o, err
		}
		if o.Services, err = keyless.ParseSigningConfig(data, time.Now()); err != nil {
			return o, fmt.Errorf("%q: %w", l.config, err)
		}
	}
	return o, nil
}

// signer signs one document after the other, with a key or without.
func (o *signOptions) signer(ctx context.Context) (who string, key *keys.Key, signOne func(document) (*sign.Bundle, error), err error) {
	l := &o.keyless
	if l.on {
		options, err := l.options()
		return "an identity", nil, func(d document) (*sign.Bundle, error) { return keyless.Payload(ctx, d.payloadType, d.body, options) }, err
	}
	if l.fulcio != "" || len(l.rekor) > 0 || l.token != "" || l.config != "" {
		return "", nil, nil, usagef("--fulcio, --rekor, --identity-token and --signing-config are for --keyless")
	}
	if key, err = o.key.load(ctx); err != nil {
		return "", nil, nil, err
	}
	return fmt.Sprint(key), key, func(d document) (*sign.Bundle, error) {
		b, err := sign.Payload(ctx, d.payloadType, d.body, key)
		if err == nil && len(l.tsa) > 0 {
			b, err = timestamp.Add(ctx, b, l.tsa...)
		}
		return b, err
	}, nil
}
