// Package gcp signs with keys of Google Cloud's Key Management Service. The private half never leaves it.
//
//	key, err := gcp.Signer(ctx, "gcpkms://projects/acme/locations/europe-west1/keyRings/release/cryptoKeys/app/cryptoKeyVersions/1")
//	bundle, err := sign.Statement(ctx, statement, key)
//
// How to log in is found as Google's own libraries find it: the application default credentials. The caller needs
// cloudkms.cryptoKeys.get, cloudkms.cryptoKeyVersions.get, viewPublicKey and useToSign on the key.
package gcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/signature/kms/gcp"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// patience is how long one call may take. Google's library tries again what fails for the moment, until it is over.
const patience = 10 * time.Second

// Signer returns the key that ref names, "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K", or one version of
// it, with "/cryptoKeyVersions/V" at the end, which is better: without, it is the newest that is enabled, and a
// signature after a rotation is refused until Signer is called again.
//
// How an RSA key signs is found out by one signature, see [keys.Remote]. The connection is kept for as long as the
// process lives.
func Signer(ctx context.Context, ref string) (*keys.Key, error) {
	key, err := signer(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", ref, err)
	}
	return key, nil
}

// signer is Signer with more of Google's options.
func signer(ctx context.Context, ref string, more ...option.ClientOption) (*keys.Key, error) {
	if gcp.ValidReference(ref) != nil || strings.ContainsAny(ref, "?#% \r\n") || strings.Contains(ref, "/../") {
		return nil, errors.New("no reference to a key in Google Cloud, want gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V")
	}
	ctx, cancel := context.WithTimeout(ctx, keys.RemoteTimeout)
	defer cancel()
	more = append([]option.ClientOption{option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(bounded(ctx)))}, more...)
	kms, err := gcp.LoadSignerVerifier(context.WithoutCancel(ctx), ref, more...)
	if err != nil {
		return nil, err
	}
	public, err := kms.PublicKey(options.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	return keys.NewRemote(ctx, keys.Remote{Name: ref, Public: public, Sign: func(ctx context.Context, message []byte) ([]byte, error) {
		return kms.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
	}})
}

// bounded ends every call after its time. Sigstore's package looks keys up without its caller's context, so while the
// signer is made its calls end with that one as well.
func bounded(loading context.Context) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, answer any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if loading.Err() == nil { // it ends when the signer is made
			stop := context.AfterFunc(loading, cancel)
			defer stop()
		}
		return invoke(ctx, method, request, answer, c, opts...)
	}
}
