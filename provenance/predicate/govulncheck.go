package predicate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// What is read of govulncheck -json (golang.org/x/vuln, protocol v1).
type govulncheckMessage struct {
	Config *struct {
		ProtocolVersion string     `json:"protocol_version"`
		ScannerName     string     `json:"scanner_name"`
		ScannerVersion  string     `json:"scanner_version"`
		DB              string     `json:"db"`
		DBLastModified  *time.Time `json:"db_last_modified"`
		ScanMode        string     `json:"scan_mode"`
	} `json:"config"`
	Progress *struct {
		Timestamp *time.Time `json:"time"`
		Message   string     `json:"message"`
	} `json:"progress"`
	OSV *struct {
		ID      string   `json:"id"`
		Aliases []string `json:"aliases"`
	} `json:"osv"`
	Finding *govulncheckFinding `json:"finding"`
}

type govulncheckFinding struct {
	OSV          string `json:"osv"`
	FixedVersion string `json:"fixed_version"`
	Trace        []struct {
		Module   string `json:"module"`
		Version  string `json:"version"`
		Package  string `json:"package"`
		Function string `json:"function"`
	} `json:"trace"`
}

// A reach is how a program depends on what is vulnerable, from least to worst.
type reach int

const (
	required reach = iota // the module is
	imported              // the package is
	called                // the function is
)

func (r reach) String() string { return [...]string{"required", "imported", "called"}[r] }

// FromGovulncheck reads the output of govulncheck -json (protocol v1). The
// report says when its database was last updated, but not always when the
// scan ran: started and finished are used where its messages have no times.
//
// A vulnerability is there once, by the name of the Go vulnerability database.
// Its severity is by method "govulncheck" how the program depends on what is
// vulnerable, at worst: "called", "imported" or "required". An annotation for each
// module names its version and the one that fixes it; another holds its aliases.
//
// A report that does not come to the comparison with the database is an error:
// the scan was cut off. That it was cut off later, between two messages, cannot be
// seen: look at govulncheck's exit status before you convert what it wrote.
func FromGovulncheck(r io.Reader, started, finished time.Time) (*Vulns, error) {
	v, err := fromGovulncheck(r, started, finished)
	if err != nil {
		return nil, fmt.Errorf("govulncheck report: %w", err)
	}
	return v, nil
}

func fromGovulncheck(r io.Reader, started, finished time.Time) (*Vulns, error) {
	g := govulncheckReport{found: map[string]*govulncheckVuln{}, aliases: map[string][]string{}}
	limited := &io.LimitedReader{R: r, N: maxHeld + 1}
	d := json.NewDecoder(limited)
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if limited.N <= 0 {
			return nil, fmt.Errorf("it has more than %d bytes", maxHeld)
		}
		if err == io.EOF {
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("message %d has no end: the scan was cut off", n)
		}
		if err != nil {
			return nil, fmt.Errorf("message %d: %v", n, err)
		}
		var m govulncheckMessage
		if err := strictjson.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("message %d: %w", n, err)
		}
		if err := g.message(&m); err != nil {
			return nil, fmt.Errorf("message %d: %w", n, err)
		}
	}
	return g.vulns(started, finished)
}

// A govulncheckReport is a report while it is read.
type govulncheckReport struct {
	config   bool
	vulnsDoc Vulns
	compared bool
	first    time.Time
	last     time.Time
	found    map[string]*govulncheckVuln
	aliases  map[string][]string
	bytes    int
}

type govulncheckVuln struct {
	reach   reach
	modules map[[3]string]bool // path, version, fixed version
}

func (g *govulncheckReport) message(m *govulncheckMessage) error {
	if m.Config != nil {
		return g.setUp(m)
	}
	if !g.config {
		return errors.New("it is no configuration, which comes first")
	}
	if p := m.Progress; p != nil {
		if p.Timestamp != nil {
			if g.first.IsZero() {
				g.first = *p.Timestamp
			}
			g.last = *p.Timestamp
		}
		// "Checking the code against the vulnerabilities..."
		g.compared = g.compared || strings.HasPrefix(p.Message, "Checking the ") && strings.Contains(p.Message, "against the vulnerabilities")
	}
	if o := m.OSV; o != nil {
		if err := g.hold(o.ID, o.Aliases...); err != nil {
			return err
		}
		g.aliases[o.ID] = o.Aliases
	}
	if f := m.Finding; f != nil {
		return g.finding(f)
	}
	return nil
}

// hold counts what is kept in memory.
func (g *govulncheckReport) hold(text string, more ...string) error {
	g.bytes += len(text)
	for _, s := range more {
		g.bytes += len(s)
	}
	if g.bytes > maxNames {
		return fmt.Errorf("what is to be kept has more than %d bytes", maxNames)
	}
	return nil
}

func (g *govulncheckReport) setUp(m *govulncheckMessage) error {
	c := m.Config
	switch {
	case g.config:
		return errors.New("it is a second configuration: want the report of one scan")
	case !strings.HasPrefix(c.ProtocolVersion, "v1."):
		return fmt.Errorf("protocol_version is %s, want v1", quote(c.ProtocolVersion))
	case c.ScanMode == "query" || c.ScanMode == "extract":
		return fmt.Errorf("scan_mode is %s, which looks at no program", quote(c.ScanMode))
	case c.DBLastModified == nil:
		return errors.New("db_last_modified is missing: how much the scanner knew is not known")
	}
	g.config = true
	name := cmp.Or(c.ScannerName, "govulncheck")
	g.vulnsDoc.Scanner = Scanner{URI: "pkg:generic/" + url.PathEscape(name), Version: c.ScannerVersion, DB: VulnDatabase{URI: pageURI(c.DB), LastUpdate: *c.DBLastModified}}
	if name == "govulncheck" {
		g.vulnsDoc.Scanner.URI = "pkg:golang/golang.org/x/vuln"
		if c.ScannerVersion != "" {
			g.vulnsDoc.Scanner.URI += "@" + url.PathEscape(c.ScannerVersion)
		}
		g.vulnsDoc.Scanner.URI += "#cmd/govulncheck"
	}
	return nil
}

// pageURI is the address of a database without what may be a secret, or nothing:
// a folder is none.
func pageURI(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (g *govulncheckReport) finding(f *govulncheckFinding) error {
	if f.OSV == "" || len(f.Trace) == 0 {
		return errors.New("a finding names no vulnerability or no module")
	}
	at := f.Trace[0]
	depends := required
	switch {
	case at.Function != "":
		depends = called
	case at.Package != "":
		depends = imported
	}
	v := g.found[f.OSV]
	if v == nil {
		v = &govulncheckVuln{modules: map[[3]string]bool{}}
		g.found[f.OSV] = v
	}
	v.reach = max(v.reach, depends)
	module := [3]string{at.Module, at.Version, f.FixedVersion}
	if v.modules[module] {
		return nil
	}
	v.modules[module] = true
	return g.hold(f.OSV, module[:]...)
}

// vulns is what was found, by name.
func (g *govulncheckReport) vulns(started, finished time.Time) (*Vulns, error) {
	if !g.config {
		return nil, errors.New("it is empty")
	}
	if !g.compared {
		return nil, errors.New("it ends before the program was compared with the database: the scan was cut off")
	}
	v := &g.vulnsDoc
	v.Scanner.Result = []Vulnerability{}
	v.Metadata = ScanMetadata{started, finished}
	if !g.first.IsZero() {
		v.Metadata = ScanMetadata{g.first, g.last}
	}
	for _, id := range slices.Sorted(maps.Keys(g.found)) {
		f := g.found[id]
		found := Vulnerability{ID: id, Severity: []Severity{{Method: "govulncheck", Score: f.reach.String()}}}
		modules := slices.SortedFunc(maps.Keys(f.modules), func(a, b [3]string) int { return slices.Compare(a[:], b[:]) })
		for _, m := range modules {
			annotation := map[string]string{"module": m[0]}
			if m[1] != "" {
				annotation["version"] = m[1]
			}
			if m[2] != "" {
				annotation["fixed"] = m[2]
			}
			found.Annotations = append(found.Annotations, encoded(annotation))
		}
		if aliases := g.aliases[id]; len(aliases) > 0 {
			found.Annotations = append(found.Annotations, encoded(map[string][]string{"aliases": slices.Sorted(slices.Values(aliases))}))
		}
		v.Scanner.Result = append(v.Scanner.Result, found)
	}
	if err := v.Validate(); err != nil {
		return nil, err
	}
	return v, nil
}

// encoded is the JSON of strings, which always have one.
func encoded(v any) json.RawMessage {
	data, _ := json.Marshal(v)
	return data
}
