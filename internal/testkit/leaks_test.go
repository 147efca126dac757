package testkit_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// TestLeaks shows that Leaks finds what it looks for, in every form, and nothing else.
func TestLeaks(t *testing.T) {
	for _, secret := range []string{"hunter2/x+y", "p@ss \"word\" <&>", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"} {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		written := map[string]string{
			"plain": secret, "json": string(quoted), "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "user": url.UserPassword("me", secret).String(),
			"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))), "twice": base64.StdEncoding.EncodeToString(quoted),
		}
		for shift := range 4 {
			around := strings.Repeat("{", shift) + secret + strings.Repeat("}", shift)
			written["std"+around] = base64.StdEncoding.EncodeToString([]byte(around))
			written["url"+around] = base64.URLEncoding.EncodeToString([]byte(around))
			written["raw"+around] = base64.RawURLEncoding.EncodeToString([]byte(around))
		}
		for name, text := range written {
			if len(testkit.Leaks([]byte("… "+text+" …"), secret)) == 0 {
				t.Errorf("%s of %s is not found in %s", name, secret, text)
			}
		}
		if found := testkit.Leaks([]byte("something else, such as hunter3 and "+hex.EncodeToString([]byte("hunter3"))), secret); found != nil {
			t.Errorf("found %q", found)
		}
	}
	if len(testkit.Leaks([]byte("… bPxRfiCYEXAMPLEKEY"), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")) == 0 {
		t.Error("the end of a long secret is not found")
	}
	if len(testkit.Leaks([]byte("MIIEowIBAAKCAQEA"), "-----BEGIN\nMIIEowIBAAKCAQEA\n-----END")) == 0 {
		t.Error("a line of a secret is not found")
	}
}
