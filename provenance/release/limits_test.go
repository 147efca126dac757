package release_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// exampleOf is the example of a kind, to be changed.
func exampleOf[R record](t *testing.T) R {
	t.Helper()
	for _, k := range kinds() {
		if r, ok := k.example.(R); ok {
			return r
		}
	}
	t.Fatalf("there is no example of %T", *new(R))
	panic("")
}

func changed[R record](t *testing.T, change func(r *R)) record {
	t.Helper()
	r := exampleOf[R](t)
	change(&r)
	return r
}

func many(n int) (out []provenance.Digest) {
	for i := range n {
		out = append(out, sum(fmt.Sprint(i)))
	}
	return out
}

// Each member may have its last value, and not the next one; what may stand
// alone is tried alone. A record that is refused says which member it is.
func TestLimits(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	sha1, sha512 := digest(t, "sha1:"+strings.Repeat("1", 40)), digest(t, "sha512:"+strings.Repeat("1", 128))
	first, last := time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	before, after := time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	rel := func(change func(r *release.Release)) record { return changed(t, change) }
	pro := func(change func(p *release.Promotion)) record { return changed(t, change) }
	dep := func(change func(d *release.Deployment)) record { return changed(t, change) }
	rol := func(change func(r *release.Rollback)) record { return changed(t, change) }
	tag := func(change func(x *release.Tag)) record { return changed(t, change) }
	rev := func(change func(r *release.Revocation)) record { return changed(t, change) }
	aud := func(change func(a *release.Audit)) record { return changed(t, change) }
	gen := func(change func(g *release.Genesis)) record { return changed(t, change) }
	tru := func(change func(x *release.Trust)) record { return changed(t, change) }
	exc := func(change func(e *release.Exception)) record { return changed(t, change) }
	app := func(change func(a *release.Approval)) record {
		a := documented(t)
		change(&a)
		return a
	}
	built := func(change func(b *release.Built)) record {
		return rel(func(r *release.Release) { change(&r.Built[0]) })
	}
	names := func(n int) (out []provenance.ResourceDescriptor) {
		return []provenance.ResourceDescriptor{{Name: text(n), Digest: provenance.Set(sum("x"))}}
	}
	tags := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprint("t", i))
		}
		return out
	}
	versions := func(n int) map[string]string {
		out := map[string]string{}
		for i := range n {
			out[fmt.Sprint(i)] = "1"
		}
		return out
	}
	for _, c := range []struct {
		r    record
		want string // "" is that it is valid
	}{
		{rel(func(r *release.Release) { r.Product = text(128) }), ""},
		{rel(func(r *release.Release) { r.Product = text(129) }), "/product"},
		{rel(func(r *release.Release) { r.Product = "" }), "/product is missing"},
		{rel(func(r *release.Release) { r.Product = "a.b_c-d/e" }), ""},
		{rel(func(r *release.Release) { r.Product = "09az" }), ""},
		{rel(func(r *release.Release) { r.Product = "a`" }), "/product"},
		{rel(func(r *release.Release) { r.Product = "a{" }), "/product"},
		{rel(func(r *release.Release) { r.Product = "a:" }), "/product"},
		{rel(func(r *release.Release) { r.Product = ".a" }), "/product"},
		{rel(func(r *release.Release) { r.Product = "a._b" }), "/product"},
		{rel(func(r *release.Release) { r.Version, r.PURL = text(128), "" }), ""},
		{rel(func(r *release.Release) { r.Version, r.PURL = text(129), "" }), "/version"},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/app@1.4.0?arch=amd64#sub@2" }), ""},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/app@1%2E4.0" }), ""},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/app@1%2" }), "/purl"},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/app@1.4.1?v=@1.4.0" }), "/purl"},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/app@1.4.1#v@1.4.0" }), "/purl"},
		{rel(func(r *release.Release) { r.PURL = "1.4.0" }), "/purl"},
		{rel(func(r *release.Release) { r.PURL = "pkg:" }), "/purl"},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/" + text(2048-18) + "@1.4.0" }), ""},
		{rel(func(r *release.Release) { r.PURL = "pkg:generic/" + text(2049-18) + "@1.4.0" }), "/purl"},
		{rel(func(r *release.Release) { r.Version, r.PURL = "a+b", "" }), ""},
		{rel(func(r *release.Release) { r.Subjects = nil }), "/subject is empty"},
		{rel(func(r *release.Release) { r.Subjects = names(2048) }), ""},
		{rel(func(r *release.Release) { r.Subjects = names(2049) }), "/subject/0/name"},
		{rel(func(r *release.Release) { r.Subjects[1].Name = "" }), "/subject/1/name"},
		{rel(func(r *release.Release) { r.Subjects[1].Name = r.Subjects[0].Name }), "twice"},
		{rel(func(r *release.Release) { r.Subjects[1].Digest = provenance.DigestSet{"sha256": "x"} }), "/subject/1"},
		{rel(func(r *release.Release) { r.Subjects[1].Digest = provenance.Set(sha1) }), "/subject/1 has no digest"},
		{rel(func(r *release.Release) { r.Subjects[1].Digest = provenance.Set(sha1, sha512) }), ""},
		{rel(func(r *release.Release) {
			r.Subjects[1].Digest = provenance.DigestSet{"sha256": sum("x").Hex(), "sha512": "x"}
		}), "/subject/1: "},
		{rel(func(r *release.Release) { r.Config = sha512 }), "/config"},
		{rel(func(r *release.Release) { r.Config = digest(t, "dirHash:"+strings.Repeat("1", 64)) }), ""},
		{rel(func(r *release.Release) { r.Provenance = many(1024) }), ""},
		{rel(func(r *release.Release) { r.Provenance = many(1025) }), "/provenance has 1025"},
		{rel(func(r *release.Release) { r.Provenance = append(many(2), many(1)...) }), "/provenance has"},
		{rel(func(r *release.Release) { r.SBOMs = []provenance.Digest{sha512} }), "/sboms"},
		{rel(func(r *release.Release) { r.Run = text(2048) }), ""},
		{rel(func(r *release.Release) { r.Run = text(2049) }), "/run"},
		{rel(func(r *release.Release) { r.Run = "a\x1b" }), "/run"},
		{rel(func(r *release.Release) { r.Run = "\xff" }), "/run"},
		{rel(func(r *release.Release) { r.Created = time.Time{} }), ""},
		{rel(func(r *release.Release) { r.Created = first }), ""},
		{rel(func(r *release.Release) { r.Created = last }), ""},
		{rel(func(r *release.Release) { r.Created = before }), "/created"},
		{rel(func(r *release.Release) { r.Created = after }), "/created"},
		{rel(func(r *release.Release) { r.Repository = "" }), ""},
		{rel(func(r *release.Release) { r.Repository = "https://h/" + text(2048-10) }), ""},
		{rel(func(r *release.Release) { r.Repository = "https://h/" + text(2049-10) }), "/repository"},
		{rel(func(r *release.Release) { r.Repository = "https:///x" }), "/repository"},
		{rel(func(r *release.Release) { r.Repository = "https://h/%zz" }), "/repository"},
		{rel(func(r *release.Release) { r.Commit = provenance.Digest{} }), ""},
		{rel(func(r *release.Release) { r.Commit = sum("x") }), "/commit"},
		{rel(func(r *release.Release) { r.Notes = sha512 }), "/notes"},
		{rel(func(r *release.Release) { r.ChangeLog = sha512 }), "/changeLog"},
		{rel(func(r *release.Release) { r.Policy = sha512 }), "/policy"},
		{rel(func(r *release.Release) { r.VSA = sha512 }), "/vsa"},
		{rel(func(r *release.Release) { r.Built = slices.Repeat(r.Built, 1024) }), ""},
		{rel(func(r *release.Release) { r.Built = slices.Repeat(r.Built, 1025) }), "/built has 1025"},
		{built(func(b *release.Built) { b.Builder = text(2048) }), ""},
		{built(func(b *release.Built) { b.Builder = text(2049) }), "/built/0/builder"},
		{built(func(b *release.Built) { b.Builder = "" }), "/built/0/builder is missing"},
		{built(func(b *release.Built) { b.Keys = nil }), ""},
		{built(func(b *release.Built) { b.Keys = sorted(sum("a").Hex(), sum("b").Hex()) }), ""},
		{built(func(b *release.Built) { b.Keys = slices.Repeat(b.Keys, 2) }), "/built/0/keys/1"},
		{built(func(b *release.Built) {
			b.Keys = sorted(sum("a").Hex(), sum("b").Hex())
			slices.Reverse(b.Keys)
		}), "/built/0/keys/1"},
		{built(func(b *release.Built) { b.Keys = []string{"x"} }), "/built/0/keys/0"},
		{built(func(b *release.Built) { b.Finished = after }), "/built/0/finished"},
		{built(func(b *release.Built) { b.Versions = versions(64) }), ""},
		{built(func(b *release.Built) { b.Versions = versions(65) }), "/built/0/versions has 65"},
		{built(func(b *release.Built) { b.Versions = map[string]string{text(256): text(256)} }), ""},
		{built(func(b *release.Built) { b.Versions = map[string]string{text(257): "1"} }), "/built/0/versions"},
		{built(func(b *release.Built) { b.Versions = map[string]string{"a": text(257)} }), "/built/0/versions"},
		{built(func(b *release.Built) { b.Versions = map[string]string{"a": ""} }), "/built/0/versions"},
		{tag(func(x *release.Tag) { x.Tag = text(128) }), ""},
		{tag(func(x *release.Tag) { x.Tag = text(129) }), "/tag"},
		{tag(func(x *release.Tag) { x.Tag = "_a.b-c" }), ""},
		{tag(func(x *release.Tag) { x.Tag = "a+b" }), "/tag"},
		{tag(func(x *release.Tag) { x.Tag = "-a" }), "/tag"},
		{tag(func(x *release.Tag) { x.Tag = "" }), "/tag is missing"},
		{tag(func(x *release.Tag) { x.Digest = sha512 }), ""},
		{tag(func(x *release.Tag) { x.Digest = sha1 }), "/subject"},
		{tag(func(x *release.Tag) { x.Release = sha512 }), "/release"},
		{pro(func(p *release.Promotion) { p.From = "" }), ""},
		{pro(func(p *release.Promotion) { p.From = text(256) }), ""},
		{pro(func(p *release.Promotion) { p.From = text(257) }), "/from"},
		{pro(func(p *release.Promotion) { p.To = text(257) }), "/to"},
		{pro(func(p *release.Promotion) { p.To = "" }), "/to is missing"},
		{pro(func(p *release.Promotion) { p.To = p.From }), "/from and /to are both"},
		{pro(func(p *release.Promotion) { p.Replaces = provenance.Digest{} }), ""},
		{pro(func(p *release.Promotion) { p.Replaces = sha512 }), "/replaces"},
		{pro(func(p *release.Promotion) { p.Replaces = p.Release }), "/replaces and /release are the same"},
		{pro(func(p *release.Promotion) { p.Release = sha512 }), "/release"},
		{pro(func(p *release.Promotion) { p.Subjects = nil }), "/subject"},
		{pro(func(p *release.Promotion) { p.Policy = provenance.Digest{} }), "/policy"},
		{pro(func(p *release.Promotion) { p.VSA = provenance.Digest{} }), "/vsa"},
		{pro(func(p *release.Promotion) { p.Approvals, p.Tags = nil, nil }), ""},
		{pro(func(p *release.Promotion) { p.Approvals = []provenance.Digest{sha512} }), "/approvals"},
		{pro(func(p *release.Promotion) { p.Tags = tags(64) }), ""},
		{pro(func(p *release.Promotion) { p.Tags = tags(65) }), "/tags has 65"},
		{pro(func(p *release.Promotion) { p.Tags = []string{"a", "b", "a"} }), "/tags has \"a\" twice"},
		{pro(func(p *release.Promotion) { p.Tags = []string{"a", "/"} }), "/tags is \"/\""},
		{pro(func(p *release.Promotion) { p.Reason = "" }), ""},
		{pro(func(p *release.Promotion) { p.Hotfix, p.Reason = true, " \t" }), "/reason is missing"},
		{pro(func(p *release.Promotion) { p.Reason = text(4096) }), ""},
		{pro(func(p *release.Promotion) { p.Reason = text(4097) }), "/reason has 4097"},
		{pro(func(p *release.Promotion) { p.Reason = "\xff" }), "/reason has 1"},
		{rol(func(r *release.Rollback) { r.KnownGood, r.Performed = provenance.Digest{}, time.Time{} }), ""},
		{rol(func(r *release.Rollback) { r.KnownGood = provenance.Digest{} }), "/knownGood"},
		{rol(func(r *release.Rollback) { r.KnownGood = sha512 }), "/knownGood"},
		{rol(func(r *release.Rollback) { r.Performed = time.Time{} }), "/performed"},
		{rol(func(r *release.Rollback) { r.Release = sha512 }), "/release"},
		{rol(func(r *release.Rollback) { r.Config = sha512 }), "/config"},
		{rol(func(r *release.Rollback) { r.Subjects = nil }), "/subject"},
		{dep(func(d *release.Deployment) { d.Cluster, d.Reference, d.Run = "", "", "" }), ""},
		{dep(func(d *release.Deployment) { d.Cluster = text(257) }), "/cluster"},
		{dep(func(d *release.Deployment) { d.Reference = text(2049) }), "/reference"},
		{dep(func(d *release.Deployment) { d.Run = text(2049) }), "/run"},
		{dep(func(d *release.Deployment) { d.At = time.Time{} }), "/at"},
		{dep(func(d *release.Deployment) { d.Result = "" }), "/result"},
		{dep(func(d *release.Deployment) { d.Result = release.PullFailed }), ""},
		{dep(func(d *release.Deployment) { d.Result = release.VerifyFailed }), ""},
		{dep(func(d *release.Deployment) { d.Config = provenance.Digest{} }), "/config"},
		{rev(func(r *release.Revocation) { r.Since = first }), ""},
		{rev(func(r *release.Revocation) { r.Since = before }), "/since"},
		{rev(func(r *release.Revocation) {
			*r = release.Revocation{Kind: release.RevokeBuilder, Builder: text(2048), Until: last, Reason: "r"}
		}), ""},
		{rev(func(r *release.Revocation) {
			*r = release.Revocation{Kind: release.RevokeBuilder, Builder: text(2049), Reason: "r"}
		}), "/builder"},
		{rev(func(r *release.Revocation) {
			*r = release.Revocation{Kind: release.RevokeBuilder, Builder: "b", Until: after, Reason: "r"}
		}), "/until"},
		{rev(func(r *release.Revocation) {
			*r = release.Revocation{Kind: release.RevokeBuilder, Builder: "b", Versions: versions(65), Reason: "r"}
		}), "/versions has 65"},
		{aud(func(a *release.Audit) { a.Size = 1 }), ""},
		{aud(func(a *release.Audit) { a.Size = 0 }), "/size"},
		{aud(func(a *release.Audit) { a.Size = 1 << 53 }), ""},
		{aud(func(a *release.Audit) { a.Size = 1<<53 + 1 }), "/size"},
		{aud(func(a *release.Audit) { a.State = sha512 }), "/subject"},
		{aud(func(a *release.Audit) { a.Root = sha512 }), "/root"},
		{gen(func(g *release.Genesis) { g.Origin = text(256) }), ""},
		{gen(func(g *release.Genesis) { g.Origin = text(257) }), "/origin"},
		{gen(func(g *release.Genesis) { g.Origin = "" }), "/origin is missing"},
		{gen(func(g *release.Genesis) { g.Trust = []byte(`[]`) }), "/trust is no JSON object"},
		{gen(func(g *release.Genesis) { g.Trust = []byte(`{`) }), "/trust is no JSON object"},
		{gen(func(g *release.Genesis) { g.Trust = nil }), "/trust is no JSON object"},
		{tru(func(x *release.Trust) { x.Version = 1 }), "/version"},
		{tru(func(x *release.Trust) { x.Digest = sha512 }), "/subject"},
		{tru(func(x *release.Trust) { x.Envelope = []byte(`"{}"`) }), "/envelope is no JSON object"},
		{exc(func(e *release.Exception) { e.Environment = text(256) }), ""},
		{exc(func(e *release.Exception) { e.Checks[0].Rule = "/" + text(4095) }), ""},
		{exc(func(e *release.Exception) { e.Checks[0].Code = text(128) }), ""},
		{exc(func(e *release.Exception) {
			e.Checks = nil
			for i := range 32 {
				e.Checks = append(e.Checks, release.WaivedCheck{Rule: fmt.Sprint("/", i), Code: "!~"})
			}
		}), ""},
		{app(func(a *release.Approval) { a.From, a.To = text(256), text(256) }), "/from and /to"},
		{app(func(a *release.Approval) { a.From, a.To = text(256), "y"+text(255) }), ""},
		{app(func(a *release.Approval) { a.Expires = first }), ""},
		{app(func(a *release.Approval) { a.Expires = last }), ""},
		{app(func(a *release.Approval) { a.Expires = before }), "/expires"},
		{app(func(a *release.Approval) { a.Nonce = "!~" + text(126) }), ""},
		{app(func(a *release.Approval) { a.Nonce = "a\x7f" }), "/nonce"},
		{app(func(a *release.Approval) { a.Reason = text(4096) }), ""},
	} {
		err := c.r.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q", c.r, err, c.want)
		}
		data, err := c.r.Statement().Marshal()
		if (err == nil) != (c.want == "") {
			t.Errorf("%T, want %q: signed is %.80s, %v", c.r, c.want, data, err)
		}
	}
}
