package sign_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/sign"
)

// A bomb is a head and then pieces, one after the other, until it has given
// that many bytes. It holds next to nothing itself.
type bomb struct {
	head  []byte
	piece func(dst []byte, i int) []byte
	left  int64
	next  int
	room  []byte
}

func (b *bomb) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && b.left > 0 {
		if len(b.head) == 0 {
			b.room = b.piece(b.room[:0], b.next)
			b.head = b.room
			b.next++
		}
		m := copy(p[n:min(int64(len(p)), int64(n)+b.left)], b.head)
		b.head = b.head[m:]
		n, b.left = n+m, b.left-int64(m)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func again(text string) func([]byte, int) []byte {
	if len(text) < 4096 {
		text = strings.Repeat(text, 4096/len(text))
	}
	return func(dst []byte, _ int) []byte { return append(dst, text...) }
}

// names counts up in names that begin so.
func names(begin string) func([]byte, int) []byte {
	return func(dst []byte, i int) []byte {
		dst = append(append(dst, '"'), begin...)
		return append(strconv.AppendInt(dst, int64(i), 16), `":0,`...)
	}
}

// bombs are evidence files that would cost far more than they may.
func bombs() map[string]*bomb {
	const gigabyte = 1 << 30
	return map[string]*bomb{
		"2 GB of one line":            {head: []byte(`{"payload":"`), piece: again("A"), left: 2 * gigabyte},
		"2 GB of white space":         {piece: again(" "), left: 2 * gigabyte},
		"2 GB of blank lines":         {piece: again("\n"), left: 2 * gigabyte},
		"2 GB of open documents":      {piece: again("{\n"), left: 2 * gigabyte},
		"2 GB of good lines":          {piece: again(goodEnvelope + "\n"), left: 2 * gigabyte},
		"2 GB of long lines":          {piece: again(`{"payload":"` + strings.Repeat("A", 1<<20) + "\"}\n"), left: 2 * gigabyte},
		"10 million elements":         {head: []byte(`{"x":[`), piece: again("0,"), left: 20_000_000},
		"8 million elements":          {head: []byte(`{"x":[`), piece: again("0,"), left: sign.MaxEnvelopeSize - 1},
		"10 million names":            {head: []byte("{"), piece: names(""), left: 100_000_000},
		"as many names as fit":        {head: []byte("{"), piece: names(""), left: sign.MaxEnvelopeSize - 1},
		"as many escaped names":       {head: []byte("{"), piece: names(`\n`), left: sign.MaxEnvelopeSize - 1},
		"10,000 deep":                 {head: []byte(`{"x":`), piece: again("["), left: 10_000},
		"10 million deep":             {head: []byte(`{"x":`), piece: again("["), left: 10_000_000},
		"10 million signatures":       {head: []byte(`{"payload":"","payloadType":"","signatures":[`), piece: again(`{"sig":"c2ln"},`), left: sign.MaxEnvelopeSize - 1},
		"10 million log entries":      {head: []byte(`{"mediaType":"","verificationMaterial":{"tlogEntries":[`), piece: again(`{},`), left: sign.MaxEnvelopeSize - 1},
		"10 million empty timestamps": {head: []byte(`{"verificationMaterial":{"timestampVerificationData":{"rfc3161Timestamps":[`), piece: again(`{"signedTimestamp":"AA=="},`), left: sign.MaxEnvelopeSize - 1},
	}
}

// memoryLimit bounds a whole process that reads one of the bombs.
const memoryLimit = 64 << 20

// TestLimits reads each bomb in a process of its own, for the memory of a
// process is only measured whole.
func TestLimits(t *testing.T) {
	for name := range bombs() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestLimitsChild$")
			cmd.Env = append(os.Environ(), "TOUCHMARK_TEST_BOMB="+name)
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("refused")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestLimitsChild(t *testing.T) {
	name := os.Getenv("TOUCHMARK_TEST_BOMB")
	if name == "" {
		t.Skip("run by TestLimits")
	}
	bomb := bombs()[name]
	all, err := sign.Read(bomb)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	if last := all[len(all)-1]; !errors.Is(last.Err, sign.ErrLimit) {
		t.Errorf("the last of %d entries: %v, want ErrLimit", len(all), last.Err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.Sys > memoryLimit {
		t.Errorf("%d MiB taken from the system", m.Sys>>20)
	}
	fmt.Printf("refused, %d MiB taken from the system, %d MiB allocated in all, %d MiB left unread: %v\n",
		m.Sys>>20, m.TotalAlloc>>20, bomb.left>>20, all[len(all)-1].Err)
}
