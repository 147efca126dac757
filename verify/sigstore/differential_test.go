package sigstore_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sgverify "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// stricter is why we refuse what sigstore-go accepts, by what our error says: the
// rows of docs/differences.md.
var stricter = []testkit.Difference{
	{Name: "root and size beside the checkpoint", Text: "it is of another tree than the inclusion proof"},
	{Name: "number of the entry", Text: "and its proof is of entry"},
	{Name: "body of the entry", Text: "it is not the entry that this signature makes"},
	{Name: "kind of the entry", Text: "and said to be"},
	{Name: "names in a checkpoint", Text: "note has no verifiable signatures"},
	{Name: "what is missing", Text: "found none"},
	{Name: "null", Text: "found null"},
	{Name: "a member twice", Text: "duplicate member"},
	{Name: "base64", Text: "not strict base64"},
}

var errNobody = errors.New("nobody is identified")

// A differential is one log, for us and for sigstore-go.
type differential struct {
	line   []byte
	ours   *sigstore.Authenticator
	theirs *sgverify.Verifier
}

func newDifferential(t testing.TB, m *mini, v2 bool) *differential {
	t.Helper()
	b, trust := m.bundle(flaw{v2: v2})
	ours, err := sigstore.New(trust)
	if err != nil {
		t.Fatal(err)
	}
	material, err := root.NewTrustedRootFromJSON(trust.Authorities["test"].TrustedRoot)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := sgverify.NewVerifier(material, sgverify.WithObserverTimestamps(1), sgverify.WithTransparencyLog(1), sgverify.WithSignedCertificateTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	line, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return &differential{line, ours, theirs}
}

// we say why we do not accept a line.
func (d *differential) we(t testing.TB, line []byte) error {
	read, err := sign.Read(bytes.NewReader(line))
	switch {
	case err != nil:
		t.Fatal(err)
	case len(read) != 1:
		return errors.New("not one line of evidence")
	case read[0].Err != nil:
		return read[0].Err
	case read[0].PAE() == nil || read[0].Format != sign.Sigstore:
		return errors.New("no statement in a Sigstore bundle")
	}
	found, err := d.ours.Authenticate(t.Context(), read[0], now)
	if err != nil {
		return err
	}
	for _, id := range found {
		if id.Issuer != "" {
			return nil
		}
	}
	return errNobody
}

func (d *differential) they(line []byte) error {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(line); err != nil {
		return err
	}
	_, err := d.theirs.Verify(&b, sgverify.NewPolicy(sgverify.WithoutArtifactUnsafe(), sgverify.WithoutIdentitiesUnsafe()))
	return err
}

// compare decides twice, and names the difference. What we accept they accept: ours
// are the same rules, and more.
func (d *differential) compare(t *testing.T, line []byte) string {
	t.Helper()
	ours, theirs := d.we(t, line), d.they(line)
	switch {
	case ours == nil && theirs != nil:
		t.Errorf("we accept what sigstore-go refuses: %v\n%s", theirs, line)
		return "looser"
	case (ours == nil) == (theirs == nil):
		return map[bool]string{true: "same: yes", false: "same: no"}[ours == nil]
	}
	if name := testkit.Explain(stricter, ours); name != "" {
		return name
	}
	t.Errorf("sigstore-go accepts what we refuse: %v\n%s", ours, line)
	return "stricter"
}

func TestAgainstSigstoreGo(t *testing.T) {
	testkit.Documented(t, "Sigstore bundles", stricter)
	m := newMini(t)
	met := map[string]int{}
	for _, v2 := range []bool{false, true} {
		d := newDifferential(t, m, v2)
		if got := d.compare(t, d.line); got != "same: yes" {
			t.Fatalf("the good bundle: %s", got)
		}
		for seed := range uint64(600) {
			met[d.compare(t, testkit.MutateJSON(rand.New(rand.NewPCG(seed, 5)), d.line))]++
		}
	}
	t.Log(met)
	if met["same: no"] < 300 || met["same: yes"] < 10 {
		t.Errorf("the mutants show nothing: %v", met)
	}
}
