package main

import (
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sbom"
)

func newSBOMMerge(maker *bomMaker) *cobra.Command {
	var name, version, out string
	c := &cobra.Command{
		Use:   "merge --name NAME [--version VERSION] [--out FILE] BINARY|DIR|FILE…",
		Short: "make one SBOM of a product of those of its parts",
		Long: `merge makes one CycloneDX document of several: that of a product whose parts they are about.

The order of the files does not matter, and what several have is there once. Nothing in the result
is called complete that one of the files does not call complete. What the files disagree about is
kept twice, and named on standard error together with what cannot be carried over.`,
		Example: `  touchmark sbom merge --name acme-suite --version 1.4.0 --out suite.cdx.json dist/server.cdx.json dist/agent`,
		Args:    atLeastOne("BINARY, DIR or FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if name == "" {
				return usagef("--name is missing: say what the product is called")
			}
			var boms []*cdx.BOM
			for _, path := range args {
				bom, _, err := maker.bom(cmd, path)
				if err != nil {
					return err
				}
				boms = append(boms, bom)
			}
			bom, conflicts, err := sbom.Merge(name, version, boms...)
			if err != nil {
				return err
			}
			data, err := marshalBOM(bom)
			if err != nil {
				return err
			}
			if err := emit(cmd, out, data); err != nil {
				return err
			}
			for _, c := range conflicts {
				fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: %s\n", oneLine(c))
			}
			return nil
		}),
	}
	c.Flags().StringVar(&name, "name", "", "what the product is called: `NAME`")
	c.Flags().StringVar(&version, "version", "", "the product's `VERSION`")
	outFlag(c, &out)
	return c
}
