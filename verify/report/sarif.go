package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/safetext"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

// What is written of SARIF 2.1.0; the names are the specification's.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Artifacts   []sarifArtifact   `json:"artifacts"`
	Results     []sarifResult     `json:"results"`
	Properties  map[string]any    `json:"properties"`
}

type sarifTool struct {
	Driver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	} `json:"driver"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID      string     `json:"id"`
	Short   sarifText  `json:"shortDescription"`
	Help    *sarifText `json:"help,omitempty"`
	HelpURI string     `json:"helpUri"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifArtifact struct {
	Location sarifLocation     `json:"location"`
	Roles    []string          `json:"roles"`
	Hashes   map[string]string `json:"hashes,omitempty"`
}

type sarifLocation struct {
	URI   string `json:"uri"`
	Index *int   `json:"index,omitempty"`
}

type sarifPlace struct {
	Physical struct {
		Artifact sarifLocation `json:"artifactLocation"`
	} `json:"physicalLocation"`
	Logical []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifPlace       `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homepage    = "https://github.com/touchmark-go/touchmark"
	codesPage   = homepage + "/blob/main/docs/policy.md#codes"
)

// SARIF is the verdict as a SARIF 2.1.0 log of one run. The rules are the codes
// that were checked, with what leads to them and what to do.
//
// A result is what kept the answer from being yes (error), what people made an
// exception for (error, suppressed, with their reason), and evidence that was set
// aside (note). What passed is no result, because code scanners show each as an
// alert: it stands among the properties of the run, with what was waived. A verdict that is
// Undecided did not end well (executionSuccessful is false).
func SARIF(v *verify.Verdict) ([]byte, error) {
	all := findings(v)
	run := sarifRun{Artifacts: []sarifArtifact{artifact(v)}, Results: []sarifResult{}, Properties: map[string]any{}}
	run.Tool.Driver.Name, run.Tool.Driver.InformationURI = "touchmark", homepage
	run.Tool.Driver.Rules = rules(all)
	invocation := sarifInvocation{ExecutionSuccessful: v.Decision != verify.Undecided}
	lists := map[outcome][]string{passed: {}, waived: {}}
	for _, f := range all {
		how := outcomeOf(f)
		if how == passed || how == waived {
			_, rule := policyOf(v, f)
			lists[how] = append(lists[how], show(strings.TrimRight(string(f.Code)+" "+rule, " ")))
			continue
		}
		r := result(v, f, how)
		r.RuleIndex = slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarifRule) bool { return rule.ID == r.RuleID })
		if how == undecided || f.Code == codeNone {
			invocation.Notifications = append(invocation.Notifications, sarifNotification{"error", r.Message})
		}
		run.Results = append(run.Results, r)
	}
	run.Invocations = []sarifInvocation{invocation}
	run.Properties["passed"], run.Properties["waived"] = lists[passed], lists[waived]
	var by []string
	for _, p := range properties(v) {
		if p.word == "policy" {
			by = append(by, p.text)
			continue
		}
		run.Properties[p.word] = p.text
	}
	run.Properties["policies"] = by
	data, err := json.MarshalIndent(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(safetext.EscapeJSON(data), '\n'), nil
}

// rules are the codes of findings, each once, in order.
func rules(all []verify.Finding) []sarifRule {
	var codes []verify.Code
	for _, f := range all {
		if outcomeOf(f) != waived {
			codes = append(codes, f.Code)
		}
	}
	slices.Sort(codes)
	out := []sarifRule{}
	for _, c := range slices.Compact(codes) {
		r := sarifRule{ID: show(string(c)), Short: sarifText{show(string(c))}, HelpURI: codesPage}
		if m := meanings[c]; m != "" {
			r.Short.Text = m
		}
		if do := c.Remedy(); do != "" {
			r.Help = &sarifText{"What leads to it: " + r.Short.Text + ".\nWhat to do: " + do + "."}
		}
		r.Default.Level = "error"
		out = append(out, r)
	}
	return out
}

// result is one finding that did not pass.
func result(v *verify.Verdict, f verify.Finding, how outcome) sarifResult {
	r := sarifResult{RuleID: show(string(f.Code)), Level: "error", Message: sarifText{show(f.Message) + lines(f)}, Fingerprints: map[string]string{"check/v1": fingerprint(v, f)}}
	if !v.Digest.IsZero() {
		r.Fingerprints["artifactDigest/v1"] = v.Digest.String()
	}
	zero, place := 0, sarifPlace{}
	place.Physical.Artifact = artifact(v).Location
	place.Physical.Artifact.Index = &zero
	if f.Rule != "" {
		place.Logical = []sarifLogical{{show(f.Rule)}}
	}
	r.Locations = []sarifPlace{place}
	switch how {
	case setAside:
		r.Level = "note"
	case excepted:
		r.Suppressions = []sarifSuppression{{"external", "accepted", "exception by " + exceptionBy(f.Exception) + ": " + show(f.Exception.Reason)}}
	}
	return r
}

// fingerprint names a check of an artifact, so that the same one is the same alert
// in the next run, whatever was found there.
func fingerprint(v *verify.Verdict, f verify.Finding) string {
	what := v.Artifact
	if !v.Digest.IsZero() {
		what = v.Digest.String()
	}
	policy, rule := policyOf(v, f)
	data, _ := json.Marshal([]string{what, v.Environment, policy, rule, string(f.Code), f.Evidence}) // text always has JSON
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// artifact is what was verified, by a URI reference and its digest.
func artifact(v *verify.Verdict) sarifArtifact {
	a := sarifArtifact{Location: sarifLocation{URI: uriOf(v.Artifact)}, Roles: []string{"analysisTarget"}}
	if v.Digest.IsZero() {
		return a
	}
	name := v.Digest.Algorithm() // SARIF 3.24.11 wants IANA's names of hash functions
	switch name {
	case provenance.SHA256, provenance.SHA384, provenance.SHA512:
		name = "sha-" + strings.TrimPrefix(name, "sha")
	}
	a.Hashes = map[string]string{name: v.Digest.Hex()}
	return a
}

// uriOf is a path as a URI reference; a digest is one already.
func uriOf(name string) string {
	const most = 1024
	if _, err := provenance.ParseDigest(name); err == nil {
		return name
	}
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return (&url.URL{Path: filepath.ToSlash(name)}).String()
}
