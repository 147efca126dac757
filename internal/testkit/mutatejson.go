package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// MutateJSON changes one thing in a JSON document, as r has it: a member goes, is
// null, stands twice or under another name; a text, a number or the bytes behind
// base64 change; two values change places; or a byte of the text is another one.
// What comes out need not be JSON.
func MutateJSON(r *rand.Rand, data []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil || r.IntN(6) == 0 {
		return mutateText(r, data)
	}
	var all []place
	places(doc, &all)
	if len(all) == 0 {
		return mutateText(r, data)
	}
	at := all[r.IntN(len(all))]
	switch r.IntN(8) {
	case 0:
		at.remove()
	case 1:
		at.set([]any{nil, "", json.Number("0"), []any{}, map[string]any{}, true}[r.IntN(6)])
	case 2:
		other := all[r.IntN(len(all))]
		v, w := copied(at.get()), copied(other.get()) // one may be in the other
		at.set(w)
		other.set(v)
	case 3:
		if list, ok := at.get().([]any); ok && len(list) > 0 {
			i := r.IntN(len(list))
			at.set(slices.Insert(slices.Clone(list), i, list[i]))
			break
		}
		fallthrough
	case 4:
		if m, ok := at.in.(map[string]any); ok {
			v := at.get()
			at.remove()
			m[[]string{strings.ToUpper(at.name), at.name + "x", strings.ReplaceAll(at.name, "s", "\u017f")}[r.IntN(3)]] = v
			break
		}
		fallthrough
	default:
		at.set(changed(r, at.get()))
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return mutateText(r, data)
	}
	if r.IntN(8) == 0 { // a member twice
		if i := bytes.Index(out, []byte(`":`)); i > 0 && out[0] == '{' {
			out = slices.Concat(out[:i+2], []byte("null,"), out[1:])
		}
	}
	return out
}

// changed is a value that is a little different.
func changed(r *rand.Rand, v any) any {
	switch v := v.(type) {
	case string:
		if raw, err := base64.StdEncoding.DecodeString(v); err == nil && len(raw) > 8 && r.IntN(4) > 0 {
			raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
			return base64.StdEncoding.EncodeToString(raw)
		}
		if v == "" {
			return "x"
		}
		i := r.IntN(len(v))
		return []string{v[:i] + v[i+1:], v[:i] + string(v[i]^1) + v[i+1:], v + "\n", strings.ToUpper(v), strings.TrimRight(v, "=")}[r.IntN(5)]
	case json.Number:
		return json.Number([]string{v.String() + "0", "-" + v.String(), v.String() + ".0", "1"}[r.IntN(4)])
	case bool:
		return !v
	}
	return nil
}

// mutateText changes the text of a document.
func mutateText(r *rand.Rand, data []byte) []byte {
	out := bytes.Clone(data)
	if len(out) == 0 {
		return []byte("x")
	}
	switch i := r.IntN(len(out)); r.IntN(4) {
	case 0:
		return out[:i]
	case 1:
		return append(out, []string{"\n", " {}", "x", "\n\n"}[r.IntN(4)]...)
	case 2:
		return slices.Insert(out, i, []byte{' ', '\n', '"', 0, 0xff}[r.IntN(5)])
	default:
		out[i] ^= 1 << r.IntN(7)
		return out
	}
}

// A place is where a value stands: a member of an object, or an element of a list.
type place struct {
	in   any
	name string
	i    int
}

// places lists them, in the order of names.
func places(v any, all *[]place) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			*all = append(*all, place{in: v, name: name})
			places(v[name], all)
		}
	case []any:
		for i := range v {
			*all = append(*all, place{in: v, i: i})
			places(v[i], all)
		}
	}
}

func (p place) get() any {
	if m, ok := p.in.(map[string]any); ok {
		return m[p.name]
	}
	return p.in.([]any)[p.i]
}

func (p place) set(v any) {
	if m, ok := p.in.(map[string]any); ok {
		m[p.name] = v
		return
	}
	p.in.([]any)[p.i] = v
}

// remove takes a member away; an element becomes null.
func (p place) remove() {
	if m, ok := p.in.(map[string]any); ok {
		delete(m, p.name)
		return
	}
	p.set(nil)
}

// copied is a value that shares nothing with v.
func copied(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var out any
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}
