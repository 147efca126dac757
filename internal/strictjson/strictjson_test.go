package strictjson_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// Each attack stands beside a neighbour that differs only in the defect.
func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, good, bad, want string }{
		{"duplicate member", `{"a":1,"b":2}`, `{"a":1,"a":2}`, `line 1, column 8: duplicate member "a"`},
		{"duplicate by escape", `{"a":1,"\u0062":2}`, `{"a":1,"\u0061":2}`, `line 1, column 8: duplicate member "a"`},
		{"duplicate escaped twice", `{"\u0062":1,"\u0061":2}`, `{"\u0061":1,"\u0061":2}`, `line 1, column 13: duplicate member "a"`},
		{"duplicate deep", `[{"x":{"a":1,"b":1}}]`, `[{"x":{"a":1,"a":1}}]`, `line 1, column 14: duplicate member "a"`},
		{"same name in another object", `{"a":{"a":1}}`, `{"a":{"a":1},"a":1}`, `line 1, column 14: duplicate member "a"`},
		{"duplicate after a nested object", `{"a":1,"o":{"p":1},"b":2}`, `{"a":1,"o":{"p":1},"a":2}`, `line 1, column 20: duplicate member "a"`},
		{"duplicate among many", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1}`,
			`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"b":1}`, `line 1, column 56: duplicate member "b"`},
		{"name with what follows another", `{"a":1,"a\":1,":2}`, `{"a":1,"a\":1,":2,"a\":1,":3}`, `line 1, column 19: duplicate member "a\":1,"`},
		{"names with escapes among many", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"\u006a":1,"\\":1,"\"":2}`,
			`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"\u006a":1,"\\":1,"\"":2,"\u005c":3}`, `line 1, column 81: duplicate member "\\"`},
		{"empty name twice", `{"":1,"a":2}`, `{"":1,"":2}`, `line 1, column 7: duplicate member ""`},
		{"second value", `{}`, `{}{}`, `line 1, column 3: want the end, found an object after the value`},
		{"trailing brace", `{}`, `{}}`, `line 1, column 3: want the end, found "}" after the value`},
		{"byte order mark", `{}`, "\ufeff{}", `line 1, column 1: want a value, found a byte order mark`},
		{"comment", `{"a":1}`, `{"a":1/**/}`, `line 1, column 7: want ',' or '}', found "/"`},
		{"trailing comma", `[1]`, `[1,]`, `line 1, column 4: want a value, found "]"`},
		{"trailing comma in object", `{"a":1}`, `{"a":1,}`, `line 1, column 8: want a member's name, found "}"`},
		{"leading comma", `[1]`, `[,1]`, `line 1, column 2: want a value, found ","`},
		{"single quotes", `{"a":1}`, `{'a':1}`, `line 1, column 2: want a member's name, found "'"`},
		{"no colon", `{"a":1}`, `{"a" 1}`, `line 1, column 6: want ':' after a member's name, found a number`},
		{"open string", `"a"`, `"a`, `line 1, column 3: want the end of a string, found the end of the document`},
		{"open object", `{"a":1}`, `{"a":1`, `line 1, column 7: want ',' or '}', found the end of the document`},
		{"nothing", `0`, ``, `line 1, column 1: want a value, found the end of the document`},
		{"space only", ` 0 `, ` `, `line 1, column 2: want a value, found the end of the document`},
		{"not UTF-8", `"é"`, "\"\xe9\"", `line 1, column 2: a string that is not UTF-8`},
		{"surrogate as UTF-8", `"a"`, "\"\xed\xa0\x80\"", `line 1, column 2: a string that is not UTF-8`},
		{"not UTF-8 in a name", `{"é":1}`, "{\"\xe9\":1}", `line 1, column 3: a string that is not UTF-8`},
		{"lone high surrogate", `"\ud83d\ude00"`, `"\ud83d"`, `line 1, column 2: an escape that JSON does not know, or half of a surrogate pair`},
		{"lone low surrogate", `"\ud83d\ude00"`, `"\ude00"`, `line 1, column 2: an escape that JSON does not know, or half of a surrogate pair`},
		{"two high surrogates", `"\ud83d\ude00"`, `"\ud83d\ud83d"`, `line 1, column 2: an escape that JSON does not know, or half of a surrogate pair`},
		{"unknown escape", `"\n"`, `"\x41"`, `line 1, column 2: an escape that JSON does not know, or half of a surrogate pair`},
		{"short escape", `"\u0041"`, `"\u041"`, `line 1, column 2: an escape that JSON does not know, or half of a surrogate pair`},
		{"control character", `"\u0001"`, "\"\x01\"", `line 1, column 2: a control character '\x01' in a string`},
		{"raw newline", `"12345678\n"`, "\"12345678\n\"", `line 1, column 10: a control character '\n' in a string`},
		{"leading zero", `0`, `01`, `line 1, column 2: want the end, found a number after the value`},
		{"plus", `1`, `+1`, `line 1, column 1: want a value, found "+"`},
		{"no fraction", `1.0`, `1.`, `line 1, column 3: want a digit after '.', found the end of the document`},
		{"no whole", `0.1`, `.1`, `line 1, column 1: want a value, found "."`},
		{"no exponent", `1e1`, `1e`, `line 1, column 3: want a digit in the exponent, found the end of the document`},
		{"bare minus", `-1`, `-`, `line 1, column 2: want a digit, found the end of the document`},
		{"NaN", `0`, `NaN`, `line 1, column 1: want a value, found "N"`},
		{"case of a word", `true`, `True`, `line 1, column 1: want a value, found "T"`},
		{"vertical tab", "\t1", "\v1", `line 1, column 1: want a value, found "\v"`},
		{"second line", "{\n\"a\":1}", "{\n\"a\":x}", `line 2, column 5: want a value, found "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := strictjson.Check([]byte(c.good)); err != nil {
				t.Errorf("Check(%q): %v", c.good, err)
			}
			if got := fmt.Sprint(strictjson.Check([]byte(c.bad))); got != c.want {
				t.Errorf("Check(%q):\n got %s\nwant %s", c.bad, got, c.want)
			}
		})
	}
}

func TestErrorPointer(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`{"a":[1,{"b/c~d":x}]}`, "/a/1/b~1c~0d"},
		{`[0,[1,2,]]`, "/1/2"},
		{`{"a":1,"a":2}`, ""},
		{`{"o":{"a":1,"a":2}}`, "/o"},
		{`{"o":{"a":{}},"p":{"q":"` + "\x01" + `"}}`, "/p/q"},
		{`x`, ""},
	} {
		var e *strictjson.Error
		if err := strictjson.Check([]byte(c.doc)); !errors.As(err, &e) || e.Pointer != c.want {
			t.Errorf("Check(%q): pointer %q (%v), want %q", c.doc, e.Pointer, err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	deepObject := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))
	}
	wide := func(n int) []byte { return []byte("[" + strings.Repeat("1,", n-1) + "1]") }
	for _, c := range []struct {
		name      string
		good, bad []byte
	}{
		{"depth of arrays", deep(strictjson.MaxDepth), deep(strictjson.MaxDepth + 1)},
		{"depth of objects", deepObject(strictjson.MaxDepth), deepObject(strictjson.MaxDepth + 1)},
		{"ten thousand deep", deep(1), deep(10_000)},
		{"members", wide(strictjson.MaxMembers), wide(strictjson.MaxMembers + 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := strictjson.Check(c.good); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			if err := strictjson.Check(c.bad); !errors.Is(err, strictjson.ErrLimit) {
				t.Errorf("over the limit: %v, want ErrLimit", err)
			}
		})
	}
	if err := strictjson.Check([]byte("x")); errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("%v is ErrLimit", err)
	}
}

// A million distinct names in one object, and the last one twice: found, and
// within memory in proportion to the names.
func TestManyNames(t *testing.T) {
	var b strings.Builder
	const n = strictjson.MaxMembers - 1
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"%07d":0,`, i)
	}
	last := fmt.Sprintf(`"%07d":0}`, n-1)
	doc := []byte(b.String() + last)
	got := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if err := strictjson.Check(doc); err == nil || !strings.Contains(err.Error(), "duplicate member") {
				t.Errorf("Check: %v, want a duplicate", err)
			}
		}
	})
	if held := got.AllocedBytesPerOp(); held > 32<<20 {
		t.Errorf("%d MiB allocated in all for %d names", held>>20, n)
	}
}

func TestReadAll(t *testing.T) {
	for _, c := range []struct {
		size, limit int
		over        bool
	}{{0, 0, false}, {1, 0, true}, {10, 10, false}, {11, 10, true}, {9000, 9000, false}, {9001, 9000, true}, {20000, 1 << 20, false}} {
		r := &counter{left: c.size}
		got, err := strictjson.ReadAll(r, int64(c.limit))
		if errors.Is(err, strictjson.ErrLimit) != c.over || !c.over && (err != nil || len(got) != c.size) {
			t.Errorf("%d bytes, limit %d: %d bytes, %v", c.size, c.limit, len(got), err)
		}
		if r.read > c.limit+1 {
			t.Errorf("%d bytes, limit %d: %d bytes were read", c.size, c.limit, r.read)
		}
	}
	want := errors.New("broken")
	if _, err := strictjson.ReadAll(&counter{left: 5, err: want}, 100); err != want {
		t.Errorf("a broken reader: %v, want %v", err, want)
	}
}

// A counter yields that many bytes, and counts them.
type counter struct {
	left, read int
	err        error
}

func (c *counter) Read(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left, c.read = c.left-n, c.read+n
	if n == 0 {
		if c.err != nil {
			return 0, c.err
		}
		return 0, io.EOF
	}
	return n, nil
}
