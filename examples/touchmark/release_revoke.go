package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

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
			book, s, r, err := o.change(cmd.Context(), args[0])
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
