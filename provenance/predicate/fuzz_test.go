package predicate_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// seed adds the reports of the stories, of any tool: each converter must stand
// the reports of the others.
func seed(f *testing.F) {
	files, err := filepath.Glob("testdata/convert/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
}

// fuzzResult wants of whatever was converted that it is valid, survives a round
// trip, and says PASSED only if something passed and nothing else happened;
// and that no report that was cut short in it says PASSED where the whole one does not.
func fuzzResult(f *testing.F, tool string, lines bool) {
	seed(f)
	f.Fuzz(func(t *testing.T, report []byte) {
		p, err := convert(tool, report)
		if err != nil {
			return
		}
		r := p.(*predicate.TestResult)
		s, err := r.Statement(app)
		if err != nil {
			t.Fatal(err)
		}
		again, err := predicate.ParseTestResult(s)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := marshal(t, r), marshal(t, again); !bytes.Equal(a, b) {
			t.Errorf("%s becomes %s", a, b)
		}
		if r.Result == predicate.Passed && (len(r.PassedTests) == 0 || len(r.FailedTests)+len(r.WarnedTests) > 0) {
			t.Errorf("PASSED with %d passed, %d warned and %d failed", len(r.PassedTests), len(r.WarnedTests), len(r.FailedTests))
		}
		if !lines || len(report) < 2 {
			return
		}
		if cut, err := convert(tool, bytes.TrimRight(report, "\n \t\r")[:len(bytes.TrimRight(report, "\n \t\r"))-1]); err == nil {
			t.Errorf("without its last byte it is %s", cut.(*predicate.TestResult).Result)
		}
	})
}

func FuzzFromGoTest(f *testing.F) { fuzzResult(f, "gotest", true) }
func FuzzFromJUnit(f *testing.F)  { fuzzResult(f, "junit", false) }
func FuzzFromSARIF(f *testing.F)  { fuzzResult(f, "sarif", true) }

func FuzzFromGovulncheck(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, report []byte) {
		v, err := predicate.FromGovulncheck(bytes.NewReader(report), time.Unix(1, 0), time.Unix(2, 0))
		if err != nil {
			return
		}
		s, err := v.Statement(app)
		if err != nil {
			t.Fatal(err)
		}
		again, err := predicate.ParseVulns(s)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := len(v.Scanner.Result), len(again.Scanner.Result); a != b {
			t.Errorf("%d vulnerabilities become %d", a, b)
		}
		if v.Scanner.DB.URI != "" && strings.Contains(v.Scanner.DB.URI, "@") && !strings.Contains(v.Scanner.DB.URI[len("https://"):], "/") {
			t.Errorf("the database is %s", v.Scanner.DB.URI)
		}
	})
}

// FuzzParse wants every predicate that is read to survive a round trip.
func FuzzParse(f *testing.F) {
	for i, k := range kinds() {
		f.Add(i, []byte(k.whole))
		f.Add(i, []byte(k.least))
		for body := range k.wrong {
			f.Add(i, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, i int, body []byte) {
		if i < 0 || i >= len(kinds()) {
			return
		}
		k := kinds()[i]
		s, err := provenance.New(k.uri, json.RawMessage(body), app)
		if err != nil {
			return
		}
		_, write, err := k.parse(s)
		if err != nil {
			return
		}
		first, err := write(app)
		if err != nil {
			t.Fatalf("%s is read and not written: %v", body, err)
		}
		_, write, err = k.parse(first)
		if err != nil {
			t.Fatalf("%s is written and not read: %v", first.Predicate, err)
		}
		second, err := write(app)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Predicate, second.Predicate) {
			t.Errorf("%s becomes %s", first.Predicate, second.Predicate)
		}
	})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
