package store_test

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

func TestCopy(t *testing.T) {
	fromDir := t.TempDir()
	from, to := create(t, fromDir), create(t, t.TempDir())
	a, b := evidence(t, "alice", "app"), evidence(t, "bob", "lib")
	if err := store.Add(t.Context(), from, a, b); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"frozen configuration", "a log"} {
		if _, err := from.PutBlob(t.Context(), strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	var seen []store.Progress
	want := store.Progress{Subjects: 2, Bundles: 2, Blobs: 2}
	for range 2 { // the second time nothing is left to do
		done, err := store.CopyOptions{Progress: func(p store.Progress) { seen = append(seen, p) }}.Copy(t.Context(), to, from)
		if err != nil || done != want {
			t.Fatalf("%+v, %v, want %+v", done, err, want)
		}
	}
	if len(seen) != 8 || seen[3] != want {
		t.Errorf("progress was %v", seen)
	}
	for _, artifact := range []string{"app", "lib"} {
		if got, want := lines(t, to, artifact), lines(t, from, artifact); !slices.Equal(got, want) || len(got) != 1 {
			t.Errorf("about %s: %q, want %q", artifact, got, want)
		}
	}

	one := create(t, t.TempDir())
	done, err := store.CopyOptions{Subjects: []provenance.Digest{provenance.SumSHA256([]byte("lib"))},
		Blobs: []provenance.Digest{provenance.SumSHA256([]byte("a log"))}}.Copy(t.Context(), one, from)
	if err != nil || done != (store.Progress{Subjects: 1, Bundles: 1, Blobs: 1}) {
		t.Errorf("%+v, %v", done, err)
	}
	if got := lines(t, one, "app"); got != nil {
		t.Errorf("what was not asked for came too: %q", got)
	}
	_, err = store.CopyOptions{Blobs: []provenance.Digest{provenance.SumSHA256([]byte("nowhere"))}}.Copy(t.Context(), one, from)
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a blob that is not there: %v", err)
	}

	// What was changed on the way is named, and the rest arrives.
	overwrite(t, place(fromDir, "blobs", "a log"), []byte("a lie"))
	overwrite(t, place(fromDir, "bundles", line(t, a)), []byte(line(t, b)))
	last := create(t, t.TempDir())
	done, err = store.Copy(t.Context(), last, from)
	var bad *store.DigestError
	if !errors.As(err, &bad) || strings.Count(err.Error(), "want sha256:") != 2 || done != (store.Progress{Subjects: 2, Bundles: 1, Blobs: 1}) {
		t.Errorf("%+v, %v", done, err)
	}
	if got := lines(t, last, "app"); got != nil {
		t.Errorf("changed evidence arrived: %q", got)
	}
	if got, want := lines(t, last, "lib"), sorted(t, b); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if problems, err := last.Fsck(t.Context(), false); err != nil || problems != nil {
		t.Errorf("%v, %v", problems, err)
	}
}

func place(dir, kind, content string) string {
	hex := provenance.SumSHA256([]byte(content)).Hex()
	return filepath.Join(dir, kind, "sha256", hex[:2], hex)
}

// unlisted is a store that cannot say what it holds.
type unlisted struct{ store.Store }

// dying lists one subject, and then breaks.
type dying struct{ *store.Folder }

var errDying = errors.New("the disk is gone")

func (d dying) Subjects(ctx context.Context) iter.Seq2[provenance.Digest, error] {
	return func(yield func(provenance.Digest, error) bool) {
		for s := range d.Folder.Subjects(ctx) {
			if !yield(s, nil) {
				return
			}
			break
		}
		yield(provenance.Digest{}, errDying)
	}
}

func TestCopyRefuses(t *testing.T) {
	from, to := create(t, t.TempDir()), create(t, t.TempDir())
	if err := store.Add(t.Context(), from, evidence(t, "alice", "app")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Copy(t.Context(), to, unlisted{from}); err == nil {
		t.Error("all of what cannot be listed: no error")
	}
	if done, err := store.Copy(t.Context(), to, dying{from}); !errors.Is(err, errDying) || done.Subjects != 1 {
		t.Errorf("%+v, %v, want %v", done, err, errDying)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Copy(ctx, to, from); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestAppend(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.intoto.jsonl")
	a, b := evidence(t, "alice", "app"), evidence(t, "bob", "app")
	read := func() string {
		t.Helper()
		return readFile(t, path)
	}
	for _, step := range []struct {
		add  []*sign.Bundle
		want string
	}{
		{[]*sign.Bundle{a}, line(t, a) + "\n"},
		{[]*sign.Bundle{a}, line(t, a) + "\n"},
		{[]*sign.Bundle{b, a, b}, line(t, a) + "\n" + line(t, b) + "\n"},
	} {
		if err := store.Append(t.Context(), path, step.add...); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != step.want {
			t.Errorf("the file holds %q, want %q", got, step.want)
		}
	}
	// A file without its last newline, and one envelope over several lines.
	overwrite(t, path, []byte(line(t, a)))
	if err := store.Append(t.Context(), path, b); err != nil || read() != line(t, a)+"\n"+line(t, b)+"\n" {
		t.Errorf("%v, %q", err, read())
	}
	overwrite(t, path, []byte(strings.ReplaceAll(line(t, a), ",", ",\n ")))
	if err := store.Append(t.Context(), path, b); err != nil || read() != line(t, a)+"\n"+line(t, b)+"\n" {
		t.Errorf("%v, %q", err, read())
	}
	for _, other := range []string{"package main\n", line(t, a) + "\n{}\n"} {
		overwrite(t, path, []byte(other))
		if err := store.Append(t.Context(), path, b); err == nil || read() != other {
			t.Errorf("%q: %v, and it holds %q", other, err, read())
		}
	}
	overwrite(t, path, nil)
	var many []*sign.Bundle
	for range sign.MaxLines {
		many = append(many, evidence(t, "", "app", strings.Repeat("x", len(many))))
	}
	if err := store.Append(t.Context(), path, many...); err != nil {
		t.Fatal(err)
	}
	full := read()
	if err := store.Append(t.Context(), path, a); !errors.Is(err, sign.ErrLimit) || read() != full {
		t.Errorf("one more: %v", err)
	}
	if err := store.Append(t.Context(), path); err == nil {
		t.Error("nothing to add: no error")
	}
	if err := store.Append(t.Context(), filepath.Join(dir, "no", "folder"), a); err == nil {
		t.Error("a folder that is not there: no error")
	}
}
