package cdxschema

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Each version has what came with it, and not what came later.
func TestVersions(t *testing.T) {
	for _, c := range []struct {
		object, member string
		since, until   Version
	}{
		{"component", "name", 2, 7}, {"component", "evidence", 3, 7}, {"component", "releaseNotes", 4, 7}, {"component", "modelCard", 5, 7},
		{"component", "cryptoProperties", 6, 7}, {"component", "isExternal", 7, 7}, {"bom", "vulnerabilities", 4, 7}, {"bom", "citations", 7, 7},
		{"serviceData", "governance", 5, 7}, {"vulnerability", "analysis", 4, 7}, {"licenseItem", "acknowledgement", 6, 7},
	} {
		for v := First; v <= Last; v++ {
			got := slices.ContainsFunc(everything(v), func(n *Node) bool { return n.Name == c.object && n.Fields().Member(c.member) >= 0 })
			if want := c.since <= v && v <= c.until; got != want {
				t.Errorf("%v: %s.%s is %v, want %v", v, c.object, c.member, got, want)
			}
		}
	}
	for v := First; v <= Last; v++ {
		if Of(v).Kind != Object || Of(v).Model != "BOM" {
			t.Errorf("%v: the document is %+v", v, Of(v))
		}
		if got, ok := ParseVersion(v.String()); got != v || !ok {
			t.Errorf("%v is parsed as %v, %v", v, got, ok)
		}
	}
	for _, s := range []string{"", "1.1", "1.8", "1.10", "2.6", "1.6 ", "1,6", "01.6"} {
		if v, ok := ParseVersion(s); ok {
			t.Errorf("%q is %v", s, v)
		}
	}
}

// Names are found under their numbers, and no other name is found at all.
func TestMembers(t *testing.T) {
	names := Names()
	for v := First; v <= Last; v++ {
		for _, n := range everything(v) {
			f := n.Fields()
			for i, m := range f.Members {
				if f.Member(m.Name) != i || f.MemberByID(m.ID) != i || names[m.ID] != m.Name || m.Quoted != `"`+m.Name+`":` || m.Required != (f.Required>>i&1 != 0) {
					t.Errorf("%v: %s.%s: %+v", v, n.Name, m.Name, m)
				}
				for _, other := range []string{"", m.Name + "x", m.Name[1:], strings.ToUpper(m.Name)} {
					if j := f.Member(other); j >= 0 && f.Members[j].Name != other {
						t.Errorf("%v: %s has %q for %q", v, n.Name, f.Members[j].Name, other)
					}
				}
			}
			if !n.IsEnum() {
				continue
			}
			values := n.Values()
			if len(values) == 0 {
				t.Errorf("%v: %s has no value", v, n.Name)
			}
			for _, value := range values {
				if got, ok := n.Value(value); got != value || !ok {
					t.Errorf("%v: %s does not know its %q", v, n.Name, value)
				}
				if _, ok := n.Value(value + "x"); ok && !slices.Contains(values, value+"x") {
					t.Errorf("%v: %s knows %q", v, n.Name, value+"x")
				}
			}
		}
	}
}

func TestRules(t *testing.T) {
	one, two, both := uint64(1), uint64(2), uint64(3)
	for _, c := range []struct {
		rule             Rule
		present, isFalse uint64
		want             bool
	}{
		{Rule{Kind: OneOf, Sets: []uint64{one, two}}, one, 0, true},
		{Rule{Kind: OneOf, Sets: []uint64{one, two}}, both, 0, false},
		{Rule{Kind: OneOf, Sets: []uint64{one, two}}, 4, 0, false},
		{Rule{Kind: OneOf, Sets: []uint64{4, both}}, one, 0, false},
		{Rule{Kind: OneOf, Sets: []uint64{4, both}}, both, 0, true},
		{Rule{Kind: AnyOf, Sets: []uint64{one, two}}, both, 0, true},
		{Rule{Kind: AnyOf, Sets: []uint64{one, two}}, 0, 0, false},
		{Rule{Kind: NotBoth, Sets: []uint64{both}}, one, 0, true},
		{Rule{Kind: NotBoth, Sets: []uint64{both}}, both, 0, false},
		{Rule{Kind: Needs, Sets: []uint64{one, two}}, two, 0, true},
		{Rule{Kind: Needs, Sets: []uint64{one, two}}, both, 0, true},
		{Rule{Kind: Needs, Sets: []uint64{one, two}}, one, 0, false},
		{Rule{Kind: NeedsNotFalse, Sets: []uint64{one, two}}, both, 0, true},
		{Rule{Kind: NeedsNotFalse, Sets: []uint64{one, two}}, both, two, false},
		{Rule{Kind: NeedsNotFalse, Sets: []uint64{one, two}}, one, 0, false},
		{Rule{Kind: NeedsNotFalse, Sets: []uint64{one, two}}, two, two, true},
	} {
		if got := c.rule.Holds(c.present, c.isFalse); got != c.want {
			t.Errorf("%+v of %b (%b false): %v, want %v", c.rule, c.present, c.isFalse, got, c.want)
		}
	}
}

// Formats that the specification spells as regular expressions agree with them.
var expressions = map[Format]string{
	Line:            `^(.*)$`,
	SerialNumber:    `^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`,
	MIMEType:        `^[-+a-z0-9.]+/[-+a-z0-9.]+$`,
	HashHex:         `^([a-fA-F0-9]{32}|[a-fA-F0-9]{40}|[a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128})$`,
	Locale:          `^([a-z]{2})(-[A-Z]{2})?$`,
	BOMLinkDocument: `^urn:cdx:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/[1-9][0-9]*$`,
	CRE:             `^CRE:[0-9]+-[0-9]+$`,
	PatentNumber:    `^[A-Za-z0-9][A-Za-z0-9\-/.()\s]{0,28}[A-Za-z0-9]$`,
	Country:         `^[A-Z]{2}$`,
}

// asserted are the formats that JSON Schema knows.
var asserted = map[Format]string{DateTime: "date-time", Date: "date", URI: "uri", IRIReference: "iri-reference"}

var seeds = []string{
	"", "en", "en-US", "CRE:12-3", "US", "US1234567B2", "a/b", "text/plain", "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79", strings.Repeat("0aF", 11)[:32], strings.Repeat("ab", 20),
	strings.Repeat("ab", 32), strings.Repeat("ab", 48), strings.Repeat("ab", 64), "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/10#ref",
	"2026-11-21", "2024-02-29", "2026-11-21T05:34:23Z", "2026-11-21T05:34:23.123+01:00", "2026-11-21T23:59:60Z", "2026-11-22T00:59:60+01:00", "2026-11-21T18:59:60-05:00",
	"https://example.com/a?b#c", "http://example.com:80", "https://a b", "mailto:a@b", "//host/path", "../x", "#f", "https://[::1]/", "https://[::1%25en0]/", "https://[1]/", "https://a/%41", "https://a/%4",
	"ssh://git@example.com:repo", "a:b", "1:b", "https://", "http:", "https://example.com\\x", "a\nb", strings.Repeat("A1", 15), strings.Repeat("A1", 16),
}

// signed are times with a sign in a digit's place, which the oracle takes for a
// number and RFC 3339 does not.
var signed = regexp.MustCompile(`[Tt:+-][+-]`)

func TestFormats(t *testing.T) {
	oracles := map[Format]func(string) bool{}
	for f, expression := range expressions {
		oracles[f] = regexp.MustCompile(expression).MatchString
	}
	for f, name := range asserted {
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft7)
		if err := c.AddResource("x.json", map[string]any{"format": name}); err != nil {
			t.Fatal(err)
		}
		s := c.MustCompile("x.json")
		oracles[f] = func(text string) bool { return s.Validate(text) == nil }
	}
	element := regexp.MustCompile(strings.TrimSuffix(expressions[BOMLinkDocument], "$") + "#.+$")
	oracles[BOMLinkElement] = func(s string) bool { return element.MatchString(s) && oracles[IRIReference](s) }
	for f, oracle := range oracles {
		yes := 0
		for _, seed := range seeds {
			for text := range changed(seed) {
				if f == DateTime && signed.MatchString(text) {
					continue
				}
				want := oracle(text)
				if want {
					yes++
				}
				if got := f.Matches(text); got != want {
					t.Errorf("format %d of %q: %v, want %v", f, text, got, want)
				}
			}
		}
		if yes < 2 {
			t.Errorf("format %d has no seed", f)
		}
	}
}

// changed yields s and what it is after a change of each byte.
func changed(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		if !yield(s) {
			return
		}
		for i := range len(s) {
			for _, c := range []string{"", "0", "9", "a", "Z", "-", ":", "/", "#", "%", " ", "\n", "\v", ".", "é", "[", "+"} {
				if !yield(s[:i]+c+s[i+1:]) || !yield(s[:i]+c+s[i:]) {
					return
				}
			}
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for format, expression := range expressions {
			if got, want := format.Matches(s), regexp.MustCompile(expression).MatchString(s); got != want {
				t.Errorf("format %d of %q: %v, want %v", format, s, got, want)
			}
		}
		if isPlainURL(s) && !isReference(s) {
			t.Errorf("%q is a plain URL, and net/url refuses it", s)
		}
	})
}

// everything is each node of a version, made.
func everything(v Version) (all []*Node) {
	seen := map[*Node]bool{}
	var walk func(n *Node)
	walk = func(n *Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		all = append(all, n)
		walk(n.Elem)
		for _, alt := range n.Alts {
			walk(alt)
		}
		for _, m := range n.Fields().Members {
			walk(m.Node)
		}
	}
	walk(newCompiler(v).bom)
	return all
}

// Every entry of the table is of a known kind, is used in some version, and says
// nothing that panics when it is made.
func TestWholeTable(t *testing.T) {
	used := map[string]bool{}
	for v := First; v <= Last; v++ {
		for _, n := range everything(v) {
			used[n.Name] = true
			if n.IsEnum() {
				n.Values()
			}
		}
	}
	lines := 0
	for name, e := range entries() {
		for range e.lines {
			lines++
		}
		if !used[name] && e.kind != "alias" { // an alias of an alias has the outer name
			t.Errorf("%s %s is never used", e.kind, name)
		}
	}
	want := 0
	for line := range strings.Lines(tables) {
		if line[0] == '\t' {
			want++
		}
	}
	if lines != want {
		t.Errorf("the entries have %d lines, the table has %d", lines, want)
	}
	members := map[string]bool{}
	for _, e := range entries() {
		for line := range e.lines {
			if e.kind == "object" && line[0] != '!' {
				members[strings.TrimSuffix(strings.Fields(line)[0], "*")] = true
			}
		}
	}
	if got, want := Names(), slices.Sorted(maps.Keys(members)); !slices.Equal(got, want) {
		t.Errorf("names_gen.go has %q, want %q: run go generate", got, want)
	}
}

// Several readers may meet a type for the first time at once.
func TestConcurrent(t *testing.T) {
	c := newCompiler(Last)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			seen := map[*Node]bool{}
			var walk func(n *Node)
			walk = func(n *Node) {
				if n == nil || seen[n] {
					return
				}
				seen[n] = true
				walk(n.Elem)
				for _, alt := range n.Alts {
					walk(alt)
				}
				if n.IsEnum() {
					n.Values()
				}
				for _, m := range n.Fields().Members {
					walk(m.Node)
				}
			}
			walk(c.bom)
		})
	}
	readers.Wait()
}

// BenchmarkCompile is what all types of a version cost at first use.
func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		everything(6)
	}
}
