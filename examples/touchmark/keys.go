package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/keys"
)

var algorithms = []string{keys.ECDSAP256, keys.ECDSAP384, keys.ECDSAP521, keys.Ed25519, keys.RSA3072, keys.RSA4096}

func newKeys() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys COMMAND",
		Short: "make and keep signing keys",
		Long: `keys makes the keys that sign evidence, and keeps those that follow one another. The public half
goes into a trust file, see touchmark trust.

A key is a file, or one of a ring: a folder that knows from when until when each of its keys signs,
which one vouched for it, and whether it was revoked. --key names either, everywhere.`,
		RunE: group("generate, import, list, rotate, retire, revoke or export"),
	}
	c.AddCommand(newKeysGenerate(), newKeysImport(), newKeysList(), newKeysRotate(), newKeysRetire(), newKeysRevoke(), newKeysExport())
	return c
}

func newKeysGenerate() *cobra.Command {
	var place newKeyPlace
	var algorithm string
	c := &cobra.Command{
		Use:   "generate (--out NAME | --ring DIR) [--algorithm ALGORITHM] [--passphrase-file FILE | --passphrase-fd N | --unencrypted]",
		Short: "make a signing key: NAME is secret, NAME.pub is for everybody",
		Long: `generate makes a signing key and writes two files: NAME, which is secret and which
only its owner may read, and NAME.pub, which goes to everybody who verifies.
Neither is overwritten if it is there. With --ring the key goes into a ring,
which is made if it is not there.

NAME is encrypted with a passphrase, in the form that cosign reads too. It is asked
for on the terminal, or read from a file or a file descriptor. --unencrypted leaves
the encryption out, for a key that lives in a secret store and nowhere else.`,
		Example: `  touchmark keys generate --out release.key
  touchmark keys generate --out ci.key --algorithm ed25519 --passphrase-file /run/secrets/ci
  touchmark keys generate --ring keys`,
		Args: exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if !contains(algorithms, algorithm) {
				return usagef("%q is no algorithm: want %s", algorithm, orList(algorithms))
			}
			return place.put(cmd, func() (*keys.Key, error) { return keys.Generate(algorithm) })
		}),
	}
	place.flag(c)
	algorithmFlag(c, &algorithm)
	return c
}

func algorithmFlag(c *cobra.Command, algorithm *string) {
	c.Flags().StringVar(algorithm, "algorithm", keys.ECDSAP256, "`ALGORITHM`: ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-3072 or rsa-4096")
	completeWords(c, "algorithm", algorithms...)
}

// A newKeyPlace is where a new key goes: into two files of its own, or into a ring.
type newKeyPlace struct {
	out, ring, from string
	secret          passphrase
}

func (p *newKeyPlace) flag(c *cobra.Command) {
	c.Flags().StringVar(&p.out, "out", "", "write `NAME` and NAME.pub")
	c.Flags().StringVar(&p.ring, "ring", "", "put the key into the ring in the folder `DIR`, which is made if it is not there")
	c.Flags().StringVar(&p.from, "from", "", "in a ring: the `TIME` from which on it signs (2026-11-21T03:07:00Z or 2026-11-21); else now")
	p.secret.newFlag(c)
	c.MarkFlagsOneRequired("out", "ring")
	c.MarkFlagsMutuallyExclusive("out", "ring")
	c.MarkFlagsMutuallyExclusive("out", "from")
}

// put gets a key and writes it, once it is clear that it can be.
func (p *newKeyPlace) put(cmd *cobra.Command, get func() (*keys.Key, error)) error {
	if p.ring != "" {
		return p.putInRing(cmd, get)
	}
	if err := free(p.out); err != nil {
		return err
	}
	phrase, err := p.secret.choose(p.out)
	if err != nil {
		return err
	}
	key, err := get()
	if err != nil {
		return err
	}
	if err := writeKey(p.out, key, phrase); err != nil {
		return err
	}
	written, err := asWritten(key)
	if err != nil {
		return err
	}
	if written.Scheme() != key.Scheme() {
		progress(cmd.ErrOrStderr(), "touchmark: the key was bound to %s; from its new file it signs by %s", key.Scheme(), written.Scheme())
	}
	return announce(cmd, p.out, written, &p.secret)
}

// free makes sure that no key is where a new one is to be written.
func free(out string) error {
	for _, path := range []string{out, out + ".pub"} {
		if exists(path) {
			return fmt.Errorf("%q is already there, and a key is never overwritten: name another", path)
		}
	}
	return nil
}

// writeKey writes the two files of a key.
func writeKey(out string, key *keys.Key, phrase []byte) error {
	private, err := key.MarshalPrivate(phrase)
	if err != nil {
		return err
	}
	if err := writeNew(out, private, 0o600); err != nil {
		return err
	}
	return writeNew(out+".pub", key.MarshalPublic(), 0o644)
}

// announce tells what was written, and what comes next.
func announce(cmd *cobra.Command, out string, key *keys.Key, secret *passphrase) error {
	id, err := key.KeyID()
	if err != nil {
		return err
	}
	how := "encrypted with the passphrase"
	if secret.none {
		how = "NOT encrypted"
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s.pub  public, for trust files\n", show(out))
	fmt.Fprintf(w, "%s      secret, %s: whoever has it can sign in your name\n", show(out), how)
	fmt.Fprintf(w, "key ID %s (%s)\n", id, key.Scheme())
	fmt.Fprintf(w, "next: touchmark trust init --principal NAME=%s --builder NAME=local=1 --out trust.json\n", shellWord(out+".pub"))
	return nil
}

// writeNew writes a file that is not there yet. Others never see it with wider
// permissions than these.
func writeNew(path string, data []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, cause(err))
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("writing %q: %w", path, cause(err))
	}
	return nil
}

// A passphrase is where the passphrase of a key comes from: a file, a file
// descriptor, else the terminal. No argument and no variable ever holds one, for
// others can see those.
type passphrase struct {
	file, descriptor string
	none             bool

	opened *os.File // the descriptor; each passphrase takes its next line
}

func (p *passphrase) flag(c *cobra.Command) {
	c.Flags().StringVar(&p.file, "passphrase-file", "", "read the key's passphrase from the first line of `FILE`; else it is asked for on the terminal")
	c.Flags().StringVar(&p.descriptor, "passphrase-fd", "", "read it from the next line of the file descriptor `N`")
	c.MarkFlagsMutuallyExclusive("passphrase-file", "passphrase-fd")
}

// newFlag is flag for the passphrase of a key that is about to be written, which may also have none.
func (p *passphrase) newFlag(c *cobra.Command) {
	p.flag(c)
	c.Flags().BoolVar(&p.none, "unencrypted", false, "write the secret key without a passphrase")
	c.MarkFlagsMutuallyExclusive("passphrase-file", "unencrypted")
	c.MarkFlagsMutuallyExclusive("passphrase-fd", "unencrypted")
}

// given reports whether it comes from elsewhere than the terminal.
func (p *passphrase) given() bool { return p.file != "" || p.descriptor != "" }

// ask returns the passphrase of the key called name.
func (p *passphrase) ask(name string, prompt keys.Passphrase) ([]byte, error) {
	if p.descriptor != "" {
		return p.fromDescriptor(name)
	}
	if p.file == "" {
		phrase, err := prompt(name)
		if err != nil {
			return nil, fmt.Errorf("the passphrase of %q: %w (or name a file: --passphrase-file)", name, err)
		}
		return phrase, nil
	}
	data, err := readFile("passphrase", p.file, maxKey)
	if err != nil {
		return nil, err
	}
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("passphrase: %q must hold one line, and that not empty", p.file)
	}
	return line, nil
}

func (p *passphrase) fromDescriptor(name string) ([]byte, error) {
	n, err := strconv.ParseUint(p.descriptor, 10, 16)
	if err != nil {
		return nil, usagef("--passphrase-fd: %q is no file descriptor: want a number, such as 3", p.descriptor)
	}
	if p.opened == nil {
		p.opened = os.NewFile(uintptr(n), fmt.Sprint("file descriptor ", n))
	}
	if _, err := p.opened.Stat(); err != nil {
		return nil, fmt.Errorf("the passphrase of %q: file descriptor %d is not open", name, n)
	}
	line, err := keys.FromReader(p.opened)(name)
	if err != nil {
		return nil, fmt.Errorf("the passphrase of %q from file descriptor %d: %w", name, n, err)
	}
	return line, nil
}

// choose returns a new passphrase for the key called name, none if it is to have none.
func (p *passphrase) choose(name string) ([]byte, error) {
	if p.none {
		return nil, nil
	}
	return p.ask(name, keys.PromptNew)
}

// must is for what only a mistake in this program can make fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
