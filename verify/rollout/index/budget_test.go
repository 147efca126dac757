package index_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/rollout/index", deptest.Budget{Own: []string{"provenance", "provenance/release"}, Forbidden: []string{"net/http", "os/exec"}})
}
