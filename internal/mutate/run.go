package mutate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An Outcome is what the tests said of a mutant.
type Outcome string

// The outcomes.
const (
	Killed   Outcome = "killed"   // a test failed
	Timeout  Outcome = "timeout"  // the tests did not end: noticed as well
	Survived Outcome = "survived" // every test that reaches it passes
	Unseen   Outcome = "unseen"   // no test comes to where it would matter: 5 < 6 does not ask for the edge
)

// A Result is a mutant and what became of it.
type Result struct {
	Mutant
	Outcome Outcome
	By      string // the tests that were run last
}

// A Runner runs tests against mutants. The zero Runner runs all tests.
type Runner struct {
	Tests   *regexp.Regexp // names of the tests to run; nil is all
	Skip    *regexp.Regexp // those of them not to run, with the subtests that are run apart: TestX/name; nil is none
	Split   *regexp.Regexp // those whose subtests are run apart, because they are many; nil is none
	Limit   time.Duration  // for the tests of one mutant; zero is a minute
	Memory  int            // KiB of address space that they may have, on Linux; zero is 8 GiB
	Batch   int            // how many subtests of one test are run together; zero is six
	Workers int            // how many processes run at once; zero is one
	Logf    func(format string, args ...any)
	program *Program
	reach   map[int][]unit // by mutant
}

// A unit is a test, or some subtests of one, and how long it takes.
type unit struct {
	names []string
	took  time.Duration
}

// Prepare finds which tests reach which mutants: it runs each once, alone. They
// must all pass while no mutant is on.
func (r *Runner) Prepare(ctx context.Context, p *Program) error {
	r.program, r.reach = p, map[int][]unit{}
	units, err := r.units(ctx)
	if err != nil {
		return err
	}
	reached := make([][]string, len(units))
	err = r.each(ctx, len(units), func(ctx context.Context, i int) error {
		u, seen := &units[i], filepath.Join(filepath.Dir(p.binary), fmt.Sprintf("seen.%d", i))
		if err := os.WriteFile(seen, nil, 0o600); err != nil {
			return err
		}
		start := time.Now()
		out, err := r.exec(ctx, -1, seen, "-test.run="+exactly(u.names))
		if err != nil {
			return fmt.Errorf("%s fails by itself: %w\n%s", strings.Join(u.names, ", "), err, out)
		}
		u.took = time.Since(start)
		data, err := os.ReadFile(seen)
		reached[i] = strings.Fields(string(data))
		return err
	})
	if err != nil {
		return err
	}
	for i, u := range units {
		for _, line := range reached[i] {
			if n, err := strconv.Atoi(line); err == nil {
				r.reach[n] = append(r.reach[n], u)
			}
		}
	}
	for n, units := range r.reach {
		slices.SortStableFunc(units, func(a, b unit) int { return int(a.took - b.took) })
		r.reach[n] = units
	}
	r.log("%d runs of tests, %d of %d mutants are reached", len(units), len(r.reach), len(p.Mutants))
	return nil
}

// units are the tests, those of Split by their subtests.
func (r *Runner) units(ctx context.Context) (units []unit, err error) {
	out, err := r.exec(ctx, 0, "", "-test.list=.")
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	for _, name := range strings.Fields(string(out)) {
		if !strings.HasPrefix(name, "Test") || r.Tests != nil && !r.Tests.MatchString(name) || r.Skip != nil && r.Skip.MatchString(name) {
			continue
		}
		if r.Split == nil || !r.Split.MatchString(name) {
			units = append(units, unit{names: []string{name}})
			continue
		}
		var subs []string
		out, err := r.exec(ctx, 0, "", "-test.v", "-test.run=^"+name+"$")
		if err != nil {
			return nil, fmt.Errorf("%s fails by itself: %w\n%s", name, err, out)
		}
		for line := range strings.Lines(string(out)) {
			sub, ok := strings.CutPrefix(strings.TrimSpace(line), "=== RUN   "+name+"/")
			if ok && !strings.Contains(sub, "/") && (r.Skip == nil || !r.Skip.MatchString(name+"/"+sub)) {
				subs = append(subs, name+"/"+sub)
			}
		}
		batch := r.Batch
		if batch == 0 {
			batch = 6
		}
		for names := range slices.Chunk(subs, batch) {
			units = append(units, unit{names: names})
		}
	}
	if len(units) == 0 {
		return nil, errors.New("there are no such tests")
	}
	return units, nil
}

// Try switches one mutant on and runs the tests that reach it, the fastest first,
// until one fails.
func (r *Runner) Try(ctx context.Context, m Mutant) (Result, error) {
	result := Result{Mutant: m, Outcome: Unseen}
	limit := r.Limit
	if limit == 0 {
		limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, u := range r.reach[m.ID] {
		_, err := r.exec(ctx, m.ID, "", "-test.failfast", "-test.run="+exactly(u.names))
		result.Outcome, result.By = Survived, strings.Join(u.names, ", ")
		var exit *exec.ExitError
		switch {
		case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
			result.Outcome = Timeout
			return result, nil
		case ctx.Err() != nil:
			return result, ctx.Err()
		case errors.As(err, &exit):
			result.Outcome = Killed
			return result, nil
		case err != nil:
			return result, err
		}
	}
	return result, nil
}

// TryAll tries mutants, several at once, and tells Logf at once of those that no
// test notices. The results are in the order of the mutants.
func (r *Runner) TryAll(ctx context.Context, mutants []Mutant) ([]Result, error) {
	results := make([]Result, len(mutants))
	var done atomic.Int64
	err := r.each(ctx, len(mutants), func(ctx context.Context, i int) error {
		result, err := r.Try(ctx, mutants[i])
		if err != nil {
			return err
		}
		results[i] = result
		if result.Outcome == Survived || result.Outcome == Unseen {
			r.log("%s %s", result.Outcome, result.Mutant)
		}
		if n := done.Add(1); n%50 == 0 {
			r.log("%d of %d", n, len(mutants))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// each calls do for 0 to n-1, for as many at once as there are Workers, until one fails.
func (r *Runner) each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range max(r.Workers, 1) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// exactly is a pattern for tests of one top test.
func exactly(names []string) string {
	top, _, split := strings.Cut(names[0], "/")
	if !split {
		return "^" + top + "$"
	}
	var subs []string
	for _, name := range names {
		_, sub, _ := strings.Cut(name, "/")
		subs = append(subs, regexp.QuoteMeta(sub))
	}
	return "^" + top + "$/^(" + strings.Join(subs, "|") + ")$"
}

func (r *Runner) exec(ctx context.Context, mutant int, seen string, args ...string) ([]byte, error) {
	args = append([]string{"-test.timeout=10m"}, args...)
	cmd := exec.CommandContext(ctx, r.program.binary, args...)
	if runtime.GOOS == "linux" { // a mutant may allocate without end
		memory := r.Memory
		if memory == 0 {
			memory = 8 << 20
		}
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", `ulimit -v "$0" && exec "$@"`, strconv.Itoa(memory), r.program.binary}, args...)...)
	}
	cmd.Dir = r.program.Dir
	cmd.Env = append(os.Environ(), "TOUCHMARK_MUTANT="+strconv.Itoa(mutant), "TOUCHMARK_MUTANTS_SEEN="+seen)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.Bytes(), err
}

func (r *Runner) log(format string, args ...any) {
	if r.Logf != nil {
		r.Logf(format, args...)
	}
}
