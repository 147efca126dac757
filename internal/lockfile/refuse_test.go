package lockfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// What is refused, with the line and the reason, and beside each attack the
// neighbour that is fine: the attack is the second of the two.
func TestRefuse(t *testing.T) {
	npm := func(member string) string {
		return "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\n" + member + "\n}}}"
	}
	crate := func(more string) string {
		return "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n" + more + "\n"
	}
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct{ why, file, good, bad, want string }{
		{"a member twice", "package-lock.json", npm(`"version": "1"`), npm("\"version\": \"1\",\n\"version\": \"2\""), `package-lock.json:4: duplicate member "version"`},
		{"an unknown version", "package-lock.json", `{"lockfileVersion": 3, "packages": {}}`, `{"lockfileVersion": 4, "packages": {}}`, `package-lock.json:1: lockfileVersion is 4, want 1, 2 or 3`},
		{"no version", "package-lock.json", `{"lockfileVersion": 1}`, `{}`, `package-lock.json:1: lockfileVersion is missing, want 1, 2 or 3`},
		{"no packages", "package-lock.json", `{"lockfileVersion": 2, "packages": {}}`, `{"lockfileVersion": 2}`, `package-lock.json:1: lockfileVersion is 2 and packages is missing`},
		{"another type", "package-lock.json", npm(`"version": "1"`), npm(`"version": 1`), `package-lock.json:3: "version" is a number, want text`},
		{"no object", "package-lock.json", npm(`"version": "1"`), "[]", `package-lock.json:1: found a list, want an object`},
		{"half a sum", "package-lock.json", npm(`"integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="`), npm(`"integrity": "sha1-2jmj"`), `package-lock.json:2: sha1 is "da39a3", want 40 hexadecimal digits, and one such sum`},
		{"a sum of another algorithm", "package-lock.json", npm(`"integrity": "md5-1B2M2Y8AsgTpgAmY7PhCfg=="`), npm(`"integrity": "crc32-AAAAAA=="`), `package-lock.json:2: digest algorithm is "crc32", want sha256, sha384 or sha512`},
		{"a sum that is no base64", "package-lock.json", npm(`"integrity": ""`), npm(`"integrity": "sha512-=="`), `package-lock.json:2: integrity is "sha512-==", want an algorithm, a hyphen and base64`},
		{"two sums of one file", "package-lock.json", npm(`"integrity": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="`),
			npm(`"integrity": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="`), `package-lock.json:2: two different sha256 of one file`},
		{"a package that is two", "package-lock.json",
			"{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"},\n\"node_modules/b/node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"}}}",
			"{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"},\n\"node_modules/b/node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\"}}}",
			`package-lock.json:3: package "a" has another sha256 here than on line 2`},
		{"a package with two weak sums", "package-lock.json",
			"{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"},\n\"node_modules/b/node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"}}}",
			"{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"},\n\"node_modules/b/node_modules/a\": {\"version\": \"1\", \"integrity\": \"sha1-AAAA7l5rSw0yVb/vlWAYkK/YBwk=\"}}}",
			`package-lock.json:3: package "a" has another sum here than on line 2`},
		{"a name that ends in white space", "package-lock.json", npm(`"name": "b"`), npm(`"name": "b "`), `package-lock.json:2: package "b ": "b " has white space around it`},
		{"a name that turns the text around", "package-lock.json", npm(`"name": "b"`), npm(`"name": "b\u202e"`), `package-lock.json:2: package "b\u202e": "b\u202e" has a character that no name has`},
		{"a name with a newline", "package-lock.json", npm(`"name": "b"`), npm(`"name": "b\nc"`), `package-lock.json:2: package "b\nc": "b\nc" has a character that no name has`},
		{"an alias without a version", "package-lock.json", `{"lockfileVersion": 1, "dependencies": {"a": {"version": "npm:b@1"}}}`, `{"lockfileVersion": 1, "dependencies": {"a": {"version": "npm:b"}}}`, `package-lock.json:1: version is "npm:b", want npm:NAME@VERSION`},
		{"a URL that is none", "package-lock.json", npm(`"resolved": "https://h/a/-/a-1.tgz"`), npm(`"resolved": "https://h:x/a/-/a-1.tgz"`), `package-lock.json:2: package "a": resolved is not a URL`},
		{"folders without end", "package-lock.json", npm(`"version": "1"`), `{"lockfileVersion": 3, "packages": {"` + strings.Repeat("node_modules/a/", 33) + `": {}}}`, `package-lock.json:1: "` + strings.Repeat("node_modules/a/", 33)[:80] + `" is more than 64 folders deep`},

		{"not locked", "requirements.txt", "a==1\nb==1", "a==1\nb>=1", `requirements.txt:2: package "b" is not locked: found ">=1", want ==VERSION`},
		{"no version", "requirements.txt", "a==1", "a", `requirements.txt:1: package "a" is not locked: found "", want ==VERSION`},
		{"a wildcard", "requirements.txt", "a==1.0", "a==1.*", `requirements.txt:1: package "a" is not locked: found "==1.*", want ==VERSION`},
		{"a range", "requirements.txt", "a==1", "a==1,<2", `requirements.txt:1: package "a" is not locked: found "==1,<2", want ==VERSION`},
		{"no name", "requirements.txt", "a==1", "==1", `requirements.txt:1: found "==1", want NAME==VERSION`},
		{"extras without an end", "requirements.txt", "a[b]==1", "a[b==1", `requirements.txt:1: found "a[b==1", want NAME==VERSION`},
		{"an option that nobody knows", "requirements.txt", "--pre\na==1", "--evil\na==1", `requirements.txt:1: option "--evil" is not one of a requirements file`},
		{"an option of a requirement that nobody knows", "requirements.txt", "a==1 --hash=sha256:" + sum, "a==1 --hush=sha256:" + sum, `requirements.txt:1: option "--hush" is not one of a requirement`},
		{"a weak hash", "requirements.txt", "a==1 --hash=sha256:" + sum, "a==1 --hash=md5:d41d8cd98f00b204e9800998ecf8427e", `requirements.txt:1: digest algorithm is "md5", want sha256, sha384 or sha512`},
		{"a hash in capitals", "requirements.txt", "a==1 --hash=sha256:" + sum, "a==1 --hash=sha256:" + strings.ToUpper(sum), `requirements.txt:1: sha256 is "` + strings.ToUpper(sum) + `", want lower-case hexadecimal digits of its length`},
		{"a line without its end", "requirements.txt", "a==1 \\\n", "\na==1 \\", `requirements.txt:2: the last line ends with a backslash, want the rest of it`},
		{"no file behind -r", "requirements.txt", "-r x", "-r", `requirements.txt:1: -r names no file`},
		{"a name at no URL", "requirements.txt", "a @ https://h/x.whl", "a @ somewhere", `requirements.txt:1: package "a": found no URL behind @`},

		{"a crate without a version", "Cargo.lock", crate(""), "version = 4\n[[package]]\nname = \"a\"\n", `Cargo.lock:2: a package without name and version`},
		{"a version to come", "Cargo.lock", crate(""), "version = 5\n", `Cargo.lock:1: version is 5, want 1 to 4`},
		{"a crate of nowhere", "Cargo.lock", crate(`source = "registry+https://h/i"`), crate(`source = "ftp+https://h/i"`), `Cargo.lock:2: package "a": the source begins with "ftp", want registry+, sparse+ or git+`},
		{"a source that is no URL", "Cargo.lock", crate(`source = "registry+https://h/i"`), crate(`source = "registry+https://h:x/i"`), `Cargo.lock:2: package "a": the source is not a URL`},
		{"a checksum of another length", "Cargo.lock", crate(`checksum = "` + sum + `"`), crate(`checksum = "` + sum[2:] + `"`), `Cargo.lock:5: sha256 is "` + sum[2:] + `", want lower-case hexadecimal digits of its length`},
		{"a dependency that is not there", "Cargo.lock", crate(`dependencies = ["a"]`), crate("dependencies = [\n\"b\"]"), `Cargo.lock:6: dependency "b" is not locked`},
		{"a dependency that could be two", "Cargo.lock", crate("dependencies = [\"a 1.0.0\"]\n[[package]]\nname = \"a\"\nversion = \"2.0.0\""), crate("dependencies = [\"a\"]\n[[package]]\nname = \"a\"\nversion = \"2.0.0\""), `Cargo.lock:5: dependency "a" could be one of several packages`},
	} {
		t.Run(c.why, func(t *testing.T) {
			if _, err := lockfile.Parse(c.file, strings.NewReader(c.good)); err != nil {
				t.Errorf("the neighbour: %v", err)
			}
			_, err := lockfile.Parse(c.file, strings.NewReader(c.bad))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
			var at *lockfile.Error
			if !errors.As(err, &at) || at.File != c.file || at.Line < 1 {
				t.Errorf("%T, want an *Error with file and line", err)
			}
			if limit := strings.Contains(c.want, "more than"); errors.Is(err, lockfile.ErrLimit) != limit {
				t.Errorf("that it is a limit is %t, want %t", !limit, limit)
			}
		})
	}
}

// TOML in its small, by way of Cargo.lock: what one file may say only once, and
// what is not read at all.
func TestTOML(t *testing.T) {
	for _, c := range []struct{ good, bad, want string }{
		{"a = 1\nb = 1", "a = 1\na = 1", `Cargo.lock:2: "a" is already there`},
		{"[a]\n[b]", "[a]\n[a]", `Cargo.lock:2: "a" is already there`},
		{"[a.b]\n[a]", "[a.b]\n[a]\n[a.b]", `Cargo.lock:3: "b" is already there`},
		{"[[a]]\n[[a]]", "a = []\n[[a]]", `Cargo.lock:2: "a" is already there, and is no list of tables`},
		{"[[a]]\n[a.b]\n[[a]]\n[a.b]", "[[a]]\n[a.b]\n[a.b]", `Cargo.lock:3: "b" is already there`},
		{"a = {b = 1}\n[c.d]", "a = {b = 1}\n[a.d]", `Cargo.lock:2: "a" is already there, and is no table`},
		{"a.b = 1\na.c = 2", "a.b = 1\na.b.c = 2", `Cargo.lock:2: "b" is already there`},
		{"a.b = 1\na.c = 2", "a = {b = 1}\na.c = 2", `Cargo.lock:2: "a" is already there`},
		{"[a]\nb = 1", "a = 1\n[a.c]", `Cargo.lock:2: "a" is already there, and is no table`},
		{`"a b" = 'c'`, `a b = 'c'`, `Cargo.lock:1: found 'b', want '=' behind a name`},
		{`a = "\u00e9\U0001F600\n\\\""`, `a = "\x41"`, `Cargo.lock:1: an escape that TOML does not know`},
		{`a = "\u00e9"`, `a = "\ud800"`, `Cargo.lock:1: an escape that TOML does not know`},
		{`a = "x"`, `a = "x`, `Cargo.lock:1: a string without an end`},
		{`a = "\t"`, "a = \"\x01\"", `Cargo.lock:1: a control character in a string`},
		{`a = ""`, `a = """x"""`, `Cargo.lock:1: a string of several lines, which is not read`},
		{"a = [\n1, # one\n2,\n]", "a = [1 2]", `Cargo.lock:1: found '2', want ',' or ']' in a list`},
		{"a = {b = 1, c = 2}", "a = {b = 1,}", `Cargo.lock:1: found '}' behind ',', want a name`},
		{"a = {b = 1, c = 2}", "a = {b = 1\n}", `Cargo.lock:1: found '\n', want ',' or '}' in a table`},
		{"a = true", "a = yes", `Cargo.lock:1: found "yes", want text, a list, a table, true, false or a whole number`},
		{"a = -1", "a = 1.5", `Cargo.lock:1: found "1.5", want text, a list, a table, true, false or a whole number`},
		{"a = 1 # one", "a = 1 2", `Cargo.lock:1: found '2', want the end of the line`},
		{"a = 1\r\n", "a = 1\rb", `Cargo.lock:1: found '\r', want the end of the line`},
		{"[a]", "[a", `Cargo.lock:1: found no ']' behind the name of a table`},
		{"[[a]]", "[[a]", `Cargo.lock:1: found no ']' behind the name of a table`},
		{"# é", "# \xff", `Cargo.lock:1: text that is not UTF-8`},
		{"# \t", "# \x00", `Cargo.lock:1: a control character in a comment`},
		{"a = 1", "\n= 1", `Cargo.lock:2: found '=', want a name`},
	} {
		if _, err := lockfile.Parse("Cargo.lock", strings.NewReader(c.good)); err != nil {
			t.Errorf("%q: %v", c.good, err)
		}
		if _, err := lockfile.Parse("Cargo.lock", strings.NewReader(c.bad)); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.bad, err, c.want)
		}
	}
}

// What would cost too much is refused as a limit before it is paid.
func TestLimits(t *testing.T) {
	for _, c := range []struct{ name, file, content string }{
		{"nested JSON", "package-lock.json", strings.Repeat("[", 1<<20)},
		{"nested TOML lists", "Cargo.lock", "a = " + strings.Repeat("[", 1<<20)},
		{"nested TOML tables", "Cargo.lock", "a = " + strings.Repeat("{a = ", 1<<18)},
		{"a TOML name of many", "Cargo.lock", strings.Repeat("a.", 1<<20) + "a = 1"},
		{"many values in TOML", "Cargo.lock", "a = [" + strings.Repeat("1,", lockfile.MaxNodes+1) + "]"},
		{"many values in JSON", "package-lock.json", "[" + strings.Repeat("1,", lockfile.MaxNodes+1) + "1]"},
		{"many packages", "requirements.txt", strings.Repeat("a==1\n", lockfile.MaxPackages+1)},
		{"many lines that lock nothing", "requirements.txt", strings.Repeat("-r a\n", lockfile.MaxPackages+1)},
		{"a long line", "requirements.txt", "a==1 ; " + strings.Repeat("x", lockfile.MaxText)},
		{"a long line of many", "requirements.txt", strings.Repeat("a \\\n", lockfile.MaxText)},
		{"too many bytes", "requirements.txt", strings.Repeat("#", lockfile.MaxSize+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := lockfile.Parse(c.file, strings.NewReader(c.content))
			if !errors.Is(err, lockfile.ErrLimit) {
				t.Errorf("got %v, want a limit", err)
			}
		})
	}
	var crates strings.Builder
	for i := range lockfile.MaxPackages {
		fmt.Fprintf(&crates, "[[package]]\nname = \"a\"\nversion = \"%d\"\ndependencies = [\"a %d\"]\n", i, lockfile.MaxPackages-1-i)
	}
	if _, err := lockfile.Parse("Cargo.lock", strings.NewReader(crates.String())); err != nil {
		t.Errorf("as many as are allowed, all of one name: %v", err)
	}
}
