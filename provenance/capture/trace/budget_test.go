package trace_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "provenance/capture/trace", deptest.Budget{
		Own: []string{"provenance", "provenance/predicate", "provenance/capture"}, Forbidden: []string{"net/http", "net"}})
}
