//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/sign"
)

// BenchmarkVerifyBesideCosign is touchmark verify as a whole process beside cosign
// verify-blob-attestation over the same key-signed provenance of the same file, in
// turns: it is to take a third of the time and half of the memory, although
// it reads a policy and an SBOM and looks into the binary too.
func BenchmarkVerifyBesideCosign(b *testing.B) {
	integration.Need(b)
	dir := makeFixture(b)
	file := func(name string) string { return filepath.Join(dir, name) }
	data, err := os.ReadFile(file("v1.0.0/app.intoto.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil || len(bundles) != 2 {
		b.Fatalf("%d bundles, %v: want provenance and SBOM", len(bundles), err)
	}
	provenance, rest := *bundles[0], bundles[1]
	provenance.Format = sign.Sigstore
	for name, bundle := range map[string]*sign.Bundle{"provenance.json": &provenance, "sbom.json": rest} {
		line, err := bundle.Marshal()
		if err == nil {
			err = os.WriteFile(file(name), line, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	launch := goBuild(b, "./testdata/launch", "launch")
	programs := []struct {
		name    string
		command []string
		ms, mib []float64
	}{
		{name: "touchmark", command: []string{goBuild(b, ".", "touchmark"), "verify", "--trust", file("trust.json"), "--policy", file("policy.json"),
			"--evidence", file("provenance.json"), "--evidence", file("sbom.json"), file("v1.0.0/app")}},
		{name: "cosign", command: []string{integration.Cosign.Path(b), "verify-blob-attestation", "--key", file("ci.key.pub"), "--bundle", file("provenance.json"),
			"--insecure-ignore-tlog", "--type", "https://slsa.dev/provenance/v1", file("v1.0.0/app")}},
	}
	for b.Loop() {
		for i := range programs {
			p := &programs[i]
			out, err := exec.Command(launch, append([]string{"1"}, p.command...)...).CombinedOutput()
			var ns, best, kib float64
			var status int
			if _, scan := fmt.Sscan(string(out), &ns, &best, &kib, &status); err != nil || scan != nil || status != statusDone {
				b.Fatalf("%s: %v, %v, status %d\n%s", p.name, err, scan, status, out)
			}
			p.ms, p.mib = append(p.ms, best/1e6), append(p.mib, kib/1024)
		}
	}
	median := func(list []float64) float64 {
		slices.Sort(list)
		return list[len(list)/2]
	}
	ours, theirs := programs[0], programs[1]
	for _, p := range programs {
		b.ReportMetric(median(p.ms), p.name+"-ms")
		b.ReportMetric(median(p.mib), p.name+"-MiB")
	}
	b.ReportMetric(median(ours.ms)/median(theirs.ms), "of-its-time")
	b.ReportMetric(median(ours.mib)/median(theirs.mib), "of-its-memory")
}
