package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
	"github.com/touchmark-go/touchmark/internal/versions"
	"github.com/touchmark-go/touchmark/sbom"
)

// An SBOMRule says what must stand in an SBOM. What is zero is not asked; "any"
// is written to show that it is not. The zero SBOMRule asks nothing and is invalid.
type SBOMRule struct {
	Complete string         // "components" or "dependencies", see [sbom.Completeness]; "any" waives it
	Profiles []sbom.Profile // that must be met, see [sbom.Check]; the one element "any" waives it
	Licenses *LicenseRule   // of the components
	Packages *PackageRule   // that may not be among the components
	SumDB    *SumDBRule     // of the Go modules among the components
	Modules  string         // "exact": what the Go binary was linked from, and nothing else; "any" waives it
}

// A LicenseRule names licences that no component may have.
type LicenseRule struct {
	Any     bool     // wants nothing; then nothing else is set
	Deny    []string // SPDX ids, with or without "WITH exception", LicenseRefs, or the beginning of ids and "*"
	Unknown string   // "allow" or "deny" a component whose licence nobody knows
}

// A PackageRule names packages that may not be among the components.
type PackageRule struct {
	Any  bool // wants nothing; then nothing else is set
	Deny []DeniedPackage
}

// A DeniedPackage is a package, or all below a path, in all versions or in some.
type DeniedPackage struct {
	PURL     string   // without version and qualifiers; "*" as its last segment stands for everything below
	Versions []string // ranges, ">=1.2.0 <1.3.0" and the like, any of which denies; none is every version
}

// A SumDBRule wants of each Go module the proof, carried along in the SBOM, that
// a checksum database has its sum. In a file the name alone is a rule without
// exceptions.
type SumDBRule struct {
	Any      bool     // wants nothing; then nothing else is set
	Database string   // whose keys trust names, see Trust.SumDBs
	Except   []string // module paths that need no proof, with all below them: private ones
}

type sbomFile struct {
	Complete json.RawMessage `json:"complete,omitempty"`
	Profiles json.RawMessage `json:"profiles,omitempty"`
	Licenses json.RawMessage `json:"licenses,omitempty"`
	Packages json.RawMessage `json:"packages,omitempty"`
	SumDB    json.RawMessage `json:"sumdb,omitempty"`
	Modules  json.RawMessage `json:"modules,omitempty"`
}

type sumdbFile struct {
	Database string   `json:"database"`
	Except   []string `json:"except"`
}

type licensesFile struct {
	Deny    []string `json:"deny"`
	Unknown string   `json:"unknown"`
}

type packagesFile struct {
	Deny []json.RawMessage `json:"deny"`
}

type packageFile struct {
	PURL     string   `json:"purl"`
	Versions []string `json:"versions"`
}

// maxDenied is how many licences, packages and ranges a rule may name.
const maxDenied = 1000

func (l *loader) sbom(at string, data json.RawMessage, examine ExamineMode) (*SBOMRule, error) {
	var in sbomFile
	if err := l.decode(at, data, &in); err != nil {
		return nil, err
	}
	var rule SBOMRule
	asked := 0
	for _, m := range []struct {
		name string
		data json.RawMessage
		any  func()
		read func(at string, data json.RawMessage) error
	}{
		{"complete", in.Complete, func() { rule.Complete = "any" }, func(at string, data json.RawMessage) error {
			return l.word(at, data, &rule.Complete, "components", "dependencies")
		}},
		{"profiles", in.Profiles, func() { rule.Profiles = []sbom.Profile{"any"} }, func(at string, data json.RawMessage) (err error) {
			rule.Profiles, err = l.profiles(at, data)
			return err
		}},
		{"licenses", in.Licenses, func() { rule.Licenses = &LicenseRule{Any: true} }, func(at string, data json.RawMessage) (err error) {
			rule.Licenses, err = l.licenses(at, data)
			return err
		}},
		{"packages", in.Packages, func() { rule.Packages = &PackageRule{Any: true} }, func(at string, data json.RawMessage) (err error) {
			rule.Packages, err = l.packages(at, data)
			return err
		}},
		{"sumdb", in.SumDB, func() { rule.SumDB = &SumDBRule{Any: true} }, func(at string, data json.RawMessage) (err error) {
			rule.SumDB, err = l.sumdb(at, data)
			return err
		}},
		{"modules", in.Modules, func() { rule.Modules = "any" }, func(at string, data json.RawMessage) error {
			if examine == ExamineOff {
				return l.errorf(at, "examine is off, so nothing says what is in the binary")
			}
			return l.word(at, data, &rule.Modules, "exact")
		}},
	} {
		if m.data == nil {
			continue
		}
		asked++
		if l.isAny(m.data) {
			m.any()
			continue
		}
		if err := m.read(at+"/"+m.name, m.data); err != nil {
			return nil, err
		}
	}
	if asked == 0 {
		return nil, l.errorf(at, "asks nothing: want one of complete, profiles, licenses, packages, sumdb and modules")
	}
	return &rule, nil
}

// word reads one of a few words.
func (l *loader) word(at string, data json.RawMessage, to *string, words ...string) error {
	if err := l.decode(at, data, to); err != nil {
		return err
	}
	if !slices.Contains(words, *to) {
		return l.errorf(at, "%q: want %s", *to, strings.Join(append(words, "any"), " or "))
	}
	return nil
}

func (l *loader) profiles(at string, data json.RawMessage) ([]sbom.Profile, error) {
	var list []sbom.Profile
	if err := l.decode(at, data, &list); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, l.errorf(at, "names no profile; to want none, write {\"any\": true}")
	}
	for i, p := range list {
		if !slices.Contains(sbom.Profiles(), p) {
			return nil, l.errorf(fmt.Sprintf("%s/%d", at, i), "%q is no profile: want one of %s", p, profileList())
		}
		if slices.Contains(list[:i], p) {
			return nil, l.errorf(fmt.Sprintf("%s/%d", at, i), "%q stands here twice", p)
		}
	}
	return list, nil
}

func profileList() string {
	var names []string
	for _, p := range sbom.Profiles() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

func (l *loader) licenses(at string, data json.RawMessage) (*LicenseRule, error) {
	var in licensesFile
	if err := l.decode(at, data, &in); err != nil {
		return nil, err
	}
	if in.Unknown != "allow" && in.Unknown != "deny" {
		return nil, l.errorf(at+"/unknown", "%q: unknown must be there, \"allow\" or \"deny\": many components say nothing of their licence", in.Unknown)
	}
	if len(in.Deny) == 0 && in.Unknown == "allow" || len(in.Deny) > maxDenied {
		return nil, l.errorf(at+"/deny", "%d licences: want 1 to %d; to want nothing, write {\"any\": true}", len(in.Deny), maxDenied)
	}
	for i, entry := range in.Deny {
		if _, err := parseDeniedLicense(entry); err != nil {
			return nil, l.errorf(fmt.Sprintf("%s/deny/%d", at, i), "%v", err)
		}
		if slices.Contains(in.Deny[:i], entry) {
			return nil, l.errorf(fmt.Sprintf("%s/deny/%d", at, i), "%q stands here twice", entry)
		}
	}
	return &LicenseRule{Deny: in.Deny, Unknown: in.Unknown}, nil
}

func (l *loader) packages(at string, data json.RawMessage) (*PackageRule, error) {
	var in packagesFile
	if err := l.decode(at, data, &in); err != nil {
		return nil, err
	}
	if len(in.Deny) == 0 || len(in.Deny) > maxDenied {
		return nil, l.errorf(at+"/deny", "%d packages: want 1 to %d; to want nothing, write {\"any\": true}", len(in.Deny), maxDenied)
	}
	rule := &PackageRule{}
	for i, data := range in.Deny {
		at := fmt.Sprintf("%s/deny/%d", at, i)
		var p DeniedPackage
		if isString(data) {
			if err := l.decode(at, data, &p.PURL); err != nil {
				return nil, err
			}
		} else {
			var in packageFile
			if err := l.decode(at, data, &in); err != nil {
				return nil, err
			}
			if len(in.Versions) == 0 || len(in.Versions) > maxDenied {
				return nil, l.errorf(at+"/versions", "%d ranges: want 1 to %d; for every version write the package URL alone", len(in.Versions), maxDenied)
			}
			p = DeniedPackage(in)
		}
		if _, err := parseDeniedPackage(p); err != nil {
			return nil, l.errorf(at, "%v", err)
		}
		rule.Deny = append(rule.Deny, p)
	}
	return rule, nil
}

func (l *loader) sumdb(at string, data json.RawMessage) (*SumDBRule, error) {
	var in sumdbFile
	if isString(data) {
		if err := l.decode(at, data, &in.Database); err != nil {
			return nil, err
		}
	} else {
		if err := l.decode(at, data, &in); err != nil {
			return nil, err
		}
		if len(in.Except) == 0 || len(in.Except) > maxDenied {
			return nil, l.errorf(at+"/except", "%d modules: want 1 to %d; without exceptions write the database's name alone", len(in.Except), maxDenied)
		}
	}
	if in.Database == "" || strings.ContainsAny(in.Database, "+ \t\r\n") {
		return nil, l.errorf(at, "%q is no name of a checksum database", in.Database)
	}
	for i, path := range in.Except {
		if path == "" || strings.Trim(path, "/") != path || strings.ContainsAny(path, "*?@ ") {
			return nil, l.errorf(fmt.Sprintf("%s/except/%d", at, i), "%q: want the path of a module, or of a folder of modules", path)
		}
	}
	return &SumDBRule{Database: in.Database, Except: in.Except}, nil
}

// file is the form that a policy file has.
func (r *SBOMRule) file() json.RawMessage {
	raw := func(there, any bool, v any) json.RawMessage {
		switch {
		case any:
			return anyJSON
		case !there:
			return nil
		}
		data, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		return data
	}
	out := sbomFile{
		Complete: raw(r.Complete != "", r.Complete == "any", r.Complete),
		Profiles: raw(r.Profiles != nil, len(r.Profiles) == 1 && r.Profiles[0] == "any", r.Profiles),
		Modules:  raw(r.Modules != "", r.Modules == "any", r.Modules),
	}
	if s := r.SumDB; s != nil {
		out.SumDB = raw(true, s.Any, s.Database)
		if len(s.Except) > 0 {
			out.SumDB = raw(true, false, sumdbFile{s.Database, s.Except})
		}
		if s.Any && (s.Database != "" || s.Except != nil) {
			out.SumDB = raw(true, false, 0)
		}
	}
	if l := r.Licenses; l != nil {
		out.Licenses = raw(true, l.Any, licensesFile{l.Deny, l.Unknown})
		if l.Any && (l.Deny != nil || l.Unknown != "") {
			out.Licenses = raw(true, false, "says two things")
		}
	}
	if p := r.Packages; p != nil {
		list := packagesFile{Deny: []json.RawMessage{}}
		for _, d := range p.Deny {
			if len(d.Versions) == 0 {
				list.Deny = append(list.Deny, raw(true, false, d.PURL))
			} else {
				list.Deny = append(list.Deny, raw(true, false, packageFile(d)))
			}
		}
		out.Packages = raw(true, p.Any, list)
		if p.Any && p.Deny != nil {
			out.Packages = raw(true, false, "says two things")
		}
	}
	return raw(true, false, out)
}

// warnings are the members that want nothing.
func (r *SBOMRule) warnings(at string, add func(pointer, what string)) {
	for _, m := range []struct {
		name string
		any  bool
		what string
	}{
		{"complete", r.Complete == "any", "any: the SBOM may say that it is incomplete, or nothing of that"},
		{"profiles", len(r.Profiles) == 1 && r.Profiles[0] == "any", "any: the SBOM may miss what others ask of one"},
		{"licenses", r.Licenses != nil && r.Licenses.Any, "any: components may have every licence"},
		{"licenses/unknown", r.Licenses != nil && r.Licenses.Unknown == "allow", "allow: a component whose licence nobody knows passes"},
		{"packages", r.Packages != nil && r.Packages.Any, "any: every package may be inside"},
		{"sumdb", r.SumDB != nil && r.SumDB.Any, "any: modules need not be ones that a checksum database has"},
		{"modules", r.Modules == "any", "any: the SBOM need not be held against the binary"},
	} {
		if m.any {
			add(at+"/"+m.name, m.what)
		}
	}
}

// A deniedLicense is one entry of a [LicenseRule].
type deniedLicense struct {
	id, exception string // lower case; "" is every exception
	prefix        bool   // id is only the beginning
}

func parseDeniedLicense(s string) (deniedLicense, error) {
	if prefix, ok := strings.CutSuffix(s, "*"); ok {
		lower := strings.ToLower(prefix)
		if prefix == "" || !slices.ContainsFunc(spdxlicense.IDs(), func(id string) bool { return strings.HasPrefix(strings.ToLower(id), lower) }) {
			return deniedLicense{}, fmt.Errorf("%q: no SPDX license begins so", s)
		}
		return deniedLicense{id: lower, prefix: true}, nil
	}
	e, err := spdxlicense.Parse(s)
	if err != nil {
		return deniedLicense{}, err
	}
	if e.Op != "" || e.OrLater {
		return deniedLicense{}, fmt.Errorf("%q: want one license, without AND, OR and +", s)
	}
	id, exception := plainLicense(e)
	return deniedLicense{id: id, exception: exception}, nil
}

// A deniedPackage is one entry of a [PackageRule].
type deniedPackage struct {
	kind, path string // in the one form in which they are compared; all below path if below
	below      bool
	ranges     [][]comparator
}

// A comparator is one end of a range of versions.
type comparator struct{ op, version string }

// parseComparator reads one, like ">=1.2.0".
func parseComparator(s string) (comparator, bool) {
	version := strings.TrimLeft(s, "<>=")
	c := comparator{op: s[:len(s)-len(version)], version: version}
	switch c.op {
	case "<", "<=", ">", ">=", "=":
		return c, version != "" && !strings.ContainsAny(version, "<>=")
	}
	return c, false
}

func parseDeniedPackage(p DeniedPackage) (deniedPackage, error) {
	text, below := strings.CutSuffix(p.PURL, "/*")
	if below {
		text += "/x" // a name, so that it can be read
	}
	u, err := sbom.ParsePURL(text)
	if err != nil {
		return deniedPackage{}, err
	}
	if u.Version != "" || len(u.Qualifiers) > 0 || u.Subpath != "" || strings.Contains(u.Namespace+u.Name, "*") {
		return deniedPackage{}, fmt.Errorf("%q: want a package URL without version, qualifiers and subpath, with \"*\" as its last segment at most", p.PURL)
	}
	out := deniedPackage{kind: u.Type, path: foldPath(u.Namespace + "/" + u.Name), below: below}
	if below {
		if u.Namespace == "" {
			return deniedPackage{}, fmt.Errorf("%q: everything of a kind: name a path before \"/*\"", p.PURL)
		}
		out.path = foldPath(u.Namespace)
	}
	for _, text := range p.Versions {
		fields := strings.Fields(text)
		if len(fields) == 0 {
			return deniedPackage{}, errors.New("an empty range of versions")
		}
		var all []comparator
		for _, f := range fields {
			c, ok := parseComparator(f)
			if !ok {
				return deniedPackage{}, fmt.Errorf("%q is no range of versions: want comparators like \">=1.2.0 <1.3.0\"", text)
			}
			if _, known := versions.Compare(u.Type, c.version, c.version); !known && c.op != "=" {
				return deniedPackage{}, fmt.Errorf("%q: version %q has no order", text, c.version)
			}
			all = append(all, c)
		}
		out.ranges = append(out.ranges, all)
	}
	return out, nil
}

// foldPath is a path as package URLs are compared: without regard to letter
// case, so that no spelling gets past.
func foldPath(path string) string { return strings.ToLower(strings.Trim(path, "/")) }
