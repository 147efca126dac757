package sbom

import (
	"fmt"
	"strconv"
	"strings"
)

// A token stands for the name or the bom-ref of a component that is not at hand.
func nameToken(n int) string { return fmt.Sprintf("\x00n%d\x00", n) }

func refToken(n int) string { return fmt.Sprintf("\x00r%d\x00", n) }

func tokens(s string) (all []int32) {
	for i, part := range strings.Split(s, "\x00") {
		if n, err := strconv.ParseInt(strings.TrimLeft(part, "nr"), 10, 32); i%2 == 1 && err == nil {
			all = append(all, int32(n))
		}
	}
	return all
}

func replaceTokens(s string, names, refs map[int32]string) string {
	if !strings.Contains(s, "\x00") {
		return s
	}
	parts := strings.Split(s, "\x00")
	for i := 1; i < len(parts); i += 2 {
		n, err := strconv.ParseInt(strings.TrimLeft(parts[i], "nr"), 10, 32)
		switch {
		case err != nil:
		case parts[i][0] == 'n':
			parts[i] = names[int32(n)]
		default:
			parts[i] = refs[int32(n)]
		}
	}
	return strings.Join(parts, "")
}
