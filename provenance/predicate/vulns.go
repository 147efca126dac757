package predicate

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// VulnsType is the predicate type of [Vulns].
const VulnsType = "https://in-toto.io/attestation/vulns/v0.2"

// Vulns are the known vulnerabilities that a scanner found in the subjects, as of
// one state of its database (predicate type vulns, v0.2). The zero Vulns is invalid.
type Vulns struct {
	Scanner  Scanner      `json:"scanner"`
	Metadata ScanMetadata `json:"metadata"`
}

// A Scanner is what looked, what it looked in, and what it found.
type Scanner struct {
	// URI identifies the scanner. Required.
	URI     string       `json:"uri"`
	Version string       `json:"version,omitempty"`
	DB      VulnDatabase `json:"db"`
	// Result is what was found. Empty says that nothing was.
	Result []Vulnerability `json:"result"`
}

// A VulnDatabase is what was known at the time.
type VulnDatabase struct {
	URI     string `json:"uri,omitempty"`
	Version string `json:"version,omitempty"`
	// LastUpdate is when it last changed. Required.
	LastUpdate time.Time `json:"lastUpdate"`
}

// A Vulnerability is one that was found.
type Vulnerability struct {
	// ID is its name: "GO-2024-2611", "CVE-2024-24786". Required.
	ID string `json:"id"`
	// Severity is how bad it is, by one method at least.
	Severity []Severity `json:"severity"`
	// Annotations are more facts about it, each a JSON object.
	Annotations []json.RawMessage `json:"annotations,omitempty"`
}

// A Severity is how bad a vulnerability is by one method: "cvss_score", "7.5".
type Severity struct {
	Method string `json:"method"`
	Score  string `json:"score"`
}

// ScanMetadata says when the scan ran. Both are required.
type ScanMetadata struct {
	ScanStartedOn  time.Time `json:"scanStartedOn"`
	ScanFinishedOn time.Time `json:"scanFinishedOn"`
}

// ParseVulns reads the Vulns in s. What it returns is valid.
func ParseVulns(s *provenance.Statement) (*Vulns, error) { return parse[Vulns](s, VulnsType) }

// Validate names the field that makes v unusable, by JSON pointer: no scanner,
// no state of the database, a vulnerability without an id or a severity, a scan
// without times or that ends before it starts.
func (v *Vulns) Validate() error {
	if err := checkURI("/scanner/uri", v.Scanner.URI); err != nil {
		return err
	}
	if v.Scanner.DB.URI != "" {
		if err := checkURI("/scanner/db/uri", v.Scanner.DB.URI); err != nil {
			return err
		}
	}
	if v.Scanner.DB.LastUpdate.IsZero() {
		return fmt.Errorf("/scanner/db/lastUpdate is missing")
	}
	for i, found := range v.Scanner.Result {
		at := fmt.Sprintf("/scanner/result/%d", i)
		if found.ID == "" {
			return fmt.Errorf("%s/id is missing", at)
		}
		if len(found.Severity) == 0 {
			return fmt.Errorf("%s/severity of %s is missing", at, quote(found.ID))
		}
		for j, s := range found.Severity {
			if s.Method == "" || s.Score == "" {
				return fmt.Errorf("%s/severity/%d of %s has no method or no score", at, j, quote(found.ID))
			}
		}
		for j, a := range found.Annotations {
			var object map[string]json.RawMessage
			if err := strictjson.Unmarshal(a, &object); err != nil || object == nil {
				return fmt.Errorf("%s/annotations/%d is no JSON object", at, j)
			}
		}
	}
	return checkTimes("/metadata", "scanStartedOn", v.Metadata.ScanStartedOn, "scanFinishedOn", v.Metadata.ScanFinishedOn)
}

// Statement makes a statement of v about what was scanned.
func (v *Vulns) Statement(subjects ...provenance.ResourceDescriptor) (*provenance.Statement, error) {
	c := *v
	if c.Scanner.Result == nil {
		c.Scanner.Result = []Vulnerability{} // the list must be there to say that nothing was found
	}
	c.Scanner.DB.LastUpdate = c.Scanner.DB.LastUpdate.UTC()
	c.Metadata = ScanMetadata{c.Metadata.ScanStartedOn.UTC(), c.Metadata.ScanFinishedOn.UTC()}
	return statement(v, VulnsType, &c, subjects)
}
