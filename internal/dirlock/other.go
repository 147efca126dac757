//go:build (!unix && !windows) || aix || solaris

package dirlock

import (
	"errors"
	"os"
)

// try refuses: a lock that is none would lose evidence.
func try(dir string) (func(), error) {
	return nil, &os.PathError{Op: "lock", Path: dir, Err: errors.ErrUnsupported}
}
