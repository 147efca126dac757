package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// The corpora, and what comes of them: nothing fails, and nothing is skipped but what is named here.
func TestCorpus(t *testing.T) {
	root := testkit.Corpus(t)
	for folder, want := range map[string]struct {
		counts
		skips string
	}{
		"cyclonedx":            {counts{464, 0, 118}, "CycloneDX textproto"},
		"cyclonedx-examples":   {counts{26, 0, 0}, ""},
		"cyclonedx-gomod":      {counts{10, 0, 0}, ""},
		"dsse":                 {counts{3, 0, 1}, "SKIP dsse/gpg-ed25519 OpenPGP key\n"},
		"in-toto-layout":       {counts{4, 0, 0}, ""},
		"wycheproof":           {counts{19, 0, 0}, ""},
		"openvex":              {counts{4, 0, 0}, ""},
		"purl":                 {counts{26, 0, 0}, ""},
		"sigstore-conformance": {counts{42, 0, 0}, ""},
		"sigstore-wild":        {counts{38, 0, 1}, "bundle_wrongversion.json#d74f ambiguous: clients differ\n"},
		"slsa-verifier":        {counts{3278, 0, 0}, ""},
	} {
		var out bytes.Buffer
		got, err := corpus(filepath.Join(root, folder, "expected.csv"), root, &out)
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		if got != want.counts || !strings.Contains(out.String(), want.skips) {
			t.Errorf("%s: %+v, want %+v\n%.2000s", folder, got, want.counts, out.String())
		}
	}
}

// A verdict that is turned round in the list must come out as a mismatch: the
// runner decides from content, not from what it is told to expect.
func TestMismatch(t *testing.T) {
	root := testkit.Corpus(t)
	for _, folder := range []string{"dsse", "in-toto-layout", "wycheproof", "openvex", "purl"} {
		data, err := os.ReadFile(filepath.Join(root, folder, "expected.csv"))
		if err != nil {
			t.Fatal(err)
		}
		turned := strings.NewReplacer(",pass,", ",fail,", ",fail,", ",pass,").Replace(string(data))
		path := filepath.Join(t.TempDir(), "expected.csv")
		if err := os.WriteFile(path, []byte(turned), 0o644); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run([]string{"corpus", "--csv", path, "--root", root}, &out, &errs); code != 1 {
			t.Errorf("%s turned round: exit status %d, want 1\n%s%s", folder, code, out.String(), errs.String())
		}
		if last := out.String()[strings.LastIndex(strings.TrimSpace(out.String()), "\n")+1:]; !strings.HasPrefix(last, "0 passed, ") {
			t.Errorf("%s turned round: %s", folder, last)
		}
		if !strings.Contains(out.String(), "MISMATCH "+strings.TrimSuffix(folder, "-layout")+"/") {
			t.Errorf("%s turned round names no case:\n%s", folder, out.String())
		}
	}
}

func TestWrongUse(t *testing.T) {
	header := strings.Join(columns, ",") + "\n"
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "expected.csv")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"nothing":      {nil, 64},
		"no csv":       {[]string{"corpus", "--root", "."}, 64},
		"another verb": {[]string{"verify-bundle"}, 64},
		"no file":      {[]string{"corpus", "--csv", filepath.Join(t.TempDir(), "none"), "--root", "."}, 2},
		"no cases":     {[]string{"corpus", "--csv", write(header), "--root", "."}, 2},
		"no header":    {[]string{"corpus", "--csv", write("a,b\n1,2\n"), "--root", "."}, 2},
		"no verdict":   {[]string{"corpus", "--csv", write(header + "a,purl-tests,x,,,,,,,,maybe,\n"), "--root", "."}, 2},
		"missing case": {[]string{"corpus", "--csv", write(header + "a,purl-tests,none.json,,,,,,,,fail,\n"), "--root", "."}, 2},
		"outside root": {[]string{"corpus", "--csv", write(header + "a,purl-tests,../../etc/passwd,,,,,,,,fail,\n"), "--root", "."}, 2},
	} {
		var out, errs bytes.Buffer
		if got := run(c.args, &out, &errs); got != c.want || errs.Len() == 0 {
			t.Errorf("%s: exit status %d, want %d\n%s%s", name, got, c.want, out.String(), errs.String())
		}
	}
}
