package license_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"testing/fstest"

	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/license"
)

// Say what the texts of a module state.
func ExampleFind() {
	found := license.Find([]license.Text{
		{Name: "LICENSE", Content: []byte("MIT License\n\n" + mit)},
		{Name: "internal/queue/COPYING", Content: []byte(isc)},
	})
	fmt.Println("declared", found.Declared)
	fmt.Println("concluded", found.Concluded)
	// Output:
	// declared [MIT]
	// concluded [ISC MIT]
}

// Add the licences to a BOM. Here it is the program's own; its modules' are
// found in the module cache.
func ExampleFinder_Describe() {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Path: "example.com/app", Main: debug.Module{Path: "example.com/app", Version: "v1.4.0"}}
	bom, err := sbom.FromBuildInfo(info)
	if err != nil {
		log.Fatal(err)
	}
	source := fstest.MapFS{"LICENSE": {Data: []byte(mit)}} // os.DirFS(".")
	finder := license.Finder{ModuleCache: os.DirFS("pkg/mod"), Main: source}
	if err := finder.Describe(context.Background(), bom); err != nil {
		log.Fatal(err) // the cache has something else than was linked
	}
	for _, l := range *bom.Metadata.Component.Licenses {
		fmt.Println(l.License.ID, l.License.Acknowledgement)
	}
	// Output:
	// MIT declared
	// MIT concluded
}
