package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/verify"
)

func newPolicyExcept() *cobra.Command {
	var o exceptOptions
	c := &cobra.Command{
		Use:   "except --trust FILE --policy FILE [--evidence FILE]… [--name NAME] [--environment ENV] --reason TEXT --expires TIME [--key FILE] [--out FILE] ARTIFACT|DIGEST",
		Short: "let one artifact pass although it fails checks that people may waive",
		Long: `except asks about the artifact as verify does. If it is denied, and the policy's exceptions let people
waive every check that failed, it writes the exception: for this artifact, under this very policy, of
these checks and no others, until it expires. Each check goes to standard error: look at what you let pass.

With --key it is signed. The others who must agree sign the same one: touchmark sign --key FILE, with
the bundle. Who may sign it, how many of them it takes and how long it may run, the policy says; the
author's signature never counts. Then hand it in as evidence: every verdict shows it.`,
		Example: `  touchmark policy except --trust trust.json --policy prod.json --environment prod --reason 'CVE-2026-1 is in code that is not linked' --expires 7d --key alice.key --out dist/app.intoto.jsonl dist/app
  touchmark sign --key bob.key --type https://github.com/touchmark-go/touchmark/predicates/exception/v1 dist/app.intoto.jsonl`,
		Args: exactly("ARTIFACT or DIGEST"),
		RunE: does(o.run),
	}
	o.question.flags(c)
	f := c.Flags()
	f.StringVar(&o.reason, "reason", "", "why, in your own words: `TEXT`")
	f.StringVar(&o.expires, "expires", "", "from `TIME` on it counts for nothing (2026-11-21, 7d)")
	o.key.flag(c, "the exception")
	f.StringVar(&o.out, "out", "", "add it to `FILE`; else write it to standard output")
	must(c.MarkFlagRequired("reason"))
	must(c.MarkFlagRequired("expires"))
	return c
}

type exceptOptions struct {
	question
	reason, expires, out string
	key                  signingKey
}

func (o *exceptOptions) run(cmd *cobra.Command, args []string) error {
	now := time.Now()
	expires, err := until("expires", o.expires, now)
	if err != nil {
		return err
	}
	q, err := o.ask(cmd, args[0])
	if err != nil {
		return err
	}
	defer q.done()
	if len(q.policies) != 1 {
		return fmt.Errorf("an exception is from one policy, and there are %d", len(q.policies))
	}
	p := q.policies[0]
	verdict, err := q.verifier.Verify(cmd.Context(), q.request)
	var no *verify.Error
	if err != nil && !errors.As(err, &no) {
		return err
	}
	if no != nil && verdict.Decision == verify.Undecided {
		return err // which says why
	}
	e, err := p.Except(verdict)
	if err != nil {
		return err
	}
	from := verdict.At
	switch {
	case !expires.After(from):
		return usagef("--expires: %s is past", date(expires))
	case expires.Sub(from) > p.Exceptions.For:
		return usagef("--expires: %s is too late: the policy lets an exception run until %s at most", date(expires), date(from.Add(p.Exceptions.For)))
	}
	e.Reason, e.Expires = o.reason, expires
	if err := e.Validate(); err != nil {
		return usagef("%v", err)
	}
	if err := emitStatements(cmd, &o.key, o.out, e.Statement()); err != nil {
		return err
	}
	for _, f := range verdict.Failed() {
		fmt.Fprintf(cmd.ErrOrStderr(), "waived: %s at %s: want %s, got %s\n", f.Code, show(f.Rule), show(f.Want), show(f.Got))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "until %s, once it is signed by %s\n", date(expires), show(p.Exceptions.ApprovedBy.String()))
	return nil
}
