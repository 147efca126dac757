package capture

import (
	"strings"
	"testing"
)

func TestRepositoryURL(t *testing.T) {
	for _, test := range []struct{ remote, want string }{
		{"https://github.com/acme/app.git", "https://github.com/acme/app"},
		{"https://github.com/acme/app", "https://github.com/acme/app"},
		{"https://GitHub.com/Acme/App.git/", "https://github.com/Acme/App"},
		{"https://user:token@github.com/acme/app", "https://github.com/acme/app"},
		{"https://github.com:443/acme/app", "https://github.com/acme/app"},
		{"https://git.example:8443/acme/app", "https://git.example:8443/acme/app"},
		{"http://github.com/acme/app", "https://github.com/acme/app"},
		{"git@github.com:acme/app.git", "https://github.com/acme/app"},
		{"github.com:acme/app.git", "https://github.com/acme/app"},
		{"ssh://git@github.com/acme/app.git", "https://github.com/acme/app"},
		{"ssh://git:pass@host.example:2222/acme/app", "https://host.example/acme/app"},
		{"git://host.example/acme/app", "https://host.example/acme/app"},
		{"https://github.com/acme/app?token=secret#frag", "https://github.com/acme/app"},
		{"https://gitlab.example/a/b/c/d.git", "https://gitlab.example/a/b/c/d"},
		// Not written down.
		{"", ""},
		{"/srv/git/app.git", ""},
		{"../app", ""},
		{"app", ""},
		{`C:\git\app`, ""},
		{"C:/git/app", ""},
		{"file:///home/me/app", ""},
		{"ext::sh -c true", ""},
		{"ext::sh", ""},
		{"https://github.com/", ""},
		{"https:///acme/app", ""},
		{"https://user:to/ken@github.com/acme", ""},
		{"https://github.com/acme/app@secret", ""},
		{"https://github.com/acme/../app", ""},
		{"https://github.com/a%2e%2e", "https://github.com/a.."},
		{"https://github.com/acme/app\n", ""},
		{"user:secret@host:path", ""},
	} {
		got, err := repositoryURL(test.remote)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("repositoryURL(%q) is %q, %v, want %q", test.remote, got, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || test.remote != "" && strings.Contains(err.Error(), test.remote)) {
			t.Errorf("the error repeats the remote: %v", err)
		}
	}
}

func FuzzRepositoryURL(f *testing.F) {
	for _, s := range []string{"https://u:p@h/x.git", "git@h:x", "ssh://h:22/x", "https://h/%40", "a:b:c@d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := repositoryURL(s)
		if err != nil {
			t.Skip()
		}
		if again, err := repositoryURL(got); err != nil || again != got {
			t.Errorf("%q gives %q, and that %q, %v", s, got, again, err)
		}
		if !strings.HasPrefix(got, "https://") || strings.ContainsAny(got, "@?#") {
			t.Errorf("%q gives %q", s, got)
		}
	})
}

func TestBestTag(t *testing.T) {
	for _, test := range []struct{ tags, want string }{
		{"v1.0.0", "v1.0.0"},
		{"v1.9.0 v1.10.0", "v1.10.0"},
		{"v1.0.0-rc.1 v1.0.0", "v1.0.0"},
		{"v1.0.0-rc.2 v1.0.0-rc.10 v1.0.0-rc", "v1.0.0-rc.10"},
		{"v1.0.0-1 v1.0.0-a", "v1.0.0-a"},
		{"zz v0.0.1 latest", "v0.0.1"},
		{"1.0.0 release", "release"},
		{"v1.0 v1.0.0", "v1.0.0"},
		{"v01.0.0 v1.0.0", "v1.0.0"},
		{"v1.0.0+a v1.0.0+b", "v1.0.0+b"},
		{"v1.0.0- v0.1.0", "v0.1.0"},
		{"v10000000000000000000000.0.0 v9.0.0", "v10000000000000000000000.0.0"},
		{"sub/v2.0.0 v1.0.0", "v1.0.0"},
	} {
		tags := strings.Fields(test.tags)
		for range tags {
			tags = append(tags[1:], tags[0])
			var refs []string
			for _, tag := range tags {
				refs = append(refs, "refs/tags/"+tag)
			}
			if got, want := bestTag(refs), "refs/tags/"+test.want; got != want {
				t.Errorf("best of %q is %q, want %q", refs, got, want)
			}
		}
	}
}

func TestCleaner(t *testing.T) {
	c := cleaner{root: "/src/repo", dir: "/src/repo/sub", also: []string{"/link"}}
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"plain words, and=more", "plain words, and=more"},
		{"/src/repo", ".."},
		{"/src/repo/sub/x", "x"},
		{"/src/repo/x", "../x"},
		{"/link/sub/x", "x"},
		{"/src/repository/x", "(withheld)"},
		{"/src/repo/../secret", "(withheld)"},
		{"-I/home/me -L/src/repo/lib", "-I(withheld) -L../lib"},
		{"--sysroot=/home/me", "--sysroot=(withheld)"},
		{"a:/home/me:/src/repo/sub/b", "(withheld):b"},
		{`C:\Users\me\x`, "(withheld)"},
		{`-I=C:/Users/me`, "-I=(withheld)"},
		{`\\server\share`, "(withheld)"},
		{"//server/share", "(withheld)"},
		{"~/secret", "(withheld)"},
		{"~me", "(withheld)"},
		{"'/home/me' \"/home/me\"", "'(withheld)' \"(withheld)\""},
		{"https://user:secret@host/path?q=secret#f", "https://host/path"},
		{"https://host/home/me", "https://host/home/me"},
		{"https://user:sec/ret@host/path", "(withheld)"},
		{"https://user:1/secret@host/path", "(withheld)"},
		{"https://user:1,secret@host/path", "(withheld)"},
		{"https://user:secret@h,direct", "https://h,direct"},
		{"file:///home/me/x", "file://(withheld)"},
		{"GOPROXY=https://u:p@h/x", "GOPROXY=https://h/x"},
		{"git+ssh://me@host/x", "git+ssh://host/x"},
		{"mail me@host", "mail me@host"},
	} {
		if got := c.text(test.in); got != test.want {
			t.Errorf("text(%q) is %q, want %q", test.in, got, test.want)
		}
	}
	for _, test := range []struct{ in, want string }{
		{"x/y", "x/y"},
		{"../x", "../x"},
		{"../../other", "(withheld)"},
		{"/src/repo/sub", "."},
		{"/etc/passwd", "(withheld)"},
	} {
		if got := c.path(test.in); got != test.want {
			t.Errorf("path(%q) is %q, want %q", test.in, got, test.want)
		}
	}
	for _, test := range []struct{ in, want string }{
		{"/home/bob smith/x", "(withheld)"},
		{"/home/bob smith:/src/repo/sub/x:y", "(withheld):x:y"},
		{"-O2 -I/home/me", "-O2 -I(withheld)"},
	} {
		if got := c.variable(test.in); got != test.want {
			t.Errorf("variable(%q) is %q, want %q", test.in, got, test.want)
		}
	}
}

// FuzzCleaner plants a folder and a password in all kinds of text.
func FuzzCleaner(f *testing.F) {
	f.Add("-I", " x")
	f.Add("a=", "/b")
	f.Add("x:", ":y")
	f.Add("https://h/x ", "")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 200 {
			t.Skip()
		}
		c := cleaner{root: "/src/repo", dir: "/src/repo"}
		got := c.text(before + " https://me:p4ssw0rd@host.example/x" + after)
		if strings.Contains(got, "p4ssw0rd") {
			t.Errorf("the password stays in %q", got)
		}
		if got := c.text(before + " /home/pl4nted " + after); strings.Contains(got, "pl4nted") {
			t.Errorf("the folder stays in %q", got)
		}
	})
}

func TestArguments(t *testing.T) {
	c := cleaner{root: "/src/repo", dir: "/src/repo"}
	list := argumentList{clean: c, start: c, allowed: []string{"ok", "/src/repo/x", "https://u:p@h/x"}}
	for _, test := range []struct{ argv, want string }{
		{"go build", "go build"},
		{"/usr/local/go/bin/go build .", "go build ."},
		{`C:\Go\bin\go.exe|build`, "go|build"},
		{"go1.26.8 build", "go build"},
		{"gofmt -l secret", "gofmt (withheld) (withheld)"},
		{"gosecret x", "gosecret (withheld)"},
		{"go run secret", "go (withheld) (withheld)"},
		{"go test ok", "go (withheld) ok"},
		{"go build -race -p 4 -mod=vendor -tags a,b ./...", "go build -race -p 4 -mod=vendor -tags a,b ./..."},
		{"go build --trimpath=true --tags=a", "go build -trimpath=true -tags=a"},
		{"go build -o /home/me/x -o=/src/repo/dist/x", "go build -o (withheld) -o=dist/x"},
		{"go build -overlay /src/repo/o.json -modfile=../../x -pgo=auto -pgo /home/me/p", "go build -overlay o.json -modfile=(withheld) -pgo=auto -pgo (withheld)"},
		{"go build -token secret .", "go build (withheld) (withheld) ."},
		{"go build -token=secret .", "go build (withheld) ."},
		{"go build -token -race .", "go build (withheld) -race ."},
		{"go build -tags a;secret", "go build -tags (withheld)"},
		{"go build -p", "go build (withheld)"},
		{"go build -- secret;", "go build -- (withheld)"},
		{"go build ./a ../b example.com/x/y@v1.2.3 main.go /src/repo/c /src/repo/d.go /home/me/e", "go build ./a (withheld) example.com/x/y@v1.2.3 main.go ./c d.go (withheld)"},
		{"go install example.com/x@latest", "go install example.com/x@latest"},
		{"go|build|-toolexec=/opt/garble|-toolexec|/opt/garble -seed=secret", "go|build|-toolexec=garble|-toolexec|garble (withheld)"},
		{"go|build|-gcflags=-N -l -d=ssa/check/on|-asmflags|all=-D SECRET=1", "go|build|-gcflags=-N -l -d=ssa/check/on|-asmflags|all=(withheld) (withheld)"},
		{"go|build|-ldflags=example.com/...=-X a.b=secret|.", "go|build|-ldflags=example.com/...=-X a.b=(withheld)|."},
		{"go|build|-ldflags=secret|.", "go|build|-ldflags=(withheld)|."},
		{"/home/me/make secret ok /src/repo/x https://u:p@h/x", "make (withheld) ok x https://h/x"},
		{"/home/me/odd;name", "(withheld)"},
	} {
		separator := " "
		if strings.Contains(test.argv, "|") {
			separator = "|"
		}
		got := strings.Join(list.command(strings.Split(test.argv, separator)), separator)
		if got != test.want {
			t.Errorf("command(%q) is\n%q, want\n%q", test.argv, got, test.want)
		}
	}
}

// FuzzArguments wants as many arguments as there were, and none of a linker value.
func FuzzArguments(f *testing.F) {
	f.Add("-ldflags", "-X a=PLANTED")
	f.Add("-unknown", "PLANTED")
	f.Fuzz(func(t *testing.T, a, b string) {
		c := cleaner{root: "/src/repo", dir: "/src/repo"}
		list := argumentList{clean: c, start: c}
		got := list.command([]string{"go", "build", a, b, "-ldflags=-X main.v=PL4NTED"})
		if strings.Contains(strings.Join(got, " "), "PL4NTED") {
			t.Errorf("a linker value is written: %q", got)
		}
		if len(got) != 5 {
			t.Errorf("five arguments are written as %q", got)
		}
	})
}

func TestTags(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""}, {"a", "a"}, {"c,a,b,a", "a b c"}, {"b a", "a b"}, {"a;b", "(withheld)"}, {"go1.26", "go1.26"},
	} {
		if got := strings.Join(tags(test.in), " "); got != test.want {
			t.Errorf("tags(%q) is %q, want %q", test.in, got, test.want)
		}
	}
}

func TestGoRelease(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"go1.26.8", "1.26.8"}, {"go1.27rc1", "1.27rc1"}, {"go1.26.8 X:jsonv2", "1.26.8"}, {"go1.26.8-X:jsonv2", "1.26.8"}, {"devel go1.27-abc", ""}, {"", ""}, {"go", ""},
	} {
		if got := goRelease(test.in); got != test.want {
			t.Errorf("goRelease(%q) is %q, want %q", test.in, got, test.want)
		}
	}
}
