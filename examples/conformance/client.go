package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keyless"
)

// A client is one call of the Sigstore conformance suite's protocol.
type client struct {
	staging, inToto                              bool
	bundle, identity, issuer, key, root, signing string
	token, file                                  string
}

// parseClient reads the options, which come in any order.
func parseClient(args []string, stderr io.Writer) (*client, error) {
	c := &client{}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&c.staging, "staging", false, "use the staging instance, whose root --trusted-root must name")
	f.BoolVar(&c.inToto, "in-toto", false, "sign the in-toto statement in FILE")
	f.StringVar(&c.bundle, "bundle", "", "the bundle's `FILE`")
	f.StringVar(&c.identity, "certificate-identity", "", "who must have signed")
	f.StringVar(&c.issuer, "certificate-oidc-issuer", "", "who must know them")
	f.StringVar(&c.key, "key", "", "the public key's `FILE`")
	f.StringVar(&c.root, "trusted-root", "", "the trusted root's `FILE`")
	f.StringVar(&c.signing, "signing-config", "", "the signing configuration's `FILE`")
	f.StringVar(&c.token, "identity-token", "", "the token")
	if err := f.Parse(args[1:]); err != nil {
		return nil, err
	}
	if f.NArg() != 1 || c.bundle == "" {
		return nil, errors.New("want --bundle and one file or digest")
	}
	c.file = f.Arg(0)
	return c, nil
}

// verifyBundle runs the same checks as a row of a corpus.
func (c *client) verifyBundle() error {
	if c.root == "" {
		return errors.New("want --trusted-root: nothing is fetched here, and no root is built in")
	}
	r, err := c.row()
	if err != nil {
		return err
	}
	defer r.root.Close()
	return runSigstore(r)
}

// row makes a case of the call. A digest is one that begins so, or that is 64
// hexadecimal digits and no file.
func (c *client) row() (row, error) {
	root, err := os.OpenRoot("/")
	if err != nil {
		return row{}, err
	}
	place := func(path string) string {
		if path == "" || err != nil {
			return ""
		}
		var whole string
		if whole, err = filepath.Abs(path); err != nil {
			return ""
		}
		return strings.TrimPrefix(filepath.ToSlash(whole), "/")
	}
	r := row{bundle: place(c.bundle), trustedRoot: place(c.root), identity: c.identity, issuer: c.issuer, root: root, cache: newCache()}
	if c.key != "" {
		r.note = "key=" + place(c.key)
	} else if c.identity == "" || c.issuer == "" {
		root.Close()
		return row{}, errors.New("want --certificate-identity and --certificate-oidc-issuer, or --key")
	}
	digest := c.file
	if raw, hexErr := hex.DecodeString(digest); hexErr == nil && len(raw) == 32 {
		digest = "sha256:" + digest
	}
	if _, statErr := os.Stat(c.file); statErr != nil && strings.HasPrefix(digest, "sha256:") {
		r.artifact = digest
	} else {
		r.artifact = place(c.file)
	}
	if err != nil {
		root.Close()
	}
	return r, err
}

// signBundle signs an artifact, or a statement, as whoever the token names.
func (c *client) signBundle() error {
	if c.signing == "" || c.token == "" {
		return errors.New("want --signing-config and --identity-token: no service is built in")
	}
	config, err := os.ReadFile(c.signing)
	if err != nil {
		return err
	}
	services, err := keyless.ParseSigningConfig(config, time.Now())
	if err != nil {
		return err
	}
	content, err := os.ReadFile(c.file)
	if err != nil {
		return err
	}
	ctx := context.Background()
	o := keyless.Options{Services: services, Token: func(context.Context, string) (string, error) { return c.token, nil }}
	var b *sign.Bundle
	if c.inToto {
		s, err := provenance.Parse(content)
		if err != nil {
			return err
		}
		b, err = keyless.Statement(ctx, s, o)
		if err != nil {
			return err
		}
	} else if b, err = keyless.Artifact(ctx, content, o); err != nil {
		return err
	}
	line, err := b.Marshal()
	if err != nil {
		return err
	}
	return os.WriteFile(c.bundle, append(line, '\n'), 0o644)
}

// runClient is one call, and its exit status.
func runClient(args []string, stderr io.Writer) int {
	c, err := parseClient(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return 64
	}
	if args[0] == "verify-bundle" {
		err = c.verifyBundle()
	} else {
		err = c.signBundle()
	}
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return 1
	}
	return 0
}
