package cdxschema

import (
	_ "embed"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

//go:embed tables.txt
var tables string

// compile makes the nodes of one version. The table is part of this package,
// so what is wrong in it is a bug here: compile panics.
func compile(text string, v Version) map[string]*Node {
	c := compiler{version: v, entries: map[string]*entry{}, nodes: map[string]*Node{}, ids: map[string]int{}}
	for i, name := range Names() {
		c.ids[name] = i
	}
	var last *entry
	for number, line := range lines(text) {
		if line[0] != '\t' {
			f := strings.Fields(line)
			last = &entry{kind: f[0], line: number, model: append(f, "")[2]}
			c.entries[f[1]] = last
			continue
		}
		last.lines = append(last.lines, line[1:])
	}
	c.named("bom")
	return c.nodes
}

// lines yields the lines of the table that say something.
func lines(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			if line = strings.TrimRight(line, "\n"); line != "" && line[0] != '#' && !yield(number, line) {
				return
			}
		}
	}
}

// names collects the members' names.
func names(text string) []string {
	all, object := map[string]bool{}, false
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if line[0] != '\t' {
			object = f[0] == "object"
		} else if object && f[0][0] != '!' {
			all[strings.TrimSuffix(f[0], "*")] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

type entry struct {
	kind, model string
	line        int
	lines       []string
}

type compiler struct {
	version Version
	entries map[string]*entry
	nodes   map[string]*Node
	ids     map[string]int
}

// holds reads a range of versions, and says whether word is none.
func (c *compiler) holds(word string) (isRange, holds bool) {
	word = strings.TrimSuffix(word, ":")
	from, to, hasEnd := strings.Cut(word, "-")
	if from, plus := strings.CutSuffix(from, "+"); plus {
		v, ok := ParseVersion(from)
		return ok, c.version >= v
	}
	first, ok := ParseVersion(from)
	if !ok {
		return false, true
	}
	last := first
	if hasEnd {
		if last, ok = ParseVersion(to); !ok {
			return false, true
		}
	}
	return true, first <= c.version && c.version <= last
}

// cut takes the range from the front of a line and says whether it holds.
func (c *compiler) cut(line string) (rest string, holds bool) {
	line = strings.TrimSpace(line)
	word, rest, _ := strings.Cut(line, " ")
	if isRange, holds := c.holds(word); isRange {
		return strings.TrimSpace(rest), holds
	}
	return line, true
}

// named returns the node of that name, which may be in the making.
func (c *compiler) named(name string) *Node {
	if n := c.nodes[name]; n != nil {
		return n
	}
	n := &Node{Name: name}
	e := c.entries[name]
	if e == nil {
		if !builtIn(n, name) {
			panic(fmt.Sprintf("tables.txt: %q is not there", name))
		}
		n.Name = ""
		return n
	}
	c.nodes[name] = n
	switch e.kind {
	case "object":
		c.object(n, e)
	case "enum":
		n.Kind, n.Enum = String, map[string]string{}
		for _, line := range e.lines {
			if rest, holds := c.cut(line); holds {
				for _, value := range split(rest) {
					value = strings.Trim(value, `"`)
					n.Enum[value] = value
				}
			}
		}
		n.values = newValues(n.Enum)
	case "alias":
		for _, line := range e.lines {
			if rest, holds := c.cut(line); holds {
				*n = *c.expression(split(rest))
				n.Name = name
			}
		}
	default:
		panic(fmt.Sprintf("tables.txt:%d: %q is no kind of entry", e.line, e.kind))
	}
	return n
}

// split splits at spaces, but for those in quotes.
func split(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

func (c *compiler) object(n *Node, e *entry) {
	n.Kind = Object
	n.Number = len(c.nodes)
	if e.model != "-" {
		n.Model = e.model
	}
	var rules []string
	for _, line := range e.lines {
		if line[0] == '!' {
			rules = append(rules, line[1:])
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		rest, holds := c.cut(rest)
		if !holds {
			continue
		}
		name, required := strings.CutSuffix(name, "*")
		if required {
			n.Required |= 1 << len(n.Members)
		}
		n.Members = append(n.Members, Member{Name: name, Quoted: `"` + name + `":`, ID: c.ids[name], Required: required, Node: c.expression(split(rest))})
	}
	if len(n.Members) > 64 {
		panic(fmt.Sprintf("tables.txt: more than 64 members in %s", n.Name))
	}
	n.index = newIndex(n.Members)
	n.byID = slices.Repeat([]int8{-1}, len(c.ids))
	for i, m := range n.Members {
		n.byID[m.ID] = int8(i)
	}
	for _, rule := range rules {
		name, rest, _ := strings.Cut(rule, " ")
		if rest, holds := c.cut(rest); holds {
			c.rule(n, name, strings.Fields(rest))
		}
	}
}

func (c *compiler) rule(n *Node, name string, sets []string) {
	switch name {
	case "open":
		n.Open = true
		return
	case "loose":
		n.Loose = true
		return
	}
	var r Rule
	list := strings.ReplaceAll(strings.Join(sets, ", "), "+", " and ")
	switch name {
	case "one-of":
		r.Kind, r.Text = OneOf, "exactly one of "+list
	case "any-of":
		r.Kind, r.Text = AnyOf, "one of "+list
	case "not-both":
		r.Kind, r.Text = NotBoth, "not both "+strings.Join(sets, " and ")
		sets = []string{strings.Join(sets, "+")}
	case "needs":
		r.Kind, r.Text = Needs, sets[0]+" only with "+sets[1]
	case "needs-not-false":
		r.Kind, r.Text = NeedsNotFalse, sets[0]+" only with "+sets[1]+" true"
	default:
		panic(fmt.Sprintf("tables.txt: %q is no rule", name))
	}
	for _, set := range sets {
		var bits uint64
		for _, member := range strings.Split(set, "+") {
			i := n.Member(member)
			if i < 0 {
				panic(fmt.Sprintf("tables.txt: a rule of %s names %q", n.Name, member))
			}
			bits |= 1 << i
		}
		r.Sets = append(r.Sets, bits)
	}
	n.Rules = append(n.Rules, r)
}

// expression reads what stands behind a member.
func (c *compiler) expression(words []string) *Node {
	for _, operator := range []string{"^", "|"} {
		if slices.Contains(words, operator) && !strings.HasPrefix(words[0], "[") || slices.Contains(words, operator) && strings.HasSuffix(words[0], "]") {
			n := &Node{Kind: Choice, Exactly: operator == "^"}
			for len(words) > 0 {
				i := slices.Index(words, operator)
				if i < 0 {
					i = len(words)
				}
				n.Alts = append(n.Alts, c.expression(words[:i]))
				words = words[min(i+1, len(words)):]
			}
			return n
		}
	}
	word, rest := words[0], words[1:]
	switch {
	case word[0] == '[':
		end := slices.IndexFunc(words, func(w string) bool { return strings.HasSuffix(w, "]") })
		inner := slices.Clone(words[:end+1])
		inner[0], inner[end] = inner[0][1:], strings.TrimSuffix(inner[end], "]")
		if end == 0 {
			inner[0] = word[1 : len(word)-1]
		}
		n := &Node{Kind: Array, Elem: c.expression(inner)}
		for _, w := range words[end+1:] {
			switch w {
			case "unique":
				n.Unique = true
			case "lone":
				n.Lone = true
			default:
				n.Min, n.Max = lengths(w)
			}
		}
		return n
	case word[0] == '"':
		value := strings.Trim(word, `"`)
		enum := map[string]string{value: value}
		return &Node{Kind: String, Enum: enum, values: newValues(enum)}
	}
	n := c.named(word)
	if len(rest) == 0 {
		return n
	}
	if n.Kind == String {
		n.Plain = false
		n.Min, n.Max = lengths(rest[0])
		return n
	}
	low, high, _ := strings.Cut(rest[0], "..")
	n.Bounded, n.Low, n.High = true, number(low, -1<<53), number(high, 1<<53)
	return n
}

func lengths(s string) (low, high int) {
	first, last, _ := strings.Cut(s, "..")
	return int(number(first, 0)), int(number(last, 0))
}

func number(s string, otherwise float64) float64 {
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("tables.txt: " + err.Error())
	}
	return float64(n)
}

// builtIn fills in the node of a name that the table need not explain.
func builtIn(n *Node, name string) bool {
	switch name {
	case "any":
		n.Kind = Any
	case "boolean":
		n.Kind = Boolean
	case "integer":
		n.Kind = Integer
	case "number":
		n.Kind = Number
	default:
		n.Kind = String
		f, known := formats[name]
		n.Format, n.Plain = f, f == NoFormat
		return known || name == "string"
	}
	return true
}

// An index finds members by name: a hash table with room to spare.
type index struct {
	shift uint8
	slots []int8 // indexes of members, or -1
}

// hash mixes the length and five characters of a name, which is
// enough to tell most names of one object apart.
func hash(name string) uint64 {
	const mul = 0x9E3779B97F4A7C15
	n := len(name)
	if n < 2 {
		if n == 0 {
			return 0
		}
		return uint64(name[0]) * mul
	}
	x := uint64(n) | uint64(name[0])<<8 | uint64(name[1])<<16 | uint64(name[n/2])<<24 | uint64(name[n-2])<<32 | uint64(name[n-1])<<40
	return x * mul
}

func newIndex(members []Member) index {
	width := bits.Len(uint(2*len(members))) + 1
	x := index{shift: uint8(64 - width), slots: slices.Repeat([]int8{-1}, 1<<width)}
	for i, m := range members {
		slot := hash(m.Name) >> x.shift
		for x.slots[slot] >= 0 {
			slot = (slot + 1) & uint64(len(x.slots)-1)
		}
		x.slots[slot] = int8(i)
	}
	return x
}

func (x *index) find(members []Member, name string) int {
	for slot := hash(name) >> x.shift; ; slot = (slot + 1) & uint64(len(x.slots)-1) {
		i := int(x.slots[slot])
		if i < 0 || members[i].Name == name {
			return i
		}
	}
}

// values are the strings of an enumeration in a hash table with room to spare.
type values struct {
	shift uint8
	slots []string
}

func newValues(enum map[string]string) values {
	width := bits.Len(uint(2*len(enum))) + 1
	v := values{shift: uint8(64 - width), slots: make([]string, 1<<width)}
	for s := range enum {
		*v.slot(s) = s
	}
	return v
}

// slot is where s stands, or would.
func (v *values) slot(s string) *string {
	for i := hash(s) >> v.shift; ; i = (i + 1) & uint64(len(v.slots)-1) {
		if at := &v.slots[i]; *at == s || *at == "" {
			return at
		}
	}
}

// Value returns the string of the enumeration that is s, so that s itself need
// not be kept.
func (n *Node) Value(s string) (string, bool) {
	if s == "" {
		return "", false // no enumeration has it
	}
	known := *n.values.slot(s)
	return known, known != ""
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
