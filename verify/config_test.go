package verify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// goodPolicy has every member that must be there, one on each line.
const goodPolicy = `{
 "schema": "https://github.com/touchmark-go/touchmark/policy/v1",
 "version": 1,
 "name": "app",
 "examine": "required",
 "provenance": {
  "signedBy": "ci",
  "level": 1,
  "buildType": "https://github.com/touchmark-go/touchmark/build-types/go-build/v1",
  "source": { "repository": "https://github.com/acme/app", "ref": "refs/tags/v1.*" },
  "parameters": { "/command": ["go", "build"] }
 }
}`

// A change of one line makes the policy invalid, and the error names the line.
func TestParsePolicyRefuses(t *testing.T) {
	for _, text := range []string{goodPolicy, strings.Replace(goodPolicy, `["go", "build"]`, `""`, 1)} { // a value that is compared may be empty
		if _, err := verify.ParsePolicy([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ old, new, want string }{
		{`"version": 1`, `"version": 0`, `policy-invalid: app: line 3: /version: version must be there and at least 1`},
		{`policy/v1"`, `policy/v2"`, `policy-invalid: app: line 2: /schema:`},
		{`"name": "app"`, `"name": ""`, `policy-invalid: line 4: /name:`},
		{`"name": "app"`, `"Name": "app"`, `policy-invalid: line 4: /Name:`},
		{`"name": "app"`, `"name": "app", "name": "app"`, `policy-invalid: line 4:`},
		{`"name": "app"`, `"name": "app", "exemptions": []`, `policy-invalid: line 4: /exemptions: unknown member`},
		{`"examine": "required",`, ``, `policy-invalid: app: line 1: /examine: examine must be there`},
		{`"required"`, `"optional"`, `/examine: "optional": want required, if-applicable or off`},
		{`"required"`, `{ "mode": "off", "facts": ["path"] }`, `/examine/facts:`},
		{`"required"`, `{ "mode": "required", "facts": ["colour"] }`, `line 5: /examine/facts/0: "colour" is no fact`},
		{`"signedBy": "ci",`, ``, `/provenance/signedBy: signedBy must be there`},
		{`"ci"`, `{ "atLeast": 0, "of": ["ci"] }`, `line 7: /provenance/signedBy: atLeast must be there and at least 1`},
		{`"ci"`, `{ "atLeast": -1, "of": ["ci"] }`, `atLeast`},
		{`"ci"`, `{ "of": ["ci"] }`, `atLeast must be there`},
		{`"ci"`, `{ "atLeast": 1, "of": [] }`, `of must name somebody`},
		{`"ci"`, `{ "atLeast": 1 }`, `of must name somebody`},
		{`"ci"`, `{ "atLeast": 2, "of": ["ci", "ci"] }`, `/provenance/signedBy/of/1: "ci" stands here twice`},
		{`"ci"`, `{ "any": false }`, `/provenance/signedBy/any`},
		{`"ci"`, `{ "any": true, "atLeast": 1 }`, `/provenance/signedBy/any`},
		{`"ci"`, `""`, `is no name`},
		{`"ci"`, `"` + strings.Repeat("n", 129) + `"`, `is no name`},
		{`"ci"`, `"-ci"`, `is no name`},
		{`"ci"`, `"ci\n"`, `is no name`},
		{`"level": 1,`, ``, `/provenance/level: level must be there`},
		{`"level": 1`, `"level": 4`, `line 8: /provenance/level: 4: want a SLSA build level`},
		{`"level": 1`, `"level": 0`, `want a SLSA build level`},
		{`"level": 1`, `"level": "1"`, `line 8: /provenance/level`},
		{`"https://github.com/touchmark-go/touchmark/build-types/go-build/v1"`, `""`, `must not be empty`},
		{`"https://github.com/touchmark-go/touchmark/build-types/go-build/v1"`, `"https://example.com/own"`, `line 10: /provenance/source: where build type "https://example.com/own" holds its source is not known`},
		{`, "ref": "refs/tags/v1.*"`, ``, `repository and ref must both be there`},
		{`"https://github.com/acme/app"`, `"https://github.com/acme/../app"`, `/provenance/source/repository`},
		{`"https://github.com/acme/app"`, `"https://GitHub.com/acme/app"`, `write it as "https://github.com/acme/app"`},
		{`"refs/tags/v1.*"`, `"v1.*"`, `want a ref in full`},
		{`"refs/tags/v1.*"`, `"refs/*/v1"`, `* stands only in the last segment`},
		{`{ "/command": ["go", "build"] }`, `null`, `/provenance/parameters`},
		{`"/command"`, `"command"`, `is no JSON pointer`},
		{`["go", "build"]`, `{ "oneOf": [] }`, `want exactly one of oneOf`},
		{`["go", "build"]`, `{ "pattern": "" }`, `want exactly one of`},
		{`["go", "build"]`, `{ "pattern": "a)(b" }`, `/pattern`},
		{`["go", "build"]`, `{ "any": false }`, `want exactly one of`},
		{`["go", "build"]`, `{ "anyOf": ["x"] }`, `unknown member`},
		{`["go", "build"]`, `{ "request": "name" }`, `nothing was requested by name`},
		{`["go", "build"]`, `null`, `want a value, found null`},
		{"\n }\n}", "\n },\n \"approvals\": [\"alice\"]\n}", `line 13: /approvals: approvals are for an environment`},
		{"\n }\n}", "\n },\n \"approvals\": [{ \"any\": true }], \"environment\": \"prod\"\n}", `/approvals/0/any`},
		{"\n }\n}", "\n },\n \"package\": \"pkg:generic/app@1\"\n}", `not for version "1"`},
		{"\n }\n}", "\n },\n \"attestations\": [{ \"signedBy\": \"ci\" }]\n}", `/attestations/0/type: type must be there`},
		{"\n }\n}", "\n },\n \"attestations\": [{ \"type\": \"x\" }]\n}", `/attestations/0/signedBy: signedBy must be there`},
		{"\n }\n}", "\n },\n \"release\": { \"product\": \"app\", \"soak\": \"1h\" }\n}", `/release/soak: soak needs from`},
		{"\n }\n}", "\n },\n \"release\": { \"product\": \"app\", \"maxHeadAge\": \"1 h\" }\n}", `is no duration`},
		{`"version": 1,`, `"version": 1, "environment": "",`, `line 3: /environment: must not be empty: leave the member out`},
		{`"version": 1,`, `"version": 1, "environment": null,`, `line 3: /environment: null says nothing`},
		{`"version": 1,`, `"version": 1, "package": "",`, `/package: must not be empty`},
		{`"level": 1,`, `"level": 1, "maxAge": "",`, `line 8: /provenance/maxAge: must not be empty`},
		{`"level": 1,`, `"level": 1, "maxAge": null,`, `/provenance/maxAge: null says nothing`},
		{"\n }\n}", "\n },\n \"attestations\": [{ \"type\": \"x\", \"signedBy\": \"ci\", \"where\": \"\" }]\n}", `/attestations/0/where: must not be empty`},
		{"\n }\n}", "\n },\n \"attestations\": null\n}", `/attestations: null says nothing`},
		{"\n }\n}", "\n },\n \"approvals\": null\n}", `/approvals: null says nothing`},
		{"\n }\n}", "\n },\n \"release\": null\n}", `/release: null says nothing`},
		{`"/command"`, `"/` + strings.Repeat("c", 4096) + `"`, `is no JSON pointer`},
		{`"https://github.com/acme/app"`, `1`, `line 10: /provenance/source/repository: want `},
		{`"ci"`, `{ "atLeast": 1, "of": ["ci"], "and": [{ "atLeast": 1, "of": ["a"], "and": [{ "atLeast": 1, "of": ["b"] }] }] }`, `/provenance/signedBy/and/0/and: groups stand side by side`},
		{`"ci"`, `{ "atLeast": 1, "of": ["ci"], "and": [] }`, `/provenance/signedBy/and: names no group`},
		{`"ci"`, `{ "atLeast": 1, "of": ["ci"], "and": ["any"] }`, `/provenance/signedBy/and/0`},
		{`["go", "build"]`, `{ "pattern": "` + strings.Repeat("p", 1025) + `" }`, `/pattern: pattern of 1025 bytes`},
		{"\n }\n}", "\n },\n \"environment\": \"prod\", \"approvals\": [{ \"atLeast\": 1, \"of\": [\"a\"], \"and\": [\"b\"] }]\n}", `/approvals/0/and: groups are entries of their own`},
		{"\n }\n}", "\n },\n \"release\": { \"product\": \"app\", \"witnesses\": -1 }\n}", `/release/witnesses: -1: want 0 or more`},
		{`"required"`, `1`, `line 5: /examine`},
		{"\n }\n}", "\n },\n \"environment\": \"prod\", \"exceptions\": { \"approvedBy\": { \"atLeast\": 2, \"of\": [\"a\", \"b\"] }, \"rules\": [\"/provenance/source/ref\", \"/provenance/source/ref\"], \"for\": \"14d\" }\n}", `/exceptions/rules/1`},
		{`"/command"`, `"/~2"`, `is no JSON pointer`},
		{`"/command"`, `"/a~"`, `is no JSON pointer`},
		{`["go", "build"]`, `{ "oneOf": [null] }`, `/oneOf: null matches nothing`},
		{`"refs/tags/v1.*"`, `1`, `line 10: /provenance/source/ref: want `},
		{`"refs/tags/v1.*"`, `""`, `/provenance/source/ref: must not be empty`},
		{"\n }\n}", "\n }\n}{}", `policy-invalid: line 13`},
		{"\n }\n}", "\n }\n", `policy-invalid`},
	} {
		text := strings.Replace(goodPolicy, c.old, c.new, 1)
		if text == goodPolicy {
			t.Fatalf("%q is not in the policy", c.old)
		}
		p, err := verify.ParsePolicy([]byte(text))
		var config *verify.ConfigError
		if p != nil || !errors.As(err, &config) || config.Code != verify.CodePolicyInvalid || config.Line == 0 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s:\n  got  %v\n  want %s", c.old, c.new, err, c.want)
		}
	}
	for _, text := range []string{"", "null", "[]", "{}", `"x"`, "\xef\xbb\xbf" + goodPolicy} {
		if p, err := verify.ParsePolicy([]byte(text)); err == nil || p != nil {
			t.Errorf("%.20q is a policy", text)
		}
	}
	const most = 16 << 20 // bytes; spaces say nothing, and are counted
	padded := []byte(goodPolicy + strings.Repeat(" ", most+1-len(goodPolicy)))
	if _, err := verify.ParsePolicy(padded[:most]); err != nil {
		t.Error(err)
	}
	for _, err := range []error{second(verify.ParsePolicy(padded)), second(verify.ParseTrust(padded))} {
		if err == nil || !strings.Contains(err.Error(), "16777217 bytes are more than the 16777216") {
			t.Error(err)
		}
	}
}

func TestZeroRefuses(t *testing.T) {
	trust := policyTrust(t)
	for name, err := range map[string]error{
		"no policy":       second(verify.New(trust)),
		"a nil policy":    second(verify.New(trust, nil)),
		"the zero policy": second(verify.New(trust, &verify.Policy{})),
		"a nil trust":     second(verify.New(nil, policyFile(t, "1-github-binary.json"))),
		"the zero trust":  second(verify.New(&verify.Trust{}, policyFile(t, "1-github-binary.json"))),
	} {
		var config *verify.ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%s: %v, want a ConfigError", name, err)
		}
	}
	var v verify.Verdict
	if v.Decision != verify.Undecided || verify.Status(0) != verify.Unknown || v.Decision.String() != "UNDECIDED" {
		t.Error("a zero verdict must be undecided")
	}
}

// A level that nobody wrote is no level, and what no file can say is refused.
func TestGoPolicyRefuses(t *testing.T) {
	trust := policyTrust(t)
	o := verify.Options{Authenticators: []verify.Authenticator{newAuthority("public-good")}}
	for name, change := range map[string]func(*verify.Policy){
		"no level":        func(p *verify.Policy) { p.Provenance.Level = 0 },
		"half a second":   func(p *verify.Policy) { p.Provenance.MaxAge = time.Second / 2 },
		"nobody":          func(p *verify.Policy) { p.Provenance.SignedBy = verify.Quorum{} },
		"no source":       func(p *verify.Policy) { p.Provenance.Source = verify.SourceRule{} },
		"no build type":   func(p *verify.Policy) { p.Provenance.BuildType = "" },
		"no parameters":   func(p *verify.Policy) { p.Provenance.Parameters = nil },
		"no examine mode": func(p *verify.Policy) { p.Examine = verify.ExamineRule{} },
	} {
		p := policyFile(t, "5-air-gapped.json")
		change(p)
		var config *verify.ConfigError
		if _, err := o.New(trust, p); !errors.As(err, &config) || config.Code != verify.CodePolicyInvalid {
			t.Errorf("%s: got %v, want %s", name, err, verify.CodePolicyInvalid)
		}
	}
	p := policyFile(t, "5-air-gapped.json")
	p.Provenance.Level = verify.AnyLevel
	if _, err := o.New(trust, p); err != nil {
		t.Errorf("any level: %v", err)
	}
}

// Times in any zone are written in UTC.
func TestTrustZones(t *testing.T) {
	trust := policyTrust(t)
	zone := time.FixedZone("there", 3600)
	p := trust.Principals["ci"]
	p.Keys[0].NotBefore = p.Keys[0].NotBefore.In(zone)
	trust.Principals["ci"] = p
	if _, err := verify.ParseTrust(trust.Marshal()); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// What a policy names must be in the trust file, and be able to be met.
func TestNewRefuses(t *testing.T) {
	ci, alice := exampleKey(), exampleKey()
	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci, "alice": alice}, map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"ci"`, `"nobody"`, `"nobody" is neither a principal nor a role`},
		{`"ci"`, `{ "atLeast": 3, "of": ["ci", "alice"] }`, `3 of the 2 principals named can never be met`},
		{"\n }\n}", "\n },\n \"environment\": \"prod\", \"approvals\": [\"ci\"]\n}", `only persons approve`},
		{"\n }\n}", "\n },\n \"release\": { \"product\": \"app\" }\n}", `the trust file names no ledger`},
		{"\n }\n}", "\n },\n \"attestations\": [{ \"type\": \"x\", \"signedBy\": \"ci\", \"where\": \"true\" }]\n}", `where needs Options.Conditions`},
	} {
		p, err := verify.ParsePolicy([]byte(strings.Replace(goodPolicy, c.old, c.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = verify.New(trust, p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.new, err, c.want)
		}
	}
}

// New copies: what the caller changes afterwards changes no decision.
func TestNewCopies(t *testing.T) {
	app := []byte("app")
	ci := exampleKey()
	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder}))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := verify.ParsePolicy([]byte(examplePolicy))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(trust, policy)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := sign.Statement(t.Context(), exampleBuild(app), ci)
	if err != nil {
		t.Fatal(err)
	}
	request := verify.Request{Artifact: verify.Content(bytes.NewReader(app), 3), At: judged, Evidence: []*sign.Bundle{bundle}}
	want, err := v.Verify(t.Context(), request)
	if err != nil {
		t.Fatal(want)
	}
	delete(trust.Principals, "ci")
	policy.Provenance.Parameters["/command"] = verify.Matcher{Exact: "other"}
	policy.Provenance.SignedBy.Of[0] = "mallory"
	got, err := v.Verify(t.Context(), request)
	if err != nil || got.String() != want.String() {
		t.Errorf("after the change:\n%s\nwant:\n%s", got, want)
	}
	// And it may be used by many at once.
	done := make(chan string)
	for range 8 {
		go func() { got, _ := v.Verify(t.Context(), request); done <- got.String() }()
	}
	for range 8 {
		if got := <-done; got != want.String() {
			t.Errorf("at once:\n%s\nwant:\n%s", got, want)
		}
	}
}

func goodTrust(t testing.TB) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(policyTrust(t).Marshal(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestParseTrustRefuses(t *testing.T) {
	at := func(doc map[string]any, path ...string) map[string]any {
		for _, p := range path {
			doc = doc[p].(map[string]any)
		}
		return doc
	}
	key := func(doc map[string]any, name string, i int) map[string]any {
		return at(doc, "principals", name)["keys"].([]any)[i].(map[string]any)
	}
	rsa2048 := readFile(t, "testdata/keys/rsa-2048.pub")
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"no version":         {func(d map[string]any) { delete(d, "version") }, "/version: version must be there"},
		"no expiry":          {func(d map[string]any) { delete(d, "expires") }, "/expires: expires must be there"},
		"an offset":          {func(d map[string]any) { d["expires"] = "2027-11-01T00:00:00+02:00" }, "/expires"},
		"nobody":             {func(d map[string]any) { d["principals"] = map[string]any{} }, "principals must name somebody"},
		"unknown member":     {func(d map[string]any) { at(d, "principals", "ci")["colour"] = "blue" }, "/principals/ci/colour: unknown member"},
		"unknown kind":       {func(d map[string]any) { at(d, "principals", "ci")["kind"] = "robot" }, `"robot" is no kind`},
		"no keys":            {func(d map[string]any) { delete(at(d, "principals", "npm"), "keys") }, "neither keys nor identities"},
		"a key twice":        {func(d map[string]any) { key(d, "npm", 0)["pem"] = key(d, "scanner", 0)["pem"] }, "the same key stands at"},
		"no PEM":             {func(d map[string]any) { key(d, "npm", 0)["pem"] = "x" }, "/principals/npm/keys/0"},
		"RSA without scheme": {func(d map[string]any) { key(d, "npm", 0)["pem"] = rsa2048 }, "/principals/npm/keys/0: an RSA key has no scheme"},
		"another scheme":     {func(d map[string]any) { key(d, "npm", 0)["scheme"] = "rsa-pss-sha256" }, "/principals/npm/keys/0"},
		"an unknown scheme":  {func(d map[string]any) { key(d, "npm", 0)["scheme"] = "hmac-sha256" }, "/principals/npm/keys/0"},
		"a window backwards": {func(d map[string]any) { key(d, "ci", 0)["notAfter"] = "2020-01-01T00:00:00Z" }, "is not after notBefore"},
		"revoked never":      {func(d map[string]any) { key(d, "alice", 0)["revoked"] = map[string]any{"reason": "x"} }, "revoked without at"},
		"level 4":            {func(d map[string]any) { at(d, "principals", "ci")["builders"] = map[string]any{"https://b.example": 4} }, "want a SLSA build level"},
		"a builder glob": {func(d map[string]any) {
			at(d, "principals", "ci")["builders"] = map[string]any{"https://b.example/*": 1}
		}, "* stands only"},
		"an unknown member": {func(d map[string]any) { d["roles"] = map[string]any{"rm": []any{"nobody"}} }, `"nobody" is no principal`},
		"an empty role":     {func(d map[string]any) { d["roles"] = map[string]any{"rm": []any{}} }, "has nobody in it"},
		"a role's namesake": {func(d map[string]any) { d["roles"] = map[string]any{"alice": []any{"bob"}} }, "share one namespace"},
		"somebody twice":    {func(d map[string]any) { d["roles"] = map[string]any{"rm": []any{"bob", "bob"}} }, "stands here twice"},
		"roles of null":     {func(d map[string]any) { d["roles"] = nil }, "/roles: null says nothing"},
		"a root of none":    {func(d map[string]any) { d["root"] = map[string]any{"atLeast": 0, "of": []any{"alice"}} }, "/root: atLeast"},
		"auditors any":      {func(d map[string]any) { d["auditors"] = "any" }, "/auditors"},
		"auditors unknown":  {func(d map[string]any) { d["auditors"] = "nobody" }, "/auditors"},
		"auditors too many": {func(d map[string]any) {
			d["auditors"] = map[string]any{"atLeast": 4, "of": []any{"alice", "bob", "carol"}}
		}, "can never be met"},
		"a root too large": {func(d map[string]any) { d["root"] = map[string]any{"atLeast": 4, "of": []any{"alice", "bob", "carol"}} }, "can never be met"},
		"an identity's issuer": {func(d map[string]any) {
			delete(at(d, "principals", "carol")["identities"].([]any)[0].(map[string]any), "issuer")
		}, "issuer must be there"},
		"two identities in one": {func(d map[string]any) {
			at(d, "principals", "carol")["identities"].([]any)[0].(map[string]any)["uri"] = "https://x"
		}, "want exactly one of workflow, email, uri and username"},
		"an unknown authority": {func(d map[string]any) { delete(d, "authorities") }, "is no authority"},
		"a witness twice":      {func(d map[string]any) { at(d, "ledger", "witnesses")["keys"] = []any{"w", "v", "w"} }, "/ledger/witnesses/keys/2: the same witness"},
		"a witness too many":   {func(d map[string]any) { at(d, "ledger", "witnesses")["atLeast"] = 4 }, "/ledger/witnesses/atLeast"},
		"a long name": {func(d map[string]any) {
			d["principals"].(map[string]any)[strings.Repeat("n", 129)] = at(d, "principals", "npm")
		}, `is no name`},
		"level 0": {func(d map[string]any) { at(d, "principals", "ci")["builders"] = map[string]any{"https://b.example": 0} }, "want a SLSA build level"},
		"a verifier glob": {func(d map[string]any) {
			at(d, "principals", "npm")["verifiers"] = map[string]any{"https://v.example/x@refs/tags/v*": []any{"SLSA_BUILD_LEVEL_3"}}
		}, "want a URL"},
		"an authority's name":   {func(d map[string]any) { at(d, "authorities")["-x"] = at(d, "authorities", "public-good") }, `"-x" is no name of an authority`},
		"an authority's root":   {func(d map[string]any) { delete(at(d, "authorities", "public-good"), "trustedRoot") }, "trustedRoot must be there"},
		"a role's name":         {func(d map[string]any) { d["roles"] = map[string]any{strings.Repeat("r", 129): []any{"bob"}} }, "is no name of a role"},
		"a keyless ledger":      {func(d map[string]any) { delete(at(d, "ledger"), "key") }, "/ledger"},
		"a name of the grammar": {func(d map[string]any) { d["principals"].(map[string]any)["any"] = at(d, "principals", "npm") }, `"any" is no name`},
	} {
		doc := goodTrust(t)
		c.change(doc)
		data, err := json.MarshalIndent(doc, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		trust, err := verify.ParseTrust(data)
		var config *verify.ConfigError
		if trust != nil || !errors.As(err, &config) || config.Code != verify.CodeTrustInvalid || config.Line == 0 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The next trust file needs the root of both versions, and to be the next.
func TestUpdate(t *testing.T) {
	k := map[string]*keys.Key{"ci": exampleKey(), "alice": exampleKey(), "bob": exampleKey(), "carol": exampleKey()}
	kinds := map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person, "bob": verify.Person, "carol": verify.Person}
	trust, err := verify.ParseTrust(exampleTrust(k, kinds)) // the root is two of alice and bob
	if err != nil {
		t.Fatal(err)
	}
	next, err := trust.Rotate("ci", exampleKey().Public(), judged)
	if err != nil {
		t.Fatal(err)
	}
	if old := next.Principals["ci"].Keys[0]; !old.NotAfter.Equal(judged) || next.Version != 2 {
		t.Errorf("the old key ends %v in version %d, want %v in 2", old.NotAfter, next.Version, judged)
	}
	if !trust.Principals["ci"].Keys[0].NotAfter.IsZero() || trust.Version != 1 {
		t.Error("Rotate changed the trust that it was called on")
	}
	sealed := func(payloadType string, body []byte, by ...string) *sign.Bundle {
		var signers []sign.Signer
		for _, name := range by {
			signers = append(signers, k[name])
		}
		b, err := sign.Payload(t.Context(), payloadType, body, signers...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	skipped := *next
	skipped.Version = 3
	older := *next
	older.Version = 1
	usurped := *next
	usurped.Root = verify.Quorum{AtLeast: 1, Of: []string{"carol"}}
	expired := *next
	expired.Expires = judged
	if got, err := trust.UpdateAt(sealed(verify.TrustType, next.Marshal(), "alice", "bob"), judged); err != nil || got.Version != 2 {
		t.Errorf("a good update: %v", err)
	}
	if got, err := trust.UpdateAt(sealed(verify.TrustType, usurped.Marshal(), "alice", "bob", "carol"), judged); err != nil || got.Root.AtLeast != 1 {
		t.Errorf("a change of root that both roots sign: %v", err)
	}
	broken := *sealed(verify.TrustType, trust.Marshal(), "alice", "bob")
	broken.Err = errors.New("garbage")
	rootless := *trust
	rootless.Root = verify.Quorum{}
	for name, c := range map[string]struct {
		trust  *verify.Trust
		bundle *sign.Bundle
		want   string
	}{
		"by its root":       {trust, sealed(verify.TrustType, []byte("anything"), "alice", "bob"), ""},
		"by too few":        {trust, sealed(verify.TrustType, []byte("anything"), "alice"), "signed by \"alice\", want 2"},
		"by others":         {trust, sealed(verify.TrustType, []byte("anything"), "ci", "carol"), "signed by \"\", want 2"},
		"nothing":           {trust, nil, "no bundle"},
		"one that is wrong": {trust, &broken, "no bundle"},
		"without a root":    {&rootless, sealed(verify.TrustType, []byte("anything"), "alice", "bob"), "no root"},
	} {
		if err := c.trust.SignedByRoot(c.bundle, judged); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("SignedByRoot, %s: %v, want %q", name, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		bundle *sign.Bundle
		want   string
	}{
		"one of two":           {sealed(verify.TrustType, next.Marshal(), "alice"), `signed by "alice", want 2 of alice, bob`},
		"the same twice":       {sealed(verify.TrustType, next.Marshal(), "alice", "alice"), `signed by "alice"`},
		"not of the root":      {sealed(verify.TrustType, next.Marshal(), "alice", "carol"), `signed by "alice"`},
		"a version left out":   {sealed(verify.TrustType, skipped.Marshal(), "alice", "bob"), "version 3 after 1"},
		"an older one":         {sealed(verify.TrustType, older.Marshal(), "alice", "bob"), "version 1 after 1"},
		"another payload type": {sealed(verify.PolicyType, next.Marshal(), "alice", "bob"), "payload type"},
		"its own root missing": {sealed(verify.TrustType, usurped.Marshal(), "alice", "bob"), "its own root"},
		"expired":              {sealed(verify.TrustType, expired.Marshal(), "alice", "bob"), "has itself expired"},
		"no trust file":        {sealed(verify.TrustType, []byte("{}"), "alice", "bob"), "trust-invalid"},
		"nothing":              {nil, "no bundle"},
	} {
		if got, err := trust.UpdateAt(c.bundle, judged); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// A signature with a trusted time from before its key ended stays good; the
// same without it does not.
func TestTrustedTimeAfterRotation(t *testing.T) {
	app := []byte("app")
	ci := exampleKey()
	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder}))
	if err != nil {
		t.Fatal(err)
	}
	rotated := judged.Add(-24 * time.Hour)
	if trust, err = trust.Rotate("ci", exampleKey().Public(), rotated); err != nil {
		t.Fatal(err)
	}
	policy, err := verify.ParsePolicy([]byte(examplePolicy))
	if err != nil {
		t.Fatal(err)
	}
	public := newAuthority("times")
	for name, c := range map[string]struct {
		stamped time.Time
		codes   string
	}{
		"before":    {rotated.Add(-time.Second), ""},
		"at":        {rotated, "trusted-time"},
		"after":     {rotated.Add(time.Second), "trusted-time"},
		"unstamped": {time.Time{}, "trusted-time"},
	} {
		v, err := verify.Options{Authenticators: []verify.Authenticator{stamper{public, c.stamped}}}.New(trust, policy)
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := sign.Statement(t.Context(), exampleBuild(app), ci)
		if err != nil {
			t.Fatal(err)
		}
		bundle.Signatures[0].Timestamps = [][]byte{{1}}
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(bytes.NewReader(app), 3), At: judged, Evidence: []*sign.Bundle{bundle}})
		if failed(verdict) != c.codes || (err == nil) != (c.codes == "") {
			t.Errorf("%s: got [%s], want [%s]\n%s", name, failed(verdict), c.codes, verdict)
		}
	}
}

// A policy survives a round trip, whatever it says.
func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(goodPolicy))
	for _, name := range []string{"1-github-binary.json", "2-npm.json", "3-image.json", "4-two-people.json", "5-air-gapped.json"} {
		f.Add([]byte(readFile(f, "testdata/policies/"+name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := verify.ParsePolicy(data)
		if err != nil {
			var config *verify.ConfigError
			if !errors.As(err, &config) {
				t.Errorf("%v is no ConfigError", err)
			}
			t.Skip()
		}
		again, err := verify.ParsePolicy(p.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), p.Marshal()) || again.Digest() != p.Digest() || p.Digest().IsZero() {
			t.Errorf("%q does not survive a round trip: %v\n%s", data, err, p.Marshal())
		}
	})
}

func FuzzParseTrust(f *testing.F) {
	f.Add(policyTrust(f).Marshal())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := verify.ParseTrust(data)
		if err != nil {
			var config *verify.ConfigError
			if !errors.As(err, &config) {
				t.Errorf("%v is no ConfigError", err)
			}
			t.Skip()
		}
		again, err := verify.ParseTrust(p.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), p.Marshal()) || again.Digest() != p.Digest() || p.Digest().IsZero() {
			t.Errorf("%q does not survive a round trip: %v\n%s", data, err, p.Marshal())
		}
	})
}
