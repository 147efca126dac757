package predicate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// A testEvent is one line of go test -json (go doc test2json).
type testEvent struct {
	Action     string
	Package    string
	ImportPath string // of a build event
	Test       string
}

// A testedPackage is what was seen of one package's tests.
type testedPackage struct {
	running map[string]int
	ended   bool // since the last event of it
	failed  bool // one of its tests has
}

// FromGoTest reads the output of go test -json (go doc test2json). A test is
// named "PACKAGE.TEST", subtests among them; what fails in a package outside of any test
// (it does not build, TestMain exits, data races) is named as the package.
//
// A test that began and did not end has FAILED, also when its package passed. A
// report that ends before one of its packages does, or with half a line, is an error:
// the run was cut off. So is a report of no test that ran, and a line that is no event:
// what go test writes to standard error does not belong into it.
func FromGoTest(r io.Reader, configuration ...provenance.ResourceDescriptor) (*TestResult, error) {
	var t tally
	packages := map[string]*testedPackage{}
	err := eachLine(r, func(line []byte) error {
		var e testEvent
		if err := strictjson.Unmarshal(line, &e); err != nil {
			var at *strictjson.Error
			if errors.As(err, &at) { // its line is always 1
				return fmt.Errorf("no event of go test -json: column %d: %s", at.Column, at.Msg)
			}
			return fmt.Errorf("no event of go test -json: %v", err)
		}
		return t.event(packages, e)
	})
	if err != nil {
		return nil, fmt.Errorf("go test: %w", err)
	}
	if len(packages) == 0 {
		return nil, errors.New("go test: the report has no event of a package")
	}
	for _, path := range slices.Sorted(maps.Keys(packages)) {
		if !packages[path].ended {
			return nil, fmt.Errorf("go test: the report was cut off: it does not say how %s ended", quote(path))
		}
	}
	result, err := t.result(configuration)
	if err != nil {
		return nil, fmt.Errorf("go test: %w", err)
	}
	return result, nil
}

// event takes one event into account.
func (t *tally) event(packages map[string]*testedPackage, e testEvent) error {
	switch e.Action {
	case "":
		return errors.New("no event of go test -json: it has no Action")
	case "build-output", "build-fail": // the package's own failure follows
		return nil
	}
	if e.Package == "" {
		return fmt.Errorf("event %s of no package", quote(e.Action))
	}
	p := packages[e.Package]
	if p == nil {
		if t.bytes += len(e.Package); t.bytes > maxNames {
			return fmt.Errorf("the names of the packages have more than %d bytes", maxNames)
		}
		p = &testedPackage{running: map[string]int{}}
		packages[e.Package] = p
	}
	if e.Test == "" {
		return t.packageEvent(p, e)
	}
	name := e.Package + "." + e.Test
	p.ended = false
	switch e.Action {
	case "run":
		if t.bytes += len(e.Test); t.bytes > maxNames {
			return fmt.Errorf("the names of the tests have more than %d bytes", maxNames)
		}
		p.running[e.Test]++
	case "pass", "bench", "fail", "skip":
		p.failed = p.failed || e.Action == "fail"
		if p.running[e.Test]--; p.running[e.Test] <= 0 {
			delete(p.running, e.Test)
		}
		return t.end(name, map[string]Result{"pass": Passed, "bench": Passed, "fail": Failed, "skip": ""}[e.Action])
	}
	return nil
}

// packageEvent takes an event of a package as a whole into account.
func (t *tally) packageEvent(p *testedPackage, e testEvent) error {
	switch e.Action {
	case "start":
		if len(p.running) > 0 {
			return fmt.Errorf("package %s starts again before its tests ended", quote(e.Package))
		}
		p.ended = false
	case "pass", "fail", "skip":
		p.ended = true
		for _, test := range slices.Sorted(maps.Keys(p.running)) {
			p.failed = true
			if err := t.end(e.Package+"."+test, Failed); err != nil {
				return err
			}
		}
		clear(p.running)
		if e.Action == "fail" && !p.failed { // no test says why
			return t.end(e.Package, Failed)
		}
	}
	return nil
}

// eachLine calls f with each line that is not empty. The last one must end, too.
func eachLine(r io.Reader, f func([]byte) error) error {
	limited := &io.LimitedReader{R: r, N: maxReport + 1}
	s := bufio.NewReaderSize(limited, 64<<10)
	var line []byte
	for n := 1; ; n++ {
		line = line[:0]
		for {
			part, err := s.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxHeld {
				return fmt.Errorf("line %d has more than %d bytes", n, maxHeld)
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF {
				if limited.N <= 0 {
					return fmt.Errorf("the report has more than %d bytes", maxReport)
				}
				if len(bytes.TrimSpace(line)) > 0 {
					return fmt.Errorf("line %d: the report was cut off: its last line has no end", n)
				}
				return nil
			}
			if err != nil {
				return err
			}
			break
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := f(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}
