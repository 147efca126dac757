package strictjson

import (
	"fmt"
	"io"
)

// ReadAll reads r to its end. If there is more than limit bytes, the error is
// [ErrLimit], and no more than one byte past the limit has been read or held.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	buf := make([]byte, 0, min(limit+1, 4096))
	for idle := 0; ; {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*int64(cap(buf)), limit+1))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, fmt.Errorf("more than %d bytes: %w", limit, ErrLimit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if idle++; n > 0 {
			idle = 0
		}
		if idle > 100 {
			return nil, io.ErrNoProgress
		}
	}
}
