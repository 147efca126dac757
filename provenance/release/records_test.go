package release_test

import (
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

// Each case is one change to the example of a document, refused in words that
// say where. Where the schema can say it too, it does.
func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		kind, old, new, want string
		schema               bool
	}{
		{"release", `"product":"app"`, `"product":"App"`, "/product", true},
		{"release", `"product":"app",`, ``, "/product", true},
		{"release", `"version":"1.4.0"`, `"version":"1.4.1"`, "/purl", false},
		{"release", `"version":"1.4.0"`, `"version":"1.4.О"`, "/version", true}, // Cyrillic
		{"release", `"version":"1.4.0"`, `"version":"-1"`, "/version", true},
		{"release", `pkg:generic/app@1.4.0`, `pkg:generic/app`, "/purl", false},
		{"release", `pkg:generic/app@1.4.0`, `generic/app@1.4.0`, "/purl", true},
		{"release", `"config":"sha256:`, `"config":"sha512:`, "digest", true},
		{"release", `https://git.example`, `http://git.example`, "/repository", true},
		{"release", `https://git.example`, `https://user@git.example`, "/repository", false},
		{"release", `gitCommit:5f1e2c9d0b7a48639e0d4c2b1a6f7e885f1e2c9d`, `sha1:5f1e2c9d0b7a48639e0d4c2b1a6f7e885f1e2c9d`, "/commit", true},
		{"release", `registry.example/app`, `app-linux-amd64`, "twice", false},
		{"release", `"name":"registry.example/app",`, ``, "/subject/1/name", false},
		{"release", `"created":"2026-11-20T08:00:00Z"`, `"created":"yesterday"`, "want a time", true},
		{"release", `"product":"app",`, `"product":"app","draft":true,`, "draft", true},
		{"tag", `"tag":"1.4.0"`, `"tag":".1"`, "/tag", true},
		{"tag", `"tag":"1.4.0"`, `"tag":"a/b"`, "/tag", true},
		{"tag", `"subject":[{"digest":{`, `"subject":[{"digest":{"sha512":"` + strings.Repeat("1", 128) + `",`, "one digest", false},
		{"promotion", `"from":"canary"`, `"from":"prod"`, "/from and /to", false},
		{"promotion", `"to":"prod",`, ``, "/to", true},
		{"promotion", `"tags":["1.4.0-prod"]`, `"tags":["a","a"]`, "/tags", true},
		{"promotion", `"approvals":["sha256:`, `"approvals":["sha256:` + strings.Repeat("1", 64) + `","sha256:` + strings.Repeat("1", 64) + `","sha256:`, "/approvals", true},
		{"promotion", `,"reason":"soaked for a day"`, `,"hotfix":true`, "/reason", true},
		{"rollback", `"reason":"error rate"`, `"reason":""`, "/reason", true},
		{"rollback", `,"performed":"2026-11-21T03:00:00Z"`, ``, "/performed", true},
		{"rollback", `"environment":"prod"`, `"environment":"pr\u202eod"`, "/environment", false},
		{"deployment", `"result":"running"`, `"result":"Running"`, "/result", true},
		{"deployment", `,"at":"2026-11-21T02:00:00Z"`, ``, "/at", true},
		{"genesis", `"origin":"releases.acme.example"`, `"origin":""`, "/origin", true},
		{"genesis", `"version":1`, `"version":3`, "subject is not the trust file", false},
		{"genesis", `"trust":{`, `"trust":[{}],"x":{`, "genesis", true},
		{"trust", `"version":2`, `"version":1`, "/version", true},
	} {
		for _, k := range kinds() {
			if k.name != test.kind {
				continue
			}
			schema, example := documentOf(t, k.name)
			bad := strings.Replace(string(example), test.old, test.new, 1)
			if bad == string(example) {
				t.Fatalf("%s: %s: nothing changed", test.kind, test.old)
			}
			s, err := provenance.Parse([]byte(bad))
			if err != nil {
				t.Errorf("%s: %s: refused as a statement: %v", test.kind, test.new, err)
				continue
			}
			if r, err := k.parse(s); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %s: reads as %+v, %v, want %q", test.kind, test.new, r, err, test.want)
			}
			if test.schema && schemaOf(t, k.name, schema)(s.Predicate) == nil {
				t.Errorf("%s: %s: the schema takes it", test.kind, test.new)
			}
		}
	}
}
