package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/kms/plugin"
)

// A signingKey is the flag --key with what belongs to it.
type signingKey struct {
	path    string
	program string
	secret  passphrase
}

func (s *signingKey) flag(c *cobra.Command, what string) {
	c.Flags().StringVar(&s.path, "key", "", "sign "+what+" with the private key in `FILE`, with the ring in a folder, or with ssh-agent:NAME; see touchmark keys")
	s.secret.flag(c)
	c.Flags().StringVar(&s.program, "key-program", "", "run `PROGRAM`, a KMS plugin of Sigstore's protocol, at its whole path; --key is what it knows the key by")
}

// agentPrefix begins the name of a key that an SSH agent holds.
const agentPrefix = "ssh-agent:"

// load gets the key, and asks for its passphrase if it has one. It is nil if
// no key was named.
func (s *signingKey) load(ctx context.Context) (*keys.Key, error) {
	info, err := os.Stat(s.path)
	isRing := err == nil && info.IsDir()
	name, inAgent := strings.CutPrefix(s.path, agentPrefix)
	switch {
	case s.path == "" && (s.secret.given() || s.program != ""):
		return nil, usagef("a passphrase or a program is for a key: name it with --key")
	case s.path == "":
		return nil, nil
	case s.program != "" || inAgent:
		if s.secret.given() {
			return nil, usagef("who holds the key %q asks for its passphrase: leave it out here", s.path)
		}
		if s.program != "" {
			return plugin.Signer(ctx, s.program, s.path)
		}
		return agentKey(ctx, name)
	case isRing:
		ring, err := keys.OpenRing(s.path)
		if err != nil {
			return nil, err
		}
		return ring.Signer(time.Now(), s.unlock)
	}
	data, err := readFile("key", s.path, maxKey)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	if bytes.Contains(data, []byte("BEGIN PUBLIC KEY")) {
		return nil, fmt.Errorf("key: %q is a public key, which cannot sign: name the private one", s.path)
	}
	key, err := keys.Parse(data, func(string) ([]byte, error) { return s.unlock(s.path) })
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", s.path, err)
	}
	return key, nil
}

// unlock is the passphrase of a key.
func (s *signingKey) unlock(name string) ([]byte, error) { return s.secret.ask(name, keys.Prompt) }

// agentKeys lists what the SSH agent holds.
func agentKeys(ctx context.Context) ([]*keys.AgentKey, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, fmt.Errorf("there is no SSH agent: SSH_AUTH_SOCK is not set")
	}
	ctx, cancel := context.WithTimeout(ctx, keys.RemoteTimeout)
	defer cancel()
	return keys.Agent(ctx, socket)
}

// agentKey finds the one key of the SSH agent that has this comment, or whose ID begins so.
func agentKey(ctx context.Context, name string) (*keys.Key, error) {
	held, err := agentKeys(ctx)
	if err != nil {
		return nil, err
	}
	var found []*keys.AgentKey
	for _, k := range held {
		id, err := k.KeyID()
		if err != nil {
			return nil, err
		}
		if k.Comment() == name || len(name) >= minID && strings.HasPrefix(id, name) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("the SSH agent holds %d keys that %q names, want one: see touchmark keys list --ssh-agent", len(found), name)
	}
	k := found[0]
	return keys.NewRemote(ctx, keys.Remote{Name: k.String(), Public: k.Public(), Scheme: k.Scheme(), Sign: k.Sign})
}

// minID is how much of a key ID names a key.
const minID = 8
