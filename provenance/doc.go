// Package provenance describes how an artifact was made: in-toto Statements
// about subjects, and the SLSA predicates inside them. A [Statement] is a
// claim, not a fact. Nothing here is signed or checked; see the sign package
// to sign one and the verify package to believe one.
package provenance
