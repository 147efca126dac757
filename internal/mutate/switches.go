package mutate

// switches is what is built into the package beside the changes. It reads which
// one is on; -1 writes down which ones are reached.
const switches = `package %s

import (
	"cmp"
	"os"
	"strconv"
	"sync"
)

var mutantNow = func() int { n, _ := strconv.Atoi(os.Getenv("TOUCHMARK_MUTANT")); return n }()

var mutantSeen sync.Map

func mutantOn(n int) bool {
	if mutantNow == -1 {
		if _, before := mutantSeen.LoadOrStore(n, true); !before {
			if f, err := os.OpenFile(os.Getenv("TOUCHMARK_MUTANTS_SEEN"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600); err == nil {
				f.WriteString(strconv.Itoa(n) + "\n")
				f.Close()
			}
		}
	}
	return mutantNow == n
}

func mutantOne(n int) int {
	if mutantOn(n) {
		return 1
	}
	return 0
}

func mutantNil(n int, err error) error {
	if mutantOn(n) {
		return nil
	}
	return err
}

func mutantLess[T cmp.Ordered](n int, a, b T) bool    { return a < b || mutantOn(n) && a == b }
func mutantAtMost[T cmp.Ordered](n int, a, b T) bool  { return a < b || a == b && !mutantOn(n) }
func mutantMore[T cmp.Ordered](n int, a, b T) bool    { return a > b || mutantOn(n) && a == b }
func mutantAtLeast[T cmp.Ordered](n int, a, b T) bool { return a > b || a == b && !mutantOn(n) }
`
