package sign_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sign"
)

// goodBundle is the neighbour of every attack on a Sigstore bundle.
const (
	goodLogEntry = `{"logIndex":"7","logId":{"keyId":"bG9n"},"kindVersion":{"kind":"dsse","version":"0.0.1"},"integratedTime":"1700000000",` +
		`"inclusionPromise":{"signedEntryTimestamp":"c2V0"},"inclusionProof":{"logIndex":"7","rootHash":"cm9vdA==","treeSize":"8",` +
		`"hashes":["aGFzaA=="],"checkpoint":{"envelope":"log\n8\n"}},"canonicalizedBody":"Ym9keQ=="}`
	goodBundle = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"k"},` +
		`"tlogEntries":[` + goodLogEntry + `],"timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"dHNh"}]}},` +
		`"dsseEnvelope":` + goodEnvelope + `}`
	v01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	v02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	v03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

func TestReadSigstore(t *testing.T) {
	good := readOne(t, []byte(goodBundle))
	if s := good.Signatures[0]; good.Format != sign.Sigstore || string(good.UnverifiedPayload()) != "hello world" || s.KeyID != "k" || string(s.Sig) != "sig" ||
		len(s.Chain) != 0 || len(s.Timestamps) != 1 || string(s.Timestamps[0]) != "tsa" || len(s.LogEntries) != 1 || string(s.LogEntries[0]) != goodLogEntry {
		t.Errorf("got %+v", good)
	}
	if envelope := readOne(t, []byte(goodEnvelope)); envelope.ID() != good.ID() {
		t.Errorf("ID %s in a bundle, %s in an envelope", good.ID(), envelope.ID())
	}
	if line, err := good.Marshal(); err != nil || string(line) != goodBundle {
		t.Errorf("written again, %v:\n%s\n%s", err, line, goodBundle)
	}
	for _, c := range []struct{ name, old, new string }{
		{"v0.3 by its other name", v03, "application/vnd.dev.sigstore.bundle+json;version=0.3"},
		{"v0.2", v03, v02},
		{"v0.1", v03, v01},
		{"several lines", `,`, ",\n"},
		{"white space in a log entry", `"logIndex":"7",`, `"logIndex": "7" ,`},
		{"no key id", `"keyid":"k",`, ``},
		{"no hint", `"hint":"k"`, ``},
		{"null members", `"publicKey"`, `"certificate":null,"x509CertificateChain":null,"publicKey"`},
		{"null message", `"dsseEnvelope"`, `"messageSignature":null,"dsseEnvelope"`},
	} {
		doc := strings.Replace(goodBundle, c.old, c.new, 1)
		got := readOne(t, []byte(doc))
		if got.ID() != good.ID() || got.Signatures[0].KeyID != "k" && c.name != "no hint" || string(got.Signatures[0].LogEntries[0]) != goodLogEntry {
			t.Errorf("%s: %+v", c.name, got)
		}
		line, err := got.Marshal()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		equal(t, []*sign.Bundle{readOne(t, line)}, []*sign.Bundle{got})
	}
	const leaf, chain = `"certificate":{"rawBytes":"bGVhZg=="}`, `"x509CertificateChain":{"certificates":[{"rawBytes":"bGVhZg=="},{"rawBytes":"Y2E="}]}`
	for _, c := range []struct{ name, media, material, want string }{
		{"leaf", v03, leaf, "leaf"},
		{"chain in v0.1", v01, chain, "leaf ca"},
		{"chain in v0.2", v02, chain, "leaf ca"},
	} {
		doc := strings.Replace(strings.Replace(goodBundle, v03, c.media, 1), `"publicKey":{"hint":"k"}`, c.material, 1)
		got := readOne(t, []byte(doc))
		if chain := string(bytes.Join(got.Signatures[0].Chain, []byte(" "))); chain != c.want {
			t.Errorf("%s: chain %q, want %q", c.name, chain, c.want)
		}
		if line, err := got.Marshal(); err != nil || string(line) != doc {
			t.Errorf("%s: written again, %v:\n%s\n%s", c.name, err, line, doc)
		}
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"v0.4", "v0.3", "v0.4", `a bundle of media type "application/vnd.dev.sigstore.bundle.v0.4+json", want v0.1 to v0.3: not supported`},
		{"version 99.9", v03, "application/vnd.dev.sigstore.bundle+json;version=99.9", "not supported"},
		{"space in the media type", v03, "application/vnd.dev.sigstore.bundle+json; version=0.3", "not supported"},
		{"no media type", `"mediaType":"` + v03 + `",`, ``, `want member "mediaType"`},
		{"two signatures", `"sig":"c2ln"}`, `"sig":"c2ln"},{"sig":"c2ln"}`, "want exactly one signature in a Sigstore bundle, found 2"},
		{"no signature", `{"keyid":"k","sig":"c2ln"}`, ``, "want exactly one signature in a Sigstore bundle, found 0"},
		{"another key id", `"keyid":"k"`, `"keyid":"l"`, `want one key, found hint "k" and keyid "l"`},
		{"no key material", `"publicKey":{"hint":"k"},`, ``, "found 0 of them"},
		{"two kinds of key material", `"publicKey"`, leaf + `,"publicKey"`, "found 2 of them"},
		{"chain in v0.3", `"publicKey":{"hint":"k"}`, chain, "found x509CertificateChain"},
		{"empty chain", v03 + `","verificationMaterial":{"publicKey":{"hint":"k"}`, v01 + `","verificationMaterial":{"x509CertificateChain":{"certificates":[]}`, "found an empty chain"},
		{"nine certificates", v03 + `","verificationMaterial":{"publicKey":{"hint":"k"}`, v01 + `","verificationMaterial":{"x509CertificateChain":{"certificates":[` +
			strings.Repeat(`{"rawBytes":"Y2E="},`, 8) + `{"rawBytes":"Y2E="}]}`, "more than 8 certificates"},
		{"leaf in v0.1", v03 + `","verificationMaterial":{"publicKey":{"hint":"k"}`, v01 + `","verificationMaterial":{` + leaf, "before v0.3, found certificate"},
		{"empty certificate", `"publicKey":{"hint":"k"}`, `"certificate":{}`, `want bytes in member "rawBytes"`},
		{"no content", `,"dsseEnvelope":` + goodEnvelope, ``, "want either dsseEnvelope or messageSignature"},
		{"both contents", `"dsseEnvelope"`, `"messageSignature":{},"dsseEnvelope"`, "want either dsseEnvelope or messageSignature"},
		{"bare message", `"dsseEnvelope":` + goodEnvelope, `"messageSignature":{"signature":"c2ln"}`, `want a messageDigest by SHA2_256, SHA2_384 or SHA2_512, found ""`},
		{"message without a signature", `"dsseEnvelope":` + goodEnvelope, `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"` + messageDigest + `"}}`, `want bytes in member "signature"`},
		{"message of another algorithm", `"dsseEnvelope":` + goodEnvelope, `"messageSignature":{"messageDigest":{"algorithm":"SHA3_256","digest":"` + messageDigest + `"},"signature":"c2ln"}`, `found "SHA3_256"`},
		{"message with a short digest", `"dsseEnvelope":` + goodEnvelope, `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"c2ln"},"signature":"c2ln"}`, "messageDigest: "},
		{"unknown member of the message", `"dsseEnvelope":` + goodEnvelope, `"messageSignature":{"x":1}`, `unknown member "x"`},
		{"snake case", `"verificationMaterial"`, `"verification_material"`, `unknown member "verification_material"`},
		{"snake case in the material", `"tlogEntries"`, `"tlog_entries"`, `unknown member "tlog_entries"`},
		{"snake case in a log entry", `"logIndex"`, `"log_index"`, `unknown member "log_index"`},
		{"snake case in the envelope", `"payloadType"`, `"payload_type"`, `unknown member "payload_type"`},
		{"case", `"publicKey"`, `"PublicKey"`, `member "PublicKey" must be spelled "publicKey"`},
		{"case in a log entry", `"logIndex"`, `"LogIndex"`, `member "LogIndex" must be spelled "logIndex"`},
		{"unknown member", `"dsseEnvelope"`, `"x":1,"dsseEnvelope"`, `unknown member "x" in the bundle`},
		{"unknown member of the envelope", `"payload"`, `"x":1,"payload"`, `unknown member "x"`},
		{"unknown member of the signature", `"sig"`, `"x":1,"sig"`, `unknown member "x"`},
		{"twice", `"dsseEnvelope"`, `"dsseEnvelope":null,"dsseEnvelope"`, `duplicate member "dsseEnvelope"`},
		{"twice in the material", `"publicKey"`, `"publicKey":null,"publicKey"`, `duplicate member "publicKey"`},
		{"URL alphabet", `aGVsbG8gd29ybGQ=`, `-_-_`, "payload: not strict base64"},
		{"unpadded timestamp", `dHNh`, `dHN`, "not strict base64"},
		{"33 log entries", goodLogEntry, strings.Repeat(goodLogEntry+",", 32) + goodLogEntry, "more than 32 log entries"},
		{"33 timestamps", `{"signedTimestamp":"dHNh"}`, strings.Repeat(`{"signedTimestamp":"dHNh"},`, 32) + `{"signedTimestamp":"dHNh"}`, "more than 32 timestamps"},
		{"material null", `{"publicKey":{"hint":"k"},`, `null,"x":{`, `unknown member "x" in the bundle`},
	} {
		doc := strings.Replace(goodBundle, c.old, c.new, 1)
		if doc == goodBundle {
			t.Errorf("%s: nothing was changed", c.name)
		}
		err := readErr(t, []byte(doc))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if limit := strings.HasPrefix(c.want, "more than"); errors.Is(err, sign.ErrLimit) != limit {
			t.Errorf("%s: %v is ErrLimit: %t, want %t", c.name, err, !limit, limit)
		}
		if unsupported := strings.HasSuffix(c.want, "not supported"); errors.Is(err, sign.ErrUnsupported) != unsupported {
			t.Errorf("%s: %v is ErrUnsupported: %t, want %t", c.name, err, !unsupported, unsupported)
		}
	}
}

// Bundles and envelopes that others published are read, all but those with a
// defect or over a bare message, and come back from Write the same.
func TestReadCorpus(t *testing.T) {
	root := testkit.Corpus(t)
	read := 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "sigstore-") && !strings.Contains(path, "slsa-verifier") && !strings.Contains(path, "/dsse/") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(data, []byte(`"mediaType"`)) && !bytes.Contains(data, []byte(`"payloadType"`)) {
			return nil
		}
		name, _ := filepath.Rel(root, path)
		all, err := sign.Read(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		for _, b := range all {
			if b.Err != nil {
				if testing.Verbose() && !errors.Is(b.Err, sign.ErrUnsupported) {
					t.Logf("%s, %s: %v", name, b.Origin, b.Err)
				}
				continue
			}
			read++
			line, err := b.Marshal()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			equal(t, []*sign.Bundle{readOne(t, line)}, []*sign.Bundle{b})
			var loose struct{ MediaType, PayloadType string }
			if err := json.Unmarshal(line, &loose); err != nil || (loose.MediaType == "") == (loose.PayloadType == "") {
				t.Errorf("%s: wrote %.100s, %v", name, line, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 100 {
		t.Errorf("%d bundles were read, want at least 100", read)
	}
}

// What other verifiers accept is at least read here: every row of the corpus
// that must pass and is of a form that Read knows.
func TestReadCorpusPass(t *testing.T) {
	root := testkit.Corpus(t)
	tables, err := filepath.Glob(filepath.Join(root, "*", "expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, table := range tables {
		for _, row := range testkit.Rows(t, table) {
			id, format, path, verdict := row[0], row[1], row[2], row[10]
			switch format {
			case "dsse-key", "dsse-embedded-cert", "sigstore-bundle-dsse", "sigstore-bundle-slsa":
			default:
				continue
			}
			if verdict != "pass" {
				continue
			}
			rows++
			data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
			if err != nil {
				t.Fatal(err)
			}
			bundles, err := sign.Read(bytes.NewReader(data))
			if err != nil || len(bundles) == 0 || firstErr(bundles) != nil {
				t.Errorf("%s: %d entries, %v", id, len(bundles), errors.Join(err, firstErr(bundles)))
			}
		}
	}
	if rows < 700 {
		t.Errorf("%d rows, want at least 700", rows)
	}
}

const messageDigest = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" // of "hello"

// A bundle that signs an artifact itself is read and written again, and has
// nothing that could be taken for a statement.
func TestMessageSignature(t *testing.T) {
	text := `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"k"}},` +
		`"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"` + messageDigest + `"},"signature":"c2ln"}}`
	bundles, err := sign.Read(strings.NewReader(text))
	if err != nil || len(bundles) != 1 || bundles[0].Err != nil {
		t.Fatalf("%v, %v", bundles, err)
	}
	b := bundles[0]
	if got, want := b.MessageDigest.String(), "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"; got != want {
		t.Errorf("it is of %s, want %s", got, want)
	}
	if b.PAE() != nil || b.UnverifiedPayload() != nil || !b.ID().IsZero() || b.PayloadType != "" {
		t.Errorf("it has a payload %q of type %q", b.UnverifiedPayload(), b.PayloadType)
	}
	if got, err := b.Marshal(); err != nil || string(got) != text {
		t.Errorf("written again it is\n%s, %v\nwant\n%s", got, err, text)
	}
	b.Format = sign.DSSE
	if got, err := b.Marshal(); err == nil {
		t.Errorf("as an envelope it is %s", got)
	}
}
