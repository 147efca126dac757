package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/verify"
)

func newVerify() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify --trust FILE --policy FILE [--evidence FILE]… [--name NAME] [--environment ENV] [--ledger DIR|--state FILE] [--capsule FILE] [--at TIME] [--format " + strings.Join(verdictFormats, "|") + "] ARTIFACT|DIGEST",
		Short: "may this artifact be used? ALLOW, DENY or UNDECIDED, and why",
		Long: `verify decides whether an artifact may be used. It holds the artifact and the evidence
about it against a trust file, which says who, and a policy, which says what must be
proven. Of several policies all must allow.

The artifact is a file or a folder. A digest (sha256:…) stands for one that is not at hand;
what has to look inside it cannot be answered then. Without --evidence the evidence is
ARTIFACT.intoto.jsonl. A file that is not there is no evidence, and that denies.

With --capsule all that comes from one file (see touchmark capsule), but for whom to believe: name the
trust file, or with --trust-digest the digest of the one in the capsule; and but for the artifact.

The verdict goes to standard output: for people as text, in colour and as wide as the terminal if it is
one (NO_COLOR is respected), or as a page (html); for programs as JSON; for code scanners as SARIF and for
build servers as JUnit. vsa makes it a SLSA verification summary, which others who trust --key believe:
PASSED or FAILED, and none if it is UNDECIDED. Exit status: 0 ALLOW, 1 DENY, 2 UNDECIDED or an
unusable trust file or policy, 64 wrong usage. Only 0 is a yes. Nothing is fetched from anywhere.`,
		Example: `  touchmark verify --trust trust.json --policy policy.json dist/app
  touchmark verify --trust trust.json --policy prod.json --environment prod --evidence app.intoto.jsonl --format json dist/app && deploy dist/app
  touchmark verify --trust trust.json --policy policy.json --format vsa --key verifier.key --resource pkg:generic/app@1.4.0 dist/app`,
		Args: exactly("ARTIFACT or DIGEST"),
		RunE: does(o.run),
	}
	o.question.flags(c)
	o.capsule.flags(c.Flags())
	o.printing.flags(c)
	return c
}

type verifyOptions struct {
	question
	capsule  capsuleFlags
	printing printing
}

func (o *verifyOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.printing.check(cmd.Context(), o.name); err != nil {
		return err
	}
	ask := o.ask
	if o.capsule != (capsuleFlags{}) {
		ask = o.askCapsule
	}
	q, err := ask(cmd, args[0])
	if err != nil {
		return err
	}
	defer q.done()
	verdict, err := q.verifier.Verify(cmd.Context(), q.request)
	if err := o.printing.print(cmd, verdict, q.request.Evidence); err != nil {
		return err
	}
	if now := time.Now(); !q.request.At.IsZero() && q.request.At.Before(now) {
		q.request.At = now
		today, _ := q.verifier.Verify(cmd.Context(), q.request) // what was asked is answered: this only tells
		tellToday(cmd, verdict, today)
	}
	return o.printing.status(err)
}

// tellToday says what has changed since the instant that was asked about.
func tellToday(cmd *cobra.Command, then, today *verify.Verdict) {
	if then.Decision == today.Decision {
		return
	}
	because := ""
	if failed := today.Failed(); len(failed) > 0 {
		because = fmt.Sprintf(", because %s: %s: %s", failed[0].Code, failed[0].Message, show(failed[0].Got))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: %s as of %s, but %s today%s\n", then.Decision, date(then.At), today.Decision, because)
}

// verdictStatus turns the error of a verdict, which has been printed, into a status.
func verdictStatus(err error) error {
	var no *verify.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no) && no.Verdict.Decision == verify.Deny:
		return &failure{status: statusDenied}
	case errors.As(err, &no):
		return &failure{status: statusFailed}
	}
	return err
}
