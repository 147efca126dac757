package keys

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// maxAgentKeys bounds how many keys of an agent are looked at.
const maxAgentKeys = 256

// An AgentKey is a key that an SSH agent holds, so that the secret is nowhere in this process: it may be on a token,
// or on the other side of a forwarded connection. It implements sign.Signer, and connects anew for every signature.
//
// What is signed is the PAE, which begins with "DSSEv1". Nothing that SSH itself signs does, so that neither can
// be passed off as the other.
type AgentKey struct {
	socket  string
	comment string
	key     ssh.PublicKey
	public  crypto.PublicKey
	scheme  string
	id      string
}

// Agent lists the keys of the SSH agent that listens on a Unix socket, which SSH_AUTH_SOCK names by custom, in the
// agent's order. Keys that cannot sign for us are left out: certificates, keys of FIDO tokens (whose signatures are over
// more than the message), DSA, and what is too weak. It ends with ctx.
func Agent(ctx context.Context, socket string) ([]*AgentKey, error) {
	var all []*AgentKey
	err := withAgent(ctx, socket, func(a agent.ExtendedAgent) error {
		held, err := a.List()
		if err != nil {
			return err
		}
		for _, k := range held[:min(len(held), maxAgentKeys)] {
			if key := agentKey(socket, k); key != nil {
				all = append(all, key)
			}
		}
		return nil
	})
	return all, err
}

// agentKey is nil if the key is none of ours.
func agentKey(socket string, k *agent.Key) *AgentKey {
	if !slices.Contains([]string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}, k.Format) {
		return nil
	}
	parsed, err := ssh.ParsePublicKey(k.Blob)
	if err != nil {
		return nil
	}
	holder, ok := parsed.(ssh.CryptoPublicKey)
	if !ok {
		return nil
	}
	public := holder.CryptoPublicKey()
	id, err := keycheck.ID(public)
	if err != nil || keycheck.Check(public) != nil {
		return nil
	}
	scheme, err := keycheck.DefaultScheme(public)
	if k.Format == ssh.KeyAlgoRSA {
		scheme, err = "rsa-pkcs1v15-sha256", nil // SSH knows no PSS (RFC 8332)
	}
	if err != nil {
		return nil
	}
	return &AgentKey{socket: socket, comment: k.Comment, key: parsed, public: public, scheme: scheme, id: id}
}

// withAgent calls do with a connection that ends with ctx, and says which agent was in trouble.
func withAgent(ctx context.Context, socket string, do func(agent.ExtendedAgent) error) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("SSH agent: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := do(agent.NewClient(conn)); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("SSH agent at %q: %w", socket, err)
	}
	return nil
}

// Comment is what the agent calls the key, a file's name by custom. Nobody vouches for it.
func (k *AgentKey) Comment() string { return k.comment }

// Public is the public half.
func (k *AgentKey) Public() crypto.PublicKey { return k.public }

// MarshalPublic is the public half as PKIX PEM, as a trust file holds it.
func (k *AgentKey) MarshalPublic() []byte { return publicPEM(k.public) }

// KeyID implements sign.Signer: the lower-case hex SHA-256 of the public key's PKIX form.
func (k *AgentKey) KeyID() (string, error) { return k.id, nil }

// Scheme is how the key signs: ed25519; ecdsa-sha256, ecdsa-sha384 or ecdsa-sha512 by the curve; rsa-pkcs1v15-sha256.
func (k *AgentKey) Scheme() string { return k.scheme }

// String is the key's ID, and that an agent holds it.
func (k *AgentKey) String() string { return "ssh-agent:" + k.id }

// Sign implements sign.Signer. The agent may ask its owner; a refusal is an error. What it returns is checked, for an
// agent that answers with another key's signature is easier to find here than at the verifier.
func (k *AgentKey) Sign(ctx context.Context, data []byte) ([]byte, error) {
	var sig []byte
	err := withAgent(ctx, k.socket, func(a agent.ExtendedAgent) error {
		var flags agent.SignatureFlags
		if k.key.Type() == ssh.KeyAlgoRSA {
			flags = agent.SignatureFlagRsaSha256
		}
		answer, err := a.SignWithFlags(k.key, data, flags)
		if err != nil {
			return err
		}
		sig, err = k.convert(answer)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.id, err)
	}
	if err := keycheck.Verify(k.scheme, k.public, data, sig); err != nil {
		return nil, fmt.Errorf("key %s: the agent's signature is not this key's: %w", k.id, err)
	}
	return sig, nil
}

// convert takes a signature out of SSH's form (RFC 4253 section 6.6, RFC 5656 section 3.1.2, RFC 8332, RFC 8709).
func (k *AgentKey) convert(s *ssh.Signature) ([]byte, error) {
	want := k.key.Type()
	if want == ssh.KeyAlgoRSA {
		want = ssh.KeyAlgoRSASHA256
	}
	if s.Format != want {
		return nil, fmt.Errorf("signed with %q, want %q", s.Format, want)
	}
	if _, ok := k.public.(ed25519.PublicKey); ok || want == ssh.KeyAlgoRSASHA256 {
		return s.Blob, nil
	}
	var pair struct{ R, S *big.Int }
	if err := ssh.Unmarshal(s.Blob, &pair); err != nil {
		return nil, errors.New("the ECDSA signature is no pair of numbers")
	}
	return asn1.Marshal(pair)
}
