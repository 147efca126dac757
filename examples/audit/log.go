package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A treeLog is a log all of whose records were held against its checkpoint.
type treeLog struct {
	root      tlog.Hash
	witnesses []string // who cosigned the checkpoint
	records   [][]byte
	times     []time.Time // when each was witnessed
}

// A head is one checkpoint of a log (C2SP tlog-checkpoint).
type head struct {
	size  int64
	root  tlog.Hash
	names []string    // of witnesses
	since []time.Time // their times, the earliest first
}

const recordsPerFile = 256

// openLog checks the checkpoint, the tree over all records, and the times.
func (e *export) openLog(t *trust) (*treeLog, error) {
	now, err := t.openHead(e.log["checkpoint"])
	if err != nil {
		return nil, fmt.Errorf("the checkpoint: %w", err)
	}
	log := &treeLog{root: now.root, witnesses: now.names}
	var hashes []tlog.Hash // as package tlog numbers them
	tree := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			if n >= int64(len(hashes)) {
				return nil, errors.New("the tree has no such hash")
			}
			out[i] = hashes[n]
		}
		return out, nil
	})
	for n := int64(0); n < now.size; n++ {
		if n%recordsPerFile == 0 {
			width := min(now.size-n, recordsPerFile)
			page, err := splitRecords(e.log[recordsFile(n/recordsPerFile, width)], int(width))
			if err != nil {
				return nil, fmt.Errorf("records %d to %d: %w", n, n+width-1, err)
			}
			log.records = append(log.records, page...)
		}
		more, err := tlog.StoredHashes(n, log.records[n], tree)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, more...)
	}
	if root, err := tlog.TreeHash(now.size, tree); err != nil || root != now.root {
		return nil, fmt.Errorf("the records have the root %s, and the checkpoint says %s: one was changed, moved or left out", root, now.root)
	}
	files := 1 + int((now.size+recordsPerFile-1)/recordsPerFile)
	for page := int64(0); page*recordsPerFile < now.size; page++ {
		name := "heads/" + groups(page)
		if e.log[name] == nil {
			if len(t.witnesses) > 0 {
				return nil, fmt.Errorf("%s is missing: the times of records are not all there", name)
			}
			continue
		}
		files++
		var notes []string
		if err := json.Unmarshal(e.log[name], &notes); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, text := range notes {
			h, err := t.openHead([]byte(text))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			root, err := tlog.TreeHash(min(h.size, now.size), tree)
			if err != nil || h.size > now.size || root != h.root || h.size <= int64(len(log.times)) {
				return nil, fmt.Errorf("%s: a checkpoint of %d records is not one that this log went through, or not in its place", name, h.size)
			}
			log.cover(h, t)
		}
		if int64(len(log.times)) < min((page+1)*recordsPerFile, now.size) {
			return nil, fmt.Errorf("%s gives no time to all of its records", name)
		}
	}
	if len(t.witnesses) == 0 {
		log.times = make([]time.Time, now.size)
	}
	if len(e.log) != files {
		return nil, fmt.Errorf("the log has %d files, want %d", len(e.log), files)
	}
	return log, nil
}

// cover gives the records that a head covers first their time, which never goes back.
func (l *treeLog) cover(h *head, t *trust) {
	at := h.since[max(t.atLeast, 1)-1]
	if n := len(l.times); n > 0 && at.Before(l.times[n-1]) {
		at = l.times[n-1]
	}
	for int64(len(l.times)) < h.size {
		l.times = append(l.times, at)
	}
}

// openHead checks the log's signature and the witnesses'.
func (t *trust) openHead(data []byte) (*head, error) {
	verifiers := []note.Verifier{t.logKey}
	for _, w := range t.witnesses {
		verifiers = append(verifiers, w)
	}
	n, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	lines := strings.SplitN(n.Text, "\n", 4)
	if len(lines) < 4 || lines[0] != t.origin {
		return nil, fmt.Errorf("it is no checkpoint of %q", t.origin)
	}
	h := &head{}
	if h.size, err = strconv.ParseInt(lines[1], 10, 54); err != nil || h.size < 1 || strconv.FormatInt(h.size, 10) != lines[1] {
		return nil, fmt.Errorf("%q is no size", lines[1])
	}
	if h.root, err = tlog.ParseHash(lines[2]); err != nil {
		return nil, err
	}
	signed := false
	for _, s := range n.Sigs {
		if s.Name == t.logKey.Name() && s.Hash == t.logKey.KeyHash() {
			signed = true
			continue
		}
		if slices.Contains(h.names, s.Name) {
			return nil, fmt.Errorf("%q cosigned twice", s.Name)
		}
		raw, err := base64.StdEncoding.DecodeString(s.Base64) // note.Open has checked it: 4 bytes of hash, 8 of time
		if err != nil || len(raw) < 12 {
			return nil, fmt.Errorf("the cosignature of %q has no time", s.Name)
		}
		h.names = append(h.names, s.Name)
		h.since = append(h.since, time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC())
	}
	slices.SortFunc(h.since, time.Time.Compare)
	if need := t.atLeast; !signed || len(h.names) < max(need, min(1, len(t.witnesses))) {
		return nil, fmt.Errorf("signed by the log: %t; cosigned by %q, want %d of %d witnesses", signed, h.names, need, len(t.witnesses))
	}
	return h, nil
}

// A witness is a witness's key (C2SP tlog-cosignature).
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), text)
	return ed25519.Verify(w.key, signed, sig[8:])
}

// parseWitness reads a key: name+hash+base64 of a type byte, 4, and the key.
func parseWitness(s string) (*witness, error) {
	name, rest, _ := strings.Cut(s, "+")
	hash, text, _ := strings.Cut(rest, "+")
	h, err := strconv.ParseUint(hash, 16, 32)
	data, err2 := base64.StdEncoding.DecodeString(text)
	if err := errors.Join(err, err2); err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != 4 {
		return nil, fmt.Errorf("%q is no key of a witness: %v", s, err)
	}
	return &witness{name, uint32(h), data[1:]}, nil
}

// recordsFile names the file of records (C2SP tlog-tiles).
func recordsFile(n, width int64) string {
	name := "tile/entries/" + groups(n)
	if width < recordsPerFile {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

// groups writes a number in groups of three digits, each but the last behind an x.
func groups(n int64) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/", n%1000) + name
	}
	return name
}

// splitRecords parts a file: each record stands behind its length in two bytes.
func splitRecords(data []byte, n int) ([][]byte, error) {
	var records [][]byte
	for range n {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("they are missing, or cut short")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		records = append(records, bytes.Clone(data[2:end]))
		data = data[end:]
	}
	if len(data) > 0 {
		return nil, errors.New("there are more than the checkpoint covers")
	}
	return records, nil
}
