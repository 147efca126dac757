package goflags

import (
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
		err  bool
	}{
		{"", nil, false},
		{"  -a\t-b\n", []string{"-a", "-b"}, false},
		{`-a '-X main.v=a b' "it's"`, []string{"-a", "-X main.v=a b", "it's"}, false},
		{`a'b c'`, []string{"a'b", "c'"}, false},
		{`'a'b`, []string{"a", "b"}, false},
		{`'' x`, []string{"", "x"}, false},
		{`'a`, nil, true},
	} {
		got, err := Split(test.in)
		if !slices.Equal(got, test.want) || (err != nil) != test.err {
			t.Errorf("Split(%q) is %q, %v, want %q", test.in, got, err, test.want)
		}
	}
}

func TestLinker(t *testing.T) {
	keep := func(name string) bool { return name == "main.version" }
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"-s -w", "-s -w"},
		{"--s  -w=false", "--s -w=false"},
		{"-X main.version=v1 -X main.token=secret", "-X main.version=v1 -X main.token=(withheld)"},
		{"-X=main.token=secret --X=main.version=v2", "-X=main.token=(withheld) --X=main.version=v2"},
		{"'-X=main.token=a secret' -X 'main.version=v 1'", "-X=main.token=(withheld) -X 'main.version=v 1'"},
		{"-X secret", "-X (withheld)"},
		{"-X", "-X"},
		{"-X main.token=", "-X main.token=(withheld)"},
		{"-linkmode external -extld /home/me/bin/clang", "-linkmode external -extld clang"},
		{"-extld 'clang --token secret' -extldflags '-L/home/me -lsecret'", "-extld 'clang (withheld)' -extldflags (withheld)"},
		{"-buildid= -compressdwarf=false", "-buildid=(withheld) -compressdwarf=false"},
		{"-unknown secret -s", "(withheld) (withheld) -s"},
		{"secret", "(withheld)"},
		{"'unterminated secret", "(withheld)"},
		{"-s=sec;ret", "-s=(withheld)"},
		{"-H windowsgui -B gobuildid", "-H windowsgui -B gobuildid"},
		{`-X "main.version=a'b c" -X 'main.version=a"b c'`, `-X "main.version=a'b c" -X 'main.version=a"b c'`},
	} {
		got := Linker(test.in, keep, nil)
		if got != test.want {
			t.Errorf("Linker(%q) is %q, want %q", test.in, got, test.want)
		}
		if again := Linker(got, keep, nil); again != got {
			t.Errorf("Linker(%q) is %q again", got, again)
		}
	}
}

func TestProgram(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"gcc", "gcc"},
		{"/usr/bin/gcc", "gcc"},
		{`C:\tools\gcc.exe`, "gcc.exe"},
		{"/opt/wrap --token secret", "wrap (withheld)"},
		{"'/my tools/wrap' x", "wrap (withheld)"},
		{"", Withheld},
		{"/", Withheld},
		{"a;b", Withheld},
	} {
		if got := Program(test.in); got != test.want {
			t.Errorf("Program(%q) is %q, want %q", test.in, got, test.want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "-a 'b c' \"d\"", "'", "a'b", "'' \"\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := Split(s)
		if err != nil {
			t.Skip()
		}
		if again, err := Split(Join(fields)); err != nil || !slices.Equal(again, fields) {
			t.Errorf("%q does not survive a round trip: %q, %v", fields, again, err)
		}
	})
}

func FuzzLinker(f *testing.F) {
	f.Add("-s -w -X main.v=PLANTED -extldflags 'PLANTED'")
	f.Add("-X=a=PLANTED PLANTED -foo=PLANTED -s=PLANTED;")
	f.Fuzz(func(t *testing.T, s string) {
		got := Linker(s, nil, nil)
		if again := Linker(got, nil, nil); again != got {
			t.Errorf("Linker(%q) is %q, and of that %q", s, got, again)
		}
		// No value of -X is ever written, whatever surrounds it.
		if strings.Contains(Linker("-s -X main.v=PLANTED -w", nil, nil), "PLANTED") {
			t.Error("a value is written")
		}
	})
}
