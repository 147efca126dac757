package capture_test

import (
	"debug/buildinfo"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// Builds with experiments and with the FIPS 140-3 module, as this toolchain has
// them, are recorded as the binary says, which is more exact than the variables:
// an alias of a FIPS module stands for its version. Whoever looks for the
// toolchain finds its release, without experiments.
func TestExperiments(t *testing.T) {
	longStory(t)
	w := newWorld(t)
	w.write("main.go", "package main\n\nimport \"crypto/sha256\"\n\nfunc main() { println(sha256.Size, sha256.Sum256(nil)[0]) }\n")
	w.commit()
	release := "pkg:generic/go@" + strings.TrimPrefix(w.run("go", "env", "GOVERSION"), "go")
	for _, test := range []struct{ env, name, value, alias string }{
		{env: "GOEXPERIMENT=jsonv2", name: "GOEXPERIMENT", value: "jsonv2"},
		{env: "GOFIPS140=v1.0.0", name: "GOFIPS140", value: "v1.0.0"},
		{env: "GOFIPS140=certified", name: "GOFIPS140", alias: "certified"},
		{env: "GOFIPS140=latest", name: "GOFIPS140", value: "latest"},
		{env: "GOFIPS140=off", name: "GOFIPS140"},
	} {
		t.Run(test.env, func(t *testing.T) {
			r := w.capture(capture.Options{}, goBuild("."), test.env)
			info, err := buildinfo.ReadFile(filepath.Join(w.dir, "dist", "app"))
			if err != nil {
				t.Fatal(err)
			}
			stamped := map[string]string{}
			for _, s := range info.Settings {
				stamped[s.Key] = s.Value
			}
			if !strings.HasPrefix(stamped[test.name], test.value) || test.alias != "" && (stamped[test.name] == "" || stamped[test.name] == test.alias) {
				t.Fatalf("the binary says %s=%q", test.name, stamped[test.name])
			}
			if got, want := internalParameter(t, r, "/go/version"), strconv.Quote(info.GoVersion); got != want {
				t.Errorf("the recorded version is %s, and the binary's %s", got, want)
			}
			for _, name := range []string{"GOEXPERIMENT", "GOFIPS140"} {
				want := ""
				if stamped[name] != "" {
					want = strconv.Quote(stamped[name])
				}
				if got := internalParameter(t, r, "/go/"+strings.ToLower(name)); got != want {
					t.Errorf("%s is recorded as %s, and the binary says %s", name, got, want)
				}
			}
			if stamped[test.name] != "" && grade(r, atInternal+"/go/"+strings.ToLower(test.name)) != capture.Observed {
				t.Errorf("%s is not graded as observed", test.name)
			}
			found := false
			for _, d := range r.Build().BuildDefinition.ResolvedDependencies {
				if strings.HasPrefix(d.URI, "pkg:generic/go") {
					found = true
					if uri, _, _ := strings.Cut(d.URI, "#"); uri != release || len(d.Digest) == 0 {
						t.Errorf("a file of the toolchain is %v, want a digest, and of %s", d, release)
					}
				}
			}
			if !found {
				t.Error("the toolchain is none of the dependencies")
			}
			validate(t, r)
		})
	}
}
