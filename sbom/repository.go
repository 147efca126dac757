package sbom

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// derivedComment marks a repository that nobody named: the rule of a host maps
// the module's path to it.
const derivedComment = "derived from the module path"

// derivedRepository is where the source of a module is kept, where that
// follows from its path alone: by the rules of hosts that put nothing but
// repositories at such paths, and of redirectors that publish their mapping.
// Any other path says nothing: where it leads, only its server knows.
func derivedRepository(module string) (cdx.ExternalReference, bool) {
	link, ok := repository(module)
	return cdx.ExternalReference{Type: cdx.ERTypeVCS, URL: link, Comment: derivedComment}, ok
}

func repository(module string) (string, bool) {
	host, rest, _ := strings.Cut(module, "/")
	first, rest, _ := strings.Cut(rest, "/")
	second, _, _ := strings.Cut(rest, "/")
	switch host {
	case "stdlib":
		return "https://go.googlesource.com/go", module == host
	case "github.com", "bitbucket.org", "codeberg.org":
		// OWNER/REPOSITORY, with the folder in it and the major version behind.
		return "https://" + host + "/" + first + "/" + second, name(first) && name(second)
	case "git.sr.ht":
		return "https://git.sr.ht/" + first + "/" + second, strings.HasPrefix(first, "~") && name(first[1:]) && name(second)
	case "golang.org":
		return "https://go.googlesource.com/" + second, first == "x" && name(second)
	case "gopkg.in":
		// gopkg.in/NAME.vN is github.com/go-NAME/NAME, gopkg.in/OWNER/NAME.vN is github.com/OWNER/NAME.
		owner, last := first, second
		if last == "" {
			owner, last = "", first
		}
		repo, version, ok := strings.Cut(last, ".v")
		if owner == "" {
			owner = "go-" + repo
		}
		return "https://github.com/" + owner + "/" + repo, ok && version != "" && name(owner) && name(repo)
	}
	return "", false
}

// name reports whether s can be the name of an owner or a repository.
func name(s string) bool {
	return s != "" && s != "." && s != ".." && strings.IndexFunc(s, unusual) < 0
}

func unusual(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}
