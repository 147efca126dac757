package touchmark_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// Every row of docs/threats.md names codes, stories and tests that exist, and
// every story of a row, T-ROW-what.txtar, is named by it.
func TestThreats(t *testing.T) {
	codes := codesOf(t)
	stories, err := filepath.Glob(filepath.Join("verify", "testdata", "T-*.txtar"))
	if err != nil || len(stories) == 0 {
		t.Fatalf("%d stories, %v", len(stories), err)
	}
	held := map[string]bool{}
	next := 1
	for line := range strings.Lines(document(t, "docs", "threats.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "---") || strings.Contains(line, "the attack |") {
			continue
		}
		row := strings.TrimSpace(cells[0])
		if number, err := strconv.Atoi(row); err == nil {
			if number != next {
				t.Errorf("row %d follows row %d", number, next-1)
			}
			next = number + 1
			row = fmt.Sprintf("T-%02d-", number)
		}
		endsIn, heldBy := cells[len(cells)-2], cells[len(cells)-1]
		wanted, names := "", 0
		for _, name := range quotes(heldBy) {
			names++
			if folder, test, isTest := strings.Cut(name, "."); isTest {
				if !hasTest(t, folder, test) {
					t.Errorf("%s: there is no test %s in %s", row, test, folder)
				}
				continue
			}
			files, _ := filepath.Glob(filepath.Join("verify", "testdata", name+".txtar"))
			if len(files) == 0 {
				t.Errorf("%s: there is no story %s", row, name)
			}
			for _, file := range files {
				held[file] = held[file] || strings.HasPrefix(filepath.Base(file), row)
				wanted += "\n" + document(t, file)
			}
		}
		if names == 0 && !strings.Contains(heldBy, "not met: ") {
			t.Errorf("%s: nothing holds it", row)
		}
		for _, code := range quotes(endsIn) {
			if !slices.Contains(codes, code) {
				t.Errorf("%s: there is no code %s", row, code)
			}
			ends := regexp.MustCompile(`(?m)^(\d+ |set aside \S+: )?` + regexp.QuoteMeta(code) + `(  |: )`)
			if wanted != "" && !ends.MatchString(wanted) {
				t.Errorf("%s: no story of it ends in %s", row, code)
			}
		}
	}
	if next != 71 {
		t.Errorf("the last row is %d, want 70", next-1)
	}
	for _, file := range stories {
		if !held[file] {
			t.Errorf("its row does not name the story %s", file)
		}
	}
}

// Every row of docs/advisories.md names stories and tests that exist.
func TestAdvisories(t *testing.T) {
	next := 1
	for line := range strings.Lines(document(t, "docs", "advisories.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		number, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if !strings.HasPrefix(line, "| ") || err != nil {
			continue
		}
		if number != next || len(cells) != 6 {
			t.Errorf("row %d with %d cells follows row %d", number, len(cells), next-1)
		}
		next = number + 1
		heldBy := cells[len(cells)-1]
		names := quotes(heldBy)
		for _, name := range names {
			if folder, test, isTest := strings.Cut(name, "."); isTest {
				if !hasTest(t, folder, test) {
					t.Errorf("%d: there is no test %s in %s", number, test, folder)
				}
			} else if files, _ := filepath.Glob(filepath.Join("verify", "testdata", name+".txtar")); len(files) == 0 {
				t.Errorf("%d: there is no story %s", number, name)
			}
		}
		if len(names) == 0 {
			t.Errorf("%d: nothing holds it", number)
		}
	}
	if next != 97 {
		t.Errorf("the last row is %d, want 96", next-1)
	}
}

// docs/policy.md explains every member of both files and every code, with the
// decision that it leads to, and its examples are files that can be used.
func TestPolicyDocument(t *testing.T) {
	text := document(t, "docs", "policy.md")
	var trust *verify.Trust
	var policies []*verify.Policy
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```\n")
	_, reference, _ := strings.Cut(text, "\n## trust.json\n") // the five policies before it are held by package verify's own test
	examples := ""
	for _, m := range blocks.FindAllStringSubmatch(reference, -1) {
		examples += m[1]
		if strings.Contains(m[1], verify.TrustSchema) {
			var err error
			if trust, err = verify.ParseTrust(withKeys(t, m[1])); err != nil {
				t.Fatal(err)
			}
			continue
		}
		policy, err := verify.ParsePolicy([]byte(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		policies = append(policies, policy)
	}
	if trust == nil || len(policies) != 2 {
		t.Fatalf("a trust file and %d policies, want 2", len(policies))
	}
	options := verify.Options{Authenticators: []verify.Authenticator{anyone{}}, Conditions: cel.Conditions}
	if _, err := options.New(trust, policies...); err != nil {
		t.Error(err)
	}
	// Approvals name a policy by its digest: if its form changes, all that were given are void.
	if want := "`" + policies[0].Digest().String() + "`"; !strings.Contains(text, want) {
		t.Errorf("the digest of the first policy is %s, and the document says another", want)
	}
	prose := blocks.ReplaceAllString(text, "")
	for _, file := range []string{"trust.go", "policy.go", "config.go", "match.go"} {
		for _, m := range regexp.MustCompile(`json:"(\w+)`).FindAllStringSubmatch(document(t, "verify", file), -1) {
			member := m[1]
			if !strings.Contains(prose, "`"+member+"`") && !strings.Contains(prose, `"`+member+`": `) {
				t.Errorf("%s: %q is not explained", file, member)
			}
			if !strings.Contains(examples, `"`+member+`"`) {
				t.Errorf("%s: %q is in no example", file, member)
			}
		}
	}
	_, table, _ := strings.Cut(prose, "\n## Codes\n")
	for _, code := range codesOf(t) {
		decision := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(code) + "` \\|.*\\| ([A-Za-z ]+) \\|$").FindStringSubmatch(table)
		if decision == nil {
			t.Errorf("code %s is not explained", code)
			continue
		}
		want := verify.Code(code).Decision().String()
		if strings.HasSuffix(code, "-invalid") {
			want = "no verdict"
		}
		if !strings.EqualFold(decision[1], want) {
			t.Errorf("code %s leads to %s, and the document says %s", code, want, decision[1])
		}
	}
}

// What the documents link to is there, headings included.
func TestDocumentLinks(t *testing.T) {
	var files []string
	err := filepath.WalkDir("docs", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 4 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	links := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	headings := regexp.MustCompile(`(?m)^#+ (.*)$`)
	for _, file := range files {
		for _, m := range links.FindAllStringSubmatch(document(t, file), -1) {
			target := file
			if strings.Contains(m[1], "://") {
				continue
			}
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(file), filepath.FromSlash(m[1]))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", file, m[1])
				continue
			}
			if m[2] == "" {
				continue
			}
			if !slices.ContainsFunc(headings.FindAllStringSubmatch(document(t, target), -1), func(h []string) bool { return anchor(h[1]) == m[2] }) {
				t.Errorf("%s: there is no heading #%s in %s", file, m[2], target)
			}
		}
	}
}

// anchor is the name under which a heading can be linked to.
func anchor(heading string) string {
	return strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// anyone is an Authenticator that could check every identity.
type anyone struct{}

func (anyone) Accepts(verify.Identity) bool { return true }

func (anyone) Authenticate(context.Context, *sign.Bundle, time.Time) ([]verify.Identified, error) {
	return nil, nil
}

// withKeys puts a key in the place of each that a trust file leaves out.
func withKeys(t *testing.T, text string) []byte {
	t.Helper()
	return regexp.MustCompile(`"pem": "…"`).ReplaceAllFunc([]byte(text), func([]byte) []byte {
		key, err := keys.Generate(keys.ECDSAP256)
		if err != nil {
			t.Fatal(err)
		}
		pem, err := json.Marshal(string(key.MarshalPublic()))
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte(`"pem": `), pem...)
	})
}

// quotes are the words of a cell that stand in code quotes.
func quotes(cell string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(document(t, file), "\nfunc "+name+"(")
	})
}

// codesOf are the codes that package verify has.
func codesOf(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^\tCode\w+ +Code = "([^"]+)"`).FindAllStringSubmatch(document(t, "verify", "code.go"), -1) {
		out = append(out, m[1])
	}
	if len(out) < 50 {
		t.Fatalf("%d codes found in verify/code.go", len(out))
	}
	return out
}

func document(t *testing.T, name ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(path.Join(name...)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
