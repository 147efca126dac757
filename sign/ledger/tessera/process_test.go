package tessera_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
)

// The test binary runs itself as a process that appends until it is killed, or
// until it has appended enough.
const childEnv = "TOUCHMARK_TEST_LEDGER"

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if args, ok := os.LookupEnv(childEnv); ok {
		if err := child(os.Stdout, strings.Split(args, "|")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child appends N records to a folder with a key, and acknowledges each. With
// a witness's memory it has its checkpoints cosigned.
func child(out io.Writer, args []string) error {
	dir, key, who, n, memory := args[0], args[1], args[2], args[3], args[4]
	var opts tessera.Options
	if memory != "" {
		w, public, err := childWitness(memory, key)
		if err != nil {
			return err
		}
		opts = tessera.Options{AtLeast: 1, Witnesses: []tessera.Endpoint{{Key: public, Local: w}}}
	}
	l, err := opts.Open(dir, key)
	if err != nil {
		return err
	}
	signer, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return err
	}
	for i := 0; n == "" || fmt.Sprint(i) != n; i++ {
		s, err := provenance.New("https://example.com/record/v1", json.RawMessage(fmt.Sprintf(`{"who":%q,"n":%d}`, who, i)),
			provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256([]byte("x")))})
		if err != nil {
			return err
		}
		b, err := sign.Statement(context.Background(), s, signer)
		if err != nil {
			return err
		}
		index, err := l.Append(context.Background(), b)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, index, b.ID())
	}
	return nil
}

// childWitness is the same witness in each process.
func childWitness(memory, key string) (*tessera.Witness, string, error) {
	s, err := ledger.NewSigner("witness.example", fixedKey())
	if err != nil {
		return nil, "", err
	}
	public, err := tessera.PublicKey(key)
	if err != nil {
		return nil, "", err
	}
	w, err := tessera.NewWitness(s, memory, ledger.Log{Origin: origin, Key: public})
	return w, s.Key(), err
}

// start runs a child.
func start(t *testing.T, args ...string) (*exec.Cmd, *bufio.Scanner) {
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
	return cmd, bufio.NewScanner(out)
}

// acknowledged reads what a child acknowledged.
func acknowledged(t *testing.T, out *bufio.Scanner, into map[uint64]string) (n int) {
	t.Helper()
	for out.Scan() {
		var index uint64
		var id string
		if _, err := fmt.Sscan(out.Text(), &index, &id); err != nil {
			t.Errorf("a child says %q", out.Text())
			continue
		}
		if other, ok := into[index]; ok {
			t.Errorf("%s and %s are both at %d", id, other, index)
		}
		into[index] = id
		n++
	}
	return n
}

// there checks that every acknowledged record is where it was said to be.
func there(t *testing.T, f *fixture, acked map[uint64]string) {
	t.Helper()
	r := f.read(t)
	if err := r.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for rec, err := range r.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		b, err := rec.Bundle()
		if err != nil {
			t.Errorf("record %d half-appeared: %v", rec.Index, err)
			continue
		}
		if want, ok := acked[rec.Index]; ok && want != b.ID().String() {
			t.Errorf("record %d is %s, and %s was acknowledged", rec.Index, b.ID(), want)
		}
		delete(acked, rec.Index)
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged records are lost: %v", len(acked), acked)
	}
}

// Killed at any moment, a writer loses nothing that it acknowledged, and leaves
// nothing that is half there.
func TestKilled(t *testing.T) {
	rounds := 8
	if os.Getenv("TOUCHMARK_INTEGRATION") != "" {
		rounds = 300
	}
	if testing.Short() {
		t.Skip("kills processes")
	}
	f := newFixture(t, 0)
	memory := t.TempDir()
	w, key, err := childWitness(memory, f.key)
	if err != nil {
		t.Fatal(err)
	}
	f.id.Witnesses, f.id.AtLeast = []string{key}, 1
	f.opts = tessera.Options{AtLeast: 1, Witnesses: []tessera.Endpoint{{Key: key, Local: w}}}
	acked := map[uint64]string{}
	total := 0
	for i := range rounds {
		cmd, out := start(t, f.dir, f.key, fmt.Sprint(i), "", memory)
		time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { cmd.Process.Kill() })
		total += acknowledged(t, out, acked)
		cmd.Wait()
	}
	t.Logf("%d rounds, %d acknowledged", rounds, total)
	// Whoever writes next mends what was left.
	if _, err := f.open(t).Append(t.Context(), record(t, -1)); err != nil {
		t.Fatal(err)
	}
	there(t, f, acked)
}

// Many processes append to one folder at once.
func TestProcesses(t *testing.T) {
	n := 6
	if os.Getenv("TOUCHMARK_INTEGRATION") != "" {
		n = 64
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	f := newFixture(t, 0)
	var mu sync.Mutex
	acked := map[uint64]string{}
	var wg sync.WaitGroup
	for i := range n {
		cmd, out := start(t, f.dir, f.key, fmt.Sprint(i), "2", "")
		wg.Go(func() {
			own := map[uint64]string{}
			for out.Scan() {
				var index uint64
				var id string
				if _, err := fmt.Sscan(out.Text(), &index, &id); err != nil {
					t.Errorf("process %d says %q", i, out.Text())
				}
				own[index] = id
			}
			if err := cmd.Wait(); err != nil || len(own) != 2 {
				t.Errorf("process %d appended %d: %v", i, len(own), err)
			}
			mu.Lock()
			defer mu.Unlock()
			for index, id := range own {
				if _, ok := acked[index]; ok {
					t.Errorf("%d was given out twice", index)
				}
				acked[index] = id
			}
		})
	}
	wg.Wait()
	there(t, f, acked)
}
