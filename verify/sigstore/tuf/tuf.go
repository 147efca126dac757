// Package tuf fetches one file of a repository by The Update Framework: the
// trusted_root.json of a Sigstore instance, by custom.
//
// A [Repository] is known by a root.json that came another way, and whatever the
// server says must be signed by the roles that follow from it (TUF 1.0.34): roots
// one version after the other, each signed by the keys of the one before and its
// own; a timestamp that has not expired, so that nobody can hold back what is
// new; a snapshot and targets that fit it, so that nothing old is mixed in. What
// was seen once is remembered in a file, and nothing older is believed again.
//
// What is fetched is a proposal: a person takes it into the next version of a
// trust file. Delegations are not followed. Package verify never fetches.
package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/internal/webclient"
)

// TrustedRoot is what Sigstore instances call the file that says whom to trust.
const TrustedRoot = "trusted_root.json"

// The most that is read of a file, in bytes, and how many roots may follow the
// one that is pinned.
const (
	maxRoot      = 512 << 10
	maxTimestamp = 16 << 10
	maxSnapshot  = 2 << 20
	maxTargets   = 5 << 20
	maxTarget    = 16 << 20
	maxRotations = 256
)

// A Repository is a TUF repository on a server. URL and Root are required.
type Repository struct {
	// URL is where its metadata lies; target files lie in targets below it. It is
	// https, but for the loopback interface.
	URL string
	// Root is a root.json of any version, which the caller knows to be the right one.
	Root []byte
	// State is a file that remembers what was seen. If empty, nothing is, and the
	// server can show an older state as long as that has not expired.
	State string
	// At is the instant at which nothing may have expired. Zero is the time of the call.
	At time.Time
	// Client asks. If nil, it is one that waits ten seconds and follows no redirect.
	Client *http.Client
}

// Fetch returns the target file of that name. Nothing is remembered unless all of
// it held.
func (r Repository) Fetch(ctx context.Context, name string) ([]byte, error) {
	if err := webclient.Check(r.URL); err != nil {
		return nil, fmt.Errorf("tuf: the repository %s: %w", webclient.Redacted(r.URL), err)
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	if r.Client == nil {
		r.Client = webclient.New()
	}
	seen, err := r.remembered()
	if err != nil {
		return nil, err
	}
	u := &update{repository: r, seen: seen}
	data, err := u.run(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("tuf: the repository %s: %w", webclient.Redacted(r.URL), err)
	}
	if r.State != "" {
		if err := atomicfile.Write(r.State, u.now.marshal(), 0o644); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// remembered is what the state file holds; nothing if there is none.
func (r Repository) remembered() (*state, error) {
	if r.State == "" {
		return new(state), nil
	}
	data, err := safefs.ReadFile(r.State, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return new(state), nil
	}
	if err != nil {
		return nil, err
	}
	s, err := parseState(data)
	if err != nil {
		return nil, fmt.Errorf("tuf: %q does not hold what was remembered of a repository: %w", r.State, err)
	}
	return s, nil
}

var errNotThere = errors.New("it is not there")

// get reads a file of the server, of at most so many bytes.
func (r Repository) get(ctx context.Context, max int64, path ...string) ([]byte, error) {
	address, err := url.JoinPath(r.URL, path...)
	if err != nil {
		return nil, err
	}
	name := path[len(path)-1]
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, webclient.Cause(err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusForbidden: // stores without a listing say 403
		return nil, fmt.Errorf("%s: %w", name, errNotThere)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: it answers %s", name, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, max+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%s has more than %d bytes", name, max)
	}
	return data, nil
}
