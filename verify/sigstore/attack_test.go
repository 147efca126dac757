package sigstore_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

func member(v any, path ...any) map[string]any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(map[string]any)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v.(map[string]any)
}

// flip changes one byte in the middle.
func flip(b []byte) []byte {
	out := bytes.Clone(b)
	out[len(out)/2] ^= 1
	return out
}

func ends(t time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotAfter = t }
}

func eku(critical bool, ids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		value, _ := asn1.Marshal(ids)
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}}
	}
}

var (
	stamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	coding   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
)

// proofOf changes the inclusion proof.
func proofOf(change func(map[string]any)) func(map[string]any) {
	return func(e map[string]any) { change(member(e, "inclusionProof")) }
}

// without is an entry without one of its two proofs.
func without(name string) func(map[string]any) {
	return func(e map[string]any) { delete(e, name) }
}

func setExtension(n int, text string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for i, e := range c.ExtraExtensions {
			if e.Id[len(e.Id)-1] == n && len(e.Id) == 9 {
				c.ExtraExtensions[i] = extension(n, text)
			}
		}
	}
}

func window(kind string, i int, name string, at time.Time) func(map[string]any) {
	return func(root map[string]any) {
		where := member(root, kind, i)
		if kind == "tlogs" || kind == "ctlogs" {
			where = member(where, "publicKey")
		}
		span := map[string]any{}
		for k, v := range member(where, "validFor") {
			span[k] = v
		}
		if span[name] = at.Format(time.RFC3339Nano); at.IsZero() {
			delete(span, name)
		}
		where["validFor"] = span
	}
}

// Each attack is the same evidence with one thing wrong, and ends in its code;
// the neighbour is the same without it, or with it on the right side of the
// line, and is allowed. The numbers are those of docs/threats.md.
func TestAttacks(t *testing.T) {
	m := newMini(t)
	v2 := flaw{v2: true}
	stamped := verify.AuthorityThreshold{Log: 1, Timestamp: 1}
	for _, c := range []struct {
		name      string
		attack    flaw
		code      verify.Code
		text      string
		neighbour flaw
	}{
		{"16 one operator twice", flaw{twice: true, atLeast: verify.AuthorityThreshold{Log: 2}}, verify.CodeSigstoreLog, "by 1 operators", flaw{twice: true}},
		{"16 one timestamp authority twice", flaw{twice: true, atLeast: verify.AuthorityThreshold{Log: 1, Timestamp: 2}}, verify.CodeTrustedTime, "by 1 operators", flaw{twice: true, atLeast: stamped}},
		{"16 the same entry twice", flaw{bundle: func(b *sign.Bundle) {
			s := &b.Signatures[0]
			s.LogEntries = append(s.LogEntries, s.LogEntries[0])
		}}, verify.CodeSigstoreLog, "stands there twice", flaw{twice: true}},
		{"21 no time at all", flaw{noTSA: true, entry: without("inclusionPromise")}, verify.CodeTrustedTime, "nothing trusted says when", flaw{noTSA: true}},
		{"21 certificate over", flaw{leaf: ends(now.Add(-time.Second))}, verify.CodeTrustedTime, "outside of its certificate's time", flaw{leaf: ends(now)}},
		{"21 certificate not begun", flaw{leaf: func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }}, verify.CodeTrustedTime, "outside of its certificate's time", flaw{leaf: func(c *x509.Certificate) { c.NotBefore = now }}},
		{"22 timestamp after its authority", flaw{v2: true, root: window("timestampAuthorities", 0, "end", now.Add(-time.Second))}, verify.CodeTrustedTime, "did not count", flaw{v2: true, root: window("timestampAuthorities", 0, "end", now)}},
		{"22 timestamp before its authority", flaw{v2: true, root: window("timestampAuthorities", 0, "start", now.Add(time.Second))}, verify.CodeTrustedTime, "did not count", flaw{v2: true, root: window("timestampAuthorities", 0, "start", now)}},
		{"22 timestamp after the certificate of its authority", flaw{v2: true, tsa: ends(now.Add(-time.Second))}, verify.CodeTrustedTime, "", v2},
		{"22 certificate authority over", flaw{root: window("certificateAuthorities", 0, "end", now.Add(-time.Second))}, verify.CodeSigstoreChain, "no certificate authority", flaw{root: window("certificateAuthorities", 0, "end", now)}},
		{"22 one of two times outside", flaw{stamp: func(s *timestamp.Timestamp) { s.Time = now.Add(time.Hour) }}, verify.CodeTrustedTime, "outside of its certificate's time", flaw{stamp: func(s *timestamp.Timestamp) { s.Time = now.Add(time.Minute) }}},
		{"23 intermediate over", flaw{inter: ends(now.Add(-time.Second))}, verify.CodeSigstoreChain, "does not lead", flaw{inter: ends(now)}},
		{"24 timestamp of another signature", flaw{v2: true, stampOver: flip}, verify.CodeTrustedTime, "", v2},
		{"24 not critical", flaw{v2: true, tsa: eku(false, stamping)}, verify.CodeTrustedTime, "", v2},
		{"24 for more than timestamps", flaw{v2: true, tsa: eku(true, stamping, coding)}, verify.CodeTrustedTime, "", v2},
		{"24 not for timestamps", flaw{v2: true, tsa: eku(true, coding)}, verify.CodeTrustedTime, "", v2},
		{"24 a certificate authority's own", flaw{v2: true, tsa: func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }}, verify.CodeTrustedTime, "", v2},
		{"25 a time that nobody signed", flaw{entry: func(e map[string]any) { e["integratedTime"] = "1795000000" }}, verify.CodeSigstoreLog, "did not sign the entry's time", flaw{}},
		{"25 no time beside the promise", flaw{entry: without("integratedTime")}, verify.CodeSigstoreLog, "did not count", flaw{}},
		{"25 the log's key was over", flaw{root: window("tlogs", 0, "end", now.Add(-time.Second))}, verify.CodeSigstoreLog, "did not count", flaw{root: window("tlogs", 0, "end", now)}},
		{"25 a promise by a log that makes none", flaw{v2: true, entry: func(e map[string]any) {
			e["inclusionPromise"] = map[string]any{"signedEntryTimestamp": []byte("x")}
		}}, verify.CodeSigstoreLog, "promises nothing", v2},
		{"26 another signature in the entry", flaw{body: func(s string) string { return strings.Replace(s, `"signature":"M`, `"signature":"N`, 1) }}, verify.CodeSigstoreLog, "another signature", flaw{}},
		{"26 another payload in the entry", flaw{body: func(s string) string { return strings.Replace(s, `"sha256","value":"`, `"sha256","value":"00`, 2) }}, verify.CodeSigstoreLog, "it is about", flaw{}},
		{"26 another certificate in the entry", flaw{body: func(s string) string {
			return strings.Replace(s, `"verifier":"LS0tLS1CRUdJTi`, `"verifier":"LS0tLS1CRUdJTj`, 1)
		}}, verify.CodeSigstoreLog, "another certificate", flaw{}},
		{"26 in-toto entry of another payload", flaw{kind: "intoto", body: func(s string) string { return strings.Replace(s, `"value":"`, `"value":"00`, 1) }}, verify.CodeSigstoreLog, "it is about", flaw{kind: "intoto"}},
		{"26 new log, another digest", flaw{v2: true, body: func(s string) string { return strings.Replace(s, `"digest":"`, `"digest":"AAAA`, 1) }}, verify.CodeSigstoreLog, "not the entry that this signature makes", v2},
		{"26 new log, another key's details", flaw{v2: true, body: func(s string) string { return strings.Replace(s, "P256_SHA_256", "P384_SHA_384", 1) }}, verify.CodeSigstoreLog, "not the entry that this signature makes", flaw{v2: true, kind: "dsse"}},
		{"26 not logged", flaw{noLog: true}, verify.CodeSigstoreLog, "by 0 operators", flaw{}},
		{"26 a log that the root does not know", flaw{root: func(r map[string]any) { r["tlogs"] = r["tlogs"].([]any)[1:] }}, verify.CodeSigstoreLog, "by 0 operators", flaw{v2: true, root: func(r map[string]any) { r["tlogs"] = r["tlogs"].([]any)[1:] }}},
		{"27 a checkpoint of another log", flaw{v2: true, checkpoint: func(s string) string { return strings.Replace(s, rekorV2, "evil.example", 1) }}, verify.CodeSigstoreCheckpoint, `of log "evil.example"`, v2},
		{"27 a root that is not the proof's", flaw{v2: true, checkpoint: func(s string) string {
			lines := strings.Split(s, "\n")
			lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
			return strings.Join(lines, "\n")
		}}, verify.CodeSigstoreCheckpoint, "of another tree", v2},
		{"27 a size that is not the proof's", flaw{v2: true, checkpoint: func(s string) string { return strings.Replace(s, "\n3\n", "\n4\n", 1) }}, verify.CodeSigstoreCheckpoint, "of another tree", v2},
		{"27 no origin", flaw{v2: true, checkpoint: func(s string) string { return s[strings.Index(s, "\n")+1:] }}, verify.CodeSigstoreCheckpoint, "", v2},
		{"27 no size", flaw{v2: true, checkpoint: func(s string) string { return strings.Replace(s, "\n3\n", "\n", 1) }}, verify.CodeSigstoreCheckpoint, "", v2},
		{"27 only a cosigner signed", flaw{v2: true, note: func(text, line string) string {
			return text + "\n" + strings.Replace(line, rekorV2, "witness.example", 1)
		}}, verify.CodeSigstoreCheckpoint, "", flaw{v2: true, note: func(text, line string) string {
			return text + "\n" + strings.Replace(line, rekorV2, "witness.example", 1) + line
		}}},
		{"27 signed over other words", flaw{note: func(text, line string) string { return text + "more\n\n" + line }}, verify.CodeSigstoreCheckpoint, "", flaw{}},
		{"28 a proof that is too short", flaw{v2: true, entry: proofOf(func(p map[string]any) { p["hashes"] = p["hashes"].([][]byte)[:1] })}, verify.CodeSigstoreLog, "inclusion proof", v2},
		{"28 a proof that is too long", flaw{v2: true, entry: proofOf(func(p map[string]any) { p["hashes"] = append(p["hashes"].([][]byte), make([]byte, 32)) })}, verify.CodeSigstoreLog, "inclusion proof", v2},
		{"28 beyond the tree", flaw{v2: true, entry: func(e map[string]any) { e["logIndex"] = "3"; member(e, "inclusionProof")["logIndex"] = "3" }}, verify.CodeSigstoreLog, "beyond the tree", v2},
		{"28 said to be another entry", flaw{v2: true, entry: func(e map[string]any) { e["logIndex"] = "2" }}, verify.CodeSigstoreLog, "says that it is entry 2", v2},
		{"28 below it", flaw{v2: true, entry: proofOf(func(p map[string]any) { p["logIndex"] = "-1" })}, verify.CodeSigstoreLog, "not negative", v2},
		{"28 an empty tree", flaw{v2: true, entry: proofOf(func(p map[string]any) { p["treeSize"] = "0" }), checkpoint: func(s string) string { return strings.Replace(s, "\n3\n", "\n0\n", 1) }}, verify.CodeSigstoreCheckpoint, "no size", v2},
		{"28 a hash of another length", flaw{v2: true, entry: proofOf(func(p map[string]any) { p["hashes"].([][]byte)[0] = make([]byte, 31) })}, verify.CodeSigstoreLog, "31 bytes", v2},
		{"28 another place", flaw{v2: true, entry: func(e map[string]any) { e["logIndex"] = "0"; member(e, "inclusionProof")["logIndex"] = "0" }}, verify.CodeSigstoreLog, "does not lead", v2},
		{"28 neither proof nor promise", flaw{entry: func(e map[string]any) { delete(e, "inclusionProof"); delete(e, "inclusionPromise") }}, verify.CodeSigstoreLog, "nothing shows", flaw{entry: without("inclusionPromise")}},
		{"29 said to be of another kind", flaw{entry: func(e map[string]any) { member(e, "kindVersion")["kind"] = "intoto" }}, verify.CodeSigstoreLog, "said to be", flaw{}},
		{"29 a kind that nobody knows", flaw{body: func(s string) string { return strings.Replace(s, `"kind":"dsse"`, `"kind":"rfc3161"`, 1) }, entry: func(e map[string]any) { member(e, "kindVersion")["kind"] = "rfc3161" }}, verify.CodeSigstoreLog, "no kind of entry", flaw{}},
		{"31 another issuer", flaw{leaf: func(c *x509.Certificate) { setExtension(1, gitHub+"/")(c); setExtension(8, gitHub+"/")(c) }}, verify.CodeMissingEvidence, gitHub + "/", flaw{}},
		{"31 two issuers", flaw{leaf: setExtension(1, "https://evil.example")}, verify.CodeSigstoreIdentity, "two issuers", flaw{leaf: func(c *x509.Certificate) { c.ExtraExtensions = c.ExtraExtensions[1:] }}},
		{"32 an address that reads like the workflow", flaw{leaf: func(c *x509.Certificate) { c.URIs, c.EmailAddresses = nil, []string{workflow} }}, verify.CodeMissingEvidence, "email", flaw{}},
		{"32 two names", flaw{leaf: func(c *x509.Certificate) { c.EmailAddresses = []string{"a@evil.example"} }}, verify.CodeSigstoreIdentity, "2 names", flaw{}},
		{"32 two workflows", flaw{leaf: func(c *x509.Certificate) {
			other, _ := url.Parse("https://github.com/evil/x/.github/workflows/x.yml@refs/heads/main")
			c.URIs = append([]*url.URL{other}, c.URIs...)
		}}, verify.CodeSigstoreIdentity, "2 names", flaw{}},
		{"36 another repository", flaw{leaf: setExtension(12, "https://github.com/acme/evil")}, verify.CodeSource, "acme/evil", flaw{}},
		{"36 another commit", flaw{leaf: setExtension(13, strings.Repeat("0", 40))}, verify.CodeSource, commit, flaw{}},
		{"36 another ref", flaw{leaf: setExtension(14, "refs/heads/evil")}, verify.CodeSource, "refs/tags/v1.4.0", flaw{}},
		{"36 another commit, of a build type that nobody knows", flaw{payload: strings.Replace(good(""), "https://actions.github.io/buildtypes/workflow/v1", "https://example.com/build", 1), leaf: setExtension(13, strings.Repeat("0", 40))}, verify.CodeSource, commit, flaw{}},
		{"67 two entries, each with half of it", flaw{twice: true, bundle: func(b *sign.Bundle) {
			// A search for the payload finds one entry, a search for the signature another.
			s := &b.Signatures[0]
			s.LogEntries = []json.RawMessage{bytes.ReplaceAll(s.LogEntries[0], []byte(`"logIndex":"1001"`), []byte(`"logIndex":"7"`)), s.LogEntries[1]}
		}}, verify.CodeSigstoreLog, "", flaw{twice: true}},
		{"68 no use named", flaw{leaf: func(c *x509.Certificate) { c.ExtKeyUsage = nil }}, verify.CodeSigstoreChain, "not for signing code", flaw{}},
		{"68 any use", flaw{leaf: func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageAny) }}, verify.CodeSigstoreChain, "not for signing code", flaw{}},
		{"68 for servers", flaw{leaf: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }}, verify.CodeSigstoreChain, "not for signing code", flaw{}},
		{"68 not for signatures", flaw{leaf: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }}, verify.CodeSigstoreChain, "not for signatures", flaw{}},
		{"68 names that the intermediate may not give", flaw{inter: func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"gitlab.com"}, true
		}}, verify.CodeSigstoreChain, "does not lead", flaw{inter: func(c *x509.Certificate) {
			c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"github.com"}, true
		}}},
		{"68 a certificate authority signs", flaw{leaf: func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }}, verify.CodeSigstoreChain, "of a certificate authority", flaw{}},
		{"sct missing", flaw{sct: func([]byte) []byte { return nil }}, verify.CodeSigstoreSCT, "never shown", flaw{sct: func([]byte) []byte { return nil }, root: func(r map[string]any) { delete(r, "ctlogs") }}},
		{"sct changed", flaw{sct: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}, verify.CodeSigstoreSCT, "did not sign", flaw{}},
		{"sct by a log that was over", flaw{root: window("ctlogs", 0, "end", now.Add(-time.Second))}, verify.CodeSigstoreSCT, "did not count", flaw{root: window("ctlogs", 0, "end", now)}},
		{"sct cut short", flaw{sct: func(b []byte) []byte { return b[:len(b)-1] }}, verify.CodeSigstoreSCT, "cannot be read", flaw{}},
		{"signature flipped", flaw{bundle: func(b *sign.Bundle) { b.Signatures[0].Sig = flip(b.Signatures[0].Sig) }}, verify.CodeSignature, "did not make", flaw{}},
		{"certificate of another instance", flaw{root: func(r map[string]any) { r["certificateAuthorities"] = []any{r["timestampAuthorities"].([]any)[0]} }}, verify.CodeSigstoreChain, "does not lead", flaw{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, trust := m.bundle(c.attack)
			err := judge(t, b, trust, sigstore.Options{})
			var no *verify.Error
			if !errors.As(err, &no) || no.Verdict.Decision != verify.Deny {
				t.Fatalf("the attack: %v, want it denied", err)
			}
			if f := no.Verdict.Failed()[0]; f.Code != c.code || !strings.Contains(f.Got+f.Message+f.Want, c.text) {
				t.Errorf("the attack ends in %s: %s (%s), want %s: %q", f.Code, f.Message, f.Got, c.code, c.text)
			}
			b, trust = m.bundle(c.neighbour)
			if err := judge(t, b, trust, sigstore.Options{}); err != nil {
				t.Errorf("its neighbour: %v", err)
			}
		})
	}
}

// An envelope that brings its certificate along and no log entry is refused
// unless that is asked for, and then by everything that is left.
func TestWithoutLog(t *testing.T) {
	m := newMini(t)
	bare := func(b *sign.Bundle) { b.Format = sign.DSSE }
	o := sigstore.Options{InsecureWithoutLog: true}
	b, trust := m.bundle(flaw{noLog: true, noTSA: true, bundle: bare})
	if err := judge(t, b, trust, o); err != nil {
		t.Errorf("asked for: %v", err)
	}
	if err := judge(t, b, trust, sigstore.Options{}); err == nil {
		t.Error("not asked for, and taken")
	}
	for name, f := range map[string]flaw{
		"no certificate timestamp":   {noLog: true, noTSA: true, bundle: bare, sct: func([]byte) []byte { return nil }},
		"another's signature":        {noLog: true, noTSA: true, bundle: func(b *sign.Bundle) { bare(b); b.Signatures[0].Sig = flip(b.Signatures[0].Sig) }},
		"a bundle, which has places": {noLog: true, noTSA: true},
		"a log entry that is wrong":  {bundle: bare, entry: func(e map[string]any) { e["integratedTime"] = "1" }},
	} {
		b, trust := m.bundle(f)
		if err := judge(t, b, trust, o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A private certificate authority without log or timestamps, whose certificates
// are judged at the instant of judgement.
func TestLongLived(t *testing.T) {
	m := newMini(t)
	private := func(r map[string]any) {
		for _, kind := range []string{"tlogs", "ctlogs", "timestampAuthorities"} {
			delete(r, kind)
		}
	}
	o := sigstore.Options{InsecureLongLived: []string{"test"}}
	long := flaw{noLog: true, noTSA: true, root: private, leaf: ends(now.AddDate(1, 0, 0))}
	b, trust := m.bundle(long)
	if err := judge(t, b, trust, o); err != nil {
		t.Errorf("a long life: %v", err)
	}
	if err := judge(t, b, trust, sigstore.Options{}); err == nil {
		t.Error("not asked for, and taken")
	}
	if err := judge(t, b, trust, sigstore.Options{InsecureLongLived: []string{"another"}}); err == nil {
		t.Error("asked for of another authority, and taken")
	}
	over := long
	over.leaf = nil // it ends in minutes, and is judged a day later
	b, trust = m.bundle(over)
	if err := judge(t, b, trust, o); err == nil {
		t.Error("over, and taken")
	}
}

// A trusted root that cannot be used is refused when it is read, not when
// something is missed.
func TestRootRefused(t *testing.T) {
	m := newMini(t)
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"log without a start":        {window("tlogs", 0, "start", time.Time{}), "validFor.start"},
		"authority without a start":  {window("certificateAuthorities", 0, "start", time.Time{}), "validFor.start"},
		"ends before it starts":      {window("tlogs", 0, "end", now.AddDate(-3, 0, 0)), "ends before"},
		"another version":            {func(r map[string]any) { r["mediaType"] = "application/vnd.dev.sigstore.trustedroot+json;version=9" }, "media type"},
		"a key of another kind":      {func(r map[string]any) { member(r, "tlogs", 0, "publicKey")["keyDetails"] = "PKIX_ED25519" }, "does not fit"},
		"a key that nobody knows":    {func(r map[string]any) { member(r, "tlogs", 0, "publicKey")["keyDetails"] = "LMS_SHA256" }, "nothing here can use"},
		"two logs of one id":         {func(r map[string]any) { r["tlogs"] = append(r["tlogs"].([]any), r["tlogs"].([]any)[0]) }, "another log has this id"},
		"an empty chain":             {func(r map[string]any) { member(r, "certificateAuthorities", 0, "certChain")["certificates"] = []any{} }, "0 certificates"},
		"nothing in it":              {func(r map[string]any) { delete(r, "certificateAuthorities"); delete(r, "timestampAuthorities") }, "vouch for nothing"},
		"another hash":               {func(r map[string]any) { member(r, "tlogs", 0)["hashAlgorithm"] = "SHA1" }, "SHA2_256"},
		"a quorum that nobody meets": {func(r map[string]any) { r["tlogs"] = []any{} }, "can never be met"},
	} {
		_, trust := m.bundle(flaw{root: c.change})
		_, err := sigstore.New(trust)
		var bad *verify.ConfigError
		if !errors.As(err, &bad) || bad.Code != verify.CodeTrustInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := sigstore.New(nil); err == nil {
		t.Error("no trust, and no error")
	}
}

// A signature by a key gets the time of a timestamp beside it, and of nothing else.
func TestTimestampOfKey(t *testing.T) {
	m := newMini(t)
	at := func(f flaw) []verify.Identified {
		f.v2 = true
		b, trust := m.bundle(f)
		b.Signatures[0].Chain = nil
		a, err := sigstore.New(trust)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := a.Authenticate(t.Context(), b, now)
		return found
	}
	if got := at(flaw{}); len(got) != 1 || !got[0].Time.Equal(now) || got[0].Issuer != "" {
		t.Errorf("got %+v, want the time alone", got)
	}
	if got := at(flaw{stampOver: flip}); len(got) != 0 {
		t.Errorf("a timestamp of another signature: %+v", got)
	}
	if got := at(flaw{noTSA: true}); len(got) != 0 {
		t.Errorf("a log entry gave a time: %+v", got)
	}
}
