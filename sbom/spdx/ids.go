package spdx

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// An SPDXID may hold letters, digits, "." and "-"; a bom-ref may hold anything.
// So that nothing has to be kept to turn one into the other, every other byte
// is written as "-x" and two digits, and so is a "-" before an "x". Equal refs
// have equal ids, and different ones different ids.
func idOf(ref string) string { return "SPDXRef-" + escape(ref) }

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '-' && strings.HasPrefix(s[i+1:], "x"):
			b.WriteString("-x2d")
		case i == 0 && strings.HasPrefix(s, "SPDXRef-"):
			b.WriteString("-x53") // others take the prefix off as often as it is there
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "-x%02x", c)
		}
	}
	return b.String()
}

// unescape is the text that escape makes s of, if there is one.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "-x") && i+4 <= len(s) {
			n, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String(), escape(b.String()) == s
}

// unnamed begins the ids of components without a bom-ref. No bom-ref has such
// an id, because a point is never escaped.
const unnamed = "component-x2e"

// refOf is the bom-ref of an element. Of ids that were not made by idOf it is
// the id itself, whole, so that no two elements get the same.
func refOf(id string) string {
	ref, ok := unescape(strings.TrimPrefix(id, "SPDXRef-"))
	if !ok || strings.HasPrefix(ref, "SPDXRef-SPDXRef-") || strings.HasPrefix(ref, "SPDXRef-") && refOf(ref) == ref {
		return id
	}
	return ref
}

// spdxDocs is where the specification puts the documents of those who have no
// place of their own (clause 6.5).
const spdxDocs = "https://spdx.org/spdxdocs/"

// namespaceOf is the namespace of the document with that name and serial number.
func namespaceOf(name, serial string) string {
	return spdxDocs + url.PathEscape(name) + "-" + strings.TrimPrefix(serial, "urn:uuid:")
}

var trailingUUID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)
})

// A party is a person or an organization with an address, or a tool with a version.
type party struct{ kind, name, extra string }

var mailed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+) \(([^()]*)\)$`)
})

// agent writes "Person: name (mail)", if that can be read again.
func (p party) agent() (string, bool) {
	if strings.ContainsAny(p.name+p.extra, "\r\n") {
		return "", false
	}
	text := p.kind + ": " + p.name
	switch {
	case p.extra != "" && p.kind == "Tool":
		text += "-" + p.extra
	case p.extra != "":
		text += " (" + p.extra + ")"
	}
	if p.extra == "" && p.kind != "Tool" && readAgent(text) != p {
		text += " ()" // so that the name's own parentheses are no address
	}
	return text, isAgent(text, "Person", "Organization", "Tool") && readAgent(text) == p
}

var toolVersion = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+)-(v?[0-9][^-]*|\(?unknown\)?)$`)
})

// readAgent reads what agent writes. An empty "()" says nothing.
func readAgent(text string) party {
	kind, name, _ := strings.Cut(text, ": ")
	pattern := mailed()
	if kind == "Tool" {
		pattern = toolVersion()
	}
	if m := pattern.FindStringSubmatch(name); m != nil {
		return party{kind, m[1], m[2]}
	}
	return party{kind: kind, name: name}
}

// isUnnamed reports whether an id was made for a component without a bom-ref.
func isUnnamed(id string) bool { return strings.HasPrefix(id, "SPDXRef-"+unnamed) }
