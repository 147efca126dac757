// Package lockfile reads the files in which package managers write down what
// they resolved: every package in its one version, where it came from, and the
// digest of the file that was fetched. It reads strictly: what it does not
// understand it refuses, with the file's name and the line, and never guesses.
//
//	lock, err := lockfile.Parse("package-lock.json", file)
//
// A lock is a declaration. It says what was meant to be installed, not what was,
// so whoever uses it grades it so. No file is opened but the one handed in, and
// nothing is fetched. The package links the standard library only.
package lockfile

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// The limits. A file over one of them is refused as soon as it is seen to be.
const (
	// MaxSize is the most bytes that a file may have.
	MaxSize = 64 << 20
	// MaxNodes is the most values that a file may hold, lists and tables with
	// their members counted.
	MaxNodes = 1_000_000
	// MaxDepth is how deep lists and tables may nest.
	MaxDepth = strictjson.MaxDepth
	// MaxPackages is the most packages that a file may lock.
	MaxPackages = 100_000
	// MaxEdges is the most dependencies that a file may name in all.
	MaxEdges = 1_000_000
	// MaxText is the longest name, version, URL or line, in bytes.
	MaxText = 64 << 10
)

// ErrUnknown says that a file is by its name no lock file that [Parse] reads.
var ErrUnknown = errors.New("not a lock file that is read")

// ErrLimit is what errors.Is finds in an error about a limit.
var ErrLimit = strictjson.ErrLimit

// An Error says where a lock file is refused, and why.
type Error struct {
	File string // its base name
	Line int    // from 1
	Msg  string // what was wanted and what was found

	limit bool
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }

// Is reports whether e is about a limit, if target is [ErrLimit].
func (e *Error) Is(target error) bool { return target == ErrLimit && e.limit }

// A Lock is what a lock file says.
type Lock struct {
	// Name is the base name of the file.
	Name string
	// Format is what the file is and its version: "npm 3", "cargo 4", "pip".
	Format string
	// Ecosystem is the type of its package URLs: "npm", "pypi", "cargo". It is empty
	// of a flake.lock, whose packages are of several.
	Ecosystem string
	// Packages are those that the file locks, each once, by name and version. The
	// project that the file belongs to is not among them.
	Packages []Package
	// Edges says that the file tells who depends on whom. Without it, that a
	// package has no Dependencies says nothing.
	Edges bool
	// Omitted is what the file asks for and does not lock: other files, folders,
	// links. With any the list of packages is not complete.
	Omitted []Omission
}

// An Omission is a line that asks for something which the file does not lock.
type Omission struct {
	Line int
	Text string // what it is, without anything secret
}

// A Package is one that a lock file names.
type Package struct {
	// Name is in the ecosystem's own spelling: "@scope/name" of npm, normalised
	// (PEP 503) of pypi.
	Name string
	// Version is the one it is locked to, "" when the file does not say: a folder.
	Version string
	// PURL is its package URL, "" of a Local one.
	PURL string
	// Source is where it comes from when the file says so, without user info and
	// query.
	Source string
	// Digests are those of the file that is fetched, if the lock allows exactly
	// one: sha256, sha384, sha512.
	Digests provenance.DigestSet
	// OneOf are the digests of the files that the lock allows, when it is several
	// (a source archive, wheels for many platforms): the package is one of them.
	OneOf []provenance.Digest
	// SHA1 is the weak sum in hexadecimal that the lock has of the file, "" if it
	// has none. It is carried and proves nothing.
	SHA1 string
	// TreeSum is a sum that is not of a file but of a listing of many, as the lock
	// spells it: "h1:…", "sha256-…" of Nix, yarn's own. It is carried as it is.
	TreeSum string
	// Dev says that it is only for developing: tests and tools.
	Dev bool
	// Optional says that the installation may do without it.
	Optional bool
	// Bundled says that it lies inside of the file of another package.
	Bundled bool
	// Local says that it is a folder or a file near the project, and no registry
	// has it.
	Local bool
	// Line is where the file names it first.
	Line int
	// Dependencies are the [Package.ID]s of the packages of the same lock that it
	// depends on, sorted.
	Dependencies []string
}

// ID is what tells p from the other packages of its lock: its package URL, and
// without one its name and version.
func (p *Package) ID() string {
	if p.PURL != "" {
		return p.PURL
	}
	if p.Version == "" {
		return p.Name
	}
	return p.Name + "@" + p.Version
}

// Parse reads a lock file. What it is, its base name says: see [Names]; another
// name is [ErrUnknown], whatever the content, and so is a lockfile.json that is not
// Maven's. Every other error about the content is an [*Error] with the line.
func Parse(name string, r io.Reader) (*Lock, error) {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	f, ok := formatOf(base)
	if base == "pom.xml" {
		return nil, fmt.Errorf("%q: %w: it says what is wanted, and locks nothing", base, ErrUnknown)
	}
	if !ok {
		return nil, fmt.Errorf("%q: %w, want one of %s", base, ErrUnknown, strings.Join(Names(), ", "))
	}
	data, err := strictjson.ReadAll(r, MaxSize)
	if errors.Is(err, strictjson.ErrLimit) {
		return nil, &Error{File: base, Line: 1, Msg: fmt.Sprintf("more than %d bytes", MaxSize), limit: true}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	d := &doc{file: base, data: data, lock: Lock{Name: base, Format: f.name, Ecosystem: f.ecosystem}}
	f.parse(d)
	if d.err == nil {
		d.finish()
	}
	if d.err != nil {
		return nil, d.err
	}
	return &d.lock, nil
}

// Known reports whether name is by its last element a lock file that [Parse] reads.
func Known(name string) bool {
	_, ok := formatOf(path.Base(strings.ReplaceAll(name, `\`, "/")))
	return ok
}

// Names are the base names of what [Parse] reads. "requirements*.txt" stands for
// all names that begin and end so.
func Names() []string {
	return []string{
		"package-lock.json", "npm-shrinkwrap.json", ".package-lock.json", "yarn.lock", "pnpm-lock.yaml",
		"requirements*.txt", "Pipfile.lock", "poetry.lock", "uv.lock", "Cargo.lock",
		"lockfile.json", "gradle.lockfile", "buildscript-gradle.lockfile", "composer.lock", "Gemfile.lock", "gems.locked",
		"MODULE.bazel.lock", "flake.lock", ".terraform.lock.hcl",
	}
}

// A format is one that can be read.
type format struct {
	name, ecosystem string
	parse           func(*doc)
}

func formatOf(base string) (format, bool) {
	switch base {
	case "package-lock.json", "npm-shrinkwrap.json", ".package-lock.json":
		return format{"npm", "npm", parseNPM}, true
	case "yarn.lock":
		return format{"yarn", "npm", parseYarn}, true
	case "pnpm-lock.yaml":
		return format{"pnpm", "npm", parsePNPM}, true
	case "Pipfile.lock":
		return format{"pipenv", "pypi", parsePipfile}, true
	case "poetry.lock":
		return format{"poetry", "pypi", parsePoetry}, true
	case "uv.lock":
		return format{"uv", "pypi", parseUV}, true
	case "Cargo.lock":
		return format{"cargo", "cargo", parseCargo}, true
	case "lockfile.json":
		return format{"maven", "maven", parseMaven}, true
	case "gradle.lockfile", "buildscript-gradle.lockfile":
		return format{"gradle", "maven", parseGradle}, true
	case "composer.lock":
		return format{"composer", "composer", parseComposer}, true
	case "Gemfile.lock", "gems.locked":
		return format{"bundler", "gem", parseBundler}, true
	case "MODULE.bazel.lock":
		return format{"bazel", "bazel", parseBazel}, true
	case "flake.lock":
		return format{"nix", "", parseFlake}, true
	case ".terraform.lock.hcl":
		return format{"terraform", "terraform", parseTerraform}, true
	}
	if strings.HasPrefix(base, "requirements") && strings.HasSuffix(base, ".txt") {
		return format{"pip", "pypi", parsePip}, true
	}
	return format{}, false
}
