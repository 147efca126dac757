package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

const (
	listOutput    = 256 << 20 // bytes of what go list prints
	maxInputFiles = 200_000   // files of all folders together
)

// Inputs are what go list says that a go build or go install compiles, and what
// was seen of it on the disk.
type inputs struct {
	packages []gofacts.Package
	err      error // why nothing else is known but mod and work

	folders  []folder // modules whose source is a folder, by name
	modules  map[gofacts.Version]moduleCheck
	vendor   *provenance.ResourceDescriptor // the vendor folder, if it was used
	vendored bool                           // packages come from a vendor folder
	profiles []profile
	mod      *gofacts.ModFile // nil if there is none
	work     *gofacts.ModFile
	findings []Finding
}

// A folder is a module that is compiled from a folder: a main module, one of a
// workspace, or a replacement. Its digest is Hash1 over the files that were
// compiled or embedded, and go.mod, by their names relative to it.
type folder struct {
	module gofacts.Module
	dir    string
	files  []inputFile
	digest provenance.DigestSet
	err    error // why there is no digest
}

// An inputFile is one file that was compiled in.
type inputFile struct {
	name string // relative to its folder, with slashes
	path string
	size int64
	time time.Time
	sum  [32]byte
}

// A profile is one for profile-guided optimization.
type profile struct {
	main string // the package that it is for; "" if it is for all
	provenance.ResourceDescriptor
	err error
}

// lookInputs asks go list for what the command compiles, and looks at it. It
// only reads: it runs beside the build.
func (b *building) lookInputs(ctx context.Context, path string, env map[string]string) *inputs {
	in := &inputs{}
	b.readModFiles(in, env)
	args, err := b.command.list(b.flagOf("mod", env) == "mod")
	if err == nil {
		in.packages, err = b.goList(ctx, path, args)
	}
	if err != nil {
		in.err = err
		return in
	}
	in.collect()
	if b.flagOf("overlay", env) != "" {
		for i := range in.folders {
			in.folders[i].err = errors.New("an overlay stands in for some of the files")
		}
	} else {
		in.hash(ctx)
	}
	b.lookProfiles(ctx, in, env)
	if in.vendored {
		in.lookVendor(ctx, env)
	}
	in.checkModules(ctx, b.sumFiles(env, in.work), env["GOMODCACHE"])
	if ctx.Err() != nil {
		in.err = errors.New("the build ended before its inputs were looked at")
	}
	return in
}

// list is the arguments of the go list that names what c compiles.
func (c goCommand) list(readonly bool) ([]string, error) {
	// -pgo=off: go list would name packages once for each profile. The rest
	// undoes what GOFLAGS may hold for go list alone.
	args := []string{"list", "-deps", "-json=" + gofacts.ListFileFields, "-pgo=off", "-buildvcs=false", "-e=false", "-test=false", "-m=false", "-find=false",
		"-export=false", "-compiled=false"}
	for _, a := range c.arguments {
		switch {
		case a.rest && strings.Contains(a.raw, "@"):
			return nil, errors.New("go list does not list a package at a version")
		case a.rest:
		case a.name == "":
			return nil, errors.New("the command has a flag that is not known here")
		case listFlag(a.name):
			args = append(args, "-"+a.name+"="+a.value)
		}
	}
	if readonly {
		args = append(args, "-mod=readonly") // the build has written what was missing
	}
	args = append(args, "--")
	for _, a := range c.arguments {
		if a.rest && a.raw != "--" {
			args = append(args, a.raw)
		}
	}
	return args, nil
}

// listFlag reports whether a build flag decides which files are compiled.
func listFlag(name string) bool {
	switch name {
	case "race", "msan", "asan", "cover", "covermode", "coverpkg", "buildmode", "compiler", "installsuffix", "linkshared", "mod", "modcacherw", "modfile", "overlay", "pkgdir", "tags":
		return true
	}
	return false
}

func (b *building) goList(ctx context.Context, path string, args []string) ([]gofacts.Package, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	var packages []gofacts.Package
	err := stream(ctx, cmd, listOutput, func(r io.Reader) (err error) {
		packages, err = gofacts.ParseList(r)
		return err
	})
	var run *runError
	if errors.As(err, &run) {
		return nil, fmt.Errorf("go list ended with status %d", run.status)
	}
	if err != nil {
		return nil, errors.New("go list could not be run, or what it printed cannot be read")
	}
	if len(packages) == 0 {
		return nil, errors.New("go list named no package")
	}
	for _, p := range packages {
		if p.Error != "" {
			return nil, errors.New("go list found something wrong with a package")
		}
	}
	return packages, nil
}

// collect sorts the packages into the modules that they are of.
func (in *inputs) collect() {
	at := map[string]int{} // index of a folder by its path
	in.modules = map[gofacts.Version]moduleCheck{}
	for _, p := range in.packages {
		if p.Standard {
			continue
		}
		m, dir := gofacts.Module{}, p.Dir
		if p.Module != nil {
			m, dir = *p.Module, p.ModuleDir
		}
		switch {
		case dir == "": // vendored
			in.vendored = true
			continue
		case p.Module != nil && !p.Main && m.Version != "":
			in.modules[gofacts.Version{Path: m.Path, Version: m.Version}] = moduleCheck{sum: m.Sum, dir: dir}
			continue
		}
		i, seen := at[dir]
		if !seen {
			i, at[dir] = len(in.folders), len(in.folders)
			in.folders = append(in.folders, folder{module: m, dir: dir})
		}
		f := &in.folders[i]
		for _, name := range slices.Concat(p.GoFiles, p.NativeFiles, p.EmbedFiles) {
			f.add(filepath.Join(p.Dir, filepath.FromSlash(name)))
		}
	}
	for i := range in.folders {
		f := &in.folders[i]
		if path := filepath.Join(f.dir, "go.mod"); f.module.Path != "" {
			if _, err := os.Lstat(path); err == nil {
				f.add(path)
			}
		}
		slices.SortFunc(f.files, func(a, b inputFile) int { return strings.Compare(a.name, b.name) })
		f.files = slices.CompactFunc(f.files, func(a, b inputFile) bool { return a.name == b.name })
	}
	slices.SortFunc(in.folders, func(a, b folder) int { return strings.Compare(a.module.Path, b.module.Path) })
}

func (f *folder) add(path string) {
	rel, err := filepath.Rel(f.dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		f.err = errors.New("a file that is compiled in lies outside of it")
		return
	}
	f.files = append(f.files, inputFile{name: filepath.ToSlash(rel), path: path})
}

// hash hashes the files of all folders.
func (in *inputs) hash(ctx context.Context) {
	var jobs []*inputFile
	for i := range in.folders {
		for j := range in.folders[i].files {
			jobs = append(jobs, &in.folders[i].files[j])
		}
	}
	if len(jobs) > maxInputFiles {
		for i := range in.folders {
			in.folders[i].err = fmt.Errorf("all together, more than %d files were compiled", maxInputFiles)
		}
		return
	}
	err := hashFiles(ctx, jobs)
	for i := range in.folders {
		f := &in.folders[i]
		if err != nil {
			f.err = errors.New("a file that is compiled in cannot be read")
		}
		if f.err != nil {
			continue
		}
		sum := hash1(f.files, "")
		f.digest = provenance.DigestSet{provenance.DirHash: hex.EncodeToString(sum[:])}
	}
}

// hash1 is Go's Hash1 of files, which are sorted, with prefix before each name.
func hash1(files []inputFile, prefix string) [32]byte {
	h := sha256.New()
	for i := range files {
		fmt.Fprintf(h, "%x  %s%s\n", files[i].sum, prefix, files[i].name)
	}
	return [32]byte(h.Sum(nil))
}

// changed finds files that were changed since they were hashed, or since start
// if that is not zero: then before they were hashed, perhaps, but after they
// were compiled.
func (in *inputs) changed(start time.Time) (findings []Finding) {
	for _, f := range in.folders {
		if f.digest == nil {
			continue
		}
		for _, file := range f.files {
			info, err := os.Stat(file.path)
			if err != nil || info.Size() != file.size || !info.ModTime().Equal(file.time) || !start.IsZero() && file.time.After(start) {
				findings = append(findings, Finding{Subject: file.name, Fact: "changed", Got: "the file changed while it was compiled"})
			}
		}
	}
	return findings
}

// module describes a module that is linked in, with the digest of its folder if
// it is compiled from one, and says what its sum was held against.
func (in *inputs) module(m gofacts.Module) (provenance.ResourceDescriptor, string) {
	d := m.Descriptor()
	if in == nil || in.err != nil {
		return d, ""
	}
	if c, ok := in.modules[gofacts.Version{Path: m.Path, Version: m.Version}]; ok {
		return d, c.why()
	}
	for _, f := range in.folders {
		if f.module.Path == m.Path && m.Sum == "" && f.digest != nil {
			d.Digest = maps.Clone(f.digest)
			return d, "; the digest is that of the files that go list names in its folder, and its go.mod"
		}
	}
	if in.vendored {
		return d, "; it is compiled from the vendor folder"
	}
	return d, ""
}
