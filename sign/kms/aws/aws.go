// Package aws signs with keys of the AWS Key Management Service. The private half never leaves it.
//
//	key, err := aws.Signer(ctx, "awskms:///alias/release")
//	bundle, err := sign.Statement(ctx, statement, key)
//
// The region and how to log in are found as AWS's own tools find them: the environment, ~/.aws, or the role of the
// machine. The caller needs kms:GetPublicKey, kms:DescribeKey and kms:Sign on the key.
package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/sigstore/sigstore/pkg/signature/kms/aws"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// One request may take as long as patience, and there are so many tries.
const (
	patience = 8 * time.Second
	tries    = 3
)

// Signer returns the key that ref names: "awskms:///" and the key's id, its ARN, "alias/NAME" or an alias' ARN. Between
// the second and the third slash an endpoint may stand, "awskms://HOST:PORT/alias/NAME".
//
// How an RSA key signs is found out by one signature, see [keys.Remote]: AWS takes the first of the algorithms that it
// lists for the key.
func Signer(ctx context.Context, ref string) (*keys.Key, error) {
	key, err := signer(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", ref, err)
	}
	return key, nil
}

func signer(ctx context.Context, ref string) (*keys.Key, error) {
	if host, _, _ := strings.Cut(strings.TrimPrefix(ref, aws.ReferenceScheme), "/"); aws.ValidReference(ref) != nil || strings.ContainsAny(host, "@?#") || strings.ContainsAny(ref, "\r\n") {
		return nil, errors.New("no reference to a key in AWS, want awskms:///KEY, where KEY is an id, an ARN or alias/NAME")
	}
	if os.Getenv("AWS_TLS_INSECURE_SKIP_VERIFY") != "" {
		return nil, errors.New("AWS_TLS_INSECURE_SKIP_VERIFY is set, by which anybody could answer in the place of AWS: unset it")
	}
	ctx, cancel := context.WithTimeout(ctx, keys.RemoteTimeout)
	defer cancel()
	kms, err := aws.LoadSignerVerifier(ctx, ref, config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(patience)), config.WithRetryMaxAttempts(tries))
	if err != nil {
		return nil, err
	}
	public, err := kms.PublicKey(options.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	return keys.NewRemote(ctx, keys.Remote{Name: ref, Public: public, Sign: func(ctx context.Context, message []byte) (sig []byte, err error) {
		// It takes the first of the algorithms of a key without looking whether there is one.
		defer func() {
			if recover() != nil {
				sig, err = nil, errors.New("AWS's key is none that signs, or what it says of it is not understood")
			}
		}()
		return kms.SignMessage(bytes.NewReader(message), options.WithContext(ctx))
	}})
}
