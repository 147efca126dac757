package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// An envelope is a DSSE envelope while it is being read. The payload is decoded
// last, because the payload type, which may come later, stands before it.
type envelope struct {
	payload     []byte // base64 as it stands in the document
	payloadType string
	signatures  []Signature
	seen        []string // the required members that were there
}

// member reads one member of an envelope. Names are exact; inside a Sigstore
// bundle, which is closed, an unknown one is an error.
func (e *envelope) member(s *strictjson.Scanner, name []byte, closed bool) (err error) {
	switch string(name) {
	case "payload":
		var escaped []byte
		if e.payload, escaped, err = s.LongString(); escaped != nil {
			e.payload = escaped
		}
		e.seen = append(e.seen, "payload")
	case "payloadType":
		var text []byte
		text, err = s.String()
		e.payloadType = string(text)
		e.seen = append(e.seen, "payloadType")
	case "signatures":
		err = s.Array(func(i int) error {
			if i == MaxSignatures {
				return s.FailLimit("more than %d signatures", MaxSignatures)
			}
			sig, err := readSignature(s, closed)
			e.signatures = append(e.signatures, sig)
			return err
		})
		e.seen = append(e.seen, "signatures")
	default:
		err = skipUnknown(s, name, closed, "payload", "payloadType", "signatures")
	}
	return err
}

func readSignature(s *strictjson.Scanner, closed bool) (sig Signature, err error) {
	err = s.Object(func(name []byte) error {
		switch string(name) {
		case "sig":
			sig.Sig, err = readBase64(s, strictjson.AppendBase64Either)
			return err
		case "keyid":
			if s.Kind() == 'n' { // unset, null and empty are the same
				return s.Skip()
			}
			text, err := s.String()
			sig.KeyID = string(text)
			return err
		case "cert":
			if closed {
				break // a Sigstore bundle has a place of its own for it
			}
			sig.Chain, err = readPEM(s)
			return err
		}
		return skipUnknown(s, name, closed, "sig", "keyid", "cert")
	})
	if err == nil && len(sig.Sig) == 0 {
		err = s.Fail("want a signature in member \"sig\", found none")
	}
	return sig, err
}

// readPEM reads the certificates of a signature, the key's own first. Null and
// empty are none.
func readPEM(s *strictjson.Scanner) (chain [][]byte, err error) {
	if s.Kind() == 'n' {
		return nil, s.Skip()
	}
	text, err := s.String()
	if err != nil {
		return nil, err
	}
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		if len(chain) == MaxChain {
			return nil, s.FailLimit("more than %d certificates", MaxChain)
		}
		var block *pem.Block
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, s.Fail("want certificates in PEM and nothing else")
		}
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 || len(block.Bytes) == 0 {
			return nil, s.Fail("want certificates in PEM and nothing else")
		}
		chain = append(chain, block.Bytes)
		rest = bytes.TrimSpace(rest)
	}
	return chain, nil
}

// skipUnknown ignores a member that DSSE does not know, unless its name only
// folds to a known one, or nothing unknown is allowed.
func skipUnknown(s *strictjson.Scanner, name []byte, closed bool, known ...string) error {
	for _, k := range known {
		if strings.EqualFold(k, string(name)) {
			return s.FailName("member %q must be spelled %q", name, k)
		}
	}
	if closed {
		return s.FailName("unknown member %q", name)
	}
	return s.Skip()
}

// readBase64 reads a string of base64 into memory of its own.
func readBase64(s *strictjson.Scanner, decode func(dst, src []byte) ([]byte, error)) ([]byte, error) {
	text, err := s.String()
	if err != nil {
		return nil, err
	}
	b, err := decode(nil, text)
	if err != nil {
		return nil, s.Fail("%v", err)
	}
	return b, nil
}

// bundle checks that the envelope is whole, and decodes the payload right
// behind the head of its PAE.
func (e *envelope) bundle(s *strictjson.Scanner, decode func(dst, src []byte) ([]byte, error)) (*Bundle, error) {
	for _, required := range []string{"payload", "payloadType", "signatures"} {
		if !slices.Contains(e.seen, required) {
			return nil, s.Fail("want member %q in the envelope, found none", required)
		}
	}
	if len(e.signatures) == 0 {
		return nil, s.Fail("want a signature, found none: nobody vouches for it")
	}
	size := strictjson.Base64Len(e.payload)
	b := &Bundle{PayloadType: e.payloadType, Signatures: e.signatures}
	b.pae, b.body = newPAE(e.payloadType, size)
	var err error
	if b.pae, err = decode(b.pae, e.payload); err != nil {
		return nil, s.Fail("payload: %v", err)
	}
	return b, nil
}

// marshalDSSE writes the payload in standard base64, the members in the order
// of the specification.
func (b *Bundle) marshalDSSE() ([]byte, error) {
	for i, s := range b.Signatures {
		if len(s.Timestamps)+len(s.LogEntries) > 0 {
			return nil, fmt.Errorf("signature %d has timestamps or log entries, which %q would lose: want %q", i, DSSE, Sigstore)
		}
		if len(s.Chain) > MaxChain {
			return nil, fmt.Errorf("signature %d has %d certificates, want at most %d: %w", i, len(s.Chain), MaxChain, ErrLimit)
		}
		if slices.ContainsFunc(s.Chain, func(der []byte) bool { return len(der) == 0 }) {
			return nil, fmt.Errorf("signature %d has an empty certificate", i)
		}
	}
	return b.appendEnvelope(nil)
}

// rest is how many bytes stand behind the payload of an envelope and its line: not
// one more, since of a small one the memory is a fourth of what marshalling costs.
// Certificates, and texts that JSON escapes, find more room when they come.
func rest(payloadType string, signatures []Signature) int {
	n := len(`","payloadType":"`) + len(payloadType) + len(`","signatures":[]}`) + 1 // the line's end
	for _, s := range signatures {
		n += len(`{"keyid":"`) + len(s.KeyID) + len(`","sig":"`) + base64.StdEncoding.EncodedLen(len(s.Sig)) + len(`"},`)
	}
	return n
}

func (b *Bundle) appendEnvelope(dst []byte) ([]byte, error) {
	payload := b.UnverifiedPayload()
	if encoded := base64.StdEncoding.EncodedLen(len(payload)); encoded > MaxEnvelopeSize {
		return nil, fmt.Errorf("a payload of %d bytes, want an envelope of at most %d: %w", len(payload), MaxEnvelopeSize, ErrLimit)
	}
	var begun []byte
	if len(dst) == 0 {
		begun = b.ahead.take()
	}
	if begun != nil {
		dst = begun
	} else {
		// Room for all of it, so that a large payload is not copied for what stands behind it.
		dst = slices.Grow(dst, len(envelopeHead)+base64.StdEncoding.EncodedLen(len(payload))+rest(b.PayloadType, b.Signatures))
		dst = appendPayload(dst, payload)
	}
	dst = append(dst, `","payloadType":`...)
	var err error
	if dst, err = appendText(dst, b.PayloadType); err != nil {
		return nil, err
	}
	dst = append(dst, `,"signatures":[`...)
	for i, s := range b.Signatures {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		// A new Sigstore bundle names its key once, by the hint: other programs have key
		// ids of another form, and skip signatures whose keyid is not theirs.
		if s.KeyID != "" && (b.Format != Sigstore || len(s.Chain) > 0 || b.version != "" && !b.hinted) {
			dst = append(dst, `"keyid":`...)
			if dst, err = appendText(dst, s.KeyID); err != nil {
				return nil, err
			}
			dst = append(dst, ',')
		}
		dst = append(dst, `"sig":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, s.Sig)
		dst = append(dst, '"')
		if b.Format != Sigstore && len(s.Chain) > 0 {
			var chain []byte
			for _, der := range s.Chain {
				chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
			}
			dst = append(dst, `,"cert":`...)
			if dst, err = appendText(dst, string(chain)); err != nil {
				return nil, err
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...), nil
}

// appendText writes a string that must be UTF-8.
func appendText(dst []byte, text string) ([]byte, error) {
	if plain(text) {
		return append(append(append(dst, '"'), text...), '"'), nil
	}
	b, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	if strings.ToValidUTF8(text, "") != text {
		return nil, errors.New("want UTF-8, found " + fmt.Sprintf("%q", text))
	}
	return append(dst, b...), nil
}

// plain reports whether JSON writes a text as it stands: payload types and key ids
// are letters and digits, as a rule.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
