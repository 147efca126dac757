package predicate

import (
	"fmt"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
)

// TestResultType is the predicate type of a [TestResult].
const TestResultType = "https://in-toto.io/attestation/test-result/v0.1"

// A Result is how a run of tests ended.
type Result string

// The results that there are.
const (
	Passed Result = "PASSED" // all that was run passed
	Warned Result = "WARNED" // nothing failed, and something passed with a warning
	Failed Result = "FAILED" // something failed, or the run did not come to its end
)

// A TestResult is the result of one run of a test suite over the subjects
// (predicate type test-result, v0.1). The zero TestResult is invalid.
//
// What was skipped was not run, so it is in no list.
type TestResult struct {
	// Result is [Passed], [Warned] or [Failed]. Required.
	Result Result `json:"result"`
	// Configuration is what the run was set up with: files, commands. Required.
	Configuration []provenance.ResourceDescriptor `json:"configuration"`
	// URL is where more is to be read about the run. Optional.
	URL string `json:"url,omitempty"`
	// PassedTests, WarnedTests and FailedTests are names of single tests, each in
	// one list at most. Optional: what is in none need not have been run.
	PassedTests []string `json:"passedTests,omitempty"`
	WarnedTests []string `json:"warnedTests,omitempty"`
	FailedTests []string `json:"failedTests,omitempty"`
}

// ParseTestResult reads the TestResult in s. What it returns is valid.
func ParseTestResult(s *provenance.Statement) (*TestResult, error) {
	return parse[TestResult](s, TestResultType)
}

// Validate names the field that makes r unusable, by JSON pointer: another
// result than the three, no configuration, a test without a name or in two
// lists, and a result that the lists contradict: PASSED with a test that failed.
func (r *TestResult) Validate() error {
	switch r.Result {
	case Passed, Warned, Failed:
	case "":
		return fmt.Errorf("/result is missing, want PASSED, WARNED or FAILED")
	default:
		return fmt.Errorf("/result is %s, want PASSED, WARNED or FAILED", quote(string(r.Result)))
	}
	if len(r.Configuration) == 0 {
		return fmt.Errorf("/configuration is missing, want what the tests were run with")
	}
	for i, c := range r.Configuration {
		if err := checkDescriptor(fmt.Sprintf("/configuration/%d", i), c); err != nil {
			return err
		}
	}
	if r.URL != "" {
		if err := checkURI("/url", r.URL); err != nil {
			return err
		}
	}
	seen := map[string]string{}
	for _, list := range []struct {
		name  string
		tests []string
	}{{"passedTests", r.PassedTests}, {"warnedTests", r.WarnedTests}, {"failedTests", r.FailedTests}} {
		for i, test := range list.tests {
			at := fmt.Sprintf("/%s/%d", list.name, i)
			if test == "" || !utf8.ValidString(test) {
				return fmt.Errorf("%s is %s, want the name of a test", at, quote(test))
			}
			if other := seen[test]; other != "" {
				return fmt.Errorf("%s is %s, which is in %s already", at, quote(test), other)
			}
			seen[test] = list.name
		}
	}
	if r.Result != Failed && len(r.FailedTests) > 0 {
		return fmt.Errorf("/result is %s, and /failedTests has %s", r.Result, quote(r.FailedTests[0]))
	}
	return nil
}

// Statement makes a statement of r about what was tested.
func (r *TestResult) Statement(subjects ...provenance.ResourceDescriptor) (*provenance.Statement, error) {
	return statement(r, TestResultType, r, subjects)
}

// A validator is a predicate.
type validator interface{ Validate() error }

// parse decodes a predicate of type kind and validates it.
func parse[T any, P interface {
	*T
	validator
}](s *provenance.Statement, kind string) (P, error) {
	if s == nil {
		return nil, fmt.Errorf("statement is missing")
	}
	p := P(new(T))
	if err := s.Decode(kind, p); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// statement makes a statement of what is valid, written as body.
func statement(p validator, kind string, body any, subjects []provenance.ResourceDescriptor) (*provenance.Statement, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return provenance.New(kind, body, subjects...)
}
