package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "examples/pipeline", deptest.Budget{
		Modules:   8, // those of sign/keys, cyclonedx, and x/term for the bar
		Own:       []string{"provenance", "provenance/capture", "provenance/predicate", "sbom", "sign", "sign/keys", "sign/store"},
		Forbidden: []string{"net/http"},
	})
}

// project is a git work tree with a program in it, and the folder for its outputs.
func project(t *testing.T, source string) (dir, out string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	dir = t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/hello\n\ngo 1.26\n", "main.go": source, ".gitignore": "dist/\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOFLAGS", "-buildvcs=true")
	t.Setenv("GOWORK", "off")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://github.com/acme/hello"}, {"add", "."},
		{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "one"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, text)
		}
	}
	return dir, filepath.Join(dir, "dist")
}

const hello = "package main\n\nfunc main() { println(\"hello\") }\n"

// files are the names in a folder, in order.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestPipeline builds for three platforms, and then asks of every file whether it
// may be used, as whoever downloads it would.
func TestPipeline(t *testing.T) {
	dir, out := project(t, hello)
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"-C", dir, "-out", out}, &stdout, &stderr, 0); status != 0 {
		t.Fatalf("status %d\n%s", status, &stderr)
	}
	want := "SHA256SUMS SHA256SUMS.intoto.jsonl app_darwin_arm64 app_darwin_arm64.intoto.jsonl app_linux_amd64 app_linux_amd64.intoto.jsonl app_windows_amd64.exe app_windows_amd64.exe.intoto.jsonl pipeline.pub"
	if got := files(t, out); got != want {
		t.Fatalf("there are %s\nwant      %s", got, want)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	slices.Sort(lines)
	if len(lines) != 13 || lines[0] != "SHA256SUMS: stored" || lines[1] != "darwin/arm64: built" || strings.ContainsAny(stderr.String(), "\r\x1b") {
		t.Errorf("said, where there is no terminal:\n%s", &stderr)
	}
	key, err := os.ReadFile(filepath.Join(out, "pipeline.pub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(stdout.String()) {
		verdict := decide(t, name, string(key), filepath.Base(name) == "SHA256SUMS")
		if verdict.Decision != verify.Allow {
			t.Errorf("%s\n%s", name, verdict)
		}
	}
	// What belongs to one platform says nothing about another.
	mixed := filepath.Join(t.TempDir(), "app_linux_amd64")
	if err := os.Link(filepath.Join(out, "app_linux_amd64"), mixed); err != nil {
		t.Skip(err)
	}
	if err := os.Link(filepath.Join(out, "app_darwin_arm64.intoto.jsonl"), mixed+".intoto.jsonl"); err != nil {
		t.Fatal(err)
	}
	if verdict := decide(t, mixed, string(key), false); verdict.Decision != verify.Deny {
		t.Errorf("with the evidence of another platform:\n%s", verdict)
	}
}

// decide asks whether a file may be used, by the evidence beside it.
func decide(t *testing.T, name, key string, checksums bool) *verify.Verdict {
	t.Helper()
	trust := &verify.Trust{Version: 1, Expires: time.Now().AddDate(1, 0, 0), Root: verify.Quorum{AtLeast: 1, Of: []string{"ci"}},
		Principals: map[string]verify.Principal{"ci": {Kind: verify.Builder, Keys: []verify.Key{{PEM: key}}, Builders: map[string]int{capture.LocalBuilderID: 1}}}}
	ci := verify.Quorum{AtLeast: 1, Of: []string{"ci"}}
	text := `{"schema":"https://github.com/touchmark-go/touchmark/policy/v1","version":1,"name":"hello","examine":"required",
	"provenance":{"signedBy":"ci","level":1,"buildType":"https://github.com/touchmark-go/touchmark/build-types/go-build/v1",
	"source":{"repository":"https://github.com/acme/hello","ref":"refs/heads/main"},"parameters":{"":{"any":true}}},
	"attestations":[{"type":"https://cyclonedx.org/bom","signedBy":"ci"}]}`
	policy, err := verify.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if checksums {
		policy.Examine.Mode, policy.Attestations = verify.ExamineOff, nil
		policy.Provenance = verify.ProvenanceRule{SignedBy: ci, Level: 1, BuildType: checksumsBuildType, Source: verify.SourceRule{Any: true}, Parameters: policy.Provenance.Parameters}
	}
	v, err := verify.New(trust, policy)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name + ".intoto.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	evidence, err := sign.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	verdict, _ := v.Verify(t.Context(), verify.Request{Artifact: verify.File(name), Evidence: evidence})
	return verdict
}

// A build that fails stops nothing but itself, and leaves nothing.
func TestFailure(t *testing.T) {
	dir, out := project(t, "package main\n\nfunc main() { undefined() }\n")
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"-C", dir, "-out", out, "-platform", "linux/amd64"}, &stdout, &stderr, 0); status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	if got := files(t, out); got != "pipeline.pub" {
		t.Errorf("there are %s, want pipeline.pub alone", got)
	}
	if got := stderr.String(); !strings.Contains(got, "linux/amd64: ") || !strings.Contains(got, "undefined: undefined") || !strings.Contains(got, "nothing was stored") {
		t.Errorf("said:\n%s", got)
	}
	for _, args := range [][]string{{"-platform", "linux"}, {"-platform", "../amd64"}, {"-platform", "linux/amd64,linux/amd64"}, {"-jobs", "0"}, {"a", "b"}, {"-none"}} {
		if status := run(t.Context(), args, io.Discard, io.Discard, 0); status != 64 {
			t.Errorf("%q: status %d, want 64", args, status)
		}
	}
	if status := run(t.Context(), []string{"-key", filepath.Join(dir, "none")}, io.Discard, io.Discard, 0); status != 1 {
		t.Errorf("without the key: status %d, want 1", status)
	}
}

// stopper ends the context at the first step that it is told of.
type stopper struct {
	stop func()
	on   string
	bytes.Buffer
}

func (s *stopper) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.on)) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

// An interrupt, at whatever step it comes, leaves each program whole with its
// evidence, or not there at all.
func TestInterrupt(t *testing.T) {
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			dir, out := project(t, hello)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stderr := &stopper{stop: cancel, on: step}
			var stdout bytes.Buffer
			if status := run(ctx, []string{"-C", dir, "-out", out, "-jobs", "1", "-platform", "linux/amd64,darwin/arm64"}, &stdout, stderr, 0); status != 130 {
				t.Errorf("status %d, want 130", status)
			}
			got := files(t, out)
			if want := map[bool]string{true: "app_linux_amd64 app_linux_amd64.intoto.jsonl pipeline.pub", false: "pipeline.pub"}[step == "stored"]; got != want {
				t.Errorf("there are %s, want %s", got, want)
			}
			if !strings.Contains(stderr.String(), "interrupted; ") {
				t.Errorf("said:\n%s", stderr.String())
			}
		})
	}
}

// TestProgress draws the bar on terminals of many widths.
func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, 40, 4)
	p.step("linux/amd64", "built")
	p.step("linux/amd64", "listed")
	p.end()
	const clear = "\r\x1b[K"
	want := clear + "[------------------------] 0/4 " + clear + "[######------------------] 1/4 linux/am" + clear + "[############------------] 2/4 linux/am" + clear
	if got := b.String(); got != want {
		t.Errorf("drawn is %q\nwant     %q", got, want)
	}
	for width := 1; width < 120; width++ {
		b.Reset()
		p := newProgress(&b, width, 13)
		for i := range 13 {
			p.step(fmt.Sprintf("plattform%dä/amd64", i), "built")
		}
		for frame := range strings.SplitSeq(b.String(), clear) {
			if n := len([]rune(frame)); n >= max(width, 7) {
				t.Errorf("a terminal of %d columns has %d in %q", width, n, frame)
			}
		}
	}
}

// A key of one's own signs, and its public half is what the file beside says.
func TestKey(t *testing.T) {
	dir, out := project(t, hello)
	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.MarshalPrivate(nil)
	if err != nil {
		t.Skip(err)
	}
	file := filepath.Join(dir, "own.key")
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	if status := run(t.Context(), []string{"-C", dir, "-out", out, "-key", file, "-platform", "linux/amd64"}, io.Discard, io.Discard, 0); status != 0 {
		t.Fatalf("status %d", status)
	}
	got, err := os.ReadFile(filepath.Join(out, "pipeline.pub"))
	if err != nil || !bytes.Equal(got, key.MarshalPublic()) {
		t.Errorf("the public key is %s, %v, want %s", got, err, key.MarshalPublic())
	}
}
