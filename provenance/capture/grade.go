package capture

import (
	"cmp"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// How a fact is known, from best to worst.
const (
	Observed = "observed" // seen by this capture: measured, read from the thing itself, or done by it
	Declared = "declared" // somebody said so, and nothing here could look
	Inferred = "inferred" // follows from something observed, if what Why says holds
	Absent   = "absent"   // not known; the member is not in the provenance
)

// A Grade says how a fact is known.
type Grade struct {
	Field string `json:"field"`         // where the fact stands, or would: a JSON pointer into the statement; it speaks for everything below it
	Grade string `json:"grade"`         // [Observed], [Declared], [Inferred] or [Absent]
	Why   string `json:"why,omitempty"` // one sentence for a person; holds no value from outside
}

// The places that grades point to.
const (
	atSubject      = "/subject"
	atBuildType    = "/predicate/buildDefinition/buildType"
	atExternal     = "/predicate/buildDefinition/externalParameters"
	atInternal     = "/predicate/buildDefinition/internalParameters"
	atDependencies = "/predicate/buildDefinition/resolvedDependencies"
	atBuilder      = "/predicate/runDetails/builder"
	atMetadata     = "/predicate/runDetails/metadata"
	atByproducts   = "/predicate/runDetails/byproducts"
)

// pointer appends an escaped reference token to a JSON pointer (RFC 6901).
func pointer(at, name string) string {
	return at + "/" + strictjson.EscapePointer(name)
}

func sortGrades(grades []Grade) {
	slices.SortFunc(grades, func(a, b Grade) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Grade, b.Grade))
	})
}
