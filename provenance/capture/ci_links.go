package capture

import (
	"net/url"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

const (
	maxMessage = 64 << 10 // bytes of a commit's message that are read
	maxLinks   = 16       // pages that one message may name
)

// A forge is where a repository is kept, as far as its pages are known.
type forge struct{ change, issue string } // the path of a page below the repository's, before the number

// forgeOf tells the forge from the host of a repository, or from the CI system
// that belongs to it.
func forgeOf(repository, system string) forge {
	u, err := url.Parse(repository)
	if err != nil {
		return forge{}
	}
	host := u.Hostname()
	switch {
	case host == "github.com" || system == "github-actions":
		return forge{"/pull/", "/issues/"}
	case host == "gitlab.com" || strings.HasPrefix(host, "gitlab.") || system == "gitlab-ci":
		return forge{"/-/merge_requests/", "/-/issues/"}
	case host == "bitbucket.org":
		return forge{"/pull-requests/", "/issues/"}
	case host == "codeberg.org" || strings.HasPrefix(host, "gitea.") || strings.HasPrefix(host, "forgejo."):
		return forge{"/pulls/", "/issues/"}
	}
	return forge{}
}

var (
	// What forges write into the commits that they make: "Merge pull request #12
	// from …", "Add x (#12)", "Merged in topic (pull request #12)", "See merge
	// request acme/app!12".
	mergedChange = pattern(`\AMerge pull request #([0-9]{1,9}) from |\(#([0-9]{1,9})\)\z|\(pull request #([0-9]{1,9})\)\z`)
	seeChange    = pattern(`\ASee merge request ([A-Za-z0-9_./-]{0,200})!([0-9]{1,9})\z`)
	// What people write, and forges act on.
	closesIssue = pattern(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? #([0-9]{1,9})\b`)
	// Trailers whose value is a page (git-interpret-trailers).
	pageTrailer = pattern(`(?i)\A(reviewed-on|closes|fixes|resolves|bug|issue):[ \t]*(https?://\S{1,1000})\z`)
)

// linksOf are the pages of the change request and the issues that the message of
// a commit names, in order, each once.
func linksOf(repository, system, message string) []provenance.ResourceDescriptor {
	var list []provenance.ResourceDescriptor
	add := func(name, page string) {
		d := provenance.ResourceDescriptor{Name: name, URI: page}
		if page != "" && len(list) < maxLinks && !slices.ContainsFunc(list, func(o provenance.ResourceDescriptor) bool { return o.Name == name && o.URI == page }) {
			list = append(list, d)
		}
	}
	f := forgeOf(repository, system)
	page := func(kind, number string) string {
		if kind == "" || repository == "" {
			return ""
		}
		return repository + kind + number
	}
	subject := true
	for line := range strings.Lines(message[:min(len(message), maxMessage)]) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if subject {
			if m := mergedChange().FindStringSubmatch(line); m != nil {
				add("change request", page(f.change, m[1]+m[2]+m[3]))
			}
			subject = false
		}
		if m := seeChange().FindStringSubmatch(line); m != nil && f.change == "/-/merge_requests/" && (m[1] == "" || strings.HasSuffix(repository, "/"+m[1])) {
			add("change request", page(f.change, m[2]))
		}
		for _, m := range closesIssue().FindAllStringSubmatch(line, maxLinks) {
			add("issue", page(f.issue, m[1]))
		}
		if m := pageTrailer().FindStringSubmatch(line); m != nil {
			name := "issue"
			if strings.EqualFold(m[1], "reviewed-on") {
				name = "change request"
			}
			add(name, pageURL(m[2]))
		}
	}
	return list
}
