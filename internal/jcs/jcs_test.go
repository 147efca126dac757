package jcs_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/touchmark-go/touchmark/internal/jcs"
)

func TestTransform(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"RFC 8785, 3.2.2", `{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}`, `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{"RFC 8785, 3.2.3", `{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
		{"nested", ` { "b" : [ { "z":1, "a":{} } ] , "a" : [ ] } `, `{"a":[],"b":[{"a":{},"z":1}]}`},
		{"zeros", `[0,-0,0.0,-0e5]`, `[0,0,0,0]`},
		{"one", `[1,1.0,1e0,10e-1]`, `[1,1,1,1]`},
		{"no HTML escapes", `"<>&\u2028"`, "\"<>&\u2028\""},
		{"control characters", `"\b\f\t\u0000\u001f\u007f"`, `"\b\f\t\u0000\u001f` + "\u007f\""},
	} {
		got, err := jcs.Transform([]byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
	for _, in := range []string{`{"a":1,"a":1}`, `1e400`, `9007199254740993`, `[1] 2`, ``, `"\ud800"`} {
		if got, err := jcs.Transform([]byte(in)); err == nil {
			t.Errorf("Transform(%q) = %s, want an error", in, got)
		}
	}
}

// RFC 8785, appendix B, where our bound of 2^53 lets the number in.
func TestNumbers(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0", 0x8000000000000000: "0", 0x0000000000000001: "5e-324", 0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308", 0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992", 0xc340000000000000: "-9007199254740992",
		0x44b52d02c7e14af5: "9.999999999999997e+22", 0x44b52d02c7e14af6: "1e+23", 0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef50: "1e+21", 0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7", 0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332", 0x41b3de4355555554: "333333333.33333325", 0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334", 0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333", 0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		got, err := jcs.Marshal(math.Float64frombits(bits))
		if err != nil || string(got) != want {
			t.Errorf("%016x: got %s, %v, want %s", bits, got, err, want)
		}
	}
}

func TestMarshal(t *testing.T) {
	v := struct {
		B string         `json:"b"`
		A map[string]any `json:"a"`
	}{"<\ufffd>", map[string]any{"z": 1, "y": []int{}}}
	got, err := jcs.Marshal(v)
	if want := `{"a":{"y":[],"z":1},"b":"<` + "\ufffd" + `>"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, v := range []any{"\xff", math.NaN(), math.Inf(1), uint64(1<<53 + 1), func() {}} {
		if got, err := jcs.Marshal(v); err == nil {
			t.Errorf("Marshal(%v) = %s, want an error", v, got)
		}
	}
}

// The canonical form is a fixed point, and means what the input meant.
func FuzzTransform(f *testing.F) {
	f.Add([]byte(`{"b":[1e3,-0.5,"\u20ac\n"],"a":{"d":null,"c":true}}`))
	f.Add([]byte(`{"\ud83d\ude00":1,"\ufb33":2,"":3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := jcs.Transform(data)
		if err != nil {
			t.Skip()
		}
		twice, err := jcs.Transform(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q becomes %q, then %q, %v", data, once, twice, err)
		}
		var a, b any
		if err := json.Unmarshal(data, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(once, &b); err != nil {
			t.Fatal(err)
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if x, y := bytes.ReplaceAll(x, []byte("-0"), []byte("0")), bytes.ReplaceAll(y, []byte("-0"), []byte("0")); !bytes.Equal(x, y) {
			t.Fatalf("%q means %s, its canonical form %s", data, x, y)
		}
	})
}
