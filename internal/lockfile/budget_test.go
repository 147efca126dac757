package lockfile_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

// The package that observes builds links it, and nothing besides the standard library.
func TestBudget(t *testing.T) {
	deptest.Only(t, "internal/lockfile", deptest.Budget{Own: []string{"provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}
