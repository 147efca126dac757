package capture

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// repositoryURL returns the one form in which a repository is written down:
// https, the host in lower case, no user, password, query, fragment, ".git" or
// closing slash. It reads https, http, git and ssh URLs and scp's
// "user@host:path". A folder is not a name that means anything elsewhere, so
// it is an error, which does not repeat the remote.
func repositoryURL(remote string) (string, error) {
	if strings.ContainsAny(remote, "\x00\r\n\t ") {
		return "", errors.New("the remote holds white space")
	}
	if !strings.Contains(remote, "://") {
		return scpURL(remote)
	}
	u, err := url.Parse(remote)
	if err != nil {
		return "", errors.New("the remote is no URL")
	}
	host := strings.ToLower(u.Hostname())
	switch u.Scheme {
	case "https", "http":
		if port := u.Port(); port != "" && !(u.Scheme == "https" && port == "443") && !(u.Scheme == "http" && port == "80") {
			host = strings.ToLower(u.Host)
		}
	case "ssh", "git", "git+ssh", "ssh+git", "git+https":
		// The port of another protocol says nothing about https.
	default:
		return "", errors.New("the remote is no https, ssh or git URL")
	}
	return httpsURL(host, u.Path)
}

// scpURL reads "[user@]host:path".
func scpURL(remote string) (string, error) {
	host, path, ok := strings.Cut(remote, ":")
	// "helper::address" would have git run a program called git-remote-helper.
	if !ok || strings.ContainsAny(host, `/\[]`) || len(host) < 2 || strings.HasPrefix(path, ":") {
		return "", errors.New("the remote is a folder")
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	return httpsURL(strings.ToLower(host), path)
}

func httpsURL(host, path string) (string, error) {
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	path = strings.TrimSuffix(path, "/")
	if host == "" || path == "" {
		return "", errors.New("the remote has no host or no path")
	}
	// An at sign here is what is left of user info that was put in wrongly.
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") != "" || strings.ContainsFunc(path, unicode.IsControl) ||
		!utf8.ValidString(path) || strings.ContainsAny(path, "@\\?#%") || strings.Contains("/"+path+"/", "/../") {
		return "", errors.New("the remote is spelled in a way that is not written down")
	}
	u := url.URL{Scheme: "https", Host: host, Path: "/" + path}
	return u.String(), nil
}
