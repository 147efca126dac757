package capture

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// programSums are the digests of the toolchain's programs that this process has
// hashed. They have some 60 MB, the same in every build, and a build tool makes many:
// one for each platform, say. Nothing is kept beyond the process.
var programSums sync.Map // programKey to SHA-256, in hexadecimal

// A programKey is a file as it was when it was hashed. Whoever writes to it sets its
// change time, which no program can choose.
type programKey struct {
	device, inode  uint64
	size           int64
	change, modify int64 // nanoseconds
}

// settled is how long ago a file must have changed for its change time to tell it from
// one that changed since: clocks of file systems are coarse.
const settled = 2 * time.Second

// sumProgram is sha256File of a program of the toolchain, which is hashed once.
func sumProgram(ctx context.Context, path string) (provenance.DigestSet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	key, known := keyOf(info)
	if known {
		if sum, hashed := programSums.Load(key); hashed {
			return provenance.DigestSet{provenance.SHA256: sum.(string)}, nil
		}
	}
	began := time.Now()
	sum, err := sha256Of(ctx, f)
	if err != nil || !known || began.Sub(time.Unix(0, key.change)) < settled {
		return sum, err
	}
	if after, err := f.Stat(); err == nil {
		if now, _ := keyOf(after); now == key {
			programSums.Store(key, sum[provenance.SHA256])
		}
	}
	return sum, nil
}
