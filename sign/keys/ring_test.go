package keys_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign/keys"
)

var day0 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time { return day0.AddDate(0, 0, n) }

func newRing(t testing.TB) (*keys.Ring, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ring")
	r, err := keys.CreateRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func keyID(t testing.TB, k *keys.Key) string {
	t.Helper()
	id, err := k.KeyID()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// table is the ring in short: each key by its letter, with its days.
func table(r *keys.Ring, names map[string]string) string {
	var b strings.Builder
	for _, k := range r.Keys() {
		fmt.Fprintf(&b, "%s %s", names[k.ID], k.NotBefore.Format("2"))
		if !k.NotAfter.IsZero() {
			fmt.Fprintf(&b, "-%s", k.NotAfter.Format("2"))
		}
		if !k.Revoked.IsZero() {
			fmt.Fprintf(&b, " revoked %s %s", k.Revoked.Format("2"), k.Reason)
		}
		if k.Follows != "" {
			fmt.Fprintf(&b, " after %s", names[k.Follows])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestRing(t *testing.T) {
	r, dir := newRing(t)
	a, b, c := generate(t, keys.Ed25519), generate(t, keys.ECDSAP256), generate(t, keys.Ed25519)
	names := map[string]string{keyID(t, a): "a", keyID(t, b): "b", keyID(t, c): "c"}
	steps := []struct {
		name string
		do   func() error
		err  string // a part of it
		want string // the ring afterwards
	}{
		{"add", func() error { return r.Add(t.Context(), a, []byte(passphrase), day(0)) }, "", "a 1\n"},
		{"twice", func() error { return r.Add(t.Context(), a, nil, day(3)) }, "is in it already", "a 1\n"},
		{"from nowhere", func() error { return r.Add(t.Context(), b, nil, time.Time{}) }, "no instant", "a 1\n"},
		{"rotate a stranger", func() error { return r.Rotate(t.Context(), b, c, nil, day(1), 0) }, "no key", "a 1\n"},
		{"too early", func() error { return r.Rotate(t.Context(), a, b, nil, day(-1), 0) }, "is not in force", "a 1\n"},
		{"negative overlap", func() error { return r.Rotate(t.Context(), a, b, nil, day(5), -1) }, "overlap", "a 1\n"},
		{"rotate", func() error { return r.Rotate(t.Context(), a, b, nil, day(5), 48*time.Hour) }, "", "a 1-8\nb 6 after a\n"},
		{"again", func() error { return r.Rotate(t.Context(), a, c, nil, day(6), 0) }, "has been followed by", "a 1-8\nb 6 after a\n"},
		{"end too early", func() error { return r.Retire(t.Context(), keyID(t, a), day(4)) }, "cannot end before", "a 1-8\nb 6 after a\n"},
		{"put off", func() error { return r.Retire(t.Context(), keyID(t, a), day(20)) }, "", "a 1-8\nb 6 after a\n"},
		{"bring forward", func() error { return r.Retire(t.Context(), keyID(t, a), day(6)) }, "", "a 1-7\nb 6 after a\n"},
		{"rotate without overlap", func() error { return r.Rotate(t.Context(), b, c, nil, day(10), 0) }, "", "a 1-7\nb 6-11 after a\nc 11 after b\n"},
		{"revoke what others rest on", func() error { return r.Revoke(t.Context(), keyID(t, b), day(8), "lost") }, "revoke that one first", "a 1-7\nb 6-11 after a\nc 11 after b\n"},
		{"revoke the last", func() error { return r.Revoke(t.Context(), keyID(t, c), day(12), "lost") }, "", "a 1-7\nb 6-11 after a\nc 11 revoked 13 lost after b\n"},
		{"put a revocation off", func() error { return r.Revoke(t.Context(), keyID(t, c), day(13), "found") }, "cannot be put off", "a 1-7\nb 6-11 after a\nc 11 revoked 13 lost after b\n"},
		{"revoke earlier", func() error { return r.Revoke(t.Context(), keyID(t, c), day(11), "stolen") }, "", "a 1-7\nb 6-11 after a\nc 11 revoked 12 stolen after b\n"},
		{"and now the other", func() error { return r.Revoke(t.Context(), keyID(t, b), day(8), "stolen") }, "", "a 1-7\nb 6-11 revoked 9 stolen after a\nc 11 revoked 12 stolen after b\n"},
		{"nobody", func() error { return r.Revoke(t.Context(), "ab", day(8), "") }, "no key", "a 1-7\nb 6-11 revoked 9 stolen after a\nc 11 revoked 12 stolen after b\n"},
	}
	for _, s := range steps {
		if err := s.do(); (err == nil) != (s.err == "") || err != nil && !strings.Contains(err.Error(), s.err) {
			t.Fatalf("%s: %v, want %q", s.name, err, s.err)
		}
		again, err := keys.OpenRing(dir)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if got := table(again, names); got != s.want || table(r, names) != got {
			t.Fatalf("%s: the ring on the disk is\n%sin memory\n%swant\n%s", s.name, got, table(r, names), s.want)
		}
	}
	for n, want := range map[int]string{0: "a", 4: "a", 5: "b", 7: "b", 10: "c"} {
		key, err := r.Signer(day(n), knows(passphrase))
		if err != nil || names[keyID(t, key)] != want {
			t.Errorf("on day %d %v, %v signs, want %s", n, key, err, want)
		}
	}
	for _, n := range []int{-1, 8, 9, 12, 100} {
		if key, err := r.Signer(day(n), knows(passphrase)); err == nil {
			t.Errorf("on day %d %v signs, want nobody", n, key)
		}
	}
	if key, err := r.Key(keyID(t, a), nil); err == nil {
		t.Errorf("%v was read without its passphrase", key)
	}
	public, err := r.MarshalPublic()
	if err != nil || strings.Count(string(public), `"pem"`) != 3 || strings.Contains(string(public), "PRIVATE") {
		t.Errorf("the public side: %v\n%s", err, public)
	}
}

// A ring that somebody edited believes nothing that no key said.
func TestRingEdited(t *testing.T) {
	r, dir := newRing(t)
	a, b, other := generate(t, keys.Ed25519), generate(t, keys.Ed25519), generate(t, keys.Ed25519)
	if err := r.Add(t.Context(), a, nil, day(0)); err != nil {
		t.Fatal(err)
	}
	if err := r.Rotate(t.Context(), a, b, nil, day(5), 0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ring.json")
	good := string(must(os.ReadFile(path)))
	line := func(k *keys.Key) string { return strings.ReplaceAll(string(k.MarshalPublic()), "\n", `\n`) }
	for name, tt := range map[string]struct{ old, new, want string }{
		"another key":         {line(b), line(other), "vouched for another key"},
		"an earlier start":    {`"notBefore": "2026-11-06`, `"notBefore": "2026-11-05`, "vouched for another"},
		"no vouch":            {`"vouch": {`, `"vouch": {}, "x": {`, "x"},
		"another old key":     {line(a), line(other), "which is not before it"},
		"an end before":       {`"notAfter": "2026-11-06`, `"notAfter": "2026-11-05`, "was not in force"},
		"an end before start": {`"notAfter": "2026-11-06`, `"notAfter": "2026-10-05`, "before notBefore"},
		"another scheme":      {`"scheme": "ed25519"`, `"scheme": "ecdsa-sha256"`, "ecdsa-sha256"},
		"another version":     {"key-ring/v1", "key-ring/v2", "schema"},
		"another signature":   {`"sig": "`, `"sig": "AAAA`, "not signed by"},
		"follows nobody":      {`"follows":`, `"follower":`, "follower"},
	} {
		if !strings.Contains(good, tt.old) {
			t.Fatalf("%s: no %q in\n%s", name, tt.old, good)
		}
		write(t, path, strings.Replace(good, tt.old, tt.new, 1))
		if _, err := keys.OpenRing(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if err := r.Retire(t.Context(), keyID(t, b), day(9)); err == nil {
			t.Errorf("%s: it was changed on", name)
		}
	}
	write(t, path, good)
	if _, err := keys.OpenRing(dir); err != nil {
		t.Errorf("the good neighbour: %v", err)
	}
	// A private key that is not the one its name says.
	write(t, filepath.Join(dir, keyID(t, b)+".key"), string(must(other.MarshalPrivate(nil))))
	if key, err := r.Signer(day(6), nil); err == nil || !strings.Contains(err.Error(), "another one") {
		t.Errorf("%v, %v", key, err)
	}
	if _, err := keys.OpenRing(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is none") {
		t.Errorf("a folder that is none: %v", err)
	}
	if _, err := keys.CreateRing(dir); err == nil {
		t.Error("a ring was made over another")
	}
}

func write(t testing.TB, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Several who add to a ring at once lose nothing.
func TestRingCrowd(t *testing.T) {
	_, dir := newRing(t)
	var wg sync.WaitGroup
	for range 10 {
		key := generate(t, keys.Ed25519)
		wg.Go(func() {
			r, err := keys.OpenRing(dir)
			if err != nil {
				t.Error(err)
				return
			}
			if err := r.Add(t.Context(), key, nil, day(0)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r, err := keys.OpenRing(dir)
	if err != nil || len(r.Keys()) != 10 {
		t.Errorf("%d keys, %v", len(r.Keys()), err)
	}
}
