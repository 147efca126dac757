package verifytest_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/verifytest", deptest.Budget{Modules: 5,
		Own: []string{"provenance", "provenance/release", "sbom", "sign", "verify"}, Forbidden: []string{"net/http", "os/exec"}})
}
