// Command look says what a file is that came along with software: a go.mod, a
// CycloneDX document, a signed envelope, a public key, or any YAML or JSON.
//
// It is the program that the quickstart builds and signs. It is real, in that
// it does something and links over ten modules, and it is otherwise of no account.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	cmd := &cobra.Command{
		Use:          "look FILE…",
		Short:        "say what a file is that came along with software",
		Args:         cobra.MinimumNArgs(1),
		SilenceUsage: true,
	}
	width := cmd.Flags().Int("width", terminalWidth(), "cut lines to this many characters")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		var failed error
		for _, name := range files {
			if err := show(cmd, name, *width); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
			}
		}
		return failed
	}
	if cmd.Execute() != nil {
		os.Exit(1)
	}
}

// terminalWidth is 80 where there is no terminal.
func terminalWidth() int {
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		return width
	}
	return 80
}

// show prints what is known about one file.
func show(cmd *cobra.Command, name string, width int) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	lines := look(name, data)
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", name, lines[0])
	for _, line := range lines[1:] {
		if text := []rune(line); len(text) > width-2 {
			line = string(text[:max(width-3, 0)]) + "…"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", line)
	}
	return nil
}
