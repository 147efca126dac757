package license

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

// goList is a line that the go command says.
func goList(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// What is found with few patterns is what is found with all: in licensecheck's
// own test texts, of each licence it knows, and in what real modules ship: with
// TOUCHMARK_DEEP=1 in all of them, with TOUCHMARK_INTEGRATION=1 in every sixth.
func TestLikeLicensecheck(t *testing.T) {
	every, modules := 25, 0
	switch {
	case os.Getenv("TOUCHMARK_DEEP") != "":
		every, modules = 1, 1
	case os.Getenv("TOUCHMARK_INTEGRATION") == "1":
		every, modules = 1, 6
	}
	var files []string
	add := func(dir string, every int, want func(string) bool) {
		n := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && want(path) {
				if n++; n%every == 0 {
					files = append(files, path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(filepath.Join(goList(t, "list", "-m", "-f", "{{.Dir}}", "github.com/google/licensecheck"), "testdata"), every, func(string) bool { return true })
	if modules > 0 {
		add(goList(t, "env", "GOMODCACHE"), modules, func(path string) bool { return IsText(filepath.Base(path)) && !strings.Contains(path, "licensecheck") })
	}
	if len(files) < 500/every {
		t.Fatalf("there are %d texts, want those of licensecheck", len(files))
	}
	var s scanner
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || len(data) > MaxText {
			continue
		}
		if got, want := fmt.Sprint(s.scan(data)), fmt.Sprint(licensecheck.Scan(data)); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
}

// A text that is made to cost much is read in time that grows with its length.
func TestHostileTexts(t *testing.T) {
	mit, err := os.ReadFile(filepath.Join(goList(t, "env", "GOROOT"), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	fill := func(s string) []byte { return []byte(strings.Repeat(s, MaxText/len(s))) }
	var s scanner
	for name, text := range map[string][]byte{
		"nothing": nil, "zeros": make([]byte, MaxText), "one word": fill("x"), "copyrights": fill("copyright "), "invalid UTF-8": fill("\xff\xfe"),
		"licences without end": fill(string(mit)), "beginnings": fill("Permission is hereby granted, free of charge, to any person "),
		"URLs": fill("http://www.apache.org/licenses/LICENSE-2.0 "), "every word": fill("redistribution and use in source and binary forms with or without modification "),
		"combining marks": fill("e\u0301"),
	} {
		ids, percent := s.identify(text)
		t.Logf("%s: %v %.0f%%", name, ids, percent)
		if len(ids) > 0 && name != "licences without end" {
			t.Errorf("%s is %v", name, ids)
		}
	}
	if ids, _ := s.identify(append(fill("x"), "xx"...)); ids != nil {
		t.Errorf("a text over the bound is %v", ids)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("LICENSE", []byte("// SPDX-License-Identifier: MIT OR Apache-2.0\n"))
	f.Add("COPYING", []byte("Permission is hereby granted"))
	var s scanner
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		got := find(&s, []Text{{Name: name, Content: content}})
		if !got.valid() {
			t.Errorf("%q gives what is no expression: %+v", content, got)
		}
	})
}
