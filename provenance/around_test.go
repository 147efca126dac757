package provenance

import (
	"reflect"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// What parseAround takes, Unmarshal takes too, with the same value: around a
// predicate of any kind and at any place, and when something else is wrong.
func FuzzParseAround(f *testing.F) {
	const head = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"` + "0123" + `"}}],"predicateType":"t"`
	for _, doc := range []string{
		head + `,"predicate":{"a":[1,{"b":null}]}}`,
		`{"predicate": {"predicate": 1} ,` + head[1:] + `}`,
		head + `,"predic\u0061te":{"a":1}}`,
		head + `,"predicate":null}`,
		head + `,"predicate":7}`,
		head + `,"predicate":123456789012345678901234567890}`,
		head + `}`,
		head + `,"predicate":{},"predicate":{}}`,
		head + `,"predicate":{},"Predicate":{}}`,
		head + `,"predicate":{"a":1,"a":1}}`,
		head + `,"predicate":{},"subject":[]}`,
		head + `,"predicate":{}} `,
		head + `,"predicate":{}} x`,
		head + `,"predicate":{}`,
		head + `,"predicate":}`,
		head + `,"predicate":"\xff"}`,
		head + `,"Subject":[],"predicate":{}}`,
		`{"predicate":{},"subject":7}`,
		`["predicate"]`,
		`null`,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got, whole := parseAround([]byte(doc))
		var want Statement
		err := strictjson.Unmarshal([]byte(doc), &want)
		if whole && (err != nil || !reflect.DeepEqual(*got, want)) {
			t.Fatalf("%q: got %+v, want %+v, %v", doc, got, want, err)
		}
		if !whole && err == nil && strings.Contains(doc, `"predicate":`) && !strings.Contains(doc, `\`) && want.Predicate != nil {
			t.Fatalf("%q was given up", doc)
		}
	})
}
