package verify_test

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
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
			"text sbom `\"purl\":\"pkg:golang/stdlib@<stdlib>\",\"supplier\":{\"name\":\"The Go Authors\",\"url\":[\"https://go.dev\"]},\"type\":\"library\",\"version\":\"<stdlib>\"` `\"purl\":\"pkg:golang/stdlib@1.99.0\",\"supplier\":{\"name\":\"The Go Authors\",\"url\":[\"https://go.dev\"]},\"type\":\"library\",\"version\":\"1.99.0\"`", "examine/sbom"},
		{"a package URL of another version", goRequired,
			"text sbom `pkg:golang/github.com/package-url/packageurl-go@<packageurl-go-version>` `pkg:golang/github.com/package-url/packageurl-go@v9.9.9`", "examine/sbom"},
		{"a package URL of another module", goRequired,
			"text sbom `\"purl\":\"pkg:golang/github.com/package-url/packageurl-go@` `\"purl\":\"pkg:golang/github.com/package-url/packageurl@`", "examine/sbom"},
		{"a module that is said not to be shipped", goRequired, `set sbom /predicate/components/1/scope "excluded"`, "examine/sbom"},
		{"an invented module inside another component", goRequired,
			`set sbom /predicate/components/1/components [{"type":"library","name":"example.com/x","version":"v1.0.0","purl":"pkg:golang/example.com/x@v1.0.0"}]`, "examine/sbom"},
		{"a main component of two contents", "",
			`set sbom /predicate/metadata/component/hashes [{"alg":"SHA-256","content":"0000000000000000000000000000000000000000000000000000000000000000"},{"alg":"SHA-256","content":"<artifact>"}]`, "binding"},
		{"a main component of two contents by two algorithms",
			`set sbom /predicate/metadata/component/hashes [{"alg":"SHA-512","content":"<sha512>"},{"alg":"SHA-256","content":"<artifact>"}]`,
			`text sbom "<sha512>" "` + strings.Repeat("0", 128) + `"`, "binding"},
		{"build tags that provenance keeps silent about", goRequired + "set policy /attestations/0 {\"type\":\"https://in-toto.io/attestation/vulns/v0.2\",\"signedBy\":\"qa\"}",
			"del provenance /predicate/buildDefinition/internalParameters/go/tags", "examine/tags"},
		{"linker flags that provenance keeps silent about", goRequired, "del provenance /predicate/buildDefinition/internalParameters/go/ldflags", "examine/ldflags"},
		{"an old claim that was stamped anew", authorities + `sign provenance id {"signer":"ci","time":"2026-11-20T17:06:00Z"}`,
			`sign provenance id {"signer":"ci","time":"2026-11-20T17:06:00Z"}
			set provenance /predicate/runDetails/metadata {"finishedOn":"2026-10-01T00:00:00Z"}`, "stale"},
		{"a trusted time after the instant that is judged", authorities + `sign provenance id {"signer":"ci","time":"2026-11-20T17:06:00Z"}`,
			`sign provenance id {"signer":"ci","time":"2026-11-22T17:06:00Z"}`, "trusted-time"},
		{"an author of other provenance of the same artifact", "copy other provenance\nset other /predicate/runDetails/metadata/invocationId \"x\"\nsign other ci",
			"sign other ci alice", "approval"},
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

// authorities lets a policy know an authority for times.
const authorities = `
set trust /authorities {"acme":{"trustedRoot":{},"atLeast":{"log":0,"timestamp":1}}}
set trust /principals/watcher {"kind":"service","identities":[{"authority":"acme","issuer":"https://issuer.example","email":"w@acme.example"}]}
`

// TestShortContent: bytes that could not be read are not verified, though they
// should be zeros.
func TestShortContent(t *testing.T) {
	for _, app := range []string{"app\x00\x00", strings.Repeat("a", 1<<20) + "aaa"} {
		v, evidence := benchCase(t, []byte(app), "off")
		for _, cut := range []int{0, 2} {
			verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(strings.NewReader(app[:len(app)-cut]), int64(len(app))), Evidence: evidence})
			if cut == 0 && err != nil {
				t.Errorf("whole:\n%s", verdict)
			}
			if cut > 0 && (err == nil || verdict.Decision != verify.Undecided || failed(verdict) != "transport") {
				t.Errorf("want undecided by transport, got\n%s", verdict)
			}
		}
	}
}

// TestPayloadTypeOfNobody: what was signed under another payload type does not
// become a statement because somebody sets the field.
func TestPayloadTypeOfNobody(t *testing.T) {
	c := story.Build(t, "payloadtype provenance application/vnd.other+json")
	for _, b := range c.Request.Evidence {
		b.PayloadType = provenance.PayloadType
	}
	if v, err := c.Verify(t); err == nil || !strings.Contains(failed(v), "malformed/payload-type") {
		t.Errorf("want malformed/payload-type, got\n%s", v)
	}
	if _, err := verify.Authenticate(t.Context(), c.Trust, c.Request.Evidence[0], c.Request.At); err == nil {
		t.Error("Authenticate believes the field")
	}
}

// TestUpdateAtZero: the zero time is now, and not the year 1, in which no key
// has ended and no trust file has expired.
func TestUpdateAtZero(t *testing.T) {
	k := map[string]*keys.Key{"ci": exampleKey(), "alice": exampleKey(), "bob": exampleKey()}
	trust, err := verify.ParseTrust(exampleTrust(k, map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person, "bob": verify.Person}))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		trust.Principals[name].Keys[0].NotAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	next := *trust
	next.Version++
	b, err := sign.Payload(t.Context(), verify.TrustType, next.Marshal(), k["alice"], k["bob"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trust.UpdateAt(b, time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatalf("while the key held: %v", err)
	}
	if _, err := trust.UpdateAt(b, time.Time{}); err == nil {
		t.Error("a key that ended in 2020 signs a trust file in the year 1")
	}
}

// TestSameTextWithoutOrigins: evidence that was made here has no origin to sort
// it by, and its order still does not matter.
func TestSameTextWithoutOrigins(t *testing.T) {
	c := story.Build(t, `set policy /provenance/signedBy {"atLeast":2,"of":["ci","qa"]}
		set trust /principals/ci/keys/0/notAfter "2026-01-01T00:00:00Z"
		set trust /principals/qa/keys/0/notAfter "2026-01-01T00:00:00Z"
		sign provenance ci + qa`)
	for _, b := range c.Request.Evidence {
		b.Origin = ""
	}
	v, _ := c.Verify(t)
	want := v.String()
	slices.Reverse(c.Request.Evidence)
	if v, _ := c.Verify(t); v.String() != want {
		t.Errorf("in another order:\n%s\nwant:\n%s", v, want)
	}
}

// TestPolicyOfOneDigest: a digest in a policy's package would decide nothing.
func TestPolicyOfOneDigest(t *testing.T) {
	c := story.Build(t, `set policy /package "registry.example/web@sha256:<artifact>"`)
	if c.Err == nil {
		t.Error("a policy for one digest is read as one for all")
	}
}

// TestNewReadsWhatIsSet: a policy made in Go cannot say one thing in one field,
// and want less by another.
func TestNewReadsWhatIsSet(t *testing.T) {
	c := story.Build(t, "")
	for name, change := range map[string]func(p *verify.Policy){
		"any beside a quorum":       func(p *verify.Policy) { p.Provenance.SignedBy.Any = true },
		"a principal named any":     func(p *verify.Policy) { p.Provenance.SignedBy = verify.Quorum{AtLeast: 1, Of: []string{"any"}} },
		"any beside a repository":   func(p *verify.Policy) { p.Provenance.Source.Any = true },
		"any beside an exact value": func(p *verify.Policy) { p.Provenance.Parameters["/goos"] = verify.Matcher{Any: true, Exact: "linux"} },
		"a list beside a pattern": func(p *verify.Policy) {
			p.Provenance.Parameters["/goos"] = verify.Matcher{OneOf: []any{"linux"}, Pattern: "l"}
		},
		"an object that reads as any": func(p *verify.Policy) {
			p.Provenance.Parameters["/goos"] = verify.Matcher{Exact: map[string]any{"any": true}}
		},
		"an object in a predicate": func(p *verify.Policy) {
			p.Attestations[1].Predicate["/scanner/result"] = verify.Matcher{Exact: map[string]any{"any": true}}
		},
		"nothing": func(p *verify.Policy) { p.Provenance.Parameters["/goos"] = verify.Matcher{} },
	} {
		p, err := verify.ParsePolicy(c.Policies[0].Marshal())
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		var bad *verify.ConfigError
		if _, err := verify.New(c.Trust, p); !errors.As(err, &bad) || bad.Code != verify.CodePolicyInvalid {
			t.Errorf("%s: %v, want policy-invalid", name, err)
		}
	}
}

// TestOldLedgerKnowsLess: that another, or an old, ledger knows no release and
// no promotion is no answer; that it knows of a revocation is one.
func TestOldLedgerKnowsLess(t *testing.T) {
	const asked = `
		set trust /ledger {"origin":"releases.acme.example","key":"releases.acme.example+1","genesis":"sha256:0000000000000000000000000000000000000000000000000000000000000001","witnesses":{"atLeast":1,"keys":["w1","w2"]}}
		set policy /release {"product":"app","from":"canary","soak":"1h","maxHeadAge":"10m","witnesses":2}
		set approval /predicate/from "canary"
		doc view {"Product":"app","Artifact":"sha256:<artifact>","Origin":"releases.acme.example","Size":101,"Time":"2026-11-21T03:05:00Z","Witnesses":2,"Release":"app#101","Author":"dan","Promotions":[{"Environment":"canary","Time":"2026-11-21T01:00:00Z"}]}
	`
	for _, c := range []struct {
		what     string
		decision verify.Decision
		failed   string
	}{
		{"", verify.Allow, ""},
		{`set view /Release ""`, verify.Deny, "release"},
		{`set view /Promotions []`, verify.Deny, "release"},
		{"set view /Release \"\"\nset view /Time \"2026-11-20T00:00:00Z\"", verify.Undecided, "ledger"},
		{"set view /Promotions []\nset view /Time \"2026-11-20T00:00:00Z\"", verify.Undecided, "ledger"},
		{"set view /Release \"\"\nset view /Origin \"other.example\"", verify.Undecided, "ledger"},
		{"set view /Revoked {\"At\":\"2026-11-21T02:00:00Z\",\"By\":\"dan\",\"Reason\":\"bad\"}\nset view /Time \"2026-11-20T00:00:00Z\"", verify.Deny, "ledger revoked"},
	} {
		if v, _ := story.Build(t, asked, c.what).Verify(t); v.Decision != c.decision || failed(v) != c.failed {
			t.Errorf("%s: want %s by %q, got\n%s", c.what, c.decision, c.failed, v)
		}
	}
}

// TestNameWithAnotherDigest: a name may hold any strong digest of the artifact.
func TestNameWithAnotherDigest(t *testing.T) {
	c := story.Build(t, `set policy /package "registry.example/app"`)
	sum := sha512.Sum512(c.Bytes)
	c.Request.Name = fmt.Sprintf("registry.example/app@sha512:%x", sum)
	if v, err := c.Verify(t); err != nil {
		t.Errorf("its own digest:\n%s", v)
	}
	sum[0] ^= 1
	c.Request.Name = fmt.Sprintf("registry.example/app@sha512:%x", sum)
	if v, _ := c.Verify(t); failed(v) != "binding" {
		t.Errorf("another digest: want binding, got\n%s", v)
	}
}

// TestAnyIsWaived: a predicate of which nothing is wanted is no check that passed.
func TestAnyIsWaived(t *testing.T) {
	for predicate, want := range map[string]string{
		`{"/scanner/result":[]}`:                            "passed /attestations/1/predicate",
		`{"/scanner/result":{"any":true}}`:                  "waived /attestations/1/predicate/~1scanner~1result",
		`{"/scanner/result":[],"/scanner/db":{"any":true}}`: "waived /attestations/1/predicate/~1scanner~1db, passed /attestations/1/predicate",
	} {
		v, err := story.Build(t, "set policy /attestations/1/predicate "+predicate).Verify(t)
		var got []string
		for _, f := range v.Findings {
			if f.Code == verify.CodeCondition {
				got = append(got, f.Status.String()+" "+f.Rule)
			}
		}
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s: %v, %q, want %q", predicate, err, got, want)
		}
	}
}
