package lockfile_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// Every story cut off at every byte and with every byte changed is read as
// something that obeys the rules, or refused with the file's name and a line of it.
func TestBreak(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, story := range stories {
		a, err := txtar.ParseFile(story)
		if err != nil {
			t.Fatal(err)
		}
		name, whole := a.Files[0].Name, string(a.Files[0].Data)
		check := func(content string) {
			lock, err := lockfile.Parse(name, strings.NewReader(content))
			if err != nil {
				if errors.Is(err, lockfile.ErrUnknown) && strings.Contains(err.Error(), name) {
					return // it is none of the kind any more, as a whole
				}
				var at *lockfile.Error
				if !errors.As(err, &at) || at.File != name || at.Line < 1 || at.Line > 1+strings.Count(content, "\n") {
					t.Fatalf("%s: %v\n%s", story, err, content)
				}
				return
			}
			for i := range lock.Packages {
				if p := &lock.Packages[i]; p.Name == "" || p.PURL == "" && !p.Local || p.Line < 1 || i > 0 && p.ID() == lock.Packages[i-1].ID() {
					t.Fatalf("%s: %+v\n%s", story, p, content)
				}
			}
		}
		for i := range whole {
			check(whole[:i])
			check(whole[:i] + string(rune(whole[i]^1)) + whole[i+1:])
			check(whole[:i] + whole[i+1:])
		}
	}
}
