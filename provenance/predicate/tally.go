package predicate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
)

// Limits of a report. What is over one is refused, before the memory is spent.
const (
	maxReport = 1 << 30  // bytes of a report that is read line by line
	maxHeld   = 64 << 20 // bytes of any other, and of one line
	maxNames  = 8 << 20  // bytes of names of tests: a statement has room for 16 MiB
	maxDepth  = 64       // of nested elements
)

// A tally counts how tests ended.
type tally struct {
	ended map[string]Result // "" is skipped
	bytes int
}

// end notes how a test ended. A test that ends several times, as with -count or
// when it is tried again, ended as badly as it ever did.
func (t *tally) end(name string, r Result) error {
	if t.ended == nil {
		t.ended = map[string]Result{}
	}
	if name == "" {
		name = "(no name)"
	}
	name = strings.ToValidUTF8(name, string(utf8.RuneError))
	old, again := t.ended[name]
	if !again {
		if t.bytes += len(name); t.bytes > maxNames {
			return fmt.Errorf("the names of the tests have more than %d bytes", maxNames)
		}
	}
	if !again || worse(r, old) {
		t.ended[name] = r
	}
	return nil
}

// worse reports whether a is worse than b.
func worse(a, b Result) bool {
	order := []Result{"", Passed, Warned, Failed}
	return slices.Index(order, a) > slices.Index(order, b)
}

// errNothingRan says that a report is of no test.
var errNothingRan = errors.New("no test ran, so there is no result")

// result is what came of all of it. A run in which nothing ran is an error: it
// did not fail, and it must not look as if it passed.
func (t *tally) result(configuration []provenance.ResourceDescriptor) (*TestResult, error) {
	r := &TestResult{Result: Passed, Configuration: configuration}
	for _, name := range slices.Sorted(maps.Keys(t.ended)) {
		switch t.ended[name] {
		case Passed:
			r.PassedTests = append(r.PassedTests, name)
		case Warned:
			r.WarnedTests = append(r.WarnedTests, name)
		case Failed:
			r.FailedTests = append(r.FailedTests, name)
		}
	}
	switch {
	case len(r.FailedTests) > 0:
		r.Result = Failed
	case len(r.WarnedTests) > 0:
		r.Result = Warned
	case len(r.PassedTests) == 0:
		return nil, errNothingRan
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}
