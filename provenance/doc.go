// Package provenance describes how an artifact was made: in-toto Statements
// about subjects, and the SLSA predicates inside them. A [Statement] is a
// claim, not a fact. Nothing here is signed or checked; see the sign package
// to sign one and the verify package to believe one.
//
// The way through it, when something was built:
//
//	subjects, err := provenance.Subjects(ctx, "dist/app")   // what: hashed
//	statement, err := build.Statement(subjects...)          // how: a Build
//	data, err := statement.Marshal()                        // the bytes to sign
//
// And when somebody else says so, after the signature was checked on the bytes:
//
//	statement, err := provenance.Parse(data)
//	build, err := provenance.ParseBuild(statement)
//	changes := provenance.Diff(before, build)
//
// What is read is read strictly, within documented limits, or not at all. What
// is written is the same bytes for the same input. Nothing here fetches, runs or
// trusts anything, and it links no other module.
package provenance
