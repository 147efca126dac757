package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/verify"
)

// repository is where the source says that it comes from. Nobody ever connects to it.
const repository = "https://example.com/you/app"

// A lab is where the story happens.
type lab struct {
	folder   string // what is left when the story ends
	source   string // the repository in it
	program  string // the main package, by its import path
	pkg      string // and as the build names it: "./cmd/app"
	noGit    error  // why there is no repository with its source, or nil
	env      []string
	goflags  string // the user's own, from go env GOFLAGS
	chapters int
}

// newLab makes the folder and puts the source of the program into a fresh repository.
func newLab(pkg string) *lab { return must(openLab(context.Background(), pkg)) }

func openLab(ctx context.Context, pkg string) (*lab, error) {
	program, all, err := list(ctx, pkg)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "touchmark-quickstart-")
	if err != nil {
		return nil, err
	}
	l := &lab{folder: folder, source: filepath.Join(folder, "source"), program: program.ImportPath, pkg: program.ImportPath, env: buildEnv()}
	if err := os.Mkdir(l.source, 0o755); err != nil {
		return nil, err
	}
	if err := copySource(ctx, l.source, program, all); err != nil {
		return nil, err
	}
	flags := exec.CommandContext(ctx, "go", "env", "GOFLAGS")
	flags.Dir, flags.Env = l.source, l.env
	out, err := output(flags)
	if err != nil {
		return nil, err
	}
	l.goflags = strings.TrimSpace(string(out))
	if !program.own() {
		l.noGit = fmt.Errorf("%s is not of the module in this folder", program.ImportPath)
		return l, nil
	}
	rel, err := filepath.Rel(program.Module.Dir, program.Dir)
	if err != nil {
		return nil, err
	}
	if l.pkg = "."; rel != "." {
		l.pkg = "./" + filepath.ToSlash(rel)
	}
	if err := l.initRepository(ctx); err != nil { // git that does not work is as good as none
		l.noGit = errors.New(strings.Join(strings.Fields(err.Error()), " "))
		return l, os.RemoveAll(filepath.Join(l.source, ".git"))
	}
	return l, nil
}

// buildEnv is the environment without what would point git or go elsewhere.
func buildEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "GIT_") || strings.HasPrefix(s, "GOWORK=") })
	return append(env, "GOWORK=off")
}

func (l *lab) initRepository(ctx context.Context) error {
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("there is no git here")
	}
	for _, args := range [][]string{
		{"init", "-q", "--template="},
		{"symbolic-ref", "HEAD", "refs/heads/main"},
		{"config", "core.autocrlf", "false"},
		{"remote", "add", "origin", repository + ".git"},
	} {
		if err := l.git(ctx, args...); err != nil {
			return err
		}
	}
	return l.commit(ctx, "the program as it was reviewed")
}

// commit records all that is in the source folder.
func (l *lab) commit(ctx context.Context, message string) error {
	if err := l.git(ctx, "add", "-A", "-f", "."); err != nil {
		return err
	}
	return l.git(ctx, "-c", "user.name=Quickstart", "-c", "user.email=quickstart@example.com", "-c", "commit.gpgSign=false",
		"-c", "core.hooksPath="+os.DevNull, "commit", "-q", "--no-verify", "-m", message)
}

// git runs git on the repository, whatever the user's own configuration says.
func (l *lab) git(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = l.source
	cmd.Env = append(slices.Clone(l.env), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	_, err := output(cmd)
	return err
}

// goBuild is the command that builds the program, and what it makes. Whether
// the commit is stamped is said outright, so that GOFLAGS does not matter.
func (l *lab) goBuild(ctx context.Context) (cmd *exec.Cmd, output string) {
	output = "dist/app"
	if runtime.GOOS == "windows" {
		output += ".exe"
	}
	cmd = exec.CommandContext(ctx, "go", "build", "-trimpath", fmt.Sprintf("-buildvcs=%t", l.noGit == nil), "-o", output, l.pkg)
	cmd.Dir, cmd.Env, cmd.Stderr = l.source, l.env, os.Stderr
	return cmd, output
}

// otherBuild commits code that nobody reviewed, and builds that.
func (l *lab) otherBuild(ctx context.Context) (*capture.Record, error) {
	code := "package main\n\nimport \"os\"\n\nfunc init() { os.Stderr.WriteString(\"nobody reviewed this\\n\") }\n"
	if err := os.WriteFile(filepath.Join(l.source, filepath.FromSlash(l.pkg), "zz_unreviewed.go"), []byte(code), 0o644); err != nil {
		return nil, err
	}
	if err := l.commit(ctx, "one file that nobody reviewed"); err != nil {
		return nil, err
	}
	cmd, output := l.goBuild(ctx)
	return capture.Run(ctx, cmd, output)
}

// keep moves a fresh output out of the source folder, and opens it.
func (l *lab) keep(output string) (*os.File, error) {
	name := l.path(filepath.Base(output))
	if err := os.Rename(filepath.Join(l.source, filepath.FromSlash(output)), name); err != nil {
		return nil, err
	}
	return os.Open(name)
}

// path is the path of a file in the folder that is left.
func (l *lab) path(name string) string { return filepath.Join(l.folder, name) }

// policy says what must be proven of the program. It asks for no more than is
// to be had here: without git nobody knows the source, and it says "any".
func (l *lab) policy(build *exec.Cmd) *verify.Policy {
	p := &verify.Policy{
		Version: 1, Name: "app-prod", Environment: "prod",
		Examine: verify.ExamineRule{Mode: verify.ExamineRequired, Facts: []string{"sbom"}},
		Provenance: verify.ProvenanceRule{
			SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"ci"}}, Level: 1, BuildType: capture.GoBuildType,
			Source: verify.SourceRule{Any: true},
			Parameters: map[string]verify.Matcher{
				"/command": {Exact: build.Args}, "/goos": {Exact: runtime.GOOS}, "/goarch": {Exact: runtime.GOARCH}},
		},
		Attestations: []verify.AttestationRule{{Type: "https://cyclonedx.org/bom", SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"ci"}}}},
		Approvals:    []verify.Quorum{{AtLeast: 2, Of: []string{"release-manager"}}},
	}
	if l.noGit == nil {
		p.Provenance.Source = verify.SourceRule{Repository: repository, Ref: "refs/heads/main"}
		p.Examine.Facts = append(p.Examine.Facts, "vcs.revision", "vcs.modified")
	}
	if l.goflags != "" { // the user's own, and only the user knows why
		p.Provenance.Parameters["/goflags"] = verify.Matcher{Any: true}
	}
	if strings.Contains(l.goflags, "-tags") {
		p.Provenance.Parameters["/tags"] = verify.Matcher{Any: true}
	}
	return p
}
