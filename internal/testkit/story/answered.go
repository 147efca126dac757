package story

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/verify"
)

// unanswered names the rules of the policies that no finding of the verdict is
// about: a rule that nobody looked at must not look like one that was met.
func (c *Case) unanswered(v *verify.Verdict) (missing []string) {
	for _, p := range c.Policies {
		var doc map[string]any
		if err := json.Unmarshal(p.Marshal(), &doc); err != nil {
			return []string{err.Error()}
		}
		prefix := ""
		if len(c.Policies) > 1 {
			prefix = p.Name + "#"
		}
		for _, rule := range rulesOf(doc) {
			rule = prefix + rule
			if !slices.ContainsFunc(v.Findings, func(f verify.Finding) bool { return f.Rule == rule || strings.HasPrefix(f.Rule, rule+"/") }) {
				missing = append(missing, rule)
			}
		}
	}
	return missing
}

// rulesOf are the pointers to what a policy wants.
func rulesOf(doc map[string]any) (out []string) {
	add := func(at string, in any, members ...string) {
		for _, name := range members {
			if object, ok := in.(map[string]any); ok && object[name] != nil {
				out = append(out, at+"/"+name)
			}
		}
	}
	list := func(at string, in any, each func(at string, item any)) {
		items, _ := in.([]any)
		for i, item := range items {
			each(fmt.Sprintf("%s/%d", at, i), item)
		}
	}
	add("", doc, "package", "environment", "dependencies", "release")
	if doc["examine"] != "off" {
		add("", doc, "examine")
	}
	add("/provenance", doc["provenance"], "signedBy", "level", "buildType", "source", "parameters", "maxAge", "dependsOn")
	list("/attestations", doc["attestations"], func(at string, a any) {
		out = append(out, at)
		add(at, a, "signedBy", "maxAge", "predicate", "where", "summary")
		if rule, ok := a.(map[string]any)["sbom"].(map[string]any); ok {
			add(at+"/sbom", rule, "complete", "licenses", "packages", "sumdb", "modules")
			list(at+"/sbom/profiles", rule["profiles"], func(at string, _ any) { out = append(out, at) })
		}
	})
	list("/approvals", doc["approvals"], func(at string, _ any) { out = append(out, at) })
	return out
}
