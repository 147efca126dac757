package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// StatementType is the _type of a Statement that this package writes;
// StatementTypeV01 is the older one that it also reads. A Statement that was
// read keeps its own.
const (
	StatementType    = "https://in-toto.io/Statement/v1"
	StatementTypeV01 = "https://in-toto.io/Statement/v0.1"
)

// PayloadType is the DSSE payload type of an in-toto Statement.
const PayloadType = "application/vnd.in-toto+json"

// A Statement is a claim about subjects (in-toto attestation framework,
// Statement v1): that the predicate is true of each of them. It is a claim of
// whoever signs it, and before that of nobody.
//
// The zero Statement is invalid. A Statement is plain data, and may be shared
// as long as nobody changes it.
type Statement struct {
	// Type is [StatementType] or [StatementTypeV01].
	Type string `json:"_type"`
	// Subject is what the claim is about: at least one, 1,024 at most, each with
	// one digest at least and 32 at most.
	Subject []ResourceDescriptor `json:"subject"`
	// PredicateType says what Predicate means. It is compared whole and exactly.
	PredicateType string `json:"predicateType"`
	// Predicate is a JSON object, or nothing, which means the same as {}.
	Predicate json.RawMessage `json:"predicate,omitempty"`
}

// New makes a Statement v1. The predicate is anything that encodes to a JSON
// object; a [json.RawMessage] is taken as it is, and nil is no predicate. What
// New returns is valid: see [Statement.Validate].
func New(predicateType string, predicate any, subjects ...ResourceDescriptor) (*Statement, error) {
	s := &Statement{Type: StatementType, Subject: canonicalAll(subjects), PredicateType: predicateType}
	raw, verbatim := predicate.(json.RawMessage)
	if predicate != nil && !verbatim {
		var err error
		if raw, err = encode(predicate); err != nil {
			return nil, fmt.Errorf("predicate: %v", err)
		}
		if replaced(raw) {
			return nil, errors.New("predicate has text that is not valid UTF-8")
		}
	}
	s.Predicate = withoutNull(slices.Clone(raw))
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// replaced reports whether encoding/json put U+FFFD in place of invalid UTF-8:
// it writes an escape then, and a real U+FFFD as itself.
func replaced(encoded []byte) bool {
	for i := 0; i < len(encoded); i++ {
		if encoded[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(encoded[i:], []byte(`\ufffd`)) {
			return true
		}
		i++
	}
	return false
}

// withoutNull is raw, or nothing if it says null: unset, null and {} are equal
// in a predicate, and null is spelled only one way.
func withoutNull(raw json.RawMessage) json.RawMessage {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil
	}
	return raw
}

// Parse reads a Statement, v1 or v0.1, of 16 MiB at most. It is strict: one
// JSON value, no duplicate members at any depth, exact-case names, valid UTF-8
// and nothing behind it; members that in-toto does not know are ignored, as it
// demands. What Parse returns is valid, see [Statement.Validate], and a digest
// that is spelled dirHash1 has become dirHash.
//
// Parse trusts nobody: check the signature on the bytes before you read them.
func Parse(data []byte) (*Statement, error) {
	if len(data) > maxStatement {
		return nil, limitError("statement", len(data), maxStatement, "bytes")
	}
	s, whole := parseAround(data)
	if !whole {
		s = &Statement{}
		if err := strictjson.Unmarshal(data, s); err != nil {
			return nil, fmt.Errorf("statement: %w", err)
		}
	}
	s.Predicate = withoutNull(s.Predicate)
	if err := s.validate(checked); err != nil {
		return nil, err
	}
	for i := range s.Subject {
		s.Subject[i] = s.Subject[i].canonical()
	}
	return s, nil
}

// parseAround reads what [strictjson.Unmarshal] reads, and a large predicate once
// in the place of four times: it is checked where it stands, and decoded is what
// stands around it. It gives up, and says so, on whatever is not as it should be:
// Unmarshal then says why.
func parseAround(data []byte) (s *Statement, whole bool) {
	var from, to int
	scan := strictjson.NewScanner(data)
	err := scan.Object(func(name []byte) error {
		if string(name) != "predicate" {
			return scan.Skip()
		}
		value, err := scan.Raw()
		to = scan.Offset()
		from = to - len(value)
		return err
	})
	if err != nil || scan.End() != nil || to == 0 {
		return nil, false
	}
	around := slices.Concat(data[:from], []byte("null"), data[to:])
	s = &Statement{}
	if strictjson.Unmarshal(around, s) != nil {
		return nil, false
	}
	s.Predicate = bytes.Clone(data[from:to])
	return s, true
}

// Decode decodes the predicate strictly into v if s is of exactly that
// predicate type; of any other type it is an error, and v is as it was.
// Members that v has no field for are ignored. No predicate decodes like {}.
func (s *Statement) Decode(predicateType string, v any) error {
	raw, err := s.predicate(predicateType)
	if err != nil {
		return err
	}
	if err := strictjson.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("predicate: %w", err)
	}
	return nil
}

// predicate is the predicate if s is of that type.
func (s *Statement) predicate(predicateType string) (json.RawMessage, error) {
	if s.PredicateType != predicateType {
		return nil, fmt.Errorf("predicate type is %s, want %q", quote(s.PredicateType), predicateType)
	}
	if raw := withoutNull(s.Predicate); raw != nil {
		return raw, nil
	}
	return json.RawMessage("{}"), nil
}

// Validate reports what makes s unusable, by JSON pointer: another _type, no
// subject, a subject without a digest or with one that is not well formed, no
// predicateType, a predicate that is not one strict JSON object, or more than
// the limits.
func (s *Statement) Validate() error { return s.validate(strictjson.Check) }

// checked stands in for [strictjson.Check] on what Check has already read, as
// part of a whole.
func checked([]byte) error { return nil }

func (s *Statement) validate(check func([]byte) error) error {
	if s == nil {
		return errors.New("statement is missing")
	}
	if s.Type != StatementType && s.Type != StatementTypeV01 {
		return fmt.Errorf("/_type is %s, want %q", quote(s.Type), StatementType)
	}
	if err := s.validateSubjects(check); err != nil {
		return err
	}
	if s.PredicateType == "" {
		return errors.New("/predicateType is missing")
	}
	if !utf8.ValidString(s.PredicateType) {
		return fmt.Errorf("/predicateType is %s, want valid UTF-8", quote(s.PredicateType))
	}
	raw := withoutNull(s.Predicate)
	if raw == nil {
		return nil
	}
	if len(raw) > maxStatement {
		return limitError("/predicate", len(raw), maxStatement, "bytes")
	}
	if err := check(raw); err != nil {
		return fmt.Errorf("/predicate: %w", err)
	}
	if bytes.TrimSpace(raw)[0] != '{' {
		return errors.New("/predicate is not a JSON object")
	}
	return nil
}

func (s *Statement) validateSubjects(check func([]byte) error) error {
	if len(s.Subject) == 0 {
		return errors.New("/subject is empty, want one at least")
	}
	if len(s.Subject) > maxSubjects {
		return limitError("/subject", len(s.Subject), maxSubjects, "subjects")
	}
	for i := range s.Subject {
		at := fmt.Sprintf("/subject/%d", i)
		if len(s.Subject[i].Digest) == 0 {
			return fmt.Errorf("%s has no digest", at)
		}
		if err := s.Subject[i].validate(at, check); err != nil {
			return err
		}
	}
	return nil
}

// limitError says that something is over a limit; it is [strictjson.ErrLimit].
func limitError(what string, got, most int, unit string) error {
	return fmt.Errorf("%s has %d %s, at most %d are read: %w", what, got, unit, most, strictjson.ErrLimit)
}

// Marshal returns the JSON of s if it is valid. Equal statements give equal
// bytes: members in the order of the specification, digests and annotations
// sorted, no white space, no HTML escapes, and the predicate's own members and
// numbers as they stand. Parse of it gives s again.
func (s *Statement) Marshal() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	c := *s
	c.Subject = canonicalAll(s.Subject)
	c.Predicate = withoutNull(s.Predicate)
	data, err := encode(&c)
	if err != nil {
		return nil, err
	}
	if len(data) > maxStatement {
		return nil, limitError("statement", len(data), maxStatement, "bytes")
	}
	return data, nil
}
