package sbom_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// acme is what a careful publisher says.
func acme() sbom.Publisher {
	organization := &cdx.OrganizationalEntity{Name: "Acme", URL: &[]string{"https://acme.example"}, Contact: &[]cdx.OrganizationalContact{{Name: "Release desk", Email: "release@acme.example"}}}
	return sbom.Publisher{
		Authors:      []cdx.OrganizationalContact{{Name: "Ada", Email: "ada@acme.example"}},
		Manufacturer: organization,
		Supplier:     organization,
		Suppliers:    map[string]*cdx.OrganizationalEntity{"b.c": {Name: "All of b.c"}, "b.c/d": {Name: "Only b.c/d"}},
		DataLicense:  "CC0-1.0",
		License:      "Apache-2.0 OR MIT",
		Repository:   "https://git.acme.example/app",
		Distribution: "https://dist.acme.example/app",
		Filename:     "app",
	}
}

const publishedInfo = "path\texample.com/a\nmod\texample.com/a\tv1.0.0\t\n" +
	"dep\tb.c/d/e\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\ndep\tb.c/dd\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n" +
	"dep\tc.d/e\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nbuild\tCGO_ENABLED=0\nbuild\t-buildmode=exe\n"

// What a publisher says stands where the specifications look for it, and nowhere else.
func TestPublisher(t *testing.T) {
	p := acme()
	hashes := provenance.DigestSet{"sha256": strings.Repeat("ab", 32), "sha512": strings.Repeat("cd", 64)}
	bom := fromInfo(t, sbom.Options{Publisher: p, Hashes: hashes, Time: time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)}, publishedInfo)
	valid(t, write(t, bom))
	m, c := bom.Metadata, bom.Metadata.Component
	if (*m.Authors)[0].Email != "ada@acme.example" || m.Manufacturer.Name != "Acme" || m.Supplier.Name != "Acme" || (*m.Licenses)[0].License.ID != "CC0-1.0" {
		t.Errorf("metadata is %+v", m)
	}
	if c.Supplier.Name != "Acme" || (*c.Manufacturer.Contact)[0].Email != "release@acme.example" {
		t.Errorf("supplier and manufacturer are %+v, %+v", c.Supplier, c.Manufacturer)
	}
	if l := (*c.Licenses)[0]; l.Expression != "Apache-2.0 OR MIT" || *l.Acknowledgement != cdx.LicenseAcknowledgementDeclared {
		t.Errorf("the licence is %+v", l)
	}
	want := []cdx.ExternalReference{{Type: "vcs", URL: p.Repository}, {Type: "distribution", URL: p.Distribution}}
	for i, r := range *c.ExternalReferences {
		if r.Type != want[i].Type || r.URL != want[i].URL || r.Comment != "" {
			t.Errorf("reference %+v, want %+v", r, want[i])
		}
		if r.Type == "distribution" && !slices.Equal(*r.Hashes, *c.Hashes) {
			t.Errorf("the distribution has the hashes %v, want the file's", *r.Hashes)
		}
	}
	for name, want := range map[string]string{"bsi:component:filename": "app", "bsi:component:executable": "executable", "bsi:component:archive": "no archive", "bsi:component:structured": "structured"} {
		if got := property(*c, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, c := range *bom.Components {
		want := map[string]string{"b.c/d/e": "Only b.c/d", "b.c/dd": "All of b.c"}[c.Name]
		if c.Name == "stdlib" {
			want = "The Go Authors"
		}
		if got := c.Supplier; got != nil && got.Name != want || got == nil && want != "" {
			t.Errorf("the supplier of %s is %+v, want %q", c.Name, got, want)
		}
	}
}

// A name of the vulnerability database goes to the module that the publisher
// looked it up for, in its version, and to none below it.
func TestPublisherCPEs(t *testing.T) {
	info := strings.Replace(publishedInfo, "dep\tb.c/dd\tv1.0.0", "dep\tb.c/dd\tv0.0.0-20220101000000-abcdefabcdef+incompatible", 1)
	cpe := func(product string) string { return "cpe:2.3:a:acme:" + product + ":*:*:*:*:*:go:*:*" }
	bom := fromInfo(t, sbom.Options{Publisher: sbom.Publisher{CPEs: map[string]string{"example.com/a": cpe("a"), "b.c/dd": cpe("dd"), "b.c/d": cpe("d")}}}, info)
	valid(t, write(t, bom))
	got := map[string]string{"main": bom.Metadata.Component.CPE}
	for _, c := range *bom.Components {
		got[c.Name] = c.CPE
	}
	for name, want := range map[string]string{
		"main":    "cpe:2.3:a:acme:a:1.0.0:*:*:*:*:go:*:*",
		"b.c/dd":  `cpe:2.3:a:acme:dd:0.0.0-20220101000000-abcdefabcdef\+incompatible:*:*:*:*:go:*:*`,
		"b.c/d/e": "", "c.d/e": "",
	} {
		if got[name] != want {
			t.Errorf("the CPE of %s is %q, want %q", name, got[name], want)
		}
	}
}

// Nobody's name, terms or address appears that nobody gave.
func TestUnknownStaysUnknown(t *testing.T) {
	bom := fromInfo(t, sbom.Options{}, publishedInfo)
	// The standard library is a release of the Go project, which is a fact.
	other := *bom
	components := slices.DeleteFunc(slices.Clone(*bom.Components), func(c cdx.Component) bool { return c.Name == "stdlib" })
	other.Components, other.Dependencies, other.Compositions = &components, nil, nil
	document := string(write(t, &other))
	for _, member := range []string{"supplier", "manufacturer", "authors", "author", "publisher", "licenses", "license", "copyright", "distribution", "hashes", "timestamp", "bsi:", "swid"} {
		if strings.Contains(document, `"`+member) {
			t.Errorf("the document has %q, and nobody said that: %s", member, document)
		}
	}
	// A host without a rule for its paths says nothing about a repository.
	for _, c := range *bom.Components {
		if c.Name != "stdlib" && (c.ExternalReferences != nil || c.CPE != "") {
			t.Errorf("%s has %+v %q", c.Name, c.ExternalReferences, c.CPE)
		}
	}
	// Nor is anything said of a file when its name is not known.
	p := acme()
	p.Filename, p.License, p.Repository, p.Distribution = "", "", "", ""
	c := fromInfo(t, sbom.Options{Publisher: p}, publishedInfo).Metadata.Component
	if data, _ := json.Marshal(c); bytes.Contains(data, []byte("bsi:")) || bytes.Contains(data, []byte("licenses")) || bytes.Contains(data, []byte("externalReferences")) {
		t.Errorf("the main component says more than is known: %s", data)
	}
	// Of a library file nobody knows whether it is executable.
	shared := fromInfo(t, sbom.Options{Publisher: acmePlain("liba.so")}, strings.Replace(publishedInfo, "buildmode=exe", "buildmode=c-shared", 1)).Metadata.Component
	if got := property(*shared, "bsi:component:executable"); got != "" {
		t.Errorf("a shared library is said to be %q", got)
	}
}

func acmePlain(filename string) sbom.Publisher { return sbom.Publisher{Filename: filename} }

func TestPublisherRefuses(t *testing.T) {
	info := "path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\n"
	for name, p := range map[string]sbom.Publisher{
		"a licence that is none":      {License: "Apache 2"},
		"a data licence that is none": {DataLicense: "NOASSERTION"},
		"a path for a name":           {Filename: "/home/me/app"},
		"a parent for a name":         {Filename: ".."},
		"a Windows path for a name":   {Filename: `C:\app`},
		"a secret in a repository":    {Repository: "https://me:secret@acme.example/app"},
		"a relative repository":       {Repository: "acme/app"},
		"a secret in a distribution":  {Distribution: "https://secret@acme.example/app"},
		"a digest that is none":       {GoRelease: provenance.DigestSet{"sha256": "AB"}},
		"an unknown phase":            {Lifecycle: "later"},
		"a CPE of one version":        {CPEs: map[string]string{"a.b/c": "cpe:2.3:a:acme:app:1.0.0:*:*:*:*:*:*:*"}},
		"a CPE that is none":          {CPEs: map[string]string{"a.b/c": "cpe:2.3:a:acme:app:*"}},
		"an old CPE":                  {CPEs: map[string]string{"a.b/c": "cpe:/a:acme:app"}},
	} {
		bom, err := refuse(sbom.Options{Publisher: p}, info)
		if err == nil {
			t.Errorf("%s: gives %+v", name, bom.Metadata)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error says it: %v", name, err)
		}
	}
}

// The repository follows from the path only where the host has a rule.
func TestDerivedRepository(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/Acme/app":       "https://github.com/Acme/app",
		"github.com/acme/app/v2":    "https://github.com/acme/app",
		"github.com/acme/app/cmd/x": "https://github.com/acme/app",
		"bitbucket.org/acme/app":    "https://bitbucket.org/acme/app",
		"codeberg.org/acme/app":     "https://codeberg.org/acme/app",
		"git.sr.ht/~acme/app":       "https://git.sr.ht/~acme/app",
		"golang.org/x/mod":          "https://go.googlesource.com/mod",
		"golang.org/x/tools/gopls":  "https://go.googlesource.com/tools",
		"gopkg.in/yaml.v3":          "https://github.com/go-yaml/yaml",
		"gopkg.in/acme/app.v1":      "https://github.com/acme/app",
		"github.com/acme":           "",
		"github.com//app":           "",
		"gitlab.com/group/sub/app":  "",
		"gitlab.com/group/app":      "",
		"k8s.io/api":                "",
		"golang.org/dl":             "",
		"gopkg.in/yaml":             "",
		"git.sr.ht/acme/app":        "",
		"notgithub.com/acme/app":    "",
		"github.com/acme/..":        "",
		"github.com/acme/app?x=1":   "",
	} {
		bom, err := refuse(sbom.Options{}, "path\t"+path+"\nmod\t"+path+"\tv1.0.0\t\n")
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		got := ""
		if r := bom.Metadata.Component.ExternalReferences; r != nil {
			got = (*r)[0].URL
			if (*r)[0].Comment != "derived from the module path" {
				t.Errorf("%s: the reference does not say that it is derived: %+v", path, (*r)[0])
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// Say what only the publisher knows.
func ExamplePublisher() {
	acme := &cdx.OrganizationalEntity{Name: "Acme", Contact: &[]cdx.OrganizationalContact{{Email: "security@acme.example"}}}
	bom, err := sbom.Options{Publisher: sbom.Publisher{
		Manufacturer: acme,
		Supplier:     acme,
		DataLicense:  "CC0-1.0",
		License:      "Apache-2.0",
		Filename:     "app",
	}}.FromBinary(program)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println((*bom.Metadata.Licenses)[0].License.ID, bom.Metadata.Component.Supplier.Name)
	fmt.Println((*bom.Components)[0].Name, "has a supplier:", (*bom.Components)[0].Supplier != nil)
	// Output:
	// CC0-1.0 Acme
	// golang.org/x/mod has a supplier: false
}
