package verify_test

import (
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
)

// TestCorpus runs the attacks in testdata, each beside its positive neighbour:
// see package story. With -short it runs every fourth of them, and with -update
// it writes what is wanted anew.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for i, file := range files {
		if testing.Short() && i%4 != 0 {
			continue
		}
		s := story.Load(t, file)
		t.Run(s.Name, s.Run)
	}
}
