package verifytest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// A maker makes the variants of one good question.
type maker struct {
	Good
	ctx    context.Context
	yield  func(Variant) bool
	done   bool // nobody wants more
	names  map[string]bool
	good   *verify.Verdict
	bytes  []byte   // of the artifact; nil if there are none that could be handed out
	pieces []*piece // those that are needed
}

// A piece is one bundle of the evidence.
type piece struct {
	at        int // in Request.Evidence
	name      string
	bundle    *sign.Bundle
	statement *provenance.Statement // nil if it is none
	build     *provenance.Build     // nil if it is no provenance
}

// begin asks the question itself, and finds what is needed. It reports whether
// there is anything to go on with.
func (m *maker) begin() bool {
	m.good, _ = m.Verifier.Verify(m.ctx, m.Request)
	if m.good.Decision == verify.Allow {
		m.bytes = m.artifactBytes()
	}
	if !m.emit("", "good", "the question itself", Allowed, m.Request) || m.good.Decision != verify.Allow {
		return false
	}
	names := map[string]int{}
	var all []*piece
	for i, b := range m.Request.Evidence {
		if b == nil || b.Err != nil {
			continue
		}
		p := &piece{at: i, bundle: b}
		if s, err := provenance.Parse(b.UnverifiedPayload()); err == nil {
			p.statement = s
			p.build, _ = provenance.ParseBuild(s) // nil with an error: it is of another type
		}
		p.name = p.kind()
		if names[p.name]++; names[p.name] > 1 {
			p.name = fmt.Sprintf("%s-%d", p.name, names[p.name])
		}
		all = append(all, p)
	}
	for _, p := range all {
		without := m.Request
		without.Evidence = slices.Delete(slices.Clone(without.Evidence), p.at, p.at+1)
		verdict, _ := m.Verifier.Verify(m.ctx, without)
		if verdict.Decision != verify.Allow {
			m.pieces = append(m.pieces, p)
		}
		if !m.emit("4", p.name+"/missing", "evidence that is left out: "+p.name+"; if it is let through, the policies do not need it", Refused, without) {
			return false
		}
	}
	return true
}

// kind is a short name of what a piece states: the last word of its predicate
// type that is no version.
func (p *piece) kind() string {
	if p.statement == nil {
		return "bundle"
	}
	words := strings.Split(strings.TrimRight(p.statement.PredicateType, "/"), "/")
	for _, word := range slices.Backward(words) {
		word, _, _ = strings.Cut(word, "@")
		if rest := strings.TrimLeft(word, "v0123456789."); rest != "" && !strings.ContainsAny(word, "?*[\\") {
			return word
		}
	}
	return "statement"
}

// maxArtifact is how many bytes of an artifact are changed at most: they are held in memory.
const maxArtifact = 64 << 20

// artifactBytes are the artifact. A folder, a digest or a large file has none.
func (m *maker) artifactBytes() []byte {
	h, err := m.Verifier.Open(m.ctx, m.Request)
	if err != nil {
		return nil
	}
	defer h.Close()
	if h.SectionReader == nil || h.Size() == 0 || h.Size() > maxArtifact {
		return nil
	}
	data, err := io.ReadAll(h)
	if err != nil {
		return nil
	}
	return data
}

// emit hands a variant out, and reports whether more are wanted. Row is a number,
// or a letter of SLSA's.
func (m *maker) emit(row, name, what string, want Want, r verify.Request) bool {
	return m.hand(Variant{Row: row, Name: name, What: what, Want: want, Request: r})
}

func (m *maker) hand(v Variant) bool {
	if m.done {
		return false
	}
	if v.Row != "" {
		v.Name = fmt.Sprintf("%02s/%s", v.Row, v.Name)
	}
	for name, n := v.Name, 2; m.names[v.Name]; n++ {
		v.Name = fmt.Sprintf("%s-%d", name, n)
	}
	m.names[v.Name] = true
	v.good = m.good
	m.done = !m.yield(v)
	return !m.done
}

// replace asks with other bundles in the place of a piece: none, one or several.
func (m *maker) replace(p *piece, row, name, what string, want Want, with ...*sign.Bundle) {
	r := m.Request
	r.Evidence = slices.Replace(slices.Clone(r.Evidence), p.at, p.at+1, with...)
	m.emit(row, p.name+"/"+name, what+": "+p.name, want, r)
}

// signed asks with a piece over another body, signed as it was. Nothing is made
// if that cannot be signed.
func (m *maker) signed(p *piece, row, name, what string, want Want, payloadType string, body []byte) {
	if m.done || m.Sign == nil {
		return
	}
	b, err := m.Sign(m.ctx, p.bundle, payloadType, body)
	switch {
	case err != nil:
		m.hand(Variant{Row: row, Name: p.name + "/" + name, What: what, Want: want, Err: err})
	case b != nil:
		m.replace(p, row, name, what, want, b)
	}
}

// A stranger signs with a key that nobody has seen, under any key id.
type stranger struct {
	key ed25519.PrivateKey
	id  string
}

func newStranger(id string) stranger {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("verifytest: " + err.Error()) // the standard library says that it never is
	}
	return stranger{key, id}
}

func (s stranger) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key, data), nil
}

func (s stranger) KeyID() (string, error) { return s.id, nil }

// A replay hands out a signature that was made over something else.
type replay struct{ sign.Signature }

func (r replay) Sign(context.Context, []byte) ([]byte, error) { return slices.Clone(r.Sig), nil }
func (r replay) KeyID() (string, error)                       { return r.Signature.KeyID, nil }

// under is another body with the signatures, certificates and proofs that a bundle has.
func under(ctx context.Context, b *sign.Bundle, payloadType string, body []byte) (*sign.Bundle, error) {
	var by []sign.Signer
	for _, s := range b.Signatures {
		by = append(by, replay{s})
	}
	out, err := sign.Payload(ctx, payloadType, body, by...)
	if err != nil {
		return nil, err
	}
	for i := range out.Signatures {
		out.Signatures[i] = b.Signatures[i]
	}
	out.Format, out.Origin = b.Format, b.Origin
	return out, nil
}

// altered is a copy of a bundle whose signatures may be changed.
func altered(b *sign.Bundle, change func(s []sign.Signature) []sign.Signature) *sign.Bundle {
	c := *b
	c.Signatures = slices.Clone(b.Signatures)
	for i := range c.Signatures {
		c.Signatures[i].Sig = slices.Clone(c.Signatures[i].Sig)
	}
	c.Signatures = change(c.Signatures)
	return &c
}
