package image_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/sbom/image"
)

// The BOM of an image for one platform, of two packages that its database lists.
func ExampleBOMs() {
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", []imagetest.Entry{
		{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\n"},
		{Name: "var/lib/dpkg/status", Body: `Package: bash
Status: install ok installed
Version: 5.2.15-2+b7
Architecture: amd64
Depends: libc6

Package: libc6
Status: install ok installed
Version: 2.36-9
Architecture: amd64
`},
	})).Write(dir)

	boms, err := image.BOMs(context.Background(), dir)
	if err != nil {
		log.Fatal(err) // no image, or one that cannot be believed
	}
	for _, bom := range boms {
		for _, c := range *bom.Components {
			fmt.Printf("%s %q\n", c.Name, c.PackageURL)
		}
	}
	// Output:
	// debian ""
	// bash "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12"
	// libc6 "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12"
}
