package cdxjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

// FuzzDecode holds four readers of the same bytes against each other: Decode,
// Scan, strictjson, and the official schema where the corpus is at hand. What is
// accepted survives a round trip.
func FuzzDecode(f *testing.F) {
	f.Add(document14)
	f.Add(`{"bomFormat":"CycloneDX","specVersion":"1.2","version":1,"components":[{"type":"file","name":"a\nb","version":"1","licenses":[{"license":{"id":"MIT"}}]}]}`)
	f.Add(`{"bomFormat":"CycloneDX","specVersion":"1.3","version":1e0,"metadata":{"timestamp":"2026-11-21T23:59:60Z","properties":[{"x":{"y":[null,1e400]}}]}}`)
	f.Add(`{"bomFormat":"CycloneDX","specVersion":"1.7","definitions":{"patents":[{"patentNumber":"US1","jurisdiction":"US","patentLegalStatus":"granted","patentAssignee":[{"phone":"1"}]}]}}`)
	f.Add(`{"bomFormat":"CycloneDX","specVersion":"1.6","signature":{"signers":[{"algorithm":"https://a","value":"","publicKey":{"kty":"EC","crv":"P-256","x":"","y":""}}]},` +
		`"components":[{"type":"library","name":"\ud83d\ude00","externalReferences":[{"type":"vcs","url":"https://[::1]/%41"}]}]}`)
	f.Add(testkit.LargeBOM(f, 3))
	_, err := os.Stat(filepath.Join(testkit.Root(f), "..", "shared", "corpus"))
	oracle := err == nil || os.Getenv("TOUCHMARK_CORPUS") != ""
	f.Fuzz(func(t *testing.T, text string) {
		bom, lost, err := Decode(text)
		if checked := Validate(text); (checked == nil) != (err == nil) {
			t.Fatalf("%q: decoded %v, checked %v", text, err, checked)
		}
		for _, r := range []io.Reader{strings.NewReader(text), struct{ io.Reader }{strings.NewReader(text)}} {
			if scanned := Scan(r, func(*Part) bool { return true }); (scanned == nil) != (err == nil) {
				t.Fatalf("%q: decoded %v, scanned %v", text, err, scanned)
			}
		}
		plain := strictjson.Check([]byte(text))
		if err == nil && (plain != nil || !json.Valid([]byte(text))) {
			t.Fatalf("%q: accepted, and it is not even JSON: %v", text, plain)
		}
		if oracle && plain == nil && !errors.Is(err, strictjson.ErrLimit) {
			if want := judge(t, text); (want == nil) != (err == nil) {
				t.Fatalf("%q: decoded %v, want %v", text, err, want)
			}
		}
		if err != nil {
			return
		}
		pieces, err := Encode(bom)
		if err != nil && (len(lost) > 0 || strings.Contains(text, `""`)) {
			return // the model cannot tell an empty name from none
		}
		if err != nil {
			t.Fatalf("%q is read (%v lost) and not written: %v", text, lost, err)
		}
		once := string(bytes.Join(pieces, nil))
		again, more, err := Decode(once)
		if err != nil || len(more) > 0 {
			t.Fatalf("%q became %q: %v, %v lost", text, once, err, more)
		}
		if twice := encode(t, again); twice != once {
			t.Fatalf("%q became %q, and then %q", text, once, twice)
		}
	})
}
