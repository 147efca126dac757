package keys_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// serve lets an agent listen until the test ends, and returns its socket.
func serve(t *testing.T, a agent.Agent) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("agents listen on pipes there")
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skipf("no Unix sockets: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				agent.ServeAgent(a, conn)
			}()
		}
	}()
	return socket
}

func held(t *testing.T, private ...any) agent.Agent {
	t.Helper()
	ring := agent.NewKeyring()
	for _, p := range private {
		if err := ring.Add(agent.AddedKey{PrivateKey: p, Comment: "a comment"}); err != nil {
			t.Fatal(err)
		}
	}
	return ring
}

func TestAgent(t *testing.T) {
	_, ed, err1 := ed25519.GenerateKey(rand.Reader)
	p256, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p521, err3 := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	big, err4 := rsa.GenerateKey(rand.Reader, 2048)
	small, err5 := rsa.GenerateKey(rand.Reader, 1024)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	socket := serve(t, held(t, ed, p256, small, p521, big))
	all, err := keys.Agent(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	var schemes []string
	for _, key := range all {
		schemes = append(schemes, key.Scheme())
		public, err := keys.ParsePublic(key.MarshalPublic())
		if err != nil {
			t.Fatal(err)
		}
		for range 20 { // ECDSA's numbers have now and then a byte less, or one more for the sign
			sig, err := key.Sign(t.Context(), []byte("message"))
			if err != nil || keys.Verify(key.Scheme(), public, []byte("message"), sig) != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		id, err := key.KeyID()
		if want, _ := keys.ID(public); err != nil || id != want || key.String() != "ssh-agent:"+want || key.Comment() != "a comment" {
			t.Errorf("%s (%s), id %s, %v, want %s", key, key.Comment(), id, err, want)
		}
	}
	if want := []string{"ed25519", "ecdsa-sha256", "ecdsa-sha512", "rsa-pkcs1v15-sha256"}; !slices.Equal(schemes, want) {
		t.Errorf("schemes are %v, want %v: the weak key is left out", schemes, want)
	}
}

// swapping signs with another key than it was asked to.
type swapping struct {
	agent.ExtendedAgent
	other agent.ExtendedAgent
	key   ssh.PublicKey
}

func (s swapping) Sign(_ ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return s.other.Sign(s.key, data)
}

func (s swapping) SignWithFlags(_ ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	return s.other.SignWithFlags(s.key, data, flags)
}

// deaf never answers.
type deaf struct{ agent.ExtendedAgent }

func (deaf) SignWithFlags(ssh.PublicKey, []byte, agent.SignatureFlags) (*ssh.Signature, error) {
	select {}
}

func (deaf) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) { select {} }

func TestAgentTrouble(t *testing.T) {
	_, one, err1 := ed25519.GenerateKey(rand.Reader)
	_, two, err2 := ed25519.GenerateKey(rand.Reader)
	p256, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	good := held(t, one).(agent.ExtendedAgent)
	first := func(a agent.Agent) *keys.AgentKey {
		t.Helper()
		all, err := keys.Agent(t.Context(), serve(t, a))
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		return all[0]
	}
	for name, private := range map[string]any{"another key": two, "another algorithm": p256} {
		other := held(t, private).(agent.ExtendedAgent)
		list, err := other.List()
		if err != nil {
			t.Fatal(err)
		}
		if sig, err := first(swapping{good, other, list[0]}).Sign(t.Context(), []byte("message")); err == nil {
			t.Errorf("signed by %s: %x, no error", name, sig)
		}
	}
	locked := held(t, one)
	key := first(locked)
	if err := locked.Lock([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), []byte("message")); err == nil || !strings.Contains(err.Error(), "SSH agent at ") {
		t.Errorf("a locked agent: %v", err)
	}
	key = first(deaf{good})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := key.Sign(ctx, []byte("message")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := keys.Agent(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "SSH agent") {
		t.Errorf("no agent: %v", err)
	}
}
