package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/verify"
)

// A key that ends soon is found, and neither one that ends later nor one that was
// revoked; a role that nothing names is found, and none that a quorum names.
func TestReleaseFindings(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	trust := &verify.Trust{Version: 3, Expires: day(90), Root: verify.Quorum{AtLeast: 1, Of: []string{"managers"}},
		Principals: map[string]verify.Principal{
			"ann": {Kind: verify.Person, Keys: []verify.Key{{NotAfter: day(29)}, {NotAfter: day(31)}, {}}},
			"bob": {Kind: verify.Person, Keys: []verify.Key{{NotAfter: day(1), Revoked: &verify.KeyRevocation{At: now}}}},
		},
		Roles: map[string][]string{"managers": {"ann"}, "nobodys": {"bob"}}}
	o := releaseFindings{within: 30 * 24 * time.Hour, now: now}
	if err := o.keys(trust); err != nil {
		t.Fatal(err)
	}
	if err := o.roles(trust); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range o.found {
		got += fmt.Sprintf("%s %s; ", f.Code, f.What)
	}
	if want := "expiring ann; unused-role nobodys; "; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}
