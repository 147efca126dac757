package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	gitTimeout    = 2 * time.Minute // of one git command
	gitOutput     = 64 << 20        // bytes of one git command's output
	maxDirty      = 1000            // names of dirty files that are listed
	maxSubmodules = 256             // and as many filters
)

// A source is what git says about a folder. Only top is set if there is no commit.
type source struct {
	top        string // the work tree's top, absolute, links resolved
	commit     string
	tree       string
	ref        string // in full; "" when HEAD is detached and has no tag
	refWhy     string
	repository string // https form; "" when there is none
	remoteWhy  string
	dirty      []string // slash-separated, relative to top, sorted
	dirtyKnown bool
	dirtyWhy   string
}

// git runs the git command where a stranger's repository may lie: nothing that
// its own configuration says can start a program, nothing is written, nothing
// is fetched.
type git struct {
	dir string
	env []string
	off []string // -c settings that switch this repository's filters off
}

// newGit returns a git that runs in dir, which is absolute, with the build's
// environment less the variables that would point git at another repository.
func newGit(dir string, env []string) git {
	g := git{dir: dir}
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		// How git is set up is kept, such as safe.directory in GIT_CONFIG_COUNT.
		setUp := strings.HasPrefix(name, "GIT_CONFIG_") && name != "GIT_CONFIG_PARAMETERS" || name == "GIT_CEILING_DIRECTORIES" || name == "GIT_EXEC_PATH"
		if setUp || !strings.HasPrefix(name, "GIT_") {
			g.env = append(g.env, e)
		}
	}
	g.env = append(g.env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1",
		"GIT_ALLOW_PROTOCOL=none", // overrides what the repository allows: a promisor remote could name any command
		"LC_ALL=C", "LANGUAGE=C")
	return g
}

func (g git) run(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	hardened := append([]string{"--no-pager",
		"-c", "core.fsmonitor=", "-c", "core.hooksPath=" + os.DevNull, "-c", "safe.bareRepository=explicit", "-c", "core.quotePath=false",
		"-c", "core.ignoreStat=false", "-c", "core.checkStat=default", "-c", "core.trustctime=true", "-c", "submodule.recurse=false"}, g.off...)
	cmd := exec.CommandContext(ctx, "git", append(hardened, args...)...)
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := output(ctx, cmd, gitOutput)
	if err != nil {
		return out, gitError(err)
	}
	return out, nil
}

// gitError says in a few words of our own what went wrong: git's would repeat
// folders and remotes.
func gitError(err error) error {
	var run *runError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("git is not installed")
	case errors.As(err, &run) && strings.Contains(run.stderr, "not a git repository"):
		return errors.New("the folder is in no git repository")
	case errors.As(err, &run) && strings.Contains(run.stderr, "dubious ownership"):
		return errors.New("git refuses a repository that another user owns (safe.directory)")
	case errors.As(err, &run):
		return fmt.Errorf("git ended with status %d", run.status)
	}
	return errors.New("git could not be run, did not end in time, or said too much")
}

// look reads what git knows about dir. The error says why nothing is known;
// what is known without a commit is returned with it.
func look(ctx context.Context, dir string, env []string) (source, error) {
	g := newGit(dir, env)
	var configured source
	var configErr error
	var config sync.WaitGroup
	filtered := g
	config.Go(func() { configErr = filtered.config(ctx, &configured) })
	out, err := g.run(ctx, "rev-parse", "--show-toplevel", "HEAD^{commit}", "HEAD^{tree}", "--symbolic-full-name", "HEAD")
	config.Wait()
	lines := strings.Split(string(out), "\n")
	var s source
	if top := lines[0]; top != "" {
		if s.top, err = workTree(top, dir, err); s.top == "" {
			return s, err
		}
	}
	if err != nil {
		if s.top != "" {
			return s, errors.New("the repository has no commit, or it cannot be read")
		}
		return s, err
	}
	if len(lines) < 4 || !isObject(lines[1]) || !isObject(lines[2]) {
		return s, errors.New("git named no commit and tree")
	}
	s.commit, s.tree = lines[1], lines[2]
	top := s.top
	if top != dir { // a repository in dir may claim the folder of another one as its own
		configured, filtered = source{}, newGit(top, env)
		configErr = filtered.config(ctx, &configured)
	}
	s.repository, s.remoteWhy = configured.repository, configured.remoteWhy
	var beside sync.WaitGroup
	beside.Go(func() { s.ref, s.refWhy = newGit(top, env).ref(ctx, lines[3]) })
	filtered.state(ctx, &s, configErr)
	beside.Wait()
	return s, ctx.Err()
}

// state reads what differs from the commit, unless the configuration could not be read.
func (g git) state(ctx context.Context, s *source, err error) {
	var dirty []string
	if err == nil {
		dirty, err = g.status(ctx, 0)
	}
	if err != nil {
		s.dirtyWhy = err.Error()
		return
	}
	slices.Sort(dirty)
	s.dirty, s.dirtyKnown = slices.Compact(dirty), true
}

// workTree checks that top is dir or above it, and holds the repository: a
// repository can claim any folder of the machine as its work tree.
func workTree(top, dir string, err error) (string, error) {
	resolved, linkErr := filepath.EvalSymlinks(filepath.FromSlash(top))
	if linkErr != nil {
		return "", errors.New("the work tree's top cannot be found")
	}
	rel, relErr := filepath.Rel(resolved, dir)
	if relErr != nil || !filepath.IsLocal(rel) {
		return "", errors.New("the repository's work tree is elsewhere (core.worktree)")
	}
	if _, statErr := os.Lstat(filepath.Join(resolved, ".git")); statErr != nil {
		return "", errors.New("the repository's work tree is elsewhere (core.worktree)")
	}
	return resolved, err
}

// isObject reports whether s is the full name of a git object.
func isObject(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// ref is the tag of HEAD that bestTag chooses, else the branch, else "".
func (g git) ref(ctx context.Context, head string) (ref, why string) {
	out, err := g.run(ctx, "for-each-ref", "--points-at=HEAD", "--format=%(refname)", "refs/tags/")
	if err != nil {
		return "", "the tags cannot be read: " + err.Error()
	}
	list := strings.Fields(string(out))
	switch {
	case len(list) == 1:
		return list[0], "the tag of the commit"
	case len(list) > 1:
		return bestTag(list), fmt.Sprintf("the highest of %d tags of the commit", len(list))
	case strings.HasPrefix(head, "refs/heads/"):
		return head, "the branch that is checked out; the commit has no tag"
	}
	return "", "the commit has no tag, and no branch is checked out"
}

// config reads the remote, and switches off the filters that the repository's
// own configuration defines: git status would run them.
func (g *git) config(ctx context.Context, s *source) error {
	out, err := g.run(ctx, "config", "-z", "--show-scope", "--list")
	if err != nil {
		s.remoteWhy = "git's configuration cannot be read"
		return errors.New("git's configuration cannot be read, so asking for the state of the files is not safe")
	}
	remotes := map[string]string{}
	var refused error
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		scope := fields[i]
		key, value, _ := strings.Cut(fields[i+1], "\n")
		name := key[:max(strings.LastIndexByte(key, '.'), 0)]
		own := scope != "system" && scope != "global" && scope != "command"
		switch {
		case own && strings.HasPrefix(name, "filter."):
			if strings.ContainsAny(name, "=\n") || len(g.off) > 6*maxSubmodules {
				refused = errors.New("the repository defines filters that cannot be switched off")
				continue
			}
			g.off = append(g.off, "-c", name+".clean=", "-c", name+".process=", "-c", name+".required=false")
		case strings.HasPrefix(name, "remote.") && strings.HasSuffix(key, ".url"):
			if remote := strings.TrimPrefix(name, "remote."); remotes[remote] == "" {
				remotes[remote] = value
			}
		}
	}
	s.repository, s.remoteWhy = chooseRemote(remotes)
	return refused
}

// chooseRemote takes origin, else the only remote.
func chooseRemote(remotes map[string]string) (repository, why string) {
	remote, ok := remotes["origin"]
	why = "the remote origin, as the repository's configuration names it"
	if !ok && len(remotes) == 1 {
		for _, remote = range remotes {
			ok, why = true, "the only remote, as the repository's configuration names it"
		}
	}
	if !ok {
		return "", "no remote is called origin, and there is not just one"
	}
	repository, err := repositoryURL(remote)
	if err != nil {
		return "", err.Error()
	}
	return repository, why
}

// status lists what differs from the commit: what git status lists, the
// submodules' files, and files that the index hides from git status.
func (g git) status(ctx context.Context, depth int) ([]string, error) {
	var index []byte
	var indexErr error
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { index, indexErr = g.run(ctx, "ls-files", "-z", "-v", "--stage") })
	out, err := g.run(ctx, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=dirty", "--no-renames")
	if err != nil {
		return nil, err
	}
	var dirty []string
	for entry := range strings.SplitSeq(string(out), "\x00") {
		if len(entry) > 3 {
			dirty = append(dirty, entry[3:])
		}
	}
	beside.Wait()
	if indexErr != nil {
		return nil, indexErr
	}
	submodules := 0
	for entry := range bytes.SplitSeq(index, []byte{0}) {
		// "H 100644 0123… 0\tname": a lower-case letter is assume-unchanged, S
		// is skip-worktree, mode 160000 a submodule.
		head, name, ok := bytes.Cut(entry, []byte{'\t'})
		if !ok || len(head) < 8 {
			continue
		}
		path := filepath.Join(g.dir, filepath.FromSlash(string(name)))
		switch {
		case 'a' <= head[0] && head[0] <= 'z':
			dirty = append(dirty, string(name))
		case head[0] == 'S':
			if _, err := os.Lstat(path); err == nil {
				dirty = append(dirty, string(name))
			}
		}
		if string(head[2:8]) != "160000" {
			continue
		}
		if submodules++; submodules > maxSubmodules || depth > 4 {
			return nil, errors.New("the repository has too many submodules")
		}
		more, err := g.submodule(ctx, path, depth)
		if err != nil {
			return nil, err
		}
		for _, file := range more {
			dirty = append(dirty, string(name)+"/"+file)
		}
	}
	return dirty, nil
}

// submodule lists what differs within a submodule, which has a configuration
// of its own. One that is not checked out has nothing that could differ.
func (g git) submodule(ctx context.Context, path string, depth int) ([]string, error) {
	if _, err := os.Lstat(filepath.Join(path, ".git")); err != nil {
		return nil, nil
	}
	sub := git{dir: path, env: g.env}
	out, err := sub.run(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	if top, err := workTree(strings.TrimSuffix(string(out), "\n"), path, nil); err != nil || top == "" {
		return nil, errors.New("a submodule's work tree is elsewhere")
	}
	if err := sub.config(ctx, new(source)); err != nil {
		return nil, err
	}
	return sub.status(ctx, depth+1)
}
