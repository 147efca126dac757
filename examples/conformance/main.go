// Command conformance runs published test material through the library's
// public packages, and prints where it and the library differ.
//
//	conformance corpus --csv FILE --root DIR
//	conformance verify-bundle --bundle FILE --certificate-identity ID --certificate-oidc-issuer URL --trusted-root FILE FILE|DIGEST
//	conformance verify-bundle --bundle FILE --key FILE --trusted-root FILE FILE|DIGEST
//	conformance sign-bundle [--in-toto] --identity-token TOKEN --bundle FILE --signing-config FILE FILE
//
// The last two are the protocol of the Sigstore conformance suite. Nothing is
// fetched and no instance is built in, so --staging alone names none.
//
// FILE is an expected.csv: one case a row, with the columns id, format,
// bundle_path, artifact_path_or_digest, trusted_root_path, identity, issuer,
// builder_id, source_uri, source_tag, expected and note; paths are relative to
// DIR. Each difference is printed as "MISMATCH id want got why", each case that
// is not run as "SKIP id reason", and last "N passed, N failed, N skipped". The
// exit status is 1 if a case failed, 2 if the material could not be read, and 64
// for wrong usage.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	usage := func() int {
		fmt.Fprintln(stderr, "usage: conformance corpus --csv FILE --root DIR")
		return 64
	}
	if len(args) > 0 && (args[0] == "verify-bundle" || args[0] == "sign-bundle") {
		return runClient(args, stderr)
	}
	if len(args) == 0 || args[0] != "corpus" {
		return usage()
	}
	flags := flag.NewFlagSet("corpus", flag.ContinueOnError)
	flags.SetOutput(stderr)
	csv := flags.String("csv", "", "the `FILE` that lists the cases and their verdicts")
	root := flags.String("root", "", "the `DIR` that its paths are relative to")
	if flags.Parse(args[1:]) != nil || *csv == "" || *root == "" || flags.NArg() > 0 {
		return usage()
	}
	c, err := corpus(*csv, *root, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return 2
	}
	if c.failed > 0 {
		return 1
	}
	return 0
}
