// Package sbom says what is inside an artifact, as CycloneDX 1.6.
//
// [FromBinary] lists the modules that a Go binary was linked from, as the
// linker wrote them into it; package gomod below this one adds who imports
// whom where the source is at hand. [Write] and [Parse] are the way out and in,
// and [Statement] binds the list to the artifact, so that it can be signed.
//
//	bom, err := sbom.FromBinary(file)
//	err = sbom.Write(out, bom)
//	statement, err := sbom.Statement(bom)
//
// A BOM is a claim. It says what the linker recorded, and that is only as true
// as the binary; it does not look for what nobody recorded. What is not known
// stays unknown: no licence, supplier or "complete" is invented, and the
// compositions say how far the knowledge goes.
//
// # What a BOM of a binary holds
//
// The main component is the program: its module path and version, its digests,
// and how it was built as properties whose names begin with "touchmark:go:".
// Below it stand exactly the modules that go version -m prints, under their
// exact paths, and the standard library as "stdlib". A module that was replaced
// appears as its replacement, with the original among the ancestors of its
// pedigree. A folder in a module's place keeps the module's path and has no
// version, sum or package URL, because nobody knows them. "(devel)" appears nowhere.
//
// The sum that go.sum has of a module is the property [PropertyH1] and not a
// hash: it is a sum over a list of files, and no file has it.
//
// From a binary alone nobody can say which module imports which. A component
// without an entry in the dependencies is one of unknown dependencies. With the
// source at hand, package gomod writes who imports whom; with a module cache at
// hand, [ModuleCache.AddRequirements] writes who requires whom, which is less.
//
// # What others know
//
// [ModuleCache.AddDigests] adds the SHA-256 and SHA-512 of each module's zip,
// once the zip has proved to be the module's, and the repository that the module
// came from. Package license below this one adds the licences that a module's
// files state. A [Publisher] says the rest: names, addresses, terms. A module's
// supplier is no more than somebody's word, so it is there only where the
// publisher gave it. The repository of a module whose host has a rule for that
// is derived from its path, and the reference's comment says so.
//
// The same binary and options give the same bytes: the serial number is a
// UUIDv5 of the digest, the version of the document is 1, and the time is
// [Options.Time] or that of the commit that was stamped.
package sbom

import (
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// PredicateType is the in-toto predicate type of a CycloneDX document.
const PredicateType = "https://cyclonedx.org/bom"

// The properties that this package writes, and others compare. All but
// PropertyH1 and PropertySource belong to the main component.
const (
	// PropertyH1 is the component property that holds a module's sum as go.sum
	// spells it ("h1:…").
	PropertyH1 = "touchmark:go:h1"
	// PropertySource is "local" of a component that was compiled from a folder
	// which a replace directive named.
	PropertySource = "touchmark:go:source"
	// PropertyVersion is "unknown" where no version was stamped, and "inferred"
	// where the version is the pseudo-version of the stamped commit.
	PropertyVersion = "touchmark:go:version"
	// PropertyPackage is the import path of the main package.
	PropertyPackage = "touchmark:go:package"
	// PropertyToolchain is the toolchain with its experiments, "go1.26.8".
	PropertyToolchain = "touchmark:go:toolchain"
	// PropertyGOOS and PropertyGOARCH are the platform.
	PropertyGOOS   = "touchmark:go:goos"
	PropertyGOARCH = "touchmark:go:goarch"
	// PropertyCGO is "0" or "1", as CGO_ENABLED was.
	PropertyCGO = "touchmark:go:cgo"
	// PropertyTags are the build tags, with commas between them.
	PropertyTags = "touchmark:go:tags"
	// PropertyRevision is the commit that was stamped, and PropertyModified
	// "true" when files differed from it.
	PropertyRevision = "touchmark:go:vcs.revision"
	PropertyModified = "touchmark:go:vcs.modified"
	// PropertyHashes is "archive" of a component whose hashes are those of an
	// archive that holds more than it.
	PropertyHashes = "touchmark:go:hashes"
	// PropertyEdges is a property of the metadata that says what the dependencies
	// in the document mean: "imports", a package of the one imports a package of
	// the other, or "requires", the one's go.mod file names the other.
	PropertyEdges = "touchmark:go:edges"
	// PropertySumDB is the proof that a Go checksum database has a module's sum, and
	// PropertySumDBHead, of the metadata and as often as needed, the signed tree head
	// that proofs lead to. Package gomod adds them; docs/go-sbom.md has their form.
	PropertySumDB     = "touchmark:go:sumdb"
	PropertySumDBHead = "touchmark:go:sumdb.head"
)

// Options tune the making of a BOM. The zero Options are what [FromBinary] and
// [FromBuildInfo] use.
type Options struct {
	// Hashes are the digests of the binary, if the caller has them already: with
	// a sha256 in them the file is not read to its end again. They go into the
	// main component as they are, those of sha256, sha384 and sha512, so they
	// must be of that binary. If it has no sha256, [Options.FromBinary] computes
	// the sha256 and the sha512.
	Hashes provenance.DigestSet
	// Time is the document's timestamp, to the second. If zero, the document has
	// that of the stamped commit, or none.
	Time time.Time
	// Publisher is what the publisher says of the program and the document.
	Publisher Publisher
}
