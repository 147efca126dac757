//go:build pkcs11

package pkcs11_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/kms/pkcs11"
)

// softHSM is where Debian puts the library.
const softHSM = "/usr/lib/softhsm/libsofthsm2.so"

const pin = "correct horse"

func ask(string) ([]byte, error) { return []byte(pin), nil }

// TestSoftHSM signs with keys that SoftHSM keeps.
func TestSoftHSM(t *testing.T) {
	integration.Need(t)
	if _, err := os.Stat(softHSM); err != nil {
		t.Skip("no SoftHSM: apt-get install softhsm2")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", config)
	util := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("softhsm2-util", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	util("--init-token", "--free", "--label", "release", "--pin", pin, "--so-pin", pin)
	for i, algorithm := range []string{keys.ECDSAP256, keys.ECDSAP384, keys.ECDSAP521, keys.RSA3072} {
		here, err := keys.Generate(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		data, err := here.MarshalPrivate(nil)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "key.pem")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		util("--import", file, "--token", "release", "--label", algorithm, "--id", fmt.Sprintf("%02x", i+1), "--pin", pin)
		for _, uri := range []string{"pkcs11:token=release;object=" + algorithm, fmt.Sprintf("pkcs11:token=release;id=%%%02x", i+1)} {
			key, err := pkcs11.Signer(t.Context(), softHSM, uri, ask)
			if err != nil {
				t.Errorf("%s: %v", uri, err)
				continue
			}
			if key.String() != here.String() || key.Scheme() != here.Scheme() {
				t.Errorf("%s: it is %s by %s, want %s by %s", uri, key, key.Scheme(), here, here.Scheme())
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { verifies(t, key, here) })
			}
			wg.Wait()
		}
	}
	for uri, want := range map[string]string{
		"pkcs11:token=release;object=other": "0 objects",
		"pkcs11:token=other;object=other":   `0 tokens are called "other"`,
	} {
		if _, err := pkcs11.Signer(t.Context(), softHSM, uri, ask); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), uri) {
			t.Errorf("%s: %v, want %q", uri, err, want)
		}
	}
}

// verifies signs a statement, and checks it with the key that was put into the token.
func verifies(t *testing.T, key, here *keys.Key) {
	statement, err := provenance.New("https://example.com/note/v1", map[string]string{"text": "as built"},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))})
	if err != nil {
		t.Error(err)
		return
	}
	bundle, err := sign.Statement(t.Context(), statement, key)
	if err != nil {
		t.Error(err)
		return
	}
	if err := keys.Verify(here.Scheme(), here.Public(), bundle.PAE(), bundle.Signatures[0].Sig); err != nil {
		t.Error(err)
	}
}

// What is no reference loads no library, and no error holds a PIN.
func TestRefuses(t *testing.T) {
	refuses := func(string) ([]byte, error) { return nil, errors.New("no") }
	for _, tt := range []struct{ library, uri, want string }{
		{"libsofthsm2.so", "pkcs11:token=release;object=app", "by its whole path"},
		{"/lib.so", "awskms:///x", "want pkcs11:token="},
		{"/lib.so", "pkcs11:token=release;object=app?module-path=/evil.so", "want pkcs11:token="},
		{"/lib.so", "pkcs11:token=release;object=app;module-path=/evil.so", "module-path"},
		{"/lib.so", "pkcs11:token=release;pin-value=1234;object=app", "holds a PIN"},
		{"/lib.so", "pkcs11:token=a;token=b;object=app", "each once"},
		{"/lib.so", "pkcs11:token=release", "neither object nor id"},
		{"/lib.so", "pkcs11:object=app", "no token"},
		{"/no/such/lib.so", "pkcs11:token=release;object=app", "is no PKCS #11 library"},
	} {
		if _, err := pkcs11.Signer(t.Context(), tt.library, tt.uri, refuses); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "1234") {
			t.Errorf("%s, %s: %v, want %q", tt.library, tt.uri, err, tt.want)
		}
	}
	if _, err := pkcs11.Signer(t.Context(), "/lib.so", "pkcs11:token=release;object=app", nil); err == nil || !strings.Contains(err.Error(), "wants a PIN") {
		t.Errorf("no PIN: %v", err)
	}
}
