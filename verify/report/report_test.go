package report_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// A verdictCase is a real verdict, of what a story's script makes.
type verdictCase struct {
	name     string
	script   string
	decision verify.Decision
}

// exception lets two people waive what the scan of defects found.
const exception = `set policy /exceptions {"approvedBy":{"atLeast":2,"of":["alice","bob","carol"]},"rules":["/attestations/1/predicate/~1scanner~1result"],"for":"14d"}
doc exception {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"<artifact>"}}],"predicateType":"https://github.com/touchmark-go/touchmark/predicates/exception/v1","predicate":{"policy":"<policy>","environment":"prod","checks":[{"rule":"/attestations/1/predicate/~1scanner~1result","code":"condition"}],"reason":"CVE-2026-1 is in code that is not linked; fixed in 1.4.1","expires":"2026-11-28T00:00:00Z","nonce":"e-1"}}
set scan /predicate/scanner/result [{"id":"CVE-2026-1","severity":[{"method":"cvss_score","score":"9.8"}]}]
sign exception alice + bob`

var verdictCases = []verdictCase{
	{"allowed", "set policy /provenance/parameters/~1tags {\"any\":true}", verify.Allow},
	{"excepted", exception, verify.Allow},
	{"denied", `set provenance /predicate/buildDefinition/externalParameters/source/ref "refs/heads/main"
set provenance /predicate/buildDefinition/resolvedDependencies/0/uri "git+https://github.com/acme/app@refs/heads/main"
set provenance /predicate/runDetails/metadata/startedOn "2026-09-20T17:00:00Z"
set provenance /predicate/runDetails/metadata/finishedOn "2026-09-20T17:05:00Z"
drop approval
sign approval alice
line "no evidence"`, verify.Deny},
	{"undecided", "request mode digest", verify.Undecided},
}

// verdict is the case's, of an artifact that always has the same name.
func (c verdictCase) verdict(t testing.TB) (*verify.Verdict, *story.Case) {
	t.Helper()
	made := story.Build(t, c.script)
	if made.Err != nil {
		t.Fatal(made.Err)
	}
	v, _ := made.Verify(t)
	if v.Decision != c.decision {
		t.Fatalf("%s: want %s\n%s", c.name, c.decision, v)
	}
	if c.decision != verify.Undecided {
		v.Artifact = "dist/app"
	}
	return v, made
}

func must(t testing.TB) func(data []byte, err error) []byte {
	return func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// TestGolden holds every form of an allowed, an excepted, a denied and an
// undecided verdict to the files in testdata. With -update it writes them anew:
// read every one of them then.
func TestGolden(t *testing.T) {
	for _, c := range verdictCases {
		v, made := c.verdict(t)
		forms := map[string][]byte{
			"txt":   []byte(report.Options{}.Text(v)),
			"60":    []byte(report.Options{Width: 60}.Text(v)),
			"color": []byte(report.Options{Width: 100, Color: true}.Text(v)),
			"json":  must(t)(report.JSON(v)),
			"sarif": must(t)(report.SARIF(v)),
			"xml":   must(t)(report.JUnit(v)),
			"html":  report.HTML(v),
		}
		if string(forms["txt"]) != v.String() {
			t.Errorf("%s: the zero Options change the text", c.name)
		}
		s, err := report.VSA{Verifier: "https://verifier.acme.example", Resource: "pkg:generic/app@1.4.0", Evidence: made.Request.Evidence}.Statement(v)
		if (err == nil) != (c.decision != verify.Undecided) {
			t.Errorf("%s: a verification summary of it: %v", c.name, err)
		}
		if err == nil {
			forms["vsa.json"] = append(must(t)(s.Marshal()), '\n')
		}
		for form, got := range forms {
			file := filepath.Join("testdata", c.name+"."+form)
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(file, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %v:\n%s\nwant:\n%s", file, err, got, want)
			}
		}
	}
}

// TestOthersRead has what reads the reports of tools read ours: only a yes has passed.
func TestOthersRead(t *testing.T) {
	verdicts := map[string]*verify.Verdict{
		"the zero verdict":        {},
		"a denial without reason": {Decision: verify.Deny, Findings: []verify.Finding{{Code: verify.CodeSubject, Status: verify.Passed}}},
		"no answer, and no check": {Findings: []verify.Finding{{Code: verify.CodeEnvelope, Status: verify.Noted}}},
		"a check that never ran":  {Findings: []verify.Finding{{Code: verify.CodeSubject}}},
	}
	for _, c := range verdictCases {
		verdicts[c.name], _ = c.verdict(t)
	}
	policies := provenance.ResourceDescriptor{Name: "policy"} // what the tests were run with
	for name, v := range verdicts {
		want := predicate.Passed
		if v.Decision != verify.Allow {
			want = predicate.Failed
		}
		if name == "excepted" {
			want = predicate.Warned // which is what a suppressed result is
		}
		sarif, err := predicate.FromSARIF(bytes.NewReader(must(t)(report.SARIF(v))), policies)
		if err != nil || sarif.Result != want {
			t.Errorf("%s in SARIF: %v, %v, want %s", name, sarif, err, want)
		}
		if name == "excepted" {
			want = predicate.Passed
		}
		junit, err := predicate.FromJUnit(bytes.NewReader(must(t)(report.JUnit(v))), policies)
		if err != nil || junit.Result != want {
			t.Errorf("%s in JUnit: %v, %v, want %s", name, junit, err, want)
		}
		if page := report.HTML(v); v.Decision != verify.Allow && bytes.Contains(page, []byte("ALLOW</h1>")) {
			t.Errorf("%s: the page says yes", name)
		}
	}
}

// TestSameBytes makes each form twice.
func TestSameBytes(t *testing.T) {
	v, _ := verdictCases[2].verdict(t)
	for name, form := range forms {
		if a, b := form(t, v), form(t, v); a != b {
			t.Errorf("%s differs from itself", name)
		}
	}
}

// TestXMLLint asks libxml2 whether the JUnit reports are XML, where it is at hand.
func TestXMLLint(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("no xmllint (Debian: libxml2-utils)")
	}
	v, _ := verdictCases[2].verdict(t)
	for _, s := range hostile {
		spoil(v, s)
		cmd := exec.Command(lint, "--noout", "--nonet", "-")
		cmd.Stdin = bytes.NewReader(must(t)(report.JUnit(v)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", s, err, out)
		}
	}
}
