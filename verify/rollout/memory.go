package rollout

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// MemorySchema is the schema member of a [Memory] in JSON.
const MemorySchema = "https://github.com/touchmark-go/touchmark/memory/v1"

// A Memory is what a client keeps of what auditors told it, so that nobody leads
// it back: neither to an older State or known-good file, nor to a release of which
// it knows that it was taken back. It belongs to the client, and is written down
// between two uses. The zero Memory has seen nothing. It is not safe for
// concurrent use.
type Memory struct {
	Schema    string                         `json:"schema"`
	States    map[string]Mark                `json:"states,omitempty"`    // the newest of each product
	KnownGood map[string]map[string]Mark     `json:"knownGood,omitempty"` // the newest of each product and environment
	Revoked   map[string][]provenance.Digest `json:"revoked,omitempty"`   // releases of each product, by id
}

// A Mark names one file, and its place among others of its kind.
type Mark struct {
	Size   uint64            `json:"size"`            // of the log that it was made of
	Issued time.Time         `json:"issued,omitzero"` // of a known-good file: of one head there may be a later one
	Digest provenance.Digest `json:"digest"`
}

const maxMemory = 64 << 20

// Marshal is the Memory in JSON, as [ParseMemory] reads it.
func (m *Memory) Marshal() ([]byte, error) {
	m.Schema = MemorySchema
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// ParseMemory reads what [Memory.Marshal] wrote.
func ParseMemory(data []byte) (*Memory, error) {
	if len(data) > maxMemory {
		return nil, fmt.Errorf("memory: %d bytes, want at most %d: %w", len(data), maxMemory, strictjson.ErrLimit)
	}
	m := &Memory{}
	if err := strictjson.UnmarshalClosed(data, m); err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	if m.Schema != MemorySchema {
		return nil, fmt.Errorf("memory: /schema is %.80q, want %q", m.Schema, MemorySchema)
	}
	return m, nil
}

// Remember keeps which releases were taken back by a State that is believed: a
// [View]'s, or that of a [StateReader]. A nil Memory remembers nothing.
func (m *Memory) Remember(s *release.State) {
	if m == nil || s == nil {
		return
	}
	for _, r := range s.Revoked {
		if (r.Kind == release.RevokeRelease || r.Kind == release.Retire) && !slices.Contains(m.Revoked[s.Product], r.Digest) {
			if m.Revoked == nil {
				m.Revoked = map[string][]provenance.Digest{}
			}
			m.Revoked[s.Product] = append(m.Revoked[s.Product], r.Digest)
		}
	}
}

// state remembers a State, unless a newer one, or another one of its head, was
// seen before.
func (m *Memory) state(product string, mark Mark) error {
	if m == nil {
		return nil
	}
	if err := mark.follows(m.States[product], "state of "+product); err != nil {
		return err
	}
	if m.States == nil {
		m.States = map[string]Mark{}
	}
	m.States[product] = mark
	return nil
}

// knownGood does the same with a known-good file.
func (m *Memory) knownGood(product, environment string, mark Mark) error {
	if m == nil {
		return nil
	}
	if err := mark.follows(m.KnownGood[product][environment], "known-good file of "+product+" in "+environment); err != nil {
		return err
	}
	if m.KnownGood == nil {
		m.KnownGood = map[string]map[string]Mark{}
	}
	of := maps.Clone(m.KnownGood[product])
	if of == nil {
		of = map[string]Mark{}
	}
	of[environment] = mark
	m.KnownGood[product] = of
	return nil
}

// follows is nil if a file of its kind may be believed after last was.
func (f Mark) follows(last Mark, what string) error {
	switch {
	case f.Size < last.Size:
		return fmt.Errorf("%w: the %s is of a log of %d records, and one of %d was seen before", ErrState, what, f.Size, last.Size)
	case f.Size == last.Size && f.Issued.Before(last.Issued):
		return fmt.Errorf("%w: the %s was issued %s, and one of %s was seen before", ErrState, what, f.Issued.UTC().Format(time.RFC3339), last.Issued.UTC().Format(time.RFC3339))
	case f.Size == last.Size && f.Issued.Equal(last.Issued) && f.Digest != last.Digest:
		return fmt.Errorf("%w: the %s at %d records is %s, and was %s", ErrState, what, f.Size, f.Digest, last.Digest)
	}
	return nil
}
