package verifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
)

// An object is a JSON object.
type object = map[string]any

// edit is a statement with a change, as JSON.
func edit(s *provenance.Statement, change func(s object)) []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic("verifytest: " + err.Error()) // it was read from JSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		panic("verifytest: " + err.Error())
	}
	change(o)
	if data, err = json.Marshal(o); err != nil {
		panic("verifytest: " + err.Error())
	}
	return data
}

// withKeys makes what only those who may sign could make, or whoever stole their
// keys: statements of something else, and documents that two readers read differently.
func (m *maker) withKeys(p *piece) {
	if m.Sign == nil || p.bundle.PAE() == nil {
		return
	}
	body := p.bundle.UnverifiedPayload()
	for _, t := range []struct{ name, text string }{{"json", "application/json"}, {"text", "text/plain"}, {"layout", "application/vnd.in-toto.layout+json"}} {
		m.signed(p, "2", "type-"+t.name, "signed as "+t.text+", for another application", Refused, t.text, body)
	}
	for _, t := range jsonTricks(string(body)) {
		m.signed(p, t.row, "statement-"+t.name, "the statement: "+t.what, Refused, p.bundle.PayloadType, []byte(t.text))
	}
	m.swapped(p)
	if p.statement == nil {
		return
	}
	change := func(row, name, what string, change func(s object)) {
		m.signed(p, row, name, what, Refused, p.bundle.PayloadType, edit(p.statement, change))
	}
	m.subjects(p, change)
	m.predicate(p, change)
	switch {
	case p.build != nil:
		m.provenance(p, change)
	case p.statement.PredicateType == release.ApprovalType:
		m.approval(p, change)
	case strings.Contains(p.statement.PredicateType, "cyclonedx.org/bom"):
		m.bom(change)
	default:
		change("61", "says-otherwise", "all that it says, but its times, is something else: nothing of it is looked at", func(s object) { s["predicate"] = otherwise(s["predicate"]) })
	}
}

// swapped signs a piece as each other one is signed: by people who are trusted,
// and not for this.
func (m *maker) swapped(p *piece) {
	for _, q := range m.pieces {
		if q == p || m.done || sameSigners(p.bundle, q.bundle) {
			continue
		}
		b, err := m.Sign(m.ctx, q.bundle, p.bundle.PayloadType, p.bundle.UnverifiedPayload())
		if err == nil && b != nil {
			m.replace(p, "4", "signed-as-"+q.name, "signed by those who sign another piece, "+q.name, Refused, b)
		}
	}
}

// sameSigners reports whether whoever signed a may have signed b as well: by the
// same keys, or with a certificate, which is made anew for each.
func sameSigners(a, b *sign.Bundle) bool {
	who := func(s sign.Signature) string {
		if len(s.Chain) > 0 {
			return "certified"
		}
		return s.KeyID
	}
	for _, s := range a.Signatures {
		if !slices.ContainsFunc(b.Signatures, func(other sign.Signature) bool { return who(other) == who(s) }) {
			return false
		}
	}
	return true
}

// A changer signs a changed statement.
type changer = func(row, name, what string, change func(s object))

// subjects makes it a statement about something else.
func (m *maker) subjects(p *piece, change changer) {
	about := func(row, name, what string, subject ...any) {
		change(row, "subject-"+name, what, func(s object) { s["subject"] = subject })
	}
	one := func(digest object) any { return object{"name": p.statement.Subject[0].Name, "digest": digest} }
	about("5", "another", "about another artifact of the same name", one(object{"sha256": otherSHA256}))
	about("6", "md5", "only md5 names the artifact", one(object{"md5": otherSHA256[:32]}))
	about("6", "unknown", "only something that is no digest names the artifact", one(object{"arn": "arn:aws:s3:::app"}))
	about("41", "none", "about nothing")
	about("41", "no-digest", "about something without a digest", one(object{}))
	about("41", "star", "about everything", object{"name": "*"})
	algorithm, sum := "", ""
	for _, d := range p.statement.Subject[0].Digest.Digests() {
		algorithm, sum = d.Algorithm(), d.Hex()
	}
	if sum != "" {
		about("8", "upper-case", "its digest in capitals", one(object{algorithm: strings.ToUpper(sum)}))
		about("8", "short", "its digest cut short", one(object{algorithm: sum[:len(sum)-2]}))
		about("8", "space", "a space before its digest", one(object{algorithm: " " + sum}))
		about("8", "algorithm", "its digest under the algorithm's name in capitals", one(object{strings.ToUpper(algorithm): sum}))
	}
	if m.bytes != nil {
		digest := object{"sha512": otherSHA256 + otherSHA256}
		for name, text := range p.statement.Subject[0].Digest {
			if name != "sha512" {
				digest[name] = text
			}
		}
		about("7", "conflict", "one digest names the artifact, and another one something else", one(digest))
	}
	var many []any
	for i := range 1025 {
		many = append(many, object{"name": fmt.Sprint(i), "digest": object{"sha256": otherSHA256}})
	}
	change("50", "subjects", "about a thousand more artifacts", func(s object) { s["subject"] = append(s["subject"].([]any), many...) })
}

// predicate makes it a statement of another type, or one that says nothing, or
// that is from another time.
func (m *maker) predicate(p *piece, change changer) {
	typed := func(name, what, text string) {
		if text != p.statement.PredicateType {
			change("3", "predicate-"+name, what, func(s object) { s["predicateType"] = text })
		}
	}
	typed("longer", "of a type that begins like the right one", p.statement.PredicateType+"x")
	typed("slash", "of the right type with a slash behind", p.statement.PredicateType+"/")
	typed("vsa", "called a verification summary", "https://slsa.dev/verification_summary/v1")
	typed("old", "called provenance of an older version", "https://slsa.dev/provenance/v0.2")
	typed("provenance", "called provenance", provenance.SLSAProvenanceV1)
	change("3", "statement-type", "of a statement type that nobody knows", func(s object) { s["_type"] = provenance.StatementType + ".1" })
	change("61", "says-nothing", "its predicate is empty: of what it says, nothing is asked", func(s object) { s["predicate"] = object{} })
	if raw := p.bundle.UnverifiedPayload(); bytes.Contains(raw, []byte(`"predicate":{"`)) {
		text := strings.Replace(string(raw), `"predicate":{"`, `"predicate":{"evil":1,"evil":2,"`, 1)
		m.signed(p, "9", "predicate-duplicate", "a member twice in its predicate", Refused, p.bundle.PayloadType, []byte(text))
	}
	if p.statement.PredicateType == release.ApprovalType {
		return // its times are its own, see approval
	}
	for _, t := range []struct {
		row, name, what string
		years           int
	}{{"37", "old", "all that it says happened ten years before: nothing asks for its age", -10}, {"37", "future", "all that it says happened ten years later", 10}} {
		if body := edit(p.statement, func(s object) { s["predicate"] = shifted(s["predicate"], t.years) }); !bytes.Equal(body, edit(p.statement, func(object) {})) {
			m.signed(p, t.row, t.name, t.what, Refused, p.bundle.PayloadType, body)
		}
	}
}

// bom makes it an SBOM of something else.
func (m *maker) bom(change changer) {
	inside := func(s object) object {
		predicate, _ := s["predicate"].(object)
		metadata, _ := predicate["metadata"].(object)
		component, _ := metadata["component"].(object)
		return component
	}
	change("40", "bom-of-another", "the SBOM inside is that of another artifact", func(s object) {
		if c := inside(s); c != nil {
			c["hashes"] = []any{object{"alg": "SHA-256", "content": otherSHA256}}
		}
	})
	change("40", "bom-of-nothing", "the SBOM inside does not say of what it is", func(s object) { delete(inside(s), "hashes") })
}
