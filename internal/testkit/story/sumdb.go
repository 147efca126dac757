package story

import (
	"bytes"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/sumproof"
	"github.com/touchmark-go/touchmark/internal/sumproof/prooftest"
	"github.com/touchmark-go/touchmark/sbom"
)

// sumdb makes a checksum database that has each module in the SBOM among others,
// puts the proofs into the SBOM, and its key into the trust file. Said a second
// time it spoils them: another key of the same name signs the head (forge), trust
// has another key of that name now (rotate), two modules have each other's proofs
// (swap), a record has the next one's number (index), the tree is another one than
// the head's (size), or the database has another sum of the first module (lie).
func (m *maker) sumdb(args []string) error {
	data, err := encode(m.docs["sbom"].(map[string]any)["predicate"], "")
	if err != nil {
		return err
	}
	bom, err := sbom.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	how := ""
	if len(args) > 0 {
		how = args[0]
	}
	const name = "sums.example"
	db := m.database
	if db == nil || how == "lie" || how == "forge" {
		db = prooftest.New(name)
		if how == "lie" {
			db = db.Signing(m.database)
		}
	}
	switch how {
	case "":
		m.database = db
	case "rotate":
		return m.trustSumDB(prooftest.New(name).Key)
	}
	var modules []*cdx.Component
	for i := range *bom.Components {
		if c := &(*bom.Components)[i]; propertyOf(c, sbom.PropertyH1) != "" {
			modules = append(modules, c)
		}
	}
	if len(modules) < 2 {
		return fmt.Errorf("%d modules in the SBOM, want two", len(modules))
	}
	if db.Size() == 0 {
		for i, c := range modules {
			sum := propertyOf(c, sbom.PropertyH1)
			if how == "lie" && i == 0 {
				sum = prooftest.Sum("what everybody else is told")
			}
			db.Add("other.example/a", fmt.Sprintf("v1.0.%d", i), prooftest.Sum("a"))
			db.Add(c.Name, c.Version, sum)
		}
	}
	proofs := make([]sumproof.Proof, len(modules))
	for i, c := range modules {
		proofs[i] = db.Prove(c.Name, c.Version)
	}
	switch how {
	case "swap":
		proofs[0], proofs[1] = proofs[1], proofs[0]
	case "index":
		proofs[0].Index++
	case "size":
		proofs[0].Size++
	}
	for i, c := range modules {
		setProperty(&c.Properties, sbom.PropertySumDB, proofs[i].String())
	}
	setProperty(&bom.Metadata.Properties, sbom.PropertySumDBHead, db.Head(db.Size()))
	var out bytes.Buffer
	if err := sbom.Write(&out, bom); err != nil {
		return err
	}
	doc, err := decode(out.Bytes())
	if err != nil {
		return err
	}
	if m.docs["sbom"], err = edit(m.docs["sbom"], "/predicate", doc, false); err != nil || how != "" {
		return err
	}
	return m.trustSumDB(db.Key)
}

func (m *maker) trustSumDB(key string) (err error) {
	m.docs["trust"], err = edit(m.docs["trust"], "/sumdbs", []any{key}, false)
	return err
}

func propertyOf(c *cdx.Component, name string) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

func setProperty(list **[]cdx.Property, name, value string) {
	var out []cdx.Property
	if *list != nil {
		for _, p := range **list {
			if p.Name != name {
				out = append(out, p)
			}
		}
	}
	out = append(out, cdx.Property{Name: name, Value: value})
	*list = &out
}
