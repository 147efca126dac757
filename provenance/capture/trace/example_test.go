//go:build linux && (amd64 || arm64)

package trace_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/capture/trace"
)

// A build is traced: the record says which sources it really read, and the
// trace says everything.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"used", "unused"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"\n"), 0o644); err != nil {
			log.Fatal(err)
		}
	}

	cmd := exec.Command("sh", "-c", "cat used >made")
	cmd.Dir = dir
	rec, err := capture.Options{Tracer: trace.Options{}}.Run(context.Background(), cmd, "made")
	if err != nil {
		log.Fatal(err)
	}
	build := rec.Build()
	if rec.Trace() == nil {
		// Nobody could look: the provenance says so, and why.
		log.Fatal(build.BuildDefinition.InternalParameters["trace"])
	}
	for _, d := range build.BuildDefinition.ResolvedDependencies {
		if string(d.Annotations["trace"]) == `"opened"` {
			fmt.Println("opened", d.Name, d.Digest["sha256"][:8])
		}
	}
	for _, f := range rec.Trace().MonitorLog.FileAccess {
		if string(f.Annotations["class"]) == `"output"` && f.Name == "made" {
			fmt.Println("made  ", f.Name, f.Digest["sha256"][:8])
		}
	}
	// Output:
	// opened used 8593e1b4
	// made   made 8593e1b4
}
