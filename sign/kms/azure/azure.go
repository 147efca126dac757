// Package azure signs with keys of Azure Key Vault and its managed HSMs. The private half never leaves it.
//
//	key, err := azure.Signer(ctx, "azurekms://acme.vault.azure.net/release")
//	bundle, err := sign.Statement(ctx, statement, key)
//
// How to log in is found as Azure's own libraries find it: the environment, a managed identity, or az login. The caller
// needs keys/get and keys/sign.
package azure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature/kms/azure"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// Signer returns the key that ref names, "azurekms://VAULT.vault.azure.net/KEY", or one version of it, with "/VERSION"
// at the end, which is better: without, it is the newest, and a signature after a rotation is refused until Signer is
// called again.
//
// RSA keys sign by PKCS #1 v1.5, see [keys.Key.Scheme].
func Signer(ctx context.Context, ref string) (*keys.Key, error) {
	key, err := signer(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", ref, err)
	}
	return key, nil
}

func signer(ctx context.Context, ref string) (_ *keys.Key, err error) {
	if azure.ValidReference(ref) != nil || strings.ContainsAny(ref, "@?#% \r\n") || strings.Contains(ref, "/../") {
		return nil, errors.New("no reference to a key in Azure, want azurekms://VAULT.vault.azure.net/KEY or …/KEY/VERSION")
	}
	ctx, cancel := context.WithTimeout(ctx, keys.RemoteTimeout)
	defer cancel()
	defer understood(&err)
	kms, err := azure.LoadSignerVerifier(ctx, ref)
	if err != nil {
		return nil, err
	}
	public, err := kms.PublicKey()
	if err != nil {
		return nil, err
	}
	return keys.NewRemote(ctx, keys.Remote{Name: ref, Public: public, Sign: func(ctx context.Context, message []byte) (sig []byte, err error) {
		defer understood(&err)
		return kms.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
	}})
}

// understood makes an error of a panic: the package underneath looks into an answer without looking whether all of it
// is there.
func understood(err *error) {
	if recover() != nil {
		*err = errors.New("Azure's answer is not understood")
	}
}
