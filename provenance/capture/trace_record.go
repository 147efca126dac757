package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// TraceMonitor is the type of the monitor in the [predicate.RuntimeTrace] of a
// [Record]: docs/predicates/trace/v1.md says what its objects mean.
const TraceMonitor = "https://github.com/touchmark-go/touchmark/monitors/trace/v1"

// Limits of what is listed. How much more there is, is said.
const (
	maxTraceDependencies = 10_000
	maxTraceAccess       = 40_000 // about half an envelope
	maxTraceConnections  = 1_000
)

// startTraced is how the command is started if somebody is to watch it.
func (b *building) startTraced(cmd *exec.Cmd) (err error) {
	b.tracing, err = b.options.Tracer.Start(cmd)
	return err
}

// endTrace ends the watching, whatever became of the command, and waits until
// it is known where the Go toolchain keeps its files.
func (b *building) endTrace(ctx context.Context) error {
	if b.tracing == nil {
		return nil
	}
	<-b.asked
	t, err := b.tracing.End(ctx, b.places())
	if t == nil {
		t = &Trace{Refused: "the files that were opened could not be hashed"}
	}
	b.trace = t
	return err
}

// places are the folders that are known here.
func (b *building) places() Places {
	env := b.toolchain.env
	p := Places{Source: []string{b.root}, Temporary: []string{"/tmp", "/var/tmp", "/dev/shm"}}
	add := func(list *[]string, dir string) {
		if filepath.IsAbs(dir) {
			*list = append(*list, dir)
		}
	}
	add(&p.Modules, env["GOMODCACHE"])
	add(&p.Toolchain, env["GOROOT"])
	add(&p.Cache, env["GOCACHE"])
	add(&p.Cache, env["GOTELEMETRYDIR"])
	add(&p.Temporary, lookup(b.env, "TMPDIR"))
	add(&p.Temporary, lookup(b.env, "GOTMPDIR"))
	for _, o := range b.outputs {
		p.Outputs = append(p.Outputs, o.path)
	}
	return p
}

// recordTrace records what the tracer saw, if there was one: in short in the
// provenance, and the files from which something was made among the dependencies.
func (b *building) recordTrace(d *draft) {
	if b.tracing == nil {
		return
	}
	t := b.trace
	at := pointer(atInternal, "trace")
	if t.Refused != "" {
		d.put(d.internal, atInternal, "trace", map[string]any{"status": "refused", "why": t.Refused}, Declared,
			"nobody saw which files were opened, so the dependencies are what was said to be used")
		return
	}
	short := map[string]any{"status": "observed"}
	if len(t.Unobserved) > 0 {
		short["status"] = "partly"
		short["unobserved"] = decoded(t.Unobserved)
	}
	classes, changed := map[string]any{}, 0
	for _, f := range t.Files {
		n, _ := classes[f.Class].(float64)
		classes[f.Class] = n + 1
		if f.State == StateChanged {
			changed++
		}
	}
	short["files"] = classes
	if changed > 0 {
		short["changed"] = float64(changed)
	}
	if len(t.Connections) > 0 {
		short["connections"] = decoded(t.Connections[:min(len(t.Connections), maxTraceConnections)])
		if more := len(t.Connections) - maxTraceConnections; more > 0 {
			short["connectionsOmitted"] = float64(more)
		}
	}
	if omitted := b.traceDependencies(d); omitted > 0 {
		short["dependenciesOmitted"] = float64(omitted)
	}
	if len(t.Unobserved) > 0 {
		d.put(d.internal, atInternal, "trace", short, Declared, "not all that the command did could be seen through: what is in it was seen, and what is not may have been done as well")
	} else {
		d.put(d.internal, atInternal, "trace", short, Observed, "the system calls of the command and its children, stopped and read")
	}
	if len(t.Connections) > 0 {
		d.grade(pointer(at, "connections"), Observed, "attempted by the command or its children; nobody knows of their success")
	}
}

// traceDependencies adds the files that something was made from: programs, and
// sources. Of a Go build the modules are there by their sums. It returns how
// many were left out.
func (b *building) traceDependencies(d *draft) (omitted int) {
	count := 0
	for _, executed := range []bool{true, false} {
		for _, f := range b.trace.Files {
			from := f.Class == ClassSource || f.Class == ClassModule && b.generic()
			if f.Executed != executed || len(f.Digest) == 0 || f.State != "" || f.Written || !executed && !(f.Read && from) || executed && f.Class == ClassTemporary {
				continue
			}
			if slices.ContainsFunc(d.materials, func(m material) bool {
				return m.Name == f.Name && m.URI == "" && m.Digest[provenance.SHA256] == f.Digest[provenance.SHA256]
			}) {
				continue
			}
			if count++; count > maxTraceDependencies {
				omitted++
				continue
			}
			how, why := "opened", "opened by the command or a child of it, and hashed when that had ended; it did not change in between"
			if executed {
				how, why = "executed", "executed by the command or a child of it, or to start one, and hashed when that had ended; it did not change in between"
			}
			d.materials = append(d.materials, material{provenance.ResourceDescriptor{Name: f.Name, Digest: f.Digest,
				Annotations: map[string]json.RawMessage{"trace": jsonValue(how)}}, Observed, why})
		}
	}
	return omitted
}

// runtimeTrace is the whole of what was seen, as a predicate. It is nil if
// nobody looked.
func (b *building) runtimeTrace(run provenance.RunDetails) *predicate.RuntimeTrace {
	if b.trace == nil || b.trace.Refused != "" || len(b.trace.Files) == 0 {
		return nil
	}
	r := &predicate.RuntimeTrace{
		Monitor:          predicate.Monitor{Type: TraceMonitor},
		MonitoredProcess: predicate.MonitoredProcess{HostID: run.Builder.ID, Type: b.buildType(), Event: run.Metadata.InvocationID},
		Metadata:         predicate.TraceMetadata{BuildStartedOn: run.Metadata.StartedOn, BuildFinishedOn: run.Metadata.FinishedOn},
	}
	for _, u := range b.trace.Unobserved {
		r.MonitorLog.Process = append(r.MonitorLog.Process, jsonValue(struct {
			Unobserved `json:"unobserved"`
		}{u}))
	}
	files, omitted := fewer(b.trace.Files)
	if len(omitted) > 0 {
		r.MonitorLog.Process = append(r.MonitorLog.Process, jsonValue(map[string]any{"omitted": omitted}))
	}
	for _, c := range b.trace.Connections {
		r.MonitorLog.Network = append(r.MonitorLog.Network, jsonValue(c))
	}
	for _, f := range files {
		r.MonitorLog.FileAccess = append(r.MonitorLog.FileAccess, f.descriptor())
	}
	return r
}

// fewer leaves out whole classes of files until the rest can be listed: those
// first that matter least. It says how many of which.
func fewer(files []TracedFile) (rest []TracedFile, omitted map[string]int) {
	rest = files
	for _, class := range []string{ClassTemporary, ClassSystem, ClassCache, ClassToolchain, ClassModule, ClassSource} {
		if len(rest) <= maxTraceAccess {
			break
		}
		if omitted == nil {
			omitted = map[string]int{}
		}
		before := len(rest)
		rest = slices.DeleteFunc(slices.Clone(rest), func(f TracedFile) bool { return f.Class == class && !f.Executed })
		omitted[class] = before - len(rest)
	}
	if more := len(rest) - maxTraceAccess; more > 0 {
		rest = rest[:maxTraceAccess]
		omitted["others"] = more
	}
	return rest, omitted
}

func (f TracedFile) descriptor() provenance.ResourceDescriptor {
	var did []string
	for _, a := range []struct {
		name string
		done bool
	}{{"executed", f.Executed}, {"read", f.Read}, {"written", f.Written}} {
		if a.done {
			did = append(did, a.name)
		}
	}
	d := provenance.ResourceDescriptor{Name: f.Name, Digest: f.Digest,
		Annotations: map[string]json.RawMessage{"access": jsonValue(strings.Join(did, ",")), "class": jsonValue(f.Class)}}
	if f.State != "" {
		d.Annotations["state"] = jsonValue(f.State)
	}
	return d
}

// bindTrace makes t a byproduct of the run, by the digest of the predicate as
// it stands in a statement.
func (d *draft) bindTrace(t *predicate.RuntimeTrace, run *provenance.RunDetails, subjects []provenance.ResourceDescriptor) error {
	s, err := t.Statement(subjects...)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(s.Predicate)
	d.grade(pointer(atByproducts, strconv.Itoa(len(run.Byproducts))), Observed, "what the tracer saw; the digest is that of the predicate, as it stands in its statement")
	run.Byproducts = append(run.Byproducts, provenance.ResourceDescriptor{Name: "runtime-trace",
		Digest: provenance.DigestSet{provenance.SHA256: hex.EncodeToString(sum[:])}, MediaType: "application/json"})
	return nil
}

// Trace returns all that a [Tracer] saw, as a predicate about [Record.Subjects].
// It is nil if there was no tracer, and if it could not watch; the provenance
// says so then. It is the caller's to read only. The provenance has its digest among the byproducts.
func (r *Record) Trace() *predicate.RuntimeTrace { return r.trace }

// decoded is v as encoding/json decodes it.
func decoded(v any) (out any) {
	if json.Unmarshal(jsonValue(v), &out) != nil {
		return nil
	}
	return out
}
