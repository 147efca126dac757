package report_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// A sarifLog is what is read of SARIF to check its rules.
type sarifLog struct {
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct{ ID string }
			}
		}
		Invocations []struct{ ExecutionSuccessful bool }
		Artifacts   []struct {
			Location struct{ URI string }
			Hashes   map[string]string
		}
		Results *[]struct {
			RuleID    string
			RuleIndex int
			Level     string
			Kind      string
			Message   struct{ Text string }
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct {
						URI   string
						Index int
					}
				}
			}
			PartialFingerprints map[string]string
			Suppressions        []struct{ Kind, Status string }
		}
	}
}

// TestSARIFRules holds the logs to the rules of SARIF 2.1.0 that a schema has no
// words for, each by its section.
func TestSARIFRules(t *testing.T) {
	verdicts := []*verify.Verdict{{}, everything("harmless")}
	for _, c := range verdictCases {
		v, _ := c.verdict(t)
		verdicts = append(verdicts, v)
	}
	for _, s := range hostile {
		verdicts = append(verdicts, everything(s))
	}
	fingerprint, ruleID := regexp.MustCompile(`^[0-9a-f]{64}$`), regexp.MustCompile(`^[ -~]+$`)
	for _, v := range verdicts {
		data := must(t)(report.SARIF(v))
		var l sarifLog
		if err := json.Unmarshal(data, &l); err != nil {
			t.Fatal(err)
		}
		if l.Version != "2.1.0" || len(l.Runs) != 1 || len(l.Runs[0].Invocations) != 1 || len(l.Runs[0].Artifacts) != 1 {
			t.Fatalf("not one run of one invocation about one artifact:\n%s", data)
		}
		run := l.Runs[0]
		if run.Tool.Driver.Name == "" || run.Results == nil { // 3.19.8, 3.14.23: an empty list if nothing was found
			t.Errorf("no tool, or no results:\n%s", data)
		}
		if run.Invocations[0].ExecutionSuccessful != (v.Decision != verify.Undecided) { // 3.20.14
			t.Errorf("%s: executionSuccessful is %v", v.Decision, run.Invocations[0].ExecutionSuccessful)
		}
		seen := map[string]bool{}
		for _, rule := range run.Tool.Driver.Rules {
			if seen[rule.ID] || !ruleID.MatchString(rule.ID) { // 3.19.23, 3.49.3
				t.Errorf("rule %q stands there twice, or is no id", rule.ID)
			}
			seen[rule.ID] = true
		}
		uri := run.Artifacts[0].Location.URI
		if _, err := url.Parse(uri); err != nil { // 3.4.3
			t.Errorf("uri %q: %v", uri, err)
		}
		if !v.Digest.IsZero() && run.Artifacts[0].Hashes["sha-256"] != v.Digest.Hex() { // 3.24.11
			t.Errorf("hashes are %v", run.Artifacts[0].Hashes)
		}
		errors := 0
		for _, r := range *run.Results {
			if r.RuleIndex < 0 || r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID { // 3.27.6
				t.Errorf("result of %s: its rule is not number %d", r.RuleID, r.RuleIndex)
			}
			if r.Kind != "" || r.Level != "error" && r.Level != "note" || r.Message.Text == "" { // 3.27.9, 3.27.10
				t.Errorf("result of %s: kind %q, level %q, message %q", r.RuleID, r.Kind, r.Level, r.Message.Text)
			}
			if len(r.Locations) != 1 || r.Locations[0].PhysicalLocation.ArtifactLocation.URI != uri || r.Locations[0].PhysicalLocation.ArtifactLocation.Index != 0 { // 3.4.5
				t.Errorf("result of %s: it is about %v", r.RuleID, r.Locations)
			}
			if !fingerprint.MatchString(r.PartialFingerprints["check/v1"]) || r.PartialFingerprints["artifactDigest/v1"] == "" != v.Digest.IsZero() { // 3.27.17
				t.Errorf("result of %s: fingerprints %v", r.RuleID, r.PartialFingerprints)
			}
			if r.Level == "error" && len(r.Suppressions) == 0 {
				errors++
			}
		}
		if (errors == 0) != (v.Decision == verify.Allow) {
			t.Errorf("%s has %d errors that are not suppressed", v.Decision, errors)
		}
	}
}

// TestFingerprints shows what keeps an alert the same, and what makes it another.
func TestFingerprints(t *testing.T) {
	of := func(change func(*verify.Verdict)) string {
		v, _ := verdictCases[2].verdict(t)
		change(v)
		var l sarifLog
		if err := json.Unmarshal(must(t)(report.SARIF(v)), &l); err != nil {
			t.Fatal(err)
		}
		return (*l.Runs[0].Results)[0].PartialFingerprints["check/v1"]
	}
	was := of(func(*verify.Verdict) {})
	if of(func(v *verify.Verdict) { v.Artifact = "elsewhere/app"; v.At = v.At.AddDate(0, 0, 1) }) != was {
		t.Error("where the file is, and when it was judged, makes it another alert")
	}
	for name, change := range map[string]func(*verify.Verdict){
		"artifact":    func(v *verify.Verdict) { v.Digest = lastGood.Digest },
		"environment": func(v *verify.Verdict) { v.Environment = "canary" },
		"policy":      func(v *verify.Verdict) { v.Policies[0].Name = "other" },
		"rule": func(v *verify.Verdict) {
			for i := range v.Findings {
				v.Findings[i].Rule += "/x"
			}
		},
	} {
		if of(change) == was {
			t.Errorf("another %s is the same alert", name)
		}
	}
}

// The schema of SARIF 2.1.0 as Microsoft's matchers for tests carry it.
const (
	sarifPackage = "@microsoft/jest-sarif@1.0.0-beta.0"
	sarifSum     = "748e2c3d1a842e7bb258416685c7ea3a0da40005b72267b2052c2856d48ad102"
)

// TestSARIFSchema holds the logs to the schema of SARIF, where packages may be fetched.
func TestSARIFSchema(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("TOUCHMARK_INTEGRATION=1 fetches the schema")
	}
	dir := t.TempDir()
	cmd := exec.Command("npm", "pack", "--silent", sarifPackage)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatal(packed, err)
	}
	data, err := os.ReadFile(packed[0])
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != sarifSum {
		t.Fatalf("%s is %x, want %s", sarifPackage, sum, sarifSum)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(fileIn(t, data, "package/lib/schemas/sarif-2.1.0-rtm.5.json")))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("sarif", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("sarif")
	if err != nil {
		t.Fatal(err)
	}
	verdicts := []*verify.Verdict{{}}
	for _, c := range verdictCases {
		v, _ := c.verdict(t)
		verdicts = append(verdicts, v)
	}
	for _, s := range hostile {
		verdicts = append(verdicts, everything(s))
	}
	for _, v := range verdicts {
		data := must(t)(report.SARIF(v))
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v\n%s", err, data)
		}
	}
}

// fileIn is a file in a packed folder.
func fileIn(t testing.TB, data []byte, name string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if h.Name == name {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
}
