package sumproof_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/sumproof"
	"github.com/touchmark-go/touchmark/internal/sumproof/prooftest"
)

// In trees of every size each record's proof holds, and holds for nothing else:
// no other record, sum, tree or number.
func TestCheck(t *testing.T) {
	db := prooftest.New("sums.example")
	key, err := note.NewVerifier(db.Key)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var before tlog.Tree
	for n := range 20 {
		name := "example.com/" + strings.Repeat("m", n+1)
		names = append(names, name)
		db.Add(name, "v1.0.0", prooftest.Sum(name))
		tree, err := sumproof.OpenHead(db.Head(n+1), note.VerifierList(key))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			p := db.Prove(name, "v1.0.0")
			sum := prooftest.Sum(name)
			if again, err := sumproof.Parse(p.String()); err != nil || again.Check(tree, name, "v1.0.0", sum) != nil {
				t.Errorf("record %d of %d: %v", i, n+1, err)
			}
			other := p
			other.Index = (p.Index + 1) % int64(n+2)
			mod := p
			mod.GoMod = prooftest.Sum("?")
			for what, err := range map[string]error{
				"another module": p.Check(tree, name+"x", "v1.0.0", sum), "another version": p.Check(tree, name, "v1.0.1", sum), "another sum": p.Check(tree, name, "v1.0.0", prooftest.Sum("?")),
				"no sum": p.Check(tree, name, "v1.0.0", ""), "a line more": p.Check(tree, name+"\n", "v1.0.0", sum), "the tree before": p.Check(before, name, "v1.0.0", sum),
				"another number": other.Check(tree, name, "v1.0.0", sum), "another go.mod file": mod.Check(tree, name, "v1.0.0", sum), "no tree": p.Check(tlog.Tree{}, name, "v1.0.0", sum),
			} {
				if err == nil {
					t.Errorf("record %d of %d: holds for %s", i, n+1, what)
				}
			}
		}
		before = tree
	}
}

// A head is what the key signed, alone.
func TestOpenHead(t *testing.T) {
	db := prooftest.New("sums.example")
	db.Add("example.com/m", "v1.0.0", prooftest.Sum("m"))
	head := db.Head(1)
	keys := func(key string) note.Verifiers {
		v, err := note.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		return note.VerifierList(v)
	}
	if _, err := sumproof.OpenHead(head, keys(db.Key)); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"another size": strings.Replace(head, "\n1\n", "\n2\n", 1), "text before": "x" + head, "text behind": head + "x", "nothing": "",
		"a line more": strings.Replace(head, "\n\n", "\nmore\n\n", 1), "no signature": head[:strings.Index(head, "—")],
	} {
		if _, err := sumproof.OpenHead(text, keys(db.Key)); err == nil {
			t.Errorf("%s: opens", name)
		}
	}
	if _, err := sumproof.OpenHead(head, keys(prooftest.New("sums.example").Key)); err == nil {
		t.Error("opens by another key of that name")
	}
}

func FuzzParse(f *testing.F) {
	db := prooftest.New("sums.example")
	for _, name := range []string{"a.b/a", "a.b/b", "a.b/c"} {
		db.Add(name, "v1.0.0", prooftest.Sum(name))
	}
	f.Add(db.Prove("a.b/b", "v1.0.0").String())
	f.Add("01 1 h1:")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := sumproof.Parse(text); err == nil && p.String() != text {
			t.Errorf("%q is written %q", text, p)
		}
	})
}
