package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/lockfile"
	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sbom"
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
	unread     []string            // what could not be read, and why
	unreadMore int
}

// A goProgram is a Go program in the image, at one place or several.
type goProgram struct {
	bom    *cdx.BOM
	places []place
}

// A locked is a lock file in the image.
type locked struct {
	lock  *lockfile.Lock
	place place
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
	s.useLocks()
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
	switch description(at.path) {
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
		if lock, err = lockfile.Parse(at.path, r); err == nil {
			s.locks = append(s.locks, locked{lock, at})
		} else {
			err = fmt.Errorf("%s: %w", path.Dir(at.path), err)
		}
		err = s.note(err)
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

// copyright are the licences in the copyright file of a Debian package, whose folder
// can be a link to that of another package.
func (s *scan) copyright(name string) []string {
	file, _ := s.tree.Resolve("usr/share/doc/" + name + "/copyright")
	return s.licenses[file]
}

// description is what kind of description the file at a path is, "" if none.
func description(name string) string {
	switch name {
	case "etc/os-release", "usr/lib/os-release":
		return "release"
	case "var/lib/dpkg/status":
		return "dpkg"
	case "lib/apk/db/installed", "usr/lib/apk/db/installed":
		return "apk"
	}
	if isRPM(name) {
		return "rpm"
	}
	if strings.HasPrefix(name, "var/lib/rpm/") || strings.HasPrefix(name, "usr/lib/sysimage/rpm/") {
		return "database"
	}
	if rest, ok := strings.CutPrefix(name, "var/lib/dpkg/"); ok {
		folder, base := path.Split(rest)
		switch {
		case folder == "status.d/" && strings.HasSuffix(base, ".md5sums"):
			return "dpkg sums"
		case folder == "status.d/":
			return "dpkg"
		case folder == "info/" && strings.HasSuffix(base, ".list"):
			return "dpkg list"
		}
		return "database"
	}
	if rest, ok := strings.CutPrefix(name, "usr/share/doc/"); ok && strings.Count(rest, "/") == 1 && strings.HasSuffix(rest, "/copyright") {
		return "copyright"
	}
	if strings.HasPrefix(name, "lib/apk/") || strings.HasPrefix(name, "usr/lib/apk/") {
		return "database"
	}
	if _, ok := npmFolder(name); ok {
		return "npm"
	}
	if pythonMetadata(name) {
		return "python"
	}
	if strings.HasSuffix(name, ".dist-info/RECORD") {
		return "record"
	}
	if lockfile.Known(name) {
		folder, base := path.Split(name)
		switch {
		case base == ".package-lock.json":
			return "lock"
		case strings.Contains("/"+folder, "/node_modules/"), strings.Contains(folder, "-packages/"), strings.HasPrefix(name, "usr/share/doc/"):
			return "" // one that came with a package, of its own making
		}
		return "lock"
	}
	return ""
}

// note keeps what is wrong with a file that one package wrote about itself: it
// makes the list incomplete. What r failed with stays an error, and so do limits.
func (s *scan) note(err error) error {
	var locking *lockfile.Error
	var spelling *strictjson.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &locking), errors.As(err, &spelling), errors.Is(err, strictjson.ErrLimit), errors.Is(err, errText), errors.Is(err, errNameless):
	default:
		return err
	}
	if len(s.unread) < maxUnread {
		s.unread = append(s.unread, clean(err.Error()))
	} else {
		s.unreadMore++
	}
	return nil
}

// errNameless says that a description does not say of what.
var errNameless = errors.New("has no name or no version")

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

// rpm reads RPM's database. One in Berkeley DB's or in its own format, and changes that
// are not in the database yet, make the list incomplete.
func (s *scan) rpm(at place, size int64, r io.Reader) error {
	if path.Base(at.path) != "rpmdb.sqlite" {
		if size == 0 {
			return nil
		}
		return s.note(fmt.Errorf("%s: %w: packages of RPM in a format that is not read", at.path, errText))
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

// program reads the build info of a Go program. accounted is false of every other file.
func (s *scan) program(f ocilayout.File, r io.Reader) (accounted bool, err error) {
	var start [4]byte
	n, err := io.ReadFull(r, start[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	if !isExecutable(start[:n]) {
		return false, nil
	}
	if f.Size > maxBinary {
		return false, s.note(fmt.Errorf("%s: %w: a program of more than %d bytes", f.Path, errText, int64(maxBinary)))
	}
	if err := s.spool.fill(io.MultiReader(bytes.NewReader(start[:n]), r), maxBinary); err != nil {
		return false, err
	}
	bom, err := sbom.FromBinary(io.NewSectionReader(s.spool, 0, s.spool.size))
	switch {
	case errors.Is(err, sbom.ErrNotGo):
		return false, nil
	case errors.Is(err, gofacts.ErrMalformed):
		return false, s.note(fmt.Errorf("%s: %w: %v", f.Path, errText, err))
	case err != nil:
		return false, fmt.Errorf("%s: %w", f.Path, err)
	}
	sum := (*bom.Metadata.Component.Hashes)[0].Value
	b := s.byDigest[sum]
	if b == nil {
		b = &goProgram{bom: bom}
		if len(s.packages)+len(s.binaries) >= maxPackages {
			return false, errTooMany
		}
		s.byDigest[sum] = b
		s.binaries = append(s.binaries, b)
	}
	for _, name := range append([]string{f.Path}, f.Links...) {
		b.places = append(b.places, place{name, f.LayerIndex})
	}
	return true, nil
}

// isExecutable reports whether a file begins as ELF, PE, Mach-O or WebAssembly does.
func isExecutable(start []byte) bool {
	for _, magic := range []string{"\x7fELF", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\x00asm"} {
		if bytes.HasPrefix(start, []byte(magic)) {
			return true
		}
	}
	return false
}

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

// findLayers finds out which layer brought each package of a database: the lowest
// from which on every layer that has the database lists the package.
func (s *scan) findLayers(ctx context.Context) error {
	if len(s.databases) == 0 {
		return nil
	}
	top := 0
	for _, layer := range s.databases {
		top = max(top, layer)
	}
	for i := top - 1; i >= 0; i-- {
		listed, err := s.listed(ctx, i)
		if err != nil {
			return err
		}
		for _, p := range s.packages {
			at := &p.places[0]
			final, isDatabase := s.databases[at.path]
			// Only who was in every database above can have come with this one.
			if keys, ok := listed[ecosystemOf(at.path)]; ok && isDatabase && i < final && !p.settled {
				if keys[p.key()] {
					at.layer = i
				} else {
					p.settled = true
				}
			}
		}
	}
	return nil
}

func ecosystemOf(name string) string {
	if isRPM(name) {
		return "rpm"
	}
	if strings.HasSuffix(name, "apk/db/installed") {
		return "apk"
	}
	return "deb"
}

// listed are the packages in the databases that one layer has, by ecosystem.
func (s *scan) listed(ctx context.Context, layer int) (map[string]map[string]bool, error) {
	r, err := s.archive.Layer(s.image.Layers[layer])
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read from, and its end was read before
	found := map[string]map[string]bool{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		kind := description(name)
		if h.Typeflag != tar.TypeReg || kind != "apk" && name != "var/lib/dpkg/status" && path.Base(name) != "rpmdb.sqlite" {
			continue
		}
		keys := map[string]bool{}
		each := func(p *pkg) error {
			if len(keys) >= maxPackages {
				return errTooMany
			}
			keys[p.key()] = true
			return nil
		}
		switch kind {
		case "apk":
			err = parseApk(name, tr, each, func(string) {})
		case "rpm":
			if err = s.spool.fill(tr, maxDatabase); err == nil {
				err = parseRPM(name, s.spool, s.spool.size, each, func(string) error { return nil })
			}
		default:
			err = parseDpkg(name, tr, each)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", layer, err)
		}
		found[ecosystemOf(name)] = keys
	}
}

// useLocks makes packages of what the lock files name, where nothing that is
// installed speaks for itself: next to what a lock led to, it only says more about
// that.
func (s *scan) useLocks() {
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
			s.packages = append(s.packages, p)
		}
		for _, o := range l.lock.Omitted {
			if !found {
				s.unread = append(s.unread, clean(fmt.Sprintf("%s:%d: %s is not locked", l.place.path, o.Line, o.Text)))
			}
		}
	}
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
