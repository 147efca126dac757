package strictjson

import "testing"

func TestEscapePointer(t *testing.T) {
	for step, want := range map[string]string{
		"": "", "a": "a", "/": "~1", "~": "~0", "~1": "~01", "a/b~c": "a~1b~0c", "~/~": "~0~1~0", "é": "é",
	} {
		if got := EscapePointer(step); got != want {
			t.Errorf("EscapePointer(%q) = %q, want %q", step, got, want)
		}
		if got := UnescapePointer(want); got != step {
			t.Errorf("UnescapePointer(%q) = %q, want %q", want, got, step)
		}
	}
}
