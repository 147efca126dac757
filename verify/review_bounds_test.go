package verify

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sign"
)

// TestPathCode: what cannot be read is no answer, and what is no file is one.
func TestPathCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Code
	}{
		{&fs.PathError{Op: "open", Path: "app", Err: fs.ErrPermission}, CodeTransport},
		{fmt.Errorf("subjects: %w", &fs.PathError{Op: "read", Path: "app", Err: errors.New("input/output error")}), CodeTransport},
		{fmt.Errorf("%q %w", "app", safefs.ErrLink), CodePath},
		{fmt.Errorf("%q %w", "app", safefs.ErrNotRegular), CodePath},
		{fmt.Errorf("%q %w", "app", safefs.ErrNotLocal), CodePath},
		{fmt.Errorf("%q %w", "app", safefs.ErrTooLarge), CodeLimit},
		{fmt.Errorf("%q %w", "app", safefs.ErrChanged), CodeChanged},
	} {
		if got := pathCode(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, f := File(dir).read(t.Context(), nil, false, nil); f == nil || f.Code != CodePath {
		t.Errorf("a folder with a link in it: %+v, want path", f)
	}
}

// TestUnnamedIsBounded: a pointer is repeated for each value below it, and who
// chooses parameters chooses how long it is.
func TestUnnamedIsBounded(t *testing.T) {
	inner := map[string]any{}
	for i := range 1000 {
		inner[fmt.Sprint(i)] = nil
	}
	long := strings.Repeat("k", 1<<20)
	var strays []string
	if allocated := testing.AllocsPerRun(1, func() {
		strays = nil
		unnamed(map[string]Matcher{"/x": {Exact: "y"}}, map[string]any{long: inner}, "", nil, &strays)
	}); len(strays) != 1 || allocated > 100 {
		t.Errorf("%d strays in %v allocations, want the one long name", len(strays), allocated)
	}
	many := map[string]any{}
	for i := range 1000 {
		many[fmt.Sprint(i)] = "x"
	}
	if got := mismatches(nil, any(many), name{}, true); len(got) != maxUnnamed {
		t.Errorf("%d values that no rule names are reported, want %d", len(got), maxUnnamed)
	}
}

// TestSpentIsBounded: signatures that say nothing about who made them cost a
// check for each key, and what they may cost together is bounded. A signature
// that hints at its key is checked all the same.
func TestSpentIsBounded(t *testing.T) {
	x := &trustIndex{byID: map[string]*trustedKey{}, principals: map[string]*principal{}}
	var signer *testKey
	for i := range 8 {
		k := newTestKey(t, byte(i))
		p := &principal{name: fmt.Sprint("p", i)}
		x.principals[p.name] = p
		x.keys = append(x.keys, &trustedKey{id: k.id, public: k.public, scheme: "ed25519", principal: p})
		x.byID[k.id] = x.keys[i]
		signer = k
	}
	b, err := sign.Payload(t.Context(), "text/plain", []byte("hello"), signer)
	if err != nil {
		t.Fatal(err)
	}
	good := b.Signatures[0]
	blind := good
	blind.KeyID = ""
	for _, c := range []struct {
		name         string
		left, spends int
		signatures   []sign.Signature
		counts       bool
	}{
		{"hinted", 0, 0, []sign.Signature{good}, true},
		{"not hinted", 8, 8, []sign.Signature{blind}, true},
		{"nothing left", 7, 7, []sign.Signature{blind}, false},
		{"junk before", 10, 10, []sign.Signature{{Sig: []byte("junk")}, {Sig: []byte("junk")}, good}, true},
	} {
		b.Signatures, b.Origin = c.signatures, ""
		u, own := &unit{bundles: []*sign.Bundle{b}}, &purse{left: c.left}
		u.authenticate(t.Context(), x, nil, time.Now(), own)
		if spent := c.left - own.left; spent != c.spends || (len(u.signatories) == 1) != c.counts || u.limit != (c.name == "nothing left" || c.name == "junk before") {
			t.Errorf("%s: %d spent, %d signatories, limit %v", c.name, spent, len(u.signatories), u.limit)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Signatures = []sign.Signature{blind}
	u, own := &unit{bundles: []*sign.Bundle{b}}, &purse{left: 100}
	if u.authenticate(ctx, x, nil, time.Now(), own); own.left != 100 {
		t.Errorf("%d spent after the end of the context", 100-own.left)
	}
}

// TestVerdictJSON: a terminal shows JSON too.
func TestVerdictJSON(t *testing.T) {
	v := &Verdict{Artifact: "a\u009b31m\x7f\u202eb ü 世 \U000e0041"}
	data, err := json.Marshal(v)
	if err != nil || !json.Valid(data) {
		t.Fatalf("%s, %v", data, err)
	}
	if want := `"a\u009b31m\u007f\u202eb ü 世 \udb40\udc41"`; !strings.Contains(string(data), want) {
		t.Errorf("%s\nwant %s in it", data, want)
	}
	var back struct{ Artifact string }
	if err := json.Unmarshal(data, &back); err != nil || back.Artifact != v.Artifact {
		t.Errorf("%q, %v, want %q", back.Artifact, err, v.Artifact)
	}
}

type testKey struct {
	ed25519.PrivateKey
	public crypto.PublicKey
	id     string
}

func newTestKey(t *testing.T, seed byte) *testKey {
	t.Helper()
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	id, err := keycheck.ID(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &testKey{k, k.Public(), id}
}

func (k *testKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.PrivateKey, data), nil
}
func (k *testKey) KeyID() (string, error) { return k.id, nil }

// An Error whose Verdict lists no failure still says what was decided, of what.
func TestErrorOfNothing(t *testing.T) {
	if got := (&Error{&Verdict{Artifact: "a\x1b[2J"}}).Error(); !strings.HasPrefix(got, "undecided: ") || strings.ContainsRune(got, 0x1b) {
		t.Errorf("%q", got)
	}
}
