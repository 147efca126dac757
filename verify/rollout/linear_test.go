package rollout_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/transparency-dev/tessera/storage/mysql"
	"k8s.io/klog/v2"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A tagCall is one operation on a tag, as it is checked: it binds the tag to
// artifact Bind, -1 only reads it, by somebody who may bind it or not.
type tagCall struct {
	Tag     string
	Bind    int
	Allowed bool
}

// A tagAnswer is what came of it: what the tag names, or named already.
type tagAnswer struct {
	Code  string // of the record, empty if it took effect or only read
	Bound int    // -1 is nothing
}

// tagModel is a register that is written once: the first who may wins, whoever
// comes later is told "immutable" and what won, and who may not never does.
var tagModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byTag := map[string][]porcupine.Operation{}
		for _, o := range history {
			tag := o.Input.(tagCall).Tag
			byTag[tag] = append(byTag[tag], o)
		}
		var out [][]porcupine.Operation
		for _, part := range byTag {
			out = append(out, part)
		}
		return out
	},
	Init: func() any { return -1 },
	Step: func(state, input, output any) (bool, any) {
		bound, call, answer := state.(int), input.(tagCall), output.(tagAnswer)
		switch {
		case call.Bind < 0:
			return answer.Bound == bound, bound
		case !call.Allowed && bound == call.Bind:
			return answer.Code == "signature" || answer.Code == "", bound // it is so already, and nothing is written
		case !call.Allowed:
			return answer.Code == "signature", bound
		case bound < 0 || bound == call.Bind:
			return answer.Code == "", call.Bind
		}
		return answer.Code == "immutable" && answer.Bound == bound, bound
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v %+v", input, output) },
}

const artifacts = 64 // of the one release, app-0 and so on

func tagArtifact(i int) provenance.ResourceDescriptor {
	name := fmt.Sprintf("app-%03d", i)
	return provenance.ResourceDescriptor{Name: name, Digest: provenance.Set(provenance.SumSHA256([]byte(name)))}
}

func tagDigest(i int) provenance.Digest {
	d, _ := tagArtifact(i).Digest.Get(provenance.SHA256)
	return d
}

// tagRelease is a release with all those artifacts.
func tagRelease() release.Release {
	r := release.Release{Product: "app", Version: "1.0.0", Config: provenance.SumSHA256(nil)}
	for i := range artifacts {
		r.Subjects = append(r.Subjects, tagArtifact(i))
	}
	return r
}

// call does one operation. A loser must be told both digests.
func call(ctx context.Context, book *rollout.Book, c tagCall) (tagAnswer, error) {
	which := func(text func(provenance.Digest) bool) int {
		for i := range artifacts {
			if text(tagDigest(i)) {
				return i
			}
		}
		return -1
	}
	if c.Bind < 0 {
		v, err := book.View(ctx)
		if err != nil {
			return tagAnswer{}, err
		}
		d, err := v.Tag(ctx, "app", c.Tag)
		if errors.Is(err, release.ErrUnknown) {
			return tagAnswer{Bound: -1}, nil
		}
		return tagAnswer{Bound: which(func(o provenance.Digest) bool { return o == d })}, err
	}
	err := book.Tag(ctx, release.Tag{Product: "app", Tag: c.Tag, Release: tagRelease().ID(), Digest: tagDigest(c.Bind)})
	var void *rollout.VoidError
	switch {
	case err == nil:
		return tagAnswer{Bound: c.Bind}, nil
	case !errors.As(err, &void):
		return tagAnswer{}, err
	}
	if void.Void.Code == "immutable" && !strings.Contains(err.Error(), tagDigest(c.Bind).String()) {
		return tagAnswer{}, fmt.Errorf("the loser is not told what it wanted: %w", err)
	}
	return tagAnswer{Code: void.Void.Code, Bound: which(func(d provenance.Digest) bool {
		return d != tagDigest(c.Bind) && strings.Contains(err.Error(), d.String())
	})}, nil
}

// randomCall is what one of many does next.
func randomCall(rnd *rand.Rand, tags int) tagCall {
	c := tagCall{Tag: fmt.Sprintf("tag-%d", rnd.IntN(tags)), Bind: rnd.IntN(artifacts), Allowed: rnd.IntN(4) > 0}
	if rnd.IntN(3) == 0 {
		c.Bind = -1
	}
	return c
}

func (c tagCall) signer() key {
	if c.Allowed {
		return key("ci")
	}
	return key("eve")
}

// linearize checks a history, and that there was something to check.
func linearize(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	won, lost, refused := 0, 0, 0
	for _, o := range history {
		switch c, a := o.Input.(tagCall), o.Output.(tagAnswer); {
		case c.Bind >= 0 && a.Code == "immutable":
			lost++
		case a.Code == "signature":
			refused++
		case c.Bind >= 0:
			won++
		}
	}
	t.Logf("%d operations: %d bound a tag or found it so, %d lost, %d were by somebody who may not", len(history), won, lost, refused)
	if won == 0 || lost == 0 || refused == 0 {
		t.Error("nothing was shown")
	}
	if got := porcupine.CheckOperationsTimeout(tagModel, history, time.Minute); got != porcupine.Ok {
		t.Errorf("the history is not linearizable: %s", got)
		for _, o := range history {
			t.Logf("%d %d–%d %s", o.ClientId, o.Call, o.Return, tagModel.DescribeOperation(o.Input, o.Output))
		}
	}
}

// concurrently lets clients do random operations on logs, and returns what happened.
func concurrently(t *testing.T, trust *verify.Trust, logs []rollout.Log, clients, each, tags int, seed uint64) []porcupine.Operation {
	t.Helper()
	books := map[string][]*rollout.Book{} // several use each at once
	for _, log := range logs {
		for _, who := range []key{"ci", "eve"} {
			books[string(who)] = append(books[string(who)], &rollout.Book{Log: log, Trust: trust, Signer: who})
		}
	}
	if _, err := books["ci"][0].Release(t.Context(), tagRelease()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	start := time.Now()
	for client := range clients {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(client)))
			for range each {
				c := randomCall(rnd, tags)
				began := time.Since(start)
				a, err := call(t.Context(), books[string(c.signer())][client%len(logs)], c)
				if err != nil {
					t.Errorf("client %d: %+v: %v", client, c, err)
					return
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: client, Input: c, Call: int64(began), Output: a, Return: int64(time.Since(start))})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return history
}

// large reports whether there is time for many.
func large() bool { return os.Getenv("TOUCHMARK_INTEGRATION") == "1" }

// Whatever many do with tags at once, through two opens of one folder, is as if
// they had done it one after the other: of those who may bind a tag one wins, and
// every other one is told who.
func TestLinearizable(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for checkpoints")
	}
	clients, each := 8, 4
	if large() {
		clients, each = 64, 8
	}
	d := newDisk(t)
	trust := d.begin(t, d.open(t))
	linearize(t, concurrently(t, trust, []rollout.Log{d.open(t), d.open(t)}, clients, each, 3+clients/8, 1))
}

// The same on a database server, by machines with folders of their own.
func TestLinearizableMariaDB(t *testing.T) {
	dsn := integration.StartMariaDB(t)
	d := newDisk(t)
	w, err := tessera.NewWitness(d.signer, d.memory, ledger.Log{Origin: origin, Key: d.public})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	open := func() rollout.Log {
		db, err := sql.Open("mysql", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		driver, err := mysql.New(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		l, err := tessera.Options{Witnesses: []tessera.Endpoint{{Key: d.signer.Key(), URL: server.URL}}, AtLeast: 1, Driver: driver}.Open(t.TempDir(), d.private)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	logs := []rollout.Log{open(), open(), open()}
	trust := d.begin(t, logs[0])
	linearize(t, concurrently(t, trust, logs, 64, 4, 11, 2))
}

// A disk is a folder with a log that a witness in another folder watches.
type disk struct {
	dir, memory, private, public string
	signer                       *ledger.Signer
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{dir: t.TempDir(), memory: t.TempDir()}
	var err error
	if d.private, d.public, err = tessera.NewKey(origin); err != nil {
		t.Fatal(err)
	}
	if d.signer, err = ledger.NewSigner(origin+"/witness", key("witness").private()); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *disk) open(t *testing.T) *tessera.Log {
	t.Helper()
	l, err := openDisk(d.dir, d.memory, d.private, d.public)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func openDisk(dir, memory, private, public string) (*tessera.Log, error) {
	signer, err := ledger.NewSigner(origin+"/witness", key("witness").private())
	if err != nil {
		return nil, err
	}
	w, err := tessera.NewWitness(signer, memory, ledger.Log{Origin: origin, Key: public})
	if err != nil {
		return nil, err
	}
	return tessera.Options{Witnesses: []tessera.Endpoint{{Key: signer.Key(), Local: w}}, AtLeast: 1}.Open(dir, private)
}

// begin begins the log.
func (d *disk) begin(t *testing.T, log rollout.Log) *verify.Trust {
	t.Helper()
	trust, err := rollout.Begin(t.Context(), log, firstTrust(), verify.Ledger{Origin: origin, Key: d.public, Witnesses: verify.LedgerWitnesses{AtLeast: 1, Keys: []string{d.signer.Key()}}}, key("ann"), key("bob"))
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// binderEnv has the test binary be one of many processes on one folder.
const binderEnv = "TOUCHMARK_TEST_BINDER"

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	for name, do := range map[string]func(job string) error{binderEnv: bind, publishEnv: publish} {
		if job, ok := os.LookupEnv(name); ok {
			if err := do(job); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// A binder is what such a process is told.
type binder struct {
	Dir, Memory, Private, Public string
	Trust                        json.RawMessage
	Client, Each, Tags           int
}

// An event is one operation, with the instants by the clock that they share.
type event struct {
	Call, Return int64
	Input        tagCall
	Output       tagAnswer
}

func bind(job string) error {
	var b binder
	if err := json.Unmarshal([]byte(job), &b); err != nil {
		return err
	}
	trust, err := verify.ParseTrust(b.Trust)
	if err != nil {
		return err
	}
	log, err := openDisk(b.Dir, b.Memory, b.Private, b.Public)
	if err != nil {
		return err
	}
	defer log.Close()
	rnd := rand.New(rand.NewPCG(3, uint64(b.Client)))
	out := json.NewEncoder(os.Stdout)
	for range b.Each {
		c := randomCall(rnd, b.Tags)
		began := time.Now().UnixNano()
		a, err := call(context.Background(), &rollout.Book{Log: log, Trust: trust, Signer: c.signer()}, c)
		if err != nil {
			return err
		}
		if err := out.Encode(event{began, time.Now().UnixNano(), c, a}); err != nil {
			return err
		}
	}
	return nil
}

// The same by many processes on one folder.
func TestLinearizableProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	processes, each := 6, 3
	if large() {
		processes, each = 64, 3
	}
	d := newDisk(t)
	log := d.open(t)
	trust := d.begin(t, log)
	if _, err := (&rollout.Book{Log: log, Trust: trust, Signer: key("ci")}).Release(t.Context(), tagRelease()); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	for client := range processes {
		job, err := json.Marshal(binder{d.dir, d.memory, d.private, d.public, trust.Marshal(), client, each, 2 + processes/10})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), exe)
			cmd.Env = append(os.Environ(), binderEnv+"="+string(job))
			var trouble strings.Builder
			cmd.Stderr = &trouble
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Error(err)
				return
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				var e event
				if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
					t.Error(err)
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: client, Input: e.Input, Call: e.Call, Output: e.Output, Return: e.Return})
				mu.Unlock()
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("process %d: %v\n%s", client, err, trouble.String())
			}
		})
	}
	wg.Wait()
	linearize(t, history)
}
