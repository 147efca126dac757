package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newCapsule() *cobra.Command {
	var o capsuleMake
	c := &cobra.Command{
		Use:   "capsule --trust FILE [--update FILE]… [--policy FILE]… [--evidence FILE]… [--ledger DIR] [--state FILE]… [--at TIME] --out FILE ARTIFACT|DIGEST",
		Short: "put all that verify asks for into one file, for where there is no network",
		Long: `capsule puts evidence about an artifact, a trust file, policies, and a ledger with all its records,
into one file. touchmark verify --capsule reads it, and comes to the same verdict as by the files.

The same content has the same bytes. Nobody has to believe the file: whoever verifies with it names the
trust file, or the digest of the one in it. Without --evidence the evidence is ARTIFACT.intoto.jsonl.
What the ledger takes back of attestations, keys and builders goes with the evidence.

--state takes what auditors signed about a product, a file of touchmark release state, in the place of all
the records, which then stay behind; with --ledger too, what it takes back still goes with the evidence.`,
		Example: `  touchmark capsule --trust trust.json --policy prod.json --ledger ledger --out app.capsule dist/app
  touchmark capsule --trust trust.json --policy prod.json --ledger ledger --state app.state.json --out app.capsule dist/app`,
		Args: exactly("ARTIFACT or DIGEST"),
		RunE: does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.trust, "trust", "", "the trust `FILE` that readers may have written down")
	f.StringArrayVar(&o.updates, "update", nil, "a signed next version of it in `FILE`; may be repeated")
	f.StringArrayVar(&o.policies, "policy", nil, "a policy `FILE`, signed or not; may be repeated")
	f.StringArrayVar(&o.evidence, "evidence", nil, "bundles about the artifact, a `FILE`; may be repeated")
	f.StringVar(&o.ledger, "ledger", "", "a ledger, a `DIR`")
	f.StringArrayVar(&o.states, "state", nil, "a `FILE` of touchmark release state, with FILE.proof beside it; may be repeated, for several products")
	f.StringVar(&o.at, "at", "", "name `TIME` as the instant of making; else now")
	f.StringVar(&o.out, "out", "", "write the capsule to `FILE`")
	must(c.MarkFlagRequired("trust"))
	must(c.MarkFlagRequired("out"))
	return c
}

type capsuleMake struct {
	trust, ledger, at, out              string
	updates, policies, evidence, states []string
}

func (o *capsuleMake) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	content := capsule.Content{At: time.Now().UTC().Truncate(time.Second)}
	var err error
	if o.at != "" {
		if content.At, err = instant("at", o.at); err != nil {
			return err
		}
	}
	if content.Trust, err = loadTrust(o.trust); err != nil {
		return err
	}
	for _, path := range o.updates {
		bundles, there, err := readEvidence(path)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("update: there is no file %q", path)
		}
		content.Updates = append(content.Updates, bundles...)
	}
	for _, path := range o.policies {
		data, err := readFile("policy", path, maxConfig)
		if err != nil {
			return err
		}
		content.Policies = append(content.Policies, data)
	}
	subject, evidence, err := o.about(ctx, args[0])
	if err != nil {
		return err
	}
	if o.ledger != "" {
		book := releaseBook{dir: o.ledger, trust: o.trust, product: "-"}
		defer book.done()
		reader, revoked, err := book.whole(ctx)
		if err != nil {
			return err
		}
		if evidence = append(evidence, revoked...); len(o.states) == 0 {
			content.Log = reader
		}
	}
	for _, path := range o.states {
		state, proof, err := readState(path)
		if err != nil {
			return err
		}
		content.States = append(content.States, capsule.State{State: state, Proof: proof})
	}
	content.Subjects, content.Source = []provenance.Digest{subject}, capsule.Set{subject: evidence}
	return writeCapsule(cmd, content, o.out)
}

// about is the artifact's digest, and the evidence about it.
func (o *capsuleMake) about(ctx context.Context, arg string) (provenance.Digest, []*sign.Bundle, error) {
	files := o.evidence
	digest, err := provenance.ParseDigest(arg)
	if _, isDigest := artifact(arg); !isDigest {
		s, err := subjectOf(ctx, arg)
		if err != nil {
			return digest, nil, err
		}
		digest = digestOf(s)
		if len(files) == 0 {
			files = []string{beside(arg, "", evidenceSuffix)}
		}
	} else if err != nil {
		return digest, nil, err
	}
	var all []*sign.Bundle
	for _, path := range files {
		bundles, there, err := readEvidence(path)
		if err != nil {
			return digest, nil, err
		}
		if !there {
			return digest, nil, fmt.Errorf("evidence: there is no file %q", path)
		}
		all = append(all, bundles...)
	}
	return digest, all, nil
}

// whole is a ledger as of now, and the records in it that take something back for
// all products.
func (o *releaseBook) whole(ctx context.Context) (*ledger.Reader, []*sign.Bundle, error) {
	replay, t, err := o.read()
	if err != nil {
		return nil, nil, err
	}
	_, revoked, err := withRevocations(ctx, replay)
	if err != nil {
		return nil, nil, err
	}
	reader, err := o.reader(ctx, t)
	return reader, revoked, err
}

// withRevocations is what a ledger says, and the records in it that take back attestations, keys and builders: they
// are evidence against whatever is asked about.
func withRevocations(ctx context.Context, replay *rollout.Replay) (*rollout.View, []*sign.Bundle, error) {
	var revoked []*sign.Bundle
	v, err := replay.Watch(ctx, func(e release.Effect, entry rollout.Entry) {
		if e.Kind == "revocation" && e.Product == "" && e.Void == nil {
			revoked = append(revoked, entry.Bundle)
		}
	})
	return v, revoked, err
}

// writeCapsule writes a capsule whole or not at all, and says what it is.
func writeCapsule(cmd *cobra.Command, content capsule.Content, path string) error {
	out, err := atomicfile.Create(path, 0o644)
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, cause(err))
	}
	defer out.Abort()
	if err := content.Write(cmd.Context(), out); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return fmt.Errorf("writing %q: %w", path, cause(err))
	}
	c, done, err := openCapsule(path)
	if err != nil {
		return err
	}
	defer done()
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s\n", show(path), c.Digest(), plural(len(c.Members()), "member", "members"))
	return nil
}

// openCapsule opens a capsule, whose file stays open until done is called.
func openCapsule(path string) (c *capsule.Capsule, done func() error, err error) {
	f, err := safefs.Open(path)
	if err != nil {
		return nil, nil, readError("capsule", path, err)
	}
	info, err := f.Stat()
	if err == nil {
		c, err = capsule.Open(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%q: %w", path, err)
	}
	return c, f.Close, nil
}

// readCapsule reads the ledger in a capsule, in place of a folder's.
func (o *releaseBook) readCapsule(t *verify.Trust) (*rollout.Replay, error) {
	c, done, err := openCapsule(o.dir)
	if err != nil {
		return nil, err
	}
	o.close = append(o.close, done)
	return capsule.Pins{Trust: t, Options: func(*verify.Trust) (verify.Options, error) { return releaseOptions(), nil }}.Replay(c)
}

// capsuleFlags are what verify asks of whoever brings a capsule.
type capsuleFlags struct {
	file, trustDigest, policyDigests, memory string
}

func (o *capsuleFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&o.file, "capsule", "", "take evidence, policies and ledger from the capsule in `FILE`")
	f.StringVar(&o.trustDigest, "trust-digest", "", "believe the trust file in the capsule that has this `DIGEST`, see touchmark trust check")
	f.StringVar(&o.policyDigests, "policy-digest", "", "ask the policies in the capsule that have these `DIGESTS`, with commas; else those that were signed")
	f.StringVar(&o.memory, "memory", "", "remember the newest head of the ledger in `FILE`, and of states in FILE.seen, and refuse an older capsule")
}

// askCapsule reads the capsule, and what whoever brings it pins.
func (o *verifyOptions) askCapsule(cmd *cobra.Command, what string) (_ *askedQuestion, err error) {
	switch {
	case o.capsule.file == "":
		return nil, usagef("--trust-digest, --policy-digest and --memory go with --capsule")
	case len(o.evidence) > 0 || len(o.layouts) > 0 || o.ledger != "" || o.state != "":
		return nil, usagef("with --capsule, evidence and ledger are in it: want no --evidence, --layout, --ledger and --state")
	case (o.trust == "") == (o.capsule.trustDigest == ""):
		return nil, usagef("--capsule wants --trust or --trust-digest: a capsule does not say whom to believe")
	case o.trust == "" && len(o.policies) > 0:
		return nil, usagef("--policy wants --trust: a policy is read by the trust file")
	}
	c, done, err := openCapsule(o.capsule.file)
	if err != nil {
		return nil, err
	}
	q := &askedQuestion{done: func() { done() }}
	defer func() {
		if err != nil {
			q.done()
		}
	}()
	pins := capsule.Pins{Name: o.name, Environment: o.environment, Memory: o.capsule.memory, Options: verifyOptionsOf}
	switch o.at {
	case "":
	case "capsule":
		pins.At = c.At()
	default:
		if pins.At, err = instant("at", o.at); err != nil {
			return nil, err
		}
	}
	if o.trust != "" {
		if pins.Trust, err = loadTrust(o.trust); err != nil {
			return nil, err
		}
		if pins.Policies, err = o.load(cmd.Context(), pins.Trust); err != nil {
			return nil, err
		}
	} else if pins.TrustDigest, err = provenance.ParseDigest(o.capsule.trustDigest); err != nil {
		return nil, usagef("--trust-digest: %v", err)
	}
	if o.capsule.policyDigests != "" {
		if pins.PolicyDigests, err = digestList("policy-digest", o.capsule.policyDigests); err != nil {
			return nil, err
		}
	}
	seen := releaseBook{trust: o.capsule.memory}
	if o.capsule.memory != "" {
		if pins.Seen, err = seen.memory(); err != nil {
			return nil, err
		}
	}
	a, isDigest := artifact(what)
	var subjects []provenance.Digest
	if d, err := provenance.ParseDigest(what); isDigest && err == nil && slices.Contains(c.Subjects(), d) {
		subjects = []provenance.Digest{d}
	}
	if q.verifier, q.request, err = pins.Verifier(cmd.Context(), c, subjects...); err != nil {
		return nil, err
	}
	if _, asked := q.request.Release.(*rollout.StateView); asked && pins.Seen != nil {
		if err := seen.keep(pins.Seen); err != nil {
			return nil, err
		}
	}
	q.request.Artifact = a
	if o.at == "" {
		q.request.At = time.Time{} // now, as by files
	}
	return q, nil
}

// inspectCapsule says what is in a capsule. That it is whole was checked.
func inspectCapsule(w *bytes.Buffer, path string) error {
	c, done, err := openCapsule(path)
	if err != nil {
		return err
	}
	defer done()
	fmt.Fprintf(w, "a capsule, whole, %s\n%s\n\nmade, it says, at %s\n", c.Digest(), "What is in it, nobody has checked: touchmark verify --capsule", date(c.At()))
	t := table(w)
	for _, m := range c.Members() {
		fmt.Fprintf(t, "%d\t%s\n", m.Size, m.Name)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range c.Erased() {
		fmt.Fprintf(w, "erased, by record %d: %s: %s\n", e.Record, e.Digest, show(e.Reason))
	}
	for _, d := range c.Absent() {
		fmt.Fprintf(w, "absent: %s\n", d)
	}
	return nil
}
