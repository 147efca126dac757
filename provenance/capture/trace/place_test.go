package trace

import (
	"runtime"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestClassify: what a file is, and that its name says nothing of whose machine
// it is on.
func TestClassify(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths of Unix")
	}
	places := Options{Toolchain: []string{"/home/u/sdk"}, Modules: []string{"relative"}}.places(capture.Places{
		Source: []string{"/home/u/src"}, Outputs: []string{"/home/u/src/dist/app", "/home/u/out"}, Modules: []string{"/home/u/go/pkg/mod"},
		Toolchain: []string{"/usr/local/go", "/home/u/go/pkg/mod/golang.org/toolchain@v0"}, Cache: []string{"/home/u/.cache/go-build"}, Temporary: []string{"/tmp", "/home/u/src/tmp"}})
	written, made, gone := fate{written: true}, fate{written: true, made: true}, fate{written: true, made: true, gone: true}
	for _, c := range []struct {
		path        string
		fate        fate
		class, name string
	}{
		{"/home/u/src/cmd/main.go", fate{}, "source", "cmd/main.go"},
		{"/home/u/src/cmd/main.go", written, "output", "cmd/main.go"},
		{"/home/u/src/cmd/main.go", fate{written: true, gone: true}, "source", "cmd/main.go"},
		{"/home/u/src/gen.go", gone, "temporary", "gen.go"},
		{"/home/u/src/dist/app", made, "output", "dist/app"},
		{"/home/u/src/dist/app", fate{}, "output", "dist/app"},
		{"/home/u/src/dist/application", fate{}, "source", "dist/application"},
		{"/home/u/src2/main.go", fate{}, "system", "system:(withheld)/main.go"},
		{"/home/u/out/x", made, "output", "output:(withheld)/x"},
		{"/home/u/src/tmp/x", made, "temporary", "temporary:x"},
		{"/home/u/go/pkg/mod/m@v1/a.go", fate{}, "module", "module:m@v1/a.go"},
		{"/home/u/go/pkg/mod/m@v1/a.go", made, "module", "module:m@v1/a.go"},
		{"/home/u/go/pkg/mod/golang.org/toolchain@v0/bin/go", fate{}, "toolchain", "toolchain:bin/go"},
		{"/home/u/sdk/bin/cc", fate{}, "toolchain", "toolchain:bin/cc"},
		{"/usr/local/go/src/fmt/print.go", fate{}, "toolchain", "toolchain:src/fmt/print.go"},
		{"/usr/local/go/src/fmt/print.go", written, "output", "output:src/fmt/print.go"},
		{"/home/u/.cache/go-build/aa/aa-d", made, "cache", "cache:aa/aa-d"},
		{"/home/u/.cache/go-build/aa/aa-tmp", gone, "temporary", "temporary:aa/aa-tmp"},
		{"/tmp/x/y", made, "temporary", "temporary:x/y"},
		{"/etc/passwd", fate{}, "system", "system:/etc/passwd"},
		{"/etc/passwd", written, "output", "output:/etc/passwd"},
		{"/proc/123/task/124/status", fate{}, "system", "system:/proc/N/task/N/status"},
		{"/home/u/.netrc", fate{}, "system", "system:(withheld)/.netrc"},
		{"/vmlinuz", fate{}, "system", "system:(withheld)/vmlinuz"},
	} {
		if class, name := classify(places, c.path, c.fate); class != c.class || name != c.name {
			t.Errorf("%s %+v is %s %q, want %s %q", c.path, c.fate, class, name, c.class, c.name)
		}
	}
}
