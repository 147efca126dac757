//go:build amd64 || arm64

package trace

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// trace takes the digests, and says of each file what it is.
func (r *record) trace(ctx context.Context, places []place) (*capture.Trace, error) {
	t := &capture.Trace{}
	for name := range r.missed {
		if _, e := lookAt(append([]byte(name), 0), false); e == 0 && r.files[name] == nil {
			// It came into being between our look and the call, or later.
			if f := r.file(name); f != nil {
				f.read, f.varied = true, true
			}
		}
	}
	t.Files = make([]capture.TracedFile, len(r.files))
	files := make([]*file, 0, len(r.files))
	for _, f := range r.files {
		files = append(files, f)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			buf := make([]byte, 128<<10)
			for i := next.Add(1) - 1; i < int64(len(files)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				t.Files[i] = files[i].traced(ctx, places, buf)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.Files = merge(t.Files)
	for p := range r.peers {
		if p.family == "unix" && !strings.HasPrefix(p.address, "@") {
			_, p.address = classify(places, p.address, fate{})
		}
		t.Connections = append(t.Connections, capture.Connection{Family: p.family, Address: strings.ToValidUTF8(p.address, "\uFFFD"), Port: p.port})
	}
	slices.SortFunc(t.Connections, func(a, b capture.Connection) int {
		return cmp.Or(strings.Compare(a.Family, b.Family), strings.Compare(a.Address, b.Address), a.Port-b.Port)
	})
	t.Connections = slices.Compact(t.Connections)
	for o, count := range r.odd {
		if u := oddities[o]; count > 0 {
			u.Count = count
			t.Unobserved = append(t.Unobserved, u)
		}
	}
	slices.SortFunc(t.Unobserved, func(a, b capture.Unobserved) int { return strings.Compare(a.What, b.What) })
	return t, nil
}

// merge sorts files, and makes one of those that have one name: files of
// /proc, and those whose folder is withheld.
func merge(files []capture.TracedFile) []capture.TracedFile {
	slices.SortFunc(files, func(a, b capture.TracedFile) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Digest[provenance.SHA256], b.Digest[provenance.SHA256]), strings.Compare(a.State, b.State))
	})
	out := files[:0]
	for _, f := range files {
		if n := len(out) - 1; n >= 0 && out[n].Name == f.Name && out[n].State == f.State && out[n].Digest[provenance.SHA256] == f.Digest[provenance.SHA256] {
			out[n].Read, out[n].Executed, out[n].Written = out[n].Read || f.Read, out[n].Executed || f.Executed, out[n].Written || f.Written
			continue
		}
		out = append(out, f)
	}
	return out
}

// traced says what became of f.
func (f *file) traced(ctx context.Context, places []place, buf []byte) capture.TracedFile {
	t := capture.TracedFile{Read: f.read, Executed: f.exec, Written: f.write}
	now, e := lookAt(append([]byte(f.name), 0), false)
	switch {
	case generated(f.name) || e == 0 && !now.regular():
		t.State = capture.StateSpecial
	case e == syscall.ENOENT || e == syscall.ENOTDIR:
		t.State = capture.StateGone
	case e != 0:
		t.State = capture.StateFailed
	default:
		if f.write && !f.made && f.before == now.identity {
			t.Written, t.Read = false, t.Read || !t.Executed // it could have been written, and was not
		}
		if (f.read || f.exec) && (f.varied || f.opened != now.identity) {
			t.State = capture.StateChanged
		}
		if t.State == "" || t.Written {
			var err error
			t.Digest, err = now.digest(ctx, f.name, buf)
			if errors.Is(err, errChanged) {
				t.State = capture.StateChanged
			} else if err != nil {
				t.State = capture.StateFailed
			}
		}
	}
	t.Class, t.Name = classify(places, f.name, fate{written: t.Written, made: f.made, gone: t.State == capture.StateGone})
	t.Name = strings.ToValidUTF8(t.Name, "\uFFFD")
	return t
}

// generated reports whether a file is made of nothing at each reading.
func generated(name string) bool {
	return strings.HasPrefix(name, "/proc/") || strings.HasPrefix(name, "/sys/")
}

var errChanged = errors.New("it is another file, or changed while it was read")

// digest hashes the file that l is a look at.
func (l look) digest(ctx context.Context, name string, buf []byte) (provenance.DigestSet, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if err := l.same(f); err != nil {
		return nil, err
	}
	for err == nil {
		var n int
		n, err = f.Read(buf)
		h.Write(buf[:n])
		if err == nil {
			err = ctx.Err()
		}
	}
	if err != io.EOF {
		return nil, err
	}
	if err := l.same(f); err != nil {
		return nil, err
	}
	return provenance.DigestSet{provenance.SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// same checks that f is the file that l is a look at.
func (l look) same(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || lookOf(s).identity != l.identity {
		return errChanged
	}
	return nil
}
