package sigstore_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// Whatever is done to a bundle, every difference to sigstore-go is one that
// docs/differences.md explains.
func FuzzAgainstSigstoreGo(f *testing.F) {
	m := newMini(f)
	worlds := map[bool]*differential{}
	for _, v2 := range []bool{false, true} {
		d := newDifferential(f, m, v2)
		worlds[v2] = d
		f.Add(v2, d.line, uint(0), byte(0), uint64(0))
		for at := 40; at < len(d.line); at += 41 { // a seed for each place, so that every run without fuzzing tries them
			f.Add(v2, d.line, uint(at), byte(1+at%7), uint64(0))
		}
		f.Add(v2, d.line, uint(0), byte(0), uint64(1))
	}
	f.Fuzz(func(t *testing.T, v2 bool, line []byte, at uint, change byte, seed uint64) {
		if len(line) == 0 || len(line) > 1<<20 {
			t.Skip()
		}
		line = bytes.Clone(line)
		line[at%uint(len(line))] ^= change
		if seed > 0 {
			line = testkit.MutateJSON(rand.New(rand.NewPCG(seed, 5)), line)
		}
		worlds[v2].compare(t, line)
	})
}

// A timestamp that is too large is refused before it is parsed.
func TestTimestampLimit(t *testing.T) {
	m := newMini(t)
	b, trust := m.bundle(flaw{v2: true})
	if err := judge(t, b, trust, sigstore.Options{}); err != nil {
		t.Fatal(err)
	}
	s := &b.Signatures[0]
	s.Timestamps = append(s.Timestamps, make([]byte, 64<<10+1))
	if err := judge(t, b, trust, sigstore.Options{}); err == nil {
		t.Error("a timestamp of more than 64 KiB is read")
	}
	s.Timestamps = make([][]byte, sign.MaxTimestamps+1)
	if err := judge(t, b, trust, sigstore.Options{}); err == nil {
		t.Error("more timestamps than a bundle may have are read")
	}
}
