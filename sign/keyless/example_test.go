package keyless_test

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/touchmark-go/touchmark/sign/keyless"
)

// The services are those of a signing configuration; the token is that of the
// CI job. With both, keyless.Statement(ctx, statement, options) signs.
func ExampleParseSigningConfig() {
	config := []byte(`{
		"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
		"caUrls":        [{"url": "https://fulcio.acme.example", "majorApiVersion": 1, "operator": "acme", "validFor": {"start": "2026-01-01T00:00:00Z"}}],
		"rekorTlogUrls": [{"url": "https://rekor.acme.example",  "majorApiVersion": 2, "operator": "acme", "validFor": {"start": "2026-01-01T00:00:00Z"}}],
		"rekorTlogConfig": {"selector": "ANY"},
		"tsaUrls":       [{"url": "https://tsa.acme.example/api/v1/timestamp", "majorApiVersion": 1, "operator": "acme", "validFor": {"start": "2026-01-01T00:00:00Z"}}],
		"tsaConfig": {"selector": "ANY"}
	}`)
	services, err := keyless.ParseSigningConfig(config, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if err != nil {
		log.Fatal(err)
	}
	options := keyless.Options{Services: services, Token: keyless.Ambient(os.Getenv)}
	fmt.Println(options.Services.CertificateAuthority, options.Services.Logs)
	// Output: https://fulcio.acme.example [https://rekor.acme.example]
}
