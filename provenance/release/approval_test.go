package release_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

func digest(t testing.TB, s string) provenance.Digest {
	t.Helper()
	d, err := provenance.ParseDigest(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// documented is the approval of the example in the document.
func documented(t testing.TB) release.Approval {
	return release.Approval{
		Digest:  digest(t, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
		From:    "canary",
		To:      "prod",
		Policy:  digest(t, "sha256:91be4b5c4a8a5c6c4a3f2f62b1b9a4b6a2e2c8b0a6b0d8f0b6b7b0f6d1d4c3a2"),
		Expires: time.Date(2026, 11, 21, 19, 0, 0, 0, time.FixedZone("", 3600)),
		Nonce:   "5f1e2c9d0b7a48639e0d4c2b1a6f7e88",
		Reason:  "soaked for a day, error rate flat",
	}
}

// document returns the schema and the example in docs/predicates/approval/v1.md.
func document(t testing.TB) (schema, example []byte) {
	t.Helper()
	data, err := os.ReadFile(testkit.Root(t) + "/docs/predicates/approval/v1.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```")
	if len(blocks) != 5 {
		t.Fatalf("the document has %d parts, want two blocks of JSON", len(blocks))
	}
	return []byte(strings.TrimPrefix(blocks[1], "json\n")), []byte(strings.TrimSuffix(strings.TrimPrefix(blocks[3], "json\n"), "\n"))
}

// What we emit is the example of the document, byte for byte, and valid by its schema
// and to in-toto's validator.
func TestDocument(t *testing.T) {
	schema, example := document(t)
	got, err := documented(t).Statement().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, example) {
		t.Errorf("statement is\n%s\nthe document says\n%s", got, example)
	}
	var s intoto.Statement
	if err := protojson.Unmarshal(got, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	valid := compile(t, schema)
	statement, err := provenance.Parse(example)
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(statement.Predicate); err != nil {
		t.Error(err)
	}
	drawn := documented(t)
	drawn.From, drawn.Nonce, drawn.Reason = "", "", ""
	if err := valid(drawn.Statement().Predicate); err != nil {
		t.Error(err)
	}
}

func compile(t testing.TB, schema []byte) func(predicate []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(release.ApprovalType, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(release.ApprovalType)
	if err != nil {
		t.Fatal(err)
	}
	return func(predicate []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(predicate))
		if err != nil {
			return err
		}
		return compiled.Validate(v)
	}
}

func TestApprovalRoundTrip(t *testing.T) {
	for _, change := range []func(a *release.Approval){
		func(a *release.Approval) {},
		func(a *release.Approval) { a.From, a.Reason = "", "" },
		func(a *release.Approval) { a.Nonce = "r1"; a.Reason = "two\nlines, <&> and \u202e" },
		func(a *release.Approval) { a.Expires = a.Expires.Add(1) },
		func(a *release.Approval) { a.Digest = digest(t, "gitCommit:"+strings.Repeat("1", 40)) },
		func(a *release.Approval) { a.Digest = digest(t, "dirHash:"+strings.Repeat("1", 64)) },
	} {
		a := documented(t)
		change(&a)
		data, err := a.Statement().Marshal()
		if err != nil {
			t.Fatal(err)
		}
		s, err := provenance.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := release.ParseApproval(s)
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		a.Expires = a.Expires.UTC()
		if !reflect.DeepEqual(*got, a) {
			t.Errorf("%s reads as\n%+v\nwant\n%+v", data, *got, a)
		}
	}
}

func TestNonce(t *testing.T) {
	a := documented(t)
	a.Nonce = ""
	seen := map[string]bool{}
	for range 100 {
		got, err := release.ParseApproval(a.Statement())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Nonce) != 32 || seen[got.Nonce] {
			t.Fatalf("nonce is %q, want 32 new digits", got.Nonce)
		}
		seen[got.Nonce] = true
	}
	if a.Nonce != "" {
		t.Error("Statement changed the approval")
	}
}

// An approval that is not valid says so, and gives nothing that could be signed.
func TestApprovalRefuses(t *testing.T) {
	for _, test := range []struct {
		change func(a *release.Approval)
		want   string
	}{
		{func(a *release.Approval) { *a = release.Approval{} }, "digest is missing"},
		{func(a *release.Approval) { a.Digest = provenance.Digest{} }, "digest is missing"},
		{func(a *release.Approval) { a.Digest = digest(t, "sha1:"+strings.Repeat("1", 40)) }, "sha1"}, // row 6
		{func(a *release.Approval) { a.To = "" }, "/to"},
		{func(a *release.Approval) { a.To = a.From }, "/from and /to"},
		{func(a *release.Approval) { a.To = "prod\n" }, "/to"},
		{func(a *release.Approval) { a.To = "prod\u202e" }, "/to"},
		{func(a *release.Approval) { a.To = "\xff" }, "/to"},
		{func(a *release.Approval) { a.From = strings.Repeat("x", 257) }, "/from"},
		{func(a *release.Approval) { a.Policy = provenance.Digest{} }, "/policy"},
		{func(a *release.Approval) { a.Policy = digest(t, "sha512:"+strings.Repeat("1", 128)) }, "/policy"},
		{func(a *release.Approval) { a.Expires = time.Time{} }, "/expires"},
		{func(a *release.Approval) { a.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "/expires"},
		{func(a *release.Approval) { a.Nonce = "a b" }, "/nonce"},
		{func(a *release.Approval) { a.Nonce = strings.Repeat("x", 129) }, "/nonce"},
		{func(a *release.Approval) { a.Nonce = "é" }, "/nonce"},
		{func(a *release.Approval) { a.Reason = "\xff" }, "/reason"},
		{func(a *release.Approval) { a.Reason = strings.Repeat("x", 4097) }, "/reason"},
	} {
		a := documented(t)
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		test.change(&a)
		if err := a.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: Validate = %v, want it to say %q", a, err, test.want)
		}
		s := a.Statement()
		if data, err := s.Marshal(); err == nil || len(s.Subject) != 0 {
			t.Errorf("%+v can be signed: %s", a, data)
		}
	}
}

// Each attack is one change to the statement of the document. Row 3, 6, 9, 10, 38, 41, 64.
func TestParseApprovalRefuses(t *testing.T) {
	schema, example := document(t)
	valid := compile(t, schema)
	good, err := provenance.Parse(example)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := release.ParseApproval(good); err != nil {
		t.Fatal(err)
	}
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	for _, test := range []struct {
		name, old, new string
		schema         bool // the schema refuses it as well
	}{
		{"a new member", `"to":`, `"unless":"friday","to":`, true},
		{"a member in another case", `"to":"prod"`, `"To":"prod"`, true},
		{"a second spelling beside", `"to":`, `"TO":"staging","to":`, true},
		{"no to", `"to":"prod",`, ``, true},
		{"empty to", `"to":"prod"`, `"to":""`, true},
		{"null to", `"to":"prod"`, `"to":null`, true},
		{"no policy", `"policy":"sha256:91be4b5c4a8a5c6c4a3f2f62b1b9a4b6a2e2c8b0a6b0d8f0b6b7b0f6d1d4c3a2",`, ``, true},
		{"empty policy", `"sha256:91be4b5c4a8a5c6c4a3f2f62b1b9a4b6a2e2c8b0a6b0d8f0b6b7b0f6d1d4c3a2"`, `""`, true},
		{"upper-case policy", `sha256:91be`, `sha256:91BE`, true},
		{"policy by another hash", `"policy":"sha256:91be4b5c4a8a5c6c4a3f2f62b1b9a4b6a2e2c8b0a6b0d8f0b6b7b0f6d1d4c3a2"`, `"policy":"sm3:91be4b5c4a8a5c6c4a3f2f62b1b9a4b6a2e2c8b0a6b0d8f0b6b7b0f6d1d4c3a2"`, true},
		{"no expires", `"expires":"2026-11-21T18:00:00Z",`, ``, true},
		{"null expires", `"2026-11-21T18:00:00Z"`, `null`, true},
		{"expires with an offset", `18:00:00Z`, `18:00:00+00:00`, true},
		{"expires with a comma", `18:00:00Z`, `18:00:00,5Z`, true},
		{"expires at a leap second", `18:00:00Z`, `23:59:60Z`, false},
		{"expires as a number", `"2026-11-21T18:00:00Z"`, `1795284000`, true},
		{"no nonce", `"nonce":"5f1e2c9d0b7a48639e0d4c2b1a6f7e88",`, ``, true},
		{"empty nonce", `"5f1e2c9d0b7a48639e0d4c2b1a6f7e88"`, `""`, true},
		{"from is to", `"from":"canary"`, `"from":"prod"`, false},
		{"no predicate", `"predicate":{`, `"other":{`, false},
		{"no subject's digest", `{"sha256":"` + sum + `"}`, `{}`, false},
		{"a weak digest", `"sha256":"` + sum + `"`, `"sha1":"` + sum[:40] + `"`, false},
		{"an unknown digest", `"sha256":"` + sum + `"`, `"arn":"arn:x"`, false},
		{"two digests", `"sha256":"` + sum + `"`, `"sha256":"` + sum + `","sha384":"` + strings.Repeat("1", 96) + `"`, false},
		{"two subjects", `"subject":[`, `"subject":[{"digest":{"sha256":"` + strings.Repeat("1", 64) + `"}},`, false},
		{"the same subject twice", `"subject":[`, `"subject":[{"digest":{"sha256":"` + sum + `"}},`, false},
		{"an older statement", `Statement/v1`, `Statement/v0.1`, false},
		{"another type", `approval/v1`, `approval/v2`, false},
		{"a type by prefix", `approval/v1`, `approval/v1/`, false},
		{"a member twice", `"to":"prod"`, `"to":"staging","to":"prod"`, false},
	} {
		bad := strings.Replace(string(example), test.old, test.new, 1)
		if bad == string(example) {
			t.Fatalf("%s: nothing changed", test.name)
		}
		s, err := provenance.Parse([]byte(bad))
		if err != nil {
			continue // refused before
		}
		if a, err := release.ParseApproval(s); err == nil {
			t.Errorf("%s: reads as %+v", test.name, a)
		}
		if got := valid(s.Predicate) != nil; test.schema && !got {
			t.Errorf("%s: the schema takes %s", test.name, s.Predicate)
		}
	}
	if a, err := release.ParseApproval(nil); err == nil {
		t.Errorf("nil reads as %+v", a)
	}
	if a, err := release.ParseApproval(&provenance.Statement{}); err == nil {
		t.Errorf("the zero Statement reads as %+v", a)
	}
	named := strings.Replace(string(example), `"subject":[{`, `"subject":[{"name":"app",`, 1)
	s, err := provenance.Parse([]byte(named))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := release.ParseApproval(s); err != nil {
		t.Errorf("a subject with a name: %v", err)
	}
}

func FuzzParseApproval(f *testing.F) {
	_, example := document(f)
	s, err := provenance.Parse(example)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(s.Predicate))
	f.Add([]byte(`{"to":"x","policy":"sha256:","expires":"","nonce":"1"}`))
	subject := s.Subject
	f.Fuzz(func(t *testing.T, predicate []byte) {
		a, err := release.ParseApproval(&provenance.Statement{Type: provenance.StatementType, Subject: subject, PredicateType: release.ApprovalType, Predicate: json.RawMessage(predicate)})
		if err != nil {
			return
		}
		if err := a.Validate(); err != nil || a.Nonce == "" {
			t.Errorf("%s reads as %+v, which is not valid: %v", predicate, a, err)
		}
		again, err := release.ParseApproval(a.Statement())
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("%s does not survive a round trip: %+v, %v", predicate, again, err)
		}
	})
}
