package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/keys"
)

var algorithms = []string{keys.ECDSAP256, keys.ECDSAP384, keys.ECDSAP521, keys.Ed25519, keys.RSA3072, keys.RSA4096}

func newKeys() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys COMMAND",
		Short: "make signing keys",
		Long:  "keys makes the keys that sign evidence. The public half goes into a trust file, see touchmark trust init.",
		RunE:  group("generate or import"),
	}
	c.AddCommand(newKeysGenerate(), newKeysImport())
	return c
}

func newKeysGenerate() *cobra.Command {
	var out, algorithm string
	var secret passphrase
	c := &cobra.Command{
		Use:   "generate --out NAME [--algorithm ALGORITHM] [--passphrase-file FILE | --unencrypted]",
		Short: "make a signing key: NAME is secret, NAME.pub is for everybody",
		Long: `generate makes a signing key and writes two files: NAME, which is secret and which
only its owner may read, and NAME.pub, which goes to everybody who verifies.
Neither is overwritten if it is there.

NAME is encrypted with a passphrase, in the form that cosign reads too. It is asked
for on the terminal, or read from a file. --unencrypted leaves the encryption out,
for a key that lives in a secret store and nowhere else.`,
		Example: `  touchmark keys generate --out release.key
  touchmark keys generate --out ci.key --algorithm ed25519 --passphrase-file /run/secrets/ci`,
		Args: exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			key, err := generate(out, algorithm, &secret)
			if err != nil {
				return err
			}
			return announce(cmd, out, key, &secret)
		}),
	}
	c.Flags().StringVar(&out, "out", "", "write `NAME` and NAME.pub")
	c.Flags().StringVar(&algorithm, "algorithm", keys.ECDSAP256, "`ALGORITHM`: ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-3072 or rsa-4096")
	secret.flag(c)
	c.Flags().BoolVar(&secret.none, "unencrypted", false, "write the secret key without a passphrase")
	c.MarkFlagsMutuallyExclusive("passphrase-file", "unencrypted")
	must(c.MarkFlagRequired("out"))
	completeWords(c, "algorithm", algorithms...)
	return c
}

// generate makes a key and writes its two files.
func generate(out, algorithm string, secret *passphrase) (*keys.Key, error) {
	if !contains(algorithms, algorithm) {
		return nil, usagef("%q is no algorithm: want %s", algorithm, orList(algorithms))
	}
	if err := free(out); err != nil {
		return nil, err
	}
	phrase, err := secret.choose(out)
	if err != nil {
		return nil, err
	}
	key, err := keys.Generate(algorithm)
	if err != nil {
		return nil, err
	}
	return key, writeKey(out, key, phrase)
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

// A passphrase is where the passphrase of a key comes from: a file, else the
// terminal.
type passphrase struct {
	file string
	none bool
}

func (p *passphrase) flag(c *cobra.Command) {
	c.Flags().StringVar(&p.file, "passphrase-file", "", "read the key's passphrase from the first line of `FILE`; else it is asked for on the terminal")
}

// ask returns the passphrase of the key called name.
func (p *passphrase) ask(name string, prompt keys.Passphrase) ([]byte, error) {
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

// choose returns a new passphrase for the key called name, none if it is to have none.
func (p *passphrase) choose(name string) ([]byte, error) {
	if p.none {
		return nil, nil
	}
	return p.ask(name, keys.PromptNew)
}

// A signingKey is the flag --key with what belongs to it.
type signingKey struct {
	path   string
	secret passphrase
}

func (s *signingKey) flag(c *cobra.Command, what string) {
	c.Flags().StringVar(&s.path, "key", "", "sign "+what+" with the private key in `FILE`, see touchmark keys generate")
	s.secret.flag(c)
}

// load reads the key, and asks for its passphrase if it has one. It is nil if
// no key was named.
func (s *signingKey) load() (*keys.Key, error) {
	if s.path == "" {
		if s.secret.file != "" {
			return nil, usagef("--passphrase-file is for a key: name it with --key")
		}
		return nil, nil
	}
	data, err := readFile("key", s.path, maxKey)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	if bytes.Contains(data, []byte("BEGIN PUBLIC KEY")) {
		return nil, fmt.Errorf("key: %q is a public key, which cannot sign: name the private one", s.path)
	}
	key, err := keys.Parse(data, func(string) ([]byte, error) { return s.secret.ask(s.path, keys.Prompt) })
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", s.path, err)
	}
	return key, nil
}

// must is for what only a mistake in this program can make fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
