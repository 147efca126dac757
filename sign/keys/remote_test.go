package keys_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// away is a Remote of a key that is really here.
func away(key *keys.Key) keys.Remote {
	return keys.Remote{Name: "kms:///release", Public: key.Public(), Sign: key.Sign}
}

// A key that is kept elsewhere signs as one here does, and says the same of itself.
func TestRemote(t *testing.T) {
	for algorithm, scheme := range algorithms {
		here := generate(t, algorithm)
		key, err := keys.NewRemote(t.Context(), away(here))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if key.Scheme() != scheme || key.String() != here.String() || string(key.MarshalPublic()) != string(here.MarshalPublic()) {
			t.Errorf("%s: it is %s by %s, want %s by %s", algorithm, key, key.Scheme(), here, scheme)
		}
		if err := keys.Verify(scheme, here.Public(), []byte("hello"), sign(t, key, "hello")); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if _, err := key.MarshalPrivate(nil); err == nil || !strings.Contains(err.Error(), "not in this process") {
			t.Errorf("%s: its private half: %v", algorithm, err)
		}
		if same, err := key.WithScheme(scheme); err != nil || same.Scheme() != scheme {
			t.Errorf("%s: the scheme that it has: %v", algorithm, err)
		}
	}
	here := generate(t, keys.RSA3072)
	for _, scheme := range []string{"rsa-pss-sha384", "rsa-pss-sha512", "rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512"} {
		other, err := here.WithScheme(scheme)
		if err != nil {
			t.Fatal(err)
		}
		key, err := keys.NewRemote(t.Context(), away(other))
		if err != nil || key.Scheme() != scheme {
			t.Errorf("%s: %v, %v", scheme, key.Scheme(), err)
			continue
		}
		if _, err := key.WithScheme("rsa-pss-sha256"); err == nil {
			t.Errorf("%s: another scheme is ours to choose", scheme)
		}
	}
}

// What answers is not believed, and every error names the key.
func TestRemoteRefuses(t *testing.T) {
	here, other := generate(t, keys.ECDSAP256), generate(t, keys.ECDSAP256)
	_, small, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip(err) // a Go that makes none
	}
	for name, tt := range map[string]struct {
		change func(*keys.Remote)
		want   string
	}{
		"nothing to sign with": {func(r *keys.Remote) { r.Sign = nil }, "nothing to sign with"},
		"no public half":       {func(r *keys.Remote) { r.Public = nil }, "no public half"},
		"a private half":       {func(r *keys.Remote) { r.Public = small }, "want Ed25519, ECDSA or RSA"},
		"a weak key":           {func(r *keys.Remote) { r.Public = weak.Public() }, "1024 bits"},
		"another scheme":       {func(r *keys.Remote) { r.Scheme = "ed25519" }, "does not fit"},
	} {
		r := away(here)
		tt.change(&r)
		if _, err := keys.NewRemote(t.Context(), r); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"kms:///release"`) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	big := generate(t, keys.RSA3072)
	r := away(big)
	r.Sign = generate(t, keys.RSA3072).Sign
	if _, err := keys.NewRemote(t.Context(), r); err == nil || !strings.Contains(err.Error(), "not its own") {
		t.Errorf("another's RSA signatures: %v", err)
	}

	r = away(here)
	r.Sign = other.Sign // it was rotated meanwhile
	key, err := keys.NewRemote(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "if it was rotated there") || !strings.Contains(err.Error(), `"kms:///release"`) {
		t.Errorf("another's signature: %v", err)
	}
	trouble := errors.New("403 Forbidden")
	r.Sign = func(context.Context, []byte) ([]byte, error) { return nil, trouble }
	if key, err = keys.NewRemote(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), []byte("hello")); !errors.Is(err, trouble) || !strings.Contains(err.Error(), `"kms:///release"`) {
		t.Errorf("trouble: %v", err)
	}
}

// A KMS that never answers is waited for no longer than was said.
func TestRemoteTimeout(t *testing.T) {
	here := generate(t, keys.Ed25519)
	synctest.Test(t, func(t *testing.T) {
		r := away(here)
		r.Sign = func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
		key, err := keys.NewRemote(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := key.Sign(t.Context(), []byte("hello")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != keys.RemoteTimeout {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		r.Timeout = time.Second
		if key, err = keys.NewRemote(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || time.Since(start) != time.Second || !strings.Contains(err.Error(), "no signature within 1s") {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := key.Sign(ctx, []byte("hello")); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	})
}

// A digest is not signed in the place of a message.
func TestRemoteSignsNoDigest(t *testing.T) {
	here := generate(t, keys.ECDSAP256)
	digest := sha256.Sum256([]byte("hello"))
	r := away(here)
	r.Sign = func(ctx context.Context, message []byte) ([]byte, error) {
		if string(message) != "hello" {
			t.Errorf("asked to sign %q", message)
		}
		return here.Sign(ctx, message)
	}
	key, err := keys.NewRemote(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if sig := sign(t, key, "hello"); !ecdsa.VerifyASN1(here.Public().(*ecdsa.PublicKey), digest[:], sig) {
		t.Error("it does not verify")
	}
}

// A file descriptor holds a passphrase in its first line, and nothing beyond is read.
func TestFromReader(t *testing.T) {
	for text, want := range map[string]string{
		"correct horse\n":                "correct horse",
		"correct horse\r\nsecond":        "correct horse",
		"correct horse":                  "correct horse",
		" spaces \n":                     " spaces ",
		"\n":                             "!empty",
		"":                               "!empty",
		"\r\n":                           "!empty",
		strings.Repeat("x", 4096) + "\n": strings.Repeat("x", 4096),
		strings.Repeat("x", 4098) + "\n": "!longer than 4096",
	} {
		for _, whole := range []bool{true, false} {
			r := strings.NewReader(text)
			ask := keys.FromReader(r)
			if !whole {
				ask = keys.FromReader(iotest.DataErrReader(r))
			}
			got, err := ask("a key")
			if failing, wanted := strings.CutPrefix(want, "!"); wanted {
				if err == nil || !strings.Contains(err.Error(), failing) {
					t.Errorf("%.20q: %v, want %q", text, err, failing)
				}
				continue
			}
			if err != nil || string(got) != want {
				t.Errorf("%.20q: %q, %v", text, got, err)
			}
			clear(got)
			if again, err := ask("another key"); err != nil || string(again) != want {
				t.Errorf("%.20q again: %q, %v", text, again, err)
			}
		}
	}
	r := strings.NewReader("one\ntwo\n")
	for _, want := range []string{"one", "two"} {
		if got, err := keys.FromReader(r)(""); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := keys.FromReader(iotest.ErrReader(os.ErrClosed))(""); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed descriptor: %v", err)
	}
}
