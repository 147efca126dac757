package provenance_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "provenance", deptest.Budget{Forbidden: []string{"net/http", "os/exec"}})
}
