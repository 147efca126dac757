package cdxschema

import "testing"

func TestCompile(t *testing.T) {
	for v := First; v <= Last; v++ {
		n := Of(v)
		if n.Kind != Object || n.Member("components") < 0 {
			t.Errorf("%v: the document has no components", v)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compile(tables, 6)
	}
}
