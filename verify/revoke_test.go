package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// A revocation is in the next version, can be brought forward, and is never put off.
func TestRevoke(t *testing.T) {
	ci, alice := exampleKey(), exampleKey()
	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci, "alice": alice}, map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person}))
	if err != nil {
		t.Fatal(err)
	}
	id, err := ci.KeyID()
	if err != nil {
		t.Fatal(err)
	}
	next, err := trust.Revoke(id, judged.Add(time.Millisecond), "laptop lost")
	if err != nil {
		t.Fatal(err)
	}
	if r := next.Principals["ci"].Keys[0].Revoked; next.Version != 2 || r == nil || !r.At.Equal(judged) || r.Reason != "laptop lost" {
		t.Errorf("version %d, %+v", next.Version, r)
	}
	if trust.Principals["ci"].Keys[0].Revoked != nil || next.Principals["alice"].Keys[0].Revoked != nil {
		t.Error("it revoked more than that key in the next version")
	}
	if earlier, err := next.Revoke(id, judged.Add(-time.Hour), "seen on Tuesday"); err != nil || !earlier.Principals["ci"].Keys[0].Revoked.At.Equal(judged.Add(-time.Hour)) {
		t.Errorf("brought forward: %v", err)
	}
	if _, err := next.Revoke(id, judged.Add(time.Hour), "found again"); err == nil || !strings.Contains(err.Error(), "cannot be put off") {
		t.Errorf("put off: %v", err)
	}
	for _, other := range []string{"", id[:12], strings.ToUpper(id)} {
		if _, err := trust.Revoke(other, judged, ""); err == nil || !strings.Contains(err.Error(), "no principal of the trust file has a key") {
			t.Errorf("%q: %v", other, err)
		}
	}
	if _, err := (&verify.Trust{}).Revoke(id, judged, ""); err == nil {
		t.Error("the zero Trust: no error")
	}
}
