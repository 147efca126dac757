package predicate_test

import (
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// subject is what was tested, scanned, made; see provenance.Subjects.
func subject() provenance.ResourceDescriptor {
	return provenance.ResourceDescriptor{Name: "dist/app", Digest: provenance.DigestSet{"sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}
}

// Turn the output of go test -json into a statement about what was tested.
func ExampleFromGoTest() {
	report := strings.NewReader(`{"Action":"start","Package":"example.com/app"}
{"Action":"run","Package":"example.com/app","Test":"TestAdd"}
{"Action":"pass","Package":"example.com/app","Test":"TestAdd","Elapsed":0.1}
{"Action":"pass","Package":"example.com/app","Elapsed":0.2}
`)
	result, err := predicate.FromGoTest(report, provenance.ResourceDescriptor{Name: "go test ./..."})
	if err != nil {
		log.Fatal(err) // the run was cut off, or no test ran
	}
	statement, err := result.Statement(subject())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement.PredicateType)
	fmt.Println(result.Result, result.PassedTests)
	// Output:
	// https://in-toto.io/attestation/test-result/v0.1
	// PASSED [example.com/app.TestAdd]
}

// Any other test tool writes JUnit reports.
func ExampleFromJUnit() {
	report := strings.NewReader(`<testsuite name="app" tests="2" failures="1">
  <testcase classname="app.Order" name="adds"/>
  <testcase classname="app.Order" name="removes"><failure message="1 is not 2"/></testcase>
</testsuite>`)
	result, err := predicate.FromJUnit(report, provenance.ResourceDescriptor{Name: "pom.xml"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Result, result.FailedTests)
	// Output: FAILED [app.Order.removes]
}

// Linters and scanners write SARIF.
func ExampleFromSARIF() {
	sarif := strings.NewReader(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "staticcheck"}}, "results": []}]}`)
	result, err := predicate.FromSARIF(sarif, provenance.ResourceDescriptor{Name: "staticcheck.conf"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Result, result.PassedTests)
	// Output: PASSED [staticcheck]
}

// Turn the output of govulncheck -json into what is known to be wrong.
func ExampleFromGovulncheck() {
	report := strings.NewReader(`
{"config": {"protocol_version": "v1.0.0", "scanner_name": "govulncheck", "scanner_version": "v1.1.4", "db": "https://vuln.go.dev", "db_last_modified": "2026-11-20T15:04:05Z"}}
{"progress": {"message": "Checking the code against the vulnerabilities..."}}
{"finding": {"osv": "GO-2021-0113", "fixed_version": "v0.3.7", "trace": [{"module": "golang.org/x/text", "version": "v0.3.0", "package": "golang.org/x/text/language"}]}}
`)
	started := time.Date(2026, 11, 21, 3, 6, 40, 0, time.UTC)
	vulns, err := predicate.FromGovulncheck(report, started, started.Add(10*time.Second))
	if err != nil {
		log.Fatal(err) // the scan was cut off
	}
	for _, v := range vulns.Scanner.Result {
		fmt.Println(v.ID, v.Severity[0].Score, string(v.Annotations[0]))
	}
	// Output: GO-2021-0113 imported {"fixed":"v0.3.7","module":"golang.org/x/text","version":"v0.3.0"}
}

// Read a test result that somebody signed. Check the signature first.
func ExampleParseTestResult() {
	statement, err := provenance.New(predicate.TestResultType, json.RawMessage(`{"result": "FAILED", "configuration": [{"name": "make check"}]}`), subject())
	if err != nil {
		log.Fatal(err)
	}
	result, err := predicate.ParseTestResult(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Result)
	// Output: FAILED
}

// Read what a scanner found.
func ExampleParseVulns() {
	statement, err := provenance.New(predicate.VulnsType, json.RawMessage(`{
		"scanner": {"uri": "pkg:github/anchore/grype@v0.74.0", "db": {"lastUpdate": "2026-11-20T15:04:05Z"}, "result": []},
		"metadata": {"scanStartedOn": "2026-11-21T03:06:40Z", "scanFinishedOn": "2026-11-21T03:06:50Z"}}`), subject())
	if err != nil {
		log.Fatal(err)
	}
	vulns, err := predicate.ParseVulns(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(vulns.Scanner.Result), "found as of", vulns.Scanner.DB.LastUpdate.Format(time.DateOnly))
	// Output: 0 found as of 2026-11-20
}

// Say what a step took and made, for a layout: as a statement of ours, and in
// the form that in-toto's own tools read, signed and stored as build.KEYID.link.
func ExampleLink() {
	link := predicate.Link{
		Name:      "build",
		Command:   []string{"go", "build", "-o", "dist/app"},
		Materials: []provenance.ResourceDescriptor{{Name: "main.go", Digest: provenance.DigestSet{"sha256": "b1b1bdb480c61d075300d9bff7d9cb69cf31695ea048e478facadf426e8d0fb0"}}},
	}
	statement, err := link.Statement(subject())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement.PredicateType)
	metadata, err := link.Metadata(subject())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(metadata[:47]))
	// Output:
	// https://in-toto.io/attestation/link/v0.3
	// {"_type":"link","name":"build","command":["go",
}

// Read a link.
func ExampleParseLink() {
	statement, err := provenance.New(predicate.LinkType, json.RawMessage(`{"name": "build", "command": ["make"]}`), subject())
	if err != nil {
		log.Fatal(err)
	}
	link, err := predicate.ParseLink(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.Name, link.Command)
	// Output: build [make]
}

// Say what a monitor saw.
func ExampleRuntimeTrace() {
	trace := predicate.RuntimeTrace{
		Monitor:          predicate.Monitor{Type: "https://example.com/monitor/v1"},
		MonitoredProcess: predicate.MonitoredProcess{HostID: "https://ci.example.com/runner/7", Type: "https://github.com/touchmark-go/touchmark/build-types/go-build/v1", Event: "run-42"},
		MonitorLog:       predicate.MonitorLog{Network: []json.RawMessage{json.RawMessage(`{"address":"192.0.2.1:443"}`)}},
	}
	statement, err := trace.Statement(subject())
	if err != nil {
		log.Fatal(err)
	}
	read, err := predicate.ParseRuntimeTrace(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(read.MonitorLog.Network[0]))
	// Output: {"address":"192.0.2.1:443"}
}

// A step after the build is a build of its own: what it took are its resolved
// dependencies, by digest, so that a verifier can go back from the package to
// the program, and from there to the source.
func Example_packaging() {
	program := subject()
	packaging := provenance.Build{
		BuildDefinition: provenance.BuildDefinition{
			BuildType:            "https://example.com/build-types/tar/v1",
			ExternalParameters:   map[string]any{"command": []any{"tar", "-cf", "dist/app.tar", "dist/app"}},
			ResolvedDependencies: []provenance.ResourceDescriptor{program},
		},
		RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: "https://github.com/touchmark-go/touchmark/builders/local/v1"}},
	}
	archive := provenance.ResourceDescriptor{Name: "dist/app.tar", Digest: provenance.DigestSet{"sha256": "91be4b5c4a8a5c6c4a3f2f62b1b9a4b6a2e2c8b0a6b0d8f0b6b7b0f6d1d4c3a2"}}
	statement, err := packaging.Statement(archive)
	if err != nil {
		log.Fatal(err)
	}
	build, err := provenance.ParseBuild(statement)
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range build.BuildDefinition.ResolvedDependencies {
		if d.Digest.Match(program.Digest) == provenance.Matched {
			fmt.Println(statement.Subject[0].Name, "was made from", d.Name)
		}
	}
	// Output: dist/app.tar was made from dist/app
}
