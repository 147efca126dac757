package mutate_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/mutate"
)

// The package that is broken: each function says which of its mutants its test notices.
var source = map[string]string{
	"go.mod": "module example.test/broken\n\ngo 1.26.0\n",
	"broken.go": `package broken

import "errors"

const most = 10 // no mutant: a constant has no switch

var order [3]int

// Held is held in everything.
func Held(n int, ok bool) (int, error) {
	if n < 3 && ok {
		return n + 1, nil
	}
	return 0, errors.New("no")
}

type limits struct{ max int }

// Edge is tested on both sides of its edge, and not on it.
func (l *limits) Edge(n int64) bool { return n <= int64(l.max) }

// Forgotten is called, and nobody looks.
func Forgotten(n int) int {
	order[0] = n
	switch {
	case n == most:
		n++
	}
	return n
}

// Nobody calls Unseen.
func Unseen() bool { return true }

// Endless does not end without its step.
func Endless() (n int) {
	for i := 0; i != 5; {
		i++
		n = i
	}
	return n
}
`,
	"other.go": "package broken\n\n// Other is in another file.\nfunc Other(a, b bool) bool { return a || b }\n",
	"broken_test.go": `package broken

import "testing"

func TestHeld(t *testing.T) {
	for _, c := range []struct {
		n, want int
		ok, err bool
	}{{1, 2, true, false}, {2, 3, true, false}, {3, 0, true, true}, {1, 0, false, true}, {4, 0, true, true}} {
		if got, err := Held(c.n, c.ok); got != c.want || (err != nil) != c.err {
			t.Errorf("Held(%d, %v) = %d, %v", c.n, c.ok, got, err)
		}
	}
}

func TestEdge(t *testing.T) {
	l := &limits{5}
	for n, want := range map[int64]bool{1: true, 9: false} {
		t.Run("sub", func(t *testing.T) {
			if l.Edge(n) != want {
				t.Error(n)
			}
		})
	}
}

func TestForgotten(t *testing.T) { Forgotten(10) }

func TestEndless(t *testing.T) {
	if Endless() != 5 {
		t.Error("not five")
	}
}

func TestOther(t *testing.T) {
	if !Other(true, false) || !Other(false, true) || Other(false, false) {
		t.Error("other")
	}
}
`,
}

func write(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range source {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
	return dir
}

func try(t *testing.T, r *mutate.Runner, p *mutate.Program) []mutate.Result {
	t.Helper()
	if err := r.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	results, err := r.TryAll(t.Context(), p.Mutants)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// TestMutants breaks a small package, and wants each of its weak places found and
// nothing else.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := write(t)
	p, err := mutate.Build(t.Context(), dir, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var logged sync.Map
	r := &mutate.Runner{Limit: 10 * time.Second, Split: regexp.MustCompile("^TestEdge$"), Workers: 2, Logf: func(format string, args ...any) { logged.Store(fmt.Sprintf(format, args...), true) }}
	results := try(t, r, p)
	for i, result := range results {
		if result.Mutant != p.Mutants[i] {
			t.Errorf("result %d is of %s, want %s", i, result.Mutant, p.Mutants[i])
		}
		if _, told := logged.Load(fmt.Sprintf("%s %s", result.Outcome, result.Mutant)); told != (result.Outcome == mutate.Survived || result.Outcome == mutate.Unseen) {
			t.Errorf("%s %s: told at once: %t", result.Outcome, result.Mutant, told)
		}
	}
	got := map[string]mutate.Outcome{}
	for _, result := range results {
		key := strings.ReplaceAll(result.Key(), "\t", ": ")
		if old, ok := got[key]; ok && old != result.Outcome {
			t.Errorf("%s is %s and %s", key, old, result.Outcome)
		}
		got[key] = result.Outcome
	}
	want := map[string]mutate.Outcome{
		"Held: never n < 3 && ok": "killed", "Held: always n < 3 && ok": "killed", "Held: without n < 3": "killed", "Held: without ok": "killed", "Held: edge n < 3": "killed",
		"Held: off 3": "killed", "Held: off 1": "killed", "Held: off 0": "killed", `Held: noerror errors.New("no")`: "killed",
		"limits.Edge: flip n <= int64(l.max)": "killed", "limits.Edge: edge n <= int64(l.max)": "unseen",
		"Forgotten: drop order[0] = n": "survived", "Forgotten: never n == most": "survived", "Forgotten: always n == most": "unseen", "Forgotten: flip n == most": "survived",
		"Forgotten: drop n++": "survived", "Forgotten: off 0": "survived",
		"Unseen: flip true": "unseen",
		"Endless: drop i++": "timeout", "Endless: drop n = i": "killed", "Endless: flip i != 5": "killed", "Endless: off 0": "survived", "Endless: off 5": "killed",
		"Other: flip a || b": "killed", "Other: without a": "killed", "Other: without b": "killed",
	}
	for key, outcome := range want {
		if got[key] != outcome {
			t.Errorf("%s: %q, want %q", key, got[key], outcome)
		}
		delete(got, key)
	}
	for key, outcome := range got {
		t.Errorf("%s: %s, and there should be no such mutant", key, outcome)
	}

	var report bytes.Buffer
	excuses, err := mutate.ParseExcuses(strings.NewReader("# why\n\nEndless\toff 0\tit ends at five from wherever it begins\nOther\twithout a\tnot needed\n"))
	if err != nil {
		t.Fatal(err)
	}
	score := mutate.Report(&report, results, excuses)
	if score.Excused != 1 || score.Unseen != 3 || score.Timeout != 1 || score.Survived != 5 || score.Killed+score.Timeout+score.Survived+score.Unseen+score.Excused != len(results) {
		t.Errorf("%+v\n%s", score, &report)
	}
	for _, line := range []string{"unseen broken.go:20: limits.Edge: edge n <= int64(l.max)\n", "survived broken.go:27: Forgotten: drop n++\n"} {
		if !strings.Contains(report.String(), line) {
			t.Errorf("no %q in\n%s", line, &report)
		}
	}
	if again := mutate.Again(p.Mutants, report.String()); len(again) != score.Survived+score.Unseen || again[0].Key() != "limits.Edge\tedge n <= int64(l.max)" {
		t.Errorf("to be tried again: %v, of\n%s", again, &report)
	}
	if strings.Contains(report.String(), "Endless: off 0") {
		t.Errorf("what is excused is listed:\n%s", &report)
	}
	for name, text := range source {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != text {
			t.Errorf("%s was touched: %v", name, err)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != len(source) {
		t.Errorf("%d files in the package, want %d", len(files), len(source))
	}
}

// TestPart takes one file, and some of the tests.
func TestPart(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	p, err := mutate.Build(t.Context(), write(t), t.TempDir(), regexp.MustCompile("^other").MatchString)
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]mutate.Outcome{"^TestOther$": mutate.Killed, "^TestHeld$": mutate.Unseen} {
		for _, r := range try(t, &mutate.Runner{Tests: regexp.MustCompile(pattern)}, p) {
			if r.Outcome != want || r.File != "other.go" {
				t.Errorf("%s: %s %s, want %s", pattern, r.Outcome, r.Mutant, want)
			}
		}
	}
	if err := (&mutate.Runner{Tests: regexp.MustCompile("^TestNone$")}).Prepare(t.Context(), p); err == nil {
		t.Error("without tests it is prepared")
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &mutate.Runner{}
	if err := r.Prepare(ctx, p); err != nil {
		t.Fatal(err)
	}
	if cancel(); true {
		if _, err := r.Try(ctx, p.Mutants[0]); err == nil {
			t.Error("what was canceled has a result")
		}
		if results, err := r.TryAll(ctx, p.Mutants); err == nil {
			t.Errorf("what was canceled has results: %v", results)
		}
	}
}

// TestFailing wants no score of tests that fail by themselves, nor of a package
// that does not compile.
func TestFailing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := write(t)
	add := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	add("fails_test.go", "package broken\n\nimport \"testing\"\n\nfunc TestFails(t *testing.T) { t.Error(\"always\") }\n")
	p, err := mutate.Build(t.Context(), dir, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&mutate.Runner{Skip: regexp.MustCompile("^TestFails$")}).Prepare(t.Context(), p); err != nil {
		t.Errorf("without the test that fails: %v", err)
	}
	if err := (&mutate.Runner{}).Prepare(t.Context(), p); err == nil || !strings.Contains(err.Error(), "TestFails fails by itself") {
		t.Errorf("prepared with a test that fails: %v", err)
	}
	add("wrong.go", "package broken\n\nfunc Wrong() int { return \"\" }\n")
	if _, err := mutate.Build(t.Context(), dir, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "no mutant is to blame") {
		t.Errorf("built what does not compile: %v", err)
	}
	if _, err := mutate.Build(t.Context(), t.TempDir(), t.TempDir(), nil); err == nil {
		t.Error("built an empty folder")
	}
}

// TestSample wants the same mutants for the same seed.
func TestSample(t *testing.T) {
	var all []mutate.Mutant
	for i := range 100 {
		all = append(all, mutate.Mutant{ID: i + 1})
	}
	a, b, c := mutate.Sample(all, 10, 1), mutate.Sample(all, 10, 1), mutate.Sample(all, 10, 2)
	if len(a) != 10 || !slices.Equal(a, b) || slices.Equal(a, c) || !slices.IsSortedFunc(a, func(x, y mutate.Mutant) int { return x.ID - y.ID }) {
		t.Errorf("%v\n%v\n%v", a, b, c)
	}
	if got := mutate.Sample(all, 0, 1); len(got) != 100 {
		t.Errorf("%d of all", len(got))
	}
	if all[0].ID != 1 || all[99].ID != 100 {
		t.Error("the sample shuffles what it draws from")
	}
}

func TestParseExcusesRefuses(t *testing.T) {
	for _, text := range []string{"f never x why", "f\tnever x\t", "f\tnever x", "f\tnever\tx\twhy"} {
		if e, err := mutate.ParseExcuses(strings.NewReader(text)); err == nil {
			t.Errorf("%q: %v", text, e)
		}
	}
}

func ExampleScore_Percent() {
	fmt.Printf("%.1f %.1f\n", mutate.Score{Killed: 18, Timeout: 1, Survived: 1, Excused: 5}.Percent(), mutate.Score{}.Percent())
	// Output: 95.0 0.0
}
