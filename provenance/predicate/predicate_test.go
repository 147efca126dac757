package predicate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	linkv0 "github.com/in-toto/attestation/go/predicates/link/v0"
	testv0 "github.com/in-toto/attestation/go/predicates/test_result/v0"
	vulnsv02 "github.com/in-toto/attestation/go/predicates/vulns/v02"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

var app = provenance.ResourceDescriptor{Name: "dist/app", Digest: provenance.DigestSet{"sha256": sum}}

// A kind is a predicate type with what its specification shows, and what is
// wrong with it after one member has changed.
type kind struct {
	name, uri string
	whole     string // every member that the specification names
	least     string // only those that it requires
	message   proto.Message
	wrong     map[string]string // from a predicate to the beginning of the error
	parse     func(*provenance.Statement) (any, func(...provenance.ResourceDescriptor) (*provenance.Statement, error), error)
}

func kinds() []kind {
	return []kind{
		{
			name: "test-result", uri: predicate.TestResultType, message: &testv0.TestResult{},
			whole: `{"result":"WARNED","configuration":[{"name":".github/workflows/ci.yml","digest":{"gitBlob":"ebe4add40f63c3c98bc9b32ff1e736f04120b023"},"downloadLocation":"https://github.com/acme/app/blob/main/ci.yml"}],` +
				`"url":"https://github.com/acme/app/actions/runs/44","passedTests":["a"],"warnedTests":["b"]}`,
			least: `{"result":"FAILED","configuration":[{"name":"go test"}]}`,
			wrong: map[string]string{
				`{}`:                                     "/result is missing",
				`{"result":"passed"}`:                    `/result is "passed", want PASSED, WARNED or FAILED`,
				`{"result":"PASSED"}`:                    "/configuration is missing",
				`{"result":"PASSED","configuration":[]}`: "/configuration is missing",
				`{"result":"PASSED","configuration":[{}]}`:                                                   "/configuration/0 has no name, uri, digest or content",
				`{"result":"PASSED","configuration":[{"digest":{"sha256":"AB"}}]}`:                           "/configuration/0/digest",
				`{"result":"PASSED","configuration":[{"name":"c"}],"url":"run 1"}`:                           `/url is "run 1", want an absolute URI`,
				`{"result":"PASSED","configuration":[{"name":"c"}],"passedTests":["a",""]}`:                  "/passedTests/1",
				`{"result":"PASSED","configuration":[{"name":"c"}],"failedTests":["a"]}`:                     `/result is PASSED, and /failedTests has "a"`,
				`{"result":"FAILED","configuration":[{"name":"c"}],"passedTests":["a"],"failedTests":["a"]}`: `/failedTests/0 is "a", which is in passedTests already`,
			},
			parse: func(s *provenance.Statement) (any, func(...provenance.ResourceDescriptor) (*provenance.Statement, error), error) {
				p, err := predicate.ParseTestResult(s)
				if err != nil {
					return nil, nil, err
				}
				return p, p.Statement, nil
			},
		},
		{
			name: "vulns", uri: predicate.VulnsType, message: &vulnsv02.Vulns{},
			whole: `{"scanner":{"uri":"pkg:github/aquasecurity/trivy@244fd47","version":"0.19.2","db":{"uri":"pkg:github/aquasecurity/trivy-db","version":"v1-2021080612","lastUpdate":"2021-08-06T17:45:50.52Z"},` +
				`"result":[{"id":"CVE-123","severity":[{"method":"nvd","score":"medium"},{"method":"cvss_score","score":"5.2"}],"annotations":[{"a":1.0}]}]},` +
				`"metadata":{"scanStartedOn":"2021-08-06T17:45:50.52Z","scanFinishedOn":"2021-08-06T17:50:50.52Z"}}`,
			least: `{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"},"result":[]},"metadata":{"scanStartedOn":"2021-08-06T17:45:50Z","scanFinishedOn":"2021-08-06T17:45:50Z"}}`,
			wrong: map[string]string{
				`{}`:                          "/scanner/uri is missing",
				`{"scanner":{"uri":"grype"}}`: `/scanner/uri is "grype", want an absolute URI`,
				`{"scanner":{"uri":"pkg:generic/s","db":{"uri":"db"}}}`:                                                                                                                      "/scanner/db/uri",
				`{"scanner":{"uri":"pkg:generic/s"}}`:                                                                                                                                        "/scanner/db/lastUpdate is missing",
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"},"result":[{}]}}`:                                                                               "/scanner/result/0/id is missing",
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"},"result":[{"id":"a"}]}}`:                                                                       `/scanner/result/0/severity of "a" is missing`,
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"},"result":[{"id":"a","severity":[{"method":"m"}]}]}}`:                                           "/scanner/result/0/severity/0",
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"},"result":[{"id":"a","severity":[{"method":"m","score":"s"}],"annotations":["x"]}]}}`:           "/scanner/result/0/annotations/0 is no JSON object",
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"}}}`:                                                                                             "/metadata/scanStartedOn is missing",
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"}},"metadata":{"scanStartedOn":"2021-08-06T17:45:50Z"}}`:                                         "/metadata/scanFinishedOn is missing",
				`{"scanner":{"uri":"pkg:generic/s","db":{"lastUpdate":"2021-08-06T17:45:50Z"}},"metadata":{"scanStartedOn":"2021-08-06T17:45:50Z","scanFinishedOn":"2021-08-06T17:45:49Z"}}`: "/metadata/scanFinishedOn is 2021-08-06T17:45:49Z, before",
			},
			parse: func(s *provenance.Statement) (any, func(...provenance.ResourceDescriptor) (*provenance.Statement, error), error) {
				p, err := predicate.ParseVulns(s)
				if err != nil {
					return nil, nil, err
				}
				return p, p.Statement, nil
			},
		},
		{
			name: "link", uri: predicate.LinkType, message: &linkv0.Link{},
			whole: `{"name":"build","command":["make","app"],"materials":[{"name":"main.go","digest":{"sha256":"` + sum + `"}}],"byproducts":{"return-value":0,"stdout":""},"environment":{"variables":["A=1"]}}`,
			least: `{"name":"build","command":[]}`,
			wrong: map[string]string{
				`{}`: `/name is "", want the name of a step`,
				`{"name":"b","materials":[{"digest":{"sha256":"` + sum + `"}}]}`:                                                           "/materials/0/name is missing",
				`{"name":"b","materials":[{"name":"a"}]}`:                                                                                  "/materials/0/digest is missing",
				`{"name":"b","materials":[{"name":"a","digest":{"sha256":"` + sum + `"}},{"name":"a","digest":{"sha256":"` + sum + `"}}]}`: `/materials/1/name is "a", which another one has`,
				`{"name":"b","materials":[{"name":"a","digest":{"sha256":"aa"}}]}`:                                                         "/materials/0/digest",
			},
			parse: func(s *provenance.Statement) (any, func(...provenance.ResourceDescriptor) (*provenance.Statement, error), error) {
				p, err := predicate.ParseLink(s)
				if err != nil {
					return nil, nil, err
				}
				return p, p.Statement, nil
			},
		},
		{
			name: "runtime-trace", uri: predicate.RuntimeTraceType,
			whole: `{"monitor":{"type":"https://github.com/cilium/tetragon/v0.8.4","configSource":{"name":"c"},"tracePolicy":{"policies":[{"Name":"connect"}]}},` +
				`"monitoredProcess":{"hostID":"https://tekton.dev/chains/v2","type":"https://tekton.dev/attestations/chains@v2","event":"run-1"},` +
				`"monitorLog":{"process":[{"eventType":"process"}],"network":[{"to":"1.2.3.4"}],"fileAccess":[{"name":"main.go","digest":{"sha256":"` + sum + `"}}]},` +
				`"metadata":{"buildStartedOn":"2022-10-13T22:55:50Z","buildFinishedOn":"2022-10-13T22:56:17Z"}}`,
			least: `{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example","type":"https://t.example","event":"e"},"monitorLog":{"fileAccess":[{"name":"main.go"}]}}`,
			wrong: map[string]string{
				`{}`: "/monitor/type is missing",
				`{"monitor":{"type":"https://m.example","tracePolicy":[]}}`:                                                                                                          "/monitor/tracePolicy is no JSON object",
				`{"monitor":{"type":"https://m.example"}}`:                                                                                                                           "/monitoredProcess/hostID is missing",
				`{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example"}}`:                                                                         "/monitoredProcess/type is missing",
				`{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example","type":"https://t.example"}}`:                                              "/monitoredProcess/event is missing",
				`{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example","type":"https://t.example","event":"e"},"monitorLog":{"process":[]}}`:      "/monitorLog has no process, network or fileAccess",
				`{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example","type":"https://t.example","event":"e"},"monitorLog":{"network":["x"]}}`:   "/monitorLog/network/0 is no JSON object",
				`{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example","type":"https://t.example","event":"e"},"monitorLog":{"fileAccess":[{}]}}`: "/monitorLog/fileAccess/0 has no name",
				`{"monitor":{"type":"https://m.example"},"monitoredProcess":{"hostID":"https://h.example","type":"https://t.example","event":"e"},"monitorLog":{"process":[{}]},"metadata":{"buildStartedOn":"2022-10-13T22:55:50Z","buildFinishedOn":"2022-10-13T22:55:49Z"}}`: "/metadata/buildFinishedOn",
			},
			parse: func(s *provenance.Statement) (any, func(...provenance.ResourceDescriptor) (*provenance.Statement, error), error) {
				p, err := predicate.ParseRuntimeTrace(s)
				if err != nil {
					return nil, nil, err
				}
				return p, p.Statement, nil
			},
		},
	}
}

// TestKinds reads and writes every predicate type, and holds what is written to
// its schema and to in-toto's own definition, which knows no other member.
func TestKinds(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			schema := compile(t, k.name)
			for _, body := range []string{k.whole, k.least} {
				s, err := provenance.New(k.uri, json.RawMessage(body), app)
				if err != nil {
					t.Fatal(err)
				}
				_, write, err := k.parse(s)
				if err != nil {
					t.Errorf("%s: %v", body, err)
					continue
				}
				again, err := write(app)
				if err != nil {
					t.Fatal(err)
				}
				if got := string(again.Predicate); got != body {
					t.Errorf("written is\n%s\nwant\n%s", got, body)
				}
				doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(again.Predicate))
				if err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(doc); err != nil {
					t.Errorf("%s: %v", body, err)
				}
				if k.message != nil {
					if err := protojson.Unmarshal(again.Predicate, k.message); err != nil {
						t.Errorf("in-toto: %s: %v", body, err)
					}
				}
			}
			for body, want := range k.wrong {
				s, err := provenance.New(k.uri, json.RawMessage(body), app)
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := k.parse(s); err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s: error is %v, want %s", body, err, want)
				}
			}
			other, err := provenance.New("https://example.com/other", json.RawMessage(k.whole), app)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := k.parse(other); err == nil {
				t.Error("a statement of another type is read")
			}
			if _, _, err := k.parse(nil); err == nil {
				t.Error("no statement is read")
			}
		})
	}
}

// compile reads testdata/NAME.schema.json, which is the specification's table.
func compile(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemas shows that the schemas refuse what Validate does.
func TestSchemas(t *testing.T) {
	for _, k := range kinds() {
		schema := compile(t, k.name)
		if err := schema.Validate(map[string]any{}); err == nil {
			t.Errorf("the schema of %s accepts an empty predicate", k.name)
		}
	}
}

// TestLinkSubjects wants a name for every product, each of its own.
func TestLinkSubjects(t *testing.T) {
	nameless := provenance.ResourceDescriptor{Digest: app.Digest}
	for _, products := range [][]provenance.ResourceDescriptor{{nameless}, {app, app}, {{Name: "a"}}} {
		l := predicate.Link{Name: "build"}
		if _, err := l.Statement(products...); err == nil {
			t.Errorf("a link about %v is written", products)
		}
		if _, err := l.Metadata(products...); err == nil {
			t.Errorf("link metadata about %v is written", products)
		}
		if s, err := provenance.New(predicate.LinkType, l, products...); err == nil {
			if _, err := predicate.ParseLink(s); err == nil {
				t.Errorf("a link about %v is read", products)
			}
		}
	}
}
