//go:build !unix

package provenance_test

import (
	"errors"
	"time"
)

func processorTime() (time.Duration, error) {
	return 0, errors.New("the processor time is not known here")
}
