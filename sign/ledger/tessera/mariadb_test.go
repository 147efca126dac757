package tessera_test

import (
	"database/sql"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/transparency-dev/tessera/storage/mysql"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
)

// On a database server several machines, each with a folder of its own for the
// times, write one log.
func TestMariaDB(t *testing.T) {
	dsn := integration.StartMariaDB(t)
	f := newFixture(t, 1)
	witness := httptest.NewServer(f.opts.Witnesses[0].Local)
	t.Cleanup(witness.Close)
	f.opts.Witnesses[0].Local, f.opts.Witnesses[0].URL = nil, witness.URL
	open := func() *tessera.Log {
		db, err := sql.Open("mysql", dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		driver, err := mysql.New(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		opts := f.opts
		opts.Driver = driver
		l, err := opts.Open(t.TempDir(), f.key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	machines := []*tessera.Log{open(), open(), open()}
	var mu sync.Mutex
	seen := map[uint64]string{}
	var wg sync.WaitGroup
	for i := range 64 {
		b := record(t, i)
		wg.Go(func() {
			index, err := machines[i%len(machines)].Append(t.Context(), b)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if other, ok := seen[index]; ok {
				t.Errorf("%s and %s are both at %d", b.ID(), other, index)
			}
			seen[index] = b.ID().String()
		})
	}
	wg.Wait()
	for i, l := range machines {
		head, err := l.Head(t.Context())
		if err != nil || head.Size != 64 || head.Witnesses != 1 {
			t.Fatalf("machine %d sees %+v, %v", i, head, err)
		}
		n := uint64(0)
		for e, err := range l.Records(t.Context(), 0, head.Size) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Index != n || e.Bundle.Err != nil || e.Bundle.ID().String() != seen[n] {
				t.Errorf("machine %d: record %d is %s, want %s", i, n, e.Bundle.ID(), seen[n])
			}
			n++
		}
	}
	if _, err := machines[0].Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	// A row that somebody changed in the database is noticed.
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE TiledLeaves SET data = CONCAT(SUBSTR(data, 1, 40), '!', SUBSTR(data, 42))"); err != nil {
		t.Fatal(err)
	}
	r, err := open().Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context()); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("a changed row: %v", err)
	}
	if _, err := open().Append(t.Context(), record(t, 100)); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("a changed row, and it is appended to: %v", err)
	}
}
