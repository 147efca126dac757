package sigstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// An entry is a transparency log entry as a Sigstore bundle has it.
type entry struct {
	LogIndex integer `json:"logIndex"`
	LogID    struct {
		KeyID []byte `json:"keyId"`
	} `json:"logId"`
	KindVersion struct {
		Kind    string `json:"kind"`
		Version string `json:"version"`
	} `json:"kindVersion"`
	IntegratedTime   integer `json:"integratedTime"`
	InclusionPromise *struct {
		SignedEntryTimestamp []byte `json:"signedEntryTimestamp"`
	} `json:"inclusionPromise"`
	InclusionProof *proof `json:"inclusionProof"`
	Body           []byte `json:"canonicalizedBody"`
}

// An integer is a 64-bit one, which proto3 JSON writes as a string. It is never
// negative here.
type integer int64

// UnmarshalJSON reads the one spelling of it, with quotes or without.
func (i *integer) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	if text == "null" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return errors.New("want an integer that is not negative")
	}
	*i = integer(n)
	return nil
}

// logEntries checks every entry by a log of the root, and returns the times that
// those logs signed. One that does not hold spoils the signature: somebody made
// it up.
func (x *authority) logEntries(s *sign.Signature, leaf *x509.Certificate, c *content) ([]time.Time, *Error) {
	if len(s.LogEntries) > sign.MaxLogEntries {
		return nil, refuse(stageLog, verify.CodeLimit, "%d log entries, want at most %d", len(s.LogEntries), sign.MaxLogEntries)
	}
	operators, seen := map[string]bool{}, map[string]bool{}
	var times []time.Time
	for _, raw := range s.LogEntries {
		var e entry
		if err := strictjson.Unmarshal(raw, &e); err != nil {
			return nil, refuse(stageLog, verify.CodeSigstoreLog, "a log entry that cannot be read: %v", err)
		}
		log := x.logs[string(e.LogID.KeyID)]
		if log == nil {
			continue
		}
		if place := fmt.Sprintf("%x/%d", e.LogID.KeyID, e.LogIndex); seen[place] {
			return nil, refuse(stageLog, verify.CodeSigstoreLog, "the same log entry stands there twice")
		} else {
			seen[place] = true
		}
		t, err := e.verify(log, s.Sig, leaf, c)
		if err != nil {
			return nil, err
		}
		operators[log.operator] = true
		if !t.IsZero() {
			times = append(times, t)
		}
	}
	if len(operators) < x.atLeast.Log {
		return nil, refuse(stageLog, verify.CodeSigstoreLog, "log entries by %d operators that the trusted root knows, want %d", len(operators), x.atLeast.Log)
	}
	return times, nil
}

// verify checks that the entry is about this signature and that the log has it.
// The time is zero unless the log signed it.
func (e *entry) verify(log *log, sig []byte, leaf *x509.Certificate, c *content) (time.Time, *Error) {
	var none time.Time
	second, err := e.about(sig, leaf, c)
	if err != nil {
		return none, refuse(stageLog, verify.CodeSigstoreLog, "the log entry is not about this signature: %v", err)
	}
	promised := e.InclusionPromise != nil && len(e.InclusionPromise.SignedEntryTimestamp) > 0
	if e.InclusionProof == nil && (second || !promised) {
		return none, refuse(stageLog, verify.CodeSigstoreLog, "nothing shows that the log has the entry")
	}
	var t time.Time
	if promised {
		if second {
			return none, refuse(stageLog, verify.CodeSigstoreLog, "a log of this kind promises nothing, and here is a promise")
		}
		if t, err = e.promised(log); err != nil {
			return none, refuse(stageLog, verify.CodeSigstoreLog, "%v", err)
		}
	}
	if second && e.LogIndex != e.InclusionProof.LogIndex {
		return none, refuse(stageLog, verify.CodeSigstoreLog, "the log entry says that it is entry %d, and its proof is of entry %d", e.LogIndex, e.InclusionProof.LogIndex)
	}
	if e.InclusionProof != nil {
		if err := e.InclusionProof.verify(log, e.Body, second); err != nil {
			code := verify.CodeSigstoreLog
			if errors.Is(err, errCheckpoint) {
				code = verify.CodeSigstoreCheckpoint
			}
			return none, refuse(stageLog, code, "%v", err)
		}
	}
	return t, nil
}

// promised checks the signed entry timestamp of a Rekor v1 log and returns the
// time in it, which counts for nothing without it (docs/threats.md, row 25).
func (e *entry) promised(log *log) (time.Time, error) {
	t := time.Unix(int64(e.IntegratedTime), 0)
	if e.IntegratedTime == 0 || !log.valid.has(t) {
		return time.Time{}, errors.New("the log's key did not count when it signed the entry's time")
	}
	// The RFC 8785 form of the four members.
	signed := fmt.Appendf(nil, `{"body":"%s","integratedTime":%d,"logID":"%x","logIndex":%d}`, base64.StdEncoding.EncodeToString(e.Body), e.IntegratedTime, e.LogID.KeyID, e.LogIndex)
	scheme := log.scheme
	if _, ok := log.public.(*ecdsa.PublicKey); ok {
		scheme = "ecdsa-sha256" // whatever the curve
	}
	if err := keycheck.Verify(scheme, log.public, signed, e.InclusionPromise.SignedEntryTimestamp); err != nil {
		return time.Time{}, fmt.Errorf("the log did not sign the entry's time: %w", err)
	}
	return t, nil
}

// about checks that the entry's body, which is what the log has, says what it
// is declared to, and is about this signature, this certificate and this
// content. Second says that it is an entry of Rekor v2.
func (e *entry) about(sig []byte, leaf *x509.Certificate, c *content) (second bool, err error) {
	var head struct {
		Kind       string          `json:"kind"`
		APIVersion string          `json:"apiVersion"`
		Spec       json.RawMessage `json:"spec"`
	}
	if err := strictjson.Unmarshal(e.Body, &head); err != nil {
		return false, err
	}
	if head.Kind != e.KindVersion.Kind || head.APIVersion != e.KindVersion.Version {
		return false, fmt.Errorf("it is %s %s, and said to be %s %s", head.Kind, head.APIVersion, e.KindVersion.Kind, e.KindVersion.Version)
	}
	switch head.Kind + " " + head.APIVersion {
	case "hashedrekord 0.0.1":
		return false, aboutHash(head.Spec, sig, leaf, c)
	case "dsse 0.0.1":
		return false, aboutDSSE(head.Spec, sig, leaf, c)
	case "intoto 0.0.1":
		return false, aboutFirstInToto(head.Spec, leaf, c)
	case "intoto 0.0.2":
		return false, aboutInToto(head.Spec, sig, leaf, c)
	case "hashedrekord 0.0.2", "dsse 0.0.2":
		return true, aboutSecond(head.Kind, e.Body, sig, leaf, c)
	}
	return false, fmt.Errorf("%s %s is no kind of entry that can be checked here", head.Kind, head.APIVersion)
}

type hashFile struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// is compares with the SHA-256 of a payload, or with an artifact's digest.
func (h hashFile) is(c *content) error {
	want, algorithm := c.digest.Hex(), c.digest.Algorithm()
	if c.pae != nil {
		sum := sha256.Sum256(c.payload)
		want, algorithm = hex.EncodeToString(sum[:]), "sha256"
	}
	if h.Algorithm != algorithm || h.Value != want {
		return fmt.Errorf("it is about %s:%s, want %s:%s", h.Algorithm, h.Value, algorithm, want)
	}
	return nil
}

// certificateIs compares with a certificate in PEM.
func certificateIs(text []byte, leaf *x509.Certificate) error {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 || !bytes.Equal(block.Bytes, leaf.Raw) {
		return errors.New("it has another certificate")
	}
	return nil
}

var errOtherSignature = errors.New("it has another signature")

// aboutHash is for signatures over artifacts.
func aboutHash(spec []byte, sig []byte, leaf *x509.Certificate, c *content) error {
	var s struct {
		Data struct {
			Hash hashFile `json:"hash"`
		} `json:"data"`
		Signature struct {
			Content   []byte `json:"content"`
			PublicKey struct {
				Content []byte `json:"content"`
			} `json:"publicKey"`
		} `json:"signature"`
	}
	if err := strictjson.Unmarshal(spec, &s); err != nil {
		return err
	}
	if c.pae != nil {
		return errors.New("it is about an artifact, and a statement was signed")
	}
	if !bytes.Equal(s.Signature.Content, sig) {
		return errOtherSignature
	}
	return errors.Join(certificateIs(s.Signature.PublicKey.Content, leaf), s.Data.Hash.is(c))
}

var errNoStatement = errors.New("it is about a statement, and an artifact was signed")

func aboutDSSE(spec []byte, sig []byte, leaf *x509.Certificate, c *content) error {
	var s struct {
		PayloadHash hashFile `json:"payloadHash"`
		Signatures  []struct {
			Signature []byte `json:"signature"`
			Verifier  []byte `json:"verifier"`
		} `json:"signatures"`
	}
	if err := strictjson.Unmarshal(spec, &s); err != nil {
		return err
	}
	if c.pae == nil {
		return errNoStatement
	}
	for _, one := range s.Signatures {
		if bytes.Equal(one.Signature, sig) {
			return errors.Join(certificateIs(one.Verifier, leaf), s.PayloadHash.is(c))
		}
	}
	return errOtherSignature
}

func aboutInToto(spec []byte, sig []byte, leaf *x509.Certificate, c *content) error {
	var s struct {
		Content struct {
			Envelope struct {
				Signatures []struct {
					Sig       []byte `json:"sig"` // base64 of base64
					PublicKey []byte `json:"publicKey"`
				} `json:"signatures"`
			} `json:"envelope"`
			PayloadHash hashFile `json:"payloadHash"`
		} `json:"content"`
	}
	if err := strictjson.Unmarshal(spec, &s); err != nil {
		return err
	}
	if c.pae == nil {
		return errNoStatement
	}
	for _, one := range s.Content.Envelope.Signatures {
		got, err := strictjson.AppendBase64(nil, one.Sig)
		if err == nil && bytes.Equal(got, sig) {
			return errors.Join(certificateIs(one.PublicKey, leaf), s.Content.PayloadHash.is(c))
		}
	}
	return errOtherSignature
}

// aboutFirstInToto is for entries that hold no signature. They bind it all the
// same: the certificate's key has made this signature over this payload.
func aboutFirstInToto(spec []byte, leaf *x509.Certificate, c *content) error {
	var s struct {
		Content struct {
			PayloadHash hashFile `json:"payloadHash"`
		} `json:"content"`
		PublicKey []byte `json:"publicKey"`
	}
	if err := strictjson.Unmarshal(spec, &s); err != nil {
		return err
	}
	if c.pae == nil {
		return errNoStatement
	}
	return errors.Join(certificateIs(s.PublicKey, leaf), s.Content.PayloadHash.is(c))
}

// aboutSecond makes the entry of Rekor v2 anew from what is at hand, in its one
// canonical form, so that nothing of what came along is believed.
func aboutSecond(kind string, body, sig []byte, leaf *x509.Certificate, c *content) error {
	algorithm, details, hash, err := secondAlgorithm(leaf.PublicKey)
	if err != nil {
		return err
	}
	enc := base64.StdEncoding.EncodeToString
	signature := fmt.Sprintf(`{"content":"%s","verifier":{"keyDetails":"%s","x509Certificate":{"rawBytes":"%s"}}}`, enc(sig), details, enc(leaf.Raw))
	var want string
	switch {
	case kind == "dsse" && c.pae == nil:
		return errNoStatement
	case kind == "dsse":
		sum := sha256.Sum256(c.payload)
		want = fmt.Sprintf(`{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{"payloadHash":{"algorithm":"SHA2_256","digest":"%s"},"signatures":[%s]}}}`, enc(sum[:]), signature)
	default:
		var sum []byte
		if c.pae == nil {
			if sum, err = hex.DecodeString(c.digest.Hex()); err != nil || "SHA2_"+c.digest.Algorithm()[len("sha"):] != algorithm {
				return fmt.Errorf("the certificate's key goes with %s, and the artifact is known by its %s", algorithm, c.digest.Algorithm())
			}
		} else {
			h := hash.New()
			h.Write(c.pae)
			sum = h.Sum(nil)
		}
		want = fmt.Sprintf(`{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"%s","digest":"%s"},"signature":%s}}}`, algorithm, enc(sum), signature)
	}
	if string(body) != want {
		return errors.New("it is not the entry that this signature makes")
	}
	return nil
}

// secondAlgorithm says how Rekor v2 names a key's algorithm and its hash.
func secondAlgorithm(public crypto.PublicKey) (algorithm, details string, hash crypto.Hash, err error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		switch key.Params().BitSize {
		case 256:
			return "SHA2_256", "PKIX_ECDSA_P256_SHA_256", crypto.SHA256, nil
		case 384:
			return "SHA2_384", "PKIX_ECDSA_P384_SHA_384", crypto.SHA384, nil
		case 521:
			return "SHA2_512", "PKIX_ECDSA_P521_SHA_512", crypto.SHA512, nil
		}
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); bits {
		case 2048, 3072, 4096:
			return "SHA2_256", fmt.Sprintf("PKIX_RSA_PKCS1V15_%d_SHA256", bits), crypto.SHA256, nil
		}
	case ed25519.PublicKey:
		return "SHA2_512", "PKIX_ED25519_PH", crypto.SHA512, nil
	}
	return "", "", 0, errors.New("a key that no log of this kind takes")
}
