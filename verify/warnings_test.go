package verify_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/verify"
)

// loosePolicy wants as little as a policy can, everywhere, and says so.
const loosePolicy = `{
 "schema": "https://github.com/touchmark-go/touchmark/policy/v1",
 "version": 1,
 "name": "app",
 "package": "any",
 "examine": "off",
 "provenance": {
  "signedBy": { "any": true },
  "level": { "any": true },
  "buildType": { "any": true },
  "source": { "repository": { "any": true }, "ref": { "any": true }, "dirty": true },
  "parameters": { "/a~1b": { "any": true }, "/c~0d": "1" }
 },
 "dependencies": { "depth": 1, "rules": [
  { "match": "pkg:a/*", "provenance": { "signedBy": "ci", "level": 2 } },
  { "match": "pkg:b/*", "provenance": { "signedBy": "ci", "level": { "any": true } } },
  { "match": "pkg:c/*", "summary": { "signedBy": "ci", "levels": ["SLSA_BUILD_LEVEL_2"], "maxAge": "7d" } },
  { "match": "pkg:d/*", "deny": true },
  { "match": "*", "accept": true }
 ] },
 "attestations": [
  { "type": "https://x.example/v1", "signedBy": { "any": true }, "where": "predicate.a == 1", "fields": { "any": true } },
  { "type": "https://x.example/v1", "signedBy": "ci", "where": "predicate.a == 1", "fields": { "a": "int" } },
  { "type": "https://cyclonedx.org/bom", "signedBy": "ci" }
 ],
 "environment": "prod",
 "exceptions": { "approvedBy": { "atLeast": 2, "of": ["alice", "bob"] }, "rules": ["/attestations/0", "/provenance/source/ref"], "for": "36h" }
}`

// A policy that wants nothing somewhere says so, and one that wants everything says
// nothing. What it says survives a round trip.
func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		goodPolicy: "",
		loosePolicy: `/package: any: it is for every package
/examine: off: the artifact is not opened, or need not be a Go binary
/provenance/signedBy: any: every principal of the trust file may sign it
/provenance/level: any: every builder that trust knows may build it
/provenance/buildType: any: it may be built in every way
/provenance/source: any: it may be built from every repository
/provenance/source/ref: any: it may be built from every branch
/provenance/source/dirty: uncommitted changes are accepted
/provenance/parameters/~1a~01b: any: these parameters may be anything
/dependencies/rules/4: accept: nothing is asked of these dependencies
/attestations/0/signedBy: any: every principal of the trust file may sign it
/attestations/0/fields: any: a misspelt member of the condition is noticed only when it is evaluated
/attestations/2: the SBOM is not held against the artifact, because examine is off
/exceptions/rules/0: /attestations/0 may be waived for up to 36h by 2 of alice, bob
/exceptions/rules/1: /provenance/source/ref may be waived for up to 36h by 2 of alice, bob`,
		strings.Replace(goodPolicy, "\n }\n}", "\n },\n \"attestations\": [{ \"type\": \"https://cyclonedx.org/bom\", \"signedBy\": \"ci\", \"sbom\": { \"complete\": \"components\", \"packages\": { \"deny\": [\"pkg:npm/a\"] }, \"licenses\": { \"deny\": [\"MIT\"], \"unknown\": \"deny\" }, \"sumdb\": \"sum.example\" } }]\n}", 1): "",
		strings.Replace(goodPolicy, `"name": "app"`, `"name": "app", "package": "pkg:generic/acme/*"`, 1):                                                 "/package: pkg:generic/acme/*: it is for every package directly below",
		strings.Replace(goodPolicy, `"required"`, `"if-applicable"`, 1):                                                                                   "/examine: if-applicable: the artifact is not opened, or need not be a Go binary",
		strings.Replace(goodPolicy, `"source": { "repository": "https://github.com/acme/app", "ref": "refs/tags/v1.*" }`, `"source": { "any": true }`, 1): "/provenance/source: any: it may be built from every repository",
	} {
		p, err := verify.ParsePolicy([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if got := strings.Join(p.Warnings(), "\n"); got != want {
			t.Errorf("warnings are\n%s\nwant\n%s", got, want)
		}
		again, err := verify.ParsePolicy(p.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), p.Marshal()) || again.Digest() != p.Digest() || strings.Join(again.Warnings(), "\n") != want {
			t.Errorf("it does not survive a round trip: %v\n%s", err, p.Marshal())
		}
	}
}

// What an attestation rule cannot be is refused at its own place.
func TestAttestationRulesRefused(t *testing.T) {
	const vsa, bom = `"type": "https://slsa.dev/verification_summary/v1", "signedBy": "ci", "summary": `, `"type": "https://cyclonedx.org/bom", "signedBy": "ci", "sbom": `
	const dep = `{ "depth": 1, "rules": [{ "match": "*", "provenance": { `
	for _, c := range []struct{ rule, want string }{
		{vsa + `{ "resource": "x", "levels": ["SLSA_BUILD_LEVEL_2", "!~"] }`, ""},
		{vsa + `{ "resource": "x", "levels": ["SLSA BUILD_LEVEL_2"] }`, `/attestations/0/summary/levels/0: "SLSA BUILD_LEVEL_2" is no level`},
		{vsa + `{ "resource": "x", "levels": ["a\u007f"] }`, `/attestations/0/summary/levels/0`},
		{vsa + `{ "resource": "x", "levels": ["FAILED"] }`, `/attestations/0/summary/levels/0`},
		{vsa + `{ "resource": "x", "levels": ["SLSA_BUILD_LEVEL_0"] }`, `/attestations/0/summary/levels/0`},
		{vsa + `{ "resource": "x", "levels": ["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_2"] }`, `/attestations/0/summary/levels/1: "SLSA_BUILD_LEVEL_2": one of each track`},
		{vsa + `{ "resource": "x", "levels": [] }`, `/attestations/0/summary/levels: levels must name one`},
		{vsa + `{ "resource": "x", "levels": ["` + strings.Repeat("l", 256) + `"] }`, ""},
		{vsa + `{ "resource": "x", "levels": ["` + strings.Repeat("l", 257) + `"] }`, `/attestations/0/summary/levels/0`},
		{vsa + `{ "levels": ["SLSA_BUILD_LEVEL_2"] }`, `/attestations/0/summary/resource: resource must be there`},
		{vsa + `{ "resource": 1, "levels": ["SLSA_BUILD_LEVEL_2"] }`, `/attestations/0/summary/resource: want`},
		{bom + `{ "licenses": { "deny": ["MIT", "ISC"], "unknown": "allow" } }`, ""},
		{bom + `{ "licenses": { "deny": ["MIT", "MIT"], "unknown": "allow" } }`, `/attestations/0/sbom/licenses/deny/1: "MIT" stands here twice`},
		{bom + `{ "licenses": { "deny": [1], "unknown": "allow" } }`, `/attestations/0/sbom/licenses/deny/0: want`},
		{bom + `{ "licenses": { "deny": ["MIT"] } }`, `/attestations/0/sbom/licenses/unknown: "": unknown must be there`},
		{bom + `{ "licenses": { "deny": [], "unknown": "deny" } }`, ""},
		{bom + `{ "licenses": { "deny": [], "unknown": "allow" } }`, `/attestations/0/sbom/licenses/deny: 0 licences`},
		{bom + `{ "packages": { "deny": ["pkg:npm/a", { "purl": "pkg:npm/b", "versions": ["<1.0.0"] }] } }`, ""},
		{bom + `{ "packages": { "deny": [1] } }`, `/attestations/0/sbom/packages/deny/0: want`},
		{bom + `{ "packages": { "deny": 1 } }`, `/attestations/0/sbom/packages/deny: want`},
		{bom + `{ "packages": { "deny": [] } }`, `/attestations/0/sbom/packages/deny: 0 packages`},
		{bom + `{ "packages": { "deny": [` + strings.Repeat(`"pkg:npm/a",`, 999) + `"pkg:npm/b"] } }`, ""},
		{bom + `{ "packages": { "deny": [` + strings.Repeat(`"pkg:npm/a",`, 1000) + `"pkg:npm/b"] } }`, `/attestations/0/sbom/packages/deny: 1001 packages`},
		{bom + `{ "packages": { "deny": ["npm/a"] } }`, `/attestations/0/sbom/packages/deny/0`},
		{bom + `{ "packages": { "deny": [{ "purl": "pkg:npm/b", "versions": [] }] } }`, `/attestations/0/sbom/packages/deny/0/versions: 0 ranges`},
		{bom + `{ "packages": { "deny": [{ "purl": "pkg:npm/b", "versions": [1] }] } }`, `/attestations/0/sbom/packages/deny/0/versions/0: want`},
		{bom + `{ "licenses": { "deny": ["MIT AND ISC"], "unknown": "allow" } }`, `/attestations/0/sbom/licenses/deny/0: "MIT AND ISC": want one license`},
		{bom + `{ "licenses": { "deny": ["ISC", "MIT+"], "unknown": "allow" } }`, `/attestations/0/sbom/licenses/deny/1: "MIT+": want one license`},
		{bom + `{ "licenses": { "deny": ["MIT ("], "unknown": "allow" } }`, `/attestations/0/sbom/licenses/deny/0`},
		{bom + `{ "packages": { "deny": ["pkg:npm/a@1.0.0"] } }`, `/attestations/0/sbom/packages/deny/0: "pkg:npm/a@1.0.0": want a package URL without version`},
		{bom + `{ "packages": { "deny": ["pkg:npm/a?arch=x"] } }`, `/attestations/0/sbom/packages/deny/0: "pkg:npm/a?arch=x": want a package URL without version`},
		{bom + `{ "packages": { "deny": ["pkg:npm/a#x"] } }`, `/attestations/0/sbom/packages/deny/0: "pkg:npm/a#x": want a package URL without version`},
		{bom + `{ "packages": { "deny": ["pkg:npm/%2A/a"] } }`, `/attestations/0/sbom/packages/deny/0`},
		{bom + `{ "packages": { "deny": ["pkg:golang/example.com/*"] } }`, ""},
		{bom + `{ "packages": { "deny": [{ "purl": "pkg:npm/b", "versions": ["~1"] }] } }`, `/attestations/0/sbom/packages/deny/0: "~1" is no range`},
		{bom + `{ "packages": { "deny": [{ "purl": "pkg:npm/b", "versions": ["<odd"] }] } }`, `/attestations/0/sbom/packages/deny/0`},
		{bom + `{ "sumdb": { "database": "sum.example", "except": ["example.com/a"] } }`, ""},
		{bom + `{ "sumdb": { "database": "sum.example", "except": ["/a"] } }`, `/attestations/0/sbom/sumdb/except/0: "/a": want the path`},
		{bom + `{ "sumdb": { "database": "sum.example", "except": ["a/"] } }`, `/attestations/0/sbom/sumdb/except/0: "a/": want the path`},
		{bom + `{ "sumdb": { "database": "sum.example", "except": ["a", "b*"] } }`, `/attestations/0/sbom/sumdb/except/1`},
		{bom + `{ "sumdb": { "database": "sum.example", "except": [""] } }`, `/attestations/0/sbom/sumdb/except/0`},
		{bom + `{ "sumdb": { "database": "sum.example", "except": [] } }`, `/attestations/0/sbom/sumdb/except: 0 modules`},
		{bom + `{ "sumdb": { "database": "a b", "except": ["a"] } }`, `/attestations/0/sbom/sumdb: "a b" is no name`},
		{bom + `{ "sumdb": "" }`, `/attestations/0/sbom/sumdb`},
		{`"type": "x", "signedBy": "ci", "fields": { "any": true }`, `/attestations/0/fields: fields are for where`},
		{`"type": "x", "signedBy": "ci", "where": "true", "fields": "int"`, `/attestations/0/fields: a predicate is an object`},
		{`"type": "x", "signedBy": "ci", "where": "true", "fields": { "a": "colour" }`, `/attestations/0/fields`},
		{`"type": "x", "signedBy": "ci", "where": "true", "fields": { "any": false }`, `/attestations/0/fields`},
		{`"type": "x", "signedBy": "ci", "summary": { "resource": "x", "levels": ["SLSA_BUILD_LEVEL_2"] }`, `/attestations/0/summary: summary must be there for the type`},
		{`"type": "https://slsa.dev/verification_summary/v1", "signedBy": "ci"`, `/attestations/0/summary: summary must be there for the type`},
		{dep + `"signedBy": "ci", "level": 3 } }] }`, ""},
		{dep + `"signedBy": "ci", "level": 1 } }] }`, ""},
		{dep + `"signedBy": "ci", "level": 4 } }] }`, `/dependencies/rules/0/provenance/level: 4: want`},
		{dep + `"signedBy": "ci", "level": 0 } }] }`, `/dependencies/rules/0/provenance/level: 0: want`},
		{dep + `"signedBy": "ci", "level": "2" } }] }`, `/dependencies/rules/0/provenance/level`},
		{dep + `"signedBy": "ci" } }] }`, `/dependencies/rules/0/provenance: signedBy and level`},
		{`{ "depth": 1, "rules": [{ "match": "*", "accept": true }, { "match": "pkg:*", "accept": true }] }`, `/dependencies/rules/1: the rule before it matches everything`},
		{`{ "depth": 1, "rules": [{ "match": "pkg:*", "accept": true }, { "match": "*", "deny": true }] }`, ""},
		{`{ "depth": 1, "rules": [{ "match": "********", "accept": true }] }`, ""},
		{`{ "depth": 1, "rules": [{ "match": "*********", "accept": true }] }`, `/dependencies/rules/0/match`},
		{fmt.Sprintf(`{ "depth": %d, "rules": [{ "match": "*", "accept": true }] }`, verify.MaxDependencyDepth), ""},
		{fmt.Sprintf(`{ "depth": %d, "rules": [{ "match": "*", "accept": true }] }`, verify.MaxDependencyDepth+1), `/dependencies/depth`},
		{`{ "depth": 0, "rules": [{ "match": "*", "accept": true }] }`, `/dependencies/depth`},
		{`{ "depth": 1, "rules": [{ "match": "", "accept": true }] }`, `/dependencies/rules/0/match`},
		{dep + `"signedBy": "any", "level": 2 } }] }`, `/dependencies/rules/0/provenance/signedBy`},
		{`"type": "x", "signedBy": "ci", "predicate": { "/a": null }`, `/attestations/0/predicate/~1a`},
	} {
		member, body := "attestations", "[{ "+c.rule+" }]"
		if strings.HasPrefix(c.rule, `{ "depth"`) {
			member, body = "dependencies", c.rule
		}
		text := strings.Replace(goodPolicy, "\n }\n}", "\n },\n \""+member+"\": "+body+"\n}", 1)
		_, err := verify.ParsePolicy([]byte(text))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "policy-invalid: app: line 13: "+c.want) {
			t.Errorf("%s:\n  got  %v\n  want %s", c.rule, err, c.want)
		}
	}
}
