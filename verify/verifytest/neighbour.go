package verifytest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/sign"
)

// neighbours ask what is as good as the question itself: evidence is a set, hints
// decide nothing, and bad evidence neither hides nor spoils the good.
func (m *maker) neighbours() {
	ask := func(row, name, what string, want Want, evidence []*sign.Bundle) {
		r := m.Request
		r.Evidence = evidence
		m.emit(row, "neighbour/"+name, what, want, r)
	}
	good := m.Request.Evidence
	back := slices.Clone(good)
	slices.Reverse(back)
	ask("16", "other-order", "the evidence in another order", Same, back)
	ask("16", "twice", "each piece of evidence twice", Same, slices.Concat(good, good))
	garbage, err := sign.Read(strings.NewReader("{}\n{\"payload\":\"e30=\",\"payloadType\":\"x\",\"signatures\":[{\"sig\":\"eA==\"}]}\n"))
	if err == nil {
		ask("52", "garbage-beside", "lines beside it that are no evidence", Allowed, slices.Concat(garbage, good))
	}
	for _, p := range m.pieces {
		m.replace(p, "1", "neighbour-hints", "the hints which key signed, left out", Allowed, altered(p.bundle, func(s []sign.Signature) []sign.Signature {
			for i := range s {
				s[i].KeyID = ""
			}
			return s
		}))
		if p.bundle.Format == sign.DSSE && len(p.bundle.Signatures) < sign.MaxSignatures {
			if b, err := sign.Payload(m.ctx, p.bundle.PayloadType, p.bundle.UnverifiedPayload(), newStranger("")); err == nil {
				m.replace(p, "1", "neighbour-stranger", "signed by somebody else as well, whom nobody knows", Allowed, altered(p.bundle, func(s []sign.Signature) []sign.Signature { return append(s, b.Signatures...) }))
			}
		}
		if line, err := p.bundle.Marshal(); err == nil {
			m.read(p, "11", "neighbour-white-space", "white space around it", Allowed, slices.Concat([]byte("\n \t"), line, []byte(" \n\n")))
		}
		if m.Sign != nil && p.statement != nil {
			m.beside(p)
		}
	}
}

// beside adds a statement about something else by the same people: it counts for
// nothing, and takes nothing away.
func (m *maker) beside(p *piece) {
	s := edit(p.statement, func(s object) {
		s["subject"] = []any{object{"name": "another", "digest": object{"sha256": otherSHA256}}}
	})
	b, err := m.Sign(m.ctx, p.bundle, p.bundle.PayloadType, s)
	if err != nil || b == nil {
		return // the attacks on this piece say so
	}
	m.replace(p, "5", "neighbour-beside", "a statement about another artifact beside it", Allowed, p.bundle, b)
}

// read asks with what is read from text in the place of a piece.
func (m *maker) read(p *piece, row, name, what string, want Want, text []byte) {
	bundles, err := sign.Read(named{bytes.NewReader(text), p.bundle.Origin})
	if err != nil {
		return // a bytes.Reader does not fail
	}
	m.replace(p, row, name, what, want, bundles...)
}

// named is a text with the name of the file that evidence came from.
type named struct {
	*bytes.Reader
	origin string
}

func (n named) Name() string {
	name, _, _ := strings.Cut(n.origin, ":")
	return name
}
