package capture

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestOutputIsBounded wants what a command prints cut off, and the cut reported.
func TestOutputIsBounded(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell")
	}
	for _, test := range []struct {
		script string
		length int
		err    string
	}{
		{"printf 12345678", 8, ""},
		{"printf 123456789", 8, "more than 8 bytes"},
		{"printf 123; printf 1234567890 >&2; exit 4", 3, "status 4"},
	} {
		out, err := output(t.Context(), exec.CommandContext(t.Context(), "sh", "-c", test.script), 8)
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: error is %v, want %q", test.script, err, test.err)
		}
		if len(out) != test.length {
			t.Errorf("%s: %d bytes, want %d", test.script, len(out), test.length)
		}
		var run *runError
		if errors.As(err, &run) && run.stderr != "1234567890" {
			t.Errorf("%s: standard error is %q", test.script, run.stderr)
		}
	}
}
