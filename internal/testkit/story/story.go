// Package story runs attacks as a corpus: one txtar file a story, in which a
// defect is brought into a case that is good without it. Nothing but tests
// imports it.
//
// The comment of a file says what the attack is and why it matters. Its sections:
//
//	setup       what makes the case, if it is not the base case
//	defect      the attack
//	want        the whole verdict, as Verdict.String gives it
//	want-error  or what verify.New, verify.ParseTrust or verify.ParsePolicy says
//
// Each story runs twice: without defect it must be allowed, the positive
// neighbour; with it the answer must be want. What changes from run to run (sums
// of what was built, the go command's version) stands in it as <artifact> and
// the like, see [Case.Text].
package story

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the wanted verdicts of stories anew; then read every one of them")

// A Story is one file.
type Story struct {
	Name          string
	Setup, Defect string
	archive       *txtar.Archive
	file          string
}

// Load reads a story.
func Load(t testing.TB, file string) *Story {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &Story{Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: archive, file: file}
	for _, f := range archive.Files {
		switch f.Name {
		case "setup":
			s.Setup = string(f.Data)
		case "defect":
			s.Defect = string(f.Data)
		case "want", "want-error":
		default:
			t.Fatalf("%s: no such section: %q", file, f.Name)
		}
	}
	if strings.TrimSpace(string(archive.Comment)) == "" {
		t.Fatalf("%s: the comment must say what the attack is", file)
	}
	if strings.TrimSpace(s.Defect) == "" {
		t.Fatalf("%s: without a defect it is no attack", file)
	}
	return s
}

// Run holds the story against the verifier, without and with its defect.
func (s *Story) Run(t *testing.T) {
	t.Helper()
	t.Run("neighbour", func(t *testing.T) {
		c := Build(t, s.Setup)
		if c.Err != nil {
			t.Fatalf("the neighbour cannot be asked: %v", c.Err)
		}
		v, err := c.Verify(t)
		if err != nil {
			t.Errorf("without its defect the case is not allowed, so it shows nothing:\n%s", c.Text(v))
		}
		if missing := c.unanswered(v); err == nil && len(missing) > 0 {
			t.Errorf("allowed, and nothing says that these rules are met: %s\n%s", strings.Join(missing, ", "), c.Text(v))
		}
	})
	t.Run("attack", func(t *testing.T) {
		c := Build(t, s.Setup, s.Defect)
		section, got := "want", ""
		if c.Err != nil {
			section, got = "want-error", c.Err.Error()+"\n"
		} else {
			v, err := c.Verify(t)
			if err == nil {
				t.Fatalf("the attack is allowed:\n%s", c.Text(v))
			}
			got = c.Text(v)
		}
		if *update {
			s.write(t, section, got)
			return
		}
		if want, other := s.section(section), s.section(map[string]string{"want": "want-error", "want-error": "want"}[section]); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s%s", section, got, want, other)
		}
	})
}

func (s *Story) section(name string) string {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func (s *Story) write(t testing.TB, section, text string) {
	t.Helper()
	files := slices.DeleteFunc(s.archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want") })
	s.archive.Files = append(files, txtar.File{Name: section, Data: []byte(text)})
	if err := os.WriteFile(s.file, txtar.Format(s.archive), 0o666); err != nil {
		t.Fatal(err)
	}
}
