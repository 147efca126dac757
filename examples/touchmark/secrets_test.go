package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// A vault makes secrets that look as real ones do, each by its name and always
// the same.
type vault map[string]string

// random are n characters of an alphabet that depend on name.
func random(name, alphabet string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		for _, c := range sha256.Sum256(fmt.Appendf(nil, "%s %d", name, i)) {
			if b.Len() < n {
				b.WriteByte(alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return b.String()
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func (v vault) add(name, secret string) string {
	v[name] = secret
	return secret
}

func (v vault) token(name, prefix string, n int) string {
	return v.add(name, prefix+random(name, alphanumeric, n))
}

// TestSecretsAreNowhere plants secrets of every kind wherever a build, a test or
// a CI job has them, runs every command that writes or prints, and searches every byte
// of it for them, encoded ones too (docs/threats.md, rows 55 and 56).
func TestSecretsAreNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("many processes, one after the other")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the story is told in sh")
	}
	v := vault{}
	dir := t.TempDir()
	src, home, out := filepath.Join(dir, "src"), filepath.Join(dir, "home"), filepath.Join(dir, "out")
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	jwt := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + random("jwt body", alphanumeric, 60) + "." + random("jwt sum", alphanumeric+"-_", 43)
	pem := "-----BEGIN RSA PRIVATE KEY-----\n" + random("pem 1", alphanumeric+"+/", 64) + "\n" + random("pem 2", alphanumeric+"+/", 64) + "\n-----END RSA PRIVATE KEY-----"
	v["PEM key"] = strings.Split(pem, "\n")[1] + "\n" + strings.Split(pem, "\n")[2]
	v["JWT"] = jwt[strings.IndexByte(jwt, '.')+1:]

	env := append(append([]string{}, goEnvironment(t)...), gitEnvironment...)
	env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+home, "TMPDIR="+os.TempDir(),
		"AWS_ACCESS_KEY_ID="+v.token("AWS access key", "AKIA", 16),
		"AWS_SECRET_ACCESS_KEY="+v.add("AWS secret key", random("aws", alphanumeric+"/+", 40)),
		"GITHUB_TOKEN="+v.token("GitHub token", "ghp_", 36),
		"CI_JOB_TOKEN="+v.token("GitLab token", "glcbt-", 20),
		"SSH_PRIVATE_KEY="+pem,
		"ID_TOKEN="+jwt,
		"NPM_TOKEN="+v.token("npm token", "npm_", 36),
		"SLACK_WEBHOOK=https://hooks.slack.com/services/T000/B000/"+v.token("Slack webhook", "", 24),
		"DATABASE_URL=postgres://app:"+v.token("database password", "pw", 18)+"@db.acme.example/app?sslmode=require",
		"GOOGLE_CREDENTIALS="+`{"type":"service_account","private_key_id":"`+v.add("Google key ID", random("gcp", "0123456789abcdef", 40))+`"}`,
		"AZURE_STORAGE_URL=https://acme.blob.core.windows.net/c?sv=2025-01-01&sig="+url.QueryEscape(v.add("Azure signature", random("azure", alphanumeric+"+/", 43)+"=")),
		"DOCKER_AUTH_CONFIG="+`{"auths":{"r.example":{"auth":"`+base64.StdEncoding.EncodeToString([]byte("me:"+v.token("registry password", "", 20)))+`"}}}`,
		"GIT_SSH_COMMAND=sshpass -p "+v.token("SSH password", "", 16)+" ssh",
		"GIT_ASKPASS_SECRET="+v.add("password with marks", `p@ss "w0rd" <&>\'%`),
		"CGO_CFLAGS=-O2 -DKEY=\""+v.token("C define", "", 20)+"\"",
		"GOFLAGS=-buildvcs=true '-ldflags=-X main.b="+v.token("GOFLAGS -X", "", 20)+"'",
		"GOPROXY=https://me:"+v.token("GOPROXY password", "", 20)+"@proxy.acme.example/x?t="+v.token("GOPROXY query", "", 20)+",off",
		"DEPLOY_KEY="+v.token("committed value", "", 40), "PIN="+v.add("committed PIN", "847362"),
		// A CI job whose variables are not what they should be.
		"GITHUB_ACTIONS=true", "GITHUB_SERVER_URL=https://x:"+v.token("CI server URL", "", 20)+"@github.com", "GITHUB_REPOSITORY=acme/app", "GITHUB_RUN_ID=1"+v.token("CI run", "x", 20),
		"GITHUB_ACTOR=https://x:"+v.token("CI actor", "", 20)+"@github.com", "GITHUB_REF=refs/heads/main\n"+v.token("CI ref", "", 20),
		"GITHUB_EVENT_NAME="+strings.Repeat("push", 100)+v.token("CI event", "", 20), "RUNNER_ENVIRONMENT=github-hosted",
	)
	write(filepath.Join(home, ".netrc"), "machine github.com login me password "+v.token(".netrc", "", 24)+"\n")
	write(filepath.Join(home, ".npmrc"), "//registry.acme.example/:_authToken="+v.token(".npmrc", "npm_", 36)+"\n")
	write(filepath.Join(home, ".docker/config.json"), `{"auths":{"r.example":{"auth":"`+v.token(".docker", "", 24)+`"}}}`)
	write(filepath.Join(src, "go.mod"), "module acme.example/app\n\ngo 1.26\n")
	write(filepath.Join(src, ".gitignore"), "/dist/\n")
	write(filepath.Join(src, "main.go"), "package main\n\nvar a, b, version string\n\nfunc main() { println(len(a), len(b), version) }\n")

	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}

	said := map[string][]byte{} // what commands printed, by their arguments
	n := 0
	do := func(status int, name string, args ...string) []byte {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir, c.Env = src, env
		var both bytes.Buffer
		c.Stdout, c.Stderr = &both, &both
		err := c.Run()
		if c.ProcessState == nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := c.ProcessState.ExitCode(); got != status {
			t.Fatalf("%s %q: exit status %d, want %d\n%s", name, args, got, status, both.Bytes())
		}
		if n++; name == "touchmark" {
			said[fmt.Sprintf("what command %d (%s) printed", n, args[0])] = both.Bytes()
		}
		return both.Bytes()
	}
	touchmark := func(status int, args ...string) []byte { t.Helper(); return do(status, "touchmark", args...) }

	do(0, "git", "init", "-q", "-b", "main")
	do(0, "git", "remote", "add", "origin", "https://oauth2:"+v.token("remote password", "", 24)+"@github.com/acme/app.git?private_token="+v.token("remote query", "", 20))
	do(0, "git", "config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic "+v.token("extraheader", "", 30))
	do(0, "git", "config", "credential.helper", "!echo password="+v.token("credential helper", "", 24))
	do(0, "git", "config", "url.https://x:"+v.token("insteadOf", "", 24)+"@github.com/.insteadOf", "https://github.com/")
	do(0, "git", "config", "user.signingkey", v.token("signing key", "", 30))
	do(0, "git", "add", ".")
	do(0, "git", "commit", "-q", "-m", "one", "-m", "Token: "+v.token("commit message", "", 24))
	write(filepath.Join(dir, "passphrase"), v.token("passphrase", "", 20)+"\n")

	touchmark(0, "keys", "generate", "--out", "../out/ci.key", "--passphrase-file", "../passphrase")
	write(filepath.Join(src, "wrapper"), "#!/bin/sh\nshift\nexec \"$@\"\n")
	if err := os.Chmod(filepath.Join(src, "wrapper"), 0o755); err != nil {
		t.Fatal(err)
	}
	ldflags := "-ldflags=-s -X main.a=" + v.token("ldflags -X", "", 24) + " -X main.version=v1"
	build := []string{"go", "build", ldflags, "-toolexec=" + filepath.Join(src, "wrapper") + " " + v.token("toolexec", "", 24), "-o", "dist/app", "."}
	common := []string{"--env", "GOPROXY", "--commit", "DEPLOY_KEY", "--commit", "PIN", "--commit-arguments"}
	touchmark(0, slices.Concat([]string{"build", "--key", "../out/ci.key", "--passphrase-file", "../passphrase", "--salt-out", "../salt", "--out", "../out/signed"}, common, []string{"--"}, build)...)
	touchmark(0, slices.Concat([]string{"build", "--salt", "../salt", "--out", "../out/plain"}, common, []string{"--"}, build)...)
	// A command that nobody here knows, with a secret of its own, that says nothing of it.
	script := []string{"sh", "-c", "go build -o dist/app . # $1", "sh", "--password=" + v.token("argument", "", 24)}
	touchmark(0, slices.Concat([]string{"build", "--out", "../out/script", "--output", "dist/app", "--"}, script)...)
	touchmark(2, slices.Concat([]string{"build", "--failure", "../out/failure.json", "--output", "dist/app", "--"}, []string{"sh", "-c", "exit 3", "sh", v["argument"]})...)
	touchmark(2, slices.Concat([]string{"build", "--output", "dist/none", "--"}, []string{"true", v["argument"]})...)
	touchmark(0, slices.Concat([]string{"build", "--out", "../out/again", "--"}, build)...)
	touchmark(0, "capture", "--out", "../out/after.json", "dist/app")
	touchmark(0, "sbom", "--out", "../out/binary.cdx.json", "dist/app")
	touchmark(0, "sbom", "--out", "../out/source.cdx.json", ".")
	touchmark(0, "diff", "../out/signed/app.intoto.jsonl", "../out/after.json")
	touchmark(0, "inspect", "../out/signed/app.intoto.jsonl")
	touchmark(0, "trust", "init", "--principal", "ci=../out/ci.key.pub", "--builder", "ci=github-actions=1", "--builder", "ci=local=1", "--out", "../out/trust.json")
	if err := os.Rename(filepath.Join(out, "signed/app.intoto.jsonl"), filepath.Join(src, "dist/app.intoto.jsonl")); err != nil {
		t.Fatal(err)
	}
	touchmark(0, "policy", "learn", "--trust", "../out/trust.json", "--out", "../out/policy.json", "dist/app")
	for _, format := range []string{"text", "json", "sarif", "junit", "html"} {
		verdict := exec.Command("touchmark", "verify", "--trust", "../out/trust.json", "--policy", "../out/policy.json", "--format", format, "dist/app")
		verdict.Dir, verdict.Env = src, env
		text, _ := verdict.CombinedOutput() // a format may be still to come
		said["the verdict as "+format] = text
	}
	// Reports of tools quote what the tests printed.
	secret := v.token("test output", "", 24)
	quoted, err := json.Marshal("token is " + secret + "\n")
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "tests.json"), `{"Action":"run","Package":"a","Test":"T"}`+"\n"+`{"Action":"output","Package":"a","Test":"T","Output":`+string(quoted)+"}\n"+
		`{"Action":"fail","Package":"a","Test":"T"}`+"\n"+`{"Action":"fail","Package":"a"}`+"\n")
	write(filepath.Join(dir, "junit.xml"), `<testsuite name="a"><properties><property name="k" value="`+secret+`"/></properties><testcase name="t"><failure message="`+secret+`">`+secret+`</failure></testcase><system-out>`+secret+`</system-out></testsuite>`)
	write(filepath.Join(dir, "lint.sarif"), `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"l"}},"invocations":[{"commandLine":"l `+secret+`","executionSuccessful":true,"environmentVariables":{"A":"`+secret+`"}}],"results":[{"ruleId":"R","message":{"text":"`+secret+`"}}]}]}`)
	write(filepath.Join(dir, "vulns.json"), `{"config":{"protocol_version":"v1.0.0","db":"https://x:`+secret+`@vuln.acme.example?k=`+secret+`","db_last_modified":"2026-11-20T15:04:05Z"}}`+"\n"+
		`{"progress":{"message":"Checking the code against the vulnerabilities... `+secret+`"}}`+"\n")
	for _, report := range []string{"tests.json", "junit.xml", "lint.sarif"} {
		touchmark(0, "attest", "--type", "test-result", "--predicate", "../"+report, "--out", "../out/"+report+".statement", "dist/app")
	}
	touchmark(0, "attest", "--type", "vulns", "--predicate", "../vulns.json", "--out", "../out/vulns.statement", "dist/app")
	touchmark(2, "attest", "--type", "vulns", "--predicate", "../tests.json", "dist/app")
	write(filepath.Join(dir, "broken.json"), `{"Action":"`+secret+`","Action":"`+secret+`"}`+"\n")
	touchmark(2, "attest", "--type", "test-result", "--predicate", "../broken.json", "dist/app")

	salt, err := os.ReadFile(filepath.Join(dir, "salt"))
	if err != nil {
		t.Fatal(err)
	}
	v["salt"] = strings.TrimPrefix(strings.TrimSpace(string(salt)), "touchmark-salt-v1:")
	v["home"], v["work folder"] = home, src
	searchAll(t, v, said, out, filepath.Join(src, "dist/app.intoto.jsonl"))
}

// searchAll searches what was said and every file below the paths, and shows
// first that it would find each secret, however it were written.
func searchAll(t *testing.T, v vault, said map[string][]byte, paths ...string) {
	t.Helper()
	names := slices.Sorted(maps.Keys(v))
	if len(names) < 20 {
		t.Fatalf("%d kinds of secret, want 20 at least", len(names))
	}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			said[path] = data
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, where := range slices.Sorted(maps.Keys(said)) {
		for _, text := range append([][]byte{said[where]}, payloads(said[where])...) {
			for _, name := range names {
				if name == "work folder" && strings.HasPrefix(where, "what command") {
					continue // it is where one stands
				}
				if found := testkit.Leaks(text, v[name]); found != nil {
					t.Errorf("%s: %s: %q", where, name, found)
				}
			}
		}
	}
	control := said[paths[0]+"/plain/app.provenance.json"]
	if len(control) == 0 {
		t.Fatal("there is no provenance to plant a leak into")
	}
	for _, name := range names {
		secret := strings.Split(v[name], "\n")[0]
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{
			"plain": secret, "JSON": string(quoted), "URL": url.QueryEscape(secret), "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"base64": base64.StdEncoding.EncodeToString([]byte("ab" + secret + "c")), "base64 URL": base64.RawURLEncoding.EncodeToString([]byte("a" + secret)),
			"base64 of the whole": base64.StdEncoding.EncodeToString(slices.Concat(control[:len(control)/2], quoted, control[len(control)/2:])),
		} {
			if testkit.Leaks(slices.Concat(control[:101], []byte(text), control[101:]), v[name]) == nil {
				t.Errorf("%s: a leak as %s would not be found", name, form)
			}
		}
	}
}

// payloads are what the envelopes in data hold.
func payloads(data []byte) [][]byte {
	var list [][]byte
	for line := range bytes.Lines(data) {
		var envelope struct {
			Payload []byte `json:"payload"`
		}
		if json.Unmarshal(line, &envelope) == nil && envelope.Payload != nil {
			list = append(list, envelope.Payload)
		}
	}
	return list
}
