package sign_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

var (
	errSeveral = errors.New("not one line of evidence")
	errFew     = errors.New("fewer than two people signed it")
)

// stricter is why we refuse what they accept, by what our error says: the rows of
// docs/differences.md.
var stricter = []testkit.Difference{
	{Name: "letter case", Text: "must be spelled"},
	{Name: "a member twice", Text: "duplicate member"},
	{Name: "null", Text: "found null"},
	{Name: "what is missing", Text: "found none"},
	{Name: "base64", Text: "not strict base64"},
	{Name: "bytes that are no text", Text: "UTF-8"},
	{Name: "several documents", Text: errSeveral.Error()},
}

// looser is what we accept and they refuse.
var looser = testkit.Difference{Name: "the name of a key"}

// An envelopeWorld is two people who both must have signed, for us and for
// go-securesystemslib.
type envelopeWorld struct {
	trust  *verify.Trust
	theirs *dsse.EnvelopeVerifier
	lines  [][]byte // good envelopes
}

func newEnvelopeWorld(t testing.TB) *envelopeWorld {
	t.Helper()
	w := &envelopeWorld{trust: &verify.Trust{Version: 1, Expires: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), Principals: map[string]verify.Principal{}}}
	var keys []*testKey
	for i, name := range []string{"ann", "ben"} {
		key := &testKey{ed: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(7 + i)}, 32))}
		key.public = key.ed.Public()
		der, err := x509.MarshalPKIXPublicKey(key.public)
		if err != nil {
			t.Fatal(err)
		}
		key.id = provenance.SumSHA256(der).Hex()
		w.trust.Principals[name] = verify.Principal{Kind: verify.Person, Keys: []verify.Key{{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}}
		keys = append(keys, key)
	}
	var err error
	if w.theirs, err = dsse.NewMultiEnvelopeVerifier(2, keys[0], keys[1]); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`{"_type":"https://in-toto.io/Statement/v1"}`, "a", "", "\xff\xfe>?"} {
		b, err := sign.Payload(t.Context(), provenance.PayloadType, []byte(payload), keys[0], keys[1])
		if err != nil {
			t.Fatal(err)
		}
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var e dsse.Envelope
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		e.Payload = strings.NewReplacer("+", "-", "/", "_").Replace(e.Payload)
		other, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		w.lines = append(w.lines, line, other)
	}
	return w
}

// ours is the payload that both signed, for us, or why there is none.
func (w *envelopeWorld) ours(t testing.TB, line []byte) (string, error) {
	all, err := sign.Read(bytes.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		return "", errSeveral
	}
	if all[0].Err != nil {
		return "", all[0].Err
	}
	got, err := verify.Authenticate(t.Context(), w.trust, all[0], time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return "", err
	}
	if len(got.Signatories) < 2 {
		return "", errFew
	}
	return string(got.Payload), nil
}

func (w *envelopeWorld) their(t testing.TB, line []byte) (string, error) {
	var e dsse.Envelope
	if err := json.Unmarshal(line, &e); err != nil {
		return "", err
	}
	if _, err := w.theirs.Verify(t.Context(), &e); err != nil {
		return "", err
	}
	payload, err := e.DecodeB64Payload()
	return string(payload), err
}

// compare decides twice, and names the difference.
func (w *envelopeWorld) compare(t *testing.T, line []byte) string {
	t.Helper()
	payload, err := w.ours(t, line)
	theirs, theirErr := w.their(t, line)
	switch {
	case err != nil && theirErr != nil:
		return "same: no"
	case err == nil && theirErr == nil:
		if payload != theirs {
			t.Errorf("we read %q, they %q, of\n%s", payload, theirs, line)
		}
		return "same: yes"
	case err == nil:
		if w.theyNeedKeyIDs(t, line, payload) {
			return looser.Name
		}
		t.Errorf("we accept and they refuse: %v\n%s", theirErr, line)
		return "looser"
	}
	if name := testkit.Explain(stricter, err); name != "" {
		return name
	}
	t.Errorf("they accept and we refuse: %v\n%s", err, line)
	return "stricter"
}

// theyNeedKeyIDs reports whether they would accept the envelope if it had the ids of
// the keys, which nobody signs.
func (w *envelopeWorld) theyNeedKeyIDs(t testing.TB, line []byte, want string) bool {
	var e dsse.Envelope
	if json.Unmarshal(line, &e) != nil {
		return false
	}
	for i := range e.Signatures {
		e.Signatures[i].KeyID = ""
	}
	fixed, err := json.Marshal(e)
	if err != nil {
		return false
	}
	got, err := w.their(t, fixed)
	return err == nil && got == want
}

func TestEnvelopesAgainstSecuresystemslib(t *testing.T) {
	testkit.Documented(t, "Envelopes", append(stricter, looser))
	w := newEnvelopeWorld(t)
	met := map[string]int{}
	for _, line := range w.lines {
		if got := w.compare(t, line); got != "same: yes" {
			t.Fatalf("a good envelope: %s\n%s", got, line)
		}
		for seed := range uint64(300) {
			met[w.compare(t, testkit.MutateJSON(rand.New(rand.NewPCG(seed, 3)), line))]++
		}
	}
	t.Log(met)
	if met["same: no"] < 500 || met["same: yes"] < 100 {
		t.Errorf("the mutants show nothing: %v", met)
	}
}

func FuzzEnvelopesAgainstSecuresystemslib(f *testing.F) {
	w := newEnvelopeWorld(f)
	for i, line := range w.lines {
		f.Add(line, uint64(0))
		f.Add(line, uint64(i+1))
	}
	f.Fuzz(func(t *testing.T, line []byte, seed uint64) {
		if len(line) > 1<<16 {
			t.Skip()
		}
		if seed > 0 {
			line = testkit.MutateJSON(rand.New(rand.NewPCG(seed, 3)), line)
		}
		w.compare(t, line)
	})
}
