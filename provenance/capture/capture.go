// Package capture observes a build and writes down what went into it, saying
// of each fact how it is known.
//
// [Run] runs the build and watches it; [After] records what can still be seen
// of one that has run. Both return a [Record], which is SLSA Provenance v1
// under the build type [GoBuildType], and a [Grade] for each of its facts.
//
// What is written down is chosen by allow-list. Environment variables are
// recorded only if [Options] names them, arguments only where they are known to
// say how to build, URLs without user info and query, paths only inside the
// root and relative to it. What was left out of a list is written as
// "(withheld)", so that its place can be seen.
//
// A Record is an honest witness, not a strong one. It is made by the process
// that runs the build, on the same machine, and what the build can do, it can
// do to its record: sign it as level 1, at most. Without a [Tracer] nothing here
// sees which files the compiler really opened, nor whether somebody changed a file
// between the look at the work tree and the compiler's.
package capture

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// GoBuildType is the build type of a Go build: docs/build-types/go-build/v1.md
// says what each parameter means. LocalBuilderID is the builder id of a capture
// on somebody's own machine: whoever can build there can also write what the
// record says, so it is good for SLSA Build Level 1 and no more.
const (
	GoBuildType    = "https://github.com/touchmark-go/touchmark/build-types/go-build/v1"
	LocalBuilderID = "https://github.com/touchmark-go/touchmark/builders/local/v1"
)

// Options tune a capture. The zero Options are what [Run] and [After] use.
type Options struct {
	// Env names the environment variables of the command to record, with their
	// values. If empty, none is. Credentials in URLs and paths outside the root
	// are withheld even so.
	Env []string
	// Commit names the environment variables of the command to commit to: their
	// values are not in the record, and can be shown to be what they were by who
	// keeps the salt, see [Commitment]. If empty, none is. None may be in Env, too.
	Commit []string
	// CommitArguments commits to each argument of the command that is withheld,
	// in whole or in part.
	CommitArguments bool
	// Salt is that of the commitments. If zero, each record draws its own. Records
	// with the same salt can be compared, and are opened together.
	Salt Salt
	// LinkVars names the variables whose values, as the linker flag -X sets
	// them, may be recorded: "main.version". The value of any other is withheld.
	LinkVars []string
	// Arguments are those that may be recorded of a command other than go build
	// and go install, each as a whole: "-j4", "release". All others are
	// withheld. The name of the program is always recorded.
	Arguments []string
	// LockFiles names the lock files of package managers whose packages a command
	// other than go build and go install may have installed, relative to its
	// folder. Those in that folder need not be named. What they list is graded
	// [Declared].
	LockFiles []string
	// BuilderID says what ran the build and recorded it. If empty, it is that of
	// the [Job] that CI is of, else [LocalBuilderID]. Name another only for a
	// platform with documented properties of its own.
	BuilderID string
	// CI is the environment in which to look for a CI job, as os.Environ returns
	// it. See [FindJob]. If nil, nobody looks, and nobody looks either for the
	// change request and the issues that the commit's message names.
	CI []string
	// RecordFailure asks for a record of a command that ends badly, too. [Options.Run]
	// then returns one beside the error: its build has the exit status, and there is
	// no statement and no subject, because nothing that was left behind is an output.
	RecordFailure bool
	// Tracer sees which files the command really opens. If nil, nobody looks. What
	// it cannot see, it says, and the provenance with it.
	Tracer Tracer
	// Root is the folder that the names of outputs and folders are relative to,
	// and nothing outside it is named. If empty, it is the top of the git work
	// tree, else the command's folder.
	Root string
}

// A Record is what was seen of one build. Only [Run] and [After] make one. It
// does not change, so many may read it at once.
type Record struct {
	build     *provenance.Build
	statement *provenance.Statement
	grades    []Grade
	trace     *predicate.RuntimeTrace

	salt        Salt
	commitments []Commitment
}

// Run runs cmd and records what went into outputs. See [Options.Run].
func Run(ctx context.Context, cmd *exec.Cmd, outputs ...string) (*Record, error) {
	return Options{}.Run(ctx, cmd, outputs...)
}

// Run runs cmd, which must not have been started, to its end, and records what
// went into outputs, which are files or folders. Their relative paths, as the
// command's own, are relative to cmd.Dir. Standard input, output and error are
// the command's; when ctx ends it is killed, and cmd.WaitDelay is set to ten
// seconds if it was zero. Start and end are this machine's time, to the second.
//
// What git says is taken before the command starts. Git facts that are not to
// be had (no git, no repository, no commit) are graded absent; so is what an
// output that is no Go binary cannot tell.
//
// Of go build and go install, go list says with the same flags which packages
// and files are compiled; it runs beside the build. The sums of modules are
// held against go.sum, the module cache and the source in it.
//
// There is no statement about a build that failed, so nothing that could be
// taken for provenance of it: the error of a command that ended badly is an
// [*exec.ExitError] to [errors.As]. It is also an error if an output is missing
// afterwards, or was there before and the command did not touch it; and if the
// commit that is checked out changed meanwhile. If an output, or a file that it
// is made from, contradicts what was seen, such as other modules, flags, commit,
// toolchain or platform, the error is a [*ContradictionError].
func (o Options) Run(ctx context.Context, cmd *exec.Cmd, outputs ...string) (*Record, error) {
	if cmd == nil || cmd.Process != nil {
		return nil, errors.New("capture: the command is missing or has been started")
	}
	if cmd.Err != nil {
		return nil, fmt.Errorf("capture: %w", cmd.Err)
	}
	// The program is the file that runs, whatever the command calls itself.
	b := &building{options: o, argv: append([]string{cmd.Path}, cmd.Args[min(1, len(cmd.Args)):]...), env: cmd.Environ()}
	lookCtx, cancel := context.WithCancel(ctx)
	defer b.endGo()
	defer cancel()
	if err := b.prepare(lookCtx, cmd.Dir, outputs); err != nil {
		return nil, err
	}
	looked := make(chan struct{})
	go func() { defer close(looked); b.lookGo(lookCtx) }()

	start := cmd.Start
	if o.Tracer != nil {
		start = func() error { return b.startTraced(cmd) }
	}
	b.started = time.Now()
	err := runCommand(ctx, cmd, start)
	b.finished = time.Now()
	if why := b.endTrace(ctx); why != nil && err == nil {
		err = fmt.Errorf("the files that it opened cannot be hashed: %w", why)
	}
	if err != nil {
		err = fmt.Errorf("capture: the command failed: %w", err)
		var exit *exec.ExitError
		if !o.RecordFailure || ctx.Err() != nil || !errors.As(err, &exit) {
			cancel()
			<-looked
			return nil, err
		}
		<-looked
		b.status, b.outputs = exit.ExitCode(), nil
		r, why := b.write(nil)
		if why != nil {
			return nil, err
		}
		return r, err
	}
	moved := make(chan error, 1)
	go func() { moved <- b.unmoved(ctx) }()
	<-looked
	b.lookAfter(ctx)
	if b.late() {
		b.inputs = b.lookInputs(ctx, b.goPath, b.toolchain.env)
	}
	if err := <-moved; err != nil {
		return nil, err
	}
	for i := range b.outputs {
		if err := b.outputs[i].made(b.goBuild); err != nil {
			return nil, err
		}
	}
	return b.record(ctx)
}

// After records outputs of a build that has already run. See [Options.After].
func After(ctx context.Context, outputs ...string) (*Record, error) {
	return Options{}.After(ctx, outputs...)
}

// After records outputs of a build that has already run: what git says now of
// [Options.Root] (of the working folder, if that is empty), and what the
// outputs say of themselves. Relative paths are relative to the working folder.
// Nobody saw the command and its environment, so they are absent, and
// [Options.Env] records nothing. The commit is inferred, unless the output
// names the same one; of an output outside the work tree that names none it is
// absent. An output that names another commit is an error, and so is one of
// which nothing is known, because there is then nothing to record.
func (o Options) After(ctx context.Context, outputs ...string) (*Record, error) {
	b := &building{options: o, env: (&exec.Cmd{}).Environ()}
	lookCtx, cancel := context.WithCancel(ctx)
	defer b.endGo()
	defer cancel()
	if err := b.prepare(lookCtx, "", outputs); err != nil {
		return nil, err
	}
	for i := range b.outputs {
		if err := b.outputs[i].found(); err != nil {
			return nil, err
		}
	}
	b.lookGo(ctx)
	return b.record(ctx)
}

// A building is a build while it is watched.
type building struct {
	options  Options
	argv     []string // nil if nobody saw the command
	env      []string
	command  goCommand // if goBuild
	goBuild  bool      // the command is go build or go install
	start    string    // the command's folder: absolute, links resolved
	dir      string    // where go works: start, or what -C says
	above    bool      // start is above root
	root     string    // absolute, links resolved
	rootName string    // absolute, as the caller spelled it

	source    source
	sourceErr error
	job       Job // zero if nobody looked
	jobFile   jobFile
	links     []provenance.ResourceDescriptor

	salt        Salt // zero without commitments
	commitments []Commitment

	goPath    string        // the go command that the build ran, or would run
	asked     chan struct{} // closed when toolchain.env is there, or is not to be had
	hashed    chan struct{} // closed when the rest of toolchain is there, too
	toolchain toolchain
	inputs    *inputs // nil if nobody looked
	locks     []*lock

	program    provenance.DigestSet // of the file that ran
	programErr error
	outputs    []outputFile

	tracing Tracing // nil if nobody was to look
	trace   *Trace

	status            int // the command's
	invocation        string
	started, finished time.Time
}

// prepare looks at everything that the command may change.
func (b *building) prepare(ctx context.Context, dir string, outputs []string) error {
	if id := b.options.BuilderID; id != "" {
		if u, err := url.Parse(id); err != nil || !u.IsAbs() || u.User != nil {
			return fmt.Errorf("capture: builder id is %q, want an absolute URI without user info", id)
		}
	}
	for _, name := range b.options.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("capture: %q is no name of an environment variable", name)
		}
	}
	b.invocation = newUUID()
	given, err := filepath.Abs(dir)
	if err != nil {
		return errors.New("capture: the working folder is not known")
	}
	if b.start, err = filepath.EvalSymlinks(given); err != nil {
		return fmt.Errorf("capture: the command's folder: %w", pathless(err))
	}
	b.dir = b.start
	if b.command, b.goBuild = readGo(b.argv); b.goBuild && b.command.chdir != "" {
		b.dir = b.command.chdir
		if !filepath.IsAbs(b.dir) {
			b.dir = filepath.Join(b.start, b.dir)
		}
		if b.dir, err = filepath.EvalSymlinks(b.dir); err != nil {
			return fmt.Errorf("capture: the folder of -C: %w", pathless(err))
		}
	}
	look := b.dir
	if b.options.Root != "" {
		if b.rootName, err = filepath.Abs(b.options.Root); err == nil {
			b.root, err = filepath.EvalSymlinks(b.rootName)
		}
		if err != nil {
			return fmt.Errorf("capture: the root: %w", pathless(err))
		}
		if b.argv == nil {
			look = b.root
		}
	}
	b.beginGo(ctx)
	if err := b.lookSource(ctx, look); err != nil {
		return err
	}
	b.lookJob(ctx)
	if err := b.prepareCommitments(); err != nil {
		return err
	}
	if b.root == "" {
		b.root, b.rootName = b.defaultRoot(given)
	}
	if b.argv != nil && !inside(b.root, b.start) {
		// From above, go build -C is as good as one in the folder that it names.
		if b.above = b.command.chdir != "" && inside(b.start, b.root) && inside(b.root, b.dir); !b.above {
			return errors.New("capture: the command's folder is not inside the root")
		}
	}
	if err := b.lookLocks(); err != nil {
		return err
	}
	b.outputs, err = newOutputs(b.start, outputs)
	return err
}

// inside reports whether path, which is absolute as dir is, is dir or below it.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// defaultRoot is the top of the work tree, else the command's folder, and how
// the caller would spell it who calls the command's folder given.
func (b *building) defaultRoot(given string) (root, name string) {
	if b.source.top == "" {
		return b.start, given
	}
	rel, err := filepath.Rel(b.source.top, b.start)
	if err != nil || rel == "." {
		return b.source.top, given
	}
	if name, ok := strings.CutSuffix(given, string(filepath.Separator)+rel); ok {
		return b.source.top, name
	}
	return b.source.top, b.source.top
}

func (b *building) lookSource(ctx context.Context, dir string) error {
	b.source, b.sourceErr = look(ctx, dir, b.env)
	if b.sourceErr != nil && ctx.Err() != nil {
		return fmt.Errorf("capture: %w", ctx.Err())
	}
	return nil
}

// beginGo asks the command, if it is go, else the go that PATH names, what it
// builds with, and hashes its programs, while git is asked and the build runs.
func (b *building) beginGo(ctx context.Context) {
	b.asked, b.hashed = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(b.hashed)
		b.toolchain = b.askGo(ctx)
		close(b.asked)
		if b.toolchain.env != nil {
			b.toolchain.lookPrograms(ctx, b.env)
		}
	}()
}

func (b *building) askGo(ctx context.Context) toolchain {
	var path string
	if b.argv != nil && isGo(b.argv[0]) {
		if path = b.argv[0]; !filepath.IsAbs(path) && strings.ContainsAny(path, `/\`) {
			path = filepath.Join(b.start, path)
		}
	} else {
		var err error
		if path, err = lookPath("go", b.env); err != nil {
			return toolchain{err: errors.New("no go command is installed")}
		}
	}
	b.goPath = path
	return askGo(ctx, path, b.dir, b.env)
}

// lookGo waits for what beginGo began, and looks at what a go build compiles.
func (b *building) lookGo(ctx context.Context) {
	<-b.asked
	if b.goBuild && b.toolchain.env != nil && !b.late() {
		b.inputs = b.lookInputs(ctx, b.goPath, b.toolchain.env)
	}
	<-b.hashed
}

// endGo waits until nobody looks any more.
func (b *building) endGo() {
	if b.hashed != nil {
		<-b.hashed
	}
}

// late reports whether the inputs can only be looked at after the build: with
// -mod=mod it writes go.mod and go.sum, and nobody may come in between.
func (b *building) late() bool {
	return b.goBuild && b.toolchain.env != nil && b.flag("mod") == "mod"
}

// unmoved checks that the commit is still the one that the command started from.
func (b *building) unmoved(ctx context.Context) error {
	if b.source.commit == "" {
		return nil
	}
	out, err := newGit(b.source.top, b.env).run(ctx, "rev-parse", "HEAD^{commit}")
	if err != nil {
		return errors.New("capture: the commit cannot be read any more after the command")
	}
	if now := strings.TrimSuffix(string(out), "\n"); now != b.source.commit {
		return fmt.Errorf("capture: the commit that is checked out changed during the build from %q to %q", b.source.commit, now)
	}
	return nil
}
