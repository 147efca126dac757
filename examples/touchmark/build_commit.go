package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// A committing is what a build commits to, and where the salt is.
type committing struct {
	variables     []string
	arguments     bool
	salt, saltOut string
}

func (c *committing) flag(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.variables, "commit", nil, "commit to the value of the environment variable `NAME`, so that it can be shown later; may be repeated")
	f.BoolVar(&c.arguments, "commit-arguments", false, "commit to each argument of the command that is withheld")
	f.StringVar(&c.saltOut, "salt-out", "", "write the salt of the commitments, a secret, to the new `FILE`")
	f.StringVar(&c.salt, "salt", "", "in its place, use the salt in `FILE`: builds with one salt can be compared")
}

// options adds what is to be committed to. It looks at the files before the
// build runs.
func (c *committing) options(o *capture.Options) error {
	asked := len(c.variables) > 0 || c.arguments
	switch {
	case !asked && (c.salt != "" || c.saltOut != ""):
		return usagef("--salt and --salt-out are for --commit")
	case c.salt != "" && c.saltOut != "":
		return usagef("--salt and --salt-out: want one of both")
	case !asked:
		return nil
	case c.salt == "" && c.saltOut == "":
		return usagef("--commit: nobody can check what is committed to without the salt: name a new file for it with --salt-out FILE")
	}
	o.Commit, o.CommitArguments = c.variables, c.arguments
	if c.salt == "" {
		if exists(c.saltOut) {
			return fmt.Errorf("--salt-out: %q is already there: commitments that were made with it could not be opened any more", c.saltOut)
		}
		o.Salt = capture.NewSalt()
		return nil
	}
	data, err := readFile("--salt", c.salt, maxKey)
	if err != nil {
		return err
	}
	if o.Salt, err = capture.ParseSalt(string(data)); err != nil {
		return fmt.Errorf("--salt: %q: %w", c.salt, err)
	}
	return nil
}

// keep writes the salt that a record's commitments were made with.
func (c *committing) keep(rec *capture.Record) error {
	if c.saltOut == "" || len(rec.Commitments()) == 0 {
		return nil
	}
	return writeFile(c.saltOut, []byte(rec.Salt().Reveal()+"\n"), 0o600)
}

// tell says what was committed to, and what hides badly.
func (c *committing) tell(w io.Writer, rec *capture.Record) {
	var names, guessable []string
	for _, made := range rec.Commitments() {
		names = append(names, made.String())
		if made.Guessable {
			guessable = append(guessable, made.String())
		}
	}
	if len(names) == 0 {
		if len(c.variables) > 0 || c.arguments {
			fmt.Fprintln(w, "committed to nothing: what was named is not set")
		}
		return
	}
	fmt.Fprintf(w, "committed to %s", showAll(names))
	if c.saltOut != "" {
		fmt.Fprintf(w, "; the salt is in %s: keep it secret, and apart from the evidence", show(c.saltOut))
	}
	fmt.Fprintln(w)
	if slices.Sort(guessable); len(guessable) > 0 {
		fmt.Fprintf(w, "  short or simple: who has the salt may guess %s\n", showAll(guessable))
	}
}
