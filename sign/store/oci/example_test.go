package oci_test

import (
	"context"
	"fmt"
	"log"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/store/oci"
)

// Whoever builds an image leaves the evidence beside it; whoever runs it asks for that by the image's digest.
func ExampleBundles() {
	repository, digest, stop := registryWithImage() // "127.0.0.1:PORT/team/app"
	defer stop()
	ctx := context.Background()
	options := oci.Options{InsecureHTTP: true} // the zero Options of a real one

	// Who builds:
	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		log.Fatal(err)
	}
	statement, err := provenance.New("https://example.com/note/v1", map[string]string{"text": "as built"},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(digest)})
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := sign.Statement(ctx, statement, key)
	if err != nil {
		log.Fatal(err)
	}
	repo, err := options.Open(repository)
	if err != nil {
		log.Fatal(err)
	}
	if err := repo.Push(ctx, digest, bundle); err != nil {
		log.Fatal(err)
	}

	// Who runs:
	evidence, err := options.Bundles(ctx, repository+"@"+digest.String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(evidence), evidence[0].ID() == bundle.ID())

	_, err = options.Bundles(ctx, "registry.example/team/app:v1")
	fmt.Println(err)
	// Output:
	// 1 true
	// image "registry.example/team/app:v1" has no digest, want HOST/PATH@sha256:HEX: a tag may be another image tomorrow
}
