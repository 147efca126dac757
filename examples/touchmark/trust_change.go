package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// nextVersion is what add, rotate and revoke say of what they write.
const nextVersion = `
What is written is the next version of the file, to --out or to standard output; TRUST stays as it is,
unless --out names it. If TRUST names a root, nobody believes the new one before the root has signed it:
touchmark sign, each at home, and then touchmark trust update.`

func newTrustAdd() *cobra.Command {
	var o trustInit
	c := &cobra.Command{
		Use:   "add [--principal NAME=PUBKEY]… [--kind NAME=KIND]… [--builder NAME=ID=LEVEL]… [--verifier NAME=ID=LEVEL,…]… [--role NAME=ROLE]… [--expires TIME] [--out FILE] TRUST",
		Short: "add principals, keys, builders, verifiers and roles to a trust file",
		Long: `add takes the flags of init and adds what they say. A name that is there already gets one more key, and
counts once as before; to let a key take over from another, see touchmark trust rotate. A key that is
there already gets the times of a ring that is named; a revocation is never taken back.
` + nextVersion,
		Example: `  touchmark trust add --principal bob=bob.pub --kind bob=person --role bob=release-manager --out trust.json trust.json
  touchmark trust add --principal ci=ci.keys.json --out next.json trust.json`,
		Args: exactly("TRUST"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return changeTrust(cmd, args[0], o.out, func(t *verify.Trust) (*verify.Trust, error) {
				if len(o.principals)+len(o.kinds)+len(o.builders)+len(o.verifiers)+len(o.roles) == 0 && o.expires == "" {
					return nil, usagef("nothing to add: see --principal, --kind, --builder, --verifier, --role and --expires")
				}
				if o.expires != "" {
					now := time.Now()
					var err error
					if t.Expires, err = until("expires", o.expires, now); err != nil {
						return nil, err
					}
					if !t.Expires.After(now) {
						return nil, usagef("--expires: %s is past", date(t.Expires))
					}
				}
				if err := o.addPrincipals(t); err != nil {
					return nil, err
				}
				t.Version++
				return verify.ParseTrust(t.Marshal())
			})
		}),
	}
	o.flag(c.Flags())
	c.Flags().StringVar(&o.expires, "expires", "", "from `TIME` on nothing is decided by the file (2027-11-01, 90d); else as it was")
	outFlag(c, &o.out)
	return c
}

func newTrustRotate() *cobra.Command {
	var principal, at, out string
	c := &cobra.Command{
		Use:   "rotate --principal NAME=PUBKEY [--at TIME] [--out FILE] TRUST",
		Short: "let a new key of a principal take over from those that it has",
		Long: `rotate ends the keys of a principal that are still open, now or at --at, and lets the new one begin
there. What the old ones signed stays good where a trusted time shows that it was before; without one,
sign it again.
` + nextVersion,
		Example: `  touchmark trust rotate --principal ci=new.key.pub --out trust.json trust.json`,
		Args:    exactly("TRUST"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			name, path, err := pair("principal", principal)
			if err != nil {
				return err
			}
			when, err := instantOrNow("at", at)
			if err != nil {
				return err
			}
			return changeTrust(cmd, args[0], out, func(t *verify.Trust) (*verify.Trust, error) {
				fresh, err := publicKey(path)
				if err != nil {
					return nil, fmt.Errorf("--principal %s: %w", name, err)
				}
				public, err := keys.ParsePublic([]byte(fresh.PEM))
				if err != nil {
					return nil, err
				}
				return t.Rotate(name, public, when)
			})
		}),
	}
	c.Flags().StringVar(&principal, "principal", "", "`NAME=PUBKEY`: who, and a file with the new public key")
	c.Flags().StringVar(&at, "at", "", "the new key begins at `TIME` (2026-11-21T03:07:00Z or 2026-11-21); else now")
	outFlag(c, &out)
	must(c.MarkFlagRequired("principal"))
	return c
}

func newTrustRevoke() *cobra.Command {
	var at, reason, out string
	c := &cobra.Command{
		Use:   "revoke [--at TIME] --reason TEXT [--out FILE] TRUST KEYID",
		Short: "take the worth from what a key signed since an instant",
		Long: `revoke says that somebody else may have signed with a key since an instant: what it signed then or
later counts for nothing, and what it signed before only where a trusted time shows that. It can be done
again with an earlier instant, and never undone. KEYID is a key's ID or its beginning, see touchmark
trust check.
` + nextVersion,
		Example: `  touchmark trust revoke --at 2026-11-20 --reason stolen --out trust.json trust.json 3f8a2c51`,
		Args:    exactly("TRUST", "KEYID"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			when, err := instantOrNow("at", at)
			if err != nil {
				return err
			}
			return changeTrust(cmd, args[0], out, func(t *verify.Trust) (*verify.Trust, error) {
				var ids []string
				for _, p := range t.Principals {
					for _, k := range p.Keys {
						id, err := idOf(k)
						if err != nil {
							return nil, err
						}
						ids = append(ids, id)
					}
				}
				id, err := oneID(ids, args[1], args[0])
				if err != nil {
					return nil, err
				}
				return t.Revoke(id, when, reason)
			})
		}),
	}
	c.Flags().StringVar(&at, "at", "", "since `TIME` nothing counts that the key signed; else since now")
	c.Flags().StringVar(&reason, "reason", "", "why, `TEXT` for people")
	outFlag(c, &out)
	must(c.MarkFlagRequired("reason"))
	return c
}

func newTrustUpdate() *cobra.Command {
	var at, out string
	c := &cobra.Command{
		Use:   "update [--at TIME] [--out FILE] TRUST SIGNED",
		Short: "take the next version of a trust file, if the root of this one has signed it",
		Long: `update reads the signed next versions in SIGNED, one bundle a line in any order, and takes one after
the other as long as the root of the version before has signed it, and its own. What is written is the
last of them, to --out or to standard output. It is an error if there is none.`,
		Example: `  touchmark trust update --out trust.json trust.json next.jsonl`,
		Args:    exactly("TRUST", "SIGNED"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			when, err := instantOrNow("at", at)
			if err != nil {
				return err
			}
			return changeTrust(cmd, args[0], out, func(t *verify.Trust) (*verify.Trust, error) {
				next, err := updates(t, args[1], when)
				if err != nil {
					return nil, err
				}
				return next[len(next)-1].trust, nil
			})
		}),
	}
	c.Flags().StringVar(&at, "at", "", "judge keys as of `TIME` (2026-11-21T03:07:00Z); else now")
	outFlag(c, &out)
	return c
}

// An update is a next version of a trust file, as it was signed.
type update struct {
	trust  *verify.Trust
	signed *sign.Bundle
}

// updates are all next versions that follow, each from the one before; there is one at least. Signatures that were made
// apart are put together first.
func updates(t *verify.Trust, path string, at time.Time) ([]update, error) {
	signed, there, err := readEvidence(path)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("signed trust: there is no file %q", path)
	}
	var whole []*sign.Bundle
	for _, b := range signed {
		i := slices.IndexFunc(whole, func(w *sign.Bundle) bool { return b.Err == nil && w.Err == nil && w.ID() == b.ID() })
		if i < 0 {
			whole = append(whole, b)
		} else {
			whole[i].Signatures = append(whole[i].Signatures, b.Signatures...)
		}
	}
	var out []update
	last := errors.New("it holds no bundle")
	for found := true; found; {
		found = false
		for _, b := range whole {
			next, err := t.UpdateAt(b, at)
			if err == nil {
				out, t, found = append(out, update{next, b}), next, true
				break
			}
			if len(out) == 0 {
				last = err
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q: %w", path, last)
	}
	return out, nil
}

// changeTrust reads a trust file and writes the next version of it that change makes.
func changeTrust(cmd *cobra.Command, file, out string, change func(*verify.Trust) (*verify.Trust, error)) error {
	t, err := loadTrust(file)
	if err != nil {
		return err
	}
	next, err := change(t)
	if err != nil {
		return err
	}
	if err := emit(cmd, out, next.Marshal()); err != nil {
		return err
	}
	note := ""
	if len(next.Root.Of) > 0 {
		note = ", to be signed by " + next.Root.String()
	}
	progress(cmd.ErrOrStderr(), "touchmark: trust v%d%s", next.Version, show(note))
	return nil
}

// publicKeys reads keys for a trust file: a public key in PEM, the folder of a ring, or what keys export wrote of one.
func publicKeys(path string) ([]verify.Key, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		ring, err := keys.OpenRing(path)
		if err != nil {
			return nil, err
		}
		data, err := ring.MarshalPublic()
		if err != nil {
			return nil, err
		}
		return exported(data, path)
	}
	data, err := readFile("public key", path, maxConfig)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return exported(data, path)
	}
	k, err := publicKey(path)
	return []verify.Key{k}, err
}

// exported reads a principal's keys. That they are well formed is for the trust file that they get into to say.
func exported(data []byte, path string) ([]verify.Key, error) {
	var list []verify.Key
	if err := strictjson.UnmarshalClosed(data, &list); err != nil {
		return nil, fmt.Errorf("public keys: %q is not what touchmark keys export writes: %w", path, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("public keys: %q holds none", path)
	}
	return list, nil
}

// mergeKeys adds keys to those that a principal has. One that it has gets the times that came with it.
func mergeKeys(old, fresh []verify.Key) ([]verify.Key, error) {
	merged := slices.Clone(old)
	places := map[string]int{}
	for i, k := range old {
		id, err := idOf(k)
		if err != nil {
			return nil, err
		}
		places[id] = i
	}
	for _, k := range fresh {
		id, err := idOf(k)
		if err != nil {
			return nil, err
		}
		i, there := places[id]
		if !there {
			places[id] = len(merged)
			merged = append(merged, k)
			continue
		}
		had := merged[i]
		if k.NotBefore.IsZero() && k.NotAfter.IsZero() && k.Revoked == nil {
			return nil, fmt.Errorf("key %s is there already", id)
		}
		if had.Revoked != nil && (k.Revoked == nil || k.Revoked.At.After(had.Revoked.At)) {
			return nil, fmt.Errorf("key %s is revoked since %s, which cannot be taken back", id, date(had.Revoked.At))
		}
		if had.Scheme != "" {
			k.Scheme = had.Scheme
		}
		merged[i] = k
	}
	return merged, nil
}

// idOf is the ID of a key of a trust file.
func idOf(k verify.Key) (string, error) {
	public, err := keys.ParsePublic([]byte(k.PEM))
	if err != nil {
		return "", err
	}
	return keys.ID(public)
}
