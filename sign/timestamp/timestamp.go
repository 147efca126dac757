// Package timestamp has a timestamp authority (RFC 3161) say when a signature
// existed, and keeps its word in the bundle.
//
// A signature by a key can then be shown to be older than the key's end or
// revocation, by whoever trusts the authority; verify/sigstore checks that.
// Nobody learns what was signed: the authority gets a hash of the signature.
package timestamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"

	"github.com/digitorus/timestamp"

	"github.com/touchmark-go/touchmark/internal/webclient"
	"github.com/touchmark-go/touchmark/sign"
)

// Options say how authorities are asked. The zero Options are what [Add] uses.
type Options struct {
	// Client asks. If nil, it is one that waits ten seconds and follows no
	// redirect.
	Client *http.Client
}

// Add returns b with a timestamp of the authority at each of the URLs, which
// are those of the service itself. A bundle has one signature then, and is a
// Sigstore bundle. B is not changed, and nothing is returned unless all
// authorities answered. Loopback addresses alone may be http.
func Add(ctx context.Context, b *sign.Bundle, urls ...string) (*sign.Bundle, error) {
	return Options{}.Add(ctx, b, urls...)
}

// Add is [Add] with these Options.
func (o Options) Add(ctx context.Context, b *sign.Bundle, urls ...string) (*sign.Bundle, error) {
	switch {
	case b == nil || b.Err != nil || len(b.Signatures) != 1:
		return nil, errors.New("timestamp: want a bundle with one signature: a bundle holds timestamps of one alone")
	case len(urls) == 0:
		return nil, errors.New("timestamp: want the URL of a timestamp authority, got none")
	case len(b.Signatures[0].Timestamps)+len(urls) > sign.MaxTimestamps:
		return nil, fmt.Errorf("timestamp: more than %d timestamps: %w", sign.MaxTimestamps, sign.ErrLimit)
	}
	out := *b
	out.Signatures = slices.Clone(b.Signatures)
	s := &out.Signatures[0]
	s.Timestamps = slices.Clone(s.Timestamps)
	for _, u := range urls {
		response, err := o.ask(ctx, u, s.Sig)
		if err != nil {
			return nil, fmt.Errorf("timestamp: the authority at %s: %w", webclient.Redacted(u), err)
		}
		s.Timestamps = append(s.Timestamps, response)
	}
	out.Format = sign.Sigstore
	return &out, nil
}

// maxResponse bounds what an authority may answer.
const maxResponse = 64 << 10

// ask gets one timestamp, and checks that it answers this question: that it is
// over this signature and has the number that was sent along. Whether the
// authority can be believed is for those who verify.
func (o Options) ask(ctx context.Context, address string, sig []byte) ([]byte, error) {
	if err := webclient.Check(address); err != nil {
		return nil, err
	}
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(sig)
	query, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	client := o.Client
	if client == nil {
		client = webclient.New()
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, webclient.Cause(err)
	}
	defer resp.Body.Close()
	response, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, err
	case len(response) > maxResponse:
		return nil, fmt.Errorf("it answers more than %d bytes: %w", maxResponse, sign.ErrLimit)
	case resp.StatusCode/100 != 2:
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	stamp, err := timestamp.ParseResponse(response)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its answer is no timestamp: %w", err)
	case !bytes.Equal(stamp.HashedMessage, sum[:]) || stamp.HashAlgorithm != crypto.SHA256:
		return nil, errors.New("its timestamp is over something else")
	case stamp.Nonce == nil || stamp.Nonce.Cmp(nonce) != 0:
		return nil, errors.New("its timestamp is not new: it lacks the number that was sent along")
	}
	return response, nil
}
