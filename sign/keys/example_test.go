package keys_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// Make a key, write both halves, and read the private one back.
func ExampleGenerate() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		fmt.Println(err)
		return
	}
	private, err := key.MarshalPrivate([]byte("correct horse battery staple"))
	if err != nil {
		fmt.Println(err)
		return
	}
	path := filepath.Join(dir, "release.key")
	if err := os.WriteFile(path, private, 0o600); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(path+".pub", key.MarshalPublic(), 0o644); err != nil {
		fmt.Println(err)
		return
	}

	// A program that a person starts passes keys.Prompt.
	again, err := keys.Load(path, func(name string) ([]byte, error) {
		return []byte("correct horse battery staple"), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.String() == again.String(), again.Scheme())
	// Output: true ed25519
}

func ExampleLoad() {
	key, err := keys.Load(filepath.Join("testdata", "p256.pbkdf2.pem"), nil)
	fmt.Println(key, err != nil)

	key, err = keys.Load(filepath.Join("testdata", "ed25519.pem"), keys.Prompt) // which is not asked: the key is plain
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key)
	// Output:
	// <nil> true
	// ed25519:9eb17644b50565a2ad3fa67c88a6d797f297a65fcd2b8066863cb48c4e017aa2
}

func ExampleKey_WithScheme() {
	key, err := keys.Generate(keys.RSA3072)
	if err != nil {
		fmt.Println(err)
		return
	}
	old, err := key.WithScheme("rsa-pkcs1v15-sha256")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Scheme(), old.Scheme())
	// Output: rsa-pss-sha256 rsa-pkcs1v15-sha256
}

func ExampleVerify() {
	key, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		fmt.Println(err)
		return
	}
	sig, err := key.Sign(context.Background(), []byte("message"))
	if err != nil {
		fmt.Println(err)
		return
	}
	pub, err := keys.ParsePublic(key.MarshalPublic())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys.Verify("ecdsa-sha256", pub, []byte("message"), sig))
	fmt.Println(keys.Verify("ecdsa-sha256", pub, []byte("massage"), sig))
	// Output:
	// <nil>
	// signature does not match
}

// A key that gets old hands over to the next, which it vouches for.
func ExampleRing_Rotate() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	passphrase := []byte("correct horse battery staple")
	first, err := keys.Generate(keys.Ed25519)
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := keys.Generate(keys.Ed25519)
	if err != nil {
		fmt.Println(err)
		return
	}

	ring, err := keys.CreateRing(filepath.Join(dir, "ring"))
	if err != nil {
		fmt.Println(err)
		return
	}
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if err := ring.Add(ctx, first, passphrase, november); err != nil {
		fmt.Println(err)
		return
	}
	// For a week both may sign, so that everybody can take the new one into their trust file.
	if err := ring.Rotate(ctx, first, next, passphrase, november.AddDate(1, 0, 0), 7*24*time.Hour); err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range ring.Keys() {
		fmt.Println(key.NotBefore.Format(time.DateOnly), key.NotAfter.Format(time.DateOnly), key.Follows != "")
	}
	// Output:
	// 2026-11-01 2027-11-08 false
	// 2027-11-01 0001-01-01 true
}
