package report_test

import (
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// refused is what a Verifier answered about a build from a branch.
func refused() *verify.Verdict {
	policy := provenance.SumSHA256([]byte("policy"))
	return &verify.Verdict{
		Decision: verify.Deny, Artifact: "dist/app", Name: "pkg:generic/app@1.4.0", Digest: provenance.SumSHA256([]byte("app")), At: time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC),
		Policies: []verify.PolicyRef{{Name: "app-prod", Version: 7, Digest: policy}},
		Findings: []verify.Finding{
			{Code: verify.CodeSignature, Status: verify.Passed, Rule: "/provenance/signedBy"},
			{Code: verify.CodeRef, Status: verify.Failed, Rule: "/provenance/source/ref", Evidence: "app.intoto.jsonl:1", Message: "built from another ref than the policy allows",
				Want: "refs/tags/v1.*", Got: "refs/heads/main", Remedy: verify.CodeRef.Remedy()},
		},
	}
}

// allowed is what it answered about one from a tag.
func allowed() *verify.Verdict {
	v := refused()
	v.Decision = verify.Allow
	v.Findings = []verify.Finding{{Code: verify.CodeLevel, Status: verify.Passed, Rule: "/provenance/level", Got: "SLSA_BUILD_LEVEL_3"}}
	return v
}

// Text for a terminal of a known width. Only the caller knows whether there is
// one, and whether its user wants colours.
func ExampleOptions_Text() {
	fmt.Print(report.Options{Width: 60}.Text(refused()))
	// Output:
	// DENY  dist/app: 1 of 2 checks failed. Do not run it.
	// sha256:a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333
	// 1 ref  built from another ref than the policy allows
	//     (/provenance/source/ref)
	//     want refs/tags/v1.*
	//     got  refs/heads/main (app.intoto.jsonl:1)
	//     do   tag the commit and build from the tag; do not widen
	//          the policy for one build
	// 1 passed: signature
	// by policy app-prod v7 sha256:823412d1eacb…, at
	//     2026-11-21T03:07:00Z
}

// A log for code scanners.
func ExampleSARIF() {
	data, err := report.SARIF(refused())
	if err != nil {
		log.Fatal(err)
	}
	var sarif struct {
		Runs []struct {
			Results []struct {
				RuleID, Level string
				Message       struct{ Text string }
			}
		}
	}
	if err := json.Unmarshal(data, &sarif); err != nil {
		log.Fatal(err)
	}
	for _, r := range sarif.Runs[0].Results {
		first, _, _ := strings.Cut(r.Message.Text, "\n")
		fmt.Printf("%s %s: %s\n", r.Level, r.RuleID, first)
	}
	// Output: error ref: built from another ref than the policy allows
}

// A report for build servers, in which each check is a test.
func ExampleJUnit() {
	data, err := report.JUnit(refused())
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range strings.Split(string(data), "\n") {
		if strings.Contains(line, "<testcase ") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// <testcase classname="touchmark.app-prod" name="signature /provenance/signedBy" time="0"></testcase>
	// <testcase classname="touchmark.app-prod" name="ref /provenance/source/ref" time="0">
}

// A page for people, which loads and runs nothing.
func ExampleHTML() {
	page := string(report.HTML(refused()))
	fmt.Println(strings.Contains(page, "<h1>DENY</h1>"), strings.Contains(page, "<script"))
	// Output: true false
}

// JSON for programs.
func ExampleJSON() {
	data, err := report.JSON(refused())
	if err != nil {
		log.Fatal(err)
	}
	var v struct{ Schema, Decision string }
	if err := json.Unmarshal(data, &v); err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Schema, v.Decision)
	// Output: https://github.com/touchmark-go/touchmark/verdict/v1 DENY
}

// A verification summary, for others to believe once it is signed (see package
// sign): they need neither the evidence nor the policy.
func ExampleVSA() {
	s, err := report.VSA{Verifier: "https://verifier.acme.example"}.Statement(allowed())
	if err != nil {
		log.Fatal(err)
	}
	var summary struct {
		ResourceURI, VerificationResult string
		VerifiedLevels                  []string
	}
	if err := json.Unmarshal(s.Predicate, &summary); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.PredicateType)
	fmt.Println(summary.ResourceURI, summary.VerificationResult, summary.VerifiedLevels)
	// Output:
	// https://slsa.dev/verification_summary/v1
	// pkg:generic/app@1.4.0 PASSED [SLSA_BUILD_LEVEL_3]
}
