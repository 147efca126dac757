package index_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/rollout/index"
)

// An index is a Keeper for rollout.NewReplayOver, which sets and keeps by itself.
func Example() {
	dir, err := os.MkdirTemp("", "index")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	key := make([]byte, index.KeySize) // kept where only its owner reads it, and not in the folder
	rand.Read(key)

	x, err := index.Open(context.Background(), filepath.Join(dir, "index"), key)
	if err != nil {
		log.Fatal(err)
	}
	defer x.Close()
	if err := x.SetNumber("1.4.0", 7); err != nil {
		log.Fatal(err)
	}
	if err := x.Keep(release.Head{Origin: "releases.acme.example", Size: 12}); err != nil {
		log.Fatal(err)
	}
	n, err := x.Number("1.4.0")
	fmt.Println(n, err, x.Kept().Size)
	// Output: 7 <nil> 12
}
