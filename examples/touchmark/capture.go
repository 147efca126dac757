package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

func newCapture() *cobra.Command {
	var out string
	var linkVars []string
	c := &cobra.Command{
		Use:   "capture [--out FILE] [--link-var NAME]… ARTIFACT…",
		Short: "write provenance after the fact",
		Long: `capture writes provenance of artifacts that were built before: what they say of themselves, and
what git says of the working folder now. Nobody saw the command and its environment, so they are
not in it, and a policy that names them refuses it. Where you can, use touchmark build.

The statement is not signed, see touchmark sign. On a terminal it is told how well each fact is known.`,
		Example: `  touchmark capture --out app.provenance.json dist/app
  touchmark sign --key release.key --out dist/app.intoto.jsonl app.provenance.json`,
		Args: atLeastOne("ARTIFACT"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			rec, err := capture.Options{LinkVars: linkVars, CI: os.Environ()}.After(cmd.Context(), args...)
			if err != nil {
				return err
			}
			data, err := rec.Statement().Marshal()
			if err != nil {
				return err
			}
			if err := emit(cmd, out, append(data, '\n')); err != nil {
				return err
			}
			if w := cmd.ErrOrStderr(); isTerminal(w) {
				tellGrades(w, rec)
			}
			return nil
		}),
	}
	outFlag(c, &out)
	c.Flags().StringArrayVar(&linkVars, "link-var", nil, "record the value that -ldflags=-X gave the `VARIABLE`, like main.version; may be repeated")
	return c
}
