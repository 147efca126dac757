package vex

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// checkKind says what a document is that is not OpenVEX.
func checkKind(data []byte) error {
	var head struct {
		Context   any    `json:"@context"`
		Type      string `json:"_type"`
		BOMFormat string `json:"bomFormat"`
		Document  any    `json:"document"`
	}
	if err := strictjson.Unmarshal(data, &head); err != nil {
		return err
	}
	switch context, ok := head.Context.(string); {
	case head.BOMFormat != "":
		return fmt.Errorf("it is a CycloneDX document: read it with package sbom, and give that to FromCycloneDX")
	case head.Type != "":
		return fmt.Errorf("it is an in-toto statement: its predicate is the document")
	case head.Context == nil && head.Document != nil:
		return fmt.Errorf("it is no OpenVEX document, and looks like CSAF, which is not read")
	case !ok:
		return fmt.Errorf("it has no @context of OpenVEX")
	case !slices.Contains([]string{contextV020, contextLegacy, contextLegacy + "/v0.0.1", contextLegacy + "/v0.0.2"}, context):
		return fmt.Errorf("line %d: @context is %q, want %q", strictjson.Line(data, "/@context"), clip(context), contextV020)
	}
	return nil
}

func noNull(s *strictjson.Scanner) error {
	switch s.Kind() {
	case 'n':
		return s.Fail("want a value, found null")
	case '[':
		return s.Array(func(int) error { return noNull(s) })
	case '{':
		return s.Object(func([]byte) error { return noNull(s) })
	}
	return s.Skip()
}

// The document as it is spelled. Before v0.2.0 vulnerabilities and products were
// strings, and the version was one too.
type rawDocument struct {
	Context     string         `json:"@context"`
	ID          string         `json:"@id"`
	Author      string         `json:"author"`
	Role        string         `json:"role"`
	Timestamp   string         `json:"timestamp"`
	LastUpdated string         `json:"last_updated"`
	Version     rawVersion     `json:"version"`
	Tooling     string         `json:"tooling"`
	Supplier    string         `json:"supplier"` // before v0.2.0
	Format      string         `json:"format"`   // before v0.2.0
	Statements  []rawStatement `json:"statements"`
}

type rawStatement struct {
	ID                       string           `json:"@id"`
	Version                  *int             `json:"version"`
	Vulnerability            rawVulnerability `json:"vulnerability"`
	VulnDescription          string           `json:"vuln_description"` // before v0.2.0
	Timestamp                string           `json:"timestamp"`
	LastUpdated              string           `json:"last_updated"`
	Products                 []rawProduct     `json:"products"`
	Subcomponents            []string         `json:"subcomponents"` // before v0.2.0
	Status                   string           `json:"status"`
	Supplier                 string           `json:"supplier"`
	StatusNotes              string           `json:"status_notes"`
	Justification            string           `json:"justification"`
	ImpactStatement          string           `json:"impact_statement"`
	ActionStatement          string           `json:"action_statement"`
	ActionStatementTimestamp string           `json:"action_statement_timestamp"`
}

type rawVulnerability struct {
	ID          string   `json:"@id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Aliases     []string `json:"aliases"`
	legacy      bool
}

func (v *rawVulnerability) UnmarshalJSON(data []byte) error {
	if v.legacy = data[0] == '"'; v.legacy {
		return strictjson.Unmarshal(data, &v.Name)
	}
	type plain rawVulnerability
	return strictjson.UnmarshalClosed(data, (*plain)(v))
}

type rawProduct struct {
	rawComponent
	Subcomponents []rawComponent `json:"subcomponents"`
	legacy        bool
}

type rawComponent struct {
	ID          string            `json:"@id"`
	Identifiers rawIdentifiers    `json:"identifiers"`
	Hashes      map[string]string `json:"hashes"`
}

type rawIdentifiers struct {
	PURL  string `json:"purl"`
	CPE22 string `json:"cpe22"`
	CPE23 string `json:"cpe23"`
}

func (p *rawProduct) UnmarshalJSON(data []byte) error {
	if p.legacy = data[0] == '"'; p.legacy {
		return strictjson.Unmarshal(data, &p.ID)
	}
	var plain struct {
		ID            string            `json:"@id"`
		Identifiers   rawIdentifiers    `json:"identifiers"`
		Hashes        map[string]string `json:"hashes"`
		Subcomponents []rawComponent    `json:"subcomponents"`
	}
	err := strictjson.UnmarshalClosed(data, &plain)
	p.rawComponent, p.Subcomponents = rawComponent{plain.ID, plain.Identifiers, plain.Hashes}, plain.Subcomponents
	return err
}

type rawVersion struct {
	number int
	there  bool
	legacy bool
}

func (v *rawVersion) UnmarshalJSON(data []byte) error {
	v.there = true
	if v.legacy = data[0] == '"'; !v.legacy {
		return strictjson.Unmarshal(data, &v.number)
	}
	var text string
	if err := strictjson.Unmarshal(data, &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text {
		n = -1 // refused below
	}
	v.number = n
	return nil
}
