package sign_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/in-toto/in-toto-golang/in_toto"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

func TestDependencies(t *testing.T) {
	deptest.Only(t, "sign", deptest.Budget{Modules: 2, Own: []string{"provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}

// newStatement is about one file, and its predicate has what trips encoders up.
func newStatement(t testing.TB) *provenance.Statement {
	t.Helper()
	s, err := provenance.New("https://example.com/test/v1", map[string]any{"text": "line 1\nline 2 <&> \u2028 é", "n": 1},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readOne reads exactly one good bundle.
func readOne(t testing.TB, doc []byte) *sign.Bundle {
	t.Helper()
	all, err := sign.Read(bytes.NewReader(doc))
	if err != nil || len(all) != 1 || all[0].Err != nil {
		t.Fatalf("Read(%.200q): %d entries, %v", doc, len(all), errors.Join(err, firstErr(all)))
	}
	return all[0]
}

func firstErr(all []*sign.Bundle) error {
	for _, b := range all {
		if b.Err != nil {
			return b.Err
		}
	}
	return nil
}

// readErr reads one entry that is refused, and returns why.
func readErr(t testing.TB, doc []byte) error {
	t.Helper()
	all, err := sign.Read(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("Read(%.200q): %v", doc, err)
	}
	if len(all) != 1 {
		t.Fatalf("Read(%.200q): %d entries, want 1", doc, len(all))
	}
	if b := all[0]; b.Err != nil && (b.PAE() != nil || b.UnverifiedPayload() != nil || !b.ID().IsZero() || b.Signatures != nil || b.PayloadType != "" || b.Format != "") {
		t.Errorf("an entry with Err (%v) holds more: %+v", b.Err, b)
	}
	return all[0].Err
}

func TestStatement(t *testing.T) {
	ctx := t.Context()
	alice, bob := newP256(t, "alice"), newEd25519(t, "bob")
	s := newStatement(t)
	b, err := sign.Statement(ctx, s, alice, bob)
	if err != nil {
		t.Fatal(err)
	}
	body, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.UnverifiedPayload(), body) || b.PayloadType != "application/vnd.in-toto+json" || b.Format != sign.DSSE || b.Origin != "" || b.Err != nil {
		t.Errorf("got %+v over %q, want %q", b, b.UnverifiedPayload(), body)
	}
	if want := dsse.PAE(b.PayloadType, body); !bytes.Equal(b.PAE(), want) {
		t.Errorf("PAE %q, want %q", b.PAE(), want)
	}
	if want := provenance.SumSHA256(b.PAE()); b.ID() != want {
		t.Errorf("ID %s, want %s", b.ID(), want)
	}
	for i, key := range []*testKey{alice, bob} {
		if b.Signatures[i].KeyID != key.id {
			t.Errorf("signature %d: key id %q, want %q", i, b.Signatures[i].KeyID, key.id)
		}
		if err := key.Verify(ctx, b.PAE(), b.Signatures[i].Sig); err != nil {
			t.Errorf("signature %d: %v", i, err)
		}
	}
	apart, err := sign.Statement(ctx, s, bob)
	if err != nil || apart.ID() != b.ID() {
		t.Errorf("signed apart: %s, %v, want %s", apart.ID(), err, b.ID())
	}
}

type badKey struct {
	id      string
	sig     []byte
	errID   error
	errSign error
	change  bool
}

func (k *badKey) KeyID() (string, error) { return k.id, k.errID }
func (k *badKey) Sign(_ context.Context, data []byte) ([]byte, error) {
	if k.change {
		clear(data)
	}
	return k.sig, k.errSign
}

func TestStatementRefuses(t *testing.T) {
	good := newEd25519(t, "good")
	broken := errors.New("broken")
	noSubject := newStatement(t)
	noSubject.Subject = nil
	for _, c := range []struct {
		name    string
		s       *provenance.Statement
		signers []sign.Signer
		is      error
	}{
		{"nil statement", nil, []sign.Signer{good}, nil},
		{"zero statement", &provenance.Statement{}, []sign.Signer{good}, nil},
		{"no subject", noSubject, []sign.Signer{good}, nil},
		{"no signer", newStatement(t), nil, nil},
		{"nil signer", newStatement(t), []sign.Signer{good, nil}, nil},
		{"nil pointer as signer", newStatement(t), []sign.Signer{(*testKey)(nil)}, nil},
		{"no key id", newStatement(t), []sign.Signer{&badKey{errID: broken, sig: []byte("s")}}, broken},
		{"key id that is not UTF-8", newStatement(t), []sign.Signer{&badKey{id: "\xff", sig: []byte("s")}}, nil},
		{"signer that fails", newStatement(t), []sign.Signer{&badKey{errSign: broken}}, broken},
		{"empty signature", newStatement(t), []sign.Signer{&badKey{}}, nil},
		{"too many signers", newStatement(t), make([]sign.Signer, sign.MaxSignatures+1), sign.ErrLimit},
	} {
		b, err := sign.Statement(t.Context(), c.s, c.signers...)
		if err == nil || b != nil || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %v, want an error %v", c.name, b, err, c.is)
		}
	}
	if _, err := sign.Statement(t.Context(), newStatement(t), good); err != nil {
		t.Errorf("the neighbour of all these: %v", err)
	}
}

func TestPayload(t *testing.T) {
	key := newEd25519(t, "k")
	if _, err := sign.Payload(t.Context(), "", []byte("x"), key); err == nil {
		t.Error("signed without a payload type")
	}
	if _, err := sign.Payload(t.Context(), "a\xff", []byte("x"), key); err == nil {
		t.Error("signed with a payload type that is not UTF-8")
	}
	if _, err := sign.Payload(t.Context(), "t", make([]byte, sign.MaxEnvelopeSize), key); !errors.Is(err, sign.ErrLimit) {
		t.Errorf("signed more than can be read: %v", err)
	}
	body := []byte("body")
	for _, signers := range [][]sign.Signer{{&badKey{sig: []byte("s"), change: true}}, {&badKey{sig: []byte("s"), change: true}, key}, {key, &badKey{sig: []byte("s"), change: true}}} {
		if b, err := sign.Payload(t.Context(), "application/x", body, signers...); err == nil {
			t.Errorf("a signer wrote into what it was to sign: %q", b.PAE())
		}
	}
	b, err := sign.Payload(t.Context(), "application/x", body, &badKey{sig: []byte("s")}, key)
	if err != nil {
		t.Fatal(err)
	}
	body[0] = 'B'
	if want := "DSSEv1 13 application/x 4 body"; string(b.PAE()) != want {
		t.Errorf("PAE %q, want %q: callers must not reach it", b.PAE(), want)
	}
	if err := key.Verify(t.Context(), b.PAE(), b.Signatures[1].Sig); err != nil {
		t.Errorf("the second signer: %v", err)
	}
	empty, err := sign.Payload(t.Context(), "t", nil, key)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := empty.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got := readOne(t, doc); got.ID() != empty.ID() || len(got.UnverifiedPayload()) != 0 {
		t.Errorf("an empty payload became %q", got.UnverifiedPayload())
	}
}

func TestZeroBundle(t *testing.T) {
	for _, b := range []*sign.Bundle{nil, {}, {Format: sign.DSSE, PayloadType: "t", Signatures: []sign.Signature{{Sig: []byte("s")}}}, {Err: errors.New("no")}} {
		if line, err := b.Marshal(); err == nil {
			t.Errorf("Marshal of %+v = %s, want an error", b, line)
		}
		var out bytes.Buffer
		if err := sign.Write(&out, b); err == nil || out.Len() > 0 {
			t.Errorf("Write of %+v wrote %d bytes, %v", b, out.Len(), err)
		}
	}
	if b := (&sign.Bundle{}); b.PAE() != nil || b.UnverifiedPayload() != nil || !b.ID().IsZero() {
		t.Error("the zero Bundle holds something")
	}
	if err := sign.Write(&bytes.Buffer{}); err == nil {
		t.Error("wrote no bundle at all, want an error")
	}
}

func TestMarshalRefuses(t *testing.T) {
	key := newEd25519(t, "k")
	for _, c := range []struct {
		name   string
		change func(b *sign.Bundle)
		want   string
	}{
		{"nothing", func(b *sign.Bundle) {}, ""},
		{"another payload type", func(b *sign.Bundle) { b.PayloadType += "x" }, `payload type "application/vnd.in-toto+jsonx" is not the one that was signed`},
		{"no signature", func(b *sign.Bundle) { b.Signatures = nil }, "want a signature, found none"},
		{"an empty signature", func(b *sign.Bundle) { b.Signatures[0].Sig = nil }, "signature 0 is empty"},
		{"too many signatures", func(b *sign.Bundle) { b.Signatures = make([]sign.Signature, 65) }, "65 signatures, want at most 64: over a limit"},
		{"no format", func(b *sign.Bundle) { b.Format = "" }, `want format "dsse" or "sigstore-bundle", found ""`},
		{"an empty certificate in an envelope", func(b *sign.Bundle) { b.Signatures[0].Chain = [][]byte{{}} }, "signature 0 has an empty certificate"},
		{"nine certificates in an envelope", func(b *sign.Bundle) {
			b.Signatures[0].Chain = [][]byte{{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}}
		}, "signature 0 has 9 certificates, want at most 8: over a limit"},
		{"a timestamp in an envelope", func(b *sign.Bundle) { b.Signatures[0].Timestamps = [][]byte{{1}} }, `signature 0 has timestamps or log entries, which "dsse" would lose: want "sigstore-bundle"`},
		{"a bundle", func(b *sign.Bundle) { b.Format = sign.Sigstore }, ""},
		{"a bundle with two signatures", func(b *sign.Bundle) { b.Format = sign.Sigstore; b.Signatures = append(b.Signatures, b.Signatures[0]) }, "want exactly one signature in a Sigstore bundle, found 2"},
		{"a bundle with a leaf", func(b *sign.Bundle) { b.Format = sign.Sigstore; b.Signatures[0].Chain = [][]byte{{1}} }, ""},
		{"a bundle with a chain", func(b *sign.Bundle) { b.Format = sign.Sigstore; b.Signatures[0].Chain = [][]byte{{1}, {2}} }, "2 certificates, want one: a bundle v0.3 holds the leaf only"},
		{"a log entry that is none", func(b *sign.Bundle) {
			b.Format = sign.Sigstore
			b.Signatures[0].LogEntries = []json.RawMessage{json.RawMessage(`{"x":1}`)}
		}, `log entry 0: line 1, column 2: unknown member "x"`},
		{"too many log entries", func(b *sign.Bundle) {
			b.Format = sign.Sigstore
			b.Signatures[0].LogEntries = make([]json.RawMessage, sign.MaxLogEntries+1)
		}, "33 log entries, 0 timestamps and 0 certificates, want at most 32, 32 and 8: over a limit"},
		{"a key id that is not UTF-8", func(b *sign.Bundle) { b.Signatures[0].KeyID = "\xff" }, `want UTF-8, found "\xff"`},
	} {
		b, err := sign.Statement(t.Context(), newStatement(t), key)
		if err != nil {
			t.Fatal(err)
		}
		c.change(b)
		line, err := b.Marshal()
		switch {
		case c.want == "" && err == nil:
			if got := readOne(t, line); got.ID() != b.ID() || got.Format != b.Format {
				t.Errorf("%s: read back as %+v", c.name, got)
			}
		case c.want == "" || err == nil || err.Error() != "sign: cannot write the bundle: "+c.want:
			t.Errorf("%s: %s, %v, want %s", c.name, line, err, c.want)
		}
	}
}

// What we write, in-toto-golang's LoadMetadata reads and verifies, new lines in
// the payload and all.
func TestInTotoReadsWhatWeWrite(t *testing.T) {
	link := in_toto.Link{Type: "link", Name: "build", Materials: map[string]in_toto.HashObj{}, Products: map[string]in_toto.HashObj{},
		ByProducts: map[string]any{"stdout": "line 1\nline 2 <&>\n"}, Command: []string{"go", "build"}, Environment: map[string]any{}}
	body, err := json.Marshal(link)
	if err != nil {
		t.Fatal(err)
	}
	key := newP256(t, "")
	key.id, err = dsse.SHA256KeyID(key.public)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.Payload(t.Context(), in_toto.PayloadType, body, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "build.link")
	var out bytes.Buffer
	if err := sign.Write(&out, b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := in_toto.LoadMetadata(path)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := m.GetPayload().(in_toto.Link)
	if !ok || got.ByProducts["stdout"] != "line 1\nline 2 <&>\n" || got.Name != "build" {
		t.Errorf("LoadMetadata read %+v", m.GetPayload())
	}
	if sigs := m.Sigs(); len(sigs) != 1 || sigs[0].KeyID != key.id {
		t.Errorf("LoadMetadata read signatures %+v", sigs)
	}
	// And the statement that we sign is one for the library below it.
	var e dsse.Envelope
	if err := json.Unmarshal(out.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	verifier, err := dsse.NewEnvelopeVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, payload, err := verifier.VerifyAndDecode(t.Context(), &e); err != nil || !bytes.Equal(payload, body) {
		t.Errorf("go-securesystemslib: %q, %v", payload, err)
	}
}

func TestWriteRead(t *testing.T) {
	var want []*sign.Bundle
	for i := range 3 {
		key := newEd25519(t, fmt.Sprint("key", i))
		b, err := sign.Payload(t.Context(), "application/x", []byte(strings.Repeat("x", i*1000)), key, newP256(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			b.Signatures = b.Signatures[:1]
			b.Format = sign.Sigstore
		}
		want = append(want, b)
	}
	var first, second bytes.Buffer
	if err := sign.Write(&first, want...); err != nil {
		t.Fatal(err)
	}
	got, err := sign.Read(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
	if err := sign.Write(&second, got...); err != nil || first.String() != second.String() {
		t.Errorf("written twice, %v:\n%s\n%s", err, &first, &second)
	}
	if lines := bytes.Count(first.Bytes(), []byte("\n")); lines != 3 {
		t.Errorf("%d lines, want 3", lines)
	}
	broken := errors.New("broken")
	if err := sign.Write(failing{broken}, want...); err != broken {
		t.Errorf("a broken writer: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

// equal compares everything but Origin.
func equal(t *testing.T, got, want []*sign.Bundle) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d bundles, want %d", len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		if g.Err != nil || w.Err != nil {
			t.Errorf("bundle %d: %v, %v", i, g.Err, w.Err)
			continue
		}
		if g.ID() != w.ID() || g.PayloadType != w.PayloadType || g.Format != w.Format || g.MessageDigest != w.MessageDigest || !bytes.Equal(g.PAE(), w.PAE()) {
			t.Errorf("bundle %d: %+v, want %+v", i, g, w)
		}
		a, _ := json.Marshal(g.Signatures)
		b, _ := json.Marshal(w.Signatures)
		if string(a) != string(b) {
			t.Errorf("bundle %d: signatures %s, want %s", i, a, b)
		}
	}
}

// A large payload is written while it is signed. What Marshal returns belongs to
// the caller, each time, and is what it would be if it were written afterwards.
func TestLargePayload(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	key := newP256(t, "k")
	b, err := sign.Payload(t.Context(), "text/plain", body, key, newEd25519(t, "other"))
	if err != nil {
		t.Fatal(err)
	}
	lines := make([][]byte, 4)
	var wg sync.WaitGroup
	for i := range lines {
		wg.Go(func() {
			line, err := b.Marshal()
			if err != nil {
				t.Error(err)
			}
			lines[i] = bytes.Clone(line)
			clear(line)
		})
	}
	wg.Wait()
	again, err := sign.Read(bytes.NewReader(lines[0]))
	if err != nil || len(again) != 1 || again[0].Err != nil || !bytes.Equal(again[0].UnverifiedPayload(), body) || again[0].ID() != b.ID() {
		t.Fatalf("%v, %v", again, err)
	}
	line, err := again[0].Marshal()
	if err != nil {
		t.Fatal(err)
	}
	lines = append(lines, line)
	for i, line := range lines {
		if !bytes.Equal(line, lines[0]) {
			t.Errorf("line %d is another one than the first", i)
		}
	}
}
