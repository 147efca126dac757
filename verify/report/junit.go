package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/touchmark-go/touchmark/verify"
)

type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suite    junitSuite
}

type junitSuite struct {
	XMLName    xml.Name        `xml:"testsuite"`
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	SystemOut  *junitText      `xml:"system-out"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	ClassName string        `xml:"classname,attr"`
	Name      string        `xml:"name,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitOutcome `xml:"failure"`
	Error     *junitOutcome `xml:"error"`
	Skipped   *junitOutcome `xml:"skipped"`
}

type junitOutcome struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

// JUnit is the verdict as a JUnit XML report, which build servers show: each check
// is a test case of the policy, "touchmark.POLICY", by its code and rule. One that
// denies is a failure, one that could not be answered an error, and one that
// wants nothing, or that people made an exception for, is skipped. The text of a
// failure says what was wanted, what was found, and what to do.
func JUnit(v *verify.Verdict) ([]byte, error) {
	s := junitSuite{Name: "touchmark verify " + show(v.Artifact), Time: "0", Timestamp: v.At.UTC().Format("2006-01-02T15:04:05")}
	for _, p := range properties(v) {
		s.Properties = append(s.Properties, junitProperty{p.word, p.text})
	}
	seen := map[[2]string]int{}
	var notes strings.Builder
	for _, f := range findings(v) {
		how := outcomeOf(f)
		if how == setAside {
			fmt.Fprintf(&notes, "set aside %s: %s %s\n", show(f.Evidence), show(string(f.Code)), show(f.Message))
			continue
		}
		policy, rule := policyOf(v, f)
		c := junitCase{ClassName: "touchmark", Name: show(strings.TrimRight(string(f.Code)+" "+rule, " ")), Time: "0"}
		if policy != "" {
			c.ClassName += "." + show(policy)
		}
		key := [2]string{c.ClassName, c.Name}
		if seen[key]++; seen[key] > 1 { // servers take two of one name for one that ran twice
			c.Name += fmt.Sprintf(" (%d)", seen[key])
		}
		said := &junitOutcome{Message: show(f.Message), Type: show(string(f.Code)), Text: lines(f)}
		switch how {
		case denied:
			c.Failure = said
			s.Failures++
		case undecided:
			c.Error = said
			s.Errors++
		case excepted:
			said.Message = "exception: " + said.Message
			fallthrough
		case waived:
			said.Type = "" // which skipped has not
			c.Skipped = said
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	s.Tests = len(s.Cases)
	if notes.Len() > 0 {
		s.SystemOut = &junitText{notes.String()}
	}
	data, err := xml.MarshalIndent(junitSuites{Name: "touchmark", Tests: s.Tests, Failures: s.Failures, Errors: s.Errors, Suite: s}, "", "  ")
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{[]byte(xml.Header), data, []byte("\n")}, nil), nil
}

// lines are the details of a finding, one a line.
func lines(f verify.Finding) string {
	var b strings.Builder
	for _, d := range details(f) {
		fmt.Fprintf(&b, "\n%-4s %s", d.word, d.text)
	}
	return b.String() + "\n"
}

// properties are what a verdict says about itself as a whole.
func properties(v *verify.Verdict) []detail {
	out := []detail{{"decision", v.Decision.String()}}
	add := func(word, text string) {
		if text != "" {
			out = append(out, detail{word, show(text)})
		}
	}
	add("name", v.Name)
	add("environment", v.Environment)
	if !v.Digest.IsZero() {
		add("digest", v.Digest.String())
	}
	add("at", date(v.At))
	for _, p := range v.Policies {
		signed := ""
		if p.SignedBy != "" {
			signed = ", signed by " + p.SignedBy
		}
		add("policy", fmt.Sprintf("%s v%d %s%s", p.Name, p.Version, p.Digest, signed))
	}
	if !v.Trust.Digest.IsZero() {
		add("trust", fmt.Sprintf("v%d %s", v.Trust.Version, v.Trust.Digest))
	}
	if v.LastGood != nil {
		add("lastGood", v.LastGood.Name+" "+v.LastGood.Digest.String())
	}
	return out
}
