package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// stageOf is the stage of a product by name, as the trust file has it.
func stageOf(t *verify.Trust, product, name string) (verify.Stage, error) {
	stages := t.Products[product].Stages
	i := slices.IndexFunc(stages, func(s verify.Stage) bool { return s.Name == name })
	if i < 0 {
		return verify.Stage{}, fmt.Errorf("%s has no stage %q in the trust file", product, name)
	}
	return stages[i], nil
}

func newReleaseApprove() *cobra.Command {
	var o releaseBook
	var to, policy, expires, nonce, reason string
	c := &cobra.Command{
		Use:   "approve --ledger DIR --trust FILE --key FILE --to ENV --policy FILE [--expires TIME] RELEASE",
		Short: "consent to a promotion, as one person",
		Long: `approve records one person's consent that a release moves to an environment under the policy of that
environment, until it expires. It is used up by the promotion that it was for.`,
		Example: `  touchmark release approve --ledger ledger --trust trust.json --key alice.key --to prod --policy prod.json app#102`,
		Args:    exactly("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			until, err := until("expires", expires, time.Now())
			if err != nil {
				return err
			}
			p, err := loadPolicy(policy)
			if err != nil {
				return err
			}
			book, v, err := o.write(cmd.Context())
			if err != nil {
				return err
			}
			s, r, err := o.find(v, args[0])
			if err != nil {
				return err
			}
			stage, err := stageOf(book.Trust, o.product, to)
			if err != nil {
				return err
			}
			for _, subject := range r.Subjects { // a policy is asked about each of them
				a := release.Approval{Digest: digestOf(subject), From: stage.From, To: to, Policy: p.Digest(), Expires: until, Nonce: nonce, Reason: reason}
				if _, err := book.Approve(cmd.Context(), a); err != nil {
					return releaseStatus(cmd, err)
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "approved: %s to %s until %s\n", s.Ref(r).Name, show(to), date(until))
			return nil
		}),
	}
	o.flags(c, "the approval")
	f := c.Flags()
	f.StringVar(&to, "to", "", "the environment that it may enter, `ENV`")
	f.StringVar(&policy, "policy", "", "the policy of that environment, a `FILE`")
	f.StringVar(&expires, "expires", "2d", "from `TIME` on it counts for nothing (2026-11-21, 2d)")
	f.StringVar(&nonce, "nonce", "", "names the round, `TEXT`; else it is drawn")
	f.StringVar(&reason, "reason", "", "why, in your own words: `TEXT`")
	must(c.MarkFlagRequired("to"))
	must(c.MarkFlagRequired("policy"))
	return c
}

func newReleasePromote() *cobra.Command {
	var o releasePromote
	c := &cobra.Command{
		Use:   "promote --ledger DIR --trust FILE --key FILE --to ENV --policy FILE [--artifact NAME=PATH]… [--tag TAG]… [--hotfix --reason TEXT] RELEASE",
		Short: "move an environment on to a release",
		Long: `promote asks the environment's own policy about every artifact of the release, with the evidence in the
ledger's store and the approvals in the ledger, and keeps the signed verdict. If it is ALLOW, the
promotion is recorded; the rules of the trust file are then applied: the stage before, soaking, people.

A policy that examines the artifact needs its bytes: --artifact says where they are. Exit status: 0
promoted (or there already), 1 the policy or the rules say no, 2 undecided or could not do it.`,
		Example: `  touchmark release promote --ledger ledger --trust trust.json --key carol.key --to prod --policy prod.json --artifact app=dist/app app#102`,
		Args:    exactly("RELEASE"),
		RunE:    does(o.run),
	}
	o.book.flags(c, "the promotion and the verdict")
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "the environment that it enters, `ENV`")
	f.StringVar(&o.policy, "policy", "", "the policy of that environment, a `FILE`")
	f.StringArrayVar(&o.artifacts, "artifact", nil, "where the bytes of an artifact are, `NAME=PATH`; may be repeated")
	f.StringArrayVar(&o.tags, "tag", nil, "a `TAG` to bind with the promotion; may be repeated")
	f.BoolVar(&o.hotfix, "hotfix", false, "the short way: no soaking, fewer approvals now, the rest owed")
	f.StringVar(&o.reason, "reason", "", "why, in your own words: `TEXT`; needed for a hotfix")
	must(c.MarkFlagRequired("to"))
	must(c.MarkFlagRequired("policy"))
	return c
}

type releasePromote struct {
	book               releaseBook
	to, policy, reason string
	artifacts, tags    []string
	hotfix             bool
}

func (o *releasePromote) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	if o.hotfix && o.reason == "" {
		return usagef("--hotfix needs --reason")
	}
	policy, err := loadPolicy(o.policy)
	if err != nil {
		return err
	}
	files := map[string]string{}
	for _, a := range o.artifacts {
		name, path, err := pair("artifact", a)
		if err != nil {
			return err
		}
		files[name] = path
	}
	defer o.book.done()
	book, v, err := o.book.write(ctx)
	if err != nil {
		return err
	}
	s, r, err := o.book.find(v, args[0])
	if err != nil {
		return err
	}
	stage, err := stageOf(book.Trust, o.book.product, o.to)
	if err != nil {
		return err
	}
	if book.Verifier, err = newVerifier(book.Trust, policy); err != nil {
		return err
	}
	book.Artifact = func(s provenance.ResourceDescriptor) verify.Artifact {
		if path := files[s.Name]; path != "" {
			return verify.File(path)
		}
		return verify.Digest(digestOf(s))
	}
	if policy.Package != "" {
		book.Name = func(r *release.Released) string { return policy.Package + "@" + r.Version }
	}
	p := release.Promotion{Product: o.book.product, Release: r.ID, From: stage.From, To: o.to, Tags: o.tags, Hotfix: o.hotfix, Reason: o.reason}
	approvals, err := o.approvals(cmd, book, r, policy, stage)
	if err != nil {
		return err
	}
	if err := book.Promote(ctx, p, approvals...); err != nil {
		return releaseStatus(cmd, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is at %s %s\n", show(o.to), s.Ref(r).Name, r.Version)
	return nil
}

// approvals are those in the ledger that are of this move, and have not expired.
func (o *releasePromote) approvals(cmd *cobra.Command, book *rollout.Book, r *release.Released, policy *verify.Policy, stage verify.Stage) ([]*sign.Bundle, error) {
	replay, err := rollout.NewReplay(book.Log, book.Trust, releaseOptions())
	if err != nil {
		return nil, err
	}
	var out []*sign.Bundle
	now := time.Now()
	_, err = replay.Watch(cmd.Context(), func(e release.Effect, entry rollout.Entry) {
		if e.Kind != "approval" || e.Void != nil {
			return
		}
		s, err := provenance.Parse(entry.Bundle.UnverifiedPayload())
		if err != nil {
			return
		}
		a, err := release.ParseApproval(s)
		ofIt := err == nil && slices.ContainsFunc(r.Subjects, func(s provenance.ResourceDescriptor) bool { return digestOf(s) == a.Digest })
		if ofIt && a.From == stage.From && a.To == o.to && a.Policy == policy.Digest() && now.Before(a.Expires) {
			out = append(out, entry.Bundle)
		}
	})
	return out, err
}

func newReleaseRollback() *cobra.Command {
	var o releaseBook
	var environment, reason, knownGood, to string
	c := &cobra.Command{
		Use:   "rollback (--ledger DIR | --known-good FILE [--to DIR]) --trust FILE --key FILE --environment ENV --reason TEXT RELEASE",
		Short: "move an environment back to a release that was good there",
		Long: `rollback moves an environment back to a release that was promoted there, was not taken back itself, and
is not revoked. No policy is asked: the verdict that let it in counts, so that enforcement never
stands in the way. touchmark release why says what can be rolled back to.

While the ledger is down, --known-good names the file that touchmark release known-good wrote. What is
to run is printed, and with --to what touchmark release install put into DIR is switched; the signed
record is kept beside the trust file, and owed until touchmark release settle has appended it.`,
		Example: `  touchmark release rollback --ledger ledger --trust trust.json --key oncall.key --environment prod --reason 'error rate' app#101
  touchmark release rollback --known-good prod.known-good --trust trust.json --key oncall.key --environment prod --reason 'error rate' --to /opt/app app#101`,
		Args: exactly("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if (o.dir == "") == (knownGood == "") || to != "" && knownGood == "" {
				return usagef("want one of --ledger and --known-good, and --to only with the latter")
			}
			if knownGood != "" {
				return o.backWithout(cmd, knownGood, environment, reason, to, args[0])
			}
			defer o.done()
			book, v, err := o.write(cmd.Context())
			if err != nil {
				return err
			}
			s, r, err := o.find(v, args[0])
			if err != nil {
				return err
			}
			if err := book.Rollback(cmd.Context(), release.Rollback{Product: o.product, Environment: environment, Release: r.ID, Reason: reason}); err != nil {
				return releaseStatus(cmd, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is back at %s %s, with configuration %s\n", show(environment), s.Ref(r).Name, r.Version, r.Config)
			for _, a := range r.Subjects {
				fmt.Fprintf(cmd.OutOrStdout(), "  %s %s\n", digestOf(a), show(a.Name))
			}
			return nil
		}),
	}
	o.flagsButLedger(c, "the rollback")
	f := c.Flags()
	f.StringVar(&knownGood, "known-good", "", "while the ledger is down: a `FILE` of touchmark release known-good")
	f.StringVar(&to, "to", "", "switch what is installed in `DIR`")
	f.StringVar(&environment, "environment", "", "what moves, `ENV`")
	f.StringVar(&reason, "reason", "", "why, in your own words: `TEXT`")
	must(c.MarkFlagRequired("environment"))
	must(c.MarkFlagRequired("reason"))
	return c
}

func newReleaseDeploy() *cobra.Command {
	var o releaseBook
	d := release.Deployment{}
	var result, config string
	c := &cobra.Command{
		Use:   "deploy --ledger DIR --trust FILE --key FILE --environment ENV [--cluster NAME] [--result RESULT] [--reference REF] [--config PATH] RELEASE",
		Short: "record what was put into an environment",
		Long: `deploy records what runs, or did not come to run. It moves nothing: what is not what the environment is
at, or runs with another configuration than the frozen one, is reported as drift.`,
		Example: `  touchmark release deploy --ledger ledger --trust trust.json --key deployer.key --environment prod --cluster fra1 app#102`,
		Args:    exactly("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			book, v, err := o.write(cmd.Context())
			if err != nil {
				return err
			}
			s, r, err := o.find(v, args[0])
			if err != nil {
				return err
			}
			d.Product, d.Release, d.Result = o.product, r.ID, release.Result(result)
			if config != "" {
				c, err := subjectOf(cmd.Context(), config)
				if err != nil {
					return err
				}
				d.Config = digestOf(c)
			}
			if err := book.Deploy(cmd.Context(), d); err != nil {
				return releaseStatus(cmd, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "recorded: %s in %s: %s\n", s.Ref(r).Name, show(strings.TrimSuffix(d.Environment+"/"+d.Cluster, "/")), d.Result)
			return nil
		}),
	}
	o.flags(c, "the record")
	f := c.Flags()
	f.StringVar(&d.Environment, "environment", "", "where, `ENV`")
	f.StringVar(&d.Cluster, "cluster", "", "which of several places of it, `NAME`")
	f.StringVar(&result, "result", "running", "what came of it, `running|removed|pull-failed|missing|verify-failed|failed`")
	f.StringVar(&d.Reference, "reference", "", "what it was asked for by, `REF` (registry.example/app@sha256:…)")
	f.StringVar(&d.Run, "run", "", "the job that did it, a `URL` or id")
	f.StringVar(&config, "config", "", "the configuration that it runs with, a file or folder at `PATH`; else the frozen one")
	must(c.MarkFlagRequired("environment"))
	completeWords(c, "result", "running", "removed", "pull-failed", "missing", "verify-failed", "failed")
	return c
}

func newReleaseRetire() *cobra.Command {
	var o releaseBook
	var reason string
	c := &cobra.Command{
		Use:   "retire --ledger DIR --trust FILE --key FILE --reason TEXT RELEASE",
		Short: "take a release out of circulation",
		Long: `retire says that a release moves nowhere any more: nobody may promote it or roll back to it. What runs may
run on; touchmark release revoke forbids that too.`,
		Example: `  touchmark release retire --ledger ledger --trust trust.json --key alice.key --reason 'end of life' app#7`,
		Args:    exactly("RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			book, v, err := o.write(cmd.Context())
			if err != nil {
				return err
			}
			s, r, err := o.find(v, args[0])
			if err != nil {
				return err
			}
			if err := o.takeBack(cmd, book, release.Revocation{Kind: release.Retire, Product: o.product, Digest: r.ID, Reason: reason}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "retired: %s\n", s.Ref(r).Name)
			return nil
		}),
	}
	o.flags(c, "the record")
	c.Flags().StringVar(&reason, "reason", "", "why, in your own words: `TEXT`")
	must(c.MarkFlagRequired("reason"))
	return c
}

func newReleaseRevoke() *cobra.Command {
	var o releaseRevoke
	c := &cobra.Command{
		Use:   "revoke --ledger DIR --trust FILE --key FILE --reason TEXT [--kind KIND] [--since TIME] [--until TIME] WHAT",
		Short: "take a release, an attestation, a key or a builder back",
		Long: `revoke takes something back, for good. WHAT is a release, or with --kind the ID of an attestation's
bundle, a file with a public key (or its SHA-256), or a builder id.

A key needs --since: what it signed from that instant on counts for nothing. A builder may have a window,
--since and --until.`,
		Example: `  touchmark release revoke --ledger ledger --trust trust.json --key alice.key --reason 'secret in the image' app#102
  touchmark release revoke --ledger ledger --trust trust.json --key alice.key --reason 'laptop lost' --kind key --since 2026-11-20 bob.key.pub`,
		Args: exactly("WHAT"),
		RunE: does(o.run),
	}
	o.book.flags(c, "the revocation")
	f := c.Flags()
	f.StringVar(&o.kind, "kind", "release", "what is revoked, `release|attestation|key|builder`")
	f.StringVar(&o.since, "since", "", "from `TIME` on (2026-11-20, 2026-11-20T08:00:00Z)")
	f.StringVar(&o.until, "until", "", "before `TIME`")
	f.StringVar(&o.reason, "reason", "", "why, in your own words: `TEXT`")
	must(c.MarkFlagRequired("reason"))
	completeWords(c, "kind", "release", "attestation", "key", "builder")
	return c
}

type releaseRevoke struct {
	book                       releaseBook
	kind, since, until, reason string
}

func (o *releaseRevoke) run(cmd *cobra.Command, args []string) error {
	r := release.Revocation{Kind: release.RevocationKind(o.kind), Reason: o.reason}
	for _, t := range []struct {
		flag, text string
		to         *time.Time
	}{{"since", o.since, &r.Since}, {"until", o.until, &r.Until}} {
		if t.text != "" {
			at, err := instant(t.flag, t.text)
			if err != nil {
				return err
			}
			*t.to = at
		}
	}
	defer o.book.done()
	book, v, err := o.book.write(cmd.Context())
	if err != nil {
		return err
	}
	what := args[0]
	switch r.Kind {
	case release.RevokeRelease:
		s, found, err := o.book.find(v, what)
		if err != nil {
			return err
		}
		r.Product, r.Digest, what = o.book.product, found.ID, s.Ref(found).Name
	case release.RevokeBuilder:
		r.Builder = what
	case release.RevokeKey, release.RevokeAttestation:
		if r.Digest, err = provenance.ParseDigest(what); err == nil {
			break
		}
		if r.Kind != release.RevokeKey {
			return usagef("%q is no ID of a bundle: want sha256:…", what)
		}
		if r.Digest, err = keyDigest(what); err != nil {
			return err
		}
	default:
		return usagef("--kind: %q: want release, attestation, key or builder", o.kind)
	}
	if err := r.Validate(); err != nil {
		return usagef("%v", err)
	}
	if err := o.book.takeBack(cmd, book, r); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "revoked: %s %s\n", r.Kind, show(what))
	return nil
}

// takeBack revokes something, and remembers it.
func (o *releaseBook) takeBack(cmd *cobra.Command, book *rollout.Book, r release.Revocation) error {
	if err := book.Revoke(cmd.Context(), r); err != nil {
		return releaseStatus(cmd, err)
	}
	v, err := book.View(cmd.Context())
	if err != nil {
		return err
	}
	return o.remember(v)
}

// keyDigest is the SHA-256 of the public key in a file, in its PKIX form.
func keyDigest(path string) (provenance.Digest, error) {
	key, err := publicKey(path)
	if err != nil {
		return provenance.Digest{}, err
	}
	pub, err := keys.ParsePublic([]byte(key.PEM))
	if err != nil {
		return provenance.Digest{}, err
	}
	id, err := keys.ID(pub)
	if err != nil {
		return provenance.Digest{}, err
	}
	return provenance.ParseDigest("sha256:" + id)
}
