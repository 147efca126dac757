package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// What is listed must be so: an erasure that no record says, content that is
// listed as absent and is there, and content that is not listed at all.
func TestComplete(t *testing.T) {
	w := history.New(t)
	w.Running("1.0.0", provenance.Digest{})
	config := history.Sum("config")
	w.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: config, Reason: "a name in it"}.Statement(), "ann", "bob")
	root := w.Root.Digest().String()
	out, err := audit(t, exported(t, w, nil), root)
	if err != nil || !strings.Contains(out, "erased by record 6: "+config.String()+": \"a name in it\"") {
		t.Errorf("%v\n%s", err, out)
	}
	for what, change := range map[string]func(*capsule.Content){
		"an erasure for another reason": func(c *capsule.Content) { c.Erased[0].Reason = "another" },
		"an erasure by another record":  func(c *capsule.Content) { c.Erased[0].Record = 5 },
		"an erasure that is not listed": func(c *capsule.Content) { c.Erased = nil },
		"one thing is not listed":       func(c *capsule.Content) { c.Absent = c.Absent[1:] },
	} {
		if out, err := audit(t, exported(t, w, change), root); err == nil {
			t.Errorf("%s:\n%s", what, out)
		}
	}
}

// A configuration that is a folder is as complete as its list says: a file of it, or
// the list, is there, or listed as absent and said to be so, or erased.
func TestFolder(t *testing.T) {
	blobs, err := store.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	folder := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("level: "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := rollout.PutContent(t.Context(), blobs, folder)
	if err != nil {
		t.Fatal(err)
	}
	list, err := provenance.ParseDigest("sha256:" + config.Hex())
	if err != nil {
		t.Fatal(err)
	}
	none, err := blobs.PutBlob(t.Context(), strings.NewReader("no list"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := history.Sum("level: a.yaml"), history.Sum("level: b.yaml")
	world := func(config provenance.Digest, erase bool) *history.World {
		w := history.New(t)
		r := history.Build("1.0.0")
		r.Config = config
		w.Add(r.Statement(), "ci")
		if erase {
			w.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: config, Reason: "a name in it"}.Statement(), "ann", "bob")
		}
		return w
	}
	released, erased := world(config, false), world(config, true)
	unlisted, err := provenance.ParseDigest("dirHash:" + none.Hex())
	if err != nil {
		t.Fatal(err)
	}
	of := func(d ...provenance.Digest) []provenance.Digest { return d }
	for _, test := range []struct {
		what         string
		world        *history.World
		have, absent []provenance.Digest
		ok           bool
		want         string
	}{
		{"all of it", released, of(a, b, list), nil, true, "whole: 3 records"},
		{"a file is absent", released, of(a, list), of(b), true, "absent: " + b.String() + ", the file \"b.yaml\" of the configuration of app#1\n"},
		{"the list is absent", released, nil, of(list), true, "absent: " + list.String() + ", the configuration of app#1, a folder: which files it had is not known\n"},
		{"what nothing names is absent", released, of(a, b, list), of(none), true, "absent: " + none.String() + ", which nothing in the export names\n"},
		{"it was erased", erased, nil, nil, true, "erased by record 3: " + config.String()},
		{"a file was left out", released, of(a, list), nil, false, b.String() + ", the file \"b.yaml\" of the configuration of app#1, was left out"},
		{"the list was left out", released, of(a, b), nil, false, config.String() + ", the configuration of app#1, was left out"},
		{"all of it was left out", released, nil, nil, false, "was left out"},
		{"a file is there and absent", released, of(a, b, list), of(b), false, "is listed as absent, and is there"},
		{"the list is none", world(unlisted, false), of(none), nil, false, "is no list of a folder's files"},
		{"it was erased, and is there", erased, of(list, a, b), nil, false, "was erased, and is there"},
	} {
		out, err := audit(t, exported(t, test.world, func(c *capsule.Content) {
			c.Source, c.Blobs, c.Absent = blobs, test.have, test.absent
		}), test.world.Root.Digest().String())
		if err != nil {
			out = err.Error()
		}
		if (err == nil) != test.ok || !strings.Contains(out, test.want) {
			t.Errorf("%s: %s\nwant %q", test.what, out, test.want)
		}
	}
}

// Lists are read as the library reads them.
func TestList(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for _, list := range []string{"", sum + "  a\n", sum + "  a\n" + sum + "  b\n", sum + "  a", sum + " a\n", sum + "  b\n" + sum + "  a\n", sum + "  a\n" + sum + "  a\n",
		strings.ToUpper(sum) + "  a\n", sum[2:] + "  a\n", "x  a\n", sum + "  a\n\n", "\n"} {
		_, here := parseList([]byte(list))
		_, err := rollout.Item{Kind: rollout.ItemFolder, Digest: provenance.SumSHA256([]byte(list))}.Blobs(t.Context(), text(list))
		if here != (err == nil) {
			t.Errorf("%q: %t here, %v there", list, here, err)
		}
	}
}

// A text is a store of one blob.
type text string

func (s text) Blob(context.Context, provenance.Digest) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(s))), nil
}
