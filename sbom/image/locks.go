package image

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// A locked is a lock file in the image.
type locked struct {
	lock  *lockfile.Lock
	place place
}

// useLocks makes packages of what the lock files name, where nothing that is
// installed speaks for itself: next to what a lock led to, it only says more about
// that.
func (s *scan) useLocks() error {
	installed := map[string]*pkg{}
	for _, p := range s.packages {
		if p.purl != "" {
			installed[p.purl] = p
		}
	}
	for i := range s.locks {
		l := &s.locks[i]
		found := s.isInstalled(l, installed)
		for j := range l.lock.Packages {
			lp := &l.lock.Packages[j]
			if known := installed[lp.PURL]; known != nil && lp.PURL != "" {
				if known.lock == nil {
					known.lock = lp
				}
				if known.declared {
					known.places = append(known.places, l.place)
				}
				continue
			}
			if found || lp.PURL == "" {
				continue
			}
			p := &pkg{ecosystem: l.lock.Ecosystem, name: lp.Name, version: lp.Version, purl: lp.PURL, lock: lp, declared: true, edges: l.lock.Edges, places: []place{l.place}}
			for _, id := range lp.Dependencies {
				p.requires = append(p.requires, requirement{id})
			}
			installed[lp.PURL] = p
			if len(s.packages) >= maxPackages {
				return errTooMany
			}
			s.packages = append(s.packages, p)
		}
		for _, o := range l.lock.Omitted {
			if !found {
				s.leave(fmt.Sprintf("%s:%d: %s is not locked", l.place.path, o.Line, o.Text))
			}
		}
	}
	return nil
}

// isInstalled reports whether what a lock names is installed: npm's beside it, and
// Python's anywhere.
func (s *scan) isInstalled(l *locked, installed map[string]*pkg) bool {
	switch l.lock.Ecosystem {
	case "npm":
		folder := path.Join(path.Dir(l.place.path), "node_modules") + "/"
		if path.Base(l.place.path) == ".package-lock.json" {
			return true
		}
		for f := range s.npm {
			if strings.HasPrefix(f, folder) {
				return true
			}
		}
		return false
	case "pypi":
		return slices.ContainsFunc(l.lock.Packages, func(p lockfile.Package) bool {
			known := installed[p.PURL]
			return known != nil && !known.declared
		})
	}
	return false
}
