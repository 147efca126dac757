package provenance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

// hexOf is n digits of hexadecimal, all c.
func hexOf(c string, n int) string { return strings.Repeat(c, n) }

func TestParseDigest(t *testing.T) {
	lengths := map[string][]int{
		"sha256": {64}, "sha224": {56}, "sha384": {96}, "sha512": {128}, "sha512_224": {56}, "sha512_256": {64},
		"sha3_224": {56}, "sha3_256": {64}, "sha3_384": {96}, "sha3_512": {128},
		"blake2b": {128}, "blake2s": {64}, "ripemd160": {40}, "sm3": {64}, "gost": {64}, "sha1": {40}, "md5": {32},
		"gitCommit": {40, 64}, "gitTree": {40, 64}, "gitBlob": {40, 64}, "gitTag": {40, 64}, "dirHash": {64},
	}
	for algorithm, want := range lengths {
		allowed := map[int]bool{}
		for _, n := range want {
			allowed[n] = true
		}
		for n := range 130 {
			s := algorithm + ":" + hexOf("a", n)
			d, err := provenance.ParseDigest(s)
			if got := err == nil; got != allowed[n] {
				t.Errorf("ParseDigest(%q) = %v, %v", s, d, err)
			}
			if err == nil && (d.String() != s || d.Algorithm() != algorithm || d.Hex() != hexOf("a", n)) {
				t.Errorf("ParseDigest(%q) = %q", s, d)
			}
		}
	}
}

// docs/threats.md, row 8: one spelling, so that no two readers disagree about what matches.
func TestParseDigestRefuses(t *testing.T) {
	good := "sha256:" + hexOf("a", 64)
	if _, err := provenance.ParseDigest(good); err != nil {
		t.Fatalf("ParseDigest(%q): %v", good, err)
	}
	for _, s := range []string{
		"", ":", "sha256", "sha256:", ":" + hexOf("a", 64),
		"sha256:" + hexOf("A", 64), "sha256:" + hexOf("a", 63) + "A", "sha256:" + hexOf("a", 63), "sha256:" + hexOf("a", 65), "sha256:" + hexOf("a", 32),
		"sha256:" + hexOf("a", 63) + "g", "sha256: " + hexOf("a", 63), "sha256:" + hexOf("a", 63) + "\n", " " + good, good + " ", good + "\x00",
		"sha256=" + hexOf("a", 64), "sha256::" + hexOf("a", 64), "sha256:0x" + hexOf("a", 62), "sha256:" + hexOf("a", 62) + "é",
		"SHA256:" + hexOf("a", 64), "Sha256:" + hexOf("a", 64), "sha-256:" + hexOf("a", 64), "sha2_56:" + hexOf("a", 64), "ſha256:" + hexOf("a", 64),
		"gitcommit:" + hexOf("a", 40), "GitCommit:" + hexOf("a", 40), "dirhash:" + hexOf("a", 64), "dirHash2:" + hexOf("a", 64), "h1:" + hexOf("a", 64),
		"dirHash:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		"shake128:" + hexOf("a", 64), "shake256:" + hexOf("a", 64), "arn:aws:s3", "svn_revision_id:12",
	} {
		if d, err := provenance.ParseDigest(s); err == nil {
			t.Errorf("ParseDigest(%q) = %q, want an error", s, d)
		}
	}
}

func TestDigest(t *testing.T) {
	const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := provenance.SumSHA256(nil).String(); got != empty {
		t.Errorf("SumSHA256(nil) = %s, want %s", got, empty)
	}
	old, err := provenance.ParseDigest("dirHash1:" + hexOf("b", 64))
	if want := "dirHash:" + hexOf("b", 64); err != nil || old.String() != want {
		t.Errorf("dirHash1 reads as %q, %v, want %q", old, err, want)
	}
	var zero provenance.Digest
	if !zero.IsZero() || zero.String() != "" || old.IsZero() {
		t.Errorf("the zero Digest is %q, zero %t", zero, zero.IsZero())
	}
	type pair struct{ A, B provenance.Digest }
	data, err := json.Marshal(pair{A: old})
	if want := `{"A":"` + old.String() + `","B":""}`; err != nil || string(data) != want {
		t.Errorf("JSON is %s, %v, want %s", data, err, want)
	}
	back := pair{B: old}
	if err := json.Unmarshal(data, &back); err != nil || back != (pair{A: old}) {
		t.Errorf("JSON reads as %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"sha256:AA"}`), &back); err == nil || back.A != old {
		t.Errorf("a bad digest in JSON gives %v, %v", back, err)
	}
}

func TestDigestSet(t *testing.T) {
	a, b := provenance.SumSHA256([]byte("a")), provenance.SumSHA256([]byte("b"))
	set := provenance.Set(a, provenance.Digest{})
	if len(set) != 1 || set["sha256"] != a.Hex() {
		t.Errorf("Set = %v", set)
	}
	set = provenance.DigestSet{
		"sha512": hexOf("c", 128), "arn": "arn:aws:s3:::x", "sha384": "short", "dirHash1": b.Hex(), "sha256": a.Hex(), "shake128": "00",
	}
	var got []string
	for _, d := range set.Digests() {
		got = append(got, d.String())
	}
	want := "dirHash:" + b.Hex() + " sha256:" + a.Hex() + " sha512:" + hexOf("c", 128)
	if strings.Join(got, " ") != want {
		t.Errorf("Digests = %s, want %s", got, want)
	}
	for _, algorithm := range []string{"arn", "sha384", "md5", "shake128", "SHA256", ""} {
		if d, ok := set.Get(algorithm); ok || !d.IsZero() {
			t.Errorf("Get(%q) = %q, %t", algorithm, d, ok)
		}
	}
	if d, ok := set.Get("sha256"); !ok || d != a {
		t.Errorf("Get(sha256) = %q, %t", d, ok)
	}
}

func TestDigestSetValidate(t *testing.T) {
	sha := hexOf("a", 64)
	for _, test := range []struct {
		set provenance.DigestSet
		ok  bool
	}{
		{nil, true},
		{provenance.DigestSet{"sha256": sha}, true},
		{provenance.DigestSet{"sha256": sha, "arn": "arn:aws:x", "svn_revision_id": "12", "shake128": "0"}, true},
		{provenance.DigestSet{"dirHash1": sha}, true},
		{provenance.DigestSet{"dirHash1": sha, "dirHash": sha}, true},
		{provenance.DigestSet{"dirHash1": sha, "dirHash": hexOf("b", 64)}, false},
		{provenance.DigestSet{"dirHash1": "a"}, false},
		{provenance.DigestSet{"sha256": hexOf("A", 64)}, false},
		{provenance.DigestSet{"sha256": sha + "0"}, false},
		{provenance.DigestSet{"sha256": ""}, false},
		{provenance.DigestSet{"sha256": sha, "md5": "0"}, false},
		{provenance.DigestSet{"SHA256": sha}, false},
		{provenance.DigestSet{"SHA-256": sha}, false},
		{provenance.DigestSet{"sha3-256": sha}, false},
		{provenance.DigestSet{"gitcommit": hexOf("a", 40)}, false},
		{provenance.DigestSet{"gitCommit": hexOf("a", 40)}, true},
		{provenance.DigestSet{"gitCommit": sha}, true},
		{provenance.DigestSet{"gitCommit": hexOf("a", 41)}, false},
		{provenance.DigestSet{"": sha}, false},
		{provenance.DigestSet{" sha256": sha}, false},
		{provenance.DigestSet{"\u017fha256": sha}, false}, // long s
		{provenance.DigestSet{"arn": "two\nlines"}, false},
	} {
		if err := test.set.Validate(); (err == nil) != test.ok {
			t.Errorf("%q: Validate = %v, want ok %t", test.set, err, test.ok)
		}
	}
}

// in-toto attestation, DigestSet, but strictly: every digest that can be
// computed must agree (docs/threats.md, rows 5 to 8).
func TestMatch(t *testing.T) {
	a, b := hexOf("a", 64), hexOf("b", 64)
	a5, b5 := hexOf("a", 128), hexOf("b", 128)
	a1, b1 := hexOf("a", 40), hexOf("b", 40)
	type set = provenance.DigestSet
	for _, test := range []struct {
		name              string
		claimed, computed set
		want              provenance.Match
	}{
		{"same", set{"sha256": a}, set{"sha256": a}, provenance.Matched},
		{"other", set{"sha256": a}, set{"sha256": b}, provenance.NoMatch},
		{"two agree", set{"sha256": a, "sha512": a5}, set{"sha256": a, "sha512": a5}, provenance.Matched},
		{"one not computed", set{"sha256": a, "sha512": a5}, set{"sha256": a}, provenance.Matched},
		{"one not claimed", set{"sha512": a5}, set{"sha256": a, "sha512": a5}, provenance.Matched},
		{"none shared", set{"sha512": a5}, set{"sha256": a}, provenance.NoMatch},
		{"strong ones contradict", set{"sha256": a, "sha512": b5}, set{"sha256": a, "sha512": a5}, provenance.Conflict},
		{"all strong ones differ", set{"sha256": b, "sha512": b5}, set{"sha256": a, "sha512": a5}, provenance.NoMatch},
		{"row 7: sha1 agrees, sha256 does not", set{"sha256": b, "sha1": a1}, set{"sha256": a, "sha1": a1}, provenance.Conflict},
		{"sha256 agrees, sha1 is ignored", set{"sha256": a, "sha1": b1}, set{"sha256": a, "sha1": a1}, provenance.Matched},
		{"row 6: md5 only", set{"md5": hexOf("a", 32)}, set{"md5": hexOf("a", 32), "sha256": a}, provenance.Weak},
		{"row 6: sha1 only, not computed", set{"sha1": a1}, set{"sha256": a}, provenance.Weak},
		{"sha1 only, another", set{"sha1": b1}, set{"sha256": a, "sha1": a1}, provenance.NoMatch},
		{"row 6: arn only", set{"arn": "arn:aws:x"}, set{"sha256": a}, provenance.Weak},
		{"the same arn", set{"arn": "arn:aws:x"}, set{"arn": "arn:aws:x"}, provenance.Weak},
		{"sha512_256 is carried", set{"sha512_256": a}, set{"sha512_256": a}, provenance.Weak},
		{"folder", set{"dirHash": a}, set{"dirHash": a}, provenance.Matched},
		{"folder, old name", set{"dirHash1": a}, set{"dirHash": a}, provenance.Matched},
		{"a file is no folder", set{"dirHash": a}, set{"sha256": a}, provenance.NoMatch},
		{"commit", set{"gitCommit": a1}, set{"gitCommit": a1}, provenance.Matched},
		{"commit and tree contradict", set{"gitCommit": a1, "gitTree": b1}, set{"gitCommit": a1, "gitTree": a1}, provenance.Conflict},
		{"a sha1 is no commit", set{"sha1": a1}, set{"gitCommit": a1}, provenance.Weak},
		{"nothing claimed", set{}, set{"sha256": a}, provenance.NoMatch},
		{"nothing computed", set{"sha256": a}, set{}, provenance.NoMatch},
		{"nothing at all", nil, nil, provenance.NoMatch},
		{"upper case on both sides", set{"sha256": hexOf("A", 64)}, set{"sha256": hexOf("A", 64)}, provenance.NoMatch},
		{"empty on both sides", set{"sha256": ""}, set{"sha256": ""}, provenance.NoMatch},
		{"malformed beside good", set{"sha256": a, "sha512": "0"}, set{"sha256": a}, provenance.NoMatch},
	} {
		if got := test.claimed.Match(test.computed); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	for _, s := range []string{"sha256:" + hexOf("a", 64), "gitCommit:" + hexOf("0", 40), "dirHash1:" + hexOf("f", 64), "SHA256:00", ":", "arn:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := provenance.ParseDigest(s)
		if err != nil {
			if !d.IsZero() {
				t.Errorf("ParseDigest(%q) = %q and %v", s, d, err)
			}
			return
		}
		if got := d.String(); got != s && got != strings.Replace(s, "dirHash1:", "dirHash:", 1) {
			t.Errorf("ParseDigest(%q) prints as %q", s, got)
		}
		if again, err := provenance.ParseDigest(d.String()); err != nil || again != d {
			t.Errorf("%q does not survive a round trip: %v", s, err)
		}
		set := provenance.Set(d)
		if err := set.Validate(); err != nil || set.Match(set) == provenance.NoMatch {
			t.Errorf("a set of %q: %v, %v", s, err, set.Match(set))
		}
	})
}
