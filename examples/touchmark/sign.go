package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/store"
)

func newSign() *cobra.Command {
	var out string
	var key signingKey
	c := &cobra.Command{
		Use:   "sign --key FILE [--out FILE] STATEMENT…",
		Short: "sign statements",
		Long: `sign signs in-toto statements, as touchmark capture, attest and build write them, and makes a bundle
of each: one line of JSON. --out adds them to the file, which may hold others.

Several people sign the same statement each at home, and their lines go into one file in any order:
evidence is a set, and a verifier counts people.`,
		Example: `  touchmark sign --key release.key --out dist/app.intoto.jsonl dist/app.provenance.json dist/app.sbom.json`,
		Args:    atLeastOne("STATEMENT"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			var statements []*provenance.Statement
			for _, path := range args {
				s, err := loadStatement(path)
				if err != nil {
					return err
				}
				statements = append(statements, s)
			}
			return emitStatements(cmd, &key, out, statements...)
		}),
	}
	key.flag(c, "the statements")
	c.Flags().StringVar(&out, "out", "", "add the bundles to `FILE`; else write them to standard output")
	must(c.MarkFlagRequired("key"))
	return c
}

func loadStatement(path string) (*provenance.Statement, error) {
	data, err := readFile("statement", path, maxStatement)
	if err != nil {
		return nil, err
	}
	s, err := provenance.Parse(data)
	if err == nil {
		return s, nil
	}
	if bundles, rerr := sign.Read(bytes.NewReader(data)); rerr == nil && len(bundles) > 0 && bundles[0].Err == nil {
		return nil, fmt.Errorf("%q holds bundles, which are signed already: sign the statement that they were made of", path)
	}
	return nil, fmt.Errorf("%q is no statement: %w", path, err)
}

// emitStatements signs if there is a key, and adds the bundles to the file at
// out; else it writes the statements. Without out it is standard output.
func emitStatements(cmd *cobra.Command, signer *signingKey, out string, statements ...*provenance.Statement) error {
	key, err := signer.load()
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
