package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/store"
)

// note signs something about an artifact whose bytes are app.
func note(ctx context.Context) (*sign.Bundle, provenance.Digest, error) {
	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return nil, provenance.Digest{}, err
	}
	digest := provenance.SumSHA256([]byte("app"))
	statement, err := provenance.New("https://example.com/note/v1", map[string]string{"text": "as seen"},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(digest)})
	if err != nil {
		return nil, provenance.Digest{}, err
	}
	bundle, err := sign.Statement(ctx, statement, key)
	return bundle, digest, err
}

// Evidence is kept where whoever knows the artifact's digest finds it.
func ExampleAdd() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	bundle, digest, err := note(ctx)
	if err != nil {
		log.Fatal(err)
	}

	folder, err := store.Create(filepath.Join(dir, "evidence"))
	if err != nil {
		log.Fatal(err)
	}
	defer folder.Close()
	if err := store.Add(ctx, folder, bundle); err != nil {
		log.Fatal(err)
	}

	found, err := folder.Bundles(ctx, digest) // for verify.Request
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(found), found[0].ID() == bundle.ID())
	// Output: 1 true
}

// What belongs to a release and is no evidence, such as its configuration, rests beside it.
func ExampleFolder_Blob() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	folder, err := store.Create(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer folder.Close()

	digest, err := folder.PutBlob(ctx, strings.NewReader("replicas: 3\n"))
	if err != nil {
		log.Fatal(err)
	}
	blob, err := folder.Blob(ctx, digest)
	if err != nil {
		log.Fatal(err)
	}
	defer blob.Close()
	config, err := io.ReadAll(blob) // the end is an error if this is not what the digest says
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s", digest, config)
	// Output:
	// sha256:9cf3a5f89adc05f90e87b284d40f8e39e1b763d9f9df307327e6f127ed492175
	// replicas: 3
}

// An archive, a mirror, the far side of an air gap.
func ExampleCopy() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	here, err := store.Create(filepath.Join(dir, "here"))
	if err != nil {
		log.Fatal(err)
	}
	defer here.Close()
	there, err := store.Create(filepath.Join(dir, "there"))
	if err != nil {
		log.Fatal(err)
	}
	defer there.Close()
	bundle, _, err := note(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Add(ctx, here, bundle); err != nil {
		log.Fatal(err)
	}

	done, err := store.Copy(ctx, there, here)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", done)
	problems, err := there.Fsck(ctx, false)
	fmt.Println(problems, err)
	// Output:
	// {Subjects:1 Bundles:1 Blobs:0}
	// [] <nil>
}

// Two who attest the same artifact add to one file, and lose nothing.
func ExampleAppend() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.intoto.jsonl")
	for range 2 {
		bundle, _, err := note(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if err := store.Append(ctx, path, bundle); err != nil {
			log.Fatal(err)
		}
	}

	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	bundles, err := sign.Read(file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(bundles), bundles[0].ID() == bundles[1].ID())
	// Output: 2 true
}

// What nobody needs any more may go, if it has been there for long.
func ExampleFolder_Discard() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	folder, err := store.Create(filepath.Join(dir, "evidence"))
	if err != nil {
		log.Fatal(err)
	}
	defer folder.Close()
	config, err := folder.PutBlob(ctx, strings.NewReader("level: info\n"))
	if err != nil {
		log.Fatal(err)
	}

	err = folder.Discard(ctx, config, time.Now().Add(-24*time.Hour))
	fmt.Println(errors.Is(err, store.ErrFresh)) // somebody may be about to release with it
	// Output: true
}
