package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Growth is measured against the oldest size of the last month, or else the newest
// there is; what no later call can want is forgotten.
func TestGrowth(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"log/tile/0": "12345", "evidence/a/b": "123", "log.key": "not counted"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 11, 21, 3, 7, 0, 5, time.UTC)
	ago := func(days int, bytes int64) size {
		return size{now.Truncate(time.Second).AddDate(0, 0, -days), bytes}
	}
	var full []size
	for n := range maxSizes {
		full = append(full, size{now.Truncate(time.Second).Add(time.Duration(n-maxSizes) * time.Minute), int64(n)})
	}
	for _, test := range []struct {
		what   string
		before []size
		want   string // before, and how many sizes are kept
	}{
		{"nothing yet", nil, "none 1"},
		{"within a month", []size{ago(30, 1), ago(2, 2)}, "1 of 720h 3"},
		{"one is older", []size{ago(31, 1), ago(20, 2), ago(2, 3)}, "2 of 480h 3"},
		{"all are older", []size{ago(50, 1), ago(40, 2)}, "2 of 960h 2"},
		{"as many as are kept", full, fmt.Sprintf("0 of %dh %d", maxSizes/60, maxSizes)},
		{"one to come", []size{ago(-1, 1)}, "refused"},
		{"out of order", []size{ago(1, 1), ago(2, 1)}, "refused"},
		{"below zero", []size{ago(1, -1)}, "refused"},
	} {
		path := filepath.Join(t.TempDir(), "sizes.json")
		if test.before != nil {
			data, err := json.Marshal(test.before)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := "refused"
		if g, err := growth(dir, path, now); err == nil {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var kept []size
			if err := json.Unmarshal(data, &kept); err != nil {
				t.Fatal(err)
			}
			if last := kept[len(kept)-1]; last != (ago(0, 8)) {
				t.Errorf("%s: the size now is %v, want 8 bytes", test.what, last)
			}
			if got = fmt.Sprint("none ", len(kept)); g != nil {
				got = fmt.Sprintf("%d of %dh %d", g.Before, int(g.Within.Hours()), len(kept))
				if g.Now != 8 || kept[0].Bytes != g.Before {
					t.Errorf("%s: %+v, and %v is kept first", test.what, g, kept[0])
				}
			}
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}
