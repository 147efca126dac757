package sigstore

import (
	"bytes"
	"crypto"
	"crypto/sha1" //nolint:gosec // RFC 2634's name for a certificate that was checked by other means
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/sigstore/timestamp-authority/v2/pkg/verification"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// maxTimestamp bounds one RFC 3161 response, which is a few kilobytes with a
// whole chain of certificates in it.
const maxTimestamp = 64 << 10

// timestamps are the times that authorities of the root have put on the
// signature. Those by others say nothing; why is what was wrong with one of
// them.
//
//lint:ignore ST1008 why is what a message quotes; the last result decides
func (x *authority) timestamps(s *sign.Signature, atLeast int) (all []time.Time, why error, _ *Error) {
	if len(s.Timestamps) > sign.MaxTimestamps {
		return nil, nil, refuse(stageTime, verify.CodeLimit, "%d timestamps, want at most %d", len(s.Timestamps), sign.MaxTimestamps)
	}
	byOperator := map[string][]time.Time{}
	for _, response := range s.Timestamps {
		if len(response) > maxTimestamp {
			return nil, nil, refuse(stageTime, verify.CodeLimit, "a timestamp of %d bytes, want at most %d", len(response), maxTimestamp)
		}
		for i := range x.tsas {
			t, err := x.tsas[i].stamped(response, s.Sig)
			if err != nil {
				if why == nil || errors.Is(err, errWindow) {
					why = err
				}
				continue
			}
			byOperator[x.tsas[i].operator] = append(byOperator[x.tsas[i].operator], t)
			all = append(all, t)
			break
		}
	}
	if len(byOperator) < atLeast {
		if why == nil {
			return nil, nil, refuse(stageTime, verify.CodeTrustedTime, "timestamps by %d operators, want %d", len(byOperator), atLeast)
		}
		return nil, nil, refuse(stageTime, verify.CodeTrustedTime, "timestamps by %d operators, want %d: %v", len(byOperator), atLeast, why)
	}
	return all, why, nil
}

var errWindow = errors.New("the timestamp authority did not count")

// stamped checks a response (RFC 3161, section 2.4.2) over a signature and
// returns its time. Everything is judged at that time: the chain, and that the
// certificate is for timestamps and nothing else, which is checked on the one
// that signed (docs/threats.md, row 24).
func (t *issuer) stamped(response, sig []byte) (time.Time, error) {
	opts := verification.VerifyOpts{Roots: []*x509.Certificate{t.root}, Intermediates: t.intermediates, TSACertificate: t.leaf}
	stamp, err := verification.VerifyTimestampResponse(response, bytes.NewReader(sig), opts)
	if err != nil {
		return time.Time{}, err
	}
	if !t.valid.has(stamp.Time) {
		return time.Time{}, fmt.Errorf("%w at %s", errWindow, stamp.Time.UTC().Format(time.RFC3339))
	}
	token, err := pkcs7.Parse(stamp.RawToken)
	if err != nil {
		return time.Time{}, err
	}
	signer := t.leaf
	if len(token.Certificates) > 0 {
		signer = token.GetOnlySigner()
	}
	if signer == nil {
		return time.Time{}, errors.New("the timestamp does not say whose it is")
	}
	return stamp.Time, namesSigner(token, signer)
}

// namesSigner wants the signed attribute that names the signer's certificate by
// its hash (RFC 5816, else RFC 2634), without which another certificate with
// the same key could be put in its place.
func namesSigner(token *pkcs7.PKCS7, signer *x509.Certificate) error {
	var v2 struct {
		Certs []struct {
			Algorithm struct {
				ID         asn1.ObjectIdentifier
				Parameters asn1.RawValue `asn1:"optional"`
			} `asn1:"optional"`
			Hash   []byte
			Serial asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := token.UnmarshalSignedAttribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}, &v2); err == nil && len(v2.Certs) > 0 {
		hash := crypto.SHA256
		switch id := v2.Certs[0].Algorithm.ID.String(); id {
		case "", "2.16.840.1.101.3.4.2.1":
		case "2.16.840.1.101.3.4.2.2":
			hash = crypto.SHA384
		case "2.16.840.1.101.3.4.2.3":
			hash = crypto.SHA512
		default:
			return errors.New("the timestamp names its certificate by an unknown hash " + id)
		}
		h := hash.New()
		h.Write(signer.Raw)
		if !bytes.Equal(h.Sum(nil), v2.Certs[0].Hash) {
			return errors.New("the timestamp names another certificate than the one that signed it")
		}
		return nil
	}
	var v1 struct {
		Certs []struct {
			Hash   []byte
			Serial asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := token.UnmarshalSignedAttribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}, &v1); err == nil && len(v1.Certs) > 0 {
		if sum := sha1.Sum(signer.Raw); !bytes.Equal(sum[:], v1.Certs[0].Hash) {
			return errors.New("the timestamp names another certificate than the one that signed it")
		}
		return nil
	}
	return errors.New("the timestamp does not name the certificate that signed it")
}
