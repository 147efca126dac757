//go:build race

package verify_test

// raceEnabled says that the race detector is at work.
const raceEnabled = true
