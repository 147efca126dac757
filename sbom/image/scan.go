package image

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/lockfile"
	"github.com/touchmark-go/touchmark/internal/ocilayout"
)

const (
	maxBinary = 4 << 30 // bytes of a program
	maxUnread = 1000    // files that could not be read, by name
)

// A scan is what was found in one image.
type scan struct {
	archive *ocilayout.Archive
	image   ocilayout.Manifest
	tree    *ocilayout.Tree
	spool   *spool

	packages   []*pkg
	byKey      map[string]*pkg // ecosystem and package URL or key
	binaries   []*goProgram
	byDigest   map[string]*goProgram
	locks      []locked
	distro     distro
	licenses   map[string][]string // by the path of a Debian copyright file
	npm        map[string]*pkg     // by the folder that it is installed in
	databases  map[string]int      // of packages: path to layer
	seed       maphash.Seed
	owned      map[uint64]struct{} // paths that packages say are theirs
	folders    map[string]string   // folders without links on the way to them
	files      []uint64            // paths of all files that nothing else accounts for
	total      int                 // files
	described  int64               // bytes of what speaks of packages
	unread     []string            // what could not be read, and why
	unreadMore int
}

// scanImage reads an image: the names in its layers, then the files that say
// something about packages, and every program.
func scanImage(ctx context.Context, a *ocilayout.Archive, m ocilayout.Manifest, temp string) (_ *scan, err error) {
	tree, err := a.Tree(ctx, m)
	if err != nil {
		return nil, err
	}
	s := &scan{
		archive: a, image: m, tree: tree, spool: &spool{folder: temp},
		byKey: map[string]*pkg{}, byDigest: map[string]*goProgram{}, licenses: map[string][]string{}, npm: map[string]*pkg{},
		databases: map[string]int{}, seed: maphash.MakeSeed(), owned: map[uint64]struct{}{}, folders: map[string]string{},
	}
	defer func() { err = errors.Join(err, s.spool.Close()) }()
	if err := tree.Walk(ctx, s.file); err != nil {
		return nil, err
	}
	for _, p := range s.packages {
		if p.purl == "" && (p.ecosystem == "deb" || p.ecosystem == "apk" || p.ecosystem == "rpm") {
			p.purl = s.distro.purl(p.ecosystem, p.name, p.version, p.arch)
		}
	}
	if err := s.findLayers(ctx); err != nil {
		return nil, err
	}
	if err := s.useLocks(); err != nil {
		return nil, err
	}
	return s, nil
}

// file looks at one file of the image.
func (s *scan) file(f ocilayout.File, r io.Reader) error {
	s.total++
	at := place{f.Path, f.LayerIndex}
	accounted := false
	var err error
	for _, name := range append([]string{f.Path}, f.Links...) {
		if description(name) != "" {
			at.path = name
			break
		}
	}
	kind := description(at.path)
	if kind != "" && kind != "database" {
		if err := s.charge(f.Size); err != nil {
			return err
		}
	}
	switch kind {
	case "release":
		err = s.release(at, r)
	case "dpkg":
		err = s.dpkg(at, r)
		accounted = true
	case "dpkg list":
		err = lines(at.path, r, func(text string) error { return s.own(text) })
		accounted = true
	case "dpkg sums":
		err = lines(at.path, r, func(text string) error {
			if _, name, ok := strings.Cut(text, "  "); ok {
				return s.own(name)
			}
			return nil
		})
		accounted = true
	case "database":
		accounted = true
	case "apk":
		err = s.apk(at, r)
		accounted = true
	case "rpm":
		err = s.rpm(at, f.Size, r)
		accounted = true
	case "copyright":
		var names []string
		names, err = parseCopyright(at.path, r)
		err = s.note(err)
		if len(names) > 0 {
			s.licenses[at.path] = names
		}
	case "npm":
		var p *pkg
		if p, err = parseNPM(at.path, r); err == nil {
			folder, _ := npmFolder(at.path)
			p.places = []place{at}
			if p, err = s.add(p); err == nil {
				s.npm[folder] = p
			} else {
				err = fmt.Errorf("%s: %w", at.path, err)
			}
		}
		err = s.note(err)
	case "python":
		var p *pkg
		if p, err = parsePython(at.path, r); err == nil {
			p.places = []place{at}
			if _, err = s.add(p); err != nil {
				err = fmt.Errorf("%s: %w", at.path, err)
			}
		}
		err = s.note(err)
	case "record":
		err = s.note(parseRecord(at.path, path.Dir(path.Dir(at.path)), r, func(name string) error { return s.own(name) }))
	case "lock":
		var lock *lockfile.Lock
		lock, err = lockfile.Parse(at.path, r)
		switch {
		case err == nil:
			s.locks = append(s.locks, locked{lock, at})
		case errors.Is(err, lockfile.ErrUnknown): // a name that others use, too
			err = nil
		default:
			err = s.note(fmt.Errorf("%s: %w", path.Dir(at.path), err))
		}
	default:
		accounted, err = s.program(f, r)
	}
	if err != nil {
		return err
	}
	if !accounted && !s.inPackage(f.Path) {
		s.files = append(s.files, s.hash(f.Path))
	}
	return nil
}

// errTooMany says that an image holds more than is listed.
var errTooMany = fmt.Errorf("the image has more than %d packages: %w", maxPackages, ErrLimit)

// add puts a package on the list, or its place to one that is there already, which
// is returned.
func (s *scan) add(p *pkg) (*pkg, error) {
	for _, text := range []string{p.name, p.version, p.arch} {
		if clean(text) != text {
			return nil, fmt.Errorf("%w: %.80q is no name, no version and no architecture", errText, text)
		}
	}
	key := p.ecosystem + "\x00" + p.key()
	if known := s.byKey[key]; known != nil {
		known.places = append(known.places, p.places...)
		return known, nil
	}
	if len(s.packages) >= maxPackages {
		return nil, errTooMany
	}
	s.byKey[key] = p
	s.packages = append(s.packages, p)
	return p, nil
}

func (s *scan) release(at place, r io.Reader) error {
	d, err := parseRelease(at.path, r)
	if err != nil {
		return s.note(err)
	}
	if s.distro.id == "" || at.path == "etc/os-release" {
		d.place = at
		s.distro = d
	}
	return nil
}

// dpkg reads a database that holds all packages, or one of one package. One that
// cannot be read is an error: a list without a word of Debian's packages would be
// taken for one of an image without any.
func (s *scan) dpkg(at place, r io.Reader) error {
	if at.path == "var/lib/dpkg/status" {
		s.databases[at.path] = at.layer
	}
	return parseDpkg(at.path, r, func(p *pkg) error {
		p.places = []place{at}
		_, err := s.add(p)
		return err
	})
}

func (s *scan) apk(at place, r io.Reader) error {
	s.databases[at.path] = at.layer
	var failed error
	err := parseApk(at.path, r, func(p *pkg) error {
		p.places = []place{at}
		_, err := s.add(p)
		return err
	}, func(name string) {
		if failed == nil {
			failed = s.own(name)
		}
	})
	return errors.Join(err, failed)
}

// rpm reads RPM's database. Changes that are not in the database yet make the list
// incomplete. An empty file is none.
func (s *scan) rpm(at place, size int64, r io.Reader) error {
	if size == 0 {
		return nil
	}
	if strings.HasSuffix(at.path, "-wal") {
		return s.note(fmt.Errorf("%s: %w: changes of RPM's database, which are not read", at.path, errText))
	}
	s.databases[at.path] = at.layer
	if err := s.spool.fill(r, maxDatabase); err != nil {
		return err
	}
	return parseRPM(at.path, s.spool, s.spool.size, func(p *pkg) error {
		p.places = []place{at}
		_, err := s.add(p)
		return err
	}, s.own)
}
