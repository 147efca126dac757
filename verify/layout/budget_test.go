package layout_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

// It links what verify links, and nothing that could run a command or fetch.
func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/layout", deptest.Budget{
		Modules:   5,
		Own:       []string{"provenance", "provenance/release", "sbom", "sign", "verify"},
		Forbidden: []string{"net/http", "os/exec"},
	})
}
