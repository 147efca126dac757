package sigstore_test

import (
	"encoding/json"
	"fmt"

	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// An Authenticator is made of the authorities in a trust file, and handed to
// verify. A trusted root that cannot be used is refused at once.
func ExampleNew() {
	trust := &verify.Trust{Authorities: map[string]verify.Authority{"acme": {
		TrustedRoot: json.RawMessage(`{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`),
		AtLeast:     verify.AuthorityThreshold{Log: 1},
	}}}
	authenticator, err := sigstore.New(trust)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = verify.Options{Authenticators: []verify.Authenticator{authenticator}} // .New(trust, policy)
	// Output: trust-invalid: /authorities/acme/trustedRoot: it has neither a certificate nor a timestamp authority, and can vouch for nothing
}
