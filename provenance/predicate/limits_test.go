package predicate_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// endless is a reader that repeats a text after a beginning, and counts.
type endless struct {
	head, body string
	at         int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		var c int
		if e.at < int64(len(e.head)) {
			c = copy(p[n:], e.head[e.at:])
		} else {
			c = copy(p[n:], e.body[(e.at-int64(len(e.head)))%int64(len(e.body)):])
		}
		n, e.at = n+c, e.at+int64(c)
	}
	return n, nil
}

// TestLimits feeds each converter something that does not end, and wants it to
// give up early.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MiB some ten times")
	}
	const most = 70 << 20 // bytes that may be read
	results := map[string]func(io.Reader) error{
		"gotest": func(r io.Reader) error { _, err := predicate.FromGoTest(r, config); return err },
		"junit":  func(r io.Reader) error { _, err := predicate.FromJUnit(r, config); return err },
		"sarif":  func(r io.Reader) error { _, err := predicate.FromSARIF(r, config); return err },
		"govulncheck": func(r io.Reader) error {
			_, err := predicate.FromGovulncheck(r, time.Unix(1, 0), time.Unix(1, 0))
			return err
		},
	}
	for _, c := range []struct{ tool, what, head, body, want string }{
		{"gotest", "line", `{"Output":"`, strings.Repeat("x", 4096), "line 1 has more than"},
		{"junit", "text", "<testsuite><system-out>", strings.Repeat("x", 4096), "more than 67108864 bytes"},
		{"junit", "depth", "<testsuite>", "<x>", "nested more than 64 deep"},
		{"sarif", "text", `{"version":"`, strings.Repeat("x", 4096), "limit"},
		{"govulncheck", "message", `{"config":{"db":"`, strings.Repeat("x", 4096), "more than 67108864 bytes"},
	} {
		r := &endless{head: c.head, body: c.body}
		if err := results[c.tool](r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: error is %v, want %s", c.tool, c.what, err, c.want)
		}
		if r.at > most {
			t.Errorf("%s, %s: %d bytes were read", c.tool, c.what, r.at)
		}
	}
	// More names than a statement has room for.
	var gotest, tests, junit bytes.Buffer
	junit.WriteString("<testsuite>")
	for i := range 90 {
		name := fmt.Sprintf("%d%s", i, strings.Repeat("n", 100_000))
		fmt.Fprintf(&gotest, "{\"Action\":\"skip\",\"Package\":%q}\n", name)
		fmt.Fprintf(&tests, "{\"Action\":\"run\",\"Package\":\"a\",\"Test\":%q}\n", name)
		fmt.Fprintf(&junit, "<testcase name=%q/>", name)
	}
	junit.WriteString("</testsuite>")
	for _, c := range []struct {
		tool   string
		report io.Reader
	}{{"gotest", &gotest}, {"gotest", &tests}, {"junit", &junit}} {
		if err := results[c.tool](c.report); err == nil || !strings.Contains(err.Error(), "more than 8388608 bytes") {
			t.Errorf("%s: of too many names the error is %.200v", c.tool, err)
		}
	}
}
