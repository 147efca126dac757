package predicate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// What is read of a log in SARIF 2.1.0; the names are the specification's.
type sarifLog struct {
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver     sarifComponent   `json:"driver"`
		Extensions []sarifComponent `json:"extensions"`
	} `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     *[]sarifResult    `json:"results"`
	External    struct {
		Results []json.RawMessage `json:"results"`
	} `json:"externalPropertyFileReferences"`
}

type sarifInvocation struct {
	ExecutionSuccessful *bool               `json:"executionSuccessful"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications"`
	Configuration       []sarifNotification `json:"toolConfigurationNotifications"`
}

type sarifComponent struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string `json:"id"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifNotification struct {
	Level string `json:"level"`
}

type sarifResult struct {
	RuleID    string `json:"ruleId"`
	RuleIndex *int   `json:"ruleIndex"`
	Rule      struct {
		ID    string `json:"id"`
		Index *int   `json:"index"`
	} `json:"rule"`
	Level         string `json:"level"`
	Kind          string `json:"kind"`
	BaselineState string `json:"baselineState"`
	Suppressions  []struct {
		Status string `json:"status"`
	} `json:"suppressions"`
}

// FromSARIF reads a log in SARIF 2.1.0, as linters and scanners write one. Each
// rule that says something is a test, "TOOL/RULE": FAILED at level error, WARNED at
// warning (which a result is that names no level) and where a result was
// suppressed or awaits review; notes are no warnings. A tool that finds nothing is one
// test that passed, under its own name.
//
// A run that did not end well (executionSuccessful is false, an error among
// the tool's notifications) has FAILED. A run without results, not even an empty
// list, is an error, because the tool did not look, unless it says that it
// ended well; and so are results in other files.
func FromSARIF(r io.Reader, configuration ...provenance.ResourceDescriptor) (*TestResult, error) {
	data, err := strictjson.ReadAll(r, maxHeld)
	if err != nil {
		return nil, fmt.Errorf("SARIF log: %w", err)
	}
	var log sarifLog
	if err := strictjson.Unmarshal(data, &log); err != nil {
		return nil, fmt.Errorf("SARIF log: %w", err)
	}
	if log.Version != "2.1.0" {
		return nil, fmt.Errorf("SARIF log: version is %s, want 2.1.0", quote(log.Version))
	}
	if len(log.Runs) == 0 {
		return nil, errors.New("SARIF log: it has no run")
	}
	var t tally
	for i := range log.Runs {
		if err := t.sarif(&log.Runs[i]); err != nil {
			return nil, fmt.Errorf("SARIF log: /runs/%d: %w", i, err)
		}
	}
	result, err := t.result(configuration)
	if err != nil {
		return nil, fmt.Errorf("SARIF log: %w", err)
	}
	return result, nil
}

func (t *tally) sarif(run *sarifRun) error {
	tool := run.Tool.Driver.Name
	if tool == "" {
		return errors.New("/tool/driver/name is missing")
	}
	if len(run.External.Results) > 0 {
		return errors.New("its results are in other files")
	}
	if run.Results == nil {
		// SARIF 3.14.23 wants an empty list of a tool that found nothing; some that
		// say that they ended well leave it out.
		if len(run.Invocations) == 0 || slices.ContainsFunc(run.Invocations, func(i sarifInvocation) bool { return i.ExecutionSuccessful == nil || !*i.ExecutionSuccessful }) {
			return errors.New("it has no results, not even an empty list: the tool did not look")
		}
		run.Results = &[]sarifResult{}
	}
	whole := Passed
	for i := range *run.Results {
		r := &(*run.Results)[i]
		id, level := run.rule(r)
		result, err := r.outcome(level)
		if err != nil {
			return fmt.Errorf("/results/%d: %w", i, err)
		}
		if result == "" {
			continue
		}
		if result != Passed {
			whole = "" // the rules say it
		}
		if err := t.end(tool+"/"+cmp.Or(id, "(no rule)"), result); err != nil {
			return err
		}
	}
	for _, i := range run.Invocations {
		if i.ExecutionSuccessful != nil && !*i.ExecutionSuccessful {
			whole = Failed
		}
		for _, n := range append(i.Notifications, i.Configuration...) {
			if n.Level == "error" {
				whole = Failed
			}
		}
	}
	if whole == "" {
		return nil
	}
	return t.end(tool, whole)
}

// rule is the rule of a result, and the level that its results have unless they
// say another.
func (run *sarifRun) rule(r *sarifResult) (id, level string) {
	id = cmp.Or(r.RuleID, r.Rule.ID)
	index := r.RuleIndex
	if index == nil {
		index = r.Rule.Index
	}
	rules := run.Tool.Driver.Rules
	if index != nil && *index >= 0 && *index < len(rules) && (id == "" || rules[*index].ID == id) {
		return cmp.Or(id, rules[*index].ID), rules[*index].Default.Level
	}
	for _, c := range append([]sarifComponent{run.Tool.Driver}, run.Tool.Extensions...) {
		for _, rule := range c.Rules {
			if rule.ID == id && id != "" {
				return id, rule.Default.Level
			}
		}
	}
	return id, ""
}

// outcome is what a result means for its rule; "" is nothing.
func (r *sarifResult) outcome(level string) (Result, error) {
	if r.BaselineState == "absent" {
		return "", nil // it is gone since the baseline
	}
	switch r.Kind {
	case "", "fail":
	case "pass":
		return Passed, nil
	case "open", "review":
		return Warned, nil
	case "notApplicable", "informational":
		return "", nil
	default:
		return "", fmt.Errorf("kind is %s, which SARIF does not know", quote(r.Kind))
	}
	if level = cmp.Or(r.Level, level, "warning"); level != "none" && level != "note" && level != "warning" && level != "error" {
		return "", fmt.Errorf("level is %s, want error, warning, note or none", quote(level))
	}
	suppressed := len(r.Suppressions) > 0
	for _, s := range r.Suppressions {
		suppressed = suppressed && (s.Status == "" || s.Status == "accepted")
	}
	switch {
	case level == "note" || level == "none":
		return "", nil
	case level == "warning" || suppressed:
		return Warned, nil
	}
	return Failed, nil
}
