package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
	"github.com/touchmark-go/touchmark/provenance"
)

// goSettings are the settings that go env is asked for, and no others. Those
// that say where things lie on this machine are used, and not written down.
func goSettings() []string {
	return []string{"GOVERSION", "GOROOT", "GOTOOLDIR", "GOOS", "GOARCH", "GOFLAGS", "CGO_ENABLED", "CC", "GOEXPERIMENT", "GOFIPS140", "GOMOD", "GOWORK", "GOMODCACHE", "GOCACHE", "GOTELEMETRYDIR",
		"GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM"}
}

// A toolchain is the go command that the build ran, or would run.
type toolchain struct {
	env  map[string]string // go env; nil if it could not be asked
	deps []provenance.ResourceDescriptor
	cc   *provenance.ResourceDescriptor // the C compiler, if cgo is on and it was found
	err  error                          // why there is nothing, or no digest
}

// askGo asks the go command at path what it would build with in dir and env.
func askGo(ctx context.Context, path, dir string, env []string) toolchain {
	cmd := exec.CommandContext(ctx, path, append([]string{"env", "-json"}, goSettings()...)...)
	cmd.Dir, cmd.Env = dir, env
	out, err := output(ctx, cmd, 1<<20)
	if err != nil {
		return toolchain{err: errors.New("go env could not be asked")}
	}
	t := toolchain{env: map[string]string{}}
	if err := json.Unmarshal(out, &t.env); err != nil {
		return toolchain{err: errors.New("go env did not answer in JSON")}
	}
	return t
}

// lookPrograms hashes the programs of the toolchain and the C compiler.
func (t *toolchain) lookPrograms(ctx context.Context, env []string) {
	t.deps, t.err = t.programs(ctx)
	if t.env["CGO_ENABLED"] == "1" {
		t.cc = t.compiler(ctx, env)
	}
}

// programs are the go command and the tools that make object code and link it,
// each as SHA-256 of its file.
func (t *toolchain) programs(ctx context.Context) ([]provenance.ResourceDescriptor, error) {
	root, tools, exe := t.env["GOROOT"], t.env["GOTOOLDIR"], ""
	if runtime.GOOS == "windows" {
		exe = ".exe"
	}
	if root == "" || tools == "" {
		return nil, errors.New("go env named no toolchain")
	}
	sum, err := sumProgram(ctx, filepath.Join(root, "bin", "go"+exe))
	if err != nil {
		return nil, errors.New("the go command's file cannot be read")
	}
	uri := goURI(t.env["GOVERSION"])
	deps := []provenance.ResourceDescriptor{{Name: "go", URI: uri, Digest: sum}}
	for _, tool := range []string{"asm", "cgo", "compile", "link"} {
		sum, err := sumProgram(ctx, filepath.Join(tools, tool+exe))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the tool %s cannot be read", tool)
		}
		deps = append(deps, provenance.ResourceDescriptor{
			Name: "go tool " + tool, URI: uri + "#pkg/tool/" + base(filepath.ToSlash(tools)) + "/" + tool, Digest: sum})
	}
	return deps, nil
}

// compiler is the C compiler that CC names, as the build would find it, or nil.
func (t *toolchain) compiler(ctx context.Context, env []string) *provenance.ResourceDescriptor {
	fields, err := goflags.Split(t.env["CC"])
	if err != nil || len(fields) == 0 {
		return nil
	}
	path, err := lookPath(fields[0], env)
	if err != nil {
		return nil
	}
	sum, err := sumProgram(ctx, path)
	if err != nil {
		return nil
	}
	return &provenance.ResourceDescriptor{Name: "cc", URI: "pkg:generic/" + strings.ToLower(strings.TrimSuffix(base(fields[0]), ".exe")), Digest: sum}
}

// lookPath finds program in the PATH of env, as the build would.
func lookPath(program string, env []string) (string, error) {
	if strings.ContainsAny(program, `/\`) || runtime.GOOS == "windows" {
		return exec.LookPath(program)
	}
	for _, dir := range filepath.SplitList(lookup(env, "PATH")) {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// lookup is the value of name in env, where a later entry wins.
func lookup(env []string, name string) string {
	value, _ := lookupOK(env, name)
	return value
}

func lookupOK(env []string, name string) (value string, ok bool) {
	for _, e := range env {
		if v, found := strings.CutPrefix(e, name+"="); found {
			value, ok = v, true
		}
	}
	return value, ok
}

// goRelease is "1.26.8" of "go1.26.8" or "go1.26.8-X:jsonv2".
func goRelease(v string) string {
	if release := gofacts.Release(v); isWord(release) {
		return release
	}
	return ""
}

// goURI is the package URL of a toolchain. One that is no release has no version.
func goURI(v string) string {
	if release := goRelease(v); release != "" {
		return "pkg:generic/go@" + release
	}
	return "pkg:generic/go"
}

func sha256File(ctx context.Context, path string) (provenance.DigestSet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return sha256Of(ctx, f)
}

func sha256Of(ctx context.Context, f *os.File) (provenance.DigestSet, error) {
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return provenance.DigestSet{provenance.SHA256: hex.EncodeToString(h.Sum(nil))}, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}
