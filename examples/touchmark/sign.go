package main

import (
	"bytes"
	"context"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/store"
)

func newSign() *cobra.Command {
	var o signOptions
	c := &cobra.Command{
		Use:   "sign --key FILE|--keyless [--tsa URL]… [--out FILE] [--type TYPE]… FILE…",
		Short: "sign statements, what others have signed, and trust files",
		Long: `sign signs in-toto statements, as touchmark capture, attest and build write them, and makes a bundle
of each: one line of JSON. --out adds them to the file, which may hold others.

Several people sign the same statement each at home, and their lines go into one file in any order:
evidence is a set, and a verifier counts people. What others have signed is signed as well by naming
their bundles: a line for each is added to the same file, or to --out. Look at what you sign, with
touchmark inspect; --type takes only statements of that type. What the key has signed already is not
signed again.

A trust file is signed for touchmark trust update, and a policy for whoever the trust file says who signs it.

--keyless signs as whoever an identity token names: with a key for this one signature, a certificate
of the authority at --fulcio, and an entry in the log at --rekor. The token is in the file that
--identity-token names, else it is that of the CI job. --tsa has a timestamp authority say when; with a
key it shows later that the signature is older than the key's end.`,
		Example: `  touchmark sign --key release.key --out dist/app.intoto.jsonl dist/app.provenance.json dist/app.sbom.json
  touchmark sign --key bob.key --type https://slsa.dev/provenance/v1 dist/app.intoto.jsonl
  touchmark sign --key alice.key --out next.jsonl next.json
  touchmark sign --keyless --signing-config signing_config.json --out dist/app.intoto.jsonl dist/app.provenance.json`,
		Args: atLeastOne("FILE"),
		RunE: does(o.run),
	}
	o.key.flag(c, "the statements")
	c.Flags().StringVar(&o.out, "out", "", "add the bundles to `FILE`; else to the file that they were in, or write them to standard output")
	c.Flags().StringArrayVar(&o.types, "type", nil, "of what others have signed, sign only statements of the predicate type `TYPE`; may be repeated")
	o.keyless.flags(c)
	c.MarkFlagsOneRequired("key", "keyless")
	c.MarkFlagsMutuallyExclusive("key", "keyless")
	return c
}

// emitStatements signs if there is a key, and adds the bundles to the file at
// out; else it writes the statements. Without out it is standard output.
func emitStatements(cmd *cobra.Command, signer *signingKey, out string, statements ...*provenance.Statement) error {
	key, err := signer.load(cmd.Context())
	if err != nil {
		return err
	}
	var data []byte
	for _, s := range statements {
		line, err := s.Marshal()
		if err != nil {
			return err
		}
		data = append(append(data, line...), '\n')
	}
	if key == nil {
		return emit(cmd, out, data)
	}
	bundles, err := signEach(cmd.Context(), key, statements...)
	if err != nil {
		return err
	}
	if out == "" {
		return sign.Write(cmd.OutOrStdout(), bundles...)
	}
	if err := store.Append(cmd.Context(), out, bundles...); err != nil {
		return err
	}
	progress(cmd.ErrOrStderr(), "touchmark: signed by %s: %s", key, show(out))
	return nil
}

// signEach makes a bundle of each statement.
func signEach(ctx context.Context, key *keys.Key, statements ...*provenance.Statement) ([]*sign.Bundle, error) {
	var bundles []*sign.Bundle
	for _, s := range statements {
		b, err := sign.Statement(ctx, s, key)
		if err != nil {
			return nil, err
		}
		bundles = append(bundles, b)
	}
	return bundles, nil
}

// signAll is a file of bundles, one of each statement.
func signAll(ctx context.Context, key *keys.Key, statements ...*provenance.Statement) ([]byte, error) {
	bundles, err := signEach(ctx, key, statements...)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = sign.Write(&b, bundles...)
	return b.Bytes(), err
}
