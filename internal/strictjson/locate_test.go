package strictjson_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

func TestLine(t *testing.T) {
	const doc = "{\n \"a\": [\n  1,\n  {\"b/c\":\n   2}\n ],\n \"\": 3,\n \"~\": 4\n}"
	for pointer, want := range map[string]int{
		"": 1, "/a": 2, "/a/0": 3, "/a/1": 4, "/a/1/b~1c": 4, "/": 7, "/~0": 8,
		"/none": 1, "/a/7": 2, "/a/1/none": 4, "/a/0/deeper": 3,
	} {
		if got := strictjson.Line([]byte(doc), pointer); got != want {
			t.Errorf("Line(%q) = %d, want %d", pointer, got, want)
		}
	}
	for _, bad := range []string{"", "{", "x", "[1,"} {
		if got := strictjson.Line([]byte(bad), "/a/b"); got != 1 {
			t.Errorf("Line of %q = %d, want 1", bad, got)
		}
	}
}
