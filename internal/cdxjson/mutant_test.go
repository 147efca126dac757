package cdxjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
)

// A mutant is a valid document with one change, which may leave it valid.
type mutant struct {
	what string
	text func() string // good until the next mutant
}

// mutants calls yield with every change of every kind to a document: each member
// dropped, renamed, given another kind of value or another value of the same
// kind, each object given a member more, each array an item more, less or twice.
func mutants(text string, yield func(mutant)) error {
	var whole any
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return err
	}
	emit := func(what string) {
		yield(mutant{what, func() string {
			b, err := json.Marshal(whole)
			if err != nil {
				panic(err)
			}
			return string(b)
		}})
	}
	var walk func(v any, at string, set func(any))
	walk = func(v any, at string, set func(any)) {
		for _, other := range others(v) {
			set(other)
			emit(fmt.Sprintf("%s becomes %.60v", at, other))
		}
		set(v)
		switch v := v.(type) {
		case map[string]any:
			for _, name := range sorted(v) {
				old := v[name]
				delete(v, name)
				emit(at + " without " + name)
				v[name+"x"] = old
				emit(at + " with " + name + " renamed")
				delete(v, name+"x")
				v[name] = old
			}
			for name, value := range extras {
				if _, there := v[name]; !there {
					v[name] = value
					emit(at + " with " + name)
					delete(v, name)
				}
			}
			for _, name := range sorted(v) {
				walk(v[name], at+"/"+name, func(x any) { v[name] = x })
			}
		case []any:
			if len(v) > 0 {
				set(append(append([]any{}, v...), v[0]))
				emit(at + " with its first item twice")
				set(v[1:])
				emit(at + " without its first item")
			}
			set(append(append([]any{}, v...), "x"))
			emit(at + " with a string more")
			set(append(append([]any{}, v...), map[string]any{}))
			emit(at + " with an object more")
			set(v)
			for i := range v {
				walk(v[i], fmt.Sprintf("%s/%d", at, i), func(x any) { v[i] = x })
			}
		}
	}
	walk(whole, "", func(x any) { whole = x })
	return nil
}

// extras are members that are added to objects, where some belong and others do not.
var extras = map[string]any{
	"name": "n", "bom-ref": "a", "expression": "MIT", "license": map[string]any{"id": "MIT"}, "version": "1", "versionRange": "vers:a/1", "isExternal": true,
	"signature": map[string]any{}, "properties": []any{map[string]any{"name": "a"}}, "organization": map[string]any{"name": "o"}, "unknown": 1,
	"individual": map[string]any{}, "phase": "build", "ref": "a", "id": "x", "tools": []any{}, "externalReferences": []any{},
}

// others are other values for v.
func others(v any) []any {
	all := []any{nil, true, 1.0, "", "x", []any{}, map[string]any{}}
	switch v := v.(type) {
	case string:
		all = append(all, v+"x", strings.ToUpper(v), strings.Repeat("y", 1025), strings.Repeat("z", 4097), "a\nb", "https://a b", "urn:cdx:"+v, "%zz", "://", "2026-02-30",
			"2026-11-21T05:34:60Z", "2026-11-21T23:59:60Z", "2026-11-21t05:34:00z", "MIT", "SHA-512", "https://[::1]/")
	case float64:
		all = append(all, v+0.5, -v, 0.0, v+1e6)
	}
	return all
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Every mutant of every valid document gets the verdict of the official schema,
// from the checking and from the decoding alike, and survives a round trip if it is valid. Without TOUCHMARK_INTEGRATION
// it is a sample, the same every time.
func TestMutants(t *testing.T) {
	every := 97
	if os.Getenv("TOUCHMARK_INTEGRATION") == "1" {
		every = 1
	}
	var count, invalid atomic.Int64
	for _, doc := range documents(t) {
		if !doc.valid || len(doc.text) > 40_000 {
			continue
		}
		t.Run(doc.id, func(t *testing.T) {
			t.Parallel()
			n, wrong, step := len(doc.id), 0, every
			if len(doc.text) > 12_000 {
				step = max(every, 7) // its objects are like those of the smaller ones
			}
			err := mutants(doc.text, func(m mutant) {
				if n++; n%step != 0 || wrong > 5 {
					return
				}
				count.Add(1)
				text := m.text()
				want := judge(t, text)
				if want != nil {
					invalid.Add(1)
				}
				bom, lost, decoded := Decode(text)
				if checked := Validate(text); (checked == nil) != (want == nil) || (decoded == nil) != (want == nil) {
					wrong++
					t.Errorf("%s:\nchecked %v\ndecoded %v\nwant    %.500v", m.what, checked, decoded, want)
				} else if decoded == nil {
					if pieces, err := Encode(bom); err != nil {
						// The model cannot tell an empty name from none, and who has
						// neither id nor name is refused.
						if len(lost) == 0 && !strings.Contains(text, `""`) {
							wrong++
							t.Errorf("%s: read and not written: %v", m.what, err)
						}
					} else if again, _, err := Decode(string(bytes.Join(pieces, nil))); err != nil || !reflect.DeepEqual(bom, again) {
						wrong++
						t.Errorf("%s: does not survive a round trip: %v", m.what, err)
					}
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d mutants, %d of them invalid", count.Load(), invalid.Load()) })
}
