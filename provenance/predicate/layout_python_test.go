package predicate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// pythonInToto returns a folder with the modules of Debian's in-toto, which it
// fetches once and installs nowhere.
func pythonInToto(t *testing.T) string {
	t.Helper()
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("set TOUCHMARK_INTEGRATION=1 to run in-toto's Python implementation, which is fetched")
	}
	if runtime.GOOS != "linux" {
		t.Skip("in-toto's Python implementation is taken from Debian")
	}
	for _, program := range []string{"apt-get", "dpkg", "/usr/bin/python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(cache, "touchmark-tests", "debian-in-toto")
	modules := filepath.Join(root, "usr/lib/python3/dist-packages")
	if _, err := os.Stat(filepath.Join(modules, "in_toto")); err == nil {
		return modules
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { // apt fetches as a user of its own
		t.Fatal(err)
	}
	fetch := exec.Command("sh", "-ec", `apt-get download -q in-toto python3-securesystemslib python3-attr python3-iso8601 python3-pathspec python3-dateutil python3-six ||
  { apt-get update -q; apt-get download -q in-toto python3-securesystemslib python3-attr python3-iso8601 python3-pathspec python3-dateutil python3-six; }
for d in *.deb; do dpkg -x "$d" root; done
mkdir -p "$(dirname "$1")"; cp -r root "$1.new"; mv "$1.new" "$1"`, "sh", root)
	fetch.Dir = dir
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return modules
}

// readLinks has in-toto's own model read links, and its verifier go through the
// rules of a layout over them.
const readLinks = `
import json, sys
from in_toto.models.layout import Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Metablock
from in_toto import verifylib, exceptions
story = json.load(sys.stdin)
links = {}
for text in story["links"]:
    link = Link.read(json.loads(text))
    link.validate()
    links[link.name] = Metablock(signed=link)
steps = [Step.read(step) for step in story["steps"]]
try:
    verifylib.verify_all_item_rules(steps, links)
    print("ok")
except exceptions.RuleVerificationError as e:
    print("refused")
`

// TestLayoutInPython has Python's in-toto read our links and hold them to the
// rules of a layout: accept those that fit, and refuse what was swapped.
func TestLayoutInPython(t *testing.T) {
	modules := pythonInToto(t)
	archive := provenance.ResourceDescriptor{Name: "dist/app.tar", Digest: provenance.DigestSet{"sha256": strings.Repeat("12", 32)}}
	swapped := provenance.ResourceDescriptor{Name: app.Name, Digest: provenance.DigestSet{"sha256": strings.Repeat("34", 32)}}
	for _, c := range []struct {
		took provenance.ResourceDescriptor
		want string
	}{{app, "ok"}, {swapped, "refused"}} {
		build, err := (&predicate.Link{Name: "build", Command: []string{"go", "build"}, Byproducts: map[string]json.RawMessage{"stdout": json.RawMessage(`"a\nb"`)}}).Metadata(app)
		if err != nil {
			t.Fatal(err)
		}
		pack, err := (&predicate.Link{Name: "pack", Materials: []provenance.ResourceDescriptor{c.took}}).Metadata(archive)
		if err != nil {
			t.Fatal(err)
		}
		step := func(name string, materials, products [][]string) map[string]any {
			return map[string]any{"_type": "step", "name": name, "expected_materials": materials, "expected_products": products, "pubkeys": []string{}, "expected_command": []string{}, "threshold": 1}
		}
		story, err := json.Marshal(map[string]any{"links": []string{string(build), string(pack)}, "steps": []any{
			step("build", [][]string{{"DISALLOW", "*"}}, [][]string{{"CREATE", "dist/app"}, {"DISALLOW", "*"}}),
			step("pack", [][]string{{"MATCH", "dist/app", "WITH", "PRODUCTS", "FROM", "build"}, {"DISALLOW", "*"}}, [][]string{{"CREATE", "dist/app.tar"}, {"DISALLOW", "*"}}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/usr/bin/python3", "-c", readLinks)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "PYTHONDONTWRITEBYTECODE=1")
		cmd.Stdin = bytes.NewReader(story)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != c.want {
			t.Errorf("in-toto says %s, want %s: %v", out, c.want, err)
		}
	}
}
