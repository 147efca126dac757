package capture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// leaks is testkit.Leaks.
func leaks(data []byte, secrets ...string) []string { return testkit.Leaks(data, secrets...) }

// everything is all that a record can be made to say, errors excepted.
func everything(t testing.TB, r *capture.Record) []byte {
	t.Helper()
	grades, err := json.Marshal(r.Grades())
	if err != nil {
		t.Fatal(err)
	}
	build, err := json.Marshal(r.Build())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Join([][]byte{marshal(t, r), grades, build, fmt.Appendf(nil, "%+v %#v", r, r)}, nil)
}

// TestSecrets plants secrets wherever a build has them, and searches every byte
// of what is written (docs/threats.md, rows 55 and 56).
func TestSecrets(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	n := 0
	var secrets []string
	secret := func() string {
		n++
		s := fmt.Sprintf("s3cr3t/%02d+Value", n)
		secrets = append(secrets, s)
		return s
	}
	w.git("remote", "set-url", "origin", "https://"+url.UserPassword("oauth2", secret()).String()+"@github.com/acme/app.git?private_token="+url.QueryEscape(secret()))
	w.git("config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic "+secret())
	w.git("config", "user.signingkey", secret())
	w.git("config", "url.https://"+url.QueryEscape(secret())+"@github.com/.insteadOf", "https://github.com/")
	w.write("main.go", `package main

var token, key, version string

func main() { println(token, key, version) }
`)
	w.commit()
	tool := filepath.Join(realTemp(t), "wrapper")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\nshift\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	home := ""
	for _, e := range w.env {
		if value, ok := strings.CutPrefix(e, "HOME="); ok {
			home = value
		}
	}
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("machine github.com login me password "+secret()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"AWS_SECRET_ACCESS_KEY=" + secret(), "GITHUB_TOKEN=" + secret(), "CGO_CFLAGS=-O2 -DSECRET=\"" + secret() + "\"",
		"GOPROXY=https://me:" + url.QueryEscape(secret()) + "@proxy.example/x?t=" + url.QueryEscape(secret()) + ",off",
		"NOTE=see ssh://git:" + url.QueryEscape(secret()) + "@host.example/x and nothing else",
		"MESSY=https://me:" + secret() + "@host.example/x", "PATHS=" + home + "/bin:" + w.dir + "/bin",
		"GOFLAGS=-buildvcs=true '-ldflags=-X main.key=" + secret() + " -X main.version=v1' '-toolexec=" + tool + " " + secret() + "' -modcacherw",
		"CGO_ENABLED=0",
	}
	o := capture.Options{Env: []string{"GOPROXY", "CGO_ENABLED", "PATHS", "NOTE", "MESSY"}, LinkVars: []string{"main.version"}}
	args := []string{"go", "build", "-ldflags", "-s -X main.token=" + secret() + " -X 'main.key=" + secret() + "' -X=main.version=v1.2.3 -extldflags '-L" + home + " " + secret() + "'",
		"-gcflags=example.com/app=-N -l -trimpath=" + home, "-o", "dist/app", w.dir}
	cmd := w.command(args, env...)
	r, err := o.Run(t.Context(), cmd, filepath.Join(w.dir, "dist/app"))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	secrets = append(secrets, home, w.dir, tool, "oauth2")
	if hostname, err := os.Hostname(); err == nil && len(hostname) >= 6 {
		secrets = append(secrets, hostname) // a shorter one is found in any digest
	}
	if found := leaks(everything(t, r), secrets...); found != nil {
		t.Errorf("written down: %q\n%s", found, marshal(t, r))
	}
	for at, want := range map[string]string{
		"/command":           `["go","build","-ldflags","-s -X main.token=(withheld) -X main.key=(withheld) -X=main.version=v1.2.3 -extldflags (withheld)","-gcflags=example.com/app=-N -l (withheld)","-o","dist/app","."]`,
		"/goflags":           `["-buildvcs=true","-ldflags=-X main.key=(withheld) -X main.version=v1","-toolexec=wrapper (withheld)","-modcacherw"]`,
		"/env/GOPROXY":       `"https://proxy.example/x,off"`,
		"/env/NOTE":          `"see ssh://host.example/x and nothing else"`,
		"/env/MESSY":         `"(withheld)"`,
		"/env/PATHS":         `"(withheld):bin"`,
		"/env/CGO_ENABLED":   `"0"`,
		"/env/GITHUB_TOKEN":  "",
		"/source/repository": `"https://github.com/acme/app"`,
	} {
		if got := external(t, r, at); got != want {
			t.Errorf("externalParameters%s is %s, want %s", at, got, want)
		}
	}
}

// TestSecretsOfOtherCommands wants a command that nobody here knows reduced to
// its name and what the caller allowed, also after the fact.
func TestSecretsOfOtherCommands(t *testing.T) {
	w := newWorld(t)
	args := []string{"sh", "-c", "go build -ldflags '-X main.version=s3cr3t' -o dist/app .", "--token=hunter2", "hunter3", "release", "release=hunter4"}
	o := capture.Options{Arguments: []string{"-c", "release", "--token"}}
	r := w.capture(o, args)
	validate(t, r)
	if got, want := external(t, r, "/command"), `["sh","-c","(withheld)","(withheld)","(withheld)","release","(withheld)"]`; got != want {
		t.Errorf("command is %s, want %s", got, want)
	}
	if found := leaks(everything(t, r), "s3cr3t", "hunter2", "hunter3", "hunter4"); found != nil {
		t.Errorf("written down: %q", found)
	}
	after, err := capture.Options{Root: w.dir}.After(t.Context(), filepath.Join(w.dir, "dist/app"))
	if err != nil {
		t.Fatal(err)
	}
	if found := leaks(everything(t, after), "s3cr3t", w.dir); found != nil {
		t.Errorf("written down: %q", found)
	}
}

// TestSecretsInErrors wants errors without values and without what was run.
func TestSecretsInErrors(t *testing.T) {
	w := newWorld(t)
	w.git("remote", "set-url", "origin", "https://me:hunter2@github.com/acme/app.git")
	for name, args := range map[string][]string{
		"failed":  {"sh", "-c", "exit 3", "hunter3"},
		"missing": {"true", "hunter3"},
		"go":      {"go", "build", "-o", "dist/app", "-hunter3"},
	} {
		cmd := w.command(args, "TOKEN=hunter4")
		_, err := capture.Options{Env: []string{"TOKEN"}}.Run(t.Context(), cmd, "dist/app")
		if err == nil {
			t.Errorf("%s is no error", name)
			continue
		}
		if found := leaks([]byte(err.Error()), "hunter2", "hunter3", "hunter4", w.dir); found != nil {
			t.Errorf("%s: the error gives away %q", name, found)
		}
	}
}
