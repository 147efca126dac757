package sign_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"os"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// exampleKey is the key of a person, from a seed that anybody can read: real
// ones come from keys.Load or keys.Generate.
func exampleKey(person string) *keys.Key {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, person)
	key, err := keys.New(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		log.Fatal(err)
	}
	return key
}

func exampleStatement() *provenance.Statement {
	s, err := provenance.New("https://in-toto.io/attestation/test-result/v0.1",
		map[string]any{"result": "PASSED", "configuration": []any{}},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("the program")))})
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func ExampleStatement() {
	ctx := context.Background()
	bundle, err := sign.Statement(ctx, exampleStatement(), exampleKey("alice"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bundle.PayloadType)
	fmt.Printf("%s\n", bundle.UnverifiedPayload())
	fmt.Printf("signed by %s\n", bundle.Signatures[0].KeyID)
	// Output:
	// application/vnd.in-toto+json
	// {"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"50fda23bf0a5115d4f893dc10d122c10a4705f47688f5620e80611c092d4053e"}}],"predicateType":"https://in-toto.io/attestation/test-result/v0.1","predicate":{"configuration":[],"result":"PASSED"}}
	// signed by b7048ad46a63cfc5befd2e41f394f36b74a736f9dc6b451d2fbcf9854d856c7e
}

// Two people sign the same statement, each at home. What they signed has one
// ID, so their signatures can be put together.
func ExampleBundle_ID() {
	ctx := context.Background()
	a, err := sign.Statement(ctx, exampleStatement(), exampleKey("alice"))
	if err != nil {
		log.Fatal(err)
	}
	b, err := sign.Statement(ctx, exampleStatement(), exampleKey("bob"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("same statement:", a.ID() == b.ID())
	fmt.Println("same signer:   ", a.Signatures[0].KeyID == b.Signatures[0].KeyID)
	// Output:
	// same statement: true
	// same signer:    false
}

// A trust file, a policy or a state is signed under a payload type of its own.
func ExamplePayload() {
	ctx := context.Background()
	bundle, err := sign.Payload(ctx, "application/vnd.example.state+json", []byte(`{"version":1}`), exampleKey("alice"), exampleKey("bob"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", bundle.PAE())
	fmt.Println(len(bundle.Signatures), "signatures")
	// Output:
	// DSSEv1 34 application/vnd.example.state+json 13 {"version":1}
	// 2 signatures
}

// Evidence is lines of JSON. A Sigstore bundle may stand beside an envelope.
func ExampleWrite() {
	ctx := context.Background()
	envelope, err := sign.Payload(ctx, "text/plain", []byte("hello"), exampleKey("alice"))
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := sign.Payload(ctx, "text/plain", []byte("hello"), exampleKey("bob"))
	if err != nil {
		log.Fatal(err)
	}
	bundle.Format = sign.Sigstore
	var file bytes.Buffer
	if err := sign.Write(&file, envelope, bundle); err != nil {
		log.Fatal(err)
	}
	again, err := sign.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range again {
		fmt.Println(b.Origin, b.Format, b.ID() == envelope.ID())
	}
	// Output:
	// line 1 dsse true
	// line 2 sigstore-bundle true
}

func ExampleBundle_Marshal() {
	bundle, err := sign.Payload(context.Background(), "text/plain", []byte("hello"), exampleKey("alice"))
	if err != nil {
		log.Fatal(err)
	}
	bundle.Format = sign.Sigstore // an envelope is the default
	line, err := bundle.Marshal()
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(append(line, '\n'))
	// Output:
	// {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"b7048ad46a63cfc5befd2e41f394f36b74a736f9dc6b451d2fbcf9854d856c7e"}},"dsseEnvelope":{"payload":"aGVsbG8=","payloadType":"text/plain","signatures":[{"sig":"o7M67MoTljHDvQD0svhmnHZgIPFihDBweFd1UIJDCGdIGOgZeE5Q79rmaaVLA7VMHNCCbSiMa08z74l5QNqmDw=="}]}}
}

// What is in a file of evidence, before anybody has checked it.
func ExampleRead() {
	file := bytes.NewBufferString(`{"payload":"aGVsbG8=","payloadType":"text/plain","signatures":[{"sig":"AAAA"}]}` + "\n" + `{"payload":"aGVsbG8="}`)
	bundles, err := sign.Read(file)
	if err != nil {
		log.Fatal(err) // the file could not be read
	}
	for _, b := range bundles {
		if b.Err != nil {
			fmt.Println(b.Origin, "is no evidence:", b.Err)
			continue
		}
		fmt.Printf("%s claims %q\n", b.Origin, b.UnverifiedPayload())
	}
	// Output:
	// line 1 claims "hello"
	// line 2 is no evidence: line 1, column 23: want member "payloadType" in the envelope, found none
}
