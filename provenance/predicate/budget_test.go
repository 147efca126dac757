package predicate_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "provenance/predicate", deptest.Budget{Own: []string{"provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}
