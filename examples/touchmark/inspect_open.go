package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// An opening is what somebody is shown of what a build committed to.
type opening struct{ salt, name string }

func (o *opening) flag(c *cobra.Command) {
	c.Flags().StringVar(&o.salt, "salt", "", "with --open: the salt of the commitments, in `FILE`")
	c.Flags().StringVar(&o.name, "open", "", "check that standard input is the value of `NAME` that the build committed to: a variable, or \"argument 3\"")
}

// run checks one value against the provenance at path. The last newline of the
// input may be the value's, or the shell's.
func (o *opening) run(cmd *cobra.Command, path string) error {
	if o.salt == "" || o.name == "" {
		return usagef("--open and --salt belong together")
	}
	text, err := readFile("--salt", o.salt, maxKey)
	if err != nil {
		return err
	}
	salt, err := capture.ParseSalt(string(text))
	if err != nil {
		return fmt.Errorf("--salt: %q: %w", o.salt, err)
	}
	if !exists(path) {
		return fmt.Errorf("inspect: there is no file %q", path)
	}
	side, err := loadSides(path)
	if err != nil {
		return err
	}
	if side.build == nil {
		return fmt.Errorf("%q holds no provenance", path)
	}
	list, err := capture.Commitments(side.build)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	var names []string
	for _, c := range list {
		if names = append(names, c.String()); c.String() != o.name {
			continue
		}
		if c.SaltID != salt.ID() {
			return fmt.Errorf("--salt: %q is the salt of another build than %q", o.salt, path)
		}
		value, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxConfig+1))
		if err == nil && len(value) > maxConfig {
			err = errors.New("it is too large to be a value")
		}
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		if c.Open(salt, string(value)) != nil && c.Open(salt, string(bytes.TrimSuffix(value, []byte("\n")))) != nil {
			return &failure{statusDenied, fmt.Errorf("%s had another value when %q was written", o.name, path)}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s had this value when %s was written, if its signature is to be believed: touchmark verify\n", show(o.name), show(path))
		return nil
	}
	if len(names) == 0 {
		return fmt.Errorf("%q commits to nothing", path)
	}
	return fmt.Errorf("%q does not commit to %q: it does to %s", path, o.name, showAll(names))
}
