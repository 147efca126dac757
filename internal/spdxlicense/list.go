// Package spdxlicense knows the SPDX License List and the expressions over it
// (SPDX 2.3, Annex D).
package spdxlicense

import (
	_ "embed"
	"sort"
	"strings"
)

// ListVersion is the version of the SPDX License List that is known here.
const ListVersion = "3.28"

// list has one id a line, in order of its lower-case form: what it is, and
// whether it is deprecated.
//
//go:embed list.txt
var list string

// lookup finds the line of an id in any letter case.
func lookup(id string) (line string, ok bool) {
	if len(id) > 128 {
		return "", false
	}
	id = strings.ToLower(id)
	// A binary search over the text itself: there is nothing to build first.
	lo, hi := 0, len(list)
	for lo < hi {
		mid := (lo + hi) / 2
		start := strings.LastIndexByte(list[:mid], '\n') + 1
		end := start + strings.IndexByte(list[start:], '\n')
		found, _, _ := strings.Cut(list[start:end], " ")
		switch c := strings.Compare(strings.ToLower(found), id); {
		case c == 0:
			return list[start:end], true
		case c < 0:
			lo = end + 1
		default:
			hi = start
		}
	}
	return "", false
}

// License returns the list's own spelling of a licence id that is given in any
// letter case, and whether the list calls it deprecated.
func License(id string) (canonical string, deprecated, ok bool) { return find(id, "license") }

// Exception is [License] for the ids that may stand behind WITH.
func Exception(id string) (canonical string, deprecated, ok bool) { return find(id, "exception") }

func find(id, kind string) (canonical string, deprecated, ok bool) {
	line, ok := lookup(id)
	if !ok {
		return "", false, false
	}
	canonical, rest, _ := strings.Cut(line, " ")
	what, flag, _ := strings.Cut(rest, " ")
	return canonical, flag == "deprecated", what == kind
}

// IDs returns every id of the list, licences and exceptions, in the order of
// their bytes.
func IDs() []string {
	var all []string
	for line := range strings.Lines(list) {
		id, _, _ := strings.Cut(line, " ")
		all = append(all, id)
	}
	sort.Strings(all)
	return all
}
