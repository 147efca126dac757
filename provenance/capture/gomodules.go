package capture

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/safefs"
)

// Limits of the module source that is hashed beside a build, for all modules
// together: more would be felt. The modules that did not fit are said to be held
// against the module cache's own sum only.
const (
	maxTreeFiles = 20_000
	maxTreeBytes = 256 << 20
	maxSumFile   = 16 << 20
)

// A moduleCheck is a module of the module cache, and what its sum was held
// against.
type moduleCheck struct {
	sum  string // as go list says; "" if it says none
	dir  string // its extracted source
	with []string
	not  string // why the source was not hashed
}

// why says what was checked.
func (c moduleCheck) why() string {
	if len(c.with) == 0 {
		return "; nothing was found to hold the sum against"
	}
	why := "; the sum was held against " + strings.Join(c.with, ", ")
	if c.not != "" {
		why += "; " + c.not
	}
	return why
}

// sumFiles are the go.sum files that the command goes by: those of a workspace,
// too.
func (b *building) sumFiles(env map[string]string, work *gofacts.ModFile) []string {
	var files []string
	if path := workFile(env); path != "" && work != nil {
		files = append(files, path+".sum")
		for _, use := range work.Use {
			if !filepath.IsAbs(use) {
				use = filepath.Join(filepath.Dir(path), filepath.FromSlash(use))
			}
			files = append(files, filepath.Join(use, "go.sum"))
		}
	}
	if mod := b.modFile(env); mod != "" {
		if path := strings.TrimSuffix(mod, ".mod") + ".sum"; !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	return files
}

// checkModules holds the sum of each module against go.sum, against what the
// module cache remembers of its archive, and against the source that lies there.
func (in *inputs) checkModules(ctx context.Context, sumFiles []string, cache string) {
	sums := map[gofacts.Version][]string{}
	for _, file := range sumFiles {
		more, err := readSums(filepath.Base(file), file)
		in.malformed(filepath.Base(file), err)
		for v, list := range more {
			sums[v] = append(sums[v], list...)
		}
	}
	files, bytes := maxTreeFiles, int64(maxTreeBytes)
	var trees []*inputFile
	type tree struct {
		v     gofacts.Version
		files []inputFile
	}
	var open []tree
	for _, v := range slices.SortedFunc(maps.Keys(in.modules), compareVersion) {
		c := in.modules[v]
		in.modules[v] = in.checkSum(v, c, sums[v], cache)
		list, size, err := sourceOf(ctx, c.dir, files)
		if err != nil || size > bytes {
			c = in.modules[v]
			c.not = "its source was not hashed, there is too much of it"
			if err != nil && !errors.Is(err, errTooMany) {
				c.not = "its source cannot be read"
			}
			in.modules[v] = c
			continue
		}
		files, bytes = files-len(list), bytes-size
		open = append(open, tree{v, list})
	}
	for _, t := range open {
		for i := range t.files {
			trees = append(trees, &t.files[i])
		}
	}
	err := hashFiles(ctx, trees)
	for _, t := range open {
		c := in.modules[t.v]
		switch sum := hash1(t.files, t.v.Path+"@"+t.v.Version+"/"); {
		case err != nil:
			c.not = "its source cannot be read"
		case c.sum == "":
			c.not = "it has no sum to hold its source against"
		case c.sum != "h1:"+base64.StdEncoding.EncodeToString(sum[:]):
			in.findings = append(in.findings, Finding{t.v.Path, "source", c.sum, "h1:" + base64.StdEncoding.EncodeToString(sum[:])})
		default:
			c.with = append(c.with, "the source in the module cache, hashed during the build")
		}
		in.modules[t.v] = c
	}
}

func compareVersion(a, b gofacts.Version) int {
	if c := strings.Compare(a.Path, b.Path); c != 0 {
		return c
	}
	return strings.Compare(a.Version, b.Version)
}

func (in *inputs) checkSum(v gofacts.Version, c moduleCheck, sums []string, cache string) moduleCheck {
	switch {
	case c.sum == "":
	case slices.Contains(sums, c.sum):
		c.with = append(c.with, "go.sum")
	case len(sums) > 0:
		in.findings = append(in.findings, Finding{v.Path, "sum", strings.Join(sums, " "), c.sum})
	}
	remembered, err := safefs.ReadFile(hashFile(cache, v), 256)
	switch sum := strings.TrimSpace(string(remembered)); {
	case err != nil || c.sum == "":
	case sum == c.sum:
		c.with = append(c.with, "the module cache's sum of its archive")
	default:
		in.findings = append(in.findings, Finding{v.Path, "sum in the module cache", c.sum, sum})
	}
	return c
}

func readSums(name, path string) (map[gofacts.Version][]string, error) {
	f, err := safefs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, pathless(err))
	}
	defer f.Close()
	return gofacts.ParseSum(name, f)
}

// hashFile is where the module cache remembers the sum of a module's archive.
func hashFile(cache string, v gofacts.Version) string {
	return filepath.Join(cache, "cache", "download", filepath.FromSlash(escaped(v.Path)), "@v", escaped(v.Version)+".ziphash")
}

// escaped is a module's path or version as it is spelled in the module cache:
// an upper-case letter is an exclamation mark and its lower case.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

var errTooMany = errors.New("too many files")

// sourceOf lists the files of a module's extracted source, sorted as Hash1
// does, with the sum of their sizes.
func sourceOf(ctx context.Context, dir string, most int) ([]inputFile, int64, error) {
	var files []inputFile
	var size int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return err
		}
		if len(files) == most {
			return errTooMany
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		size += info.Size()
		files = append(files, inputFile{name: filepath.ToSlash(rel), path: path})
		return err
	})
	slices.SortFunc(files, func(a, b inputFile) int { return strings.Compare(a.name, b.name) })
	return files, size, err
}
