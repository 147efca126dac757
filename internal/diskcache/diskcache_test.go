package diskcache

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func cache(t testing.TB, dir string, most int) *Cache {
	t.Helper()
	c, err := open(dir, most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	c := cache(t, dir, 10)
	for key, value := range map[string]string{"": "empty key", "k": "", "h1:abc=": "two\nlines", strings.Repeat("k", 1000): strings.Repeat("v", MaxValue)} {
		if _, ok := c.Get(key); ok {
			t.Errorf("%.20q is there before it was put", key)
		}
		if err := c.Put(key, []byte(value)); err != nil {
			t.Fatal(err)
		}
		// Another process reads the same.
		got, ok := cache(t, dir, 10).Get(key)
		if !ok || string(got) != value {
			t.Errorf("%.20q is %.20q, %v, want %.20q", key, got, ok, value)
		}
	}
	if err := c.Put("k", []byte("other")); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get("k"); string(got) != "other" {
		t.Errorf("the value is %q after it was put anew", got)
	}
	if err := c.Put("long", make([]byte, MaxValue+1)); err == nil {
		t.Error("a value over the bound is kept")
	}
	if _, ok := c.Get("long"); ok {
		t.Error("a value over the bound is there")
	}
}

func TestNilHoldsNothing(t *testing.T) {
	c, err := Open("")
	if c != nil || err != nil {
		t.Fatalf("Open of nothing: %v, %v", c, err)
	}
	if err := c.Put("k", []byte("v")); err != nil {
		t.Error(err)
	}
	if _, ok := c.Get("k"); ok {
		t.Error("a nil cache holds something")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// Every changed byte and every cut is a miss, and the damaged file goes.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	c := cache(t, dir, 10)
	put := func() (string, []byte) {
		t.Helper()
		if err := c.Put("key", []byte("value")); err != nil {
			t.Fatal(err)
		}
		path := files(t, dir)[0]
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return path, data
	}
	_, whole := put()
	damage := func(what string, data []byte) {
		path, _ := put()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Get("key"); ok {
			t.Errorf("%s: the value is %q", what, got)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s: the damaged file is still there", what)
		}
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		damage(fmt.Sprintf("byte %d changed", i), changed)
		damage(fmt.Sprintf("cut after %d bytes", i), whole[:i])
	}
	damage("one byte more", append(bytes.Clone(whole), 'x'))
	// Another key's entry under this one's name.
	path, _ := put()
	if err := c.Put("other", []byte("evil")); err != nil {
		t.Fatal(err)
	}
	for _, other := range files(t, dir) {
		if other != path {
			if err := os.Rename(other, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, ok := c.Get("key"); ok {
		t.Errorf("the entry of another key counts: %q", got)
	}
}

// What is no file in an entry's place is left alone and never followed.
func TestInTheWay(t *testing.T) {
	dir := t.TempDir()
	c := cache(t, dir, 10)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(seal("link", []byte("v"))+"v"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, name("link"))); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := os.Mkdir(filepath.Join(dir, name("folder")), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"link", "folder"} {
		if got, ok := c.Get(key); ok {
			t.Errorf("%s: the value is %q", key, got)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("the file behind the link is gone: %v", err)
	}
}

// The folder never holds many more than the bound, and the oldest go first.
func TestBound(t *testing.T) {
	dir := t.TempDir()
	const most = 20
	c := cache(t, dir, most)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 * most {
		key := fmt.Sprint(i)
		if err := c.Put(key, []byte(key)); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Minute)
		if err := os.Chtimes(filepath.Join(dir, name(key)), at, at); err != nil {
			t.Fatal(err)
		}
		if got := len(files(t, dir)); got > most {
			t.Fatalf("after %d entries there are %d files, want at most %d", i+1, got, most)
		}
	}
	if _, ok := c.Get("0"); ok {
		t.Error("the oldest entry is still there")
	}
	if _, ok := c.Get(fmt.Sprint(5*most - 2)); !ok {
		t.Error("a young entry is gone")
	}
	// A process that finds too many clears up too, and leaves foreign files alone.
	if err := os.WriteFile(filepath.Join(dir, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cache(t, dir, 4).Put("new", nil); err != nil {
		t.Fatal(err)
	}
	if got := len(files(t, dir)); got > 4+1 {
		t.Errorf("there are %d files, want at most 4 entries and the README", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "README")); err != nil {
		t.Error(err)
	}
}

func TestTogether(t *testing.T) {
	dir := t.TempDir()
	var wait sync.WaitGroup
	for g := range 4 {
		c := cache(t, dir, 16)
		for range 2 {
			wait.Go(func() {
				for i := range 40 {
					key := fmt.Sprint(i % 8)
					if got, ok := c.Get(key); ok && string(got) != "value of "+key {
						t.Errorf("process %d: %s is %q", g, key, got)
					}
					c.Put(key, []byte("value of "+key))
				}
			})
		}
	}
	wait.Wait()
}
