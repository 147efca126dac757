package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

type inner struct {
	KeyID string         `json:"keyid"`
	More  map[string]any `json:"more"`
	Next  *inner         `json:"next"`
}

// A text decodes itself, and takes only "good".
type text struct{ s string }

func (t *text) UnmarshalText(b []byte) error {
	if t.s = string(b); t.s != "good" {
		return fmt.Errorf("want \"good\", found %q", t.s)
	}
	return nil
}

// A strict decodes itself by UnmarshalClosed.
type strict struct{ A, B int }

func (s *strict) UnmarshalJSON(b []byte) error {
	var v struct {
		A int     `json:"a"`
		B int     `json:"b"`
		C *strict `json:"c"`
	}
	if err := strictjson.UnmarshalClosed(b, &v); err != nil {
		return err
	}
	s.A, s.B = v.A, v.B
	return nil
}

type embedded struct {
	Shared string `json:"shared"`
}

type document struct {
	embedded
	Sig    string          `json:"sig"`
	N      int64           `json:"n"`
	U      uint8           `json:"u"`
	F      float64         `json:"f"`
	Any    any             `json:"any"`
	When   time.Time       `json:"when,omitzero"`
	Bytes  []byte          `json:"bytes"`
	Raw    json.RawMessage `json:"raw"`
	Num    json.Number     `json:"num"`
	List   []inner         `json:"list"`
	Map    map[string]int  `json:"map"`
	Text   text            `json:"text"`
	Strict *strict         `json:"strict"`
	Plain  string
	Hidden string `json:"-"`
	quiet  string
}

func TestUnmarshal(t *testing.T) {
	for _, c := range []struct{ name, good, bad, want string }{
		{"null document", `{}`, `null`, `line 1, column 1: want a value, found null`},
		{"folded name", `{"sig":"a"}`, `{"Sig":"a"}`, `line 1, column 2: member "Sig" must be spelled "sig"`},
		{"Unicode fold", `{"sig":"a"}`, `{"ſig":"a"}`, `line 1, column 2: member "ſig" must be spelled "sig"`},
		{"Kelvin sign", `{"list":[{"keyid":"a"}]}`, `{"list":[{"Keyid":"a"}]}`, `line 1, column 11: member "Keyid" must be spelled "keyid"`},
		{"folded by escape", `{"sig":"a"}`, `{"\u017fig":"a"}`, `line 1, column 2: member "ſig" must be spelled "sig"`},
		{"both spellings", `{"sig":"a"}`, `{"sig":"a","SIG":"b"}`, `line 1, column 12: member "SIG" must be spelled "sig"`},
		{"folded embedded", `{"shared":"a"}`, `{"Shared":"a"}`, `line 1, column 2: member "Shared" must be spelled "shared"`},
		{"folded untagged", `{"Plain":"a"}`, `{"plain":"a"}`, `line 1, column 2: member "plain" must be spelled "Plain"`},
		{"recursive", `{"list":[{"next":{"next":{"keyid":"a"}}}]}`, `{"list":[{"next":{"next":{"KeyID":"a"}}}]}`, `line 1, column 27: member "KeyID" must be spelled "keyid"`},
		{"fold in a free map", `{"list":[{"more":{"a":1,"A":2}}]}`, `{"list":[{"more":{"a":1,"a":2}}]}`, `line 1, column 25: duplicate member "a"`},
		{"fraction in an integer", `{"n":1}`, `{"n":1.0}`, `line 1, column 6: want an integer, found "1.0"`},
		{"exponent in an integer", `{"n":1}`, `{"n":1e0}`, `line 1, column 6: want an integer, found "1e0"`},
		{"minus zero in an integer", `{"n":0,"f":-0}`, `{"n":-0}`, `line 1, column 6: want an integer, found "-0"`},
		{"integer too large for its type", `{"u":255}`, `{"u":256}`, `line 1, column 6: want an unsigned integer of 8 bits, found number 256`},
		{"large integer keeps its digits", `{"n":9007199254740993}`, `{"any":9007199254740993}`, `line 1, column 8: a number beyond 2^53 that would lose precision`},
		{"2^53", `{"any":9007199254740992}`, `{"any":-9007199254740993}`, `line 1, column 8: a number beyond 2^53 that would lose precision`},
		{"2^53 and a bit", `{"any":9007199254740992.0}`, `{"any":9007199254740992.5}`, `line 1, column 8: a number beyond 2^53 that would lose precision`},
		{"deep in any", `{"any":[{"a":1e300}]}`, `{"any":[{"a":1e400}]}`, `line 1, column 14: a number beyond the range of a float64`},
		{"in a map of any", `{"list":[{"more":{"a":[1]}}]}`, `{"list":[{"more":{"a":[9007199254740993]}}]}`, `line 1, column 24: a number beyond 2^53 that would lose precision`},
		{"float underflow", `{"f":0e-400}`, `{"f":1e-400}`, `line 1, column 6: a number too small for a float64`},
		{"number kept as text", `{"num":1e400,"raw":1e400}`, `{"num":"x1"}`, `line 1, column 1: json: invalid number literal, trying to unmarshal "\"x1\"" into Number`},
		{"time with an offset", `{"when":"2026-11-21T03:07:00Z"}`, `{"when":"2026-11-21T03:07:00+00:00"}`, `line 1, column 9: want a time like 2026-11-21T03:07:00Z, found "2026-11-21T03:07:00+00:00"`},
		{"time with a comma", `{"when":"2026-11-21T03:07:00.5Z"}`, `{"when":"2026-11-21T03:07:00,5Z"}`, `line 1, column 9: want a time like 2026-11-21T03:07:00Z, found "2026-11-21T03:07:00,5Z"`},
		{"leap second", `{"when":"2016-12-31T23:59:59Z"}`, `{"when":"2016-12-31T23:59:60Z"}`, `line 1, column 9: want a time like 2026-11-21T03:07:00Z, found "2016-12-31T23:59:60Z"`},
		{"year 0", `{"when":"0001-01-01T00:00:00Z"}`, `{"when":"0000-01-01T00:00:00Z"}`, `line 1, column 9: want a time like 2026-11-21T03:07:00Z, found "0000-01-01T00:00:00Z"`},
		{"one digit hour", `{"when":null}`, `{"when":"2026-11-21T3:07:00Z"}`, `line 1, column 9: want a time like 2026-11-21T03:07:00Z, found "2026-11-21T3:07:00Z"`},
		{"lower case z", `{"when":"2026-11-21T03:07:00.123456789Z"}`, `{"when":"2026-11-21T03:07:00z"}`, `line 1, column 9: want a time like 2026-11-21T03:07:00Z, found "2026-11-21T03:07:00z"`},
		{"number for a time", `{"when":null}`, `{"when":1}`, `line 1, column 9: want a time, found a number`},
		{"newline in base64", `{"bytes":"YQ=="}`, `{"bytes":"YQ\n=="}`, `line 1, column 10: not strict base64 (padded, no white space, no stray bits)`},
		{"stray bits in base64", `{"bytes":"YQ=="}`, `{"bytes":"YR=="}`, `line 1, column 10: not strict base64 (padded, no white space, no stray bits)`},
		{"array for bytes", `{"bytes":""}`, `{"bytes":[1]}`, `line 1, column 10: want a base64 string, found an array`},
		{"wrong kind", `{"list":[]}`, `{"list":[{"keyid":1}]}`, `line 1, column 19: want a string, found number`},
		{"object for a list", `{"list":[]}`, `{"list":{}}`, `line 1, column 9: want an array, found object`},
		{"refused text", `{"text":"good"}`, "{\n\"text\":\"bad\"}", `line 2, column 8: want "good", found "bad"`},
		{"nested strict type", `{"strict":{"a":1}}`, "{\"strict\":{\n \"a\":1,\n \"x\":1}}", `line 3, column 2: unknown member "x"`},
		{"nested strict type twice", `{"strict":{"c":{"b":1}}}`, "{\"strict\":{\n \"c\":{\n \"x\":1}}}", `line 3, column 2: unknown member "x"`},
		{"trailing", `{}`, `{} 1`, `line 1, column 4: want the end, found a number after the value`},
		{"unknown member", `{"unknown":{"sig":1}}`, `{"unknown":{"sig":1,"sig":2}}`, `line 1, column 21: duplicate member "sig"`},
		{"integer in a map", `{"map":{"a":1}}`, `{"map":{"a":1.5}}`, `line 1, column 13: want an integer, found "1.5"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var good, loose document
			if err := strictjson.Unmarshal([]byte(c.good), &good); err != nil {
				t.Errorf("%s: %v", c.good, err)
			}
			if err := json.Unmarshal([]byte(c.good), &loose); err != nil || !reflect.DeepEqual(good, loose) {
				t.Errorf("%s: got %+v, encoding/json %+v, %v", c.good, good, loose, err)
			}
			var bad document
			if got := fmt.Sprint(strictjson.Unmarshal([]byte(c.bad), &bad)); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.bad, got, c.want)
			}
		})
	}
	_ = document{}.quiet
}

func TestUnmarshalClosed(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`{"sig":"a","list":[{"more":{"free":{"any":1}}}],"any":{"free":1},"raw":{"free":1}}`, "<nil>"},
		{"{\"sig\":\"a\",\n\"sign\":1}", `line 2, column 1: unknown member "sign"`},
		{`{"list":[{"x":1}]}`, `line 1, column 11: unknown member "x"`},
		{`{"Hidden":"a"}`, `line 1, column 2: unknown member "Hidden"`},
		{`{"quiet":"a"}`, `line 1, column 2: unknown member "quiet"`},
		{`{"-":"a"}`, `line 1, column 2: unknown member "-"`},
	} {
		var v document
		if got := fmt.Sprint(strictjson.UnmarshalClosed([]byte(c.doc), &v)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.doc, got, c.want)
		}
	}
}

func TestUnmarshalPointerAndCause(t *testing.T) {
	var v struct {
		List []strict `json:"list"`
		Text []text   `json:"text"`
	}
	err := strictjson.Unmarshal([]byte(`{"list":[{"a":1},{"a":1,"b":x}]}`), &v)
	var e *strictjson.Error
	if !errors.As(err, &e) || e.Pointer != "/list/1/b" {
		t.Errorf("%v at %q, want /list/1/b", err, e.Pointer)
	}
	err = strictjson.Unmarshal([]byte(`{"list":[{"a":1},{"a":1,"b":"x"}]}`), &v)
	if !errors.As(err, &e) || e.Pointer != "/list/1/b" {
		t.Errorf("%v at %q, want /list/1/b", err, e.Pointer)
	}
	if err := strictjson.Unmarshal([]byte(`{}`), v); err == nil {
		t.Error("decoded into what is no pointer")
	}
	if err := strictjson.Unmarshal([]byte(`{}`), (*document)(nil)); err == nil {
		t.Error("decoded into a nil pointer")
	}
}

// A type that holds itself and decodes itself is not asked anew at each level,
// which would take 2^60 steps here. Nor does the way to a wrong value among many
// cost more than two walks.
func TestUnmarshalDeepAndWide(t *testing.T) {
	deep := []byte(strings.Repeat(`{"c":`, 60) + `{"x":1}` + strings.Repeat("}", 60))
	var v struct {
		Strict strict `json:"c"`
	}
	var e *strictjson.Error
	if err := strictjson.Unmarshal(deep, &v); !errors.As(err, &e) || e.Pointer != strings.Repeat("/c", 60)+"/x" || e.Msg != `unknown member "x"` {
		t.Errorf("%v at %q", err, e.Pointer)
	}
	wide := []byte(`{"list":[` + strings.Repeat(`{"keyid":"a"},`, 200_000) + `{"keyid":1}]}`)
	var w document
	if err := strictjson.Unmarshal(wide, &w); !errors.As(err, &e) || e.Pointer != "/list/200000/keyid" {
		t.Errorf("%v at %q", err, e.Pointer)
	}
}

// Whatever Check accepts, encoding/json accepts with the same value, and what
// the Scanner reads as a string is what encoding/json reads. The reverse does
// not hold: duplicates, invalid UTF-8, lone surrogates, depth over MaxDepth and
// more than MaxMembers members are refused here only.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e-3,-0,true,null,"x\u00e9\ud83d\ude00\n"],"b":{"a":{}}}`, `{"a":1,"\u0061":2}`, `"\ud800"`, `[[[]]]`, ` 1e400 `,
		`{"aaaaaaaaaaaa":"bbbbbbbbbbbbbbbbbbbbbbbbb\\\"cccccccccccccccc"}`, "\ufeff1", `9007199254740993`, "\"\xff\"",
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"a":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := strictjson.Check(data)
		var strictly, loosely any
		errTyped := strictjson.Unmarshal(data, &strictly)
		if err != nil {
			if errTyped == nil {
				t.Fatalf("Check refuses (%v) what Unmarshal accepts", err)
			}
			var e *strictjson.Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Offset > len(data) {
				t.Fatalf("%v is no *Error in the document", err)
			}
			if !json.Valid(data) {
				return
			}
			for _, known := range []string{"duplicate member", "not UTF-8", "surrogate", "nested deeper", "more than"} {
				if strings.Contains(e.Msg, known) {
					return
				}
			}
			t.Fatalf("%v, but encoding/json accepts %q", err, data)
		}
		if !json.Valid(data) {
			t.Fatalf("encoding/json refuses %q", data)
		}
		if errTyped != nil {
			return // a number, or null
		}
		if err := json.Unmarshal(data, &loosely); err != nil || !reflect.DeepEqual(strictly, loosely) {
			t.Fatalf("got %v, encoding/json %v, %v", strictly, loosely, err)
		}
		s := strictjson.NewScanner(data)
		if s.Kind() != '"' {
			return
		}
		if got, err := s.String(); err != nil || string(got) != loosely {
			t.Fatalf("String: %q, %v; encoding/json %q", got, err, loosely)
		}
		s = strictjson.NewScanner(data)
		plain, decoded, err := s.LongString()
		if plain != nil {
			decoded = plain
		}
		if err != nil || string(decoded) != loosely || s.End() != nil {
			t.Fatalf("LongString: %q, %v; encoding/json %q", decoded, err, loosely)
		}
	})
}

// The fold that encoding/json applies to names finds no way past ours.
func FuzzNames(f *testing.F) {
	f.Add("sig", "x")
	f.Add("ſig", "x")
	f.Add("KEYID", "x")
	f.Fuzz(func(t *testing.T, name, value string) {
		doc, _ := json.Marshal(map[string]string{name: value})
		var strictly, loosely struct {
			Sig   string `json:"sig"`
			KeyID string `json:"keyid"`
		}
		if strictjson.Unmarshal(doc, &strictly) != nil {
			return
		}
		if err := json.Unmarshal(doc, &loosely); err != nil || strictly != loosely {
			t.Fatalf("%s: got %+v, encoding/json %+v, %v", doc, strictly, loosely, err)
		}
		if name != "sig" && name != "keyid" && (loosely.Sig != "" || loosely.KeyID != "") {
			t.Fatalf("%q was taken for a known name", name)
		}
	})
}
