package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot makes the tree of commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "touchmark",
		Short: "prove how software was made, and decide whether it may be used",
		Long: `touchmark proves how software was made, and decides whether it may be used.

The side that builds records how, lists what is inside, and signs both:
  keys generate   make a signing key
  build           run a build, and write its provenance, its SBOM and their bundle
  capture, sbom, attest, sign
                  the same in single steps, and any other attestation

The side that uses says whom it trusts and what must be proven, and asks:
  trust init      whom: keys, and who may build to which level
  policy learn    what: the tightest policy that a good release meets
  verify          may this artifact be used?  It answers ALLOW, DENY or UNDECIDED, and why

And for people: inspect (what is this file?), diff (what changed?).

Exit status: 0 allowed or done, 1 denied, 2 undecided or could not do it, 64 wrong usage.
Only 0 is a yes.`,
		Example: `  touchmark keys generate --out release.key
  touchmark build --key release.key -- go build -trimpath -o dist/app ./cmd/app
  touchmark trust init --principal ci=release.key.pub --builder ci=local=1 --out trust.json
  touchmark policy learn --trust trust.json --out policy.json dist/app
  touchmark verify --trust trust.json --policy policy.json dist/app`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          group("build, verify or another; touchmark --help lists them"),
		Args:          cobra.ArbitraryArgs,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newBuild(), newCapture(), newSBOM(), newAttest(), newSign(), newVerify(), newInspect(), newDiff(),
		newTrust(), newPolicy(), newKeys())
	for _, c := range root.Commands() {
		disableSorting(c)
	}
	disableSorting(root)
	return root
}

// disableSorting lists flags in the order in which they are explained.
func disableSorting(c *cobra.Command) {
	c.Flags().SortFlags = false
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		disableSorting(sub)
	}
}

// group is what a command does that only has commands below it: it says so.
func group(want string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("which command? want %s", want)
		}
		msg := fmt.Sprintf("%q is no command of %s: want %s", args[0], cmd.CommandPath(), want)
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			msg += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
		}
		return &usageError{msg}
	}
}

// does wraps what a command does: its errors end it with status 2, unless they
// bring their own.
func does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		var usage *usageError
		var fail *failure
		if err == nil || errors.As(err, &usage) || errors.As(err, &fail) {
			return err
		}
		return &failure{statusFailed, err}
	}
}

// exactly wants so many arguments, and names them.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(args) < len(names) {
			return usagef("%s is missing", strings.Join(names[len(args):], " and "))
		}
		return usagef("%q is one argument too many: want %s", args[len(names)], strings.Join(names, " "))
	}
}

// atLeastOne wants one argument or more.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s is missing", name)
		}
		return nil
	}
}
