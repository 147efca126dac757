package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

func newTrust() *cobra.Command {
	c := &cobra.Command{
		Use:   "trust COMMAND",
		Short: "say whom to believe: make and check trust files",
		Long: `trust makes and checks trust files. A trust file says who: the principals whose word counts, with
their keys, and who may build to which SLSA level. It holds public keys only, and it expires.`,
		RunE: group("init, add, rotate, revoke, refresh, update or check"),
	}
	c.AddCommand(newTrustInit(), newTrustAdd(), newTrustRotate(), newTrustRevoke(), newTrustRefresh(), newTrustUpdate(), newTrustCheck())
	return c
}

func newTrustInit() *cobra.Command {
	var o trustInit
	c := &cobra.Command{
		Use:   "init --principal NAME=PUBKEY… [--kind NAME=KIND]… [--builder NAME=ID=LEVEL]… [--verifier NAME=ID=LEVEL,…]… [--role NAME=ROLE]… [--expires TIME] [--out FILE]",
		Short: "write a trust file",
		Long: `init writes the first version of a trust file. Each --principal is a name and a file with its public
key; a name that comes twice has two keys, and still counts once.

A principal is a builder if --builder names it, and else a service, unless --kind says person: only
persons approve. --builder says which builds a principal may vouch for: the builder id in the
provenance, and the SLSA build level that you grant it, 1 to 3. "local" stands for the builder id
of touchmark build, ` + capture.LocalBuilderID + `,
and the name of a CI system for its id in a job there: ` + ciNames() + `.
These are worth level 1 and no more.

PUBKEY may also be a ring, or what touchmark keys export writes of one: then the times of its keys and
their revocations are taken along. Who may sign the next version, "root", is written into the file.`,
		Example: `  touchmark trust init --principal ci=release.key.pub --builder ci=local=1 --out trust.json
  touchmark trust init --principal ci=ci.pub --builder ci=local=1 --principal alice=alice.pub --kind alice=person --expires 180d --out trust.json`,
		Args: exactly(),
		RunE: does(o.run),
	}
	f := c.Flags()
	o.flag(f)
	f.StringVar(&o.expires, "expires", "365d", "from `TIME` on nothing is decided by the file (2027-11-01, 90d)")
	outFlag(c, &o.out)
	must(c.MarkFlagRequired("principal"))
	return c
}

// ciNames are the short names of the builder ids that touchmark build has in CI
// jobs, over several lines.
func ciNames() string {
	var b strings.Builder
	column := 56
	for _, id := range capture.BuilderIDs() {
		name := strings.TrimSuffix(id[strings.Index(id, "/builders/")+len("/builders/"):], "/v1")
		if id == capture.LocalBuilderID {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
			if column++; column+len(name) > 98 {
				b.WriteByte('\n')
				column = 0
			} else {
				b.WriteByte(' ')
				column++
			}
		}
		b.WriteString(name)
		column += len(name)
	}
	return b.String()
}

type trustInit struct {
	principals, kinds, builders, verifiers, roles []string
	expires, out                                  string
}

// flag is what says who.
func (o *trustInit) flag(f *pflag.FlagSet) {
	f.StringArrayVar(&o.principals, "principal", nil, "`NAME=PUBKEY`: who, and a file with a public key, or a ring; may be repeated")
	f.StringArrayVar(&o.kinds, "kind", nil, "`NAME=KIND`: person, builder or service; may be repeated")
	f.StringArrayVar(&o.builders, "builder", nil, "`NAME=ID=LEVEL`: which builder ids NAME may vouch for, to which level; may be repeated")
	f.StringArrayVar(&o.verifiers, "verifier", nil, "`NAME=ID=LEVEL,…`: which verifier ids NAME may write summaries as, and the most that they may say (SLSA_BUILD_LEVEL_3); may be repeated")
	f.StringArrayVar(&o.roles, "role", nil, "`NAME=ROLE`: NAME has ROLE, by which policies call for people; may be repeated")
}

func (o *trustInit) run(cmd *cobra.Command, args []string) error {
	if o.out != "" && exists(o.out) {
		return fmt.Errorf("%q is already there: init makes a first version, edit that one or name another file", o.out)
	}
	now := time.Now()
	expires, err := until("expires", o.expires, now)
	if err != nil {
		return err
	}
	if !expires.After(now) {
		return usagef("--expires: %s is past", date(expires))
	}
	t := &verify.Trust{Version: 1, Expires: expires, Principals: map[string]verify.Principal{}}
	if err := o.addPrincipals(t); err != nil {
		return err
	}
	data := t.Marshal()
	if t, err = verify.ParseTrust(data); err != nil {
		return err
	}
	if err := emit(cmd, o.out, data); err != nil {
		return err
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(t.Principals)), func(p verify.Principal) bool { return len(p.Builders) > 0 }) {
		fmt.Fprintln(cmd.ErrOrStderr(), "touchmark: nobody here is trusted to build, so no provenance will be accepted: see --builder")
	}
	return nil
}

func (o *trustInit) addPrincipals(t *verify.Trust) error {
	for _, s := range o.principals {
		name, path, err := pair("principal", s)
		if err != nil {
			return err
		}
		fresh, err := publicKeys(path)
		if err != nil {
			return fmt.Errorf("--principal %s: %w", name, err)
		}
		p := t.Principals[name]
		if p.Kind == "" {
			p.Kind = verify.Service
		}
		if p.Keys, err = mergeKeys(p.Keys, fresh); err != nil {
			return fmt.Errorf("--principal %s: %w", name, err)
		}
		t.Principals[name] = p
	}
	for _, s := range o.builders {
		name, rest, err := pair("builder", s)
		if err != nil {
			return err
		}
		at := strings.LastIndexByte(rest, '=')
		p, known := t.Principals[name]
		if !known {
			return usagef("--builder: %q is no principal: name its key with --principal %s=PUBKEY", name, name)
		}
		level, err := strconv.Atoi(rest[at+1:])
		if at < 1 || err != nil || level < 1 || level > 3 {
			return usagef("--builder: %q: want NAME=ID=LEVEL with a level of 1 to 3, like ci=local=1", s)
		}
		id := rest[:at]
		for _, full := range capture.BuilderIDs() {
			if strings.HasSuffix(full, "/builders/"+id+"/v1") {
				id = full
			}
		}
		if p.Builders == nil {
			p.Builders = map[string]int{}
		}
		if p.Kind != verify.Person {
			p.Kind = verify.Builder
		}
		p.Builders[id] = level
		t.Principals[name] = p
	}
	for _, s := range o.verifiers {
		name, rest, err := pair("verifier", s)
		if err != nil {
			return err
		}
		at := strings.LastIndexByte(rest, '=')
		p, known := t.Principals[name]
		if !known {
			return usagef("--verifier: %q is no principal: name its key with --principal %s=PUBKEY", name, name)
		}
		if at < 1 || at == len(rest)-1 {
			return usagef("--verifier: %q: want NAME=ID=LEVEL,…, like gate=https://verifier.acme.example=SLSA_BUILD_LEVEL_3", s)
		}
		if p.Verifiers == nil {
			p.Verifiers = map[string][]string{}
		}
		p.Verifiers[rest[:at]] = strings.Split(rest[at+1:], ",")
		t.Principals[name] = p
	}
	for _, s := range o.kinds {
		name, kind, err := pair("kind", s)
		if err != nil {
			return err
		}
		p, known := t.Principals[name]
		if !known {
			return usagef("--kind: %q is no principal: name its key with --principal %s=PUBKEY", name, name)
		}
		p.Kind = verify.Kind(kind)
		if !contains([]string{"person", "builder", "service"}, kind) {
			return usagef("--kind: %q is no kind: want person, builder or service", kind)
		}
		t.Principals[name] = p
	}
	for _, s := range o.roles {
		name, role, err := pair("role", s)
		if err != nil {
			return err
		}
		if _, known := t.Principals[name]; !known {
			return usagef("--role: %q is no principal: name its key with --principal %s=PUBKEY", name, name)
		}
		if t.Roles == nil {
			t.Roles = map[string][]string{}
		}
		t.Roles[role] = append(t.Roles[role], name)
	}
	return nil
}

// publicKey reads a key for a trust file.
func publicKey(path string) (verify.Key, error) {
	data, err := readFile("public key", path, maxKey)
	if err != nil {
		return verify.Key{}, err
	}
	defer clear(data)
	if bytes.Contains(data, []byte("PRIVATE KEY")) {
		return verify.Key{}, fmt.Errorf("%q is a private key, and belongs in no trust file: name the public one (%s.pub?)", path, path)
	}
	pub, err := keys.ParsePublic(data)
	if err != nil {
		return verify.Key{}, fmt.Errorf("public key %q: %w", path, err)
	}
	k := verify.Key{PEM: string(data)}
	if _, isRSA := pub.(*rsa.PublicKey); isRSA {
		k.Scheme = "rsa-pss-sha256" // what keys.Key signs in unless told otherwise
	}
	return k, nil
}

func newTrustCheck() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "check [--at TIME] FILE",
		Short: "say what a trust file says, and which of it ends soon",
		Long: `check reads a trust file as verify does and says what it says: who, with which keys, who may build to
which level. It warns of what has ended or ends within 30 days. Exit status 2 if the file is unusable
or past its time.`,
		Example: `  touchmark trust check trust.json`,
		Args:    exactly("FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			if at != "" {
				var err error
				if now, err = instant("at", at); err != nil {
					return err
				}
			}
			t, err := loadTrust(args[0])
			if err != nil {
				return err
			}
			var b bytes.Buffer
			warnings := tellTrust(&b, t, now)
			for _, w := range warnings {
				fmt.Fprintf(&b, "warning: %s\n", w)
			}
			if err := emit(cmd, "", b.Bytes()); err != nil {
				return err
			}
			if !now.Before(t.Expires) {
				return fmt.Errorf("%q is past its time since %s: nothing is decided by it", args[0], date(t.Expires))
			}
			return nil
		}),
	}
	c.Flags().StringVar(&at, "at", "", "judge as of `TIME` (2026-11-21T03:07:00Z); else now")
	return c
}

// soon is how long before its end a key or a trust file is warned of.
const soon = 30 * 24 * time.Hour

// tellTrust says what t says, and returns what to be warned of as of at; if at
// is zero nothing is judged.
func tellTrust(w io.Writer, t *verify.Trust, at time.Time) (warnings []string) {
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	fmt.Fprintf(w, "trust v%d, %s\nexpires %s\n", t.Version, t.Digest(), ending(t.Expires, at))
	if left := t.Expires.Sub(at); !at.IsZero() && left < soon {
		warn("the trust file %s", endsOrEnded(t.Expires, at))
	}
	if len(t.Root.Of) > 0 {
		fmt.Fprintf(w, "the next version is signed by %s\n", show(t.Root.String()))
	}
	builders := 0
	for _, name := range slices.Sorted(maps.Keys(t.Principals)) {
		p := t.Principals[name]
		fmt.Fprintf(w, "\n%s (%s)\n", show(name), show(string(p.Kind)))
		usable := len(p.Identities)
		for _, k := range p.Keys {
			line, counts := tellKey(name, k, at, warn)
			fmt.Fprintf(w, "  %s\n", line)
			if counts {
				usable++
			}
		}
		for _, id := range p.Identities {
			fmt.Fprintf(w, "  identity %s by %s (%s)\n", show(id.Workflow+id.Email+id.URI), show(id.Issuer), show(id.Authority))
		}
		for _, id := range slices.Sorted(maps.Keys(p.Builders)) {
			builders++
			fmt.Fprintf(w, "  builds to level %d as %s\n", p.Builders[id], show(id))
		}
		if usable == 0 && !at.IsZero() {
			warn("%s has no key that counts now", show(name))
		}
	}
	if len(t.Roles) > 0 {
		fmt.Fprintln(w)
	}
	for _, role := range slices.Sorted(maps.Keys(t.Roles)) {
		fmt.Fprintf(w, "role %s: %s\n", show(role), showAll(t.Roles[role]))
		for _, name := range t.Roles[role] {
			if t.Principals[name].Kind != verify.Person {
				warn("role %s: %s is a %s, and only persons approve", show(role), show(name), show(string(t.Principals[name].Kind)))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Authorities)) {
		fmt.Fprintf(w, "authority %s\n", show(name))
	}
	if t.Ledger != nil {
		fmt.Fprintf(w, "ledger %s, genesis %s\n", show(t.Ledger.Origin), t.Ledger.Genesis)
	}
	if builders == 0 {
		warn("nobody is trusted to build, so no provenance will be accepted")
	}
	return warnings
}

// tellKey says what is known of one key, and whether it counts at that time.
func tellKey(owner string, k verify.Key, at time.Time, warn func(string, ...any)) (line string, counts bool) {
	id, kind := "", "unusable"
	if pub, err := keys.ParsePublic([]byte(k.PEM)); err == nil {
		kind = keyKind(pub)
		id, _ = keys.ID(pub) // of a key that was read it cannot fail
	}
	line = fmt.Sprintf("key %s (%s)", short(id), kind)
	if k.Scheme != "" {
		line += " " + show(k.Scheme)
	}
	counts = true
	if !k.NotBefore.IsZero() {
		line += " from " + date(k.NotBefore)
		counts = at.IsZero() || !at.Before(k.NotBefore)
	}
	if !k.NotAfter.IsZero() {
		line += " until " + ending(k.NotAfter, at)
		if left := k.NotAfter.Sub(at); !at.IsZero() && left < soon && k.Revoked == nil {
			warn("%s's key %s %s", show(owner), short(id), endsOrEnded(k.NotAfter, at))
		}
		counts = counts && (at.IsZero() || at.Before(k.NotAfter))
	}
	if k.Revoked != nil {
		line += fmt.Sprintf(" REVOKED %s", date(k.Revoked.At))
		if k.Revoked.Reason != "" {
			line += fmt.Sprintf(" (%s)", show(k.Revoked.Reason))
		}
		counts = counts && !at.IsZero() && at.Before(k.Revoked.At)
	}
	return line, counts
}

// ending is a time, with how far it is away.
func ending(t, at time.Time) string {
	switch left := t.Sub(at); {
	case at.IsZero():
		return date(t)
	case left <= 0:
		return date(t) + ", which is PAST"
	default:
		return fmt.Sprintf("%s, in %s", date(t), plural(int(left.Round(24*time.Hour)/(24*time.Hour)), "day", "days"))
	}
}

func endsOrEnded(t, at time.Time) string {
	if t.Sub(at) <= 0 {
		return "ended " + date(t)
	}
	return "ends " + ending(t, at)
}

// keyKind names the algorithm of a public key.
func keyKind(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	return "key"
}
