package story

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// An entry is evidence of one document: a line for each group of signers.
type entry struct {
	name      string
	groups    [][]string // labels of keys
	identity  string     // or an identity, as JSON
	mediaType string
	format    sign.Format
	after     []func(m *maker, b *sign.Bundle) error // what is done to the signed bundle
	lines     []func(line []byte) ([]byte, error)    // and to its line
	times     int
	raw       string // or a line that is what it is
}

func (m *maker) entry(name string) (*entry, error) {
	i := slices.IndexFunc(m.evidence, func(e *entry) bool { return e.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no evidence %q", name)
	}
	return m.evidence[i], nil
}

// about runs the verbs that are about evidence of one name.
func (m *maker) about(verb, name string, args []string, rest string) error {
	e, err := m.entry(name)
	if verb == "sign" {
		if err != nil {
			e = &entry{name: name, mediaType: provenance.PayloadType, format: sign.DSSE, times: 1}
			m.evidence = append(m.evidence, e)
		}
		e.groups, e.identity = [][]string{nil}, ""
		if len(args) > 1 && args[0] == "id" {
			_, e.identity, _ = strings.Cut(rest, " id ")
			return nil
		}
		for _, a := range args {
			if a == "+" {
				e.groups = append(e.groups, nil)
				continue
			}
			e.groups[len(e.groups)-1] = append(e.groups[len(e.groups)-1], a)
		}
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case verb == "drop":
		m.evidence = slices.DeleteFunc(m.evidence, func(other *entry) bool { return other == e })
	case verb == "dup":
		e.times = 2
		if len(args) > 0 {
			e.times, err = strconv.Atoi(args[0])
		}
	case verb == "payloadtype" && len(args) == 1:
		e.mediaType = args[0]
	case verb == "format" && len(args) == 1:
		e.format = map[string]sign.Format{"dsse": sign.DSSE, "sigstore": sign.Sigstore}[args[0]]
	case verb == "envelope" && len(args) == 2:
		e.lines = append(e.lines, func(line []byte) ([]byte, error) {
			return (change{m.expand(args[0]), m.expand(args[1])}).apply(line)
		})
	case verb == "sig" && len(args) == 1 && args[0] == "none":
		e.lines = append(e.lines, func(line []byte) ([]byte, error) {
			return regexp.MustCompile(`"signatures":\[.*?\]`).ReplaceAll(line, []byte(`"signatures":[]`)), nil
		})
	case verb == "sig" && len(args) == 1 && args[0] == "bits":
		e.lines = append(e.lines, func(line []byte) ([]byte, error) {
			i := bytes.LastIndex(line, []byte(`=="`)) - 1
			if i < 0 {
				return nil, errors.New("no padding")
			}
			line[i]++ // its low bits are not of the signature
			return line, nil
		})
	case verb == "sig" && len(args) >= 2:
		i, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		e.after = append(e.after, func(m *maker, b *sign.Bundle) error { return m.touch(b, i, args[1:]) })
	default:
		return fmt.Errorf("no such line")
	}
	return err
}

// touch changes the signatures of a bundle.
func (m *maker) touch(b *sign.Bundle, i int, args []string) error {
	if i >= len(b.Signatures) {
		return fmt.Errorf("there is no signature %d", i)
	}
	s := &b.Signatures[i]
	switch args[0] {
	case "flip":
		s.Sig = slices.Clone(s.Sig)
		s.Sig[len(s.Sig)/2] ^= 1
	case "copy":
		again := *s
		if len(args) > 1 {
			again.KeyID = m.expand(args[1])
		}
		b.Signatures = append(b.Signatures, again)
	case "keyid":
		s.KeyID = m.expand(args[1])
	case "malleate":
		other, err := malleate(s.Sig, elliptic.P256().Params().N)
		if err != nil {
			return err
		}
		b.Signatures = append(b.Signatures, sign.Signature{Sig: other, KeyID: s.KeyID})
	case "p1363":
		other, err := p1363(s.Sig, 32)
		s.Sig = other
		return err
	case "pad": // the sequence's length in two bytes where one would do: BER, not DER
		s.Sig = append([]byte{s.Sig[0], 0x81}, s.Sig[1:]...)
	case "chain":
		s.Chain = [][]byte{[]byte(args[1])}
	case "from":
		e, err := m.entry(args[1])
		if err != nil {
			return err
		}
		j, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		others, err := m.bundles(e)
		if err != nil {
			return err
		}
		var all []sign.Signature
		for _, o := range others {
			all = append(all, o.Signatures...)
		}
		if j >= len(all) {
			return fmt.Errorf("%s has no signature %d", args[1], j)
		}
		b.Signatures = append(b.Signatures, all[j])
	default:
		return fmt.Errorf("no such change of a signature: %q", args[0])
	}
	return nil
}

// bundles signs the evidence of one name.
func (m *maker) bundles(e *entry) ([]*sign.Bundle, error) {
	body := m.bytes(e.name, "")
	var out []*sign.Bundle
	if e.identity != "" {
		name := ""
		trust, _ := m.docs["trust"].(map[string]any)
		authorities, _ := trust["authorities"].(map[string]any)
		for name = range authorities {
		}
		b, err := Authority{name}.Sign(context.Background(), e.mediaType, body, e.identity)
		return append(out, b), err
	}
	for _, group := range e.groups {
		var signers []sign.Signer
		for _, label := range group {
			s, err := signerFor(label)
			if err != nil {
				return nil, err
			}
			signers = append(signers, s)
		}
		b, err := sign.Payload(context.Background(), e.mediaType, body, signers...)
		if err != nil {
			return nil, err
		}
		b.Format = e.format
		out = append(out, b)
	}
	return out, nil
}

// lines is all evidence as a file.
func (m *maker) lines() []byte {
	m.t.Helper()
	var out bytes.Buffer
	for _, e := range m.evidence {
		if e.raw != "" {
			out.WriteString(m.expand(e.raw) + "\n")
			continue
		}
		if err := m.line(&out, e); err != nil {
			m.t.Fatalf("%s: %v", e.name, err)
		}
	}
	return out.Bytes()
}

func (m *maker) line(out *bytes.Buffer, e *entry) error {
	bundles, err := m.bundles(e)
	for _, b := range bundles {
		for _, f := range e.after {
			err = errors.Join(err, f(m, b))
		}
		if err != nil {
			return err
		}
		line, err := b.Marshal()
		if err != nil {
			return err
		}
		for _, f := range e.lines {
			if line, err = f(line); err != nil {
				return err
			}
		}
		for range e.times {
			out.Write(line)
			out.WriteByte('\n')
		}
	}
	return err
}
