package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// putInRing is put into a ring.
func (p *newKeyPlace) putInRing(cmd *cobra.Command, get func() (*keys.Key, error)) error {
	from, err := instantOrNow("from", p.from)
	if err != nil {
		return err
	}
	if exists(p.ring) {
		if _, err := keys.OpenRing(p.ring); err != nil {
			return err
		}
	}
	phrase, err := p.secret.choose(p.ring)
	if err != nil {
		return err
	}
	key, err := get()
	if err != nil {
		return err
	}
	if _, err := keys.CreateRing(p.ring); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	ring, err := keys.OpenRing(p.ring)
	if err != nil {
		return err
	}
	if err := ring.Add(cmd.Context(), key, phrase, from); err != nil {
		return err
	}
	id, err := key.KeyID()
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "key ID %s (%s), signs from %s\n", id, key.Scheme(), date(from))
	fmt.Fprintf(w, "next: touchmark trust init --principal NAME=%s --builder NAME=local=1 --out trust.json\n", shellWord(p.ring))
	return nil
}

// instantOrNow reads an instant; none is now.
func instantOrNow(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	return instant(flag, s)
}

func newKeysList() *cobra.Command {
	var at string
	var agent bool
	c := &cobra.Command{
		Use:   "list [--at TIME] DIR | list --ssh-agent",
		Short: "say which keys a ring has, and which of them signs",
		Long: `list says what a ring knows of its keys, in the order in which they came, and which one signs as of
now or of --at. With --ssh-agent it lists the keys that the SSH agent holds, which sign as
--key ssh-agent:NAME, by what the agent calls them or the beginning of their ID.`,
		Example: `  touchmark keys list keys
  touchmark keys list --ssh-agent`,
		Args: cobra.MaximumNArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if agent {
				if len(args) > 0 || at != "" {
					return usagef("--ssh-agent lists what the agent holds: leave the rest out")
				}
				return listAgent(cmd)
			}
			if len(args) == 0 {
				return usagef("DIR is missing, or --ssh-agent")
			}
			now, err := instantOrNow("at", at)
			if err != nil {
				return err
			}
			ring, err := keys.OpenRing(args[0])
			if err != nil {
				return err
			}
			return listRing(cmd, ring, now)
		}),
	}
	c.Flags().StringVar(&at, "at", "", "judge as of `TIME` (2026-11-21T03:07:00Z); else now")
	c.Flags().BoolVar(&agent, "ssh-agent", false, "list the keys of the SSH agent that SSH_AUTH_SOCK names")
	return c
}

func listRing(cmd *cobra.Command, ring *keys.Ring, at time.Time) error {
	all := ring.Keys()
	signs := ""
	for _, k := range all {
		if k.InForce(at) {
			signs = k.ID // the one that came last
		}
	}
	var b strings.Builder
	for _, k := range all {
		fmt.Fprintf(&b, "%s  %s  from %s", k.ID, k.Scheme, date(k.NotBefore))
		if !k.NotAfter.IsZero() {
			fmt.Fprintf(&b, " until %s", date(k.NotAfter))
		}
		switch {
		case !k.Revoked.IsZero() && !at.Before(k.Revoked):
			b.WriteString("  REVOKED")
		case k.ID == signs:
			b.WriteString("  signs")
		case k.InForce(at):
			b.WriteString("  in force")
		case at.Before(k.NotBefore):
			b.WriteString("  not yet")
		default:
			b.WriteString("  ended")
		}
		if !k.Revoked.IsZero() {
			fmt.Fprintf(&b, " since %s", date(k.Revoked))
			if k.Reason != "" {
				fmt.Fprintf(&b, " (%s)", show(k.Reason))
			}
		}
		if k.Follows != "" {
			fmt.Fprintf(&b, ", follows %s", short(k.Follows))
		}
		b.WriteByte('\n')
	}
	if len(all) == 0 {
		b.WriteString("no keys yet\n")
	}
	return emit(cmd, "", []byte(b.String()))
}

func listAgent(cmd *cobra.Command) error {
	held, err := agentKeys(cmd.Context())
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, k := range held {
		id, err := k.KeyID()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s  %s\n", id, k.Scheme(), show(k.Comment()))
	}
	if len(held) == 0 {
		b.WriteString("the SSH agent holds no key that signs evidence\n")
	}
	return emit(cmd, "", []byte(b.String()))
}

func newKeysRotate() *cobra.Command {
	var algorithm, at, overlap string
	var old, secret passphrase
	c := &cobra.Command{
		Use:   "rotate [--algorithm ALGORITHM] [--at TIME] [--overlap DURATION] [--passphrase-file FILE | --passphrase-fd N | --unencrypted] DIR",
		Short: "let a new key take over in a ring, vouched for by the old one",
		Long: `rotate makes a new key that signs from now on, or from --at. The key that signed until then vouches
for it, and stays in force for the overlap, so that who has not heard of the new one can still verify.

The passphrase of the old key is asked for on the terminal or read with --old-passphrase-file. Given
by --passphrase-file it is the one of both, unless --old-passphrase-file is there as well; a file
descriptor holds both, a line each, the old key's first.

Then tell those who verify: touchmark trust rotate, or touchmark keys export.`,
		Example: `  touchmark keys rotate --overlap 168h keys
  touchmark keys rotate --at 2026-12-01 --algorithm ed25519 --passphrase-file /run/secrets/ring keys`,
		Args: exactly("DIR"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if !contains(algorithms, algorithm) {
				return usagef("%q is no algorithm: want %s", algorithm, orList(algorithms))
			}
			when, err := instantOrNow("at", at)
			if err != nil {
				return err
			}
			both, err := time.ParseDuration(overlap)
			if err != nil || both < 0 {
				return usagef("--overlap: %q is no duration: want one like 168h", overlap)
			}
			ring, err := keys.OpenRing(args[0])
			if err != nil {
				return err
			}
			unlock := &secret
			if old.file != "" {
				unlock = &old
			}
			last, err := ring.Signer(when, func(name string) ([]byte, error) { return unlock.ask(name, keys.Prompt) })
			if err != nil {
				return err
			}
			phrase, err := secret.choose(args[0])
			if err != nil {
				return err
			}
			next, err := keys.Generate(algorithm)
			if err != nil {
				return err
			}
			if err := ring.Rotate(cmd.Context(), last, next, phrase, when, both); err != nil {
				return err
			}
			id, err := next.KeyID()
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "key ID %s (%s) signs from %s\n", id, next.Scheme(), date(when))
			fmt.Fprintf(w, "%s vouches for it, and ends %s\n", last, date(when.Add(both)))
			return nil
		}),
	}
	algorithmFlag(c, &algorithm)
	c.Flags().StringVar(&at, "at", "", "the new key signs from `TIME` on (2026-11-21T03:07:00Z or 2026-11-21); else from now on")
	c.Flags().StringVar(&overlap, "overlap", "0s", "how long the old key stays in force after that, `DURATION` (168h)")
	secret.newFlag(c)
	c.Flags().StringVar(&old.file, "old-passphrase-file", "", "read the passphrase of the old key from the first line of `FILE`")
	return c
}

func newKeysRetire() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "retire [--at TIME] DIR KEYID",
		Short: "end a key of a ring: what it signed before stays good",
		Long: `retire ends a key: from now on, or from --at, it signs nothing more. What it signed before stays
good. An end can be brought forward and never put off. KEYID is a key's ID or its beginning, see
touchmark keys list.`,
		Example: `  touchmark keys retire keys 3f8a2c51`,
		Args:    exactly("DIR", "KEYID"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			when, ring, id, err := keyOfRing(at, args)
			if err != nil {
				return err
			}
			if err := ring.Retire(cmd.Context(), id, when); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "key %s ends %s\n", id, date(when))
			return nil
		}),
	}
	c.Flags().StringVar(&at, "at", "", "the key ends at `TIME`; else now")
	return c
}

func newKeysRevoke() *cobra.Command {
	var at, reason string
	c := &cobra.Command{
		Use:   "revoke [--at TIME] --reason TEXT DIR KEYID",
		Short: "take the worth from what a key of a ring signed since an instant",
		Long: `revoke says that somebody else may have signed with a key since an instant: what it signed then or
later counts for nothing, once the trust file says so too (touchmark trust revoke). It can be done
again with an earlier instant, and never undone. Keys that it vouched for since then have to be
revoked first: they rest on its word.`,
		Example: `  touchmark keys revoke --at 2026-11-20 --reason stolen keys 3f8a2c51`,
		Args:    exactly("DIR", "KEYID"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			when, ring, id, err := keyOfRing(at, args)
			if err != nil {
				return err
			}
			if err := ring.Revoke(cmd.Context(), id, when, reason); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "key %s is revoked since %s\nnext: touchmark trust revoke --at %s --reason %s --out trust.json trust.json %s\n", id, date(when), date(when), shellWord(reason), id)
			return nil
		}),
	}
	c.Flags().StringVar(&at, "at", "", "since `TIME` nothing counts that it signed; else since now")
	c.Flags().StringVar(&reason, "reason", "", "why, `TEXT` for people")
	must(c.MarkFlagRequired("reason"))
	return c
}

// keyOfRing reads an instant, a ring, and the ID of one of its keys, or the beginning of one.
func keyOfRing(at string, args []string) (time.Time, *keys.Ring, string, error) {
	when, err := instantOrNow("at", at)
	if err != nil {
		return when, nil, "", err
	}
	ring, err := keys.OpenRing(args[0])
	if err != nil {
		return when, nil, "", err
	}
	var ids []string
	for _, k := range ring.Keys() {
		ids = append(ids, k.ID)
	}
	id, err := oneID(ids, args[1], args[0])
	return when, ring, id, err
}

// oneID is the ID that begins so.
func oneID(ids []string, begin, where string) (string, error) {
	if len(begin) < minID {
		return "", usagef("%q is too short to name a key: want at least %d digits of its ID", begin, minID)
	}
	var found []string
	for _, id := range ids {
		if strings.HasPrefix(id, begin) {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%q names %d keys of %q, want one", begin, len(found), where)
	}
	return found[0], nil
}

func newKeysExport() *cobra.Command {
	var out string
	var key signingKey
	c := &cobra.Command{
		Use:   "export [--out FILE] (DIR | --key KEY)",
		Short: "write the public halves of a ring's keys, or of another key, for a trust file",
		Long: `export writes what others may know of a ring: the public half of each key, from when until when it
signs, and whether it was revoked, as the "keys" of a principal in a trust file are written. With --key it
does so for one key, wherever it is: in a file, in an SSH agent or behind a program. How a key signs is
written along, which an RSA key does not tell by itself.

Hand it to who keeps the trust file, for touchmark trust add --principal NAME=FILE.`,
		Example: `  touchmark keys export --out ci.keys.json keys
  touchmark keys export --key ssh-agent:alice@laptop --out alice.keys.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && key.path == "" || len(args) > 0 && key.path != "" {
				return usagef("want DIR, or --key")
			}
			if len(args) == 0 {
				signer, err := key.load(cmd.Context())
				if err != nil {
					return err
				}
				data, err := json.MarshalIndent([]verify.Key{{PEM: string(signer.MarshalPublic()), Scheme: signer.Scheme()}}, "", "  ")
				if err != nil {
					return err
				}
				return emit(cmd, out, append(data, '\n'))
			}
			ring, err := keys.OpenRing(args[0])
			if err != nil {
				return err
			}
			data, err := ring.MarshalPublic()
			if err != nil {
				return err
			}
			return emit(cmd, out, data)
		}),
	}
	key.flag(c, "nothing")
	c.Flags().Lookup("key").Usage = "write the public half of `KEY`: a file, ssh-agent:NAME, or what --key-program knows it by"
	outFlag(c, &out)
	return c
}
