package gcp_test

import (
	"context"
	"fmt"

	"github.com/touchmark-go/touchmark/sign/kms/gcp"
)

func ExampleSigner() {
	ctx := context.Background()
	// With Google's application default credentials:
	key, err := gcp.Signer(ctx, "gcpkms://release")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(key.MarshalPublic())) // for the trust file
	// Output: key "gcpkms://release": no reference to a key in Google Cloud, want gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V
}
