package keyless

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/webclient"
)

// A TokenSource gets an identity token (an OpenID Connect ID token) that is for
// the audience.
type TokenSource func(ctx context.Context, audience string) (string, error)

// maxToken bounds a token.
const maxToken = 64 << 10

// TokenFile reads the token from a file when it is asked for: some systems
// renew it there.
func TokenFile(path string) TokenSource {
	return func(context.Context, string) (string, error) {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxToken+1))
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(data)), nil
	}
}

// ErrNoToken says that nothing around this process gives identity tokens.
var ErrNoToken = errors.New("this is no CI job that has a token: GitHub wants permissions: id-token: write, GitLab id_tokens: SIGSTORE_ID_TOKEN")

// Ambient gets the token of the CI job or cloud machine that this process runs
// in: GitHub Actions, GitLab CI, Buildkite, or Google Cloud. Getenv is
// [os.Getenv]. The error is [ErrNoToken] if it runs in none of them.
func Ambient(getenv func(string) string) TokenSource {
	return func(ctx context.Context, audience string) (string, error) {
		switch {
		case getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "":
			u, err := url.Parse(getenv("ACTIONS_ID_TOKEN_REQUEST_URL"))
			if err != nil {
				return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is no URL")
			}
			q := u.Query()
			q.Set("audience", audience)
			u.RawQuery = q.Encode()
			return ask(ctx, http.MethodGet, u.String(), "Bearer "+getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"), nil, "value")
		case getenv("GITLAB_CI") != "" && getenv("SIGSTORE_ID_TOKEN") != "":
			return getenv("SIGSTORE_ID_TOKEN"), nil
		case getenv("BUILDKITE_AGENT_ACCESS_TOKEN") != "" && getenv("BUILDKITE_JOB_ID") != "":
			endpoint := getenv("BUILDKITE_AGENT_ENDPOINT")
			if endpoint == "" {
				endpoint = "https://agent.buildkite.com/v3"
			}
			body, err := json.Marshal(map[string]string{"audience": audience})
			if err != nil {
				return "", err
			}
			return ask(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/jobs/"+url.PathEscape(getenv("BUILDKITE_JOB_ID"))+"/oidc/tokens", "Token "+getenv("BUILDKITE_AGENT_ACCESS_TOKEN"), body, "token")
		case getenv("GCE_METADATA_HOST") != "" || getenv("K_SERVICE") != "" || getenv("BUILDER_OUTPUT") != "":
			host := getenv("GCE_METADATA_HOST")
			if host == "" {
				host = "metadata.google.internal"
			}
			return ask(ctx, http.MethodGet, "http://"+host+"/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience="+url.QueryEscape(audience), "", nil, "")
		}
		return "", ErrNoToken
	}
}

// ask gets a token from a service of the CI system. Its own address is one that
// the system has set, on a network of its own.
func ask(ctx context.Context, method, address, authorization string, body []byte, member string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return "", errors.New("the address of the login is no URL")
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	} else {
		req.Header.Set("Metadata-Flavor", "Google")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := webclient.New().Do(req)
	if err != nil {
		return "", fmt.Errorf("the login at %s: %w", webclient.Redacted(address), webclient.Cause(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxToken+1))
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("the login at %s answers %s", webclient.Redacted(address), resp.Status)
	}
	if member == "" {
		return strings.TrimSpace(string(data)), nil
	}
	var members map[string]any
	if json.Unmarshal(data, &members) != nil {
		return "", fmt.Errorf("the login at %s answers no JSON", webclient.Redacted(address))
	}
	token, _ := members[member].(string)
	return token, nil
}

// checkToken refuses what cannot be a token that still counts, before anybody
// sees it. Who signed it is for the certificate authority to check.
func checkToken(token string, now time.Time) error {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return errors.New("it is no identity token (JWT)")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return errors.New("it is no identity token (JWT)")
	}
	var claims struct {
		Expires json.Number `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return errors.New("it is no identity token (JWT)")
	}
	seconds, err := claims.Expires.Float64()
	if err != nil {
		return errors.New("it does not say when it ends")
	}
	if end := time.Unix(int64(seconds), 0); !now.Before(end) {
		return fmt.Errorf("it ended %s: get a new one (they live for minutes)", end.UTC().Format(time.RFC3339))
	}
	return nil
}
