package image

import (
	"fmt"
	"hash/maphash"
	"path"
	"strings"
)

// hash stands for a path: many of them are to be remembered.
func (s *scan) hash(name string) uint64 { return maphash.String(s.seed, name) }

// maxOwned is how many paths the packages of an image may say are theirs.
const maxOwned = 4_000_000

// own notes a path that a package says is its own. It is as the package has it, and
// folders on the way to it can be links in the image.
func (s *scan) own(name string) error {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	folder, base := path.Split(name)
	folder = strings.TrimSuffix(folder, "/")
	real, ok := s.folders[folder]
	if !ok {
		if real, ok = s.tree.Resolve(folder); !ok {
			real = folder
		}
		s.folders[folder] = real
	}
	if len(s.owned) >= maxOwned {
		return fmt.Errorf("the packages of the image own more than %d files: %w", maxOwned, ErrLimit)
	}
	s.owned[s.hash(strings.TrimPrefix(real+"/"+base, "/"))] = struct{}{}
	return nil
}

// inPackage reports whether a path is inside of a folder that is one package.
func (s *scan) inPackage(name string) bool { return strings.Contains("/"+name, "/node_modules/") }

// strangers is how many files no package, program or description accounts for.
func (s *scan) strangers() int {
	count := 0
	for _, f := range s.files {
		if _, ok := s.owned[f]; !ok {
			count++
		}
	}
	return count
}
