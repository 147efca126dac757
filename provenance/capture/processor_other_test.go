//go:build !unix

package capture_test

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }
