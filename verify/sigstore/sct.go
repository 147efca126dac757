package sigstore

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/verify"
)

var oidSCTs = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

// maxSCTs bounds the certificate timestamps that are looked at.
const maxSCTs = 32

// certificateTimestamp wants one certificate timestamp (RFC 6962, section 3.3)
// inside the certificate by a log of the root, valid when the log signed it.
func (x *authority) certificateTimestamp(leaf *x509.Certificate, chains [][]*x509.Certificate) *Error {
	no := func(format string, args ...any) *Error {
		return refuse(stageSCT, verify.CodeSigstoreSCT, format, args...)
	}
	scts, err := embeddedSCTs(leaf)
	if err != nil {
		return no("its certificate's timestamps cannot be read: %v", err)
	}
	if len(scts) == 0 {
		return no("its certificate was never shown to a certificate log")
	}
	tbs, err := precertificate(leaf)
	if err != nil {
		return no("its certificate cannot be taken apart: %v", err)
	}
	why := "no certificate log of the trusted root has seen its certificate"
	for _, sct := range scts {
		log := x.ctLogs[string(sct.log)]
		if log == nil {
			continue
		}
		if !log.valid.has(sct.time) {
			why = "the certificate log's key did not count when it saw the certificate"
			continue
		}
		for _, chain := range chains {
			if len(chain) > 1 && sct.verify(log, chain[1], tbs) {
				return nil
			}
		}
		why = "the certificate log did not sign this certificate timestamp"
	}
	return no("%s", why)
}

// An sct is a signed certificate timestamp.
type sct struct {
	log        []byte
	time       time.Time
	millis     uint64
	extensions []byte
	hash, alg  uint8
	sig        []byte
}

// embeddedSCTs reads the list in the certificate (RFC 6962, sections 3.2, 3.3).
func embeddedSCTs(leaf *x509.Certificate) ([]sct, error) {
	var list []byte
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(oidSCTs) {
			continue
		}
		if rest, err := asn1.Unmarshal(e.Value, &list); err != nil || len(rest) > 0 {
			return nil, errors.New("no octet string")
		}
	}
	if list == nil {
		return nil, nil
	}
	s := cryptobyte.String(list)
	var entries cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&entries) || !s.Empty() {
		return nil, errors.New("no list")
	}
	var out []sct
	for !entries.Empty() {
		var one, extensions, sig cryptobyte.String
		var version uint8
		var got sct
		if len(out) == maxSCTs || !entries.ReadUint16LengthPrefixed(&one) {
			return nil, errors.New("a list that is too long or cut short")
		}
		if !one.ReadUint8(&version) || version != 0 {
			continue // another version: nobody here knows it
		}
		if !one.ReadBytes(&got.log, sha256.Size) || !one.ReadUint64(&got.millis) || !one.ReadUint16LengthPrefixed(&extensions) ||
			!one.ReadUint8(&got.hash) || !one.ReadUint8(&got.alg) || !one.ReadUint16LengthPrefixed(&sig) || !one.Empty() {
			return nil, errors.New("an entry that is no certificate timestamp")
		}
		if got.millis > 1<<62 {
			return nil, errors.New("a time beyond all times")
		}
		got.extensions, got.sig, got.time = extensions, sig, time.UnixMilli(int64(got.millis))
		out = append(out, got)
	}
	return out, nil
}

// verify checks the log's signature over the certificate as it was before the
// timestamp was put into it.
func (s sct) verify(log *log, parent *x509.Certificate, tbs []byte) bool {
	const sha256ID, rsaID, ecdsaID = 4, 1, 3 // RFC 5246, section 7.4.1.4.1
	var scheme string
	switch log.public.(type) {
	case *ecdsa.PublicKey:
		if s.alg == ecdsaID {
			scheme = "ecdsa-sha256"
		}
	case *rsa.PublicKey:
		if s.alg == rsaID {
			scheme = "rsa-pkcs1v15-sha256"
		}
	}
	if s.hash != sha256ID || scheme == "" || len(tbs) >= 1<<24 {
		return false
	}
	key := sha256.Sum256(parent.RawSubjectPublicKeyInfo)
	signed := binary.BigEndian.AppendUint64([]byte{0, 0}, s.millis) // v1, certificate_timestamp
	signed = append(signed, 0, 1)                                   // precert_entry
	signed = append(signed, key[:]...)
	signed = append(signed, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	signed = append(signed, tbs...)
	signed = binary.BigEndian.AppendUint16(signed, uint16(len(s.extensions)))
	signed = append(signed, s.extensions...)
	return keycheck.Verify(scheme, log.public, signed, s.sig) == nil
}

// precertificate is the certificate's signed part without its timestamps, which
// is what a log signed (RFC 6962, section 3.2).
func precertificate(leaf *x509.Certificate) ([]byte, error) {
	in := cryptobyte.String(leaf.RawTBSCertificate)
	var tbs cryptobyte.String
	if !in.ReadASN1(&tbs, casn1.SEQUENCE) || !in.Empty() {
		return nil, errors.New("no sequence")
	}
	var out cryptobyte.Builder
	bad := false
	out.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for !tbs.Empty() {
			var field cryptobyte.String
			var tag casn1.Tag
			if !tbs.ReadAnyASN1Element(&field, &tag) {
				bad = true
				return
			}
			if tag != casn1.Tag(3).Constructed().ContextSpecific() {
				b.AddBytes(field)
				continue
			}
			b.AddASN1(tag, func(b *cryptobyte.Builder) { bad = !withoutSCTs(b, field, tag) || bad })
		}
	})
	if bad {
		return nil, errors.New("fields that are no DER")
	}
	return out.Bytes()
}

// withoutSCTs copies the extensions without the one that holds timestamps.
func withoutSCTs(b *cryptobyte.Builder, field cryptobyte.String, tag casn1.Tag) bool {
	var wrapped, list cryptobyte.String
	if !field.ReadASN1(&wrapped, tag) || !wrapped.ReadASN1(&list, casn1.SEQUENCE) || !wrapped.Empty() {
		return false
	}
	ok := true
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for !list.Empty() {
			var whole, inner cryptobyte.String
			var id asn1.ObjectIdentifier
			if !list.ReadASN1Element(&whole, casn1.SEQUENCE) {
				ok = false
				return
			}
			copied := whole
			if !copied.ReadASN1(&inner, casn1.SEQUENCE) || !inner.ReadASN1ObjectIdentifier(&id) {
				ok = false
				return
			}
			if !id.Equal(oidSCTs) {
				b.AddBytes(whole)
			}
		}
	})
	return ok
}
