package lockfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// The same as TestRefuse of the other formats.
func TestRefuseMore(t *testing.T) {
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	const classic = "# yarn lockfile v1\n\n"
	const berry = "__metadata:\n  version: 8\n\n"
	pnpm := func(entry string) string { return "lockfileVersion: '6.0'\npackages:\n" + entry + "\n" }
	poetry := func(more string) string {
		return "[[package]]\nname = \"a\"\nversion = \"1\"\n" + more + "\n[metadata]\nlock-version = \"2.0\"\n"
	}
	uv := func(source, more string) string {
		return "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = " + source + "\n" + more
	}
	provider := func(more string) string { return "provider \"h/n/t\" {\n  version = \"1.0.0\"\n" + more + "\n}\n" }
	bazel := func(member string) string { return `{"lockFileVersion": 18, ` + member + `}` }
	flake := func(node string) string {
		return "{\"nodes\": {\"root\": {},\n\"a\": " + node + "}, \"root\": \"root\", \"version\": 7}"
	}
	composer := func(more string) string {
		return "{\"packages\": [\n{\"name\": \"v/a\", \"version\": \"1\"" + more + "}]}"
	}
	maven := func(more string) string {
		return "{\"lockFileVersion\": 1, \"dependencies\": [\n{\"groupId\": \"g\", \"artifactId\": \"a\", \"version\": \"1\"" + more + "}]}"
	}
	const gems = "GEM\n  remote: https://h/\n  specs:\n    a (1.0)\n"
	for _, c := range []struct{ why, file, good, bad, want string }{
		{"no yarn at all", "yarn.lock", classic, "a:\n  b: c\n", `yarn.lock:1: neither yarn's own heading nor __metadata is there`},
		{"a range that two packages answer", "yarn.lock", classic + "a@1:\n  version \"1\"\na@2:\n  version \"2\"\n", classic + "a@1:\n  version \"1\"\na@1:\n  version \"2\"\n", `yarn.lock:5: "a@1" is already there`},
		{"a field twice", "yarn.lock", classic + "a@1:\n  version \"1\"\n", classic + "a@1:\n  version \"1\"\n  version \"2\"\n", `yarn.lock:5: "version" is already there`},
		{"no version", "yarn.lock", classic + "a@1:\n  version \"1\"\n", classic + "a@1:\n  resolved \"https://h/x\"\n", `yarn.lock:3: package "a" has no version`},
		{"a heading without a name", "yarn.lock", classic + "a@1:\n  version \"1\"\n", classic + "\"\":\n  version \"1\"\n", `yarn.lock:3: found "", want NAME@RANGE and a colon`},
		{"a heading without a colon", "yarn.lock", classic + "a@1:\n  version \"1\"\n", classic + "a@1\n  version \"1\"\n", `yarn.lock:3: found "a@1", want NAME@RANGE and a colon`},
		{"indented by three", "yarn.lock", classic + "a@1:\n  version \"1\"\n", classic + "a@1:\n   version \"1\"\n", `yarn.lock:4: it is indented by 3, want 0, 2 or 4`},
		{"a name without a value", "yarn.lock", classic + "a@1:\n  version \"1\"\n", classic + "a@1:\n  version\n", `yarn.lock:4: found "version", want NAME VALUE`},
		{"an entry without a resolution", "yarn.lock", berry + "a@npm:1:\n  version: 1.0.0\n  resolution: a@npm:1.0.0\n", berry + "a@npm:1:\n  version: 1.0.0\n", `yarn.lock:4: "a@npm:1" has no resolution, or no version`},
		{"an entry that is no table", "yarn.lock", berry, berry + "a@npm:1: x\n", `yarn.lock:4: "a@npm:1" is text, want a table`},

		{"a version to come", "pnpm-lock.yaml", pnpm(""), "lockfileVersion: '10.0'\n", `pnpm-lock.yaml:1: lockfileVersion is "10.0", want 5, 6 or 9`},
		{"no version", "pnpm-lock.yaml", pnpm(""), "packages: {}\n", `pnpm-lock.yaml:1: lockfileVersion is missing`},
		{"no resolution", "pnpm-lock.yaml", pnpm("  /a@1:\n    resolution: {integrity: sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=}"), pnpm("  /a@1:\n    dev: true"), `pnpm-lock.yaml:3: "/a@1" has no resolution`},
		{"a dependency that is not there", "pnpm-lock.yaml", pnpm("  /a@1:\n    resolution: {}\n    dependencies:\n      a: 1"), pnpm("  /a@1:\n    resolution: {}\n    dependencies:\n      b: 1"), `pnpm-lock.yaml:6: dependency "b": "1" is not locked`},
		{"an instance of nothing", "pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages:\n  a@1:\n    resolution: {}\nsnapshots:\n  a@1(b@2): {}\n", "lockfileVersion: '9.0'\npackages:\n  a@1:\n    resolution: {}\nsnapshots:\n  b@1: {}\n", `pnpm-lock.yaml:6: "b@1" is not among the packages`},
		{"a package of no name", "pnpm-lock.yaml", pnpm("  /a@1:\n    resolution: {}"), pnpm("  /:\n    resolution: {}"), `pnpm-lock.yaml:3: "/" names no package`},

		{"no version", "poetry.lock", poetry(""), "[[package]]\nname = \"a\"\nversion = \"1\"\n", `poetry.lock:1: lock-version is "", want 1 or 2`},
		{"a version to come", "poetry.lock", poetry(""), "\n[metadata]\nlock-version = \"3.0\"\n", `poetry.lock:2: lock-version is "3.0", want 1 or 2`},
		{"a package without a version", "poetry.lock", poetry(""), strings.Replace(poetry(""), "version = \"1\"\n", "", 1), `poetry.lock:1: a package without name and version`},
		{"a hash in md5", "poetry.lock", poetry("files = [{hash = \"sha256:" + sum + "\"}]"), poetry("files = [\n{hash = \"md5:d41d8cd98f00b204e9800998ecf8427e\"}]"), `poetry.lock:5: digest algorithm is "md5", want sha256, sha384 or sha512`},
		{"a source that nobody knows", "poetry.lock", poetry("[package.source]\ntype = \"legacy\""), poetry("[package.source]\ntype = \"ftp\""), `poetry.lock:4: package "a": the source is of the type "ftp", want git, url, legacy, directory or file`},
		{"a version to come", "uv.lock", "version = 1\n", "version = 2\n", `uv.lock:1: version is not 1`},
		{"no source", "uv.lock", uv(`{ registry = "https://h/" }`, ""), uv("{}", ""), `uv.lock:2: package "a" has no source`},
		{"a source that nobody knows", "uv.lock", uv(`{ registry = "https://h/" }`, ""), uv(`{ ftp = "https://h/" }`, ""), `uv.lock:5: package "a": the source is "ftp", want registry, git, url, virtual, editable, directory or path`},
		{"a dependency that is no table", "uv.lock", uv(`{ registry = "https://h/" }`, "dependencies = [{name = \"a\"}]"), uv(`{ registry = "https://h/" }`, "dependencies = [\"a\"]"), `uv.lock:6: an item of "dependencies" is text, want a table`},
		{"not locked", "Pipfile.lock", `{"_meta": {}, "default": {"a": {"version": "==1"}}}`, `{"_meta": {}, "default": {"a": {"version": "*"}}}`, `Pipfile.lock:1: package "a" is not locked: found "*", want ==VERSION`},
		{"no _meta", "Pipfile.lock", `{"_meta": {}}`, `{}`, `Pipfile.lock:1: _meta is missing`},

		{"a hash of another scheme", ".terraform.lock.hcl", provider(`  hashes = ["zh:` + sum + `"]`), provider(`  hashes = ["h2:` + sum + `"]`), `.terraform.lock.hcl:3: the hash "h2:` + sum + `" is of the scheme "h2", want h1 or zh`},
		{"an attribute that nobody knows", ".terraform.lock.hcl", provider(`  constraints = "1"`), provider(`  signature = "1"`), `.terraform.lock.hcl:3: "signature" is not known, want version, constraints or hashes`},
		{"an attribute twice", ".terraform.lock.hcl", provider(""), provider(`  version = "2"`), `.terraform.lock.hcl:3: found "version = \"2\"", want NAME = VALUE, and each name once`},
		{"a template", ".terraform.lock.hcl", provider(""), "provider \"h/n/t\" {\n  version = \"${v}\"\n}\n", `.terraform.lock.hcl:2: version is "\"${v}\"", want text in quotes`},
		{"a block without an end", ".terraform.lock.hcl", provider(""), "provider \"h/n/t\" {\n  version = \"1\"\n", `.terraform.lock.hcl:1: provider "h/n/t" has no end`},
		{"a provider twice", ".terraform.lock.hcl", provider(`  hashes = ["h1:a"]`) + provider(`  hashes = ["h1:a"]`), provider(`  hashes = ["h1:a"]`) + provider(`  hashes = ["h1:b"]`), `.terraform.lock.hcl:5: package "h/n/t" has another sum here than on line 1`},
		{"no version", ".terraform.lock.hcl", provider(""), "provider \"h/n/t\" {\n}\n", `.terraform.lock.hcl:1: provider "h/n/t" has no version`},
		{"a provider of nothing", ".terraform.lock.hcl", provider(""), strings.Replace(provider(""), "h/n/t", "h/n/", 1), `.terraform.lock.hcl:1: "h/n/" is no name of a package`},
		{"another block", ".terraform.lock.hcl", provider(""), "resource \"h/n/t\" {\n}\n", `.terraform.lock.hcl:1: found "resource \"h/n/t\" {", want provider "HOST/NAMESPACE/TYPE" {`},
		{"no configurations", "gradle.lockfile", "g:a:1=c", "# x\ng:a:1=", `gradle.lockfile:2: found "g:a:1=", want GROUP:ARTIFACT:VERSION=CONFIGURATIONS`},
		{"no version", "gradle.lockfile", "g:a:1=c", "g:a=c", `gradle.lockfile:1: found "g:a=c", want GROUP:ARTIFACT:VERSION=CONFIGURATIONS`},

		{"nothing is locked", "MODULE.bazel.lock", bazel(`"registryFileHashes": {}`), bazel(`"moduleExtensions": {}`), `MODULE.bazel.lock:1: there is neither registryFileHashes nor moduleDepGraph`},
		{"no version", "MODULE.bazel.lock", bazel(`"registryFileHashes": {}`), `{}`, `MODULE.bazel.lock:1: lockFileVersion is missing`},
		{"a file of no module", "MODULE.bazel.lock", bazel(`"registryFileHashes": {"https://h/modules/a/1/source.json": "` + sum + `"}`), bazel(`"registryFileHashes": {"https://h/a/1/source.json": "` + sum + `"}`), `MODULE.bazel.lock:1: found "https://h/a/1/source.json", want …/modules/NAME/VERSION/source.json`},
		{"half a hash", "MODULE.bazel.lock", bazel(`"registryFileHashes": {"https://h/modules/a/1/source.json": "` + sum + `"}`), bazel(`"registryFileHashes": {"https://h/modules/a/1/source.json": "00"}`), `MODULE.bazel.lock:1: sha256 is "00", want lower-case hexadecimal digits of its length`},

		{"a source that locks nothing", "flake.lock", flake(`{"locked": {"type": "path", "path": "./a"}}`), flake(`{"locked": {"type": "indirect", "id": "a"}}`), `flake.lock:2: "a" is of the type "indirect", which locks nothing`},
		{"not locked", "flake.lock", flake(`{"locked": {"type": "path"}}`), flake(`{}`), `flake.lock:2: "a" is not locked`},
		{"no revision", "flake.lock", flake(`{"locked": {"type": "github", "owner": "o", "repo": "r", "rev": "0"}}`), flake(`{"locked": {"type": "github", "owner": "o", "repo": "r"}}`), `flake.lock:2: "a" has no owner, repo or rev`},
		{"an input of nothing", "flake.lock", flake(`{"locked": {"type": "path"}, "inputs": {"x": "a"}}`), flake(`{"locked": {"type": "path"}, "inputs": {"x": "b"}}`), `flake.lock:2: the input "x" is "b", which is no node`},
		{"a way to nothing", "flake.lock", flake(`{"locked": {"type": "path"}, "inputs": {"x": []}}`), flake(`{"locked": {"type": "path"}, "inputs": {"x": ["b"]}}`), `flake.lock:2: there is no input "b" in "root"`},
		{"no root", "flake.lock", flake(`{"locked": {"type": "path"}}`), `{"nodes": {}, "root": "root", "version": 7}`, `flake.lock:1: the root "root" is not among the nodes`},

		{"a version to come", "lockfile.json", maven(""), strings.Replace(maven(""), "1", "2", 1), `lockfile.json:1: lockFileVersion is 2, want 1`},
		{"a version of text", "lockfile.json", maven(""), strings.Replace(maven(""), "1", `"1"`, 1), `lockfile.json:1: "lockFileVersion" is text, want a number`},
		{"no group", "lockfile.json", maven(""), maven("},\n{\"artifactId\": \"a\", \"version\": \"1\""), `lockfile.json:3: a dependency without groupId, artifactId or version`},
		{"half a sum of Maven's", "lockfile.json", maven(""), maven(`, "checksumAlgorithm": "SHA-256", "checksum": "00"`), `lockfile.json:2: sha256 is "00", want lower-case hexadecimal digits of its length`},
		{"a sum of nothing", "lockfile.json", maven(""), maven(`, "checksum": "00"`), `lockfile.json:2: digest algorithm is "", want sha256, sha384 or sha512`},
		{"two sums of one file", "lockfile.json", maven(""), maven(`, "checksumAlgorithm": "SHA-1", "checksum": "` + strings.Repeat("0", 40) + "\"},\n{\"groupId\": \"g\", \"artifactId\": \"a\", \"version\": \"1\", \"checksumAlgorithm\": \"SHA-1\", \"checksum\": \"" + strings.Repeat("1", 40) + `"`), `lockfile.json:3: package "g:a" has another sum here than on line 2`},
		{"a child that is no table", "lockfile.json", maven(`, "children": []`), maven(`, "children": [1]`), `lockfile.json:2: an item of "children" is a number, want a table`},
		{"no address", "lockfile.json", maven(""), maven(`, "resolved": "https://[h/"`), `lockfile.json:2: package "g:a": resolved is not a URL`},
		{"a package twice", "composer.lock", composer(""), composer("}, {\"name\": \"V/A\", \"version\": \"2\""), `composer.lock:2: package "v/a" is already there`},
		{"half a sum", "composer.lock", composer(`, "dist": {"shasum": ""}`), composer(`, "dist": {"shasum": "00"}`), `composer.lock:2: sha1 is "00", want 40 hexadecimal digits, and one such sum`},
		{"no packages", "composer.lock", composer(""), `{}`, `composer.lock:1: packages is missing`},
		{"a gem twice", "Gemfile.lock", gems, gems + "    a (1.0)\n", `Gemfile.lock:5: "a (1.0)" is already there`},
		{"a gem without a version", "Gemfile.lock", gems, gems + "    b\n", `Gemfile.lock:5: found "b", want NAME (VERSION)`},
		{"a section that nobody knows", "Gemfile.lock", gems, gems + "EVIL\n", `Gemfile.lock:5: the section "EVIL" is not known`},
		{"indented by five", "Gemfile.lock", gems, gems + "     b (1)\n", `Gemfile.lock:5: it is indented by 5, want 2, 4 or 6`},
		{"no heading", "Gemfile.lock", gems, "  x\n", `Gemfile.lock:1: found "x", want a heading`},
		{"half a checksum", "Gemfile.lock", gems + "CHECKSUMS\n  a (1.0) sha256=" + sum + "\n", gems + "CHECKSUMS\n  a (1.0) sha256=00\n", `Gemfile.lock:6: sha256 is "00", want lower-case hexadecimal digits of its length`},
	} {
		t.Run(c.file+" "+c.why, func(t *testing.T) {
			if _, err := lockfile.Parse(c.file, strings.NewReader(c.good)); err != nil {
				t.Errorf("the neighbour: %v", err)
			}
			_, err := lockfile.Parse(c.file, strings.NewReader(c.bad))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

// YAML in its small, by way of pnpm-lock.yaml.
func TestYAML(t *testing.T) {
	for _, c := range []struct{ good, bad, want string }{
		{"a: b", "a: b\na: c", `"a" is already there`},
		{"a: {b: c, d: e}", "a: {b: c, b: d}", `"b" is already there`},
		{"a:\n  b: c\n  d: e", "a:\n  b: c\n    d: e", `it is indented by 4, want 2`},
		{"a:\n  b: c\nd: e", "a:\n    b: c\n  d: e", `it is indented by 2, want 0`},
		{"a:\n- b\n- c\nd: e", "a: b\n- c", `found an item of a list in a mapping`},
		{"a:\n  - b: c\n    d: e\n  - f", "a:\n  - b: c\n   d: e", `it is indented by 3, want 2`},
		{"a: 'it''s'", "a: 'its", `a quoted text without an end, or with an escape that is not read`},
		{`a: "b\n"`, `a: "b\x41"`, `a quoted text without an end, or with an escape that is not read`},
		{"a: b # c", "a: 'b'# c", `found "# c" behind a value`},
		{"a: 'b' # c", "a: 'b' c", `found "c" behind a value`},
		{"a: [b, c]", "a: [b c", `found "", want ',' or ']'`},
		{"a: {b: c}", "a: {b c}", `found "}", want ': ' behind a name`},
		{"a: b", "a: &anchor b", `found "&anchor b", which is not read`},
		{"a: b", "a: *anchor", `found "*anchor", which is not read`},
		{"a: b", "a: !!str b", `found "!!str b", which is not read`},
		{"a: b:c", "a: b: c", `found "b: c", want one value`},
		{"a: |-\n  b\n\n   c\nd: e", "a: |2\n  b", `found "|2", want | or >, and - or + behind it`},
		{"a: b", "a:b", `found "a:b", want NAME: VALUE`},
		{"a: b", "<<: *x", `found "*x", which is not read`},
		{"a: b", "\ta: b", "found \"\\ta: b\", want NAME: VALUE"},
		{"a: b", "%YAML 1.2", `found "%YAML 1.2", want NAME: VALUE`},
		{"a: b", "a: b\n---\nc: d", `found "---", want NAME: VALUE`},
		{"? a\n: b", "? a\nb: c", `found "? a", want NAME: VALUE`},
		{"a: \xc3\xa9", "a: \xc3", "text that is not UTF-8"},
	} {
		const head = "lockfileVersion: '6.0'\n"
		if _, err := lockfile.Parse("pnpm-lock.yaml", strings.NewReader("---\n"+head+c.good)); err != nil {
			t.Errorf("%q: %v", c.good, err)
		}
		_, err := lockfile.Parse("pnpm-lock.yaml", strings.NewReader(head+c.bad))
		var at *lockfile.Error
		if !errors.As(err, &at) || at.Msg != c.want || at.Line < 2 {
			t.Errorf("%q: got %v, want %s", c.bad, err, c.want)
		}
	}
}

// References that refer to references are what makes a small YAML file large; there
// are none. Nesting and counts are bounded as in JSON.
func TestYAMLLimits(t *testing.T) {
	var deep strings.Builder
	for i := range 2000 {
		deep.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, content := range map[string]string{
		"blocks":     deep.String(),
		"flow lists": "a: " + strings.Repeat("[", 10_000),
		"flow maps":  "a: " + strings.Repeat("{a: ", 10_000),
		"a line":     "a: " + strings.Repeat("x", lockfile.MaxText),
		"lines":      strings.Repeat("\n", lockfile.MaxNodes+1),
		"values":     strings.Repeat("a: ["+strings.Repeat("1,", 30_000)+"1]\n", 1+lockfile.MaxNodes/30_000),
	} {
		_, err := lockfile.Parse("pnpm-lock.yaml", strings.NewReader(content))
		if err == nil || !errors.Is(err, lockfile.ErrLimit) && name != "values" {
			t.Errorf("%s: got %v, want a limit", name, err)
		}
	}
}
