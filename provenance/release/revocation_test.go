package release_test

import (
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// Every kind of revocation reads as it was written, and its schema takes it.
func TestRevocationKinds(t *testing.T) {
	schema, _ := documentOf(t, "revocation")
	valid := schemaOf(t, "revocation", schema)
	for _, r := range []release.Revocation{
		{Kind: release.RevokeAttestation, Digest: sum("a bundle"), Reason: "r"},
		{Kind: release.RevokeKey, Digest: sum("a key"), Since: date(1, 1), Reason: "two\nlines"},
		{Kind: release.RevokeBuilder, Builder: "https://builder.example/v1", Reason: "r"},
		{Kind: release.RevokeBuilder, Builder: "https://builder.example/v1", Versions: map[string]string{"runner": "1.2"}, Since: date(1, 1), Until: date(2, 1), Reason: "r"},
		{Kind: release.RevokeRelease, Digest: sum("a release"), Product: "app", Reason: "r"},
		{Kind: release.Retire, Digest: sum("a release"), Product: "team/app-1.x", Reason: "r"},
		{Kind: release.Erase, Digest: digest(t, "sha512:"+strings.Repeat("1", 128)), Product: "app", Reason: "r"},
	} {
		s := r.Statement()
		got, err := release.ParseRevocation(s)
		if err != nil {
			t.Errorf("%+v: %v", r, err)
			continue
		}
		if r.Kind == release.RevokeBuilder {
			r.Digest = sum(r.Builder)
		}
		if got.Kind != r.Kind || got.Digest != r.Digest || got.Product != r.Product || got.Builder != r.Builder || len(got.Versions) != len(r.Versions) ||
			!got.Since.Equal(r.Since) || !got.Until.Equal(r.Until) || got.Reason != r.Reason {
			t.Errorf("%+v reads as %+v", r, *got)
		}
		if err := valid(s.Predicate); err != nil {
			t.Errorf("%s: %v", s.Predicate, err)
		}
	}
}

// What a kind does not need is refused, not ignored: whoever wrote it meant something.
func TestRevocationRefuses(t *testing.T) {
	schema, _ := documentOf(t, "revocation")
	valid := schemaOf(t, "revocation", schema)
	key := release.Revocation{Kind: release.RevokeKey, Digest: sum("a key"), Since: date(1, 1), Reason: "r"}
	builder := release.Revocation{Kind: release.RevokeBuilder, Builder: "https://builder.example/v1", Since: date(1, 1), Until: date(2, 1), Reason: "r"}
	rel := release.Revocation{Kind: release.RevokeRelease, Digest: sum("a release"), Product: "app", Reason: "r"}
	for _, test := range []struct {
		base   release.Revocation
		change func(r *release.Revocation)
		want   string
	}{
		{key, func(r *release.Revocation) { r.Kind = "Key" }, "/kind"},
		{key, func(r *release.Revocation) { r.Since = builder.Since.AddDate(10000, 0, 0) }, "/since"},
		{key, func(r *release.Revocation) { r.Since = r.Until }, "/since"},
		{key, func(r *release.Revocation) { r.Until = date(9, 1) }, "/until"},
		{key, func(r *release.Revocation) { r.Product = "app" }, "/product"},
		{key, func(r *release.Revocation) { r.Builder = "b" }, "/builder"},
		{key, func(r *release.Revocation) { r.Reason = " \n" }, "/reason"},
		{key, func(r *release.Revocation) { r.Reason = "\xff" }, "/reason"},
		{key, func(r *release.Revocation) { r.Digest = provenance.Digest{} }, "/subject"},
		{key, func(r *release.Revocation) { r.Digest = digest(t, "sha1:"+strings.Repeat("1", 40)) }, "/subject"},
		{builder, func(r *release.Revocation) { r.Builder = "" }, "/builder"},
		{builder, func(r *release.Revocation) { r.Digest = sum("another") }, "/subject"},
		{builder, func(r *release.Revocation) { r.Until = r.Since }, "/until"},
		{builder, func(r *release.Revocation) { r.Versions = map[string]string{"runner": ""} }, "/versions"},
		{builder, func(r *release.Revocation) { r.Versions = map[string]string{"": "1"} }, "/versions"},
		{rel, func(r *release.Revocation) { r.Product = "" }, "/product"},
		{rel, func(r *release.Revocation) { r.Product = "App" }, "/product"},
		{rel, func(r *release.Revocation) { r.Product = "../app" }, "/product"},
		{rel, func(r *release.Revocation) { r.Product = "app/" }, "/product"},
		{rel, func(r *release.Revocation) { r.Product = "a--b" }, "/product"},
		{rel, func(r *release.Revocation) { r.Product = "app#1" }, "/product"},
		{rel, func(r *release.Revocation) { r.Product = "\u0430pp" }, "/product"}, // Cyrillic
		{rel, func(r *release.Revocation) { r.Product = strings.Repeat("a", 129) }, "/product"},
		{rel, func(r *release.Revocation) { r.Since = date(1, 1) }, "/since"},
		{rel, func(r *release.Revocation) { r.Versions = map[string]string{"a": "1"} }, "/versions"},
		{rel, func(r *release.Revocation) {
			r.Kind = release.Erase
			r.Digest = digest(t, "md5:"+strings.Repeat("1", 32))
		}, "/subject"},
	} {
		r := test.base
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		test.change(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: Validate = %v, want it to say %q", r, err, test.want)
		}
		if data, err := r.Statement().Marshal(); err == nil {
			t.Errorf("%+v can be signed: %s", r, data)
		}
	}
	for _, bad := range []string{
		`{"kind":"key","reason":"r"}`,
		`{"kind":"key","since":"2026-11-01T01:00:00Z"}`,
		`{"kind":"key","since":"2026-11-01T01:00:00Z","product":"app","reason":"r"}`,
		`{"kind":"release","reason":"r"}`,
		`{"kind":"release","product":"app","since":"2026-11-01T01:00:00Z","reason":"r"}`,
		`{"kind":"builder","reason":"r"}`,
		`{"kind":"other","reason":"r"}`,
	} {
		s := release.Revocation{Kind: release.RevokeAttestation, Digest: sum("x"), Reason: "r"}.Statement()
		s.Predicate = []byte(bad)
		if r, err := release.ParseRevocation(s); err == nil {
			t.Errorf("%s reads as %+v", bad, r)
		}
		if valid([]byte(bad)) == nil {
			t.Errorf("the schema takes %s", bad)
		}
	}
	two := key.Statement()
	two.Subject[0].Digest["sha512"] = strings.Repeat("1", 128)
	if r, err := release.ParseRevocation(two); err == nil {
		t.Errorf("two digests read as %+v", r)
	}
}
