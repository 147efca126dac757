package atomicfile_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
)

// The test binary runs itself as the process that is killed.
const childEnv = "TOUCHMARK_TEST_ATOMICFILE"

func TestMain(m *testing.M) {
	if mode, path, ok := strings.Cut(os.Getenv(childEnv), "="); ok {
		child(mode, path)
		return
	}
	os.Exit(m.Run())
}

// content is recognisable as whole: one letter, size times.
func content(letter byte) []byte { return bytes.Repeat([]byte{letter}, 1<<20) }

func child(mode, path string) {
	switch mode {
	case "half": // writes half, says so, and waits to be killed
		f, err := atomicfile.Create(path, 0o600)
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := f.Write(content('b')[:1<<19]); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("half")
		io.Copy(io.Discard, os.Stdin)
	case "loop": // writes one content after the other, and tells of each
		for i := 0; ; i++ {
			if err := atomicfile.Write(path, content(byte('b'+i%20)), 0o600); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("wrote")
		}
	}
}

// start runs the child until it has said n lines, then kills it.
func killAfter(t *testing.T, mode, path, line string, n int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+mode+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for range n {
		if !scanner.Scan() || scanner.Text() != line {
			t.Errorf("child says %q, want %q", scanner.Text(), line)
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err == nil {
		t.Error("child ended by itself, want it killed")
	}
}

// TestKillHalfWay: a process killed with half of the file written leaves the
// old content.
func TestKillHalfWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := atomicfile.Write(path, content('a'), 0o600); err != nil {
		t.Fatal(err)
	}
	killAfter(t, "half", path, "half", 1)
	if got := read(t, path); !bytes.Equal(got, content('a')) {
		t.Errorf("%d bytes of %q after the kill, want all of the old", len(got), got[:min(1, len(got))])
	}
}

// TestKillAnywhere kills at whatever point the child has reached: some content
// is there, and it is whole.
func TestKillAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for n := range 8 {
		killAfter(t, "loop", path, "wrote", 1+n)
		got := read(t, path)
		if len(got) == 0 || !bytes.Equal(got, content(got[0])) {
			t.Fatalf("kill %d: %d bytes are not one whole content", n, len(got))
		}
	}
}

// TestReadersSeeWholeFiles reads while another goroutine replaces.
func TestReadersSeeWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := atomicfile.Write(path, content('a'), 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 20 {
			// Windows refuses to replace a file that is open: then the old one stays.
			if err := atomicfile.Write(path, content(byte('b'+i)), 0o600); err != nil && runtime.GOOS != "windows" {
				t.Error(err)
			}
		}
	})
	for range 50 {
		if got := read(t, path); !bytes.Equal(got, content(got[0])) {
			t.Errorf("%d bytes are not one whole content", len(got))
		}
	}
	wg.Wait()
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	f, err := atomicfile.Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	f.Abort()
	if _, err := f.Write(nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Write after Abort: %v, want %v", err, fs.ErrClosed)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Commit after Abort: %v, want %v", err, fs.ErrClosed)
	}
	var none *atomicfile.File
	none.Abort()
	if names := list(t, dir); len(names) != 0 {
		t.Errorf("files left behind: %q", names)
	}
}

func TestCommitOnce(t *testing.T) {
	dir := t.TempDir()
	f, err := atomicfile.Create(filepath.Join(dir, "file"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Commit: %v, want %v", err, fs.ErrClosed)
	}
	f.Abort()
	if got, want := fmt.Sprint(list(t, dir)), "[file]"; got != want {
		t.Errorf("folder holds %s, want %s", got, want)
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "key")
	for _, perm := range []fs.FileMode{0o600, 0o400, 0o600} { // the last replaces a read-only file
		if err := atomicfile.Write(path, []byte("secret"), perm); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != perm {
			t.Errorf("mode %s, want %s", got, perm)
		}
	}
}

// TestRefusals: what is no regular file is not replaced, and nothing is left.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(list(t, dir))
	for _, path := range []string{link, folder} {
		if err := atomicfile.Write(path, []byte("new"), 0o600); !errors.Is(err, atomicfile.ErrNotRegular) {
			t.Errorf("%s: %v, want %v", filepath.Base(path), err, atomicfile.ErrNotRegular)
		}
	}
	if err := atomicfile.Write(filepath.Join(dir, "missing", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v, want %v", err, fs.ErrNotExist)
	}
	if got := string(read(t, target)); got != "old" {
		t.Errorf("the link's target holds %q, want %q", got, "old")
	}
	if got := fmt.Sprint(list(t, dir)); got != before {
		t.Errorf("folder holds %s, want %s", got, before)
	}
}

// A link that appears between Create and Commit is not followed or replaced.
func TestLinkAppears(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	f, err := atomicfile.Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), path); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := f.Commit(); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("Commit: %v, want %v", err, atomicfile.ErrNotRegular)
	}
	if got, want := fmt.Sprint(list(t, dir)), "[file]"; got != want {
		t.Errorf("folder holds %s, want %s", got, want)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.intoto.jsonl")
	fmt.Println(atomicfile.Write(path, []byte("{}\n"), 0o644))
	data, err := os.ReadFile(path)
	fmt.Printf("%q %v\n", data, err)
	// Output:
	// <nil>
	// "{}\n" <nil>
}
