package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/store"
)

// A pipeline is one run of the tool.
type pipeline struct {
	dir, pkg  string
	out       string
	jobs      int
	platforms []platform
	key       *keys.Key
	progress  *progress
}

// steps are what is done for each platform.
var steps = [...]string{"built", "listed", "signed", "stored"}

// run builds for all platforms, at most jobs at once, and returns the files that
// are there whole, in the order of the platforms.
func (p *pipeline) run(ctx context.Context) ([]string, error) {
	if err := os.MkdirAll(p.out, 0o777); err != nil {
		return nil, err
	}
	// What is not finished lies here, on the same disk as what is.
	work, err := os.MkdirTemp(p.out, ".pipeline-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(p.out, "pipeline.pub"), p.key.MarshalPublic(), 0o666); err != nil {
		return nil, err
	}
	if work, err = filepath.Abs(work); err != nil {
		return nil, err
	}
	subjects := make([]*provenance.ResourceDescriptor, len(p.platforms))
	failed := make([]error, len(p.platforms))
	slots := make(chan struct{}, p.jobs)
	var all sync.WaitGroup
	for i, target := range p.platforms {
		slots <- struct{}{} // they begin in their order
		all.Go(func() {
			defer func() { <-slots }()
			subjects[i], failed[i] = p.platform(ctx, work, target)
			if failed[i] != nil {
				failed[i] = fmt.Errorf("%s: %w", target, failed[i])
			}
		})
	}
	all.Wait()
	var files []string
	var whole []provenance.ResourceDescriptor
	for _, s := range subjects {
		if s != nil {
			files = append(files, filepath.Join(p.out, s.Name))
			whole = append(whole, *s)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return files, err
	}
	sums, err := p.checksums(ctx, whole)
	if err != nil {
		return files, err
	}
	p.progress.step("SHA256SUMS", "stored")
	return append(files, sums), nil
}

// platform makes the program for one platform, with everything that belongs to it.
func (p *pipeline) platform(ctx context.Context, work string, target platform) (*provenance.ResourceDescriptor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := target.file(p.pkg)
	program := filepath.Join(work, name)
	var text bytes.Buffer
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, p.pkg)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, &text, &text
	cmd.Env = append(os.Environ(), "GOOS="+target.goos, "GOARCH="+target.goarch, "CGO_ENABLED=0")
	record, err := capture.Options{Env: []string{"CGO_ENABLED", "GOOS", "GOARCH"}}.Run(ctx, cmd, program)
	if err != nil {
		return nil, errors.Join(err, said(&text))
	}
	p.progress.step(target.String(), steps[0])

	statements := []*provenance.Statement{record.Statement()}
	contents, err := list(program)
	if err != nil {
		return nil, err
	}
	statements = append(statements, contents)
	p.progress.step(target.String(), steps[1])

	var evidence []*sign.Bundle
	for _, s := range statements {
		b, err := sign.Statement(ctx, s, p.key)
		if err != nil {
			return nil, err
		}
		evidence = append(evidence, b)
	}
	p.progress.step(target.String(), steps[2])

	if err := p.store(ctx, program, evidence...); err != nil {
		return nil, err
	}
	p.progress.step(target.String(), steps[3])
	subject := record.Subjects()[0]
	subject.Name = name
	return &subject, nil
}

// store puts a file into out, its evidence first: nobody ever finds one without.
func (p *pipeline) store(ctx context.Context, file string, evidence ...*sign.Bundle) error {
	final := filepath.Join(p.out, filepath.Base(file))
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.Append(ctx, final+".intoto.jsonl", evidence...); err != nil {
		return err
	}
	return os.Rename(file, final)
}

// list is the SBOM of a program.
func list(program string) (*provenance.Statement, error) {
	f, err := os.Open(program)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	bom, err := sbom.FromBinary(f)
	if err != nil {
		return nil, err
	}
	return sbom.Statement(bom)
}

// said is what the go command said.
func said(text *bytes.Buffer) error {
	if s := strings.TrimSpace(text.String()); s != "" {
		return errors.New(s)
	}
	return nil
}
