package layout_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
)

// ed25519Hex is a key as a layout holds it.
func ed25519Hex(key *keys.Key) string {
	block, _ := pem.Decode(key.MarshalPublic())
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	return fmt.Sprintf("%x", public)
}

func signed(body any, key *keys.Key) []byte {
	data, err := json.Marshal(body)
	if err != nil {
		log.Fatal(err)
	}
	b, err := sign.Payload(context.Background(), provenance.PayloadType, data, key)
	if err != nil {
		log.Fatal(err)
	}
	line, err := b.Marshal()
	if err != nil {
		log.Fatal(err)
	}
	return line
}

// Olga laid out who may build; the builder says what it made.
func ExampleAuthenticator() {
	olga, builder := exampleKey(), exampleKey()
	app := []byte("the program")
	sum := sha256.Sum256(app)
	id, err := builder.KeyID()
	if err != nil {
		log.Fatal(err)
	}
	chain := &layout.Chain{
		Layout: signed(map[string]any{"_type": "layout", "expires": "2027-01-01T00:00:00Z", "readme": "", "inspect": []any{},
			"keys": map[string]any{id: map[string]any{"keyid": id, "keytype": "ed25519", "scheme": "ed25519", "keyval": map[string]any{"public": ed25519Hex(builder)}}},
			"steps": []any{map[string]any{"_type": "step", "name": "build", "pubkeys": []string{id}, "threshold": 1, "expected_command": []string{},
				"expected_materials": [][]string{}, "expected_products": [][]string{{"CREATE", "app"}, {"DISALLOW", "*"}}}}}, olga),
		Files: map[string][]byte{"build." + id[:8] + ".link": signed(map[string]any{"_type": "link", "name": "build", "materials": map[string]any{},
			"products": map[string]any{"app": map[string]string{"sha256": hex.EncodeToString(sum[:])}}, "command": []string{"make"}, "byproducts": nil, "environment": nil}, builder)},
	}
	evidence, err := chain.Bundle()
	if err != nil {
		log.Fatal(err) // the links do not follow the layout
	}

	trust := &verify.Trust{Version: 1, Expires: time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC), Principals: map[string]verify.Principal{
		"olga": {Kind: verify.Person, Keys: []verify.Key{{PEM: string(olga.MarshalPublic())}}}}}
	o := verify.Options{Authenticators: []verify.Authenticator{layout.Authenticator{Trust: trust}}}
	at := time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)
	a, err := o.Authenticate(context.Background(), trust, evidence, at)
	if err != nil {
		log.Fatal(err)
	}
	s, err := provenance.Parse(a.Payload)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Signatories[0].Principal, "vouches for", s.Subject[0].Name, bytes.Equal(sum[:], digest(s)))
	_, err = o.Authenticate(context.Background(), trust, evidence, at.AddDate(0, 2, 0))
	fmt.Println(err != nil)
	// Output:
	// olga vouches for app true
	// true
}

func digest(s *provenance.Statement) []byte {
	sum, err := hex.DecodeString(s.Subject[0].Digest[provenance.SHA256])
	if err != nil {
		log.Fatal(err)
	}
	return sum
}

func exampleKey() *keys.Key {
	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		log.Fatal(err)
	}
	return key
}
