package sigstore_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// now is when everything good happens.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	gitHub   = "https://token.actions.githubusercontent.com"
	workflow = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.4.0"
	commit   = "5f1e2c9a5f1e2c9a5f1e2c9a5f1e2c9a5f1e2c9a"
	rekorV1  = "rekor.test.example"
	rekorV2  = "log2.test2.example"
)

// A mini is a private Sigstore in memory: everything that it signs can be made
// wrong in one way, which real servers do not do.
type mini struct {
	t                                 testing.TB
	rootKey, interKey, leafKey, ctKey *ecdsa.PrivateKey
	v1Key                             *ecdsa.PrivateKey
	v2Key                             ed25519.PrivateKey
	tsaRootKey, tsaKey                *ecdsa.PrivateKey
	root, inter, tsaRoot, tsa         *x509.Certificate
}

// A flaw is what is made wrong. The zero flaw is none.
type flaw struct {
	leaf             func(*x509.Certificate)               // the certificate before it is signed
	inter            func(*x509.Certificate)               // the intermediate
	tsa              func(*x509.Certificate)               // the timestamp authority's
	sct              func([]byte) []byte                   // the list of certificate timestamps; nil keeps it
	stamp            func(*timestamp.Timestamp)            // the timestamp before it is signed
	stampOver        func(sig []byte) []byte               // what the timestamp is over
	entry            func(map[string]any)                  // the log entry
	body             func(string) string                   // its body
	checkpoint       func(string) string                   // the text of the checkpoint before it is signed
	note             func(text string, line string) string // the signed checkpoint
	bundle           func(*sign.Bundle)                    // all of it
	root             func(map[string]any)                  // the trusted root
	v2, noTSA, noLog bool
	kind             string // of the log entry; empty is dsse for v1, hashedrekord for v2
	payload          string // of the statement; empty is good
	atLeast          verify.AuthorityThreshold
	twice            bool // two entries and two timestamps of one operator each
}

func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newMini(t testing.TB) *mini {
	t.Helper()
	m := &mini{t: t, rootKey: key(t), interKey: key(t), leafKey: key(t), ctKey: key(t), v1Key: key(t), tsaRootKey: key(t), tsaKey: key(t)}
	_, m.v2Key, _ = ed25519.GenerateKey(rand.Reader)
	ca := func(name string, path int) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name, Organization: []string{"test"}}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(50, 0, 0),
			IsCA: true, BasicConstraintsValid: true, MaxPathLen: path, KeyUsage: x509.KeyUsageCertSign}
	}
	m.root = m.issue(ca("root", 1), nil, m.rootKey, m.rootKey)
	m.tsaRoot = m.issue(ca("timestamps root", 1), nil, m.tsaRootKey, m.tsaRootKey)
	return m
}

func (m *mini) issue(template, parent *x509.Certificate, of *ecdsa.PrivateKey, by *ecdsa.PrivateKey) *x509.Certificate {
	m.t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of.Public(), by)
	if err != nil {
		m.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

func utf8String(text string) []byte {
	der, _ := asn1.MarshalWithParams(text, "utf8")
	return der
}

func extension(n int, text string) pkix.Extension {
	id := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, n}
	if n < 7 {
		return pkix.Extension{Id: id, Value: []byte(text)}
	}
	return pkix.Extension{Id: id, Value: utf8String(text)}
}

// leaf is a certificate with its timestamp by the certificate log in it.
func (m *mini) leaf(f flaw) *x509.Certificate {
	m.t.Helper()
	inter := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "intermediate", Organization: []string{"test"}}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(50, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}
	if f.inter != nil {
		f.inter(inter)
	}
	m.inter = m.issue(inter, m.root, m.interKey, m.rootKey)
	san, err := url.Parse(workflow)
	if err != nil {
		m.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(99), NotBefore: now.Add(-time.Minute), NotAfter: now.Add(9 * time.Minute), URIs: []*url.URL{san},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{extension(1, gitHub), extension(8, gitHub), extension(12, "https://github.com/acme/app"), extension(13, commit), extension(14, "refs/tags/v1.4.0")}}
	if f.leaf != nil {
		f.leaf(template)
	}
	before := m.issue(template, m.inter, m.leafKey, m.interKey)
	spki := sha256.Sum256(m.inter.RawSubjectPublicKeyInfo)
	ctDER, _ := x509.MarshalPKIXPublicKey(m.ctKey.Public())
	log := sha256.Sum256(ctDER)
	millis := uint64(now.UnixMilli())
	signed := binary.BigEndian.AppendUint64([]byte{0, 0}, millis)
	signed = append(append(signed, 0, 1), spki[:]...)
	n := len(before.RawTBSCertificate)
	signed = append(append(signed, byte(n>>16), byte(n>>8), byte(n)), before.RawTBSCertificate...)
	signed = append(signed, 0, 0)
	sum := sha256.Sum256(signed)
	sig, err := ecdsa.SignASN1(rand.Reader, m.ctKey, sum[:])
	if err != nil {
		m.t.Fatal(err)
	}
	one := binary.BigEndian.AppendUint64(append([]byte{0}, log[:]...), millis)
	one = append(one, 0, 0, 4, 3)
	one = append(binary.BigEndian.AppendUint16(one, uint16(len(sig))), sig...)
	list := append(binary.BigEndian.AppendUint16(nil, uint16(len(one))), one...)
	list = append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...)
	if f.sct != nil {
		list = f.sct(list)
	}
	if list != nil {
		value, _ := asn1.Marshal(list)
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value})
	}
	return m.issue(template, m.inter, m.leafKey, m.interKey)
}

// good is a statement about this artifact that says what the certificate does.
func good(payload string) string {
	if payload != "" {
		return payload
	}
	return `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"` + artifact.Hex() + `"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{"workflow":{"ref":"refs/tags/v1.4.0","repository":"https://github.com/acme/app","path":".github/workflows/release.yml"}},"resolvedDependencies":[{"uri":"git+https://github.com/acme/app@refs/tags/v1.4.0","digest":{"gitCommit":"` + commit + `"}}]},"runDetails":{"builder":{"id":"` + workflow + `"}}}}`
}

var artifact = provenance.SumSHA256([]byte("app"))

// bundle signs, logs and dates, with the flaw, and returns the trust that fits.
func (m *mini) bundle(f flaw) (*sign.Bundle, *verify.Trust) {
	m.t.Helper()
	leaf := m.leaf(f)
	b, err := sign.Payload(m.t.Context(), "application/vnd.in-toto+json", []byte(good(f.payload)), signerOf{m.leafKey})
	if err != nil {
		m.t.Fatal(err)
	}
	s := &b.Signatures[0]
	b.Format, s.KeyID, s.Chain = sign.Sigstore, "", [][]byte{leaf.Raw}
	if !f.noTSA {
		s.Timestamps = append(s.Timestamps, m.stamp(f, s.Sig))
		if f.twice {
			s.Timestamps = append(s.Timestamps, m.stamp(f, s.Sig))
		}
	}
	if !f.noLog {
		s.LogEntries = append(s.LogEntries, m.entry(f, b, leaf, 1))
		if f.twice {
			s.LogEntries = append(s.LogEntries, m.entry(f, b, leaf, 2))
		}
	}
	if f.bundle != nil {
		f.bundle(b)
	}
	return b, m.trust(f)
}

type signerOf struct{ key *ecdsa.PrivateKey }

func (s signerOf) Sign(_ context.Context, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}
func (s signerOf) KeyID() (string, error) { return "", nil }

// stamp is a response of the timestamp authority.
func (m *mini) stamp(f flaw, sig []byte) []byte {
	m.t.Helper()
	eku, _ := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	template := &x509.Certificate{SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: "timestamps"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(50, 0, 0), // the token holds the time of this machine too

		KeyUsage: x509.KeyUsageDigitalSignature, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: eku}}}
	if f.tsa != nil {
		f.tsa(template)
	}
	m.tsa = m.issue(template, m.tsaRoot, m.tsaKey, m.tsaRootKey)
	if f.stampOver != nil {
		sig = f.stampOver(sig)
	}
	sum := sha256.Sum256(sig)
	stamp := &timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: now, Nonce: big.NewInt(1), Policy: asn1.ObjectIdentifier{1, 2, 3, 4, 1}, AddTSACertificate: true}
	if f.stamp != nil {
		f.stamp(stamp)
	}
	der, err := stamp.CreateResponseWithOpts(m.tsa, m.tsaKey, crypto.SHA256)
	if err != nil {
		m.t.Fatal(err)
	}
	return der
}

// entry is an entry of a log with three leaves, at place 1 or 2.
func (m *mini) entry(f flaw, b *sign.Bundle, leaf *x509.Certificate, index int) json.RawMessage {
	m.t.Helper()
	enc := base64.StdEncoding.EncodeToString
	sig := b.Signatures[0].Sig
	pay, pae := sha256.Sum256(b.UnverifiedPayload()), sha256.Sum256(b.PAE())
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	second := `{"content":"` + enc(sig) + `","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"` + enc(leaf.Raw) + `"}}}`
	kind, version, body := "dsse", "0.0.1", ""
	switch {
	case f.v2 && f.kind == "dsse":
		version = "0.0.2"
		body = `{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{"payloadHash":{"algorithm":"SHA2_256","digest":"` + enc(pay[:]) + `"},"signatures":[` + second + `]}}}`
	case f.v2:
		kind, version = "hashedrekord", "0.0.2"
		body = `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":"` + enc(pae[:]) + `"},"signature":` + second + `}}}`
	case f.kind == "intoto":
		kind, version = "intoto", "0.0.2"
		body = `{"apiVersion":"0.0.2","kind":"intoto","spec":{"content":{"envelope":{"payloadType":"application/vnd.in-toto+json","signatures":[{"publicKey":"` + enc(certPEM) + `","sig":"` + enc([]byte(enc(sig))) + `"}]},"payloadHash":{"algorithm":"sha256","value":"` + hex.EncodeToString(pay[:]) + `"}}}}`
	default:
		body = `{"apiVersion":"0.0.1","kind":"dsse","spec":{"envelopeHash":{"algorithm":"sha256","value":"00"},"payloadHash":{"algorithm":"sha256","value":"` + hex.EncodeToString(pay[:]) + `"},"signatures":[{"signature":"` + enc(sig) + `","verifier":"` + enc(certPEM) + `"}]}}`
	}
	if f.body != nil {
		body = f.body(body)
	}
	leafHash := sha256.Sum256(append([]byte{0}, body...))
	other, last := sha256.Sum256([]byte("\x00other")), sha256.Sum256([]byte("\x00last"))
	node := func(l, r [32]byte) [32]byte { return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...)) }
	root, path := node(node(other, leafHash), last), [][]byte{other[:], last[:]}
	if index == 2 {
		inner := node(other, last)
		root, path = node(inner, leafHash), [][]byte{inner[:]}
	}
	origin, name := rekorV1+" - 42", rekorV1
	if f.v2 {
		origin, name = rekorV2, rekorV2
	}
	text := fmt.Sprintf("%s\n3\n%s\n", origin, enc(root[:]))
	if f.checkpoint != nil {
		text = f.checkpoint(text)
	}
	noteText := text + "\n" + m.noteLine(f.v2, name, text)
	if f.note != nil {
		noteText = f.note(text, m.noteLine(f.v2, name, text))
	}
	entry := map[string]any{
		"logIndex": fmt.Sprint(1000 + index), "logId": map[string]any{"keyId": m.logID(f.v2)}, "kindVersion": map[string]any{"kind": kind, "version": version},
		"canonicalizedBody": []byte(body),
		"inclusionProof":    map[string]any{"logIndex": fmt.Sprint(index), "rootHash": root[:], "treeSize": "3", "hashes": path, "checkpoint": map[string]any{"envelope": noteText}},
	}
	if f.v2 {
		entry["logIndex"] = fmt.Sprint(index)
	}
	if !f.v2 {
		promise := fmt.Sprintf(`{"body":"%s","integratedTime":%d,"logID":"%x","logIndex":%d}`, enc([]byte(body)), now.Unix(), m.logID(false), 1000+index)
		sum := sha256.Sum256([]byte(promise))
		set, err := ecdsa.SignASN1(rand.Reader, m.v1Key, sum[:])
		if err != nil {
			m.t.Fatal(err)
		}
		entry["integratedTime"], entry["inclusionPromise"] = fmt.Sprint(now.Unix()), map[string]any{"signedEntryTimestamp": set}
	}
	if f.entry != nil {
		f.entry(entry)
	}
	data, err := json.Marshal(entry)
	if err != nil {
		m.t.Fatal(err)
	}
	return data
}

func (m *mini) logID(v2 bool) []byte {
	if v2 {
		sum := sha256.Sum256(append([]byte(rekorV2+"\n\x01"), m.v2Key.Public().(ed25519.PublicKey)...))
		return sum[:]
	}
	der, _ := x509.MarshalPKIXPublicKey(m.v1Key.Public())
	sum := sha256.Sum256(der)
	return sum[:]
}

func (m *mini) noteLine(v2 bool, name, text string) string {
	var sig []byte
	if v2 {
		sig = ed25519.Sign(m.v2Key, []byte(text))
	} else {
		sum := sha256.Sum256([]byte(text))
		sig, _ = ecdsa.SignASN1(rand.Reader, m.v1Key, sum[:])
	}
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(m.logID(v2)[:4:4], sig...)) + "\n"
}

// trust knows the instance, and its workflow as a builder.
func (m *mini) trust(f flaw) *verify.Trust {
	m.t.Helper()
	window := map[string]any{"start": now.AddDate(0, -6, 0).Format(time.RFC3339), "end": now.AddDate(0, 6, 0).Format(time.RFC3339)}
	log := func(url, details string, public any, id []byte) map[string]any {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			m.t.Fatal(err)
		}
		return map[string]any{"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": id}, "publicKey": map[string]any{"rawBytes": der, "keyDetails": details, "validFor": window}}
	}
	chain := func(url string, certs ...*x509.Certificate) map[string]any {
		var list []any
		for _, c := range certs {
			list = append(list, map[string]any{"rawBytes": c.Raw})
		}
		return map[string]any{"uri": url, "certChain": map[string]any{"certificates": list}, "validFor": window}
	}
	ctDER, _ := x509.MarshalPKIXPublicKey(m.ctKey.Public())
	ctID := sha256.Sum256(ctDER)
	root := map[string]any{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs":                  []any{log("https://"+rekorV1, "PKIX_ECDSA_P256_SHA_256", m.v1Key.Public(), m.logID(false)), log("https://"+rekorV2, "PKIX_ED25519", m.v2Key.Public(), m.logID(true))},
		"ctlogs":                 []any{log("https://ct.test.example", "PKIX_ECDSA_P256_SHA_256", m.ctKey.Public(), ctID[:])},
		"certificateAuthorities": []any{chain("https://ca.test.example", m.inter, m.root)},
		"timestampAuthorities":   []any{chain("https://tsa.test.example", m.tsaRoot), chain("https://other.test2.example", m.root)}}
	if f.root != nil {
		f.root(root)
	}
	data, err := json.Marshal(root)
	if err != nil {
		m.t.Fatal(err)
	}
	atLeast := f.atLeast
	if atLeast == (verify.AuthorityThreshold{}) {
		atLeast.Log = 1
	}
	return &verify.Trust{Version: 1, Expires: now.AddDate(1, 0, 0), Authorities: map[string]verify.Authority{"test": {TrustedRoot: data, AtLeast: atLeast}},
		Principals: map[string]verify.Principal{"gha": {Kind: verify.Builder, Identities: []verify.Identity{{Authority: "test", Issuer: gitHub, Workflow: workflow}}, Builders: map[string]int{workflow: 3}}}}
}

// judge verifies the artifact by the evidence, as a deployer would.
func judge(t *testing.T, b *sign.Bundle, trust *verify.Trust, o sigstore.Options) error {
	t.Helper()
	a, err := o.New(trust)
	if err != nil {
		return err
	}
	v, err := verify.Options{Authenticators: []verify.Authenticator{a}}.New(trust, policy())
	if err != nil {
		return err
	}
	_, err = v.Verify(t.Context(), verify.Request{Artifact: verify.Digest(artifact), At: now.Add(24 * time.Hour), Evidence: []*sign.Bundle{b}})
	return err
}

// policy is what a deployer asks of it.
func policy() *verify.Policy {
	return &verify.Policy{Version: 1, Name: "test", Examine: verify.ExamineRule{Mode: verify.ExamineOff}, Provenance: verify.ProvenanceRule{
		SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"gha"}}, Level: 3, BuildType: "any", Source: verify.SourceRule{Repository: "https://github.com/acme/app", Ref: "any"}, Parameters: map[string]verify.Matcher{"": {Any: true}}}}
}
