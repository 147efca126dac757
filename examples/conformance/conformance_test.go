package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
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
		if testing.Short() && want.passed > 1000 {
			continue // minutes, with the race detector
		}
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

// The client protocol of the Sigstore suite gives the verdicts of its own cases,
// by the artifact's path and by its digest.
func TestVerifyBundle(t *testing.T) {
	root := testkit.Corpus(t)
	assets := filepath.Join(root, "sigstore-conformance/test/assets/bundle-verify")
	artifact := filepath.Join(assets, "a.txt")
	data, err := os.ReadFile(artifact)
	if err != nil {
		t.Fatal(err)
	}
	digest := provenance.SumSHA256(data)
	identity := []string{"--certificate-identity", "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
		"--certificate-oidc-issuer", "https://token.actions.githubusercontent.com"}
	for _, c := range []struct {
		name, folder string
		who          []string
		root         string
		want         int
	}{
		{"signed", "rekor2-happy-path", identity, filepath.Join(assets, "rekor2-happy-path/trusted_root.json"), 0},
		{"signed, v0.3", "happy-path-v0.3", identity, filepath.Join(root, "trusted-roots/public-good.json"), 0},
		{"another's root", "rekor2-happy-path", identity, filepath.Join(root, "trusted-roots/github.json"), 1},
		{"another identity", "rekor2-happy-path", []string{"--certificate-identity", "x", "--certificate-oidc-issuer", "y"}, filepath.Join(assets, "rekor2-happy-path/trusted_root.json"), 1},
		{"not logged right", "rekor2-checkpoint-missing-origin_fail", identity, filepath.Join(assets, "rekor2-checkpoint-missing-origin_fail/trusted_root.json"), 1},
		{"key", "managed-key-and-trusted-root", []string{"--key", filepath.Join(assets, "managed-key-and-trusted-root/key.pub")}, filepath.Join(assets, "managed-key-and-trusted-root/trusted_root.json"), 0},
		{"nobody named", "rekor2-happy-path", nil, filepath.Join(assets, "rekor2-happy-path/trusted_root.json"), 1},
	} {
		for _, file := range []string{artifact, digest.String(), digest.Hex()} {
			if c.name == "key" && file != artifact {
				continue // a key's signature is checked over the bytes
			}
			var out, errs bytes.Buffer
			args := append([]string{"verify-bundle", "--bundle", filepath.Join(assets, c.folder, "bundle.sigstore.json"), "--trusted-root", c.root}, c.who...)
			if got := run(append(args, file), &out, &errs); got != c.want {
				t.Errorf("%s, %s: exit status %d, want %d\n%s", c.name, file, got, c.want, errs.String())
			}
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
		"another verb": {[]string{"verify"}, 64},
		"no bundle":    {[]string{"verify-bundle"}, 64},
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
