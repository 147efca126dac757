package strictjson

import "strings"

// EscapePointer escapes one step of a JSON pointer (RFC 6901, section 3).
func EscapePointer(step string) string {
	if strings.IndexByte(step, '~') >= 0 {
		step = strings.ReplaceAll(step, "~", "~0")
	}
	if strings.IndexByte(step, '/') >= 0 {
		step = strings.ReplaceAll(step, "/", "~1")
	}
	return step
}

// UnescapePointer is the step that was escaped.
func UnescapePointer(step string) string {
	if strings.IndexByte(step, '~') < 0 {
		return step
	}
	return strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~") // in this order: ~01 is ~1
}
