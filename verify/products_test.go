package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// productTrust is a trust file with one product, and text replaced in it.
func productTrust(t *testing.T, old, new string) []byte {
	t.Helper()
	pem := func(name string) string {
		data, err := json.Marshal(pemOf(seeded(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	text := fmt.Sprintf(`{
  "schema": "https://github.com/touchmark-go/touchmark/trust/v1", "version": 1, "expires": "2027-11-01T00:00:00Z",
  "principals": {
    "ci": { "kind": "builder", "keys": [{ "pem": %s }] },
    "ann": { "kind": "person", "keys": [{ "pem": %s }] },
    "bob": { "kind": "person", "keys": [{ "pem": %s }] }
  },
  "roles": { "managers": ["ann", "bob"], "all": ["ann", "bob", "ci"] },
  "revokers": ["ann"],
  "products": { "app": { "versions": "semver", "releasers": ["ci"], "revokers": ["managers"], "stages": [
    { "name": "canary", "promoters": ["ci"] },
    { "name": "prod", "from": "canary", "soak": "36h", "approvals": [{ "atLeast": 2, "of": ["all"] }], "promoters": ["managers"], "rollback": ["bob", "ci"], "deployers": ["ci"],
      "hotfix": { "approvals": ["ann"], "within": "1d" } }
  ] } }
}`, pem("ci"), pem("ann"), pem("bob"))
	changed := strings.Replace(text, old, new, 1)
	if old != new && changed == text {
		t.Fatalf("%s: nothing changed", old)
	}
	return []byte(changed)
}

func TestProducts(t *testing.T) {
	trust, err := verify.ParseTrust(productTrust(t, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	got, err := trust.ReleaseRoles()
	if err != nil {
		t.Fatal(err)
	}
	managers := []string{"ann", "bob"}
	want := &release.Roles{Version: 1, People: managers, Revokers: []string{"ann"}, Products: map[string]release.Rules{"app": {
		Scheme: release.SemVer, Releasers: []string{"ci"}, Revokers: managers, Stages: []release.Stage{
			{Name: "canary", Promoters: []string{"ci"}},
			{Name: "prod", From: "canary", Soak: 36 * time.Hour, Approvals: []release.Quorum{{AtLeast: 2, Of: managers}}, Promoters: managers, Rollback: []string{"bob", "ci"}, Deployers: []string{"ci"},
				Hotfix: &release.Hotfix{Approvals: []release.Quorum{{AtLeast: 1, Of: []string{"ann"}}}, Within: 24 * time.Hour}},
		}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	again, err := verify.ParseTrust(trust.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Marshal(), trust.Marshal()) || !reflect.DeepEqual(again.Products, trust.Products) {
		t.Errorf("it does not survive a round trip:\n%s", again.Marshal())
	}
}

func TestProductsRefused(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{`"app":`, `"App":`, "/products/App"},
		{`"semver"`, `"roman"`, "scheme"},
		{`"versions": "semver", `, ``, "scheme"},
		{`"releasers": ["ci"]`, `"releasers": []`, "releasers"},
		{`"releasers": ["ci"]`, `"releasers": ["nobody"]`, "/products/app/releasers/0"},
		{`"releasers": ["ci"]`, `"releasers": ["ci", "ci"]`, "twice"},
		{`"revokers": ["ann"]`, `"revokers": ["nobody"]`, "/revokers/0"},
		{`"name": "prod"`, `"name": "canary"`, "twice"},
		{`"from": "canary"`, `"from": "prod"`, "a stage before it"},
		{`"from": "canary", `, ``, "soak"},
		{`"soak": "36h"`, `"soak": "soon"`, "/soak"},
		{`"promoters": ["managers"]`, `"promoters": []`, "promoters"},
		{`"atLeast": 2, "of": ["all"]`, `"atLeast": 3, "of": ["all"]`, "2 persons"}, // ci is none
		{`"atLeast": 2, "of": ["all"]`, `"atLeast": 1, "of": ["nobody"]`, "/of/0"},
		{`"approvals": ["ann"]`, `"approvals": ["ci"]`, "persons"},
		{`"approvals": ["ann"]`, `"approvals": [{ "any": true }]`, "any"},
		{`"within": "1d"`, `"within": "0s"`, "within"},
		{`, "within": "1d"`, ``, "within"},
		{`"name": "canary"`, `"name": "canary", "unless": "friday"`, "unless"},
	} {
		_, err := verify.ParseTrust(productTrust(t, test.old, test.new))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "trust-invalid") {
			t.Errorf("%s: %v, want %q", test.new, err, test.want)
		}
	}
}
