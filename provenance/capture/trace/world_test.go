//go:build linux && (amd64 || arm64)

package trace_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/capture/trace"
)

// A world is a folder in which commands are traced.
type world struct {
	t   testing.TB
	dir string
}

func newWorld(t testing.TB) world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return world{t, dir}
}

func (w world) write(name, content string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w world) command(argv ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = w.dir
	return cmd
}

// trace runs argv to its end, which must be a good one, and says what was seen.
func (w world) trace(argv ...string) *capture.Trace {
	w.t.Helper()
	t, err := w.traced(w.command(argv...))
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func (w world) traced(cmd *exec.Cmd) (*capture.Trace, error) {
	w.t.Helper()
	var out bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout, cmd.Stderr = &out, &out
	}
	tracing, err := trace.Options{}.Start(cmd)
	if err != nil {
		return nil, err
	}
	runErr := cmd.Wait()
	seen, err := tracing.End(context.WithoutCancel(w.t.Context()), capture.Places{Source: []string{w.dir}, Outputs: []string{filepath.Join(w.dir, "dist")}})
	if err != nil {
		w.t.Fatal(err)
	}
	if seen.Refused != "" {
		w.t.Skip("this kernel refuses: " + seen.Refused)
	}
	if runErr != nil {
		runErr = fmt.Errorf("%w: %s", runErr, out.String())
	}
	return seen, runErr
}

// told is what was seen of the files in the world, and of no others, as text.
func told(seen *capture.Trace) string {
	var b strings.Builder
	for _, f := range seen.Files {
		if f.Class == capture.ClassSystem || strings.HasPrefix(f.Name, "system:") || strings.HasPrefix(f.Name, "output:/dev/") {
			continue
		}
		fmt.Fprintf(&b, "%s %s", f.Class, f.Name)
		for _, a := range []struct {
			name string
			done bool
		}{{"read", f.Read}, {"executed", f.Executed}, {"written", f.Written}} {
			if a.done {
				b.WriteString(" " + a.name)
			}
		}
		if f.State != "" {
			b.WriteString(" " + f.State)
		}
		if f.Digest != nil {
			b.WriteString(" " + f.Digest["sha256"][:8])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (w world) want(seen *capture.Trace, lines ...string) {
	w.t.Helper()
	want := ""
	for _, line := range lines {
		// {content} stands for the beginning of its digest.
		for {
			before, rest, ok := strings.Cut(line, "{")
			if !ok {
				break
			}
			content, after, _ := strings.Cut(rest, "}")
			sum := sha256.Sum256([]byte(content))
			line = before + hex.EncodeToString(sum[:4]) + after
		}
		want += line + "\n"
	}
	if got := told(seen); got != want {
		w.t.Errorf("seen:\n%swant:\n%s", got, want)
	}
	if len(seen.Unobserved) > 0 {
		w.t.Errorf("not observed: %v, want nothing", seen.Unobserved)
	}
}

// system wants files of the system to have been seen, with digests that are right.
func (w world) system(seen *capture.Trace, executed bool, paths ...string) {
	w.t.Helper()
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			w.t.Fatal(err)
		}
		data, err := os.ReadFile(real)
		if err != nil {
			w.t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		found := false
		for _, f := range seen.Files {
			found = found || f.Name == "system:"+real && f.Executed == executed && f.Digest["sha256"] == hex.EncodeToString(sum[:])
		}
		if !found {
			w.t.Errorf("%s was not seen, or not as it is", path)
		}
	}
}

func unobserved(seen *capture.Trace) (what []string) {
	for _, u := range seen.Unobserved {
		what = append(what, u.What)
	}
	return what
}

func connections(seen *capture.Trace) (list []string) {
	for _, c := range seen.Connections {
		list = append(list, fmt.Sprint(c.Family, " ", c.Address, " ", c.Port))
	}
	return list
}
