package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
)

func newAttest() *cobra.Command {
	var predicateType, predicate, out string
	var key signingKey
	c := &cobra.Command{
		Use:   "attest --type TYPE --predicate FILE [--key FILE] [--out FILE] ARTIFACT",
		Short: "state anything about an artifact: a test result, a scan, a review",
		Long: `attest makes a statement about an artifact: a predicate, which is any JSON object, and the URI
that says what it means. A policy asks for it under "attestations".

With --key it is signed, and --out adds the bundle to the file, which may hold others. Without
--key it is an unsigned statement for touchmark sign.`,
		Example: `  touchmark attest --type https://in-toto.io/attestation/test-result/v0.1 --predicate result.json --key qa.key --out dist/app.intoto.jsonl dist/app`,
		Args:    exactly("ARTIFACT"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if u, err := url.Parse(predicateType); err != nil || !u.IsAbs() {
				return usagef("--type: %q is no predicate type: want a URI like https://in-toto.io/attestation/test-result/v0.1", predicateType)
			}
			body, err := readFile("predicate", predicate, maxStatement)
			if err != nil {
				return err
			}
			subject, err := subjectOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			s, err := provenance.New(predicateType, json.RawMessage(body), subject)
			if err != nil {
				return fmt.Errorf("predicate %q: %w", predicate, err)
			}
			return emitStatements(cmd, &key, out, s)
		}),
	}
	f := c.Flags()
	f.StringVar(&predicateType, "type", "", "what the predicate means: its URI, `TYPE`")
	f.StringVar(&predicate, "predicate", "", "the predicate: a `FILE` with one JSON object")
	key.flag(c, "the statement")
	f.StringVar(&out, "out", "", "add the bundle to `FILE`, or without --key write the statement there; else to standard output")
	must(c.MarkFlagRequired("type"))
	must(c.MarkFlagRequired("predicate"))
	return c
}

// subjectOf hashes a file or folder, wherever it is, and names it by its last
// element.
func subjectOf(ctx context.Context, path string, algorithms ...string) (provenance.ResourceDescriptor, error) {
	if !exists(path) {
		return provenance.ResourceDescriptor{}, fmt.Errorf("artifact: there is no file %q", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return provenance.ResourceDescriptor{}, err
	}
	list, err := provenance.SubjectOptions{Root: filepath.Dir(abs), Algorithms: algorithms}.Subjects(ctx, abs)
	if err != nil {
		return provenance.ResourceDescriptor{}, fmt.Errorf("artifact %q: %w", path, err)
	}
	return list[0], nil
}
