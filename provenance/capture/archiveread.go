package capture

import (
	"crypto/sha256"
	"hash"
	"io"
)

// hashing reads a member of an archive, hashes it, and counts what the whole
// archive expands to.
type hashing struct {
	r   io.Reader
	a   *archive
	sum hash.Hash
}

func (h *hashing) reset() { h.sum = sha256.New() }

func (h *hashing) Read(p []byte) (int, error) {
	if err := h.a.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := h.r.Read(p)
	h.sum.Write(p[:n])
	if h.a.expanded += int64(n); h.a.expanded > maxExpanded {
		return n, errEnough
	}
	return n, err
}

// rest reads what is left of the member, if somebody wants its digest.
func (h *hashing) rest(wanted bool) error {
	if !wanted {
		return nil
	}
	_, err := io.Copy(io.Discard, h)
	return err
}
