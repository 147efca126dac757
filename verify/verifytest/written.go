package verifytest

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// withoutKeys makes what somebody without any key can make of a signed piece.
func (m *maker) withoutKeys(p *piece) {
	b := p.bundle
	change := func(row, name, what string, change func(s []sign.Signature) []sign.Signature) {
		m.replace(p, row, name, what, Refused, altered(b, change))
	}
	each := func(f func(s *sign.Signature)) func([]sign.Signature) []sign.Signature {
		return func(s []sign.Signature) []sign.Signature {
			for i := range s {
				f(&s[i])
			}
			return s
		}
	}
	change("1", "stripped", "without its signatures", func([]sign.Signature) []sign.Signature { return nil })
	change("1", "empty-signature", "with empty signatures", each(func(s *sign.Signature) { s.Sig = nil }))
	for _, at := range []string{"first", "middle", "last"} {
		change("1", "signature-"+at, "the "+at+" byte of each signature is flipped", each(func(s *sign.Signature) {
			if n := len(s.Sig); n > 0 {
				s.Sig[map[string]int{"first": 0, "middle": n / 2, "last": n - 1}[at]] ^= 1
			}
		}))
	}
	change("20", "signature-longer", "a byte behind each signature", each(func(s *sign.Signature) { s.Sig = append(s.Sig, 0) }))
	if len(b.Signatures) > 1 {
		change("16", "signed-twice", "one signer's signature in the place of each, under the hints of all", func(s []sign.Signature) []sign.Signature {
			for i := range s {
				s[i].Sig = slices.Clone(s[0].Sig)
			}
			return s
		})
		change("16", "malleable", "another encoding of one signer's ECDSA signature in the place of each other's", func(s []sign.Signature) []sign.Signature {
			for i := range s[1:] {
				s[1+i].Sig = malleable(s[0].Sig)
			}
			return s
		})
	}
	for i, s := range b.Signatures {
		if len(s.Chain) > 0 && i == 0 {
			change("21", "no-certificate", "without its certificate", each(func(s *sign.Signature) { s.Chain = nil }))
			change("23", "certificate-flipped", "a byte of its certificate is flipped", each(func(s *sign.Signature) {
				s.Chain = slices.Clone(s.Chain)
				s.Chain[0] = bytes.Clone(s.Chain[0])
				s.Chain[0][len(s.Chain[0])/2] ^= 1
			}))
		}
		if len(s.Timestamps) > 0 && i == 0 {
			change("21", "no-timestamps", "without its timestamps", each(func(s *sign.Signature) { s.Timestamps = nil }))
		}
		if len(s.LogEntries) > 0 && i == 0 {
			change("25", "no-log-entries", "without its log entries", each(func(s *sign.Signature) { s.LogEntries = nil }))
		}
	}
	for _, q := range m.pieces {
		if q == p {
			continue
		}
		other := q.bundle.Signatures
		if len(other) == 0 {
			continue
		}
		m.replace(p, "16", "instead-"+q.name, "another piece of evidence in its place", Refused, q.bundle)
		change("26", "signatures-of-"+q.name, "with the signatures, certificates and log entries of another piece of evidence", func([]sign.Signature) []sign.Signature { return slices.Clone(other) })
	}
	m.forged(p)
}

// forged puts another payload under the signatures, and other signatures under
// the payload.
func (m *maker) forged(p *piece) {
	b := p.bundle
	body := b.UnverifiedPayload()
	if b.PAE() == nil {
		return
	}
	other := func(row, name, what, payloadType string, body []byte) {
		if c, err := under(m.ctx, b, payloadType, body); err == nil {
			m.replace(p, row, name, what, Refused, c)
		}
	}
	for _, t := range []struct{ name, text string }{{"json", "application/json"}, {"case", strings.ToUpper(b.PayloadType)}, {"parameter", b.PayloadType + ";v=1"}, {"layout", "application/vnd.in-toto.layout+json"}} {
		other("2", "relabelled-"+t.name, "the payload type is changed to "+t.text, t.text, body)
	}
	for _, at := range []struct {
		name string
		at   int
	}{{"first", 0}, {"middle", len(body) / 2}, {"last", len(body) - 1}} {
		if at.at >= 0 && len(body) > 0 {
			flipped := bytes.Clone(body)
			flipped[at.at] ^= 1
			other("1", "payload-"+at.name, "the "+at.name+" byte of the payload is flipped", b.PayloadType, flipped)
		}
	}
	other("1", "payload-space", "a space behind the payload: it means the same, and nobody signed it", b.PayloadType, append(bytes.Clone(body), ' '))
	for _, id := range []struct{ name, what, id string }{{"stranger", "signed by somebody whom nobody knows", ""}, {"stranger-hinted", "signed by somebody whom nobody knows, under the key id of who should have", b.Signatures[0].KeyID}} {
		c, err := sign.Payload(m.ctx, b.PayloadType, body, newStranger(id.id))
		if err == nil && (id.name == "stranger" || id.id != "") {
			c.Format = b.Format
			m.replace(p, "1", id.name, id.what, Refused, c)
			c = altered(c, func(s []sign.Signature) []sign.Signature {
				s[0].Chain, s[0].Timestamps, s[0].LogEntries = b.Signatures[0].Chain, b.Signatures[0].Timestamps, b.Signatures[0].LogEntries
				return s
			})
			if len(b.Signatures[0].Chain) > 0 {
				m.replace(p, "26", id.name+"-certified", id.what+", with certificate and proofs of the right signature", Refused, c)
			}
		}
	}
}

// malleable is a second valid signature of ECDSA's, (r, n-s), or the signature
// itself if it is none.
func malleable(sig []byte) []byte {
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(sig, &v); err != nil || len(rest) > 0 {
		return slices.Clone(sig)
	}
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if n := c.Params().N; v.R.Cmp(n) < 0 && v.S.Cmp(n) < 0 {
			if out, err := asn1.Marshal(struct{ R, S *big.Int }{v.R, new(big.Int).Sub(n, v.S)}); err == nil {
				return out
			}
		}
	}
	return slices.Clone(sig)
}

// written changes how a piece is written down: the document of the envelope. What
// cannot be written as it is, such as an envelope with a certificate, is left out.
func (m *maker) written(p *piece) {
	line, err := p.bundle.Marshal()
	if err != nil || len(line) < 2 {
		return
	}
	read := func(row, name, what, text string) {
		if text != string(line) {
			m.read(p, row, "envelope-"+name, what, Refused, []byte(text))
		}
	}
	text := string(line)
	for _, t := range jsonTricks(text) {
		read(t.row, t.name, "the envelope: "+t.what, t.text)
	}
	payload := base64.StdEncoding.EncodeToString(p.bundle.UnverifiedPayload())
	if !strings.Contains(text, payload) || payload == "" {
		return
	}
	encoded := func(row, name, what, to string) { read(row, name, what, strings.Replace(text, payload, to, 1)) }
	encoded("65", "newline", "a newline in the base64 of the payload", payload[:4]+`\n`+payload[4:])
	encoded("65", "unpadded", "base64 without its padding, or with more of it", strings.TrimRight(payload, "=")+map[bool]string{true: "", false: "="}[strings.HasSuffix(payload, "=")])
	encoded("65", "trailing-bits", "base64 with bits behind the last byte", trailing(payload))
	read("1", "bare", "the statement itself, without an envelope", string(p.bundle.UnverifiedPayload()))
	if p.bundle.Format == sign.DSSE {
		read("50", "signatures", "the same signatures again and again, more than there may be", repeated(line))
	}
}

// repeated is an envelope with more signatures than there may be.
func repeated(line []byte) string {
	var envelope map[string]json.RawMessage
	var signatures []json.RawMessage
	if json.Unmarshal(line, &envelope) != nil || json.Unmarshal(envelope["signatures"], &signatures) != nil || len(signatures) == 0 {
		return string(line)
	}
	envelope["signatures"], _ = json.Marshal(slices.Repeat(signatures, sign.MaxSignatures/len(signatures)+1)) // JSON always can be written
	out, _ := json.Marshal(envelope)
	return string(out)
}

// trailing sets bits of the last character of base64 that stand for nothing.
func trailing(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	end := strings.IndexByte(text, '=')
	if end < 1 {
		return text
	}
	return text[:end-1] + string(alphabet[strings.IndexByte(alphabet, text[end-1])|1]) + text[end:]
}

var otherSHA256 = provenance.SumSHA256([]byte("touchmark verifytest: another artifact")).Hex()
