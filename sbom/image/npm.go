package image

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sbom"
)

// maxManifest is the most bytes that a package's own description may have.
const maxManifest = 8 << 20

// npmFolder is the folder that a package is installed in, if path is its
// package.json: one below node_modules, or two with a scope.
func npmFolder(path string) (string, bool) {
	folder, ok := strings.CutSuffix(path, "/package.json")
	if !ok {
		return "", false
	}
	at := strings.LastIndex("/"+folder, "/node_modules/")
	if at < 0 {
		return "", false
	}
	name := folder[at+len("node_modules/"):]
	if strings.HasPrefix(name, "@") {
		scope, base, ok := strings.Cut(name, "/")
		return folder, ok && len(scope) > 1 && base != "" && !strings.Contains(base, "/")
	}
	return folder, name != "" && name[0] != '.' && !strings.Contains(name, "/")
}

// parseNPM reads the package.json of an installed package (npm documentation,
// "package.json").
func parseNPM(file string, r io.Reader) (*pkg, error) {
	data, err := strictjson.ReadAll(r, maxManifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var m struct {
		Name                 string          `json:"name"`
		Version              string          `json:"version"`
		Description          json.RawMessage `json:"description"`
		Homepage             json.RawMessage `json:"homepage"`
		License              json.RawMessage `json:"license"`
		Licenses             json.RawMessage `json:"licenses"`
		Dependencies         json.RawMessage `json:"dependencies"`
		OptionalDependencies json.RawMessage `json:"optionalDependencies"`
		PeerDependencies     json.RawMessage `json:"peerDependencies"`
	}
	if err := strictjson.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if m.Name == "" || m.Version == "" {
		return nil, fmt.Errorf("%s: the package %w", file, errNameless)
	}
	p := &pkg{ecosystem: "npm", name: m.Name, version: m.Version, purl: npmPURL(m.Name, m.Version), edges: true}
	// What people write into the others is not always what npm wants there.
	_ = json.Unmarshal(m.Description, &p.description)
	_ = json.Unmarshal(m.Homepage, &p.homepage)
	p.licenses = npmLicenses(m.License, m.Licenses)
	for _, raw := range []json.RawMessage{m.Dependencies, m.OptionalDependencies, m.PeerDependencies} {
		var names map[string]json.RawMessage
		_ = json.Unmarshal(raw, &names)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			p.requires = append(p.requires, requirement{name})
		}
	}
	return p, nil
}

// npmLicenses reads license, and the two forms that came before it: an object with
// a type, and a list of such.
func npmLicenses(license, licenses json.RawMessage) []string {
	type old struct {
		Type string `json:"type"`
	}
	var text string
	var one old
	var several []old
	switch {
	case json.Unmarshal(license, &text) == nil && text != "":
		return []string{text}
	case json.Unmarshal(license, &one) == nil && one.Type != "":
		return []string{one.Type}
	case json.Unmarshal(licenses, &several) != nil:
		return nil
	}
	var names []string
	for _, l := range several {
		if l.Type != "" {
			names = append(names, l.Type)
		}
	}
	return names
}

func npmPURL(name, version string) string {
	scope, base := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		scope, base = name[:i], name[i+1:]
	}
	p, err := sbom.PURL{Type: "npm", Namespace: scope, Name: base, Version: version}.Canonical()
	if err != nil {
		return ""
	}
	return p.String()
}
