// Package webclient is how services of signing are asked: bounded in time, never
// redirected, over https but for the loopback interface.
package webclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// New is the client that is used when none is given: bounded in time, and
// without redirects, so that what is sent goes nowhere else.
func New() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second, DisableKeepAlives: true},
	}
}

// Check wants https, or http on the loopback interface, and no user info.
func Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("no URL")
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("want a URL with a host and without user info")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback):
		return fmt.Errorf("scheme %q, want https", u.Scheme)
	}
	return nil
}

// Redacted is the URL as errors show it.
func Redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a malformed URL"
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u.String()
}

// Cause is what went wrong, without the method and URL that net/http puts
// before it.
func Cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
