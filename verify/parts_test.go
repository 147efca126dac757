package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/provenance"
)

// What of an image cannot be read gets its own code, and says what to do.
func TestImageFault(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   Code
		remedy string
	}{
		{errChanged, CodeChanged, ""},
		{ocilayout.ErrLimit, CodeLimit, "do not unpack it anywhere"},
		{ocilayout.ErrUnsupported, CodeUnsupported, "compressed by gzip"},
		{ocilayout.ErrMissing, CodeTransport, "with all its layers"},
		{ocilayout.ErrMismatch, CodeMalformedDigest, "do not run it"},
		{ocilayout.ErrMalformed, CodeMalformedImage, ""},
		{errors.New("input/output error"), CodeTransport, ""},
	} {
		f := imageFault(t.Context(), fmt.Errorf("layer 1: %w", c.err))
		if f.Code != c.code || f.Status != Failed || f.Remedy == "" || !strings.Contains(f.Remedy, c.remedy) || !strings.Contains(f.Got, "layer 1") {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
	if imageFault(t.Context(), nil) != nil {
		t.Error("nothing is wrong")
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if f := imageFault(canceled, ocilayout.ErrMalformed); f.Code != CodeCanceled || f.Got != "" {
		t.Errorf("canceled: %+v", f)
	}
}

// A program of which nobody knows the standard library agrees with every version
// of it; one that says it does not.
func TestStdlibAgrees(t *testing.T) {
	known, unknown := &gofacts.Facts{GoVersion: "go1.26.8"}, &gofacts.Facts{GoVersion: "devel"}
	if known.Stdlib().Version == "" || unknown.Stdlib().Version != "" {
		t.Fatalf("%q, %q", known.Stdlib().Version, unknown.Stdlib().Version)
	}
	for _, c := range []struct {
		listed   string
		programs []*gofacts.Facts
		want     bool
	}{
		{known.Stdlib().Version, []*gofacts.Facts{known}, true}, {"v1.0.0", []*gofacts.Facts{known}, false}, {"v1.0.0", []*gofacts.Facts{unknown}, true},
		{"v1.0.0", []*gofacts.Facts{known, unknown}, true}, {"v1.0.0", nil, false},
	} {
		if said, own, same := bomAgrees(witness{stdlib: []string{c.listed}}, c.programs...); same != c.want {
			t.Errorf("%s: %v, want %v (%s, %s)", c.listed, same, c.want, said, own)
		}
	}
}

// A question about another file, or another size of one reader, is another question.
func TestSameArtifact(t *testing.T) {
	r := strings.NewReader("app")
	all := []Artifact{File("a"), File("b"), Content(r, 2), Content(r, 3), Content(strings.NewReader("app"), 3), {}}
	for i, a := range all {
		for j, b := range all {
			if same := (&Request{Artifact: a}).same(&Request{Artifact: b}); same != (i == j) {
				t.Errorf("%v and %v are the same: %v", a, b, same)
			}
		}
	}
}

// A pattern is of a text, and null and nothing match nothing.
func TestMatchPattern(t *testing.T) {
	for _, c := range []struct {
		m     Matcher
		value any
		want  bool
	}{
		{Matcher{Pattern: ".*"}, "", true}, {Matcher{Pattern: ".*"}, 5.0, false}, {Matcher{Pattern: ".*"}, nil, false}, {Matcher{Pattern: "a"}, "ba", false},
		{Matcher{Pattern: "(?s).*"}, strings.Repeat("a", maxName), true}, {Matcher{Pattern: "(?s).*"}, strings.Repeat("a", maxName+1), false}, {Matcher{Pattern: "("}, "(", false},
		{Matcher{Request: "name"}, "", false}, {Matcher{Request: "version"}, "", false},
	} {
		if got := c.m.match(c.value, name{}); got != c.want {
			t.Errorf("%+v of %.20v: %v, want %v", c.m, c.value, got, c.want)
		}
	}
	if isString(nil) || isString([]byte("1")) || !isString([]byte(`"`)) {
		t.Error("a string begins with a quotation mark")
	}
}

// A summary lacks nothing of what it is of, and by whom.
func TestSummaryWhole(t *testing.T) {
	const whole = `{"verifier":{"id":"https://v.example"},"timeVerified":"2026-11-20T08:00:00Z","resourceUri":"pkg:generic/app","policy":{"uri":"https://p.example","digest":{"sha256":"` +
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" + `"}},"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_2"]}`
	for _, c := range []struct {
		old, new string
		want     string
	}{
		{"x", "x", ""},
		{`"id":"https://v.example"`, `"id":""`, "must all be there"},
		{`"resourceUri":"pkg:generic/app"`, `"resourceUri":""`, "must all be there"},
		{`"PASSED"`, `""`, "must all be there"},
		{`"uri":"https://p.example"`, `"uri":""`, "by uri and digest"},
		{`"sha256":`, `"sha1":`, "by uri and digest"},
		{`"verifiedLevels"`, `"inputAttestations":[{"uri":"x"}],"verifiedLevels"`, "inputAttestations/0 has no digest"},
		{`["SLSA_BUILD_LEVEL_2"]`, `["SLSA_BUILD_LEVEL_2","SLSA_BUILD_LEVEL_3"]`, "SLSA_BUILD_LEVEL"},
	} {
		s, err := provenance.New(SummaryType, json.RawMessage(strings.Replace(whole, c.old, c.new, 1)), provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256(nil))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseSummary(s); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}

// How large a folder is, is known of its files; of none it is nothing.
func TestFolderSize(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "d"), 0o755), os.WriteFile(filepath.Join(dir, "a"), make([]byte, 5), 0o644), os.WriteFile(filepath.Join(dir, "d", "b"), make([]byte, 7), 0o644)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int64{dir: 12, filepath.Join(dir, "d"): 7, filepath.Join(dir, "a"): 0, filepath.Join(dir, "none"): 0} {
		if got := folderSize(path); got != want {
			t.Errorf("%s: %d bytes, want %d", path, got, want)
		}
	}
	budget := NewBudget(Limits{Bytes: 11})
	if f := budget.drawBytes(dir, 0, true); f == nil || f.Code != CodeBudget || !strings.Contains(f.Want, "12 bytes") {
		t.Errorf("%+v", f)
	}
	if f := NewBudget(Limits{Bytes: 12}).drawBytes(dir, 99, true); f != nil {
		t.Errorf("%+v", f)
	}
	if f := NewBudget(Limits{Bytes: 5}).drawBytes("", -1, false); f != nil {
		t.Errorf("a size below nothing: %+v", f)
	}
}

// The deprecated ids name the exceptions of the list with their versions.
func TestExceptionVersions(t *testing.T) {
	for id, want := range map[string]string{"gpl-2.0-with-gcc-exception": "gcc-exception-2.0", "gpl-3.0-with-gcc-exception": "gcc-exception-3.1", "gpl-3.0-with-autoconf-exception": "autoconf-exception-3.0",
		"gpl-2.0-with-bison-exception": "bison-exception-2.2", "gpl-2.0-with-classpath-exception": "classpath-exception-2.0"} {
		if got := exceptionIn(id); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	for id, want := range map[string]string{"gpl-2.0": "2.0 true", "gpl-2.0:x": "2.0 true", "a-9/": "9 true", "lgpl-2.1-only": "2.1 true", "mit": " false", "-1": " false", "ab1": " false"} {
		if _, version, _, ok := splitVersion(id); fmt.Sprint(version, " ", ok) != want {
			t.Errorf("%s: %s %t, want %s", id, version, ok, want)
		}
	}
}

// A name is more exact than any folder, and a longer folder than a shorter one.
func TestPatternRank(t *testing.T) {
	last := -1
	for _, text := range []string{"any", "pkg:generic/a/*", "pkg:generic/acme/*", "pkg:generic/acme/b/*", "pkg:generic/a"} {
		p, err := parsePackage(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.rank() <= last {
			t.Errorf("%s: %d, not above %d", text, p.rank(), last)
		}
		last = p.rank()
	}
}
