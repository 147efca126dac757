package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
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
			book, s, r, err := o.change(cmd.Context(), args[0])
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
	book, s, r, err := o.book.change(ctx, args[0])
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
