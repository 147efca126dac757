// Package plugin signs with keys that another program reaches, by the protocol of Sigstore's command plugins
// (sigstore-kms-NAME): one run of the program for each answer, JSON in an argument and on standard output, the message
// on standard input.
//
// The program is code, and runs with all that this process may do. So it is named by whoever calls [Signer], by its
// whole path: no reference to a key, and no search through PATH, ever decides what is run.
package plugin

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// protocol is the version of the protocol.
const protocol = "v1"

const (
	maxAnswer = 1 << 20     // bytes of an answer
	grace     = time.Second // for a program that was told to end, before it is left alone
)

// Signer returns the key that ref names to the program at an absolute path. Ref is handed on as it is; one that begins
// "NAME://", as cosign writes it, is for a program called sigstore-kms-NAME and no other, and is handed on without that.
//
// The program inherits the environment, and what it writes to standard error is dropped.
func Signer(ctx context.Context, program, ref string) (*keys.Key, error) {
	key, err := signer(ctx, program, ref)
	if err != nil {
		return nil, fmt.Errorf("key %q by %q: %w", ref, program, err)
	}
	return key, nil
}

func signer(ctx context.Context, program, ref string) (*keys.Key, error) {
	if !filepath.IsAbs(program) {
		return nil, errors.New("the program is code that is run: name it by its whole path")
	}
	p := &plugin{program: program, ref: ref, hash: crypto.SHA256}
	if name, rest, ok := strings.Cut(ref, "://"); ok {
		if base := strings.TrimSuffix(filepath.Base(program), ".exe"); base != "sigstore-kms-"+name {
			return nil, fmt.Errorf("the reference is for a program called sigstore-kms-%s", name)
		}
		p.ref = rest
	}
	ctx, cancel := context.WithTimeout(ctx, keys.RemoteTimeout)
	defer cancel()
	public, err := p.public(ctx)
	if err != nil {
		return nil, err
	}
	switch public := public.(type) {
	case ed25519.PublicKey:
		p.hash = 0
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P384():
			p.hash = crypto.SHA384
		case elliptic.P521():
			p.hash = crypto.SHA512
		}
	}
	return keys.NewRemote(ctx, keys.Remote{Name: ref, Public: public, Sign: p.sign})
}

// A plugin is a program and a key that it knows.
type plugin struct {
	program, ref string
	hash         crypto.Hash // zero for Ed25519
}

// The protocol's questions and answers. Hashes are the numbers that Go's package crypto has for them.
type (
	question struct {
		Init struct {
			Deadline *time.Time  `json:"ctxDeadline,omitempty"`
			Protocol string      `json:"protocolVersion"`
			Key      string      `json:"keyResourceID"`
			Hash     crypto.Hash `json:"hashFunc"`
			Options  struct{}    `json:"rpcOptions"`
		} `json:"initOptions"`
		Method string  `json:"methodName"`
		Public *public `json:"publicKey,omitempty"`
		Sign   *sign   `json:"signMessage,omitempty"`
	}
	public struct {
		Options rpcOptions `json:"publicKeyOptions"`
	}
	sign struct {
		Options signOptions `json:"signOptions"`
	}
	rpcOptions struct {
		RPC struct{} `json:"rpcOptions"`
	}
	signOptions struct {
		RPC     struct{}       `json:"rpcOptions"`
		Message messageOptions `json:"messageOptions"`
	}
	messageOptions struct {
		Hash crypto.Hash `json:"hashFunc"`
	}
	response struct {
		Error  string `json:"errorMessage"`
		Public *struct {
			PEM []byte `json:"publicKeyPEM"`
		} `json:"publicKey"`
		Sign *struct {
			Signature []byte `json:"signature"`
		} `json:"signMessage"`
	}
)

func (p *plugin) public(ctx context.Context) (crypto.PublicKey, error) {
	a, err := p.ask(ctx, question{Method: "publicKey", Public: &public{}}, nil)
	if err != nil {
		return nil, err
	}
	if a.Public == nil {
		return nil, errors.New("its answer holds no public key")
	}
	return keys.ParsePublic(a.Public.PEM)
}

func (p *plugin) sign(ctx context.Context, message []byte) ([]byte, error) {
	a, err := p.ask(ctx, question{Method: "signMessage", Sign: &sign{signOptions{Message: messageOptions{p.hash}}}}, message)
	if err != nil {
		return nil, err
	}
	if a.Sign == nil {
		return nil, errors.New("its answer holds no signature")
	}
	return a.Sign.Signature, nil
}

// ask runs the program once.
func (p *plugin) ask(ctx context.Context, q question, message []byte) (*response, error) {
	q.Init.Protocol, q.Init.Key, q.Init.Hash = protocol, p.ref, p.hash
	if deadline, ok := ctx.Deadline(); ok {
		deadline = deadline.UTC()
		q.Init.Deadline = &deadline
	}
	argument, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	var out bounded
	cmd := exec.CommandContext(ctx, p.program, protocol, string(argument))
	cmd.Stdin, cmd.Stdout, cmd.WaitDelay = bytes.NewReader(message), &out, grace
	// Its exit status says nothing, by the protocol; that it could not be run, was killed or wrote too much, does.
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case out.full:
		return nil, fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	case err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0):
		return nil, fmt.Errorf("running it: %w", err)
	}
	var a response
	if parseErr := strictjson.Unmarshal(bytes.TrimSpace(out.data), &a); parseErr != nil {
		if err != nil {
			return nil, fmt.Errorf("it ended with %w and no answer", err)
		}
		return nil, fmt.Errorf("its answer: %w", parseErr)
	}
	if a.Error != "" {
		return nil, fmt.Errorf("it says %.500q", a.Error)
	}
	return &a, nil
}

// bounded keeps an answer of up to maxAnswer bytes.
type bounded struct {
	data []byte
	full bool
}

func (b *bounded) Write(data []byte) (int, error) {
	if b.full = b.full || len(b.data)+len(data) > maxAnswer; b.full {
		return 0, io.ErrShortWrite // the pipe is closed, and the program ends of that
	}
	b.data = append(b.data, data...)
	return len(data), nil
}
