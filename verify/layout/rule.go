package layout

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// A rule is one artifact rule (in-toto specification 4.3.3).
type rule struct {
	text     string // as it stands in the layout
	verb     string // in lower case
	glob     *regexp.Regexp
	file     string // of require
	in       string // match: below this folder, which is then left out; or ""
	products bool   // match: with the products, else with the materials
	under    string // match: the other file is below this folder; or ""
	from     string // match: of this step or inspection
}

// parseRules reads the rules of materials and of products. Steps are those that
// a match may name: one that names another could never match, and nobody would notice.
func parseRules(materials, products [][]string, steps map[string]bool) (out [2][]rule, err error) {
	for i, list := range [2][][]string{materials, products} {
		for _, words := range list {
			r, err := parseRule(words)
			if err != nil {
				return out, fmt.Errorf("rule %q: %w", words, err)
			}
			if r.verb == "match" && !steps[r.from] {
				return out, fmt.Errorf("rule %q is about %q, which is no step that it could match", words, r.from)
			}
			out[i] = append(out[i], r)
		}
	}
	return out, nil
}

func parseRule(words []string) (rule, error) {
	r := rule{text: strings.Join(words, " ")}
	if len(words) < 2 {
		return r, fmt.Errorf("want a verb and a pattern")
	}
	r.verb = strings.ToLower(words[0])
	switch r.verb {
	case "require":
		r.file = path.Clean(words[1])
	case "create", "delete", "modify", "allow", "disallow", "match":
		var err error
		if r.glob, err = compile(words[1]); err != nil {
			return r, err
		}
	default:
		return r, fmt.Errorf("there is no such verb")
	}
	rest := words[2:]
	if r.verb == "match" {
		rest = r.match(rest)
	}
	if rest == nil || len(rest) > 0 {
		return r, fmt.Errorf("want VERB pattern, or MATCH pattern [IN folder] WITH MATERIALS|PRODUCTS [IN folder] FROM step")
	}
	return r, nil
}

// match reads what follows the pattern, and returns what is left; nil if a word is missing.
func (r *rule) match(words []string) []string {
	next := func(keyword string) (string, bool) {
		if len(words) < 2 || !strings.EqualFold(words[0], keyword) {
			return "", false
		}
		value := words[1]
		words = words[2:]
		return value, true
	}
	folder := func() string {
		if name, ok := next("in"); ok && name != "" {
			return path.Clean(name) + "/"
		}
		return ""
	}
	r.in = folder()
	what, ok := next("with")
	if !ok || !strings.EqualFold(what, "materials") && !strings.EqualFold(what, "products") {
		return nil
	}
	r.products = strings.EqualFold(what, "products")
	r.under = folder()
	if r.from, ok = next("from"); !ok {
		return nil
	}
	return words
}

// An account is what a step or an inspection took and made.
type account struct{ materials, products Artifacts }

// apply holds the files of one side of an account against rules. Files stand in
// a queue; a rule takes out what it is about. Only disallow and require fail.
// What no rule took is allowed, and returned.
func apply(rules []rule, products bool, own account, all map[string]account) (left []string, err error) {
	files := own.materials
	if products {
		files = own.products
	}
	queue := slices.Sorted(maps.Keys(files))
	for _, r := range rules {
		if r.verb == "require" {
			if !slices.Contains(queue, r.file) {
				return nil, fmt.Errorf("%q is not there, or another rule took it before: %s", r.file, r.text)
			}
			continue
		}
		var forbidden []string
		queue = slices.DeleteFunc(queue, func(name string) bool {
			if r.verb == "match" {
				return r.matches(name, files[name], all)
			}
			if !r.glob.MatchString(name) {
				return false
			}
			before, taken := own.materials[name]
			after, made := own.products[name]
			switch r.verb {
			case "create":
				return made && !taken
			case "delete":
				return taken && !made
			case "modify":
				return taken && made && !maps.Equal(before, after)
			case "disallow":
				forbidden = append(forbidden, name)
				return false
			}
			return true // allow
		})
		if len(forbidden) > 0 {
			return nil, fmt.Errorf("%s is forbidden: %s", some(forbidden), r.text)
		}
	}
	return queue, nil
}

// matches reports whether the other step has the same file.
func (r *rule) matches(name string, digests provenance.DigestSet, all map[string]account) bool {
	base, below := strings.CutPrefix(name, r.in)
	if !below || !r.glob.MatchString(base) || r.under != "" && (base == ".." || strings.HasPrefix(base, "../")) {
		return false // also what would lead out of the folder there
	}
	other := all[r.from].materials
	if r.products {
		other = all[r.from].products
	}
	theirs, there := other[path.Clean(r.under+base)]
	return there && maps.Equal(digests, theirs)
}

// some names a few of many.
func some(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%q and %d more", names[:3], len(names)-3)
	}
	return fmt.Sprintf("%q", names)
}
