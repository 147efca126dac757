package verify_test

import (
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/verify"
)

const goRequired = "artifact go\nset policy /examine \"required\"\n"

// otherBuilds lets a build type say what it was built from, but nothing of the
// state of the checkout.
const otherBuilds = `
set policy /provenance/buildType "https://actions.github.io/buildtypes/workflow/v1"
set policy /provenance/parameters {"/workflow/path": "w.yml"}
set provenance /predicate/buildDefinition/buildType "https://actions.github.io/buildtypes/workflow/v1"
set provenance /predicate/buildDefinition/externalParameters {"workflow":{"path":"w.yml","repository":"https://github.com/acme/app","ref":"refs/tags/v1.4.0"}}
`

// TestNeighbours holds small lies beside their truth: what is said in setup is
// allowed, and with the defect it is refused for exactly these reasons.
func TestNeighbours(t *testing.T) {
	for _, c := range []struct{ name, setup, defect, want string }{
		{"a dirty checkout of which provenance says nothing", goRequired + otherBuilds + "drop sbom\nset policy /attestations []", "artifact dirty", "examine/vcs.modified"},
		{"a standard library that scanners read", goRequired,
			"text sbom `\"purl\":\"pkg:golang/stdlib@<stdlib>\",\"type\":\"library\",\"version\":\"<stdlib>\"` `\"purl\":\"pkg:golang/stdlib@1.99.0\",\"type\":\"library\",\"version\":\"1.99.0\"`", "examine/sbom"},
		{"a package URL of another version", goRequired,
			"text sbom `pkg:golang/github.com/package-url/packageurl-go@<packageurl-go-version>` `pkg:golang/github.com/package-url/packageurl-go@v9.9.9`", "examine/sbom"},
		{"a package URL of another module", goRequired,
			"text sbom `\"purl\":\"pkg:golang/github.com/package-url/packageurl-go@` `\"purl\":\"pkg:golang/github.com/package-url/packageurl@`", "examine/sbom"},
		{"a module that is said not to be shipped", goRequired, `set sbom /predicate/components/1/scope "excluded"`, "examine/sbom"},
		{"an invented module inside another component", goRequired,
			`set sbom /predicate/components/1/components [{"type":"library","name":"example.com/x","version":"v1.0.0","purl":"pkg:golang/example.com/x@v1.0.0"}]`, "examine/sbom"},
		{"a main component of two contents", "",
			`set sbom /predicate/metadata/component/hashes [{"alg":"SHA-256","content":"0000000000000000000000000000000000000000000000000000000000000000"},{"alg":"SHA-256","content":"<artifact>"}]`, "binding"},
		{"build tags that provenance keeps silent about", goRequired + "set policy /attestations/0 {\"type\":\"https://in-toto.io/attestation/vulns/v0.2\",\"signedBy\":\"qa\"}",
			"del provenance /predicate/buildDefinition/internalParameters/go/tags", "examine/tags"},
		{"linker flags that provenance keeps silent about", goRequired, "del provenance /predicate/buildDefinition/internalParameters/go/ldflags", "examine/ldflags"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, err := story.Build(t, c.setup).Verify(t); err != nil {
				t.Fatalf("the truth is refused:\n%s", v)
			}
			v, _ := story.Build(t, c.setup, c.defect).Verify(t)
			if failed(v) != c.want || v.Decision != verify.Deny {
				t.Errorf("want a denial by %s, got\n%s", c.want, v)
			}
		})
	}
}

var _ = strings.Repeat
