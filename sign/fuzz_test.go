package sign_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/sign"
)

// What is read survives being written and read again: the same IDs, the same
// signatures, and from the second time on the same bytes.
func FuzzRead(f *testing.F) {
	f.Add([]byte(goodEnvelope))
	f.Add([]byte(goodBundle))
	f.Add([]byte(goodEnvelope + "\n\n{}\r\n" + goodBundle + "\n"))
	f.Add([]byte(strings.ReplaceAll(goodEnvelope, ",", ",\n ")))
	f.Add([]byte(strings.Replace(goodBundle, v03, v01, 1)))
	f.Add([]byte(strings.Replace(goodBundle, `"publicKey":{"hint":"k"}`, `"certificate":{"rawBytes":"bGVhZg=="}`, 1)))
	f.Add([]byte(strings.Replace(goodEnvelope, "aGVs", `\u0061-_s`, 1)))
	f.Add([]byte("{\n" + goodEnvelope))
	f.Add([]byte(strings.Replace(goodBundle, `"dsseEnvelope":`+goodEnvelope,
		`"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},"signature":"c2ln"}`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := sign.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("a reader in memory broke: %v", err)
		}
		// A stream is read as memory is.
		streamed, err := sign.Read(struct{ *strings.Reader }{strings.NewReader(string(data))})
		if err != nil || lineNumbers(streamed) != lineNumbers(all) {
			t.Fatalf("streamed: %q, %v; in memory: %q", lineNumbers(streamed), err, lineNumbers(all))
		}
		var good []*sign.Bundle
		for _, b := range all {
			if b.Err == nil {
				good = append(good, b)
			}
		}
		if len(good) == 0 {
			t.Skip()
		}
		var once, twice bytes.Buffer
		if err := sign.Write(&once, good...); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := sign.Read(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, again, good)
		if err := sign.Write(&twice, again...); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("%v:\n%s\n%s", err, &once, &twice)
		}
	})
}

// What we read, encoding/json and go-securesystemslib read as the same payload,
// payload type and signatures, and a signature that is good for one is good for
// the other. They read more than we do; never the reverse.
func FuzzAgainstSecuresystemslib(f *testing.F) {
	key := &testKey{id: "k", ed: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	key.public = key.ed.Public()
	good, err := sign.Payload(f.Context(), "application/vnd.in-toto+json", []byte(`{"_type":"x\n"}`), key)
	if err != nil {
		f.Fatal(err)
	}
	doc, err := good.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add(bytes.Replace(doc, []byte(`"payload":`), []byte(`"Payload":"","payload":`), 1))
	f.Add(bytes.Replace(doc, []byte(`"keyid":"k",`), nil, 1))
	f.Add(append(bytes.Clone(doc), '\n'))
	f.Add([]byte(goodEnvelope))
	verifier, err := dsse.NewEnvelopeVerifier(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := sign.Read(bytes.NewReader(data))
		if err != nil || len(all) != 1 || all[0].Err != nil || all[0].Format != sign.DSSE {
			t.Skip()
		}
		b := all[0]
		var e dsse.Envelope
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", data, err)
		}
		payload, err := e.DecodeB64Payload()
		if err != nil || !bytes.Equal(payload, b.UnverifiedPayload()) || e.PayloadType != b.PayloadType || len(e.Signatures) != len(b.Signatures) {
			t.Fatalf("%q: we read %q, they %q, %v", data, b.UnverifiedPayload(), payload, err)
		}
		if want := dsse.PAE(e.PayloadType, payload); !bytes.Equal(b.PAE(), want) {
			t.Fatalf("PAE %q, want %q", b.PAE(), want)
		}
		for i, s := range e.Signatures {
			sig, err := base64.StdEncoding.DecodeString(s.Sig)
			if err != nil {
				sig, err = base64.URLEncoding.DecodeString(s.Sig)
			}
			if err != nil || !bytes.Equal(sig, b.Signatures[i].Sig) || s.KeyID != b.Signatures[i].KeyID {
				t.Fatalf("signature %d: we read %+v, they %+v, %v", i, b.Signatures[i], s, err)
			}
		}
		// One of the signatures is good for us exactly if it is for them, whose
		// verifier skips a signature with another key id.
		ours := false
		for _, s := range b.Signatures {
			ours = ours || (s.KeyID == "" || s.KeyID == key.id) && key.Verify(t.Context(), b.PAE(), s.Sig) == nil
		}
		if _, err := verifier.Verify(t.Context(), &e); (err == nil) != ours {
			t.Fatalf("%q: they say %v, we verified: %t", data, err, ours)
		}
	})
}
