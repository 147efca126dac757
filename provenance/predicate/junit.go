package predicate

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// A junitSuite is a testsuite element that is open.
type junitSuite struct {
	name          string
	tests, failed int // what its attributes say, -1 if they do not
	listed        int // test cases in it
	foundFailed   int
}

// FromJUnit reads a JUnit XML report, as most test tools write one: testsuites,
// testsuite and testcase elements. A test is named "CLASSNAME.NAME", or by
// its name alone. A failure or an error in a test case has it FAILED, a flaky
// one (flakyFailure, flakyError) WARNED; one that is skipped was not run.
//
// A suite that counts more tests than it lists is an error: the run was cut off.
// A suite that counts failures and lists none has FAILED as a whole, as one with an
// error of its own has. So are an error: a report of no test that ran, a document type, an
// entity that XML itself does not know, another encoding than UTF-8.
func FromJUnit(r io.Reader, configuration ...provenance.ResourceDescriptor) (*TestResult, error) {
	j := &junit{}
	limited := &io.LimitedReader{R: r, N: maxHeld + 1}
	d := xml.NewDecoder(limited)
	d.Entity = nil
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = j.token(token)
		}
		if err != nil {
			if limited.N <= 0 {
				err = fmt.Errorf("the report has more than %d bytes", maxHeld)
			}
			line, _ := d.InputPos()
			return nil, fmt.Errorf("JUnit report: line %d: %w", line, plainXML(err))
		}
	}
	if !j.root {
		return nil, errors.New("JUnit report: there is no testsuite")
	}
	result, err := j.tally.result(configuration)
	if err != nil {
		return nil, fmt.Errorf("JUnit report: %w", err)
	}
	return result, nil
}

// plainXML is a syntax error without its own line number.
func plainXML(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return errors.New(syntax.Msg)
	}
	return err
}

// A junit is a report while it is read.
type junit struct {
	tally  tally
	path   []string // open elements
	suites []junitSuite
	root   bool // the document element has been there

	test   string // of the open testcase
	result Result
}

func (j *junit) token(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		if len(j.path) == maxDepth {
			return fmt.Errorf("elements are nested more than %d deep", maxDepth)
		}
		if len(j.path) == 0 && j.root {
			return errors.New("there is a second document element")
		}
		if err := j.start(token); err != nil {
			return err
		}
		j.path = append(j.path, token.Name.Local)
	case xml.EndElement:
		j.path = j.path[:len(j.path)-1]
		return j.end(token.Name.Local)
	case xml.Directive:
		return errors.New("a document type is not read")
	case xml.CharData:
		if len(j.path) == 0 && strings.TrimSpace(string(token)) != "" {
			return errors.New("there is text outside the document element")
		}
	}
	return nil
}

func (j *junit) start(e xml.StartElement) error {
	attributes := map[string]string{}
	for _, a := range e.Attr {
		if _, twice := attributes[a.Name.Local]; twice && a.Name.Space == "" {
			return fmt.Errorf("attribute %s is there twice", quote(a.Name.Local))
		}
		attributes[a.Name.Local] = a.Value
	}
	parent := ""
	if len(j.path) > 0 {
		parent = j.path[len(j.path)-1]
	}
	switch name := e.Name.Local; {
	case parent == "" && name != "testsuites" && name != "testsuite":
		return fmt.Errorf("the document is a %s, want testsuites or testsuite", quote(name))
	case name == "testsuites" && parent == "", name == "testsuite" && (parent == "" || parent == "testsuites" || parent == "testsuite"):
		j.root = true
		return j.openSuite(attributes)
	case name == "testcase" && (parent == "testsuite" || parent == "testsuites"):
		j.openTest(attributes)
	case name == "testcase" || name == "testsuite" || name == "testsuites":
		return fmt.Errorf("a %s stands in a %s", name, quote(parent))
	case parent == "testcase":
		j.outcome(name)
	case (parent == "testsuite" || parent == "testsuites") && (name == "failure" || name == "error"):
		s := &j.suites[len(j.suites)-1]
		s.foundFailed++
		return j.tally.end(s.name, Failed)
	}
	return nil
}

func (j *junit) openSuite(attributes map[string]string) error {
	s := junitSuite{name: cmp.Or(attributes["name"], "testsuite"), tests: -1, failed: -1}
	for _, name := range []string{"tests", "failures", "errors"} {
		value, there := attributes[name]
		if !there || value == "" {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 0 {
			return fmt.Errorf("%s is %s, want a number", name, quote(value))
		}
		if name == "tests" {
			s.tests = n
		} else {
			s.failed = max(s.failed, 0) + min(n, 1<<30)
		}
	}
	j.suites = append(j.suites, s)
	return nil
}

func (j *junit) openTest(attributes map[string]string) {
	j.test, j.result = attributes["name"], Passed
	if class := attributes["classname"]; class != "" {
		j.test = class + "." + j.test
	}
	switch strings.ToLower(cmp.Or(attributes["status"], attributes["result"])) {
	case "fail", "failed", "failure", "error":
		j.result = Failed
	case "skip", "skipped", "notrun", "disabled", "suppressed", "ignored", "pending":
		j.result = ""
	}
}

// outcome takes an element in a test case into account.
func (j *junit) outcome(element string) {
	switch element {
	case "failure", "error":
		j.result = Failed
	case "flakyFailure", "flakyError", "rerunFailure", "rerunError":
		if worse(Warned, j.result) {
			j.result = Warned
		}
	case "skipped":
		if j.result != Failed {
			j.result = ""
		}
	}
}

func (j *junit) end(element string) error {
	switch element {
	case "testcase":
		s := &j.suites[len(j.suites)-1]
		s.listed++
		if j.result == Failed {
			s.foundFailed++
		}
		return j.tally.end(j.test, j.result)
	case "testsuite", "testsuites":
		s := j.suites[len(j.suites)-1]
		if j.suites = j.suites[:len(j.suites)-1]; len(j.suites) > 0 {
			outer := &j.suites[len(j.suites)-1]
			outer.listed += s.listed
			outer.foundFailed += s.foundFailed
		}
		if s.tests > s.listed {
			return fmt.Errorf("suite %s counts %d tests and lists %d: the run was cut off", quote(s.name), s.tests, s.listed)
		}
		if s.failed > 0 && s.foundFailed == 0 {
			return j.tally.end(s.name, Failed)
		}
	}
	return nil
}
