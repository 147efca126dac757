package sign_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sign"
)

// origins are the entries of a file in short: where each is from, and what it signs or why not.
func origins(t *testing.T, doc string) string {
	t.Helper()
	all, err := sign.Read(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range all {
		b.WriteString(e.Origin + ": ")
		if e.Err != nil {
			b.WriteString("! " + e.Err.Error() + "\n")
			continue
		}
		b.WriteString(string(e.Format) + " " + string(e.UnverifiedPayload()) + "\n")
	}
	return b.String()
}

func TestCollections(t *testing.T) {
	npm := func(elements ...string) string { return `{"attestations":[` + strings.Join(elements, ",") + `]}` }
	gcb := func(elements ...string) string {
		return `{"image_summary":{"digest":"x"},"provenance_summary":{"provenance":[` + strings.Join(elements, ",") + `]}}`
	}
	bundle := `{"predicateType":"p","bundle":` + goodBundle + `}`
	envelope := `{"build":{"envelope":1},"envelope":` + goodEnvelope + `}`
	for _, c := range []struct{ name, doc, want string }{
		{"npm", npm(bundle, bundle), "line 1/attestations/0: sigstore-bundle hello world\nline 1/attestations/1: sigstore-bundle hello world\n"},
		{"over several lines", strings.ReplaceAll(npm(bundle), ",", ",\n"), "line 1/attestations/0: sigstore-bundle hello world\n"},
		{"Cloud Build", gcb(envelope), "line 1/provenance_summary/provenance/0: dsse hello world\n"},
		{"beside others", goodEnvelope + "\n" + npm(bundle) + "\n" + gcb(envelope), "line 1: dsse hello world\nline 2/attestations/0: sigstore-bundle hello world\nline 3/provenance_summary/provenance/0: dsse hello world\n"},
		{"a bad one among good ones", npm(bundle, `{"bundle":{"mediaType":"x"}}`, bundle), "line 1/attestations/0: sigstore-bundle hello world\nline 1/attestations/1: ! "},
		{"unsigned", npm(`{"predicateType":"p"}`), `line 1/attestations/0: ! want member "bundle" in it, found none: nobody vouches for it` + "\n"},
		{"unsigned by Cloud Build", gcb(`{"build":{}}`), `line 1/provenance_summary/provenance/0: ! want member "envelope" in it, found none: nobody vouches for it` + "\n"},
		{"an envelope for a bundle", npm(`{"bundle":` + goodEnvelope + `}`), `line 1/attestations/0: ! member "bundle" is a dsse, want a sigstore-bundle` + "\n"},
		{"a bundle for an envelope", gcb(`{"envelope":` + goodBundle + `}`), `line 1/provenance_summary/provenance/0: ! member "envelope" is a sigstore-bundle, want a dsse` + "\n"},
		{"one in another", npm(`{"bundle":` + npm(bundle) + `}`), `line 1/attestations/0: ! member "bundle" holds evidence of several kinds` + "\n"},
		{"no list", npm(), "line 1: ! line 1, column 20: want signed attestations, found an empty list of them\n"},
		{"no list of Cloud Build", `{"provenance_summary":{}}`, "line 1: ! line 1, column 26: want signed attestations, found an empty list of them\n"},
		{"two kinds", strings.TrimSuffix(npm(bundle), "}") + `,"provenance_summary":{}}`, "line 1: ! line 1, column"},
		{"an envelope as well", strings.Replace(goodEnvelope, "{", `{"attestations":[],`, 1), "line 1: ! line 1, column"},
		{"a bundle as well", strings.Replace(goodBundle, "{", `{"attestations":[],`, 1), "line 1: ! line 1, column"},
		{"a member twice", npm(strings.Replace(bundle, `"predicateType"`, `"bundle":{},"predicateType"`, 1)), `line 1: ! line 1, column`},
		{"a name in other case", npm(strings.Replace(bundle, `"bundle"`, `"Bundle"`, 1)), `line 1: ! line 1, column`},
		{"another list of that name", strings.Replace(goodEnvelope, "{", `{"attestations":1,`, 1), "line 1: dsse hello world\n"},
	} {
		if got := origins(t, c.doc); !strings.HasPrefix(got, c.want) || strings.HasSuffix(c.want, "\n") && got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
	// The limit of entries holds in a list, too.
	all, err := sign.Read(strings.NewReader(npm(strings.Split(strings.Repeat(`{};`, sign.MaxLines+1), ";")[:sign.MaxLines+1]...)))
	if err != nil || len(all) != sign.MaxLines+1 || !errors.Is(all[sign.MaxLines].Err, sign.ErrLimit) {
		t.Errorf("%d entries, %v, want the last to be over the limit", len(all), err)
	}
}

// A certificate that comes along in an envelope is read, and written again.
func TestCertificateInEnvelope(t *testing.T) {
	one := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("leaf")}))
	two := one + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("above")}))
	with := func(cert string) string {
		return strings.Replace(goodEnvelope, `"keyid"`, `"cert":`+strings.ReplaceAll(`"`+cert+`"`, "\n", `\n`)+`,"keyid"`, 1)
	}
	for cert, want := range map[string]string{one: "leaf", two: "leaf,above", "\n" + one: "leaf", strings.TrimSpace(one): "leaf"} {
		b := readOne(t, []byte(with(cert)))
		if got := string(bytes.Join(b.Signatures[0].Chain, []byte(","))); got != want || b.Format != sign.DSSE {
			t.Errorf("%q: chain is %q of %s, want %q", cert, got, b.Format, want)
		}
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if again := readOne(t, line); string(bytes.Join(again.Signatures[0].Chain, []byte(","))) != want || again.ID() != b.ID() {
			t.Errorf("%q: written as %s", cert, line)
		}
	}
	for cert, want := range map[string]string{
		"x":                                  "want certificates in PEM",
		one + "x":                            "want certificates in PEM",
		"x" + one:                            "want certificates in PEM",
		one[:len(one)/2]:                     "want certificates in PEM",
		strings.Repeat(one, 9):               "more than 8 certificates",
		strings.Replace(one, "CERT", "X", 2): "want certificates in PEM",
	} {
		if err := readErr(t, []byte(with(cert))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", cert, err, want)
		}
	}
	if err := readErr(t, []byte(strings.Replace(goodBundle, `"sig":`, `"cert":"","sig":`, 1))); err == nil {
		t.Error("in a Sigstore bundle, which is closed: no error")
	}
}

// What npm, Google Cloud Build and the SLSA generators wrote is read. That a case is to fail has other reasons than
// its form, so that every one of them is well formed.
func TestReadOthers(t *testing.T) {
	root := testkit.Corpus(t)
	seen, read := map[string]bool{}, map[string]int{}
	for _, row := range testkit.Rows(t, filepath.Join(root, "slsa-verifier", "expected.csv")) {
		format, path := row[1], row[2]
		if seen[path] || format != "npm-attestations" && format != "gcb-provenance" && format != "dsse-embedded-cert" {
			continue
		}
		seen[path] = true
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		all, err := sign.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		good := 0
		for _, b := range all {
			if b.Err == nil {
				good++
				read[format]++
			} else if row[10] == "pass" {
				t.Errorf("%s: %s: %v", path, b.Origin, b.Err)
			}
			if b.Err == nil && format == "dsse-embedded-cert" && len(b.Signatures[0].Chain) != 1 {
				t.Errorf("%s: %d certificates", path, len(b.Signatures[0].Chain))
			}
		}
		if good == 0 && row[10] == "pass" {
			t.Errorf("%s: nothing was read", path)
		}
	}
	if read["npm-attestations"] < 10 || read["gcb-provenance"] < 10 || read["dsse-embedded-cert"] < 50 {
		t.Errorf("read %v, want some of each", read)
	}
}
