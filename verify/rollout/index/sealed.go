package index

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// ErrDamaged says that the files of an index are not what was written: somebody
// changed them, lost some, or sealed them with another key. Nothing in them counts.
// Test for it with errors.Is; [Remove] and a replay make a new one.
var ErrDamaged = errors.New("the index is damaged: make it anew from the log")

const (
	headSchema = "https://github.com/touchmark-go/touchmark/index/v1"
	headFile   = "head"
	maxHead    = 8 << 10
	maxPage    = 64 << 20
	refSize    = 8 + 4 + sha256.Size
)

// A ref says where in the data a page is, and what it is.
type ref struct {
	at   uint64
	size uint32
	sum  [sha256.Size]byte
}

func (r ref) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, r.at)
	b = binary.BigEndian.AppendUint32(b, r.size)
	return append(b, r.sum[:]...)
}

func parseRef(b []byte) (r ref, ok bool) {
	if len(b) != refSize {
		return r, false
	}
	r.at, r.size = binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	copy(r.sum[:], b[12:])
	return r, true
}

// A head is where an index begins, and what it is about.
type head struct {
	Schema string       `json:"schema"`
	Data   string       `json:"data"`   // name of the file
	Length uint64       `json:"length"` // of it; what stands behind is of a write that came to nothing
	Live   uint64       `json:"live"`   // how much of that is still in use
	Root   string       `json:"root"`   // ref of the root page, in hexadecimal; empty if there is none
	Log    release.Head `json:"log"`
}

// marshal writes a head behind its seal.
func (h head) marshal(key []byte) []byte {
	data, err := json.Marshal(h)
	if err != nil {
		panic(err) // numbers, strings and a digest
	}
	return append([]byte(hex.EncodeToString(seal(key, data))+"\n"), append(data, '\n')...)
}

func seal(key, data []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("touchmark index\n"))
	m.Write(data)
	return m.Sum(nil)
}

func parseHead(data, key []byte) (h head, root ref, err error) {
	sum, body, ok := bytes.Cut(data, []byte("\n"))
	body, end := bytes.CutSuffix(body, []byte("\n"))
	want, herr := hex.DecodeString(string(sum))
	if !ok || !end || herr != nil || !hmac.Equal(want, seal(key, body)) {
		return h, root, fmt.Errorf("%w: its head is not sealed with this key", ErrDamaged)
	}
	return readHead(body)
}

// A sealed file holds pages, each behind the last one.
type sealed struct {
	dir  string
	key  []byte
	file *os.File
	out  *bufio.Writer
	head head
	root ref
	end  uint64 // of what was written, kept or not
	live uint64
}

// openSealed opens what a folder holds, which may be nothing yet.
func openSealed(dir string, key []byte) (*sealed, error) {
	s := &sealed{dir: dir, key: key}
	data, err := safefs.ReadFile(filepath.Join(dir, headFile), maxHead)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.head = head{Schema: headSchema, Data: "data-1"}
	case err != nil:
		return nil, err
	default:
		if s.head, s.root, err = parseHead(data, key); err != nil {
			return nil, err
		}
	}
	if s.file, err = os.OpenFile(filepath.Join(dir, s.head.Data), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	info, err := s.file.Stat()
	if err == nil && uint64(info.Size()) < s.head.Length {
		err = fmt.Errorf("%w: %s has %d bytes, want %d", ErrDamaged, s.head.Data, info.Size(), s.head.Length)
	}
	if err == nil {
		err = s.start(s.head.Length, s.head.Live)
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	return s, s.sweep()
}

// start goes on behind what counts.
func (s *sealed) start(length, live uint64) error {
	if err := s.file.Truncate(int64(length)); err != nil {
		return err
	}
	_, err := s.file.Seek(int64(length), io.SeekStart)
	s.end, s.live = length, live
	s.out = bufio.NewWriterSize(s.file, 1<<20)
	return err
}

// sweep removes data that a compaction left.
func (s *sealed) sweep() error {
	names, err := filepath.Glob(filepath.Join(s.dir, "data-*"))
	for _, name := range names {
		if filepath.Base(name) != s.head.Data {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// read is a page, held against its ref.
func (s *sealed) read(r ref) ([]byte, error) {
	if r.size > maxPage || r.at+uint64(r.size) > s.end {
		return nil, fmt.Errorf("%w: a page lies outside of it", ErrDamaged)
	}
	if s.out != nil && r.at+uint64(r.size) > s.end-uint64(s.out.Buffered()) {
		if err := s.out.Flush(); err != nil {
			return nil, err
		}
	}
	page := make([]byte, r.size)
	if _, err := s.file.ReadAt(page, int64(r.at)); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: it was cut short", ErrDamaged)
		}
		return nil, err
	}
	if sha256.Sum256(page) != r.sum {
		return nil, fmt.Errorf("%w: the page at %d was changed", ErrDamaged, r.at)
	}
	return page, nil
}

// write adds a page that takes the place of another one, if that is not zero.
func (s *sealed) write(page []byte, old ref) (ref, error) {
	s.live -= uint64(old.size)
	if len(page) == 0 {
		return ref{}, nil
	}
	if len(page) > maxPage {
		return ref{}, fmt.Errorf("the index: a page of %d bytes, want at most %d", len(page), maxPage)
	}
	r := ref{at: s.end, size: uint32(len(page)), sum: sha256.Sum256(page)}
	_, err := s.out.Write(page)
	s.end += uint64(len(page))
	s.live += uint64(len(page))
	return r, err
}

// commit makes all that was written last, from that root on.
func (s *sealed) commit(root ref, log release.Head) error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	next := head{Schema: headSchema, Data: filepath.Base(s.file.Name()), Length: s.end, Live: s.live, Root: hex.EncodeToString(root.append(nil)), Log: log}
	if err := atomicfile.Write(filepath.Join(s.dir, headFile), next.marshal(s.key), 0o600); err != nil {
		return err
	}
	s.head, s.root = next, root
	return nil
}

// garbage reports whether most of the file is of no use any more.
func (s *sealed) garbage() bool { return s.end > 2*s.live+16<<20 }

func (s *sealed) close() error { return s.file.Close() }
