package verify_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// A refuser is an authenticator that refuses everything, with a code.
type refuser verify.Code

func (r refuser) Accepts(verify.Identity) bool { return true }

func (r refuser) Authenticate(context.Context, *sign.Bundle, time.Time) ([]verify.Identified, error) {
	return nil, coded(r)
}

type coded verify.Code

func (c coded) Error() string     { return "what the authenticator found" }
func (c coded) Code() verify.Code { return verify.Code(c) }

// block is one failed check in the text of a verdict, or one line that New says.
var block = regexp.MustCompile(`(?m)^[0-9]+ (\S+)  .*\n(?:    .*\n)*`)

// TestCodes holds each code to what a person reads about it: what was wanted and
// what was found, and what to do. The texts are those of real verdicts: of the
// first story that ends in the code, which TestCorpus holds to the verifier, or,
// for what an authenticator alone finds, of one that says so. With -update it
// writes them anew.
func TestCodes(t *testing.T) {
	source, err := os.ReadFile("code.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, m := range regexp.MustCompile(`(?m)^\tCode\w+\s+Code = "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 50 {
		t.Fatalf("%d codes", len(codes))
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		_, want, isVerdict := strings.Cut(string(data), "\n-- want --\n")
		if isVerdict {
			for _, m := range block.FindAllStringSubmatch(want, -1) {
				if texts[m[1]] == "" {
					texts[m[1]] = name + "\n" + m[0]
				}
			}
		} else if _, want, isError := strings.Cut(string(data), "\n-- want-error --\n"); isError {
			if code, _, _ := strings.Cut(want, ":"); texts[code] == "" {
				texts[code] = name + "\n" + want
			}
		}
	}
	for _, code := range codes {
		if !strings.HasPrefix(code, "sigstore/") {
			continue
		}
		c := story.Build(t, `set trust /authorities {"acme":{"trustedRoot":{},"atLeast":{"log":0,"timestamp":1}}}`,
			`set trust /principals/ci/identities [{"authority":"acme","issuer":"https://idp.example","email":"ci@acme.example"}]`,
			`sign provenance id {"issuer":"https://idp.example","email":"ci@acme.example"}`)
		v, err := verify.Options{Authenticators: []verify.Authenticator{refuser(code)}}.New(c.Trust, c.Policies...)
		if err != nil {
			t.Fatal(err)
		}
		verdict, _ := v.Verify(t.Context(), c.Request)
		for _, m := range block.FindAllStringSubmatch(c.Text(verdict), -1) {
			if m[1] == code {
				texts[code] = "an authenticator\n" + m[0]
			}
		}
	}
	// No check of this package fails with these. The first two are for what keeps
	// state: the ledger's rules, and whoever keeps the newest trust and policy.
	never := []string{"immutable", "rollback", "examine"}
	var golden strings.Builder
	for _, code := range codes {
		text := texts[code]
		if (text == "") != slices.Contains(never, code) {
			t.Errorf("%s: text %q", code, text)
		}
		if text == "" {
			continue
		}
		if !strings.HasSuffix(code, "-invalid") {
			// Where the message says both, there is no line for them.
			said := strings.Contains(text, "    want ") && strings.Contains(text, "   got ") || len(strings.Fields(text)) > 8
			if !said || !strings.Contains(text, "    do   ") {
				t.Errorf("%s does not say what was wanted, found, and what to do:\n%s", code, text)
			}
		}
		fmt.Fprintf(&golden, "## %s, as in %s\n", code, text)
	}
	const file = "testdata/codes.txt"
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, []byte(golden.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if golden.String() != string(want) {
		t.Errorf("the texts are\n%s\nwant\n%s", golden.String(), want)
	}
}
