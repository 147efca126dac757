package strictjson_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

func TestBase64(t *testing.T) {
	for _, c := range []struct {
		name, in  string
		std, both bool
	}{
		{"empty", "", true, true},
		{"one", "YQ==", true, true},
		{"two", "YWI=", true, true},
		{"three", "YWJj", true, true},
		{"plus and slash", "+/+/", true, true},
		{"minus and underscore", "-_-_", false, true},
		{"mixed alphabets", "+_+_", false, false},
		{"mixed far apart", "+" + strings.Repeat("A", 62) + "_", false, false},
		{"unpadded", "YQ", false, false},
		{"half padded", "YQ=", false, false},
		{"too much padding", "YWJj====", false, false},
		{"padding only", "====", false, false},
		{"three of padding", "Y===", false, false},
		{"padding inside", "YQ==YQ==", false, false},
		{"stray bits of one", "YR==", false, false},
		{"stray bits of two", "YWJ=", false, false},
		{"newline", "YWJj\n", false, false},
		{"carriage return inside", "YW\r\nJj", false, false},
		{"space", "YWJ ", false, false},
		{"outside ASCII", "YWJ\xff", false, false},
		{"escape", `YWJ\`, false, false},
		{"bad in the wide part", strings.Repeat("A", 20) + "!" + strings.Repeat("A", 43), false, false},
	} {
		got, err := strictjson.AppendBase64(nil, []byte(c.in))
		if (err == nil) != c.std {
			t.Errorf("%s: standard %v, want accepted %t", c.name, err, c.std)
		}
		either, errEither := strictjson.AppendBase64Either([]byte("head"), []byte(c.in))
		if (errEither == nil) != c.both {
			t.Errorf("%s: either %v, want accepted %t", c.name, errEither, c.both)
		}
		if errEither == nil && err == nil && string(either) != "head"+string(got) {
			t.Errorf("%s: %q and %q", c.name, got, either)
		}
	}
}

// What the strict decoder of encoding/base64 accepts, without its skipping of
// newlines, is accepted here, and nothing else.
func FuzzBase64(f *testing.F) {
	for n := range 40 {
		f.Add([]byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0xff, 0x10}, n)[:n])))
	}
	f.Add([]byte("-_-_"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, c := range []struct {
			decode func(dst, src []byte) ([]byte, error)
			oracle []*base64.Encoding
		}{
			{strictjson.AppendBase64, []*base64.Encoding{base64.StdEncoding}},
			{strictjson.AppendBase64Either, []*base64.Encoding{base64.StdEncoding, base64.URLEncoding}},
		} {
			got, err := c.decode(nil, src)
			want, errWant := []byte(nil), base64.CorruptInputError(0) // refused, until one accepts
			accepted := false
			for _, o := range c.oracle {
				if b, err := o.Strict().DecodeString(string(src)); err == nil && !bytes.ContainsAny(src, "\r\n") {
					want, accepted = b, true
					break
				}
			}
			if (err == nil) != accepted || !bytes.Equal(got, want) {
				t.Fatalf("%q: %q, %v; want %q, %v", src, got, err, want, errWant)
			}
		}
	})
}
