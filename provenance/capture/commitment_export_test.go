package capture

import "github.com/touchmark-go/touchmark/provenance"

// Commit makes the commitment to the value of a variable.
func Commit(salt Salt, variable, value string) Commitment {
	return commit(salt, Commitment{Variable: variable}, value)
}

// Guessable is guessable.
func Guessable(value string) bool { return guessable(value) }

// LinksOf is linksOf.
func LinksOf(repository, system, message string) []provenance.ResourceDescriptor {
	return linksOf(repository, system, message)
}
