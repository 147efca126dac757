package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign"
)

// checksumsBuildType is documented in docs/build-types/checksums/v1.md.
const checksumsBuildType = "https://github.com/touchmark-go/touchmark/build-types/checksums/v1"

// checksums writes SHA256SUMS. Here the tool is the build: it knows its inputs,
// so it says them itself, and nothing has to be captured.
func (p *pipeline) checksums(ctx context.Context, files []provenance.ResourceDescriptor) (string, error) {
	started := time.Now().UTC().Truncate(time.Second)
	slices.SortFunc(files, func(a, b provenance.ResourceDescriptor) int { return strings.Compare(a.Name, b.Name) })
	var text strings.Builder
	var names []any
	for _, f := range files {
		sum, ok := f.Digest.Get(provenance.SHA256)
		if !ok {
			return "", fmt.Errorf("%s has no SHA-256", f.Name)
		}
		fmt.Fprintf(&text, "%s  %s\n", sum.Hex(), f.Name)
		names = append(names, f.Name)
	}
	build := &provenance.Build{
		BuildDefinition: provenance.BuildDefinition{
			BuildType:            checksumsBuildType,
			ExternalParameters:   map[string]any{"files": names},
			ResolvedDependencies: files,
		},
		RunDetails: provenance.RunDetails{
			Builder:  provenance.Builder{ID: capture.LocalBuilderID},
			Metadata: provenance.BuildMetadata{StartedOn: started, FinishedOn: time.Now().UTC().Truncate(time.Second)},
		},
	}
	subject := provenance.ResourceDescriptor{Name: "SHA256SUMS", Digest: provenance.Set(provenance.SumSHA256([]byte(text.String())))}
	statement, err := build.Statement(subject) // an error names the field that is wrong
	if err != nil {
		return "", err
	}
	bundle, err := sign.Statement(ctx, statement, p.key)
	if err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(p.out, ".pipeline-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	file := filepath.Join(temp, "SHA256SUMS")
	if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
		return "", err
	}
	return filepath.Join(p.out, "SHA256SUMS"), p.store(ctx, file, bundle)
}
