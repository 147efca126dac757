package verifytest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// certified makes what somebody without any key can make of a certificate and of
// the timestamps beside it: a certificate that says the same, by an authority of
// his own, and timestamps that were changed or count twice.
func (m *maker) certified(p *piece) {
	b := p.bundle
	for _, s := range b.Signatures[:min(1, len(b.Signatures))] {
		if len(s.Chain) > 0 {
			m.otherAuthority(p, &s)
		}
		for _, at := range flips {
			if len(s.Timestamps) == 0 || !m.needs(p, func(s *sign.Signature) { s.Timestamps = nil }) {
				break // row 21 says so
			}
			m.replace(p, "24", "timestamp-"+at.name, "the "+at.name+" byte of each timestamp is flipped", Refused, eachSignature(b, func(s *sign.Signature) { s.Timestamps = mapped(s.Timestamps, at.flip) }))
		}
		m.countedTwice(p, "24", "timestamps", len(s.Timestamps), func(s *sign.Signature, n int) { s.Timestamps = repeat(s.Timestamps, n) })
		if len(s.LogEntries) > 0 {
			m.logged(p)
			m.countedTwice(p, "28", "log-entries", len(s.LogEntries), func(s *sign.Signature, n int) { s.LogEntries = repeat(s.LogEntries, n) })
		}
	}
}

// countedTwice has the first of several proofs in the place of all, if one of them
// is not enough: who counts them must count whose they are.
func (m *maker) countedTwice(p *piece, row, name string, n int, set func(s *sign.Signature, n int)) {
	if n > 1 && m.needs(p, func(s *sign.Signature) { set(s, 1) }) {
		m.replace(p, row, "first-of-"+name, "the first of its "+name+" in the place of each", Refused, eachSignature(p.bundle, func(s *sign.Signature) { set(s, n) }))
	}
}

// needs reports whether a piece whose signatures were changed so is refused.
func (m *maker) needs(p *piece, without func(s *sign.Signature)) bool {
	if m.done {
		return false
	}
	r := m.Request
	r.Evidence = slices.Clone(r.Evidence)
	r.Evidence[p.at] = eachSignature(p.bundle, without)
	verdict, _ := m.Verifier.Verify(m.ctx, r)
	return verdict.Decision != verify.Allow
}

func eachSignature(b *sign.Bundle, change func(s *sign.Signature)) *sign.Bundle {
	return altered(b, func(list []sign.Signature) []sign.Signature {
		for i := range list {
			change(&list[i])
		}
		return list
	})
}

func repeat[T any](list []T, n int) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Repeat(list[:1], n)
}

// A place is where a byte is flipped.
type place struct {
	name string
	at   func(n int) int
}

func (p place) flip(data []byte) []byte {
	data = bytes.Clone(data)
	if len(data) > 0 {
		data[p.at(len(data))] ^= 1
	}
	return data
}

var flips = []place{
	{"first", func(int) int { return 0 }},
	{"middle", func(n int) int { return n / 2 }},
	{"last", func(n int) int { return n - 1 }},
}

func mapped(list [][]byte, f func([]byte) []byte) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = f(list[i])
	}
	return out
}

// otherAuthority has the payload signed by a key whose certificate says what the
// right one does, word for word, but for who issued it.
func (m *maker) otherAuthority(p *piece, s *sign.Signature) {
	leaf, err := x509.ParseCertificate(s.Chain[0])
	if err != nil {
		return // it is in a form that is not known here
	}
	fake, err := newAuthority(leaf)
	if err != nil {
		return // it holds what cannot be written again
	}
	b := p.bundle
	for _, c := range []struct {
		name, what string
		chain      [][]byte
		proofs     bool
	}{
		{"other-authority", "by a certificate that says the same and is of another authority", [][]byte{fake.leaf}, false},
		{"other-authority-proven", "by a certificate that says the same and is of another authority, with the proofs of the right one", [][]byte{fake.leaf}, true},
		{"other-authority-along", "by a certificate that says the same and is of another authority, whose own comes along", [][]byte{fake.leaf, fake.root}, true},
		{"other-authority-chain", "by a certificate that says the same, before the chain of the right one", append([][]byte{fake.leaf}, s.Chain...), true},
		{"self-signed", "by a certificate that says the same and has signed itself", [][]byte{fake.self}, true},
		{"right-certificate", "by another key, under the right certificate", s.Chain, true},
	} {
		bundle, err := sign.Payload(m.ctx, b.PayloadType, b.UnverifiedPayload(), fake)
		if err != nil {
			return
		}
		bundle.Format = b.Format
		m.replace(p, "26", c.name, c.what, Refused, altered(bundle, func(list []sign.Signature) []sign.Signature {
			list[0].Chain = c.chain
			if c.proofs {
				list[0].Timestamps, list[0].LogEntries = s.Timestamps, s.LogEntries
			}
			return list
		}))
	}
}

// An authority is one that nobody trusts. It signs with the key of its leaf.
type authority struct {
	key              *ecdsa.PrivateKey
	root, leaf, self []byte
}

func newAuthority(like *x509.Certificate) (*authority, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: like.RawIssuer, NotBefore: like.NotBefore.Add(-time.Hour), NotAfter: like.NotAfter.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: like.AuthorityKeyId}
	if a.root, err = x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey); err != nil {
		return nil, err
	}
	if root, err = x509.ParseCertificate(a.root); err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{SerialNumber: like.SerialNumber, RawSubject: like.RawSubject, NotBefore: like.NotBefore, NotAfter: like.NotAfter, KeyUsage: like.KeyUsage}
	for _, e := range like.Extensions {
		if !slices.ContainsFunc(made, e.Id.Equal) {
			leaf.ExtraExtensions = append(leaf.ExtraExtensions, pkix.Extension(e))
		}
	}
	if a.leaf, err = x509.CreateCertificate(rand.Reader, leaf, root, a.key.Public(), rootKey); err != nil {
		return nil, err
	}
	a.self, err = x509.CreateCertificate(rand.Reader, leaf, leaf, a.key.Public(), a.key)
	return a, err
}

// made are the extensions that x509.CreateCertificate writes itself: key usage and
// the identifiers of keys.
var made = []asn1.ObjectIdentifier{{2, 5, 29, 15}, {2, 5, 29, 14}, {2, 5, 29, 35}}

func (a *authority) Sign(_ context.Context, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, a.key, sum[:])
}

func (a *authority) KeyID() (string, error) { return "", nil }
