package tessera_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
)

// A tree is a log in memory, as an attacker who has its key can make one.
type tree struct {
	t      *testing.T
	signer note.Signer
	hashes []tlog.Hash // stored
	n      int64
}

func newTree(t *testing.T, private string) *tree {
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return &tree{t: t, signer: s}
}

func (l *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = l.hashes[x]
	}
	return out, nil
}

func (l *tree) grow(records ...string) *tree {
	for _, r := range records {
		more, err := tlog.StoredHashes(l.n, []byte(r), l)
		if err != nil {
			l.t.Fatal(err)
		}
		l.hashes = append(l.hashes, more...)
		l.n++
	}
	return l
}

func (l *tree) copy() *tree {
	c := *l
	c.hashes = append([]tlog.Hash(nil), l.hashes...)
	return &c
}

func (l *tree) checkpoint() []byte {
	root, err := tlog.TreeHash(l.n, l)
	if err != nil {
		l.t.Fatal(err)
	}
	data, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", l.signer.Name(), l.n, root)}, l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return data
}

func (l *tree) proof(old int64) tlog.TreeProof {
	if old == 0 || old == l.n {
		return nil
	}
	p, err := tlog.ProveTree(l.n, old, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// A witness cosigns what only grows, and nothing else; it remembers that across
// a restart.
func TestWitness(t *testing.T) {
	private, public, err := tessera.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := tessera.NewKey("other.example")
	if err != nil {
		t.Fatal(err)
	}
	w, key := watcher(t, "witness.example", ledger.Log{Origin: origin, Key: public})
	v, err := ledger.Log{Origin: origin, Key: public, Witnesses: []string{key}, AtLeast: 1}.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	defer server.Close()
	ask := func(old int64, proof tlog.TreeProof, checkpoint []byte) (int, string) {
		t.Helper()
		body := fmt.Sprintf("old %d\n", old)
		for _, h := range proof {
			body += h.String() + "\n"
		}
		resp, err := http.Post(server.URL+"/add-checkpoint", "text/plain", strings.NewReader(body+"\n"+string(checkpoint)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			if _, err := v.Open(append(bytes.Clone(checkpoint), answer...)); err != nil {
				t.Errorf("what the witness signed is no cosignature: %v", err)
			}
		}
		return resp.StatusCode, string(answer)
	}
	log := newTree(t, private).grow("a", "b", "c")
	fork := log.copy().grow("x", "y")
	if status, text := ask(0, nil, log.checkpoint()); status != http.StatusOK {
		t.Fatalf("the first checkpoint: %d %s", status, text)
	}
	if status, _ := ask(3, nil, log.checkpoint()); status != http.StatusOK {
		t.Errorf("the same again: %d", status)
	}
	old := log.copy()
	log.grow("d", "e", "f")
	if status, _ := ask(3, log.proof(3), log.checkpoint()); status != http.StatusOK {
		t.Fatalf("it grew: %d", status)
	}
	twin := old.copy().grow("d", "e", "g")
	for _, test := range []struct {
		name       string
		old        int64
		proof      tlog.TreeProof
		checkpoint []byte
		want       int
	}{
		{"another history, longer", 6, fork.copy().grow("z", "zz").proof(3), fork.copy().grow("z", "zz").checkpoint(), http.StatusUnprocessableEntity},
		{"another history of the same size", 6, nil, twin.checkpoint(), http.StatusConflict},
		{"an older state", 3, nil, old.checkpoint(), http.StatusConflict},
		{"an older state, from nothing", 0, nil, old.checkpoint(), http.StatusConflict},
		{"no proof", 6, nil, log.copy().grow("h").checkpoint(), http.StatusConflict},
		{"a proof of something else", 6, log.copy().grow("h", "i").proof(6), log.copy().grow("h").checkpoint(), http.StatusUnprocessableEntity},
		{"from more than it has", 9, nil, log.checkpoint(), http.StatusBadRequest},
		{"a log that it does not know", 0, nil, newTree(t, stranger).grow("a").checkpoint(), http.StatusNotFound},
		{"its log's text, signed by another", 6, nil, bytes.Replace(newTree(t, stranger).grow("a").checkpoint(), []byte("other.example"), []byte(origin), 1), http.StatusForbidden},
		{"no checkpoint", 6, nil, nil, http.StatusNotFound},
	} {
		if status, text := ask(test.old, test.proof, test.checkpoint); status != test.want {
			t.Errorf("%s: %d %s, want %d", test.name, status, text, test.want)
		}
	}
	if status, text := ask(2, nil, log.checkpoint()); status != http.StatusConflict || text != "6\n" {
		t.Errorf("from a size that it did not see last: %d %q, want to be told 6", status, text)
	}
	for _, body := range []string{"", "old\n\n", "old 06\n\nx", "old -1\n\nx", "old 6", "old 6\nAAAA\n\nx", "old 6\n" + strings.Repeat(tlog.Hash{}.String()+"\n", 64) + "\nx"} {
		resp, err := http.Post(server.URL+"/add-checkpoint", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40q: %d, want 400", body, resp.StatusCode)
		}
	}
	if status, _ := ask(6, nil, log.checkpoint()); status != http.StatusOK {
		t.Errorf("after all that the log is refused: %d", status)
	}
	log.grow("h")
	if status, _ := ask(6, log.proof(6), log.checkpoint()); status != http.StatusOK {
		t.Errorf("after all that the log may not grow: %d", status)
	}
}

// A witness whose memory was lost in part or changed does not guess.
func TestWitnessMemory(t *testing.T) {
	private, public, err := tessera.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	id := ledger.Log{Origin: origin, Key: public}
	_, key, err := newSigner("witness.example")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	open := func() *tessera.Witness {
		w, err := tessera.NewWitness(key, dir, id)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	log := newTree(t, private).grow("a", "b")
	at := time.Unix(1795000000, 0)
	if _, err := open().Cosign(t.Context(), 0, nil, log.checkpoint(), at); err != nil {
		t.Fatal(err)
	}
	fork := newTree(t, private).grow("x", "y")
	if _, err := open().Cosign(t.Context(), 2, nil, fork.checkpoint(), at); !errors.Is(err, ledger.ErrInconsistent) {
		t.Errorf("after a restart another history is cosigned: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the memory is %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Cosign(t.Context(), 2, nil, log.checkpoint(), at); err == nil {
		t.Error("with a broken memory it cosigns")
	}
}
