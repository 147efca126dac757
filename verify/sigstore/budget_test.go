package sigstore_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

// Whoever accepts certificates links nine modules, and none that does work
// before main.
func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/sigstore", deptest.Budget{
		Modules:   9,
		Own:       []string{"provenance", "provenance/release", "sbom", "sign", "verify"},
		Forbidden: []string{"net/http", "github.com/sigstore/sigstore-go/...", "github.com/go-openapi/..."},
	})
}
