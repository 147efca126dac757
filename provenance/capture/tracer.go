package capture

import (
	"context"
	"os/exec"

	"github.com/touchmark-go/touchmark/provenance"
)

// A Tracer sees which files a command really opens. Package
// [github.com/touchmark-go/touchmark/provenance/capture/trace] has one.
// Implementations must be safe for concurrent use.
type Tracer interface {
	// Start starts cmd as its own method does, and watches it and its children
	// from their first instruction on. The error is that of the start, and of
	// nothing else: what could not be watched is in the [Trace].
	Start(cmd *exec.Cmd) (Tracing, error)
}

// A Tracing is a command that is being watched.
type Tracing interface {
	// End is called once, after the command was waited for. It takes the digests
	// of what was seen, and an error means that there are none. After it nothing
	// is watched any more.
	End(ctx context.Context, places Places) (*Trace, error)
}

// Places are the folders that tell what the files in them are: absolute paths.
// Of two in each other the inner one counts. What is in none is part of the system.
type Places struct {
	Source    []string
	Modules   []string
	Toolchain []string
	Cache     []string
	Temporary []string
	Outputs   []string // files and folders
}

// The classes of a [TracedFile].
const (
	ClassSource    = "source"    // below the root, and not written by the command
	ClassModule    = "module"    // what a package manager fetched
	ClassToolchain = "toolchain" // the Go distribution, or what the caller named
	ClassCache     = "cache"     // written by this command or an earlier one, to be used again
	ClassSystem    = "system"    // whatever else lies on the machine
	ClassOutput    = "output"    // written by the command, and still there
	ClassTemporary = "temporary" // in a folder for such files, or made by the command and gone
)

// A Trace is what a [Tracer] saw. It is all of what the command did only if
// Refused and Unobserved are empty.
type Trace struct {
	// Refused says why nothing was watched at all. The command ran nevertheless.
	Refused string
	// Files are those that the command and its children opened, executed, wrote,
	// renamed or removed, sorted by name.
	Files []TracedFile
	// Connections are those that were attempted, sorted; nobody knows of their success.
	Connections []Connection
	// Unobserved is what was done that cannot be seen through, sorted.
	Unobserved []Unobserved
}

// A TracedFile is one of the files of a [Trace].
type TracedFile struct {
	// Name is the path: in class source, and below the root, relative to the root;
	// else the class, a colon, and the path relative to the place that made it
	// one of that class. Of a file that is in no place and not in a folder that
	// every system has, only the last element is told.
	Name  string
	Class string
	// Read, Executed and Written say what was done to it. A file that was
	// renamed, linked or removed was written.
	Read, Executed, Written bool
	// Digest is that of what was read and executed, and of what the command left
	// there. It is empty if State is not.
	Digest provenance.DigestSet
	// State says why there is no digest.
	State string
}

// The states of a [TracedFile] without a digest.
const (
	StateChanged = "changed" // its device, inode or time of change is not that which it had when it was opened
	StateGone    = "gone"    // it was there, or was made, and is there no more
	StateSpecial = "special" // no regular file: a device, a pipe, a file of /proc or /sys
	StateFailed  = "failed"  // it could not be read afterwards
)

// A Connection is an attempt to reach something outside of the processes.
type Connection struct {
	Family  string `json:"family"`  // "inet", "inet6", "unix", or a number
	Address string `json:"address"` // an IP address, or the path of a socket, as the [TracedFile] of it is called
	Port    int    `json:"port,omitempty"`
}

// An Unobserved is something that the tracer noticed and could not see through.
type Unobserved struct {
	What  string `json:"what"`  // one word: "io_uring"
	Why   string `json:"why"`   // one sentence for a person; holds no value from outside
	Count int    `json:"count"` // how often
}
