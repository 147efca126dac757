package shape_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/shape"
)

func TestParse(t *testing.T) {
	for _, text := range []string{`"any"`, `{"a": "string"}`, `{"*": ["int"]}`, `{"a": {"b": [{"c": "time"}]}, "d": "bool", "e": "number"}`} {
		if _, err := shape.Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{``, `null`, `1`, `"text"`, `[]`, `["int", "int"]`, `{}`, `{"a": null}`, `{"*": "int", "a": "int"}`, `{"": "int"}`, `{"a": "int", "a": "int"}`, `"int" 1`,
		strings.Repeat(`{"a":`, 20) + `"int"` + strings.Repeat(`}`, 20), "{" + many(1001) + "}"} {
		if s, err := shape.Parse([]byte(text)); err == nil {
			t.Errorf("%.80s: %v", text, s)
		}
	}
}

func many(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`"x%d": "int"`, i))
	}
	return strings.Join(out, ",")
}

// node leads to itself, and has what JSON does not name.
type node struct {
	Name   string            `json:"name"`
	Nodes  []node            `json:"nodes"`
	At     time.Time         `json:"at"`
	Labels map[string]string `json:"labels"`
	Raw    json.RawMessage   `json:"raw"`
	N      *int              `json:"n"`
	F      float64           `json:"f"`
	Hidden string            `json:"-"`
	Bare   string
	own    string
}

func TestOf(t *testing.T) {
	_ = node{own: ""}.own
	s := shape.Of(node{})
	got := map[string]string{}
	for name, f := range s.Fields {
		got[name] = f.String()
	}
	if want := "map[at:time f:number labels:object n:int name:string nodes:list raw:any]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if s.Fields["nodes"].Elem != s {
		t.Error("a node's nodes are no nodes")
	}
}

func TestConvert(t *testing.T) {
	s := shape.Of(node{})
	for text, want := range map[string]string{
		`{"name": "a", "n": 3, "f": 1.5, "raw": [1], "labels": {"x": "y"}, "other": 1}`: `map[f:1.5 labels:map[x:y] n:3 name:a raw:[1]]`,
		`{"nodes": [{"name": "b"}], "at": "2026-11-21T03:07:00+01:00", "name": null}`:   `map[at:2026-11-21 02:07:00 +0000 UTC nodes:[map[name:b]]]`,
		`{"n": 3.5}`:                    `/n is no int`,
		`{"n": 90071992547409930}`:      `/n is no int`,
		`{"nodes": [{"name": 1}]}`:      `/nodes/0/name is no string`,
		`{"nodes": {}}`:                 `/nodes is no list`,
		`{"labels": {"x": 1}}`:          `/labels/x is no string`,
		`{"at": "2026-11-21"}`:          `/at is no time`,
		`{"f": "1"}`:                    `/f is no number`,
		`[]`:                            `it is no object`,
		`{"at": "2026-13-21T00:00:0Z"}`: `/at is no time`,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		out, err := s.Convert(v)
		got := fmt.Sprint(out)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
