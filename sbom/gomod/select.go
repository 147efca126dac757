package gomod

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/modcache"
)

// maxGraph is how many versions of modules are looked at. Large programs with
// old requirements reach some thousands.
const maxGraph = 100_000

// A selection is minimal version selection over the go.mod files at hand
// (golang.org/ref/mod, "Minimal version selection").
type selection struct {
	main     *modfile.File
	cache    modcache.Cache
	sums     map[string]string
	files    map[module.Version]*gofacts.ModFile // nil of one whose file is not at hand
	version  map[string]string                   // the selected one, by path
	replaced map[module.Version]module.Version   // an empty version stands for all
	excluded map[module.Version]bool
}

// load selects the versions.
//
// From go 1.17 on, a module's file names all that its packages need, and the
// files of what it names need not be read for more than that; of an older one
// everything that can be reached counts ("Module graph pruning").
func (s *selection) load() error {
	for _, r := range s.main.Replace {
		s.replaced[r.Old] = r.New
	}
	for _, x := range s.main.Exclude {
		s.excluded[x.Mod] = true
	}
	pruned := s.prunes()
	type step struct {
		m        module.Version
		unpruned bool
	}
	var queue []step
	followed := map[step]bool{}
	require := func(m module.Version, unpruned bool) {
		if s.excluded[m] {
			return
		}
		if old, ok := s.version[m.Path]; !ok || semver.Compare(old, m.Version) < 0 {
			s.version[m.Path] = m.Version
		}
		queue = append(queue, step{m, unpruned})
	}
	for _, r := range s.main.Require {
		require(r.Mod, !pruned)
	}
	if s.cache.FS == nil {
		return nil
	}
	if err := s.prefetch(); err != nil {
		return err
	}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if followed[next] {
			continue
		}
		if followed[next] = true; len(followed) > maxGraph {
			return fmt.Errorf("there are more than %d versions to choose from", maxGraph)
		}
		file, err := s.read(next.m)
		if err != nil {
			return err
		}
		if file == nil {
			continue
		}
		// A module that prunes is followed no further than to what it names.
		follow := next.unpruned || !modcache.Prunes(file.Go)
		for _, r := range file.Require {
			m := module.Version{Path: r.Path, Version: r.Version}
			if r.Path == s.main.Module.Mod.Path {
				continue
			}
			if follow {
				require(m, true)
			} else if !s.excluded[m] {
				if old, ok := s.version[m.Path]; !ok || semver.Compare(old, m.Version) < 0 {
					s.version[m.Path] = m.Version
				}
			}
		}
	}
	// What was selected higher than anybody was followed at has edges too.
	for _, path := range s.list() {
		if _, err := s.read(module.Version{Path: path, Version: s.version[path]}); err != nil {
			return err
		}
	}
	return nil
}

func (s *selection) prunes() bool { return s.main.Go != nil && modcache.Prunes(s.main.Go.Version) }

// list are the paths of what the main module requires: by name where its file
// names everything, and otherwise all that can be reached.
func (s *selection) list() []string {
	var paths []string
	if s.prunes() {
		for _, r := range s.main.Require {
			if s.version[r.Mod.Path] != "" {
				paths = append(paths, r.Mod.Path)
			}
		}
	} else {
		for path := range s.version {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// replacement is what stands in for m.
func (s *selection) replacement(m module.Version) (module.Version, bool) {
	if by, ok := s.replaced[m]; ok {
		return by, true
	}
	by, ok := s.replaced[module.Version{Path: m.Path}]
	return by, ok
}

// read is the go.mod file of m, or of what stands in for it; nil if it is not
// at hand, as that of a folder is not.
func (s *selection) read(m module.Version) (*gofacts.ModFile, error) {
	if file, ok := s.files[m]; ok {
		return file, nil
	}
	file, err := s.fetch(m)
	s.files[m] = file
	return file, err
}

// prefetch reads the files of the main module's own requirements side by side:
// half of the time goes into opening them.
func (s *selection) prefetch() error {
	list := s.main.Require
	files := make([]*gofacts.ModFile, len(list))
	errs := make([]error, len(list))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				if !s.excluded[list[i].Mod] {
					files[i], errs[i] = s.fetch(list[i].Mod)
				}
			}
		})
	}
	wait.Wait()
	for i, r := range list {
		if errs[i] != nil {
			return errs[i]
		}
		if !s.excluded[r.Mod] {
			s.files[r.Mod] = files[i]
		}
	}
	return nil
}

// fetch is read without remembering. It changes nothing.
func (s *selection) fetch(m module.Version) (*gofacts.ModFile, error) {
	at := m
	if by, ok := s.replacement(m); ok {
		at = by
	}
	if at.Version == "" {
		return nil, nil
	}
	data, err := s.cache.GoMod(at.Path, at.Version)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("module cache: %s: %w", at, err)
	}
	if want, ok := s.sums[at.Path+" "+at.Version+"/go.mod"]; ok {
		if got := modcache.SumGoMod(data); got != want {
			return nil, fmt.Errorf("module cache: go.mod file of %s has the sum %s, go.sum has %s", at, got, want)
		}
	}
	file, err := gofacts.ParseDependency(data)
	if err != nil {
		return nil, fmt.Errorf("module cache: %s: %w", at, err)
	}
	return file, nil
}
