package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelpTeaches holds every command to a help that says what it is for, shows
// an example and explains each flag.
func TestHelpTeaches(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append(strings.Fields(c.CommandPath())[1:], "--help")
			if got := run(args, strings.NewReader(""), &out, &errs); got != statusDone {
				t.Fatalf("status %d: %s", got, errs.String())
			}
			if c.Short == "" || len(c.Long) < 80 {
				t.Error("it does not say what it is for")
			}
			if !c.HasSubCommands() && !strings.Contains(c.Example, c.CommandPath()+" ") {
				t.Error("it shows no example of itself")
			}
			if strings.Contains(out.String(), "\t") || !strings.HasSuffix(out.String(), "\n") {
				t.Errorf("help is not plain lines: %q", out.String())
			}
			for line := range strings.Lines(c.Long) {
				if n := len([]rune(line)); n > 112 {
					t.Errorf("a line of %d characters: %s", n, line)
				}
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(""))
}

// TestExamplesParse holds the examples to commands and flags that exist.
func TestExamplesParse(t *testing.T) {
	root := newRoot("")
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			words, _, _ := strings.Cut(strings.TrimSpace(line), " && ")
			args := shellWords(words)[1:]
			cmd, rest, err := newRoot("").Find(args)
			if err != nil || !cmd.Runnable() || strings.HasSuffix(cmd.Use, "COMMAND") {
				t.Errorf("%s: no such command: %s", c.CommandPath(), line)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := cmd.ValidateRequiredFlags(); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// shellWords parts a line as a shell does, of which examples need single quotes only.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words[len(words)-1] += part
			continue
		}
		if i > 0 && !strings.HasPrefix(part, " ") && part != "" {
			head, rest, _ := strings.Cut(part, " ")
			words[len(words)-1] += head
			part = rest
		}
		words = append(words, strings.Fields(part)...)
		if strings.HasSuffix(part, " ") {
			words = append(words, "")
		}
	}
	return words
}

// TestOneCommand finds each command by the name that the tree knows it by, alone and
// with the same help.
func TestOneCommand(t *testing.T) {
	for _, c := range newRoot("").Commands() {
		alone := newRoot(c.Name()).Commands()
		if len(alone) != 1 || alone[0].Name() != c.Name() || alone[0].Long != c.Long || len(alone[0].Commands()) != len(c.Commands()) {
			t.Errorf("%s is not alone: %d commands", c.Name(), len(alone))
		}
	}
}
