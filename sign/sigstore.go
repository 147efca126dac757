package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// The media types of Sigstore bundles that are read (protobuf-specs, Bundle).
// mediaTypeV03 is the one that is written.
const (
	mediaTypeV01    = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	mediaTypeV02    = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	mediaTypeV03    = "application/vnd.dev.sigstore.bundle.v0.3+json"
	mediaTypeV03Old = "application/vnd.dev.sigstore.bundle+json;version=0.3"
)

// A sigstoreBundle is a Sigstore bundle while it is being read. It is proto3
// JSON in the one form that writers use: lowerCamelCase names and standard
// base64, no unknown members. null is an unset member.
type sigstoreBundle struct {
	mediaType  string
	envelope   *envelope
	message    *message // its messageSignature
	keys       int      // how many kinds of key material
	hint       string   // of publicKey
	chainIsSet bool     // x509CertificateChain
	leafIsSet  bool     // certificate
	came       Signature
	entries    []*logEntry
	unknown    string // a member that is not in the format, if there was one
}

func (g *sigstoreBundle) member(s *strictjson.Scanner, name []byte) error {
	if s.Kind() == 'n' {
		return s.Skip()
	}
	switch string(name) {
	case "mediaType":
		text, err := s.String()
		g.mediaType = string(text)
		return err
	case "verificationMaterial":
		return s.Object(func(name []byte) error { return g.material(s, name) })
	case "dsseEnvelope":
		g.envelope = new(envelope)
		return s.Object(func(name []byte) error { return g.envelope.member(s, name, true) })
	case "messageSignature":
		g.message = new(message)
		return s.Object(func(name []byte) error { return g.message.member(s, name) })
	}
	return s.Skip()
}

func (g *sigstoreBundle) material(s *strictjson.Scanner, name []byte) error {
	known := []string{"publicKey", "certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData"}
	if s.Kind() == 'n' && slices.Contains(known, string(name)) {
		return s.Skip()
	}
	switch string(name) {
	case "publicKey":
		g.keys++
		return s.Object(func(name []byte) error {
			if string(name) != "hint" {
				return skipUnknown(s, name, true, "hint")
			}
			text, err := s.String()
			g.hint = string(text)
			return err
		})
	case "certificate":
		g.keys++
		g.leafIsSet = true
		return g.certificate(s)
	case "x509CertificateChain":
		g.keys++
		g.chainIsSet = true
		return s.Object(func(name []byte) error {
			if string(name) != "certificates" {
				return skipUnknown(s, name, true, "certificates")
			}
			return s.Array(func(i int) error {
				if i == MaxChain {
					return s.FailLimit("more than %d certificates", MaxChain)
				}
				return g.certificate(s)
			})
		})
	case "tlogEntries":
		return s.Array(func(i int) error {
			if i == MaxLogEntries {
				return s.FailLimit("more than %d log entries", MaxLogEntries)
			}
			return g.logEntry(s)
		})
	case "timestampVerificationData":
		return s.Object(func(name []byte) error {
			if string(name) != "rfc3161Timestamps" {
				return skipUnknown(s, name, true, "rfc3161Timestamps")
			}
			if s.Kind() == 'n' {
				return s.Skip()
			}
			return s.Array(func(i int) error {
				if i == MaxTimestamps {
					return s.FailLimit("more than %d timestamps", MaxTimestamps)
				}
				return g.one(s, "signedTimestamp", &g.came.Timestamps)
			})
		})
	}
	return skipUnknown(s, name, true, known...)
}

func (g *sigstoreBundle) certificate(s *strictjson.Scanner) error {
	return g.one(s, "rawBytes", &g.came.Chain)
}

// one reads an object whose only member is base64 and must be there.
func (g *sigstoreBundle) one(s *strictjson.Scanner, want string, list *[][]byte) error {
	var value []byte
	err := s.Object(func(name []byte) (err error) {
		if string(name) != want {
			return skipUnknown(s, name, true, want)
		}
		value, err = readBase64(s, strictjson.AppendBase64)
		return err
	})
	if err == nil && len(value) == 0 {
		err = s.Fail("want bytes in member %q, found none", want)
	}
	*list = append(*list, value)
	return err
}

// A logEntry is the shape of a transparency log entry: only its names count
// here, because key-signed evidence takes no time from a log.
type logEntry struct {
	LogIndex json.RawMessage `json:"logIndex"`
	LogID    struct {
		KeyID json.RawMessage `json:"keyId"`
	} `json:"logId"`
	KindVersion struct {
		Kind    string `json:"kind"`
		Version string `json:"version"`
	} `json:"kindVersion"`
	IntegratedTime   json.RawMessage `json:"integratedTime"`
	InclusionPromise struct {
		SignedEntryTimestamp json.RawMessage `json:"signedEntryTimestamp"`
	} `json:"inclusionPromise"`
	InclusionProof struct {
		LogIndex   json.RawMessage   `json:"logIndex"`
		RootHash   json.RawMessage   `json:"rootHash"`
		TreeSize   json.RawMessage   `json:"treeSize"`
		Hashes     []json.RawMessage `json:"hashes"`
		Checkpoint struct {
			Envelope string `json:"envelope"`
		} `json:"checkpoint"`
	} `json:"inclusionProof"`
	CanonicalizedBody json.RawMessage `json:"canonicalizedBody"`
}

// logEntry keeps an entry as it stands, without the white space.
func (g *sigstoreBundle) logEntry(s *strictjson.Scanner) error {
	if s.Kind() != '{' {
		return s.Fail("want a log entry")
	}
	raw, err := s.Raw()
	if err != nil {
		return err
	}
	entry := new(logEntry)
	if err := strictjson.UnmarshalClosed(raw, entry); err != nil {
		var inner *strictjson.Error
		if errors.As(err, &inner) {
			return s.Fail("log entry: %s", inner.Msg)
		}
		return s.Fail("log entry: %v", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return s.Fail("log entry: %v", err)
	}
	g.came.LogEntries = append(g.came.LogEntries, compact.Bytes())
	g.entries = append(g.entries, entry)
	return nil
}

// fits holds an entry against the version of the bundle that it is in: v0.1
// wants the log's promise, later ones a proof that the log has it.
func (e *logEntry) fits(version string) error {
	set := func(member json.RawMessage) bool { return len(member) > 0 && string(member) != "null" }
	switch {
	case version == mediaTypeV01 && !set(e.InclusionPromise.SignedEntryTimestamp):
		return errors.New("want an inclusionPromise in a log entry of a bundle v0.1, found none")
	case version != mediaTypeV01 && !set(e.InclusionProof.RootHash):
		return errors.New("want an inclusionProof in a log entry of a bundle after v0.1, found none")
	}
	return nil
}

// bundle holds what was read against the rules of its version.
func (g *sigstoreBundle) bundle(s *strictjson.Scanner) (*Bundle, error) {
	switch g.mediaType {
	case mediaTypeV01, mediaTypeV02:
		if g.leafIsSet {
			return nil, s.Fail("want x509CertificateChain or publicKey in a bundle before v0.3, found certificate")
		}
	case mediaTypeV03, mediaTypeV03Old:
		if g.chainIsSet {
			return nil, s.Fail("want certificate or publicKey in a bundle v0.3, found x509CertificateChain")
		}
	case "":
		return nil, s.Fail("want member \"mediaType\" in the bundle, found none")
	default:
		return nil, fmt.Errorf("a bundle of media type %q, want v0.1 to v0.3: %w", g.mediaType, ErrUnsupported)
	}
	if g.unknown != "" {
		return nil, s.Fail("unknown member %q in the bundle", g.unknown)
	}
	if g.keys != 1 {
		return nil, s.Fail("want one of publicKey, certificate and x509CertificateChain, found %d of them", g.keys)
	}
	for _, e := range g.entries {
		if err := e.fits(g.mediaType); err != nil {
			return nil, s.Fail("%v", err)
		}
	}
	if (g.chainIsSet || g.leafIsSet) && len(g.came.Chain) == 0 {
		return nil, s.Fail("want a certificate, found an empty chain")
	}
	if (g.message != nil) == (g.envelope != nil) {
		return nil, s.Fail("want either dsseEnvelope or messageSignature")
	}
	if g.message != nil {
		return g.messageBundle(s)
	}
	if n := len(g.envelope.signatures); n != 1 && slices.Contains(g.envelope.seen, "signatures") {
		return nil, s.Fail("want exactly one signature in a Sigstore bundle, found %d", n)
	}
	b, err := g.envelope.bundle(s, strictjson.AppendBase64)
	if err != nil {
		return nil, err
	}
	sig := &b.Signatures[0]
	if sig.KeyID != "" && g.hint != "" && sig.KeyID != g.hint {
		return nil, s.Fail("want one key, found hint %q and keyid %q", g.hint, sig.KeyID)
	}
	b.hinted = sig.KeyID == ""
	if b.hinted {
		sig.KeyID = g.hint
	}
	sig.Chain, sig.Timestamps, sig.LogEntries = g.came.Chain, g.came.Timestamps, g.came.LogEntries
	b.Format, b.version = Sigstore, g.mediaType
	return b, nil
}

// marshalSigstore writes a bundle as it was read, or as v0.3.
func (b *Bundle) marshalSigstore() ([]byte, error) {
	if len(b.Signatures) != 1 {
		return nil, fmt.Errorf("want exactly one signature in a Sigstore bundle, found %d", len(b.Signatures))
	}
	sig := b.Signatures[0]
	version := b.version
	if version == "" {
		version = mediaTypeV03
	}
	if len(sig.LogEntries) > MaxLogEntries || len(sig.Timestamps) > MaxTimestamps || len(sig.Chain) > MaxChain {
		return nil, fmt.Errorf("%d log entries, %d timestamps and %d certificates, want at most %d, %d and %d: %w",
			len(sig.LogEntries), len(sig.Timestamps), len(sig.Chain), MaxLogEntries, MaxTimestamps, MaxChain, ErrLimit)
	}
	out := append([]byte(`{"mediaType":"`), version...)
	out = append(out, `","verificationMaterial":{`...)
	switch v03 := version == mediaTypeV03 || version == mediaTypeV03Old; {
	case len(sig.Chain) == 0:
		out = append(out, `"publicKey":{"hint":`...)
		var err error
		if out, err = appendText(out, sig.KeyID); err != nil {
			return nil, err
		}
		out = append(out, '}')
	case v03 && len(sig.Chain) > 1:
		return nil, fmt.Errorf("%d certificates, want one: a bundle v0.3 holds the leaf only", len(sig.Chain))
	case v03:
		out = append(out, `"certificate":`...)
		out = appendOne(out, "rawBytes", sig.Chain[0])
	default:
		out = append(out, `"x509CertificateChain":{"certificates":`...)
		out = appendList(out, "rawBytes", sig.Chain)
		out = append(out, '}')
	}
	if len(sig.LogEntries) > 0 {
		out = append(out, `,"tlogEntries":[`...)
		for i, e := range sig.LogEntries {
			entry := new(logEntry)
			err := strictjson.UnmarshalClosed(e, entry)
			if err == nil {
				err = entry.fits(version)
			}
			if err != nil {
				return nil, fmt.Errorf("log entry %d: %w", i, err)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, e); err != nil {
				return nil, fmt.Errorf("log entry %d: %w", i, err)
			}
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, compact.Bytes()...)
		}
		out = append(out, ']')
	}
	if len(sig.Timestamps) > 0 {
		out = append(out, `,"timestampVerificationData":{"rfc3161Timestamps":`...)
		out = appendList(out, "signedTimestamp", sig.Timestamps)
		out = append(out, '}')
	}
	if !b.MessageDigest.IsZero() {
		return b.appendMessage(append(out, '}'))
	}
	out, err := b.appendEnvelope(append(out, `},"dsseEnvelope":`...))
	return append(out, '}'), err
}

func appendList(dst []byte, name string, values [][]byte) []byte {
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendOne(dst, name, v)
	}
	return append(dst, ']')
}

func appendOne(dst []byte, name string, value []byte) []byte {
	dst = append(append(append(dst, `{"`...), name...), `":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, `"}`...)
}
