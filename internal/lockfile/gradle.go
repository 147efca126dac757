package lockfile

import (
	"strings"
)

// parseGradle reads gradle.lockfile and buildscript-gradle.lockfile (Gradle User
// Manual, "Locking Versions"): "group:artifact:version=configurations" on each line,
// and "empty=configurations" for those without dependencies. There are no digests in
// it, and no edges. What only configurations for tests use is for developing.
func parseGradle(d *doc) {
	number := 0
	for raw := range strings.SplitSeq(string(d.data), "\n") {
		number++
		text := strings.TrimSpace(raw)
		if len(raw) > MaxText {
			d.failLimit(number, "a line of more than %d bytes", MaxText)
		}
		if d.err != nil || text == "" || text[0] == '#' {
			continue
		}
		module, configurations, ok := strings.Cut(text, "=")
		if module == "empty" && ok {
			continue
		}
		parts := strings.Split(module, ":")
		if !ok || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" || configurations == "" {
			d.fail(number, "found %.80q, want GROUP:ARTIFACT:VERSION=CONFIGURATIONS", text)
			return
		}
		p := Package{Name: parts[0] + ":" + parts[1], Version: parts[2], Line: number, Dev: true}
		for c := range strings.SplitSeq(configurations, ",") {
			p.Dev = p.Dev && strings.HasPrefix(c, "test")
		}
		p.PURL = purl("maven", parts[0], parts[1], parts[2])
		d.add(p)
	}
}
