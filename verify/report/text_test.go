package report_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/report"
)

var lastGood = release.Ref{Name: "app#101", Digest: provenance.SumSHA256([]byte("good"))}

// TestWidth breaks verdicts to many widths: no line is wider, unless it is one
// word, no word is lost, and nothing but the first line of a check begins at the edge.
func TestWidth(t *testing.T) {
	for _, c := range verdictCases {
		v, _ := c.verdict(t)
		v.LastGood = &lastGood
		for width := -1; width <= 200; width++ {
			text := report.Options{Width: width}.Text(v)
			if words(text) != words(v.String()) {
				t.Fatalf("%d: the words changed:\n%s", width, text)
			}
			for _, line := range strings.Split(text, "\n") {
				if n := utf8.RuneCountInString(line); width > 0 && n > max(width, 40) && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%d: a line of %d: %q", width, n, line)
				}
				if strings.HasSuffix(line, " ") {
					t.Errorf("%d: a space at the end of %q", width, line)
				}
			}
			if color := (report.Options{Width: width, Color: true}).Text(v); unpaint(color) != text || color == text {
				t.Errorf("%d: with colours it says\n%s\nwant\n%s", width, color, text)
			}
		}
	}
}
