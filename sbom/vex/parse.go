package vex

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sbom"
)

// maxDocument is how much a document may have, in bytes.
const maxDocument = 16 << 20

// Options tune the reading of a document. The zero Options are what [Parse] uses.
type Options struct {
	// Products are what statements without products of their own are about: those
	// that the document around this one names, such as the subjects of an
	// attestation. If empty, every statement must name its products.
	Products []Product
}

// Parse reads an OpenVEX document, v0.2.0 or one of those before it, of 16 MiB
// at most. It refuses, with the line, what is not strict JSON, unknown members,
// null, a status or justification that OpenVEX does not know, NotAffected
// without a reason, Affected without an action, any other status with either,
// a statement without a time or a product, a product that nothing identifies, a
// package URL or digest that is none, and lists that say the same thing twice.
//
// The reference implementation writes documents without a timestamp or a
// version, which the specification demands; they are read as long as every
// statement has a time.
func Parse(r io.Reader) (*Document, error) { return Options{}.Parse(r) }

// Parse is like the function [Parse].
func (o Options) Parse(r io.Reader) (*Document, error) {
	data, err := strictjson.ReadAll(r, maxDocument)
	if err != nil {
		return nil, fmt.Errorf("VEX: %w", err)
	}
	if err := checkKind(data); err != nil {
		return nil, fmt.Errorf("VEX: %w", err)
	}
	if err := noNull(strictjson.NewScanner(data)); err != nil {
		return nil, fmt.Errorf("VEX: %w", err)
	}
	var raw rawDocument
	if err := strictjson.UnmarshalClosed(data, &raw); err != nil {
		return nil, fmt.Errorf("VEX: %w", err)
	}
	p := parser{options: o}
	doc := p.document(&raw)
	if p.msg != "" {
		return nil, fmt.Errorf("VEX: line %d: %s: %s", strictjson.Line(data, p.pointer), p.pointer, p.msg)
	}
	return doc, nil
}

const (
	contextV020   = "https://openvex.dev/ns/v0.2.0"
	contextLegacy = "https://openvex.dev/ns"
)

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

// A parser turns what was read into a document, and keeps the first fault.
type parser struct {
	options      Options
	pointer, msg string
	legacy       bool
}

func (p *parser) fail(pointer, format string, args ...any) {
	if p.msg == "" {
		p.pointer, p.msg = pointer, fmt.Sprintf(format, args...)
	}
}

func (p *parser) document(raw *rawDocument) *Document {
	p.legacy = raw.Context != contextV020
	d := &Document{ID: raw.ID, Author: raw.Author, Role: raw.Role, Version: raw.Version.number, Tooling: raw.Tooling}
	if !isIRI(raw.ID) && !(p.legacy && raw.ID != "") {
		p.fail("/@id", "it is %q, want an IRI", clip(raw.ID))
	}
	if strings.TrimSpace(raw.Author) == "" {
		p.fail("/author", "it is %q, want a name", raw.Author)
	}
	if raw.Version.there && (raw.Version.number < 1 || raw.Version.legacy && !p.legacy) {
		p.fail("/version", "want an integer of 1 or more")
	}
	if !p.legacy && (raw.Supplier != "" || raw.Format != "") {
		p.fail("", "supplier and format of a document are of versions before v0.2.0")
	}
	d.Timestamp = p.time("/timestamp", raw.Timestamp)
	d.LastUpdated = p.time("/last_updated", raw.LastUpdated)
	if len(raw.Statements) == 0 {
		p.fail("/statements", "there is none, want one at least")
	}
	seen := map[string]bool{}
	for i := range raw.Statements {
		pointer := "/statements/" + strconv.Itoa(i)
		s := p.statement(pointer, &raw.Statements[i], d.Timestamp)
		p.twice(seen, pointer, s)
		d.Statements = append(d.Statements, s)
	}
	return d
}

// twice fails when the same thing has been said before.
func (p *parser) twice(seen map[string]bool, pointer string, v any) {
	if p.msg != "" {
		return
	}
	key, err := json.Marshal(v)
	if err != nil || seen[string(key)] {
		p.fail(pointer, "it says the same as another one of its list")
	}
	seen[string(key)] = true
}

func (p *parser) statement(pointer string, raw *rawStatement, inherited time.Time) Statement {
	s := Statement{
		ID: raw.ID, Status: Status(raw.Status), Supplier: raw.Supplier, StatusNotes: raw.StatusNotes,
		Justification: Justification(raw.Justification), ImpactStatement: raw.ImpactStatement, ActionStatement: raw.ActionStatement,
	}
	if raw.Version != nil {
		if s.Version = *raw.Version; s.Version < 1 {
			p.fail(pointer+"/version", "it is %d, want 1 or more", s.Version)
		}
	}
	p.iri(pointer, raw.ID)
	s.Vulnerability = p.vulnerability(pointer, raw)
	if s.Timestamp = p.time(pointer+"/timestamp", raw.Timestamp); raw.Timestamp == "" {
		s.Timestamp = inherited
	}
	if s.Timestamp.IsZero() {
		p.fail(pointer, "it has no timestamp, and neither has its document")
	}
	s.LastUpdated = p.time(pointer+"/last_updated", raw.LastUpdated)
	s.ActionStatementTimestamp = p.time(pointer+"/action_statement_timestamp", raw.ActionStatementTimestamp)
	p.status(pointer, &s)
	s.Products = p.products(pointer, raw)
	return s
}

func (p *parser) vulnerability(pointer string, raw *rawStatement) Vulnerability {
	v := Vulnerability{ID: raw.Vulnerability.ID, Name: raw.Vulnerability.Name, Description: raw.Vulnerability.Description, Aliases: raw.Vulnerability.Aliases}
	pointer += "/vulnerability"
	if (raw.Vulnerability.legacy || raw.VulnDescription != "") && !p.legacy {
		p.fail(pointer, "it is as in versions before v0.2.0, want an object")
	}
	if raw.VulnDescription != "" {
		v.Description = raw.VulnDescription
	}
	if strings.TrimSpace(v.Name) == "" {
		p.fail(pointer+"/name", "it is %q, want the name of a vulnerability", v.Name)
	}
	p.iri(pointer, v.ID)
	seen := map[string]bool{}
	for i, a := range v.Aliases {
		if strings.TrimSpace(a) == "" {
			p.fail(pointer+"/aliases/"+strconv.Itoa(i), "it is %q, want a name", a)
		}
		p.twice(seen, pointer+"/aliases/"+strconv.Itoa(i), a)
	}
	return v
}

// status holds the reasons against the status that they are given for.
func (p *parser) status(pointer string, s *Statement) {
	switch s.Status {
	case NotAffected:
		if s.Justification == "" && strings.TrimSpace(s.ImpactStatement) == "" {
			p.fail(pointer, "not_affected needs a justification or an impact_statement")
		}
		if s.ActionStatement != "" {
			p.fail(pointer+"/action_statement", "it does not belong to not_affected")
		}
	case Affected:
		if strings.TrimSpace(s.ActionStatement) == "" {
			p.fail(pointer, "affected needs an action_statement")
		}
		if s.Justification != "" || s.ImpactStatement != "" {
			p.fail(pointer, "justification and impact_statement do not belong to affected")
		}
	case Fixed, UnderInvestigation:
		if s.Justification != "" || s.ImpactStatement != "" || s.ActionStatement != "" {
			p.fail(pointer, "justification, impact_statement and action_statement do not belong to %s", s.Status)
		}
	default:
		p.fail(pointer+"/status", "it is %q, want a status of OpenVEX", clip(string(s.Status)))
	}
	switch s.Justification {
	case "", ComponentNotPresent, VulnerableCodeNotPresent, VulnerableCodeNotExecuted, VulnerableCodeNotControlled, InlineMitigationsExist:
	default:
		p.fail(pointer+"/justification", "it is %q, want a justification of OpenVEX", clip(string(s.Justification)))
	}
}

func (p *parser) products(pointer string, raw *rawStatement) []Product {
	var list []Product
	if len(raw.Subcomponents) > 0 && !p.legacy {
		p.fail(pointer+"/subcomponents", "they belong to a product since v0.2.0")
	}
	seen := map[string]bool{}
	for i, r := range raw.Products {
		where := pointer + "/products/" + strconv.Itoa(i)
		if r.legacy && !p.legacy {
			p.fail(where, "it is as in versions before v0.2.0, want an object")
		}
		product := Product{Component: p.component(where, &r.rawComponent)}
		inner := map[string]bool{}
		for j := range r.Subcomponents {
			at := where + "/subcomponents/" + strconv.Itoa(j)
			c := p.component(at, &r.Subcomponents[j])
			p.twice(inner, at, c)
			product.Subcomponents = append(product.Subcomponents, c)
		}
		for j, id := range raw.Subcomponents {
			product.Subcomponents = append(product.Subcomponents, p.component(pointer+"/subcomponents/"+strconv.Itoa(j), &rawComponent{ID: id}))
		}
		p.twice(seen, where, product)
		list = append(list, product)
	}
	if len(list) == 0 {
		list = p.options.Products
	}
	if len(list) == 0 {
		p.fail(pointer, "it names no product")
	}
	return list
}

func (p *parser) component(pointer string, raw *rawComponent) Component {
	c := Component{ID: raw.ID, PURL: raw.Identifiers.PURL, CPE22: raw.Identifiers.CPE22, CPE23: raw.Identifiers.CPE23}
	if raw.ID == "" && raw.Identifiers == (rawIdentifiers{}) && len(raw.Hashes) == 0 {
		p.fail(pointer, "nothing identifies it")
	}
	if !p.legacy {
		p.iri(pointer, raw.ID)
	}
	for _, text := range []string{c.PURL, c.ID} {
		if text == "" || text == c.ID && !strings.HasPrefix(text, "pkg:") {
			continue
		}
		if _, err := sbom.ParsePURL(text); err != nil {
			p.fail(pointer, "%v", err)
		}
	}
	for _, name := range sorted(raw.Hashes) {
		value := raw.Hashes[name]
		n, ok := hashLength(name)
		switch {
		case !ok:
			p.fail(pointer+"/hashes", "%q is no hash of OpenVEX", clip(name))
		case len(value) != n || strings.Trim(value, "0123456789abcdefABCDEF") != "":
			p.fail(pointer+"/hashes/"+name, "it is %q, want %d hexadecimal digits", clip(value), n)
		}
		if c.Hashes == nil {
			c.Hashes = make(map[string]string, len(raw.Hashes))
		}
		c.Hashes[name] = strings.ToLower(value)
	}
	return c
}

// hashLength is how many characters a digest has, by its name in OpenVEX
// ("Appendix A: Hash Names Table").
func hashLength(name string) (int, bool) {
	switch name {
	case "md5":
		return 32, true
	case "sha1":
		return 40, true
	case "sha3-224":
		return 56, true
	case "sha-256", "sha3-256", "blake2s-256", "blake2b-256":
		return 64, true
	case "sha-384", "sha3-384":
		return 96, true
	case "sha-512", "sha3-512", "blake2b-512":
		return 128, true
	}
	return 0, false
}

// time reads RFC 3339, with any offset; "" is the zero time.
func (p *parser) time(pointer, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.IsZero() || bytes.ContainsAny([]byte(text), ",") {
		p.fail(pointer, "it is %q, want a time of RFC 3339", clip(text))
	}
	return t
}

func (p *parser) iri(pointer, id string) {
	if id != "" && !isIRI(id) {
		p.fail(pointer+"/@id", "it is %q, want an IRI", clip(id))
	}
}

func isIRI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && !strings.ContainsAny(s, " \t\r\n\"<>\\^`{|}")
}
