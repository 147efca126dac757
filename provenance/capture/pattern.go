package capture

import (
	"regexp"
	"sync"
)

// pattern is an expression that is compiled when it is asked for: most programs
// run in the jobs of one system, or of none, and pay for no other's.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
