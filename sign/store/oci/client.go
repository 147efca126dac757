package oci

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"
)

const (
	patience     = 30 * time.Second // for the headers of an answer
	maxRedirects = 5
)

// client is the way to one registry. It tries again what fails for the moment, a bounded number of times.
func (o Options) client(host string) *auth.Client {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.ResponseHeaderTimeout = patience
	return &auth.Client{
		Client: &http.Client{
			Transport:     retry.NewTransport(&guard{next: base, host: host, plain: o.InsecureHTTP}),
			CheckRedirect: redirect,
		},
		Credential: o.Credential,
		Cache:      auth.NewCache(),
	}
}

// redirect follows to where a registry keeps its blobs, and takes the credentials off on the way to another host: the
// standard library leaves them on for what looks like a part of the first one.
func redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	first := via[0].URL
	if first.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("redirected from HTTPS to " + r.URL.Scheme)
	}
	if r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		for _, name := range []string{"Authorization", "Cookie", "Www-Authenticate", "Proxy-Authorization"} {
			r.Header.Del(name)
		}
	}
	return nil
}

// A guard lets nothing through without TLS, save to a registry for which that was asked for.
type guard struct {
	next  http.RoundTripper
	host  string
	plain bool
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (!g.plain || r.URL.Host != g.host) {
		return nil, fmt.Errorf("%s://%s is not HTTPS: neither credentials nor content go that way", r.URL.Scheme, r.URL.Host)
	}
	answer, err := g.next.RoundTrip(r)
	if err == nil && r.URL.Host != g.host {
		answer.Header.Del("Www-Authenticate") // who was redirected to may not say where the registry's credentials go
	}
	return answer, err
}
