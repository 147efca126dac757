// Package predicate holds the in-toto predicates that say what happened to an
// artifact besides its build: [TestResult], [Vulns], [Link] and [RuntimeTrace].
// How it was built is provenance; what people decide is release.
//
// Each has a Parse function for a [provenance.Statement], a Validate method that
// holds it to its specification (in-toto attestation framework, predicates), and
// a Statement method. Predicates of other types are decoded into types of the
// caller's own by [provenance.Statement.Decode].
//
// Results of tools become predicates by [FromGoTest], [FromJUnit], [FromSARIF]
// and [FromGovulncheck]. They read what strangers wrote, and never make more of
// it than it says: a run that failed, was cut off or did nothing is never PASSED.
//
// A step after the build that makes something new (packaging, layering,
// stripping) is a build of its own: provenance whose resolved dependencies are the
// artifacts that it took. A Link says the same to in-toto layouts.
package predicate
