package plugin_test

import (
	"context"
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/kms/plugin"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/kms/plugin", deptest.Budget{Modules: 7, Own: []string{"sign", "sign/keys", "provenance"}, Forbidden: []string{"net/http"}})
}

// The test's own binary is a plugin as well, of Sigstore's helper for those who write one: the reference is a file with
// the private key, or the name of a way to go wrong.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "v1" {
		if err := run(); err != nil {
			handler.WriteErrorResponse(os.Stdout, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// held is what a plugin has to implement.
type held struct{ signature.SignerVerifier }

func (held) DefaultAlgorithm() string                                    { return "" }
func (held) SupportedAlgorithms() []string                               { return nil }
func (held) CreateKey(context.Context, string) (crypto.PublicKey, error) { return nil, os.ErrInvalid }
func (held) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, os.ErrInvalid
}

func run() error {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		return err
	}
	switch ref := args.InitOptions.KeyResourceID; {
	case ref == "silent":
		os.Exit(3)
	case ref == "sleeping":
		time.Sleep(time.Minute)
	case ref == "endless":
		for range 1 << 12 {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 1<<12)); err != nil {
				os.Exit(1)
			}
		}
		os.Exit(0)
	case ref == "chatty":
		fmt.Print(`{"publicKey":{}} {"publicKey":{}}`)
		os.Exit(0)
	case ref == "empty":
		fmt.Print(`{}`)
		os.Exit(0)
	case !filepath.IsAbs(ref):
		return fmt.Errorf("there is no key %q\x1b[2J", ref)
	}
	data, err := os.ReadFile(args.InitOptions.KeyResourceID)
	if err != nil {
		return err
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(data, nil)
	if err != nil {
		return err
	}
	hash := args.InitOptions.HashFunc
	if args.SignMessage != nil && args.SignMessage.SignOptions.MessageOptions.HashFunc != nil {
		hash = *args.SignMessage.SignOptions.MessageOptions.HashFunc
	}
	sv, err := signature.LoadSignerVerifier(private, hash)
	if err != nil {
		return err
	}
	if args.SignMessage != nil && os.Getenv("PLUGIN_ROTATED") != "" {
		other, err := keys.Generate(keys.ECDSAP256)
		if err != nil {
			return err
		}
		pem, err := other.MarshalPrivate(nil)
		if err != nil {
			return err
		}
		if private, err = cryptoutils.UnmarshalPEMToPrivateKey(pem, nil); err != nil {
			return err
		}
		if sv, err = signature.LoadSignerVerifier(private, hash); err != nil {
			return err
		}
	}
	_, err = handler.Dispatch(os.Stdout, os.Stdin, args, held{sv})
	return err
}

func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// stored writes a private key where the plugin finds it.
func stored(t *testing.T, algorithm string) (key *keys.Key, path string) {
	t.Helper()
	key, err := keys.Generate(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	data, err := key.MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return key, path
}

// What Sigstore's helper signs verifies, whatever the key.
func TestSigner(t *testing.T) {
	for algorithm, scheme := range map[string]string{
		keys.ECDSAP256: "ecdsa-sha256", keys.ECDSAP384: "ecdsa-sha384", keys.ECDSAP521: "ecdsa-sha512", keys.Ed25519: "ed25519", keys.RSA3072: "rsa-pkcs1v15-sha256",
	} {
		here, path := stored(t, algorithm)
		key, err := plugin.Signer(t.Context(), program(t), path)
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if key.Scheme() != scheme || key.String() != here.String() {
			t.Errorf("%s: it is %s by %s, want %s by %s", algorithm, key, key.Scheme(), here, scheme)
		}
		statement, err := provenance.New("https://example.com/note/v1", map[string]string{"text": "as built"},
			provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))})
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := sign.Statement(t.Context(), statement, key)
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if err := keys.Verify(scheme, here.Public(), bundle.PAE(), bundle.Signatures[0].Sig); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// A reference runs no program but the one that was named.
func TestProgram(t *testing.T) {
	_, path := stored(t, keys.ECDSAP256)
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	if runtime.GOOS != "windows" {
		script := fmt.Sprintf("#!/bin/sh\ntouch %q\n", ran)
		if err := os.WriteFile(filepath.Join(dir, "sigstore-kms-evil"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, tt := range []struct{ program, ref, want string }{
		{"sigstore-kms-evil", path, "by its whole path"},
		{"./sigstore-kms-evil", path, "by its whole path"},
		{"", path, "by its whole path"},
		{program(t), "evil://" + path, "for a program called sigstore-kms-evil"},
		{filepath.Join(dir, "none"), path, "running it"},
	} {
		if _, err := plugin.Signer(t.Context(), tt.program, tt.ref); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("key %q", tt.ref)) {
			t.Errorf("%q, %q: %v, want %q", tt.program, tt.ref, err, tt.want)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the program that the reference names has run")
	}
	named := filepath.Join(dir, "sigstore-kms-here")
	if err := os.Symlink(program(t), named); err != nil {
		t.Skip(err)
	}
	if _, err := plugin.Signer(t.Context(), named, "here://"+path); err != nil {
		t.Errorf("as cosign writes it: %v", err)
	}
}

// A program that goes wrong is an error that names the key, and hangs nobody.
func TestTrouble(t *testing.T) {
	for ref, want := range map[string]string{
		"silent":  "no answer",
		"endless": "longer than",
		"chatty":  "its answer",
		"empty":   "no public key",
		"other":   `it says "there is no key`,
	} {
		_, err := plugin.Signer(t.Context(), program(t), ref)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("key %q", ref)) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, want %q", ref, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := plugin.Signer(ctx, program(t), "sleeping"); err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}

	_, path := stored(t, keys.ECDSAP256)
	key, err := plugin.Signer(t.Context(), program(t), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PLUGIN_ROTATED", "1")
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "not this key's") {
		t.Errorf("another key's signature: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a key that is gone: %v", err)
	}
}

func ExampleSigner() {
	ctx := context.Background()
	key, err := plugin.Signer(ctx, "sigstore-kms-tpm", "tpm://release")
	if err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.Write(key.MarshalPublic()) // for the trust file
	// Output: key "tpm://release" by "sigstore-kms-tpm": the program is code that is run: name it by its whole path
}
