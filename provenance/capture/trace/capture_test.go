//go:build linux && (amd64 || arm64)

package trace_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/capture/trace"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// capture records a build that is traced.
func (w world) capture(cmd *exec.Cmd, outputs ...string) *capture.Record {
	w.t.Helper()
	r, err := capture.Options{Tracer: trace.Options{}}.Run(w.t.Context(), cmd, outputs...)
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Trace() == nil {
		w.t.Skipf("this kernel refuses: %v", r.Build().BuildDefinition.InternalParameters["trace"])
	}
	return r
}

func traced(deps []provenance.ResourceDescriptor, how string) (names []string) {
	for _, d := range deps {
		if string(d.Annotations["trace"]) == `"`+how+`"` {
			names = append(names, d.Name)
		}
	}
	return names
}

// TestCapture: what the tracer saw stands in the record, graded, and the whole
// of it in a predicate that the provenance has the digest of.
func TestCapture(t *testing.T) {
	w := newWorld(t)
	w.write("in/a", "a")
	w.write("in/b", "b")
	w.write("make", "#!/bin/sh\nmkdir -p dist\ncat in/a >dist/out.tmp\nmv dist/out.tmp dist/out\n")
	cmd := w.command("./make")
	r := w.capture(cmd, "dist/out")
	build := r.Build()
	deps := build.BuildDefinition.ResolvedDependencies
	if got, want := traced(deps, "opened"), []string{"in/a"}; !slices.Equal(got, want) {
		t.Errorf("opened: %q, want %q", got, want)
	}
	executed := strings.Join(traced(deps, "executed"), " ")
	for _, want := range []string{"make", "/cat", "/mv", "ld-linux"} {
		if !strings.Contains(executed, want) {
			t.Errorf("executed: %q, want %q among them", executed, want)
		}
	}
	internal, _ := build.BuildDefinition.InternalParameters["trace"].(map[string]any)
	if internal["status"] != "observed" {
		t.Errorf("the trace is %v, want observed", internal)
	}
	grades := map[string]string{}
	for _, g := range r.Grades() {
		grades[g.Field] = g.Grade
	}
	if got := grades["/predicate/buildDefinition/internalParameters/trace"]; got != capture.Observed {
		t.Errorf("the trace is graded %q, want observed", got)
	}

	s, err := r.Trace().Statement(r.Subjects()...)
	if err != nil {
		t.Fatal(err)
	}
	back, err := predicate.ParseRuntimeTrace(s)
	if err != nil {
		t.Fatal(err)
	}
	if back.MonitoredProcess.Event != build.RunDetails.Metadata.InvocationID {
		t.Errorf("the trace is of %q, want the run of the provenance", back.MonitoredProcess.Event)
	}
	sum := sha256.Sum256(s.Predicate)
	if b := build.RunDetails.Byproducts; len(b) != 1 || b[0].Name != "runtime-trace" || b[0].Digest["sha256"] != hex.EncodeToString(sum[:]) {
		t.Errorf("byproducts are %v, want the trace by its digest", b)
	}
	if got := grades["/predicate/runDetails/byproducts/0"]; got != capture.Observed {
		t.Errorf("the byproduct is graded %q, want observed", got)
	}
	for name, want := range map[string]string{"in/a": `"source" "read"`, "dist/out": `"output" "written"`, "dist/out.tmp": `"temporary" "written"`} {
		i := slices.IndexFunc(back.MonitorLog.FileAccess, func(d provenance.ResourceDescriptor) bool { return d.Name == name })
		if i < 0 {
			t.Errorf("%s is not in the trace", name)
			continue
		}
		a := back.MonitorLog.FileAccess[i].Annotations
		if got := string(a["class"]) + " " + string(a["access"]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		data, _ := json.Marshal(s)
		if strings.Contains(string(data), w.dir) || strings.Contains(string(data), home+"/") {
			t.Error("the trace names folders of this machine")
		}
	}
}

// TestCaptureGo traces a Go build: what go list says is compiled was really
// opened, and nothing else of the main module.
func TestCaptureGo(t *testing.T) {
	w := newWorld(t)
	w.write("go.mod", "module example.com/app\n\ngo 1.26\n")
	w.write("main.go", "package main\n\nimport _ \"embed\"\n\n//go:embed text\nvar text string\n\nfunc main() { println(text) }\n")
	w.write("text", "hello")
	w.write("other_windows.go", "package main\n")
	w.write("notes", "not for the compiler")
	cmd := w.command("go", "build", "-o", "dist/app", ".")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	r := w.capture(cmd, "dist/app")
	opened := traced(r.Build().BuildDefinition.ResolvedDependencies, "opened")
	if want := []string{"go.mod", "main.go", "text"}; !slices.Equal(opened, want) {
		t.Errorf("opened: %q, want %q", opened, want)
	}
	executed := traced(r.Build().BuildDefinition.ResolvedDependencies, "executed")
	for _, tool := range []string{"/compile", "/link"} {
		if !slices.ContainsFunc(executed, func(name string) bool {
			return strings.HasPrefix(name, "toolchain:pkg/tool/") && strings.HasSuffix(name, tool)
		}) {
			t.Errorf("executed: %q, want the toolchain's %s", executed, tool)
		}
	}
	classes := map[string]int{}
	for _, f := range r.Trace().MonitorLog.FileAccess {
		classes[string(f.Annotations["class"])]++
	}
	for _, class := range []string{"source", "toolchain", "cache", "temporary", "output"} {
		if classes[`"`+class+`"`] == 0 {
			t.Errorf("nothing is of class %s: %v", class, classes)
		}
	}
}
