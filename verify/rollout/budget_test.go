package rollout_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/rollout", deptest.Budget{Modules: 5,
		Own: []string{"provenance", "provenance/release", "sbom", "sbom/license", "sign", "sign/ledger", "verify", "verify/report"}, Forbidden: []string{"net/http", "os/exec"}})
}
