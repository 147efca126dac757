package tessera_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/ledger/tessera", deptest.Budget{Modules: 24, Own: []string{"sign", "sign/ledger", "provenance", "provenance/release"}})
}
