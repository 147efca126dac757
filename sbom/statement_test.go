package sbom_test

import (
	"bytes"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

func parse(t testing.TB, document string) *cdx.BOM {
	t.Helper()
	bom, err := sbom.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return bom
}

// The subject is the digest inside the document, and the document is the predicate.
func TestStatement(t *testing.T) {
	bom := parse(t, small)
	s, err := sbom.Statement(bom)
	if err != nil {
		t.Fatal(err)
	}
	if s.PredicateType != "https://cyclonedx.org/bom" || len(s.Subject) != 1 || s.Subject[0].Name != "app" {
		t.Errorf("statement is %+v", s)
	}
	empty := provenance.Set(provenance.SumSHA256(nil))
	if got := s.Subject[0].Digest.Match(empty); got != provenance.Matched {
		t.Errorf("the subject is %v, want the digest in the main component", s.Subject[0].Digest)
	}
	if want := bytes.TrimSpace(write(t, bom)); !bytes.Equal(s.Predicate, want) {
		t.Errorf("the predicate is %s, want %s", s.Predicate, want)
	}
	once, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := provenance.Parse(once)
	if err != nil {
		t.Fatal(err)
	}
	if again := parse(t, string(read.Predicate)); !bytes.Equal(write(t, again), write(t, bom)) {
		t.Error("the BOM that comes out differs from the one that went in")
	}
}

// A BOM that no digest ties to an artifact could be put beside any.
func TestStatementRefuses(t *testing.T) {
	for _, test := range []struct{ name, old, new string }{
		{"no hashes", `"hashes":[{"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]`, `"version":"1"`},
		{"a weak one", `"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`, `"MD5","content":"d41d8cd98f00b204e9800998ecf8427e"`},
		{"two that differ", `"hashes":[`, `"hashes":[{"alg":"SHA-256","content":"` + strings.Repeat("0", 64) + `"},`},
	} {
		if s, err := sbom.Statement(parse(t, strings.Replace(small, test.old, test.new, 1))); err == nil {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
	for _, bom := range []*cdx.BOM{nil, {}, {Metadata: &cdx.Metadata{}}, {Metadata: &cdx.Metadata{Component: &cdx.Component{}}}} {
		if s, err := sbom.Statement(bom); err == nil {
			t.Errorf("%+v gives %+v", bom, s)
		}
	}
	if s, err := sbom.Statement(parse(t, strings.Replace(small, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", 1))); err != nil {
		t.Errorf("upper case, which CycloneDX allows: %v", err)
	} else if s.Subject[0].Digest["sha256"] != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("subject is %v, want lower case", s.Subject[0].Digest)
	}
}

// What Parse would refuse is not written.
func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*cdx.BOM){
		"another format": func(b *cdx.BOM) { b.BOMFormat = "" },
		"an old version": func(b *cdx.BOM) { b.SpecVersion = cdx.SpecVersion1_1 },
		"no version":     func(b *cdx.BOM) { b.Version = 0 },
		"no type":        func(b *cdx.BOM) { (*b.Components)[0].Type = "" },
		"twice":          func(b *cdx.BOM) { *b.Components = append(*b.Components, (*b.Components)[0]) },
		"no UTF-8":       func(b *cdx.BOM) { (*b.Components)[0].Name = "\xff" },
		"a later member": func(b *cdx.BOM) { (*b.Components)[0].VersionRange = "vers:npm/1" },
	} {
		bom := parse(t, small)
		change(bom)
		var b bytes.Buffer
		if err := sbom.Write(&b, bom); err == nil || b.Len() > 0 {
			t.Errorf("%s: %q, %v", name, b.Bytes(), err)
		}
	}
	if err := sbom.Write(&bytes.Buffer{}, nil); err == nil {
		t.Error("no BOM is written")
	}
}

// Two artifacts never have the same serial number, one always has, and it is a
// version 5 UUID.
func TestSerial(t *testing.T) {
	serial := func(digest string) string {
		return fromInfo(t, sbom.Options{Hashes: provenance.DigestSet{"sha256": digest}}, "path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\n").SerialNumber
	}
	one := serial(strings.Repeat("1", 64))
	if one != serial(strings.Repeat("1", 64)) || one == serial(strings.Repeat("2", 64)) {
		t.Errorf("serial numbers are %s, %s, %s", one, serial(strings.Repeat("1", 64)), serial(strings.Repeat("2", 64)))
	}
	if one != "urn:uuid:a5ed6f86-e799-5ca5-879b-1dac4fd03a42" {
		t.Errorf("the serial number is %s: documents that were written would get another", one)
	}
	unbound := func(info string) string { return fromInfo(t, sbom.Options{}, info).SerialNumber }
	if a, b := unbound("path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\n"), unbound("path\ta.b/c\nmod\ta.b/c\tv1.0.1\t\n"); a == b {
		t.Errorf("both have %s", a)
	}
}
