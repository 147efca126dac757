package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// forms are all that a verdict becomes, but the verification summary.
var forms = map[string]func(testing.TB, *verify.Verdict) string{
	"text":   func(_ testing.TB, v *verify.Verdict) string { return report.Options{}.Text(v) },
	"narrow": func(_ testing.TB, v *verify.Verdict) string { return report.Options{Width: 50}.Text(v) },
	"color": func(t testing.TB, v *verify.Verdict) string {
		text := report.Options{Color: true}.Text(v)
		if got := unpaint(text); got != v.String() {
			t.Errorf("without its colours the text is\n%q\nwant\n%q", got, v.String())
		}
		return unpaint(text)
	},
	"json":  func(t testing.TB, v *verify.Verdict) string { return string(must(t)(report.JSON(v))) },
	"sarif": func(t testing.TB, v *verify.Verdict) string { return string(must(t)(report.SARIF(v))) },
	"junit": func(t testing.TB, v *verify.Verdict) string { return string(must(t)(report.JUnit(v))) },
	"html":  func(_ testing.TB, v *verify.Verdict) string { return string(report.HTML(v)) },
}

// unpaint takes the colours away that report writes, and no others.
func unpaint(s string) string {
	return regexp.MustCompile("\x1b\\[(0|1|2|31|32|33|1;31|1;32|1;33)m").ReplaceAllString(s, "")
}

// hostile are names and texts of strangers who want to be read otherwise.
var hostile = []string{
	"\x1b[2J\x1b[1;32mALLOW\x1b[0m  dist/app: 9 checks passed",
	"\x9b31m", "\u009b31m", "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
	"a\r\nALLOW  dist/app: 9 checks passed\nb", "a\u2028b\u2029c\vd\fe\bf\x00g",
	"\u202egnp.ppa\u202c", "\u2066\u2067x\u2069", "\u061cx\u200e\u200f", "zero\u200bwidth\ufeff",
	"]]>", "<![CDATA[", "--><script>alert(1)</script>", "</script><script>", "</style><style>*{display:none}", "<!--", "<?xml version=\"1.0\"?>", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;",
	"\"></testcase></testsuite></testsuites>", "' onload='alert(1)", "\" style=\"x", "&lt;b&gt;&#x1b;&amp;", "javascript:alert(1)", "%0d%0aX: y", "{{.}}${x}#{y}`z`",
	`\u001b[31m`, `"},{"ruleId":"x"`, "\\", "\xff\xfe", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd", "\ufffe\uffff", "\U000e0041\U000e0042",
	"https://example.com/\u0430\u0441me", "../../../etc/passwd", "C:\\Windows\\system32", "sha256:zz", "//evil.example/x", "file:///etc/passwd", "a:b",
	strings.Repeat("木", 20_000), strings.Repeat("<", 10_000), strings.Repeat(" ", 500), strings.Repeat("\x1b", 10_000), "",
}

// spoil writes s wherever a stranger, or somebody with a policy, may write.
func spoil(v *verify.Verdict, s string) {
	v.Artifact, v.Name, v.Environment = s, s, s
	v.Policies[0].Name, v.Policies[0].SignedBy = s, s
	if v.LastGood != nil {
		v.LastGood.Name = s
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Rule, f.Evidence, f.Message, f.Want, f.Got, f.Remedy = s, s, s, s, s, s
		if f.Exception != nil {
			f.Exception = &verify.AppliedException{By: []string{s, s}, Until: f.Exception.Until, Reason: s, Evidence: s}
		}
	}
}

// everything is a verdict with all that there can be in one.
func everything(s string) *verify.Verdict {
	d := provenance.SumSHA256([]byte("app"))
	at := time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)
	v := &verify.Verdict{Decision: verify.Deny, Digest: d, At: at, Policies: []verify.PolicyRef{{Version: 1, Digest: d}}, Trust: verify.TrustRef{Version: 1, Digest: d}, LastGood: &lastGood}
	for _, status := range []verify.Status{verify.Unknown, verify.Failed, verify.Passed, verify.Waived, verify.Noted} {
		v.Findings = append(v.Findings, verify.Finding{Code: verify.CodeCondition, Status: status}, verify.Finding{Code: verify.CodeTransport, Status: status})
	}
	v.Findings = append(v.Findings, verify.Finding{Code: verify.CodeStale, Status: verify.Waived, Exception: &verify.AppliedException{Until: at}})
	last := lastGood
	v.LastGood = &last
	spoil(v, s)
	return v
}

// structure is what a form says that it is made of, whatever the texts are.
func structure(t testing.TB, form, text string) string {
	t.Helper()
	var b strings.Builder
	switch form {
	case "json", "sarif":
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v\n%s", form, err, text)
		}
		var walk func(at string, v any)
		walk = func(at string, v any) {
			switch v := v.(type) {
			case map[string]any:
				for _, name := range slices.Sorted(maps.Keys(v)) {
					walk(at+"/"+name, v[name])
				}
			case []any:
				for _, e := range v {
					walk(at+"/-", e)
				}
			default:
				fmt.Fprintf(&b, "%s %T\n", at, v)
			}
		}
		walk("", v)
	case "junit":
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", form, err, text)
			}
			switch token := token.(type) {
			case xml.StartElement:
				fmt.Fprintf(&b, "<%s", token.Name.Local)
				for _, a := range token.Attr {
					fmt.Fprintf(&b, " %s", a.Name.Local)
				}
				b.WriteString(">\n")
			case xml.EndElement:
				fmt.Fprintf(&b, "</%s>\n", token.Name.Local)
			case xml.Comment, xml.Directive:
				fmt.Fprintf(&b, "%T\n", token)
			}
		}
	case "html":
		for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(text, -1) {
			b.WriteString(tag + "\n")
		}
	default:
		fmt.Fprintf(&b, "%d lines", strings.Count(text, "\n"))
	}
	return b.String()
}

// harmless fails if a text can do something to a terminal or to a reader's eye.
func harmless(t testing.TB, form, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is no UTF-8: %q", form, text)
	}
	for i, r := range text {
		if r != '\n' && !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("%s has %+q: %+q", form, r, text[max(0, i-40):min(len(text), i+40)])
		}
	}
}

// TestHostile writes what is hostile everywhere and expects every form to be built as
// it is with a harmless word in that place, and to do nothing to who reads it.
func TestHostile(t *testing.T) {
	for form, make := range forms {
		t.Run(form, func(t *testing.T) {
			want := structure(t, form, make(t, everything("harmless")))
			for _, s := range hostile {
				text := make(t, everything(s))
				harmless(t, form, text)
				if got := structure(t, form, text); form != "narrow" && s != "" && got != want {
					t.Errorf("%.80q: the form is\n%s\nwant\n%s", s, got, want)
				}
				if len(text) > 200_000 && form != "json" {
					t.Errorf("%.80q: %d bytes", s, len(text))
				}
			}
		})
	}
}

// TestHostileCode is about a code that an authenticator made up.
func TestHostileCode(t *testing.T) {
	for form, make := range forms {
		for _, s := range hostile {
			v := everything("harmless")
			for i := range v.Findings {
				v.Findings[i].Code = verify.Code(s)
			}
			harmless(t, form, make(t, v))
			structure(t, form, make(t, v))
		}
	}
}

// TestPageIsClosed holds the page to what its own policy says: nothing is loaded, nothing runs.
func TestPageIsClosed(t *testing.T) {
	page := report.HTML(everything("https://evil.example/x.js"))
	for _, word := range []string{"<script", "<link", "<img", "<iframe", "<a ", "<form", "<base", "@import", "url(", "src=", "href=", "onload", "style=\""} {
		if bytes.Contains(page, []byte(word)) {
			t.Errorf("the page has %q", word)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindSubmatch(page)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256(style[1])
	policy := `http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `'; base-uri 'none'; form-action 'none'">`
	if head, _, _ := bytes.Cut(page, style[0]); !bytes.Contains(head, []byte(policy)) {
		t.Errorf("before its style the page has no policy that allows this very style, and nothing else:\n%s", head)
	}
}

func FuzzForms(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, 1, 60)
	}
	f.Fuzz(func(t *testing.T, s string, decision, width int) {
		v := everything(s)
		v.Decision = verify.Decision(decision)
		for form, make := range forms {
			text := make(t, v)
			harmless(t, form, text)
			structure(t, form, text)
		}
		wide := report.Options{Width: width % 200}.Text(v)
		if words(wide) != words(v.String()) {
			t.Errorf("broken to %d the text says\n%s\nwant\n%s", width%200, wide, v)
		}
		if painted := unpaint(report.Options{Width: width % 200, Color: true}.Text(v)); painted != wide {
			t.Errorf("without its colours the text is\n%q\nwant\n%q", painted, wide)
		}
	})
}

// words are a text's, whatever is between them.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }
