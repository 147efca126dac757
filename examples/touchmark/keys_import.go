package main

import (
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/keys"
)

func newKeysImport() *cobra.Command {
	var place newKeyPlace
	var old passphrase
	c := &cobra.Command{
		Use:   "import (--out NAME | --ring DIR) [--passphrase-file FILE | --passphrase-fd N | --unencrypted] KEY",
		Short: "write somebody else's private key as one of ours: NAME is secret, NAME.pub is for everybody",
		Long: `import reads a private key that another tool made and writes it as generate does: NAME,
which only its owner may read, and NAME.pub, or into a ring. KEY stays as it is.

KEY may be PKCS#8, PKCS#1 or SEC 1 in PEM, what ssh-keygen writes, a JWK, or an encrypted
key of cosign or openssl. Keys of minisign, age and OpenPGP are not for signing evidence.

The passphrase of KEY is asked for on the terminal or read with --old-passphrase-file, that
of NAME with --passphrase-file or --passphrase-fd.`,
		Example: `  touchmark keys import --out release.key ~/.ssh/id_ed25519
  touchmark keys import --out ci.key --unencrypted ci.jwk
  touchmark keys import --ring keys release.key`,
		Args: exactly("KEY"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			source := signingKey{path: args[0], secret: old}
			key, err := source.load(cmd.Context())
			if err != nil {
				return err
			}
			return place.put(cmd, func() (*keys.Key, error) { return key, nil })
		}),
	}
	place.flag(c)
	c.Flags().StringVar(&old.file, "old-passphrase-file", "", "read the passphrase of KEY from the first line of `FILE`; else it is asked for on the terminal")
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
