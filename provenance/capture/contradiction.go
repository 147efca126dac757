package capture

import (
	"fmt"
	"strings"
)

// A Finding is something that an output, or a file that the build read, says
// otherwise than what was seen of the build.
type Finding struct {
	// Subject is which: the output as the caller named it, a module by its path,
	// a file by its name.
	Subject string `json:"subject"`
	Fact    string `json:"fact"`           // what the two differ in: "GOOS", "-tags", "module", "commit"
	Want    string `json:"want,omitempty"` // what was seen of the build
	Got     string `json:"got,omitempty"`  // what the subject says
}

func (f Finding) String() string {
	s := fmt.Sprintf("%q says %s %q, and the build %q", f.Subject, f.Fact, f.Got, f.Want)
	if f.Want == "" {
		s = fmt.Sprintf("%q: %s: %s", f.Subject, f.Fact, f.Got)
	}
	return s
}

// A ContradictionError says that there is no record because what was built, or
// what it was built from, contradicts what was seen. Values that a record would
// withhold are withheld in it, too.
type ContradictionError struct {
	// Findings are all contradictions, sorted, never none.
	Findings []Finding
}

func (e *ContradictionError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.String()
	}
	return "capture: " + strings.Join(lines, "; ")
}
