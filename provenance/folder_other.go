//go:build !linux

package provenance

import "os"

func openFastFolder(root *os.Root, dir string) (openFolder, error) { return openRootFolder(root, dir) }
