package image

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"io"
)

// The parts of a database of RPM in its own format, in bytes.
const (
	ndbBlock    = 16
	ndbPage     = 4096 // of slots; the first two are the head of the file
	ndbMaxPages = 4096 // of slots, for a million packages
	ndbHead     = 16   // of a blob: magic, index, time, length
	ndbTail     = 12   // of a blob: Adler-32, length, magic
)

// ndbHeaders calls each for every header in a database in RPM's own format (rpm,
// lib/backend/ndb/rpmpkg.c, version 0): slots that say where the blobs are, and each
// blob between a head and a tail, with a sum of both.
func ndbHeaders(r io.ReaderAt, size int64, each func([]byte) error) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: a database of RPM's own format %s", errText, fmt.Sprintf(format, args...))
	}
	number := binary.LittleEndian.Uint32
	if size > maxDatabase {
		return bad("of more than %d bytes", int64(maxDatabase))
	}
	var head [32]byte
	if err := readAt(r, head[:], 0); err != nil {
		return err
	}
	pages := int64(number(head[12:]))
	switch {
	case string(head[:4]) != "RpmP" || number(head[4:]) != 0:
		return bad("that is none, or of another version")
	case pages == 0 || pages > ndbMaxPages || pages*ndbPage > size:
		return bad("of %d bytes with %d pages of slots", size, pages)
	}
	seen, taken := map[uint32]bool{}, int64(0)
	slots := make([]byte, ndbPage)
	for page := range pages {
		if err := readAt(r, slots, page*ndbPage); err != nil {
			return err
		}
		for at := 0; at < ndbPage; at += ndbBlock {
			slot := slots[at : at+ndbBlock]
			if page == 0 && at < len(head) {
				continue
			}
			index, begin, length := number(slot[4:]), int64(number(slot[8:]))*ndbBlock, int64(number(slot[12:]))*ndbBlock
			switch {
			case string(slot[:4]) != "Slot":
				return bad("with a slot that is none")
			case begin == 0:
				continue // free
			case index == 0 || begin < pages*ndbPage || length < ndbHead+ndbTail || begin+length > size:
				return bad("whose package %d has no place", index)
			case seen[index]:
				return bad("with the package %d twice", index)
			case length > maxRecord:
				return bad("with a package of %d bytes", length)
			}
			// Blobs that overlap could be more than the file.
			if taken += length; taken > size {
				return bad("whose packages overlap")
			}
			seen[index] = true
			blob := make([]byte, length)
			if err := readAt(r, blob, begin); err != nil {
				return err
			}
			held, tail := int64(number(blob[12:])), blob[length-ndbTail:]
			switch {
			case string(blob[:4]) != "BlbS" || number(blob[4:]) != index || string(tail[8:]) != "BlbE" || int64(number(tail[4:])) != held,
				(ndbHead+held+ndbTail+ndbBlock-1)/ndbBlock*ndbBlock != length:
				return bad("whose package %d is not where its slot says", index)
			case adler32.Checksum(blob[:length-ndbTail]) != number(tail):
				return bad("whose package %d has another sum", index)
			}
			if err := each(blob[ndbHead : ndbHead+held]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readAt fills b, or says that the file is too short.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err != io.EOF {
		return err
	}
	return fmt.Errorf("%w: the database ends within %d bytes at %d", errText, len(b), at)
}
