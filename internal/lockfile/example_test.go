package lockfile_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// What a lock file declares: a package, and the digest of the file that it is.
func ExampleParse() {
	const file = `version = 4

[[package]]
name = "libc"
version = "0.2.155"
source = "registry+https://index.example/index"
checksum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
`
	lock, err := lockfile.Parse("Cargo.lock", strings.NewReader(file))
	if err != nil {
		log.Fatal(err) // with the file's name and the line
	}
	for _, p := range lock.Packages {
		fmt.Println(p.PURL, p.Digests["sha256"][:12])
	}
	// Output:
	// pkg:cargo/libc@0.2.155 e3b0c44298fc
}
