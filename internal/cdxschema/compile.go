package cdxschema

import (
	_ "embed"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed tables.txt
var tables string

// entries finds where each entry of the table begins.
var entries = sync.OnceValue(func() map[string]entry {
	found := make(map[string]entry, strings.Count(tables, "\n\n"))
	for at := 0; at < len(tables); {
		end := at + strings.IndexByte(tables[at:], '\n') + 1
		if c := tables[at]; c != '\t' && c != '#' && c != '\n' {
			kind, rest, _ := strings.Cut(tables[at:end-1], " ")
			name, model, _ := strings.Cut(rest, " ")
			found[name] = entry{kind: kind, model: model, at: end}
		}
		at = end
	}
	return found
})

// newCompiler begins with the nodes of one version. The table is part of this
// package, so what is wrong in it is a bug here: the compiler panics, at the
// latest when the entry is used.
func newCompiler(v Version) *compiler {
	c := &compiler{version: v, nodes: map[string]*Node{}}
	c.bom = c.named("bom")
	return c
}

// lazyFields are made when they are asked for.
type lazyFields struct {
	once sync.Once
	c    *compiler // nil if they are made
	name string
	made Fields
}

func (l *lazyFields) get() *Fields {
	if l.c != nil {
		l.once.Do(func() {
			l.c.mu.Lock()
			defer l.c.mu.Unlock()
			l.c.object(&l.made, l.name)
		})
	}
	return &l.made
}

// An entry is a type, an enumeration or an alias.
type entry struct {
	kind, model string
	at          int // in the table: where what is indented below it begins
}

// lines yields what is indented below it.
func (e entry) lines(yield func(string) bool) {
	for text := tables[e.at:]; text != "" && (text[0] == '\t' || text[0] == '#'); {
		line, rest, _ := strings.Cut(text, "\n")
		if text = rest; line[0] == '\t' && !yield(line[1:]) {
			return
		}
	}
}

type compiler struct {
	version Version
	bom     *Node

	mu      sync.Mutex // while fields are made
	nodes   map[string]*Node
	objects int
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
	e, ok := entries()[name]
	if !ok {
		if !builtIn(n, name) {
			panic(fmt.Sprintf("tables.txt: %q is not there", name))
		}
		n.Name = ""
		return n
	}
	c.nodes[name] = n
	switch e.kind {
	case "object":
		n.Kind, n.fields = Object, &lazyFields{c: c, name: name}
		if e.model != "-" {
			n.Model = e.model
		}
	case "enum":
		n.Kind, n.enum = String, &enumeration{make: func() (list []string) {
			for line := range e.lines {
				if rest, holds := c.cut(line); holds {
					for _, value := range split(rest) {
						list = append(list, strings.Trim(value, `"`))
					}
				}
			}
			return list
		}}
	case "alias":
		for line := range e.lines {
			if rest, holds := c.cut(line); holds {
				*n = *c.expression(split(rest))
				n.Name = name
			}
		}
	default:
		panic(fmt.Sprintf("tables.txt: %q is no kind of entry", e.kind))
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

// object makes the fields of the type of that name.
func (c *compiler) object(f *Fields, name string) {
	f.Number = c.objects
	c.objects++
	var rules []string
	for line := range entries()[name].lines {
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
			f.Required |= 1 << len(f.Members)
		}
		id, known := slices.BinarySearch(names[:], name)
		if !known {
			panic(fmt.Sprintf("names_gen.go lacks %q: run go generate", name))
		}
		f.Members = append(f.Members, Member{Name: name, Quoted: `"` + name + `":`, ID: id, Required: required, Node: c.expression(split(rest))})
	}
	if len(f.Members) > 64 {
		panic(fmt.Sprintf("tables.txt: more than 64 members in %s", name))
	}
	f.index = newIndex(f.Members)
	f.byID = slices.Repeat([]int8{-1}, len(names))
	for i, m := range f.Members {
		f.byID[m.ID] = int8(i)
	}
	for _, rule := range rules {
		kind, rest, _ := strings.Cut(rule, " ")
		if rest, holds := c.cut(rest); holds {
			f.rule(name, kind, strings.Fields(rest))
		}
	}
}

func (f *Fields) rule(object, name string, sets []string) {
	switch name {
	case "open":
		f.Open = true
		return
	case "loose":
		f.Loose = true
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
			i := f.Member(member)
			if i < 0 {
				panic(fmt.Sprintf("tables.txt: a rule of %s names %q", object, member))
			}
			bits |= 1 << i
		}
		r.Sets = append(r.Sets, bits)
	}
	f.Rules = append(f.Rules, r)
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
		return &Node{Kind: String, enum: &enumeration{make: func() []string { return []string{value} }}}
	}
	n := c.named(word)
	if len(rest) == 0 {
		return n
	}
	if n.Name != "" {
		panic(fmt.Sprintf("tables.txt: bounds of %q, which is shared", n.Name))
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

// An enumeration has its strings in a hash table with room to spare, once they
// are asked for.
type enumeration struct {
	once  sync.Once
	make  func() []string
	shift uint8
	slots []string
}

func (v *enumeration) get() *enumeration {
	v.once.Do(func() {
		list := v.make()
		width := bits.Len(uint(2*len(list))) + 1
		v.shift, v.slots = uint8(64-width), make([]string, 1<<width)
		for _, s := range list {
			*v.slot(s) = s
		}
	})
	return v
}

// slot is where s stands, or would.
func (v *enumeration) slot(s string) *string {
	for i := hash(s) >> v.shift; ; i = (i + 1) & uint64(len(v.slots)-1) {
		if at := &v.slots[i]; *at == s || *at == "" {
			return at
		}
	}
}

// IsEnum reports whether n is an enumeration: a String that must be one of several.
func (n *Node) IsEnum() bool { return n.enum != nil }

// Value returns the string of the enumeration that is s, so that s itself need
// not be kept.
func (n *Node) Value(s string) (string, bool) {
	if s == "" {
		return "", false // no enumeration has it
	}
	known := *n.enum.get().slot(s)
	return known, known != ""
}

// Values are the strings of the enumeration, sorted.
func (n *Node) Values() []string {
	list := slices.DeleteFunc(slices.Clone(n.enum.get().slots), func(s string) bool { return s == "" })
	slices.Sort(list)
	return list
}
