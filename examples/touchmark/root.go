package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot makes the tree of commands. If only is the name of one, it is the only one
// in the tree: what is to run need not wait until all others know their flags.
func newRoot(only string) *cobra.Command {
	root := &cobra.Command{
		Use:   "touchmark COMMAND",
		Short: "prove how software was made, and decide whether it may be used",
		Long: `touchmark proves how software was made, and decides whether it may be used.

Who builds records how, lists what is inside, and signs both. Who uses says whom to believe and
what must be proven, and asks: the answer is ALLOW, DENY or UNDECIDED, and why.

Exit status: 0 allowed or done, 1 denied, 2 undecided or could not do it, 64 wrong usage.
Only 0 is a yes.`,
		Example: `  touchmark keys generate --out release.key
  touchmark build --key release.key -- go build -trimpath -o dist/app ./cmd/app
  touchmark trust init --principal ci=release.key.pub --builder ci=local=1 --out trust.json
  touchmark policy learn --trust trust.json --out policy.json dist/app
  touchmark verify --trust trust.json --policy policy.json dist/app`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          group("build, verify or another"),
		Args:          cobra.ArbitraryArgs,
	}
	type named struct {
		name string
		make func() *cobra.Command
	}
	groups := []struct {
		title    string
		commands []named
	}{
		{"To build:", []named{{"keys", newKeys}, {"build", newBuild}, {"capture", newCapture}, {"sbom", newSBOM}, {"attest", newAttest}, {"sign", newSign}, {"store", newStore}}},
		{"To decide:", []named{{"trust", newTrust}, {"policy", newPolicy}, {"verify", newVerify}, {"capsule", newCapsule}}},
		{"To release:", []named{{"release", newRelease}}},
		{"To look:", []named{{"inspect", newInspect}, {"diff", newDiff}}},
	}
	alone := false
	for _, g := range groups {
		alone = alone || slices.ContainsFunc(g.commands, func(n named) bool { return n.name == only })
	}
	root.CompletionOptions.DisableDefaultCmd = alone
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, n := range g.commands {
			if alone && n.name != only {
				continue
			}
			c := n.make()
			c.GroupID = g.title
			root.AddCommand(c)
		}
	}
	root.SetUsageFunc(usage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if args := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(args) > 0 {
			return cmd.RunE(cmd, args) // a misspelt command's flags are unknown because it is
		}
		return err
	})
	inOrder(root)
	return root
}

// inOrder lists flags in the order in which they are explained.
func inOrder(c *cobra.Command) {
	c.Flags().SortFlags = false
	c.DisableFlagsInUseLine = true
	for _, sub := range c.Commands() {
		inOrder(sub)
	}
}

// usage says how a command is called, with examples before the details.
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	list := func(title string, in func(*cobra.Command) bool) {
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() && in(c) {
				if title != "" {
					fmt.Fprintf(&b, "\n%s\n", title)
					title = ""
				}
				fmt.Fprintf(&b, "  %-11s %s\n", c.Name(), c.Short)
			}
		}
	}
	for _, g := range cmd.Groups() {
		list(g.Title, func(c *cobra.Command) bool { return c.GroupID == g.ID })
	}
	list("Commands:", func(c *cobra.Command) bool { return c.GroupID == "" && c.Name() != "completion" })
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command.\n", cmd.CommandPath())
	}
	if !cmd.HasParent() {
		b.WriteString("touchmark completion SHELL --help says how a shell (bash, zsh, fish, powershell) completes words.\n")
	} else if flags := cmd.LocalFlags().FlagUsages(); (!cmd.HasAvailableSubCommands() || cmd.Flags().Lookup("out") != nil) && flags != "" {
		fmt.Fprintf(&b, "\nFlags:\n%s", flags)
	}
	_, err := io.WriteString(cmd.OutOrStderr(), b.String())
	return err
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
