package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/store", deptest.Budget{Modules: 2, Own: []string{"sign", "provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}

// noKey is a signer for evidence whose signature nobody looks at.
type noKey struct{ id string }

func (k noKey) Sign(context.Context, []byte) ([]byte, error) {
	return []byte("signature of " + k.id), nil
}
func (k noKey) KeyID() (string, error) { return k.id, nil }

// evidence makes a bundle about artifacts with these contents, by who.
func evidence(t testing.TB, who string, artifacts ...string) *sign.Bundle {
	t.Helper()
	b, err := attest(who, artifacts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func attest(who string, artifacts ...string) (*sign.Bundle, error) {
	var subjects []provenance.ResourceDescriptor
	for i, a := range artifacts {
		subjects = append(subjects, provenance.ResourceDescriptor{Name: fmt.Sprint(i), Digest: provenance.Set(provenance.SumSHA256([]byte(a)))})
	}
	s, err := provenance.New("https://example.com/note/v1", map[string]string{"by": who}, subjects...)
	if err != nil {
		return nil, err
	}
	return sign.Statement(context.Background(), s, noKey{who})
}

func create(t testing.TB, dir string) *store.Folder {
	t.Helper()
	f, err := store.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// lines are the bundles about an artifact, as they would be written.
func lines(t testing.TB, s store.Store, artifact string) []string {
	t.Helper()
	bundles, err := s.Bundles(t.Context(), provenance.SumSHA256([]byte(artifact)))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range bundles {
		if b.Err != nil {
			all = append(all, b.Err.Error())
			continue
		}
		all = append(all, line(t, b))
	}
	return all
}

func line(t testing.TB, b *sign.Bundle) string {
	t.Helper()
	data, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sorted are the lines of bundles in the order of their digests.
func sorted(t testing.TB, bundles ...*sign.Bundle) []string {
	var all []string
	for _, b := range bundles {
		all = append(all, line(t, b))
	}
	slices.SortFunc(all, func(a, b string) int {
		return strings.Compare(provenance.SumSHA256([]byte(a)).Hex(), provenance.SumSHA256([]byte(b)).Hex())
	})
	return all
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "evidence")
	f := create(t, dir)
	a, b := evidence(t, "alice", "app"), evidence(t, "bob", "app", "lib")
	if err := store.Add(t.Context(), f, a, b, a); err != nil {
		t.Fatal(err)
	}
	if err := store.Add(t.Context(), f, b); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if got, want := lines(t, f, "app"), sorted(t, a, b); !slices.Equal(got, want) {
		t.Errorf("about app: %q, want %q", got, want)
	}
	if got, want := lines(t, f, "lib"), sorted(t, b); !slices.Equal(got, want) {
		t.Errorf("about lib: %q, want %q", got, want)
	}
	if got := lines(t, f, "other"); got != nil {
		t.Errorf("about another: %q", got)
	}
	again, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, want := lines(t, again, "app"), sorted(t, a, b); !slices.Equal(got, want) {
		t.Errorf("opened again: %q, want %q", got, want)
	}
	var subjects []provenance.Digest
	for d, err := range again.Subjects(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		subjects = append(subjects, d)
	}
	want := []provenance.Digest{provenance.SumSHA256([]byte("app")), provenance.SumSHA256([]byte("lib"))}
	slices.SortFunc(want, func(a, b provenance.Digest) int { return strings.Compare(a.Hex(), b.Hex()) })
	if !slices.Equal(subjects, want) {
		t.Errorf("subjects are %v, want %v", subjects, want)
	}
	for range again.Subjects(t.Context()) {
		break
	}
	if problems, err := again.Fsck(t.Context(), false); err != nil || problems != nil {
		t.Errorf("a sound store: %v, %v", problems, err)
	}
}

func TestAddRefuses(t *testing.T) {
	f := create(t, t.TempDir())
	policy, err := sign.Payload(t.Context(), "application/vnd.example", []byte("{}"), noKey{"alice"})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*sign.Bundle{
		"nothing":     nil,
		"unreadable":  {Err: errors.New("is broken")},
		"no subjects": policy,
		"zero":        {},
	} {
		if err := store.Add(t.Context(), f, evidence(t, "alice", "app"), b); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := lines(t, f, "app"); got != nil {
			t.Errorf("%s: half of it was added", name)
		}
	}
	if err := f.Push(t.Context(), provenance.SumSHA256([]byte("app")), policy); err != nil {
		t.Errorf("a policy about a digest: %v", err)
	}
	if err := f.Push(t.Context(), provenance.Digest{}, policy); err == nil {
		t.Error("about nothing: no error")
	}
	if _, err := f.Bundles(t.Context(), provenance.Digest{}); err == nil {
		t.Error("a look-up of nothing: no error")
	}
}

func TestBlobs(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir)
	for _, content := range []string{"", "frozen configuration", strings.Repeat("x", 1<<20)} {
		want := provenance.SumSHA256([]byte(content))
		if _, err := f.Blob(t.Context(), want); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before: %v, want ErrNotFound", err)
		}
		for range 2 {
			got, err := f.PutBlob(t.Context(), strings.NewReader(content))
			if err != nil || got != want {
				t.Errorf("put: %v, %v, want %v", got, err, want)
			}
		}
		r, err := f.Blob(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || string(data) != content {
			t.Errorf("%d bytes, %v", len(data), err)
		}
		r.Close()
	}
	if _, err := f.Blob(t.Context(), provenance.Digest{}); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("no digest: %v", err)
	}
	// A reader that breaks leaves nothing.
	broken := errors.New("the line went dead")
	if _, err := f.PutBlob(t.Context(), io.MultiReader(strings.NewReader("half"), errReader{broken})); !errors.Is(err, broken) {
		t.Errorf("error is %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.PutBlob(ctx, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if problems, err := f.Fsck(t.Context(), false); err != nil || problems != nil {
		t.Errorf("a sound store: %v, %v", problems, err)
	}
}

type errReader struct{ error }

func (r errReader) Read([]byte) (int, error) { return 0, r.error }

// find is the only file below dir/kind.
func find(t *testing.T, dir, kind string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, kind, "sha256", "*", "*"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%v, %v: want one", paths, err)
	}
	return paths[0]
}

func overwrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.Remove(path), os.WriteFile(path, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// What was changed on the disk is never taken for what it was.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir)
	good := evidence(t, "alice", "app")
	if err := store.Add(t.Context(), f, good); err != nil {
		t.Fatal(err)
	}
	blob, err := f.PutBlob(t.Context(), strings.NewReader("frozen configuration"))
	if err != nil {
		t.Fatal(err)
	}
	path := find(t, dir, "bundles")
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range was {
		changed := bytes.Clone(was)
		changed[i] ^= 1
		overwrite(t, path, changed)
		bundles, err := f.Bundles(t.Context(), provenance.SumSHA256([]byte("app")))
		var bad *store.DigestError
		if err != nil || len(bundles) != 1 || !errors.As(bundles[0].Err, &bad) {
			t.Fatalf("byte %d changed: %v, %v", i, bundles, err)
		}
	}
	overwrite(t, find(t, dir, "blobs"), []byte("frozen configuratioM"))
	r, err := f.Blob(t.Context(), blob)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var bad *store.DigestError
	if _, err := io.ReadAll(r); !errors.As(err, &bad) {
		t.Errorf("a changed blob: %v", err)
	}
	if _, err := r.Read(make([]byte, 1)); !errors.As(err, &bad) {
		t.Errorf("and read on: %v", err)
	}
	problems, err := f.Fsck(t.Context(), true)
	if err != nil || len(problems) != 2 {
		t.Fatalf("%v, %v, want two problems", problems, err)
	}
	// Pushed again, all is well; the wrong content is kept apart.
	if err := store.Add(t.Context(), f, good); err != nil {
		t.Fatal(err)
	}
	if _, err := f.PutBlob(t.Context(), strings.NewReader("frozen configuration")); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, f, "app"), sorted(t, good); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if problems, err := f.Fsck(t.Context(), false); err != nil || problems != nil {
		t.Errorf("mended: %v, %v", problems, err)
	}
	if kept, err := filepath.Glob(filepath.Join(dir, "corrupt", "*")); len(kept) != 2 {
		t.Errorf("kept apart: %v, %v", kept, err)
	}
}

// A push over content that somebody changed puts the right one there.
func TestPushMends(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir)
	good := evidence(t, "alice", "app")
	if err := store.Add(t.Context(), f, good); err != nil {
		t.Fatal(err)
	}
	overwrite(t, find(t, dir, "bundles"), []byte("{}"))
	if err := store.Add(t.Context(), f, good); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, f, "app"), sorted(t, good); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFsck(t *testing.T) {
	app := provenance.SumSHA256([]byte("app"))
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string // of a run that only looks
		done  string // of one that repairs
		found bool   // whether the bundle is found afterwards
	}{
		{"draft", func(t *testing.T, dir string) { overwriteNew(t, filepath.Join(dir, "new", "X"), "half") },
			`"new/X": was begun and not finished`, "removed", true},
		{"no entry", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "subjects")); err != nil {
				t.Fatal(err)
			}
		}, `no entry names it`, "entered under what its statement says", true},
		{"no bundle", func(t *testing.T, dir string) {
			if err := os.Remove(find(t, dir, "bundles")); err != nil {
				t.Fatal(err)
			}
		}, `names a bundle that is not there: push it again, or restore it from another store`, "", false},
		{"stranger", func(t *testing.T, dir string) { overwriteNew(t, filepath.Join(dir, "README"), "hello") },
			`"README": is no part of a store`, "", true},
		{"strange subject", func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, "subjects", "sha256", "ab", "cd"), 0o777); err != nil {
				t.Fatal(err)
			}
		}, `"subjects/sha256/ab/cd": is no folder of a subject`, "", true},
		{"strange entry", func(t *testing.T, dir string) {
			overwriteNew(t, filepath.Join(dir, "subjects", "sha256", app.Hex()[:2], app.Hex(), "ab"), "")
		}, `is no entry, want the SHA-256 of a bundle`, "", true},
		{"wrong shard", func(t *testing.T, dir string) {
			overwriteNew(t, filepath.Join(dir, "blobs", "sha256", "zz", provenance.SumSHA256(nil).Hex()), "")
		}, `is no content, want sha256/HH/HEX`, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			f := create(t, dir)
			good := evidence(t, "alice", "app")
			if err := store.Add(t.Context(), f, good); err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, dir)
			problems, err := f.Fsck(t.Context(), false)
			if err != nil || len(problems) != 1 || !strings.Contains(problems[0].String(), tt.want) || problems[0].Done != "" {
				t.Fatalf("%v, %v, want %q", problems, err, tt.want)
			}
			problems, err = f.Fsck(t.Context(), true)
			if err != nil || len(problems) != 1 || problems[0].Done != tt.done {
				t.Errorf("%v, %v, want %q done", problems, err, tt.done)
			}
			if problems, err = f.Fsck(t.Context(), false); err != nil || (len(problems) == 0) != (tt.done != "") {
				t.Errorf("after the repair: %v, %v", problems, err)
			}
			if got, want := lines(t, f, "app"), sorted(t, good); tt.found && !containsAll(got, want) {
				t.Errorf("%q, want %q among them", got, want)
			}
		})
	}
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func overwriteNew(t *testing.T, path, data string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(data), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// A link in a store leads nowhere, and what is not a store is left alone.
func TestLinks(t *testing.T) {
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	overwriteNew(t, secret, "secret")
	f := create(t, dir)
	blob := provenance.SumSHA256([]byte("secret"))
	place := filepath.Join(dir, "blobs", "sha256", blob.Hex()[:2], blob.Hex())
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, place); err != nil {
		t.Skip(err)
	}
	if _, err := f.Blob(t.Context(), blob); err == nil {
		t.Error("a blob was read through a link")
	}
	if _, err := f.PutBlob(t.Context(), strings.NewReader("secret")); err != nil {
		t.Errorf("putting it: %v", err)
	}
	if info, err := os.Lstat(place); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link is still there: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	other := t.TempDir()
	overwriteNew(t, filepath.Join(other, "main.go"), "package main")
	if _, err := store.Create(other); err == nil {
		t.Error("Create took a folder that holds something else")
	}
	if entries, err := os.ReadDir(other); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: it was written to", entries, err)
	}
	empty := t.TempDir()
	if _, err := store.Open(empty); err == nil {
		t.Error("Open took an empty folder")
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v: it was written to", entries, err)
	}
	newer := t.TempDir()
	overwriteNew(t, filepath.Join(newer, "store.json"), `{"schema":"https://github.com/touchmark-go/touchmark/store/v2"}`)
	for _, open := range []func(string) (*store.Folder, error){store.Open, store.Create} {
		if _, err := open(newer); err == nil || !strings.Contains(err.Error(), "another version") {
			t.Errorf("a store of another version: %v", err)
		}
	}
	if _, err := store.Create(filepath.Join(empty, "a", "b")); err == nil {
		t.Error("Create made a folder above")
	}
}

// More evidence than anybody reads is an entry that says so, behind what was read.
func TestTooMuch(t *testing.T) {
	dir := t.TempDir()
	f := create(t, dir)
	app := provenance.SumSHA256([]byte("app"))
	if err := f.Push(t.Context(), app, evidence(t, "alice", "app")); err != nil {
		t.Fatal(err)
	}
	for i := range store.MaxBundles {
		hex := provenance.SumSHA256(fmt.Append(nil, i)).Hex()
		overwriteNew(t, filepath.Join(dir, "subjects", "sha256", app.Hex()[:2], app.Hex(), hex), "")
	}
	bundles, err := f.Bundles(t.Context(), app)
	if err != nil || len(bundles) != store.MaxBundles+1 || !errors.Is(bundles[store.MaxBundles].Err, sign.ErrLimit) {
		t.Errorf("%d bundles, %v", len(bundles), err)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
