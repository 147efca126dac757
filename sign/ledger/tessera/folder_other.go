//go:build !unix

package tessera

import (
	"errors"
	"net/http"

	"github.com/transparency-dev/tessera"
)

// folder says that Tessera's driver for folders needs a POSIX system.
func folder(string, *http.Client) (tessera.Driver, error) {
	return nil, errors.New("tessera: on this system no log is written in a folder (that takes a POSIX system): use Options.Driver, or write it elsewhere and read it here")
}
