package provenance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

const someType = "https://example.com/predicate/v1"

func subject(name string) provenance.ResourceDescriptor {
	return provenance.ResourceDescriptor{Name: name, Digest: provenance.Set(provenance.SumSHA256([]byte(name)))}
}

func TestMarshal(t *testing.T) {
	predicate := map[string]any{"z": 1, "a": "<&>\u2028", "n": nil}
	full := provenance.ResourceDescriptor{
		Name: "dist/<app>", URI: "pkg:generic/app@1", Content: []byte("hi"), DownloadLocation: "https://example.com/a", MediaType: "text/plain",
		Digest:      provenance.DigestSet{"sha512": hexOf("c", 128), "arn": "arn:x", "dirHash1": hexOf("d", 64), "sha256": hexOf("a", 64)},
		Annotations: map[string]json.RawMessage{"b": json.RawMessage("[1, 2]"), "a": json.RawMessage(`"x"`)},
	}
	s, err := provenance.New(someType, predicate, full, subject("b"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"_type":"https://in-toto.io/Statement/v1","subject":[` +
		`{"name":"dist/<app>","uri":"pkg:generic/app@1","digest":{"arn":"arn:x","dirHash":"` + "D" + `","sha256":"` + "A" + `","sha512":"` + "C" + `"},` +
		`"content":"aGk=","downloadLocation":"https://example.com/a","mediaType":"text/plain","annotations":{"a":"x","b":[1,2]}},` +
		`{"name":"b","digest":{"sha256":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"}}],` +
		`"predicateType":"https://example.com/predicate/v1","predicate":{"a":"<&>\u2028","n":null,"z":1}}`
	wanted := strings.NewReplacer(`"D"`, `"`+hexOf("d", 64)+`"`, `"A"`, `"`+hexOf("a", 64)+`"`, `"C"`, `"`+hexOf("c", 128)+`"`).Replace(want)
	for range 20 {
		got, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != wanted {
			t.Fatalf("Marshal:\n%s\nwant:\n%s", got, wanted)
		}
	}
	if full.Digest["dirHash1"] == "" || len(full.Digest) != 4 {
		t.Errorf("New changed its argument: %v", full.Digest)
	}
	again, err := provenance.Parse([]byte(wanted))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Marshal(); string(got) != wanted {
		t.Errorf("read and written again:\n%s\nwant:\n%s", got, wanted)
	}
}

// What we write is what in-toto's own validator takes.
func TestIntotoValidates(t *testing.T) {
	folder := provenance.ResourceDescriptor{Name: "folder", Digest: provenance.DigestSet{"dirHash1": hexOf("d", 64)}, Annotations: map[string]json.RawMessage{"k": json.RawMessage("[1]")}}
	for name, predicate := range map[string]any{"map": map[string]any{"a": 1}, "raw": json.RawMessage(`{"a": [1, {}]}`), "empty": struct{}{}} {
		s, err := provenance.New(someType, predicate, subject("a"), folder)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := s.Marshal()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		validateIntoto(t, data)
	}
}

// validateIntoto fails t unless data is a Statement to github.com/in-toto/attestation.
func validateIntoto(t testing.TB, data []byte) *intoto.Statement {
	t.Helper()
	var s intoto.Statement
	if err := protojson.Unmarshal(data, &s); err != nil {
		t.Fatalf("in-toto cannot read %s: %v", data, err)
	}
	if err := s.Validate(); err != nil {
		t.Fatalf("in-toto refuses %s: %v", data, err)
	}
	return &s
}

func TestNewRefuses(t *testing.T) {
	good := subject("a")
	if _, err := provenance.New(someType, nil, good); err != nil {
		t.Fatal(err)
	}
	weird := good
	weird.Name = "caf\xe9"
	annotated := good
	annotated.Annotations = map[string]json.RawMessage{"a": json.RawMessage(`{"x":1,"x":2}`)}
	for name, make := range map[string]func() (*provenance.Statement, error){
		"no subject": func() (*provenance.Statement, error) { return provenance.New(someType, nil) },
		"no digest": func() (*provenance.Statement, error) {
			return provenance.New(someType, nil, provenance.ResourceDescriptor{Name: "a"})
		},
		"no type":       func() (*provenance.Statement, error) { return provenance.New("", nil, good) },
		"type no UTF-8": func() (*provenance.Statement, error) { return provenance.New("https://e\xff", nil, good) },
		"name no UTF-8": func() (*provenance.Statement, error) { return provenance.New(someType, nil, weird) },
		"text no UTF-8": func() (*provenance.Statement, error) {
			return provenance.New(someType, map[string]string{"a": "\xff"}, good)
		},
		"a list":   func() (*provenance.Statement, error) { return provenance.New(someType, []int{1}, good) },
		"a text":   func() (*provenance.Statement, error) { return provenance.New(someType, "x", good) },
		"not JSON": func() (*provenance.Statement, error) { return provenance.New(someType, func() {}, good) },
		"raw, twice": func() (*provenance.Statement, error) {
			return provenance.New(someType, json.RawMessage(`{"a":1,"a":2}`), good)
		},
		"raw, trailing":  func() (*provenance.Statement, error) { return provenance.New(someType, json.RawMessage(`{} {}`), good) },
		"raw annotation": func() (*provenance.Statement, error) { return provenance.New(someType, nil, annotated) },
		"upper-case": func() (*provenance.Statement, error) {
			return provenance.New(someType, nil, provenance.ResourceDescriptor{Digest: provenance.DigestSet{"sha256": hexOf("A", 64)}})
		},
		"misspelt": func() (*provenance.Statement, error) {
			return provenance.New(someType, nil, provenance.ResourceDescriptor{Digest: provenance.DigestSet{"SHA256": hexOf("a", 64)}})
		},
		"marshal the zero": func() (*provenance.Statement, error) {
			var s provenance.Statement
			_, err := s.Marshal()
			return nil, err
		},
		"marshal nil": func() (*provenance.Statement, error) {
			var s *provenance.Statement
			_, err := s.Marshal()
			return nil, err
		},
	} {
		if s, err := make(); err == nil {
			t.Errorf("%s: %v, want an error", name, s)
		}
	}
	// A real U+FFFD and a backslash before "ufffd" are text like any other.
	if _, err := provenance.New(someType, map[string]string{"a": "\uFFFD", "b": `\ufffd`}, good); err != nil {
		t.Error(err)
	}
}

// docs/threats.md, rows 6 and 8 to 14, 64, 65 as a statement can meet them: each is
// one change to a statement that is read.
func TestParseRefuses(t *testing.T) {
	sha := hexOf("a", 64)
	good := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"` + sha + `"}}],` +
		`"predicateType":"https://example.com/predicate/v1","predicate":{"a":{"b":1}}}`
	s, err := provenance.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Marshal(); string(got) != good {
		t.Fatalf("%s reads as %s", good, got)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"row 8: upper case", sha, hexOf("A", 64), "lower-case"},
		{"row 8: short", sha, sha[1:], "63 characters, want 64"},
		{"row 8: odd", sha, sha + "a", "65 characters, want 64"},
		{"row 8: space", sha, sha[1:] + " ", "without spaces"},
		{"row 8: algorithm's case", `"sha256"`, `"SHA256"`, "want it spelled sha256"},
		{"row 9: two subjects", `"predicateType"`, `"subject":[{"digest":{"sha1":"` + hexOf("a", 40) + `"}}],"predicateType"`, "subject"},
		{"row 9: two digests", `{"sha256"`, `{"sha256":"` + hexOf("b", 64) + `","sha256"`, "sha256"},
		{"row 9: deep in the predicate", `{"b":1`, `{"b":2,"b":1`, `"b"`},
		{"row 9: by an escape", `{"b":1`, `{"b":2,"\u0062":1`, `"b"`},
		{"row 10: case", `"predicateType"`, `"PREDICATETYPE"`, "predicateType"},
		{"row 10: case, beside the right one", `"predicateType"`, `"predicatetype":"https://evil.example","predicateType"`, "predicateType"},
		{"row 10: Unicode", `"subject"`, `"ſubject":[],"subject"`, "subject"},
		{"row 10: in a descriptor", `"digest"`, `"Digest":{},"digest"`, "digest"},
		{"row 11: trailing", `1}}}`, `1}}} x`, ""},
		{"row 11: two values", `1}}}`, `1}}}{}`, ""},
		{"row 11: comma", `1}}}`, `1}},}`, ""},
		{"row 11: byte order mark", `{"_type"`, "\ufeff" + `{"_type"`, ""},
		{"row 11: comment", `{"_type"`, `/**/{"_type"`, ""},
		{"row 12: invalid UTF-8", `"name":"a"`, "\"name\":\"\xff\"", ""},
		{"row 12: lone surrogate", `"name":"a"`, `"name":"\ud800"`, ""},
		{"row 12: in the predicate", `"b":1`, "\"b\":\"\xc0\x80\"", ""},
		{"row 13: no number", `"b":1`, `"b":NaN`, ""},
		{"row 13: leading zero", `"b":1`, `"b":01`, ""},
		{"row 65: content in two encodings", `"name":"a"`, `"content":"aGk"`, ""},
		{"row 65: content over lines", `"name":"a"`, `"content":"aGk=\n"`, ""},
		{"row 65: trailing bits", `"name":"a"`, `"content":"aGl="`, ""},
		{"another _type", "Statement/v1", "Statement/v2", "_type"},
		{"_type by prefix", "Statement/v1", "Statement/v1x", "_type"},
		{"no _type", `"_type":"https://in-toto.io/Statement/v1",`, "", "_type"},
		{"no subject", `{"name":"a","digest":{"sha256":"` + sha + `"}}`, "", "/subject is empty"},
		{"null subject", `{"name":"a","digest":{"sha256":"` + sha + `"}}`, "null", "/subject/0"},
		{"no digest", `,"digest":{"sha256":"` + sha + `"}`, "", "/subject/0 has no digest"},
		{"row 5: a name and an empty digest", `{"sha256":"` + sha + `"}`, "{}", "/subject/0 has no digest"},
		{"digest of nothing", `"` + sha + `"`, "null", "/subject/0"},
		{"no predicate type", `"predicateType":"https://example.com/predicate/v1",`, "", "predicateType"},
		{"a predicate that is a list", `{"a":{"b":1}}`, `[]`, "/predicate"},
		{"a predicate that is a text", `{"a":{"b":1}}`, `"{}"`, "/predicate"},
	} {
		bad := strings.Replace(good, test.old, test.new, 1)
		if bad == good {
			t.Fatalf("%s: nothing changed", test.name)
		}
		s, err := provenance.Parse([]byte(bad))
		if err == nil {
			t.Errorf("%s: %s reads as %v", test.name, bad, s)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want it to say %q", test.name, err, test.want)
		}
	}
	for _, bad := range []string{"", " ", "null", "[]", `"x"`, "1", "{}", good[:len(good)-1]} {
		if s, err := provenance.Parse([]byte(bad)); err == nil {
			t.Errorf("%q reads as %v", bad, s)
		}
	}
	// The neighbours of all this that in-toto allows.
	for name, fine := range map[string]string{
		"older _type":     strings.Replace(good, "Statement/v1", "Statement/v0.1", 1),
		"unknown members": strings.Replace(good, `{"_type"`, `{"new":{"x":[1]},"_type"`, 1),
		"arn beside":      strings.Replace(good, `{"sha256"`, `{"arn":"arn:x","sha256"`, 1),
		"no predicate":    strings.Replace(good, `,"predicate":{"a":{"b":1}}`, "", 1),
		"null predicate":  strings.Replace(good, `{"a":{"b":1}}`, "null", 1),
		"white space":     "\n " + good + "\n",
	} {
		if _, err := provenance.Parse([]byte(fine)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// docs/threats.md, rows 14 and 50: over a limit is said to be that, and early.
func TestParseLimits(t *testing.T) {
	statement := func(subjects, digests int, predicate string) string {
		var list []string
		for i := range subjects {
			set := []string{fmt.Sprintf(`"sha256":"%064x"`, i)}
			for d := range digests - 1 {
				set = append(set, fmt.Sprintf(`"x%d":"y"`, d))
			}
			list = append(list, `{"digest":{`+strings.Join(set, ",")+`}}`)
		}
		return `{"_type":"https://in-toto.io/Statement/v1","subject":[` + strings.Join(list, ",") + `],"predicateType":"x","predicate":` + predicate + `}`
	}
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, test := range []struct {
		name, data string
		ok         bool
	}{
		{"1,024 subjects", statement(1024, 1, "{}"), true},
		{"1,025 subjects", statement(1025, 1, "{}"), false},
		{"32 digests", statement(1, 32, "{}"), true},
		{"33 digests", statement(1, 33, "{}"), false},
		{"1,024 subjects of 32 digests", statement(1024, 32, "{}"), true},
		{"depth 64", statement(1, 1, deep(63)), true},
		{"depth 65", statement(1, 1, deep(64)), false},
		{"depth 10,000", statement(1, 1, deep(10_000)), false},
		{"a million members", statement(1, 1, `{"a":[`+strings.Repeat("{},", 1_000_001)+`1]}`), false},
		{"16 MiB of space", statement(1, 1, strings.Repeat(" ", 16<<20)+"{}"), false},
	} {
		s, err := provenance.Parse([]byte(test.data))
		if test.ok && err != nil || !test.ok && !errors.Is(err, strictjson.ErrLimit) {
			t.Errorf("%s: %v, want ok %t", test.name, err, test.ok)
		}
		if test.ok && err == nil {
			if _, err := s.Marshal(); err != nil {
				t.Errorf("%s: marshal: %v", test.name, err)
			}
		}
	}
	many := make([]provenance.ResourceDescriptor, 1025)
	for i := range many {
		many[i] = subject(fmt.Sprint(i))
	}
	if _, err := provenance.New("x", nil, many...); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("New with 1,025 subjects: %v", err)
	}
}

// docs/threats.md, row 3: the predicate type is compared whole, before anything is decoded.
func TestDecode(t *testing.T) {
	s, err := provenance.New("https://slsa.dev/provenance/v1", json.RawMessage(`{"a":1,"b":2}`), subject("a"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		A int `json:"a"`
	}
	for _, other := range []string{"", "https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1x", "https://slsa.dev/provenance/v1/", "https://slsa.dev/provenance/V1", "https://slsa.dev/provenance/v"} {
		if err := s.Decode(other, &v); err == nil || v.A != 0 {
			t.Errorf("Decode(%q) = %v, and %d", other, err, v.A)
		}
	}
	if err := s.Decode("https://slsa.dev/provenance/v1", &v); err != nil || v.A != 1 {
		t.Errorf("Decode = %v, and %d", err, v.A)
	}
	folded := &provenance.Statement{Type: provenance.StatementType, PredicateType: "x", Subject: s.Subject, Predicate: json.RawMessage(`{"A":1}`)}
	if err := folded.Decode("x", &v); err == nil {
		t.Error("Decode takes A for a")
	}
	folded.Predicate = nil
	if err := folded.Decode("x", &v); err != nil {
		t.Errorf("Decode of no predicate: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	sha := hexOf("a", 64)
	for _, s := range []string{
		`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"` + sha + `","dirHash1":"` + sha + `","arn":"x"}}],"predicateType":"p","predicate":{"a":1e3,"b":"\u00e9\ud83d\ude00"}}`,
		`{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"digest":{"gitCommit":"` + hexOf("0", 40) + `"},"content":"aGk=","annotations":{"x":[null]}}],"predicateType":"p","predicate":null}`,
		`{"_type":"https://in-toto.io/Statement/v1","subject":[],"subject":[]}`, `null`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := provenance.Parse(data)
		if err != nil {
			if s != nil {
				t.Errorf("Parse gives a statement and %v", err)
			}
			return
		}
		b, err := s.Marshal()
		if err != nil {
			t.Fatalf("%q parses and does not marshal: %v", data, err)
		}
		again, err := provenance.Parse(b)
		if err != nil {
			t.Fatalf("%q does not survive a round trip: %v", b, err)
		}
		if c, err := again.Marshal(); err != nil || !bytes.Equal(b, c) {
			t.Errorf("%q becomes %q, %v", b, c, err)
		}
	})
}
