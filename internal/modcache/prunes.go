package modcache

import (
	"strconv"
	"strings"
)

// Prunes reports whether a module whose go.mod file says goVersion names all
// that its packages need, so that nobody has to look into the files of what it
// requires (golang.org/ref/mod, "Module graph pruning": from go 1.17 on).
func Prunes(goVersion string) bool {
	major, rest, _ := strings.Cut(goVersion, ".")
	minor, _, _ := strings.Cut(rest, ".")
	end := 0
	for end < len(minor) && '0' <= minor[end] && minor[end] <= '9' {
		end++ // "1.21rc2"
	}
	x, err := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor[:end])
	return err == nil && err2 == nil && (x > 1 || x == 1 && y >= 17)
}
