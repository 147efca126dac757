package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completeWords makes the shell offer words as the value of a flag.
func completeWords(c *cobra.Command, flag string, words ...string) {
	must(c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// orList is "a, b or c".
func orList(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// instant reads a time: RFC 3339 with Z, or a day, which begins at midnight UTC.
func instant(flag, s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil && strings.HasSuffix(s, "Z") {
		return t, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Time{}, usagef("--%s: %q is no time: want one like 2026-11-21T03:07:00Z or 2026-11-21", flag, s)
}

// until reads an instant, or a number of days from now: "90d".
func until(flag, s string, now time.Time) (time.Time, error) {
	if digits, ok := strings.CutSuffix(s, "d"); ok && len(digits) <= 5 && strings.Trim(digits, "0123456789") == "" && digits != "" && digits[0] != '0' {
		n, _ := strconv.Atoi(digits)
		return now.AddDate(0, 0, n).UTC().Truncate(time.Second), nil
	}
	t, err := instant(flag, s)
	if err != nil {
		return t, fmt.Errorf("%w, or a number of days like 90d", err)
	}
	return t, nil
}

// outFlag is for commands that write one document, by emit.
func outFlag(c *cobra.Command, out *string) {
	c.Flags().StringVar(out, "out", "", "write to `FILE`; else to standard output")
}

// formatFlag is for commands that print text, or JSON for programs; see textOrJSON.
func formatFlag(c *cobra.Command, format *string) {
	c.Flags().StringVar(format, "format", "text", "print as `text|json`")
	completeWords(c, "format", "text", "json")
}

// textOrJSON is wrong usage unless --format is one of the two.
func textOrJSON(format string) error {
	if format != "text" && format != "json" {
		return usagef("--format: %q: want text or json", format)
	}
	return nil
}

// pair splits NAME=VALUE.
func pair(flag, s string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" || value == "" {
		return "", "", usagef("--%s: %q: want NAME=VALUE", flag, s)
	}
	return name, value, nil
}
