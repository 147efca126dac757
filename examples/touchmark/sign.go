package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

func newSign() *cobra.Command {
	var out string
	var key signingKey
	c := &cobra.Command{
		Use:   "sign --key FILE [--out FILE] STATEMENT",
		Short: "sign a statement",
		Long: `sign signs an in-toto statement, as touchmark capture, attest and build write it, and makes a
bundle: one line of JSON. --out adds it to the file, which may hold others.

Several people sign the same statement each at home, and their lines go into one file in any order:
evidence is a set, and a verifier counts people.`,
		Example: `  touchmark sign --key release.key --out dist/app.intoto.jsonl app.provenance.json`,
		Args:    exactly("STATEMENT"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			s, err := loadStatement(args[0])
			if err != nil {
				return err
			}
			return emitStatement(cmd, &key, out, s)
		}),
	}
	key.flag(c, "the statement")
	c.Flags().StringVar(&out, "out", "", "add the bundle to `FILE`; else write it to standard output")
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

// emitStatement signs s if there is a key, and adds the bundle to the file at
// out; else it writes the statement. Without out it goes to standard output.
func emitStatement(cmd *cobra.Command, signer *signingKey, out string, s *provenance.Statement) error {
	key, err := signer.load()
	if err != nil {
		return err
	}
	if key == nil {
		data, err := s.Marshal()
		if err != nil {
			return err
		}
		return emit(cmd, out, append(data, '\n'))
	}
	b, err := sign.Statement(cmd.Context(), s, key)
	if err != nil {
		return err
	}
	data, err := marshalBundles(b)
	if err != nil {
		return err
	}
	if out == "" {
		return emit(cmd, "", data)
	}
	if err := appendFile(out, data); err != nil {
		return err
	}
	progress(cmd.ErrOrStderr(), "touchmark: signed by %s: %s", key, show(out))
	return nil
}
