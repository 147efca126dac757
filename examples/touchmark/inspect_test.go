package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzInspect gives inspect files of strangers. Whatever they hold, it ends, and
// what it prints is plain text and no larger than the file deserves.
func FuzzInspect(f *testing.F) {
	for _, seed := range []string{
		"", "{", "hello", "\x7fELF\x02\x01\x01", "MZ", "-----BEGIN PUBLIC KEY-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a\u001b[2J","digest":{"sha1":"00"}}],"predicateType":"x\u202e","predicate":{"\u0007":"\u009b"}}`,
		`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"gitCommit":"0000000000000000000000000000000000000000"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"buildType":"a:b","externalParameters":{"x":["\u001b"]}},"runDetails":{"builder":{"id":"c:d"}}}}`,
		`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"\u001b","version":"\u202e"}]}`,
		`{"payload":"e30=","payloadType":"\u001b","signatures":[{"keyid":"\u202e","sig":"AAAA"}]}`,
		`{"schema":"https://github.com/touchmark-go/touchmark/policy/v1","name":"\u001b"}`,
		`{"schema":"https://github.com/touchmark-go/touchmark/trust/v1","version":1,"expires":"2027-01-01T00:00:00Z","principals":{"\u001b":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		status := run([]string{"inspect", path}, strings.NewReader(""), &out, &errs)
		if status != statusDone && status != statusFailed {
			t.Errorf("status %d", status)
		}
		for line := range strings.Lines(out.String() + errs.String()) {
			if line = strings.TrimSuffix(line, "\n"); !plain(line) {
				t.Errorf("printed %q", line)
			}
		}
		if status == statusFailed && (out.Len() > 0 || strings.Count(errs.String(), "\n") != 1) {
			t.Errorf("failed with %q and %q, want one line of error", out.String(), errs.String())
		}
		if out.Len() > 100_000+50*len(data) {
			t.Errorf("%d bytes printed about %d", out.Len(), len(data))
		}
	})
}
