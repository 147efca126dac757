package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/touchmark-go/touchmark/internal/integration"
)

// The stories of stores hold for a real registry that has no referrers API.
func TestScriptsOfRealRegistry(t *testing.T) {
	integration.Need(t)
	runScripts(t, testscript.Params{Files: []string{"testdata/script/store.txtar"}}, integration.StartDistribution(t))
}
