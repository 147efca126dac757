// Command pipeline is a small build tool: it builds a Go program for several
// platforms at once, records how each was built, lists what is inside, signs
// both and stores them beside the program, so that whoever gets a program gets
// its evidence. Last it writes SHA256SUMS, whose provenance it fills in by hand.
//
//	go run ./examples/pipeline [-C DIR] [-out DIR] [-key FILE] [-platform OS/ARCH,…] [-jobs N] [PACKAGE]
//
// The folder out has then, for each platform:
//
//	app_linux_amd64                  the program
//	app_linux_amd64.intoto.jsonl     its provenance and its SBOM, signed
//
// and pipeline.pub, the public key, for a trust file. A program appears under
// its name only when its evidence is there. An interrupt ends all builds, and
// leaves nothing half done.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/touchmark-go/touchmark/sign/keys"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	width := 0 // no bar
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		if w, _, err := term.GetSize(fd); err == nil {
			width = w
		}
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, width))
}

// run is the whole command; width is that of the terminal behind stderr, 0 if
// there is none. The answer is the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, width int) int {
	var p pipeline
	flags := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&p.out, "out", "dist", "the folder for the programs and their evidence")
	flags.StringVar(&p.dir, "C", ".", "the folder to build in")
	keyFile := flags.String("key", "", "the key that signs; without one a key is made for this run")
	platforms := flags.String("platform", "linux/amd64,darwin/arm64,windows/amd64", "what to build for")
	flags.IntVar(&p.jobs, "jobs", runtime.GOMAXPROCS(0), "how many to build at once")
	if err := flags.Parse(args); err != nil {
		return 64
	}
	if flags.NArg() > 1 || p.jobs < 1 {
		fmt.Fprintln(stderr, "usage: pipeline [flags] [PACKAGE]")
		return 64
	}
	if p.pkg = "."; flags.NArg() == 1 {
		p.pkg = flags.Arg(0)
	}
	for name := range strings.SplitSeq(*platforms, ",") {
		goos, goarch, ok := strings.Cut(name, "/")
		if !ok || !word(goos) || !word(goarch) {
			fmt.Fprintf(stderr, "pipeline: platform is %q, want OS/ARCH\n", name)
			return 64
		}
		if slices.Contains(p.platforms, platform{goos, goarch}) {
			fmt.Fprintf(stderr, "pipeline: platform %s is named twice\n", name)
			return 64
		}
		p.platforms = append(p.platforms, platform{goos, goarch})
	}
	var err error
	if p.key, err = loadKey(*keyFile); err != nil {
		fmt.Fprintln(stderr, "pipeline:", err)
		return 1
	}
	p.progress = newProgress(stderr, width, len(p.platforms)*len(steps)+1)
	made, err := p.run(ctx)
	p.progress.end()
	for _, line := range made {
		fmt.Fprintln(stdout, line)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "pipeline: interrupted; %s\n", stored(len(made)))
		return 130
	case err != nil:
		fmt.Fprintf(stderr, "pipeline: %v\npipeline: %s\n", err, stored(len(made)))
		return 1
	}
	return 0
}

func stored(n int) string {
	switch n {
	case 0:
		return "nothing was stored"
	case 1:
		return "one file is whole, with its evidence"
	}
	return fmt.Sprintf("%d files are whole, with their evidence", n)
}

func loadKey(file string) (*keys.Key, error) {
	if file == "" {
		return keys.Generate(keys.ECDSAP256)
	}
	return keys.Load(file, keys.Prompt)
}

// A platform is what to build for.
type platform struct{ goos, goarch string }

func (p platform) String() string { return p.goos + "/" + p.goarch }

// file is the name of the program.
func (p platform) file(pkg string) string {
	name := path.Base(strings.TrimSuffix(strings.ReplaceAll(pkg, `\`, "/"), "/"))
	if strings.Trim(name, "./") == "" {
		name = "app"
	}
	name += "_" + p.goos + "_" + p.goarch
	if p.goos == "windows" {
		name += ".exe"
	}
	return name
}

func word(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
