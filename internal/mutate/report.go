package mutate

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Excuses are the mutants that change nothing which a test could see, by their
// [Mutant.Key], each with the reason.
type Excuses map[string]string

// ParseExcuses reads a file of excuses: a line each, function, what is changed and
// the reason, with tabs between them. Lines that begin with # say nothing.
func ParseExcuses(r io.Reader) (Excuses, error) {
	e, s := Excuses{}, bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		if line := s.Text(); line != "" && line[0] != '#' {
			parts := strings.Split(line, "\t")
			if len(parts) != 3 || parts[2] == "" {
				return nil, fmt.Errorf("line %d: %q: want a function, what is changed and the reason, with tabs between", n, line)
			}
			e[parts[0]+"\t"+parts[1]] = parts[2]
		}
	}
	return e, s.Err()
}

// Sample draws n of the mutants, the same for the same seed, in their order. Zero
// is all.
func Sample(mutants []Mutant, n int, seed uint64) []Mutant {
	if n <= 0 || n >= len(mutants) {
		return mutants
	}
	picked := slices.Clone(mutants)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	picked = picked[:n]
	slices.SortFunc(picked, func(a, b Mutant) int { return a.ID - b.ID })
	return picked
}

// Again picks those of the mutants that a report names as not noticed.
func Again(mutants []Mutant, report string) (picked []Mutant) {
	named := map[string]bool{}
	for line := range strings.Lines(report) {
		if outcome, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && (Outcome(outcome) == Survived || Outcome(outcome) == Unseen) {
			named[name] = true
		}
	}
	for _, m := range mutants {
		if named[m.String()] {
			picked = append(picked, m)
		}
	}
	return picked
}

// A Score counts outcomes.
type Score struct{ Killed, Timeout, Survived, Unseen, Excused int }

// Percent is the part that is noticed, of those that are not excused.
func (s Score) Percent() float64 {
	of := s.Killed + s.Timeout + s.Survived + s.Unseen
	if of == 0 {
		return 0
	}
	return 100 * float64(s.Killed+s.Timeout) / float64(of)
}

// Report writes a table by file and every mutant that no test notices, and returns
// the score.
func Report(w io.Writer, results []Result, excuses Excuses) Score {
	var all Score
	files := map[string]*Score{}
	for _, r := range results {
		if files[r.File] == nil {
			files[r.File] = &Score{}
		}
		for _, s := range []*Score{&all, files[r.File]} {
			switch {
			case r.Outcome == Killed:
				s.Killed++
			case r.Outcome == Timeout:
				s.Timeout++
			case excuses[r.Key()] != "":
				s.Excused++
			case r.Outcome == Survived:
				s.Survived++
			default:
				s.Unseen++
			}
		}
		if (r.Outcome == Survived || r.Outcome == Unseen) && excuses[r.Key()] == "" {
			fmt.Fprintf(w, "%s %s\n", r.Outcome, r.Mutant)
		}
	}
	const row = "%-28s %7v %7v %9v %7v %8v %7v\n"
	fmt.Fprintf(w, row, "file", "killed", "timeout", "survived", "unseen", "excused", "score")
	line := func(name string, s Score) {
		fmt.Fprintf(w, row, name, s.Killed, s.Timeout, s.Survived, s.Unseen, s.Excused, fmt.Sprintf("%.1f%%", s.Percent()))
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		line(file, *files[file])
	}
	line(fmt.Sprintf("all %d", len(results)), all)
	return all
}
