// Command gomutate breaks a package in many small ways and says which of them its
// tests do not notice: go run ./internal/mutate/gomutate -dir verify. See package
// mutate.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/touchmark-go/touchmark/internal/mutate"
)

func main() {
	dir := flag.String("dir", ".", "the folder of the package")
	files := flag.String("files", "", "a pattern for the names of the files that are changed; all if it is empty")
	tests := flag.String("tests", "", "a pattern for the names of the tests that are run; all if it is empty")
	skip := flag.String("skip", "", "a pattern for the names of those that are not")
	split := flag.String("split", "", "a pattern for tests whose subtests are run apart")
	sample := flag.Int("sample", 0, "how many mutants are tried; all if it is 0")
	seed := flag.Uint64("seed", 1, "which ones")
	again := flag.String("again", "", "a file with an earlier report: only the mutants that it names as not noticed are tried")
	limit := flag.Duration("limit", time.Minute, "for the tests of one mutant")
	workers := flag.Int("workers", 2, "how many processes with tests run at once")
	excuses := flag.String("excuses", "", "a file of mutants that no test can notice")
	least := flag.Float64("least", 0, "the score, in percent, below which the exit status is 1")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := mutate.Runner{Tests: pattern(*tests), Skip: pattern(*skip), Split: pattern(*split), Limit: *limit, Workers: *workers, Logf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	score, err := run(ctx, *dir, pattern(*files), *excuses, func(all []mutate.Mutant) ([]mutate.Mutant, error) {
		if *again == "" {
			return mutate.Sample(all, *sample, *seed), nil
		}
		report, err := os.ReadFile(*again)
		return mutate.Again(all, string(report)), err
	}, &r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gomutate:", err)
		os.Exit(2)
	}
	if score.Percent() < *least {
		fmt.Fprintf(os.Stderr, "gomutate: %.1f%% of the mutants are noticed, want %.1f%%\n", score.Percent(), *least)
		os.Exit(1)
	}
}

func pattern(text string) *regexp.Regexp {
	if text == "" {
		return nil
	}
	return regexp.MustCompile(text)
}

func run(ctx context.Context, dir string, files *regexp.Regexp, excuseFile string, pick func([]mutate.Mutant) ([]mutate.Mutant, error), r *mutate.Runner) (mutate.Score, error) {
	var none mutate.Score
	excuses := mutate.Excuses{}
	if excuseFile != "" {
		f, err := os.Open(excuseFile)
		if err != nil {
			return none, err
		}
		defer f.Close()
		if excuses, err = mutate.ParseExcuses(f); err != nil {
			return none, fmt.Errorf("%s: %w", excuseFile, err)
		}
	}
	work, err := os.MkdirTemp("", "gomutate")
	if err != nil {
		return none, err
	}
	defer os.RemoveAll(work)
	var match func(string) bool
	if files != nil {
		match = files.MatchString
	}
	p, err := mutate.Build(ctx, dir, work, match)
	if err != nil {
		return none, err
	}
	if err := r.Prepare(ctx, p); err != nil {
		return none, err
	}
	picked, err := pick(p.Mutants)
	if err != nil {
		return none, err
	}
	results, err := r.TryAll(ctx, picked)
	if err != nil {
		return none, err
	}
	return mutate.Report(os.Stdout, results, excuses), nil
}
