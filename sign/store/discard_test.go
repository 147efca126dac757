package store_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/store"
)

// aged puts a blob and makes it look as if that had been a year ago.
func aged(t *testing.T, dir string, f *store.Folder, content string) provenance.Digest {
	t.Helper()
	d := put(t, f, content)
	then := time.Now().AddDate(-1, 0, 0)
	if err := os.Chtimes(filepath.Join(dir, "blobs", "sha256", d.Hex()[:2], d.Hex()), then, then); err != nil {
		t.Fatal(err)
	}
	return d
}

func put(t *testing.T, f *store.Folder, content string) provenance.Digest {
	t.Helper()
	d, err := f.PutBlob(t.Context(), bytes.NewReader([]byte(content)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func holds(t *testing.T, f *store.Folder, d provenance.Digest) bool {
	t.Helper()
	r, err := f.Blob(t.Context(), d)
	if errors.Is(err, store.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	return true
}

func TestDiscard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	f, err := store.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, anHourAgo := t.Context(), time.Now().Add(-time.Hour)

	old, kept := aged(t, dir, f, "level: info\n"), aged(t, dir, f, "level: warn\n")
	reading, err := f.Blob(ctx, old)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if err := f.Discard(ctx, old, anHourAgo); err != nil {
		t.Fatal(err)
	}
	if holds(t, f, old) || !holds(t, f, kept) {
		t.Error("want that blob gone, and no other")
	}
	if got, err := io.ReadAll(reading); err != nil || string(got) != "level: info\n" {
		t.Errorf("who was reading it got %q, %v", got, err)
	}
	if err := f.Discard(ctx, old, anHourAgo); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("once more: %v, want ErrNotFound", err)
	}
	if problems, err := f.Fsck(ctx, false); err != nil || len(problems) != 0 {
		t.Errorf("fsck: %v, %v", problems, err)
	}
	if put(t, f, "level: info\n") != old || !holds(t, f, old) {
		t.Error("it cannot be put back")
	}

	if err := f.Discard(ctx, old, anHourAgo); !errors.Is(err, store.ErrFresh) || !holds(t, f, old) {
		t.Errorf("a blob that was just put: %v, want ErrFresh", err)
	}
	put(t, f, "level: warn\n") // somebody publishes what has long been there
	if err := f.Discard(ctx, kept, anHourAgo); !errors.Is(err, store.ErrFresh) || !holds(t, f, kept) {
		t.Errorf("a blob that was put once more: %v, want ErrFresh", err)
	}
	folder, err := provenance.ParseDigest("dirHash:" + old.Hex())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(ctx, folder, time.Now().Add(time.Hour)); err == nil || !holds(t, f, old) {
		t.Errorf("a digest of another kind: %v, want an error", err)
	}
}

// Whatever the order in which one puts a blob and another discards it, what was
// acknowledged is there.
func TestDiscardRaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	writer, err := store.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	sweeper, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer sweeper.Close()
	gone := 0
	for range 150 {
		d := aged(t, dir, writer, "the same configuration again\n")
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := sweeper.Discard(t.Context(), d, time.Now().Add(-time.Hour)); err == nil {
				gone++
			} else if !errors.Is(err, store.ErrFresh) {
				t.Error(err)
			}
		})
		put(t, writer, "the same configuration again\n")
		wg.Wait()
		if !holds(t, writer, d) {
			t.Fatal("a blob is gone that was acknowledged")
		}
	}
	t.Logf("%d of 150 were discarded first", gone)
}

// A blob that was damaged is whole again when it is put once more.
func TestPutOverDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	f, err := store.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := put(t, f, "level: info\n")
	path := filepath.Join(dir, "blobs", "sha256", d.Hex()[:2], d.Hex())
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte("level: evil\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if put(t, f, "level: info\n") != d || !holds(t, f, d) {
		t.Error("it was acknowledged, and is not there")
	}
}
