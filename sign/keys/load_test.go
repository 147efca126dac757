package keys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/touchmark-go/touchmark/sign/keys"
)

const passphrase = "correct horse battery staple"

// knows answers with a passphrase.
func knows(passphrase string) keys.Passphrase {
	return func(string) ([]byte, error) { return []byte(passphrase), nil }
}

func decodePEM(t testing.TB, data []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("no PEM block in %q", data)
	}
	return block.Bytes
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// TestEncrypted writes encrypted and reads with the right passphrase, a wrong
// one, an empty one and none.
func TestEncrypted(t *testing.T) {
	for algorithm := range algorithms {
		if testing.Short() && algorithm != keys.Ed25519 {
			continue // the box is slow on purpose
		}
		key := generate(t, algorithm)
		data, err := key.MarshalPrivate([]byte(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")) {
			t.Errorf("%s: written as %.50q", algorithm, data)
		}
		again, err := keys.Parse(data, knows(passphrase))
		if err != nil || !same(key, again) {
			t.Errorf("%s: read %v, %v, wrote %v", algorithm, again, err, key)
		}
		if key, err := keys.Parse(data, nil); err == nil || !strings.Contains(err.Error(), "keys.Prompt") {
			t.Errorf("%s without a Passphrase: %v, %v, want an error that says what to do", algorithm, key, err)
		}
		if algorithm != keys.Ed25519 {
			continue // the box is the same for all
		}
		for _, wrong := range []string{"", passphrase + " ", "x"} {
			if key, err := keys.Parse(data, knows(wrong)); err == nil || !strings.Contains(err.Error(), "passphrase is wrong") {
				t.Errorf("%s with passphrase %q: %v, %v", algorithm, wrong, key, err)
			}
		}
	}
}

// TestCosign reads what cosign writes: its key generator is the one called
// here, with the header of cosign 2 and that of cosign 1, whose scrypt was
// cheaper; also with the empty passphrase that many CI systems use.
func TestCosign(t *testing.T) {
	if testing.Short() {
		t.Skip("derives a dozen keys from passphrases, which is slow on purpose")
	}
	for _, pass := range []string{passphrase, ""} {
		ask := knows(pass)
		if pass == "" {
			ask = func(string) ([]byte, error) { return nil, nil }
		}
		private, public, err := cryptoutils.GeneratePEMEncodedECDSAKeyPair(elliptic.P256(), cryptoutils.StaticPasswordFunc([]byte(pass)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := encrypted.Decrypt(decodePEM(t, private), []byte(pass))
		if err != nil {
			t.Fatal(err)
		}
		legacy, err := encrypted.EncryptWithCustomKDFParameters(plain, []byte(pass), encrypted.Legacy)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{private, bytes.ReplaceAll(private, []byte("SIGSTORE"), []byte("COSIGN")), block("ENCRYPTED COSIGN PRIVATE KEY", legacy)} {
			key, err := keys.Parse(data, ask)
			if err != nil {
				t.Errorf("passphrase %q, %.50q: %v", pass, data, err)
				continue
			}
			if got := key.MarshalPublic(); !bytes.Equal(got, public) {
				t.Errorf("public half is %s, want %s", got, public)
			}
		}
	}
}

// TestCosignReads is the way back: the library under cosign reads ours.
func TestCosignReads(t *testing.T) {
	key := generate(t, keys.ECDSAP256)
	data, err := key.MarshalPrivate([]byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(data, cryptoutils.StaticPasswordFunc([]byte(passphrase)))
	if err != nil {
		t.Fatal(err)
	}
	if !private.(*ecdsa.PrivateKey).PublicKey.Equal(key.Public()) {
		t.Error("it is another key")
	}
}

// TestOpenSSL reads keys that openssl 3 wrote (testdata/README.md has the
// commands).
func TestOpenSSL(t *testing.T) {
	for name, want := range map[string]string{
		"ed25519.pem": "ed25519", "p256.sec1.pem": "ecdsa-p256", "p256.pem": "ecdsa-p256", "p256.pbkdf2.pem": "ecdsa-p256", "ed25519.scrypt.pem": "ed25519",
	} {
		path := filepath.Join("testdata", name)
		key, err := keys.Load(path, knows("test"))
		if err != nil {
			t.Error(err)
			continue
		}
		if got, _, _ := strings.Cut(key.String(), ":"); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
		if encrypted := strings.Count(name, ".") > 1 && !strings.Contains(name, "sec1"); encrypted {
			if key, err := keys.Load(path, knows("wrong")); err == nil {
				t.Errorf("%s opens with a wrong passphrase: %v", name, key)
			}
		}
	}
	if key, err := keys.Load(filepath.Join("testdata", "p256.legacy.pem"), knows("test")); err == nil || !strings.Contains(err.Error(), "openssl pkcs8 -topk8") {
		t.Errorf("old encryption: %v, %v, want an error that says what to do", key, err)
	}
}

func TestAsk(t *testing.T) {
	key := generate(t, keys.Ed25519)
	dir := t.TempDir()
	data, err := key.MarshalPrivate([]byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "release.key")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var asked []string
	ask := func(name string) ([]byte, error) {
		asked = append(asked, name)
		return []byte(passphrase), nil
	}
	if key, err := keys.Load(path, ask); err != nil {
		t.Errorf("Load: %v, %v", key, err)
	}
	if len(asked) != 1 || asked[0] != path {
		t.Errorf("asked for %q, want once for %q", asked, path)
	}
	refusal := errors.New("no")
	if _, err := keys.Load(path, func(string) ([]byte, error) { return nil, refusal }); !errors.Is(err, refusal) {
		t.Errorf("refused passphrase: %v, want %v", err, refusal)
	}
	// A plain key asks nobody.
	data, err = key.MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Parse(data, func(string) ([]byte, error) { return nil, refusal }); err != nil {
		t.Errorf("plain key: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, keys.MaxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(huge, nil); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("huge file: %v", err)
	}
	if _, err := keys.Load(dir, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	if _, err := keys.Load(filepath.Join(dir, "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v, want %v", err, fs.ErrNotExist)
	}
	// Who may read the file is its owner's decision.
	data, err := generate(t, keys.Ed25519).MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(open, nil); err != nil {
		t.Errorf("file with mode 0666: %v", err)
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestParseRefuses(t *testing.T) {
	good, err := generate(t, keys.Ed25519).MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa1024, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "0 PEM blocks, want one"},
		"text":           {[]byte("secret"), "0 PEM blocks, want one"},
		"two":            {append(good[:len(good):len(good)], good...), "2 PEM blocks, want one"},
		"cut":            {good[:len(good)-10], "not in PEM"},
		"public":         {generate(t, keys.Ed25519).MarshalPublic(), `the file holds a "PUBLIC KEY", want the private key`},
		"certificate":    {block("CERTIFICATE", []byte("x")), `the file holds a "CERTIFICATE"`},
		"ssh":            {block("OPENSSH PRIVATE KEY", []byte("x")), "damaged"},
		"unknown":        {block("PRIVATE THING", []byte("x")), `unknown PEM block "PRIVATE THING"`},
		"garbage":        {block("PRIVATE KEY", []byte("secret")), "the PRIVATE KEY is damaged"},
		"mislabelled":    {block("EC PRIVATE KEY", decodePEM(t, good)), "the EC PRIVATE KEY is damaged"},
		"P-224":          {block("PRIVATE KEY", pkcs8(t, p224)), "on curve P-224"},
		"RSA 1024":       {block("PRIVATE KEY", pkcs8(t, rsa1024)), "has 1024 bits"},
		"too long":       {make([]byte, keys.MaxFileSize+1), "want at most"},
		"garbage in box": {block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte("secret")), "the file is damaged"},
		"garbage in DER": {block("ENCRYPTED PRIVATE KEY", []byte("secret")), "the file is damaged"},
		"plain in box":   {block("ENCRYPTED SIGSTORE PRIVATE KEY", decodePEM(t, good)), "the file is damaged"},
		"X25519":         {block("PRIVATE KEY", pkcs8X25519(t)), "cannot sign"},
		"headers":        {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"DEK-Info": "x"}, Bytes: []byte("x")}), "openssl pkcs8 -topk8"},
		"many iterations": {pbes2(t, "1.2.840.113549.1.5.12", struct {
			S []byte
			N int
		}{[]byte("salt"), 1 << 40}), "iterations of PBKDF2, want 1 to"},
		"no iterations": {pbes2(t, "1.2.840.113549.1.5.12", struct {
			S []byte
			N int
		}{[]byte("salt"), 0}), "iterations of PBKDF2, want 1 to"},
		"huge scrypt": {pbes2(t, "1.3.6.1.4.1.11591.4.11", struct {
			S       []byte
			N, R, P int
		}{[]byte("salt"), 1 << 30, 8, 1}), "ask for too much"},
		"wide scrypt": {pbes2(t, "1.3.6.1.4.1.11591.4.11", struct {
			S       []byte
			N, R, P int
		}{[]byte("salt"), 2, 1 << 40, 1}), "ask for too much"},
		"overflow scrypt": {pbes2(t, "1.3.6.1.4.1.11591.4.11", struct {
			S       []byte
			N, R, P int
		}{[]byte("salt"), 1 << 62, 4, 1}), "ask for too much"},
		"other KDF": {pbes2(t, "1.2.3", struct{ S []byte }{[]byte("salt")}), "key derivation 1.2.3"},
		"PBES1":     {pbes1(t), "algorithm 1.2.840.113549.1.5.10, want PBES2"},
		"short IV": {pbes2(t, "1.2.840.113549.1.5.12", struct {
			S []byte
			N int
		}{[]byte("salt"), 1}), "the file is damaged"},
	}
	for name, test := range tests {
		key, err := keys.Parse(test.data, knows(passphrase))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want %q", name, key, err, test.want)
		}
	}
	if _, err := keys.Parse(good, nil); err != nil {
		t.Errorf("the good neighbour: %v", err)
	}
}

// pkcs8X25519 is a key that agrees on secrets and signs nothing.
func pkcs8X25519(t *testing.T) []byte {
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 101, 110}}, append([]byte{4, 32}, make([]byte, 32)...)})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// pbes2 is an encrypted key with the given derivation, AES-256 in CBC mode with
// an IV that is too short, and nine bytes of content: the last two make Go's
// ciphers panic.
func pbes2(t *testing.T, kdf string, params any) []byte {
	t.Helper()
	marshal := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	oid := func(s string) (id asn1.ObjectIdentifier) {
		if err := json.Unmarshal([]byte("["+strings.ReplaceAll(s, ".", ",")+"]"), &id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	algorithm := func(id string, params []byte) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: oid(id), Parameters: asn1.RawValue{FullBytes: params}}
	}
	scheme := marshal(struct{ KDF, Cipher pkix.AlgorithmIdentifier }{
		algorithm(kdf, marshal(params)), algorithm("2.16.840.1.101.3.4.1.42", marshal([]byte("short"))),
	})
	return block("ENCRYPTED PRIVATE KEY", marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}{algorithm("1.2.840.113549.1.5.13", scheme), []byte("nine byte")}))
}

// pbes1 is encrypted with a key derived by MD5 or SHA-1.
func pbes1(t *testing.T) []byte {
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 10}}, []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	return block("ENCRYPTED PRIVATE KEY", der)
}

// TestErrorsHoldNoSecret damages key files in every byte and looks for their
// content and the passphrase in what the errors say.
func TestErrorsHoldNoSecret(t *testing.T) {
	key := generate(t, keys.Ed25519)
	plain, err := key.MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := string(decodePEM(t, plain)[16:])
	body := strings.Split(string(plain), "\n")[1]
	for i := range plain {
		for _, data := range [][]byte{plain[:i], flip(plain, i)} {
			_, err := keys.Parse(data, knows(passphrase))
			if err == nil {
				continue // a bit of the seed itself, or of the base64's line ends
			}
			for _, secret := range []string{seed[:6], body[:6], body[24:30], passphrase} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("byte %d: %q holds %q", i, err, secret)
				}
			}
		}
	}
}

func flip(data []byte, i int) []byte {
	data = bytes.Clone(data)
	data[i] ^= 1
	return data
}

func FuzzParse(f *testing.F) {
	for _, algorithm := range []string{keys.Ed25519, keys.ECDSAP256} {
		data, err := generate(f, algorithm).MarshalPrivate(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, name := range []string{"ed25519.pem", "p256.sec1.pem", "p256.pbkdf2.pem", "ed25519.scrypt.pem", "p256.legacy.pem", "ed25519.openssh", "p384.openssh"} {
		f.Add(fixture(f, name))
	}
	for _, j := range jwks {
		f.Add([]byte(j.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := keys.Parse(data, nil)
		if err != nil {
			return
		}
		written, err := key.MarshalPrivate(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := keys.Parse(written, nil)
		if err != nil || again.String() != key.String() {
			t.Errorf("%v does not survive a round trip: %v, %v", key, again, err)
		}
	})
}
