package predicate

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// RuntimeTraceType is the predicate type of a [RuntimeTrace].
const RuntimeTraceType = "https://in-toto.io/attestation/runtime-trace/v0.1"

// A RuntimeTrace is what a monitor saw a process do, such as a build of the
// subjects (predicate type runtime-trace, v0.1). The zero RuntimeTrace is invalid.
type RuntimeTrace struct {
	Monitor          Monitor          `json:"monitor"`
	MonitoredProcess MonitoredProcess `json:"monitoredProcess"`
	MonitorLog       MonitorLog       `json:"monitorLog"`
	Metadata         TraceMetadata    `json:"metadata,omitzero"`
}

// A Monitor is what looked.
type Monitor struct {
	// Type is a URI that says what the monitor is, and so what its objects mean. Required.
	Type string `json:"type"`
	// ConfigSource is what it was set up with. Optional; nil is none.
	ConfigSource *provenance.ResourceDescriptor `json:"configSource,omitempty"`
	// TracePolicy says what it was to look for: a JSON object. Optional.
	TracePolicy json.RawMessage `json:"tracePolicy,omitempty"`
}

// A MonitoredProcess is what was looked at. All are required.
type MonitoredProcess struct {
	HostID string `json:"hostID"` // a URI that says on what it ran
	Type   string `json:"type"`   // a URI that says what it did: of a build, its build type
	Event  string `json:"event"`  // the job or task: of a build, its invocation ID
}

// A MonitorLog is what was seen. One list at least is not empty.
type MonitorLog struct {
	// Process and Network are JSON objects whose meaning the monitor's type says.
	Process []json.RawMessage `json:"process,omitempty"`
	Network []json.RawMessage `json:"network,omitempty"`
	// FileAccess are files that were opened, each with its path as its name. One
	// that changed meanwhile may come twice, with two digests.
	FileAccess []provenance.ResourceDescriptor `json:"fileAccess,omitempty"`
}

// TraceMetadata says when. Both are optional, and zero is unset.
type TraceMetadata struct {
	BuildStartedOn  time.Time `json:"buildStartedOn,omitzero"`
	BuildFinishedOn time.Time `json:"buildFinishedOn,omitzero"`
}

// ParseRuntimeTrace reads the RuntimeTrace in s. What it returns is valid.
func ParseRuntimeTrace(s *provenance.Statement) (*RuntimeTrace, error) {
	return parse[RuntimeTrace](s, RuntimeTraceType)
}

// Validate names the field that makes t unusable, by JSON pointer: no monitor,
// no process, nothing that was seen, an entry that is no JSON object.
func (t *RuntimeTrace) Validate() error {
	if err := checkURI("/monitor/type", t.Monitor.Type); err != nil {
		return err
	}
	if p := t.Monitor.TracePolicy; len(p) > 0 && !isObject(p) && string(p) != "null" {
		return errors.New("/monitor/tracePolicy is no JSON object")
	}
	if err := checkURI("/monitoredProcess/hostID", t.MonitoredProcess.HostID); err != nil {
		return err
	}
	if err := checkURI("/monitoredProcess/type", t.MonitoredProcess.Type); err != nil {
		return err
	}
	if t.MonitoredProcess.Event == "" {
		return errors.New("/monitoredProcess/event is missing")
	}
	log := t.MonitorLog
	if len(log.Process)+len(log.Network)+len(log.FileAccess) == 0 {
		return errors.New("/monitorLog has no process, network or fileAccess, want one at least")
	}
	for _, list := range []struct {
		name    string
		objects []json.RawMessage
	}{{"process", log.Process}, {"network", log.Network}} {
		for i, object := range list.objects {
			if !isObject(object) {
				return fmt.Errorf("/monitorLog/%s/%d is no JSON object", list.name, i)
			}
		}
	}
	for i, d := range log.FileAccess {
		if err := checkDescriptor(fmt.Sprintf("/monitorLog/fileAccess/%d", i), d); err != nil {
			return err
		}
	}
	if m := t.Metadata; !m.BuildStartedOn.IsZero() && !m.BuildFinishedOn.IsZero() {
		return checkTimes("/metadata", "buildStartedOn", m.BuildStartedOn, "buildFinishedOn", m.BuildFinishedOn)
	}
	return nil
}

func isObject(raw json.RawMessage) bool {
	return len(raw) > 0 && raw[0] == '{' && strictjson.Check(raw) == nil
}

// Statement makes a statement of t about what the process made.
func (t *RuntimeTrace) Statement(subjects ...provenance.ResourceDescriptor) (*provenance.Statement, error) {
	c := *t
	if !c.Metadata.BuildStartedOn.IsZero() {
		c.Metadata.BuildStartedOn = c.Metadata.BuildStartedOn.UTC()
	}
	if !c.Metadata.BuildFinishedOn.IsZero() {
		c.Metadata.BuildFinishedOn = c.Metadata.BuildFinishedOn.UTC()
	}
	return statement(t, RuntimeTraceType, &c, subjects)
}
