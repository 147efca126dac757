//go:build unix

package tessera

import (
	"context"
	"net/http"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
)

// folder is Tessera's driver for a log in a folder.
func folder(dir string, client *http.Client) (tessera.Driver, error) {
	return posix.New(context.Background(), posix.Config{Path: dir, HTTPClient: client})
}
