package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A question is what a Verifier is asked on the command line: about what, by
// whose word, under which policies.
type question struct {
	trust, name, environment, ledger, state, at string
	policies, evidence, layouts                 []string
}

func (o *question) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.trust, "trust", "", "whom to believe: a trust `FILE`, see touchmark trust init")
	f.StringArrayVar(&o.policies, "policy", nil, "what must be proven: a policy `FILE`, signed or not, see touchmark policy learn, or a folder of which the name chooses; may be repeated, and all must allow")
	f.StringArrayVar(&o.evidence, "evidence", nil, "a `FILE` of bundles, in the place of ARTIFACT.intoto.jsonl; may be repeated")
	f.StringArrayVar(&o.layouts, "layout", nil, "an in-toto layout, a `FILE` beside its links, as evidence that its steps were done as it says; may be repeated")
	f.StringVar(&o.name, "name", "", "the `NAME` that it was asked for by (pkg:generic/app@1.4.0); wanted exactly if the policy is for a package")
	f.StringVar(&o.environment, "environment", "", "where it is to run, `ENV`; wanted exactly if the policy is for an environment")
	f.StringVar(&o.ledger, "ledger", "", "what is released and promoted: a ledger, a `DIR`; wanted exactly if the policy asks one, see touchmark release")
	f.StringVar(&o.state, "state", "", "in the place of a ledger that cannot be read: a `FILE` of touchmark release state, with FILE.proof beside it")
	f.StringVar(&o.at, "at", "", "judge as of `TIME` (2026-11-21T03:07:00Z); else now")
}

// An askedQuestion is ready to be answered.
type askedQuestion struct {
	verifier *verify.Verifier
	policies []*verify.Policy
	request  verify.Request
	done     func() // closes the ledger
}

// ask reads all that the question names.
func (o *question) ask(cmd *cobra.Command, what string) (*askedQuestion, error) {
	var missing []string
	if o.trust == "" {
		missing = append(missing, `"trust"`)
	}
	if len(o.policies) == 0 {
		missing = append(missing, `"policy"`)
	}
	if len(missing) > 0 {
		return nil, usagef("required flag(s) %s not set", strings.Join(missing, ", "))
	}
	if o.ledger != "" && o.state != "" {
		return nil, usagef("want one of --ledger and --state")
	}
	q := &askedQuestion{request: verify.Request{Name: o.name, Environment: o.environment}, done: func() {}}
	if o.at != "" {
		at, err := instant("at", o.at)
		if err != nil {
			return nil, err
		}
		q.request.At = at
	}
	trust, err := loadTrust(o.trust)
	if err != nil {
		return nil, err
	}
	if q.policies, err = o.load(cmd.Context(), trust); err != nil {
		return nil, err
	}
	if q.verifier, err = newVerifier(trust, q.policies...); err != nil {
		return nil, err
	}
	var isDigest bool
	q.request.Artifact, isDigest = artifact(what)
	files := o.evidence
	if len(files) == 0 && !isDigest {
		files = []string{beside(what, "", evidenceSuffix)}
	}
	if q.request.Evidence, err = o.read(cmd, files); err != nil {
		return nil, err
	}
	for _, path := range o.layouts {
		b, err := readLayout(path)
		if err != nil {
			return nil, err
		}
		q.request.Evidence = append(q.request.Evidence, b)
	}
	if o.state != "" {
		if q.request.Release, err = o.readState(trust); err != nil {
			return nil, err
		}
	}
	if o.ledger != "" {
		book := releaseBook{dir: o.ledger, trust: o.trust, product: "-"} // a policy names its own
		q.done = book.done
		replay, _, err := book.read()
		if err != nil {
			return nil, err
		}
		view, revoked, err := withRevocations(cmd.Context(), replay)
		if err != nil {
			book.done()
			return nil, err
		}
		q.request.Release, q.request.Evidence = view, append(q.request.Evidence, revoked...)
	}
	return q, nil
}

// readState reads what auditors say of the ledger, and remembers it.
func (o *question) readState(t *verify.Trust) (*rollout.StateView, error) {
	state, proof, err := readState(o.state)
	if err != nil {
		return nil, err
	}
	book := releaseBook{trust: o.trust}
	memory, err := book.memory()
	if err != nil {
		return nil, err
	}
	v, err := rollout.StateReader{Trust: t, Memory: memory}.Read(state, proof)
	if err != nil {
		return nil, fmt.Errorf("state %q: %w", o.state, err)
	}
	return v, book.keep(memory)
}

// readLayout makes evidence of a layout and the links beside it. What does not
// hold is evidence that cannot be read, and the verdict says why.
func readLayout(path string) (*sign.Bundle, error) {
	chain, err := layout.Load(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("layout %q: %w", path, err)
	}
	b, err := chain.Bundle()
	if err != nil {
		b = &sign.Bundle{Err: err}
	}
	b.Origin = filepath.Base(path)
	return b, nil
}

// artifact is the file of that name, or the digest if it is one and no such
// file is there.
func artifact(arg string) (a verify.Artifact, isDigest bool) {
	if d, err := provenance.ParseDigest(arg); err == nil {
		// Some systems have no file names with a colon, and say so in their own way.
		if _, err := os.Lstat(arg); err != nil {
			return verify.Digest(d), true
		}
	}
	return verify.File(arg), false
}

// read reads the evidence and says which files are not there: that the verdict
// then knows of no evidence must not surprise.
func (o *question) read(cmd *cobra.Command, files []string) ([]*sign.Bundle, error) {
	var all []*sign.Bundle
	for _, path := range files {
		bundles, there, err := readEvidence(path)
		if err != nil {
			return nil, err
		}
		if !there {
			fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: there is no file %q, so nothing is proven by it (name evidence with --evidence)\n", path)
		}
		all = append(all, bundles...)
	}
	if len(files) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "touchmark: no evidence: beside a digest there is none, name it with --evidence")
	}
	return all, nil
}
