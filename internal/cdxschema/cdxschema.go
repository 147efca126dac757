// Package cdxschema is the schema of CycloneDX, versions 1.2 to 1.7, as one
// table for all of them: which members an object has, of what kind, since when
// and until when, what is required, and which values are allowed. Package
// cdxjson reads JSON by it. The XML form has an order of its elements and rules
// of its own: see package cdxxml.
//
// # The table
//
// tables.txt holds three kinds of entries. What stands indented below an entry
// belongs to it; versions are "1.5", "1.2-1.4" or "1.6+", and none means all.
//
//	object component Component        a type, and the struct of cyclonedx-go for it, or -
//		name*    1.3+  string           a required member, from 1.3 on
//		hashes         [hash]
//		!one-of        id name          a rule over the members, see Rule
//	enum scope                        strings, and which versions know them
//		required optional excluded
//	alias version                     another name for an expression
//		1.4-1.5  string 1..1024
//
// An expression is a type's name, [x] for an array ("unique" behind it for items
// that must differ, "1.." for how many there must be, "lone" for a list in which
// an expression stands alone), "text" for that very string, x ^ y for exactly
// one of several, x | y for at least one of them, and what is built in: any,
// boolean, integer and number with bounds ("0..1"), string with bounds of its
// length in characters ("1..1024"), and the names of [Formats].
package cdxschema

import (
	"fmt"
	"slices"
	"sync"
)

// A Version is a version of the specification: 1.6 is Version 6.
type Version uint8

// The versions whose documents have a JSON form.
const (
	First Version = 2
	Last  Version = 7
)

// String is "1.6".
func (v Version) String() string { return fmt.Sprintf("1.%d", v) }

// ParseVersion reads "1.2" to "1.7".
func ParseVersion(s string) (Version, bool) {
	if len(s) != 3 || s[:2] != "1." || s[2] < '0'+byte(First) || s[2] > '0'+byte(Last) {
		return 0, false
	}
	return Version(s[2] - '0'), true
}

// A Kind is a kind of value.
type Kind uint8

// The kinds. A Choice is one of several nodes.
const (
	Any Kind = iota
	String
	Integer
	Number
	Boolean
	Array
	Object
	Choice
)

// A Node says what a value may be in one version. Nodes are shared, safe for
// concurrent use, and never change. What an object holds and which strings an
// enumeration has is made at first use: most documents use a tenth of the table.
type Node struct {
	Name  string // of the type, enumeration or alias in the table; "" if it has none
	Model string // the struct of cyclonedx-go that holds such an object; "" if none does
	Kind  Kind

	Plain   bool         // any string will do
	Format  Format       // of a String
	enum    *enumeration // the strings that are allowed; nil means any
	Min     int          // how long a String (in characters) or an Array may be
	Max     int          // 0 means without end
	Low     float64      // bounds of a number, if Bounded
	High    float64
	Bounded bool

	Elem   *Node // of an Array
	Unique bool  // its items must differ
	Lone   bool  // an item that has the member "expression" must be the only one

	fields *lazyFields // of an Object

	Alts    []*Node // of a Choice
	Exactly bool    // exactly one of them must match, and not just one or more
}

// Fields are what an Object holds.
type Fields struct {
	Members  []Member // in the order of the table
	Required uint64   // bit i is set if Members[i] is required
	Open     bool     // members that are not listed are allowed, with any value
	Loose    bool     // what is no object at all is allowed as well
	Rules    []Rule
	Number   int // counted among the objects of its version that were used
	index    index
	byID     []int8
}

// Fields are what an Object holds. Of anything else they are empty.
func (n *Node) Fields() *Fields {
	if n.fields == nil {
		return &noFields
	}
	return n.fields.get()
}

// noFields are never written to.
var noFields Fields

// Undemanding is the Object n without what it requires and without its rules.
func (n *Node) Undemanding() *Node {
	f := *n.Fields()
	f.Required, f.Rules = 0, nil
	alone := *n
	alone.fields = &lazyFields{made: f}
	return &alone
}

// AnyObject returns an Object that may hold any members.
func AnyObject() *Node {
	return &Node{Kind: Object, fields: &lazyFields{made: Fields{Open: true}}}
}

// A Member is a member of an object.
type Member struct {
	Name     string
	Quoted   string // the name as JSON has it, with the colon: "name":
	ID       int    // the name's number, the same in all types and versions
	Required bool
	Node     *Node
}

// Member returns the index in Members of the member of that name, or -1.
func (f *Fields) Member(name string) int {
	if len(f.Members) == 0 {
		return -1
	}
	return f.index.find(f.Members, name)
}

// MemberByID returns the index in Members of the member whose name has that
// number, or -1.
func (f *Fields) MemberByID(id int) int {
	if id >= len(f.byID) {
		return -1
	}
	return int(f.byID[id])
}

// A RuleKind is a kind of rule over the members that are present.
type RuleKind uint8

// The rules. Each set of a rule is a set of members by their bits.
const (
	OneOf         RuleKind = iota // exactly one of the sets is there, whole
	AnyOf                         // at least one of the sets is there, whole
	NotBoth                       // the set is not there, whole
	Needs                         // who has the first has the second
	NeedsNotFalse                 // who has the first has the second, and it is not false
)

// A Rule is a rule over the members of an object.
type Rule struct {
	Kind RuleKind
	Sets []uint64
	Text string // the rule as a person would say it, "exactly one of id, name"
}

// Holds reports whether the rule holds for an object in which the members of
// present are, and those of isFalse have the value false.
func (r Rule) Holds(present, isFalse uint64) bool {
	count := 0
	for _, set := range r.Sets {
		if present&set == set {
			count++
		}
	}
	switch r.Kind {
	case OneOf:
		return count == 1
	case AnyOf:
		return count > 0
	case NotBoth:
		return count == 0
	case NeedsNotFalse:
		if isFalse&r.Sets[1] != 0 {
			return present&r.Sets[0] == 0
		}
	}
	return present&r.Sets[0] == 0 || present&r.Sets[1] == r.Sets[1]
}

// compilers have a version's nodes once somebody asked for them.
var compilers [Last + 1]struct {
	once sync.Once
	*compiler
}

// Of returns the node of the document itself in that version.
func Of(v Version) *Node {
	c := &compilers[v]
	c.once.Do(func() { c.compiler = newCompiler(v) })
	return c.bom
}

// Names are the names of all members of all types and versions, sorted: a
// name's place here is its [Member.ID].
func Names() []string { return slices.Clone(names[:]) }

//go:generate go run ./gen
