package keys

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// RemoteTimeout is how long a signature of a [Remote] may take that says nothing else.
const RemoteTimeout = 30 * time.Second

// A Remote is a private key that is kept elsewhere, in a KMS, an HSM or another process, by what may be asked of it.
// The packages below sign/kms make one of each KMS; [NewRemote] makes a [Key] of it.
type Remote struct {
	// Name is what the key is called there, such as "awskms:///alias/release". It is in every error.
	Name string
	// Public is the public half.
	Public crypto.PublicKey
	// Scheme is how it signs, as [Verify] names it. If empty, it follows from the public half; an RSA key is asked for
	// a signature over a text that is no statement, and the signature tells.
	Scheme string
	// Sign signs a message, which it hashes itself. It must end with its context, and be safe for concurrent use.
	Sign func(ctx context.Context, message []byte) ([]byte, error)
	// Timeout is how long a signature may take, with all that Sign tries again; zero is [RemoteTimeout].
	Timeout time.Duration
}

// NewRemote makes a key of one that is kept elsewhere, if its public half is strong enough. Every signature is checked
// before it is handed out, for a key that was rotated over there, or another one's answer, is easier to find here than
// at the verifier. The key cannot be written down, and its scheme is not ours to choose.
func NewRemote(ctx context.Context, r Remote) (*Key, error) {
	key, err := newRemote(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", r.Name, err)
	}
	return key, nil
}

func newRemote(ctx context.Context, r Remote) (*Key, error) {
	if r.Sign == nil || r.Public == nil {
		return nil, errors.New("nothing to sign with, or no public half")
	}
	if r.Timeout <= 0 {
		r.Timeout = RemoteTimeout
	}
	key, err := New(&remote{r})
	if err != nil {
		return nil, err
	}
	s := key.reveal()
	if r.Scheme != "" {
		if err := keycheck.Fits(r.Scheme, r.Public); err != nil {
			return nil, err
		}
		s.scheme = r.Scheme
	} else if _, isRSA := r.Public.(*rsa.PublicKey); isRSA {
		if s.scheme, err = (&remote{r}).find(ctx); err != nil {
			return nil, err
		}
	}
	return hide(s), nil
}

// probe is signed to learn how an RSA key signs. What is signed as a statement, or as anything else here, begins with
// "DSSEv1".
const probe = "Touchmark asks how this key signs. This text proves nothing."

// rsaSchemes are those that a KMS may have an RSA key for. Their salts are as long as the hash.
var rsaSchemes = []string{"rsa-pss-sha256", "rsa-pkcs1v15-sha256", "rsa-pss-sha384", "rsa-pkcs1v15-sha384", "rsa-pss-sha512", "rsa-pkcs1v15-sha512"}

// A remote is a Remote in the place of a crypto.Signer.
type remote struct{ Remote }

func (r *remote) Public() crypto.PublicKey { return r.Remote.Public }

// Sign is never called: what is kept elsewhere signs messages.
func (r *remote) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("a key that is kept elsewhere signs messages, and no digests")
}

// find learns how an RSA key signs.
func (r *remote) find(ctx context.Context) (string, error) {
	sig, err := r.ask(ctx, []byte(probe))
	if err != nil {
		return "", fmt.Errorf("asking how it signs: %w", err)
	}
	i := slices.IndexFunc(rsaSchemes, func(scheme string) bool {
		return keycheck.Verify(scheme, r.Remote.Public, []byte(probe), sig) == nil
	})
	if i < 0 {
		return "", errors.New("its signatures are not its own, or by no scheme that is known: RSA by PSS or PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512")
	}
	return rsaSchemes[i], nil
}

// sign asks for a signature, and checks it.
func (r *remote) sign(ctx context.Context, scheme string, message []byte) ([]byte, error) {
	sig, err := r.ask(ctx, message)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", r.Name, err)
	}
	if err := keycheck.Verify(scheme, r.Remote.Public, message, sig); err != nil {
		return nil, fmt.Errorf("%q answered with a signature that is not this key's by %s: if it was rotated there, begin anew with its new public half: %w", r.Name, scheme, err)
	}
	return sig, nil
}

func (r *remote) ask(ctx context.Context, message []byte) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	sig, err := r.Remote.Sign(bounded, message)
	switch {
	case err == nil:
		return sig, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, fmt.Errorf("no signature within %s: %w", r.Timeout, err)
	}
	return nil, err
}
