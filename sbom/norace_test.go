//go:build !race

package sbom_test

// raceEnabled: the race detector's own memory counts as well.
const raceEnabled = false
