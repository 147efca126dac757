package main

import (
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/keys"
)

func newKeysImport() *cobra.Command {
	var out string
	var secret, old passphrase
	c := &cobra.Command{
		Use:   "import --out NAME [--passphrase-file FILE | --unencrypted] KEY",
		Short: "write somebody else's private key as one of ours: NAME is secret, NAME.pub is for everybody",
		Long: `import reads a private key that another tool made and writes it as generate does: NAME,
which only its owner may read, and NAME.pub. KEY stays as it is.

KEY may be PKCS#8, PKCS#1 or SEC 1 in PEM, what ssh-keygen writes, a JWK, or an encrypted
key of cosign or openssl. Keys of minisign, age and OpenPGP are not for signing evidence.

The passphrase of KEY is asked for on the terminal or read with --old-passphrase-file, that
of NAME with --passphrase-file.`,
		Example: `  touchmark keys import --out release.key ~/.ssh/id_ed25519
  touchmark keys import --out ci.key --unencrypted ci.jwk`,
		Args: exactly("KEY"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := free(out); err != nil {
				return err
			}
			source := signingKey{path: args[0], secret: old}
			key, err := source.load()
			if err != nil {
				return err
			}
			phrase, err := secret.choose(out)
			if err != nil {
				return err
			}
			if err := writeKey(out, key, phrase); err != nil {
				return err
			}
			written, err := asWritten(key)
			if err != nil {
				return err
			}
			if written.Scheme() != key.Scheme() {
				progress(cmd.ErrOrStderr(), "touchmark: the key was bound to %s; from its new file it signs by %s", key.Scheme(), written.Scheme())
			}
			return announce(cmd, out, written, &secret)
		}),
	}
	c.Flags().StringVar(&out, "out", "", "write `NAME` and NAME.pub")
	secret.flag(c)
	c.Flags().StringVar(&old.file, "old-passphrase-file", "", "read the passphrase of KEY from the first line of `FILE`; else it is asked for on the terminal")
	c.Flags().BoolVar(&secret.none, "unencrypted", false, "write the secret key without a passphrase")
	c.MarkFlagsMutuallyExclusive("passphrase-file", "unencrypted")
	must(c.MarkFlagRequired("out"))
	return c
}

// asWritten is the key as its file holds it, without the scheme that a JWK may bind it to.
func asWritten(key *keys.Key) (*keys.Key, error) {
	data, err := key.MarshalPrivate(nil)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	return keys.Parse(data, nil)
}
