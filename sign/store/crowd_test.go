package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// The test binary runs itself as a process that writes until it is killed, or until it has written enough.
const childEnv = "TOUCHMARK_TEST_STORE"

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(childEnv); ok {
		if err := child(os.Stdout, strings.Split(args, "|")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child pushes, or appends, one bundle after the other and acknowledges each.
func child(out io.Writer, args []string) error {
	mode, path, who := args[0], args[1], args[2]
	ctx := context.Background()
	var push func(b *sign.Bundle) error
	switch mode {
	case "push":
		f, err := store.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		push = func(b *sign.Bundle) error { return store.Add(ctx, f, b) }
	case "append":
		push = func(b *sign.Bundle) error { return store.Append(ctx, path, b) }
	}
	for i := 0; ; i++ {
		name := fmt.Sprint(who, "-", i)
		b, err := attest(name, "app")
		if err != nil {
			return err
		}
		if err := push(b); err != nil {
			return err
		}
		fmt.Fprintln(out, name)
		if len(args) == 4 && fmt.Sprint(i+1) == args[3] {
			return nil
		}
	}
}

// start runs a child and returns it with its output.
func start(t *testing.T, args ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(args, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// said are the acknowledgements that went through, whole lines only.
func said(t *testing.T, out io.Reader) []string {
	t.Helper()
	data, err := io.ReadAll(bufio.NewReader(out))
	if err != nil {
		t.Error(err)
	}
	whole := strings.Split(string(data), "\n")
	return whole[:len(whole)-1]
}

// kills is how often the tests below kill a writer.
func kills() int {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "" {
		return 200
	}
	return 20
}

// Killed at any moment, every acknowledged write is there and every file parses.
func TestKilled(t *testing.T) {
	for _, mode := range []string{"push", "append"} {
		t.Run(mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "evidence")
			var acknowledged []string
			for round := range kills() {
				if mode == "append" && round%10 == 0 { // a file has a limit of lines
					path, acknowledged = fmt.Sprint(path, round), nil
				}
				cmd, out := start(t, mode, path, fmt.Sprint("writer", round))
				kill := time.AfterFunc(time.Duration(rand.IntN(40_000))*time.Microsecond, func() { cmd.Process.Kill() })
				acknowledged = append(acknowledged, said(t, out)...)
				cmd.Wait()
				kill.Stop()
				if got := authors(t, mode, path); !containsAll(got, acknowledged) {
					t.Fatalf("round %d: %d of %d acknowledged writes are there", round, len(got), len(acknowledged))
				}
				if len(acknowledged) > 800 {
					path, acknowledged = fmt.Sprint(path, "+"), nil
				}
			}
		})
	}
}

// authors are those who wrote about app.
func authors(t *testing.T, mode, path string) []string {
	t.Helper()
	var bundles []*sign.Bundle
	if mode == "push" {
		f := create(t, path)
		defer f.Close()
		var err error
		if bundles, err = f.Bundles(t.Context(), provenance.SumSHA256([]byte("app"))); err != nil {
			t.Fatal(err)
		}
		problems, err := f.Fsck(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.Done == "" {
				t.Errorf("a killed writer left %s", p)
			}
		}
	} else {
		file, err := os.Open(path)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if bundles, err = sign.Read(file); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, b := range bundles {
		if b.Err != nil {
			t.Errorf("%s: %v", b.Origin, b.Err)
			continue
		}
		names = append(names, b.Signatures[0].KeyID)
	}
	return names
}

// Many writers, in this process and in others, lose nothing.
func TestCrowd(t *testing.T) {
	const writers, each = 50, 4
	for _, mode := range []string{"push", "append"} {
		t.Run(mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "evidence")
			var want []string
			var wg sync.WaitGroup
			for w := range writers {
				who := fmt.Sprint("writer", w)
				for i := range each {
					want = append(want, fmt.Sprint(who, "-", i))
				}
				if w%10 == 0 {
					cmd, out := start(t, mode, path, who, fmt.Sprint(each))
					wg.Go(func() {
						said(t, out)
						if err := cmd.Wait(); err != nil {
							t.Error(err)
						}
					})
					continue
				}
				wg.Go(func() {
					if err := child(io.Discard, []string{mode, path, who, fmt.Sprint(each)}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			got := authors(t, mode, path)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d writes are there, want %d", len(got), len(want))
			}
		})
	}
}

// Many who make the same store at once all get it, also when the first have begun to fill it.
func TestCreateCrowd(t *testing.T) {
	for range 50 {
		dir := filepath.Join(t.TempDir(), "evidence")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				f, err := store.Create(dir)
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				if _, err := f.PutBlob(t.Context(), strings.NewReader(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
