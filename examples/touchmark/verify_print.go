package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// verdictFormats are what a verdict is printed as.
var verdictFormats = []string{"text", "json", "sarif", "junit", "html", "vsa"}

// printing is how a verdict is printed, and who signs it.
type printing struct {
	format, verifier, resource string
	key                        signingKey
	signer                     *keys.Key // once it is loaded
}

func (p *printing) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.format, "format", "text", "print the verdict as `"+strings.Join(verdictFormats, "|")+"`")
	p.key.flag(c, "the summary of --format vsa")
	f.StringVar(&p.verifier, "verifier", "", "who verifies, for --format vsa, a `URI`; else urn:touchmark:key: and the key's ID")
	f.StringVar(&p.resource, "resource", "", "where users find the artifact, for --format vsa, a `URI`; else the name")
	completeWords(c, "format", verdictFormats...)
}

// check refuses what makes no sense together, and gets the key, before anything is verified.
func (p *printing) check(ctx context.Context, name string) (err error) {
	if !contains(verdictFormats, p.format) {
		return usagef("--format: %q: want %s", p.format, orList(verdictFormats))
	}
	if p.format != "vsa" {
		if p.key.path != "" || p.key.program != "" || p.key.secret.given() || p.verifier != "" || p.resource != "" {
			return usagef("a key, --verifier and --resource are for --format vsa")
		}
		return nil
	}
	if p.resource = cmp.Or(p.resource, name); !isURI(p.resource) {
		return usagef("--format vsa: %q is no URI: say with --resource where users find the artifact", p.resource)
	}
	if p.verifier == "" && p.key.path == "" {
		return usagef("--format vsa: say who verifies with --verifier, or sign it with --key")
	}
	if p.verifier != "" && !isURI(p.verifier) {
		return usagef("--verifier: %q is no URI", p.verifier)
	}
	p.signer, err = p.key.load(ctx)
	return err
}

func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}

// print writes the verdict; evidence is all that it was made of.
func (p *printing) print(cmd *cobra.Command, verdict *verify.Verdict, evidence []*sign.Bundle) error {
	var data []byte
	var err error
	switch p.format {
	case "json":
		data, err = report.JSON(verdict)
	case "sarif":
		data, err = report.SARIF(verdict)
	case "junit":
		data, err = report.JUnit(verdict)
	case "html":
		data = report.HTML(verdict)
	case "vsa":
		return p.summarize(cmd, verdict, evidence)
	default:
		out := cmd.OutOrStdout()
		data = []byte(report.Options{Width: widthOf(out), Color: colored(out, os.Getenv)}.Text(verdict))
	}
	if err != nil {
		return err
	}
	return emit(cmd, "", data)
}

// summarize writes the verification summary, signed if there is a key.
func (p *printing) summarize(cmd *cobra.Command, verdict *verify.Verdict, evidence []*sign.Bundle) error {
	id := p.verifier
	if id == "" {
		key, err := p.signer.KeyID()
		if err != nil {
			return err
		}
		id = "urn:touchmark:key:" + key
	}
	s, err := report.VSA{Verifier: id, Resource: p.resource, Evidence: evidence}.Statement(verdict)
	if err != nil && verdict.Decision == verify.Undecided {
		return fmt.Errorf("%w: %w", err, &verify.Error{Verdict: verdict})
	}
	if err != nil {
		return err
	}
	if p.signer == nil {
		data, err := s.Marshal()
		if err != nil {
			return err
		}
		return emit(cmd, "", append(data, '\n'))
	}
	data, err := signAll(cmd.Context(), p.signer, s)
	if err != nil {
		return err
	}
	return emit(cmd, "", data)
}

// status turns the error of a verdict, which has been printed, into a status. A
// summary does not say why, so that is said here.
func (p *printing) status(err error) error {
	var no *verify.Error
	if p.format == "vsa" && errors.As(err, &no) && no.Verdict.Decision == verify.Deny {
		return &failure{status: statusDenied, err: err}
	}
	return verdictStatus(err)
}

// widthOf is how many characters a line of a terminal has; 0 is no terminal, or
// one that does not say.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
