package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh/agent"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// A key that an SSH agent holds is listed, and signs by what the agent calls it or by its ID.
func TestAgent(t *testing.T) {
	ring := agent.NewKeyring()
	var id string
	for _, comment := range []string{"alice@laptop", "twice", "twice"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := ring.Add(agent.AddedKey{PrivateKey: &private, Comment: comment}); err != nil {
			t.Fatal(err)
		}
		if id == "" {
			if id, err = keys.ID(public); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir, err := os.MkdirTemp("", "agent") // a socket's path may have about a hundred characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Skip(err) // a system without
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn)
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", l.Addr().String())
	statement := filepath.Join(t.TempDir(), "statement.json")
	text := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}}],"predicateType":"https://example.com/note/v1","predicate":{}}`
	if err := os.WriteFile(statement, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	touchmark := func(args ...string) (status int, stdout, stderr string) {
		var out, errs bytes.Buffer
		status = run(args, strings.NewReader(""), &out, &errs)
		return status, out.String(), errs.String()
	}
	if status, out, errs := touchmark("keys", "list", "--ssh-agent"); status != statusDone || strings.Count(out, "\n") != 3 || !strings.Contains(out, id+"  ed25519  alice@laptop\n") {
		t.Errorf("list: %d, %q, %q", status, out, errs)
	}
	for _, name := range []string{"alice@laptop", id, id[:8]} {
		status, out, errs := touchmark("sign", "--key", "ssh-agent:"+name, statement)
		bundles, err := sign.Read(strings.NewReader(out))
		if status != statusDone || err != nil || len(bundles) != 1 || bundles[0].Err != nil || bundles[0].Signatures[0].KeyID != id {
			t.Errorf("%s: %d, %q, %q, %v", name, status, out, errs, err)
		}
	}
	for args, want := range map[string]string{
		"ssh-agent:twice":  "holds 2 keys that \"twice\" names",
		"ssh-agent:nobody": "holds 0 keys",
		"ssh-agent:":       "holds 0 keys",
		"ssh-agent:alice@laptop --passphrase-fd 3": "asks for its passphrase",
	} {
		words := strings.Fields("sign --key " + args)
		if status, out, errs := touchmark(append(words, statement)...); status == statusDone || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: %d, %q, %q, want %q", args, status, out, errs, want)
		}
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	if status, _, errs := touchmark("keys", "list", "--ssh-agent"); status != statusFailed || !strings.Contains(errs, "SSH_AUTH_SOCK is not set") {
		t.Errorf("no agent: %d, %q", status, errs)
	}
}
