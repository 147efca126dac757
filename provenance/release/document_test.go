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

// A record is what every kind of record is.
type record interface {
	Validate() error
	Statement() *provenance.Statement
}

// A kind is one kind of record, with the example of its document.
type kind struct {
	name    string // of the document, whose URI is the schema's $id
	example record
	parse   func(*provenance.Statement) (record, error)
}

func parsed[T record](parse func(*provenance.Statement) (*T, error)) func(*provenance.Statement) (record, error) {
	return func(s *provenance.Statement) (record, error) {
		r, err := parse(s)
		if err != nil {
			return nil, err
		}
		return *r, nil
	}
}

func sum(text string) provenance.Digest { return provenance.SumSHA256([]byte(text)) }

func date(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// kinds are all kinds but the approval, which has its own story.
func kinds() []kind {
	artifacts := []provenance.ResourceDescriptor{
		{Name: "app-linux-amd64", Digest: provenance.Set(sum("the program"))},
		{Name: "registry.example/app", Digest: provenance.Set(sum("the image's manifest"))},
	}
	rel := release.Release{Product: "app", Version: "1.4.0", PURL: "pkg:generic/app@1.4.0", Subjects: artifacts, Config: sum("the configuration"),
		Provenance: []provenance.Digest{sum("its provenance")}, SBOMs: []provenance.Digest{sum("its SBOM")},
		Built:      []release.Built{{Builder: "https://ci.example/builder/v1", Versions: map[string]string{"runner": "3.2"}, Keys: []string{sum("the builder's key").Hex()}, Finished: date(20, 7)}},
		Repository: "https://git.example/acme/app", Commit: commit(), Run: "https://ci.example/runs/4711",
		Notes: sum("the notes"), Policy: sum("the policy"), VSA: sum("the verdict"), Created: date(20, 8)}
	return []kind{
		{"revocation", release.Revocation{Kind: release.RevokeKey, Digest: sum("a key"), Since: date(20, 8), Reason: "the laptop was lost in Lyon"},
			parsed(release.ParseRevocation)},
		{"release", rel, parsed(release.ParseRelease)},
		{"tag", release.Tag{Product: "app", Tag: "1.4.0", Release: rel.ID(), Digest: sum("the image's manifest")}, parsed(release.ParseTag)},
		{"promotion", release.Promotion{Product: "app", Release: rel.ID(), Subjects: artifacts, From: "canary", To: "prod", Replaces: sum("the release before"), Policy: sum("the policy"), VSA: sum("the verdict"),
			Approvals: []provenance.Digest{sum("an approval")}, Tags: []string{"1.4.0-prod"}, Reason: "soaked for a day"}, parsed(release.ParsePromotion)},
		{"rollback", release.Rollback{Product: "app", Environment: "prod", Release: rel.ID(), Subjects: artifacts, Config: rel.Config, Reason: "error rate",
			KnownGood: sum("a known-good file"), Performed: date(21, 3)}, parsed(release.ParseRollback)},
		{"deployment", release.Deployment{Product: "app", Environment: "prod", Cluster: "fra1", Release: rel.ID(), Subjects: artifacts[1:], Config: rel.Config, Result: release.Running,
			Reference: "registry.example/app@" + sum("the image's manifest").String(), Run: "https://ci.example/runs/4712", At: date(21, 2)}, parsed(release.ParseDeployment)},
		{"exception", release.Exception{Digest: sum("the program"), Policy: sum("the policy"), Environment: "prod",
			Checks: []release.WaivedCheck{{Rule: "/attestations/1/where", Code: "condition"}}, Reason: "GO-2026-1 is in code that is not linked; fixed in 1.4.1", Expires: date(28, 0), Nonce: "5f1e2c9d0b7a48639e0d4c2b1a6f7e88"},
			parsed(release.ParseException)},
		{"genesis", release.Genesis{Origin: "releases.acme.example", Trust: json.RawMessage(`{"schema":"https://github.com/touchmark-go/touchmark/trust/v1","version":1}`)},
			parsed(release.ParseGenesis)},
		{"audit", release.Audit{Product: "app", State: sum("a state"), Size: 4711, Root: sum("a root")}, parsed(release.ParseAudit)},
		{"trust", release.Trust{Version: 2, Digest: sum("a trust file"), Envelope: json.RawMessage(`{"payload":"e30=","payloadType":"application/vnd.touchmark.trust+json","signatures":[{"sig":"c2ln"}]}`)},
			parsed(release.ParseTrust)},
	}
}

func commit() provenance.Digest {
	d, err := provenance.ParseDigest("gitCommit:5f1e2c9d0b7a48639e0d4c2b1a6f7e885f1e2c9d")
	if err != nil {
		panic(err)
	}
	return d
}

// documentOf returns the schema and the example of a kind's document.
func documentOf(t testing.TB, name string) (schema, example []byte) {
	t.Helper()
	data, err := os.ReadFile(testkit.Root(t) + "/docs/predicates/" + name + "/v1.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```")
	if len(blocks) != 5 {
		t.Fatalf("the document of %s has %d parts, want two blocks of JSON", name, len(blocks))
	}
	return []byte(strings.TrimPrefix(blocks[1], "json\n")), []byte(strings.TrimSuffix(strings.TrimPrefix(blocks[3], "json\n"), "\n"))
}

func schemaOf(t testing.TB, name string, schema []byte) func(predicate []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	typ := "https://github.com/touchmark-go/touchmark/predicates/" + name + "/v1"
	if id := doc.(map[string]any)["$id"]; id != typ {
		t.Errorf("the schema is of %v, want %s", id, typ)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(typ, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(typ)
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

// What we emit is the example of the document, byte for byte, valid by its
// schema and to in-toto's validator, and it reads as what it was made from.
func TestDocuments(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			schema, example := documentOf(t, k.name)
			if err := k.example.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := k.example.Statement().Marshal()
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
			statement, err := provenance.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if err := schemaOf(t, k.name, schema)(statement.Predicate); err != nil {
				t.Error(err)
			}
			again, err := k.parse(statement)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again, k.example) {
				t.Errorf("it reads as\n%+v\nwant\n%+v", again, k.example)
			}
		})
	}
}

// What holds for every kind: the zero record is nothing, another type, an older
// statement, a member that nobody knows or that stands twice, and a subject more
// are refused. Rows 3, 9, 10.
func TestRecordsRefuse(t *testing.T) {
	for _, k := range kinds() {
		zero := reflect.Zero(reflect.TypeOf(k.example)).Interface().(record)
		if zero.Validate() == nil {
			t.Errorf("%s: the zero record is valid", k.name)
		}
		if data, err := zero.Statement().Marshal(); err == nil {
			t.Errorf("%s: the zero record can be signed: %s", k.name, data)
		}
		good, err := k.example.Statement().Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct{ name, old, new string }{
			{"another version", `/v1","predicate"`, `/v2","predicate"`},
			{"a longer type", `","predicate":{`, `/","predicate":{`},
			{"an older statement", `Statement/v1`, `Statement/v0.1`},
			{"an unknown member", `"predicate":{`, `"predicate":{"unless":"friday",`},
			{"no predicate", `"predicate":{`, `"other":{`},
			{"a subject that is no digest", `"subject":[`, `"subject":[{"digest":{"arn":"x"}},`},
			{"no subject", `"subject":[`, `"subject":[],"was":[`},
		} {
			bad := strings.Replace(string(good), test.old, test.new, 1)
			if bad == string(good) {
				if test.name == "another version" {
					continue // of a registered predicate, whose version is not v1
				}
				t.Fatalf("%s: %s: nothing changed", k.name, test.name)
			}
			s, err := provenance.Parse([]byte(bad))
			if err != nil {
				continue
			}
			if r, err := k.parse(s); err == nil {
				t.Errorf("%s: %s: reads as %+v", k.name, test.name, r)
			}
		}
		if r, err := k.parse(nil); err == nil {
			t.Errorf("%s: nil reads as %+v", k.name, r)
		}
		if r, err := k.parse(&provenance.Statement{}); err == nil {
			t.Errorf("%s: the zero Statement reads as %+v", k.name, r)
		}
	}
}

// FuzzRecords: what is read is valid, and survives a round trip.
func FuzzRecords(f *testing.F) {
	all := kinds()
	for i, k := range all {
		data, err := k.example.Statement().Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, data)
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		if i < 0 || i >= len(all) {
			return
		}
		s, err := provenance.Parse(data)
		if err != nil {
			return
		}
		r, err := all[i].parse(s)
		if err != nil {
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("%s reads as %+v, which is not valid: %v", data, r, err)
		}
		again, err := all[i].parse(r.Statement())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%s does not survive a round trip:\n%+v\n%+v\n%v", data, r, again, err)
		}
	})
}
