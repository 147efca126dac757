package gofacts_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
)

// What #cgo lines link is named once and in order, without where it is.
func TestLibraries(t *testing.T) {
	list, err := gofacts.ParseList(strings.NewReader(`{"ImportPath":"a","CgoFiles":["a.go"],"CgoLDFLAGS":["-lssl","-L/home/me/lib","-l","z","-Wl,-rpath,/x","-lssl","-l"],"CgoPkgConfig":["gtk4","--static"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := list[0].Libraries, []string{"gtk4", "ssl", "z"}; !slices.Equal(got, want) {
		t.Errorf("libraries are %q, want %q", got, want)
	}
}
