package ledger_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/ledger", deptest.Budget{Modules: 3, Own: []string{"sign", "provenance", "provenance/release"}, Forbidden: []string{"net/http", "os/exec"}})
}
