package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sbom"
)

func newSBOMPaths(maker *bomMaker) *cobra.Command {
	var most int
	c := &cobra.Command{
		Use:   "paths [--most N] BINARY|DIR|FILE COMPONENT",
		Short: "say who brings a component in",
		Long: `paths says who brings a component in: each way to it from the main component, the shortest first.

COMPONENT is a name, name@version, package URL or bom-ref. An SBOM made of a binary has no ways,
because a binary does not say which module imports which: ask the folder that it was built from.`,
		Example: `  touchmark sbom paths ./cmd/app golang.org/x/net
  touchmark sbom paths --most 1 app.cdx.json pkg:golang/golang.org/x/net@v0.43.0`,
		Args: exactly("BINARY, DIR or FILE", "COMPONENT"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if most < 1 {
				return usagef("--most: %d: want 1 or more", most)
			}
			bom, _, err := maker.bom(cmd, args[0])
			if err != nil {
				return err
			}
			paths, all, err := sbom.Paths(bom, args[1], most)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			for _, p := range paths {
				names := make([]string, len(p))
				for i, c := range p {
					names[i] = label(c)
				}
				fmt.Fprintln(&b, strings.Join(names, " -> "))
			}
			if err := emit(cmd, "", b.Bytes()); err != nil {
				return err
			}
			switch {
			case len(paths) == 0:
				return fmt.Errorf("%s is there, and nothing says who brings it in", show(args[1]))
			case !all:
				fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: there are more ways: --most shows them\n")
			}
			return nil
		}),
	}
	c.Flags().IntVar(&most, "most", 20, "show `N` ways at most")
	return c
}
