package index

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// SummaryType is the payload type under which a [Index.Summary] is signed.
const SummaryType = "application/vnd.touchmark.index+json"

const summarySchema = "https://github.com/touchmark-go/touchmark/index/summary/v1"

// A summary names everything that an index holds.
type summary struct {
	Schema string       `json:"schema"`
	Root   string       `json:"root"`
	Log    release.Head `json:"log"`
}

// Summary names all that x holds, in a few hundred bytes: who signs them as
// [SummaryType] says that a replay of the log up to that head came to exactly
// this. The same files have the same Summary.
func (x *Index) Summary() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return nil, x.err
	}
	return json.Marshal(summary{summarySchema, x.sealed.head.Root, x.sealed.head.Log})
}

// Adopt makes a copy of an index, whose files somebody put into the folder at path,
// one that key seals: without a replay, because summary says what it holds. The
// caller has checked that he, or somebody whose replays he believes, signed it. All
// pages are held against it; the error is [ErrDamaged] if one is not what it says.
func Adopt(ctx context.Context, path string, key, signed []byte) error {
	var want summary
	if err := strictjson.UnmarshalClosed(signed, &want); err != nil || want.Schema != summarySchema {
		return fmt.Errorf("the index: no summary of one: %v", err)
	}
	if len(key) < KeySize {
		return fmt.Errorf("the index: a key of %d bytes, want %d at least", len(key), KeySize)
	}
	unlock, err := dirlock.Lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	data, err := safefs.ReadFile(filepath.Join(path, headFile), maxHead)
	if err != nil {
		return err
	}
	_, body, _ := bytes.Cut(data, []byte("\n"))
	h, root, err := readHead(bytes.TrimSuffix(body, []byte("\n"))) // whose seal it has does not matter
	if err != nil {
		return err
	}
	if h.Root != want.Root || h.Log != want.Log {
		return fmt.Errorf("%w: it is not the one that was signed", ErrDamaged)
	}
	s := &sealed{dir: path, key: key, head: h, root: root}
	if s.file, err = os.Open(filepath.Join(path, h.Data)); err != nil {
		return err
	}
	defer s.close()
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if s.end = h.Length; uint64(info.Size()) < s.end {
		return fmt.Errorf("%w: it was cut short", ErrDamaged)
	}
	x := &Index{sealed: s, slots: newCache[int](0), pages: newCache[pageKey](0)}
	if h.Live, err = x.check(ctx); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(path, headFile), h.marshal(key), 0o600)
}

// check reads every page, and returns how many bytes are in use.
func (x *Index) check(ctx context.Context) (uint64, error) {
	live := uint64(x.sealed.root.size)
	for i := range fanout {
		group, err := x.group(i)
		if err != nil {
			return 0, err
		}
		live += uint64(x.tops[i].size)
		for j, at := range group {
			slot, _, err := x.slot(i*fanout + j)
			if err != nil {
				return 0, err
			}
			live += uint64(at.size)
			for len(slot) > 0 {
				_, value, rest, err := cutEntry(slot)
				if err != nil {
					return 0, err
				}
				if at, ok := parseRef(value); ok {
					if _, err := x.sealed.read(at); err != nil {
						return 0, err
					}
					live += uint64(at.size)
				}
				slot = rest
			}
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
	return live, nil
}

// readHead reads a head that nobody has checked.
func readHead(body []byte) (h head, root ref, err error) {
	if err := strictjson.UnmarshalClosed(body, &h); err != nil || h.Schema != headSchema || h.Data != filepath.Base(h.Data) {
		return h, root, fmt.Errorf("%w: its head is of another program", ErrDamaged)
	}
	if h.Root == "" {
		return h, root, nil
	}
	raw, _ := hex.DecodeString(h.Root)
	root, ok := parseRef(raw)
	if !ok {
		return h, root, fmt.Errorf("%w: its head has no root", ErrDamaged)
	}
	return h, root, nil
}
