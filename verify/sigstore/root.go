package sigstore

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/verify"
)

// An authority is a trusted root (protobuf-specs, TrustedRoot v0.1 and v0.2)
// made ready, and what the trust file wants of it.
type authority struct {
	name    string
	atLeast verify.AuthorityThreshold
	// longLived says that its certificates are judged at the instant of judgement.
	longLived bool
	logs      map[string]*log // by the id that entries name
	ctLogs    map[string]*log
	cas       []issuer
	tsas      []issuer
}

// A log is a transparency log's key, of entries or of certificates.
type log struct {
	host     string // of its address
	operator string
	public   crypto.PublicKey
	scheme   string
	valid    window
}

// An issuer is a certificate or a timestamp authority.
type issuer struct {
	operator      string
	leaf          *x509.Certificate // of a timestamp authority, if the root pins it
	intermediates []*x509.Certificate
	root          *x509.Certificate
	valid         window
}

// A window is when something counted. Both ends are in it; an end that is zero
// is none.
type window struct{ start, end time.Time }

func (w window) has(t time.Time) bool {
	return !t.Before(w.start) && (w.end.IsZero() || !t.After(w.end))
}

type rootFile struct {
	MediaType   string       `json:"mediaType"`
	Logs        []logFile    `json:"tlogs"`
	CAs         []issuerFile `json:"certificateAuthorities"`
	CTLogs      []logFile    `json:"ctlogs"`
	Timestamper []issuerFile `json:"timestampAuthorities"`
}

type logFile struct {
	BaseURL       string `json:"baseUrl"`
	HashAlgorithm string `json:"hashAlgorithm"`
	PublicKey     struct {
		RawBytes   []byte     `json:"rawBytes"`
		KeyDetails string     `json:"keyDetails"`
		ValidFor   windowFile `json:"validFor"`
	} `json:"publicKey"`
	LogID struct {
		KeyID []byte `json:"keyId"`
	} `json:"logId"`
	Operator string `json:"operator"`
}

type issuerFile struct {
	URI   string `json:"uri"`
	Chain struct {
		Certificates []struct {
			RawBytes []byte `json:"rawBytes"`
		} `json:"certificates"`
	} `json:"certChain"`
	ValidFor windowFile `json:"validFor"`
	Operator string     `json:"operator"`
}

type windowFile struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func (f windowFile) window() (window, error) {
	if f.Start.IsZero() {
		return window{}, errors.New("validFor.start must be there: without it nobody knows since when it counts")
	}
	if !f.End.IsZero() && f.End.Before(f.Start) {
		return window{}, errors.New("validFor ends before it starts")
	}
	return window{f.Start, f.End}, nil
}

// maxOfAKind bounds how many logs or authorities of a kind a root may have.
const maxOfAKind = 128

// parseRoot reads a trusted_root.json. A part of it that cannot be used is an
// error: what was left out silently would be missed later.
func parseRoot(data []byte) (*authority, error) {
	var f rootFile
	if err := strictjson.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	switch f.MediaType {
	case "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "application/vnd.dev.sigstore.trustedroot.v0.2+json", "application/vnd.dev.sigstore.trustedroot+json;version=0.2":
	default:
		return nil, fmt.Errorf("%q is not the media type of a trusted root of version 0.1 or 0.2", f.MediaType)
	}
	if len(f.Logs) > maxOfAKind || len(f.CAs) > maxOfAKind || len(f.CTLogs) > maxOfAKind || len(f.Timestamper) > maxOfAKind {
		return nil, fmt.Errorf("more than %d logs or authorities of one kind", maxOfAKind)
	}
	a := &authority{logs: map[string]*log{}, ctLogs: map[string]*log{}}
	for _, kind := range []struct {
		name string
		from []logFile
		to   map[string]*log
	}{{"tlogs", f.Logs, a.logs}, {"ctlogs", f.CTLogs, a.ctLogs}} {
		for i, l := range kind.from {
			made, err := l.log()
			if err != nil {
				return nil, fmt.Errorf("%s/%d: %w", kind.name, i, err)
			}
			if kind.to[string(l.LogID.KeyID)] != nil {
				return nil, fmt.Errorf("%s/%d: another log has this id", kind.name, i)
			}
			kind.to[string(l.LogID.KeyID)] = made
		}
	}
	for i, c := range f.CAs {
		made, err := c.issuer(false)
		if err != nil {
			return nil, fmt.Errorf("certificateAuthorities/%d: %w", i, err)
		}
		a.cas = append(a.cas, made)
	}
	for i, c := range f.Timestamper {
		made, err := c.issuer(true)
		if err != nil {
			return nil, fmt.Errorf("timestampAuthorities/%d: %w", i, err)
		}
		a.tsas = append(a.tsas, made)
	}
	if len(a.cas)+len(a.tsas) == 0 {
		return nil, errors.New("it has neither a certificate nor a timestamp authority, and can vouch for nothing")
	}
	return a, nil
}

func (f logFile) log() (*log, error) {
	valid, err := f.PublicKey.ValidFor.window()
	if err != nil {
		return nil, err
	}
	if f.HashAlgorithm != "SHA2_256" {
		return nil, fmt.Errorf("hash algorithm %q, want SHA2_256", f.HashAlgorithm)
	}
	if len(f.LogID.KeyID) != sha256.Size {
		return nil, fmt.Errorf("a log id of %d bytes, want %d", len(f.LogID.KeyID), sha256.Size)
	}
	public, scheme, err := logKey(f.PublicKey.KeyDetails, f.PublicKey.RawBytes)
	if err != nil {
		return nil, err
	}
	return &log{host: host(f.BaseURL), operator: operator(f.Operator, f.BaseURL), public: public, scheme: scheme, valid: valid}, nil
}

// logKey reads a key as the root says that it is.
func logKey(details string, der []byte) (public crypto.PublicKey, scheme string, err error) {
	switch details {
	case "PKIX_ECDSA_P256_SHA_256":
		scheme = "ecdsa-sha256"
	case "PKIX_ECDSA_P384_SHA_384":
		scheme = "ecdsa-sha384"
	case "PKIX_ECDSA_P521_SHA_512":
		scheme = "ecdsa-sha512"
	case "PKIX_ED25519":
		scheme = "ed25519"
	case "PKIX_RSA_PKCS1V15_2048_SHA256", "PKIX_RSA_PKCS1V15_3072_SHA256", "PKIX_RSA_PKCS1V15_4096_SHA256", "PKCS1_RSA_PKCS1V5":
		scheme = "rsa-pkcs1v15-sha256"
	default:
		return nil, "", fmt.Errorf("a key of kind %q, which nothing here can use", details)
	}
	if details == "PKCS1_RSA_PKCS1V5" { // deprecated; an old log of the staging instance has it
		public, err = x509.ParsePKCS1PublicKey(der)
	} else {
		public, err = x509.ParsePKIXPublicKey(der)
	}
	if err != nil {
		return nil, "", err
	}
	if err := keycheck.Check(public); err != nil {
		return nil, "", err
	}
	if err := keycheck.Fits(scheme, public); err != nil {
		return nil, "", err
	}
	if own, err := keycheck.DefaultScheme(public); err == nil && own != scheme {
		return nil, "", fmt.Errorf("a key of kind %q, which it is not", details)
	}
	return public, scheme, nil
}

// issuer reads a chain, its root last. Of a timestamp authority the first may
// be its own certificate, which then alone may sign.
func (f issuerFile) issuer(timestamps bool) (issuer, error) {
	valid, err := f.ValidFor.window()
	if err != nil {
		return issuer{}, err
	}
	out := issuer{operator: operator(f.Operator, f.URI), valid: valid}
	certs := f.Chain.Certificates
	if len(certs) == 0 || len(certs) > maxChain {
		return issuer{}, fmt.Errorf("a chain of %d certificates, want 1 to %d", len(certs), maxChain)
	}
	for i, c := range certs {
		cert, err := x509.ParseCertificate(c.RawBytes)
		if err != nil {
			return issuer{}, fmt.Errorf("certificate %d: %w", i, err)
		}
		switch {
		case timestamps && i == 0 && !cert.IsCA:
			out.leaf = cert
		case i == len(certs)-1:
			out.root = cert
		default:
			out.intermediates = append(out.intermediates, cert)
		}
	}
	if out.root == nil {
		return issuer{}, errors.New("a chain without a root")
	}
	return out, nil
}

const maxChain = 8

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// operator is who runs it: what the root says, else the last two labels of its
// host, so that two names of one company are not two witnesses. Those without
// either are taken for one.
func operator(said, address string) string {
	if said != "" {
		return said
	}
	h := host(address)
	if h == "" {
		h, _, _ = strings.Cut(strings.ToLower(address), "/") // GitHub's root has bare hosts
	}
	if _, err := netip.ParseAddr(h); err == nil {
		return h
	}
	labels := strings.Split(strings.TrimSuffix(h, "."), ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

func (x *authority) logOperators() int {
	all := map[string]bool{}
	for _, l := range x.logs {
		all[l.operator] = true
	}
	return len(all)
}

func (x *authority) timestampOperators() int {
	all := map[string]bool{}
	for _, t := range x.tsas {
		all[t.operator] = true
	}
	return len(all)
}
