package release_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// TestRulesRefused changes one thing in rules that can be used.
func TestRulesRefused(t *testing.T) {
	good := func() release.Rules {
		return release.Rules{Scheme: release.Free, Releasers: []string{"ci"}, Stages: []release.Stage{
			{Name: "canary", Promoters: []string{"ann"}},
			{Name: "prod", From: "canary", Soak: time.Hour, Promoters: []string{"ann"}, Approvals: []release.Quorum{{AtLeast: 2, Of: []string{"ann", "ben"}}},
				Hotfix: &release.Hotfix{Approvals: []release.Quorum{{AtLeast: 1, Of: []string{"ann"}}}, Within: 1}},
		}}
	}
	crowd := slices.Repeat([]string{"ann"}, 64)
	for _, change := range []func(r *release.Rules){
		func(*release.Rules) {}, func(r *release.Rules) { r.Scheme = release.SemVer }, func(r *release.Rules) { r.Scheme = release.CalVer },
		func(r *release.Rules) { r.Stages = nil }, func(r *release.Rules) { r.Stages[1].Hotfix = nil }, func(r *release.Rules) { r.Stages[1].Soak = 0 },
		func(r *release.Rules) { r.Stages[1].From, r.Stages[1].Soak = "", 0 },
		func(r *release.Rules) { r.Stages[1].Approvals = []release.Quorum{{AtLeast: 64, Of: crowd}} },
		func(r *release.Rules) { r.Stages[1].Approvals[0].AtLeast = 1 },
	} {
		r := good()
		if change(&r); r.Validate() != nil {
			t.Errorf("%+v: %v", r, r.Validate())
		}
	}
	for _, c := range []struct {
		want   string
		change func(r *release.Rules)
	}{
		{"/scheme is", func(r *release.Rules) { r.Scheme = "roman" }},
		{"/scheme is", func(r *release.Rules) { r.Scheme = "" }},
		{"/releasers is empty", func(r *release.Rules) { r.Releasers = nil }},
		{"/stages/0/name", func(r *release.Rules) { r.Stages[0].Name = "" }},
		{"/stages/0/name", func(r *release.Rules) { r.Stages[0].Name = "a\nb" }},
		{"/stages/1/name \"canary\" stands twice", func(r *release.Rules) { r.Stages[1].Name = "canary" }},
		{"/stages/1/from is", func(r *release.Rules) { r.Stages[1].From = "prod" }},
		{"/stages/0/from is", func(r *release.Rules) { r.Stages[0].From = "prod" }},
		{"/stages/1/soak is", func(r *release.Rules) { r.Stages[1].Soak = -1 }},
		{"/stages/0/soak is", func(r *release.Rules) { r.Stages[0].Soak = 1 }},
		{"/stages/1/promoters is empty", func(r *release.Rules) { r.Stages[1].Promoters = nil }},
		{"/stages/1/approvals/0 wants 0 of 2", func(r *release.Rules) { r.Stages[1].Approvals[0].AtLeast = 0 }},
		{"/stages/1/approvals/0 wants 3 of 2", func(r *release.Rules) { r.Stages[1].Approvals[0].AtLeast = 3 }},
		{"/stages/1/approvals wants 65 people", func(r *release.Rules) {
			r.Stages[1].Approvals = []release.Quorum{{AtLeast: 64, Of: crowd}, {AtLeast: 1, Of: crowd}}
		}},
		{"/stages/1/hotfix/approvals/0 wants 2 of 1", func(r *release.Rules) { r.Stages[1].Hotfix.Approvals[0].AtLeast = 2 }},
		{"/stages/1/hotfix/within is 0s", func(r *release.Rules) { r.Stages[1].Hotfix.Within = 0 }},
	} {
		r := good()
		c.change(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestExceptionRefused changes one thing in an exception that can be signed; what
// is refused cannot be signed, and is not read.
func TestExceptionRefused(t *testing.T) {
	good := func() release.Exception {
		return release.Exception{Digest: sum("app"), Policy: sum("policy"), Environment: "prod", Checks: []release.WaivedCheck{{Rule: "/attestations/1", Code: "stale"}},
			Reason: "the scanner is down", Expires: date(11, 23), Nonce: "n"}
	}
	for _, change := range []func(e *release.Exception){
		func(*release.Exception) {}, func(e *release.Exception) { e.Environment = "" }, func(e *release.Exception) { e.Nonce = strings.Repeat("n", 128) },
		func(e *release.Exception) { e.Expires = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC) }, func(e *release.Exception) { e.Expires = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) },
		func(e *release.Exception) { e.Reason = strings.Repeat("r", 4096) }, func(e *release.Exception) { e.Digest = digest(t, "sha512:"+strings.Repeat("a", 128)) },
	} {
		e := good()
		change(&e)
		if err := e.Validate(); err != nil {
			t.Errorf("%+v: %v", e, err)
			continue
		}
		data, err := e.Statement().Marshal()
		if err != nil {
			t.Fatal(err)
		}
		s, err := provenance.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := release.ParseException(s); err != nil || read.Reason != e.Reason || !read.Expires.Equal(e.Expires) || read.Digest != e.Digest || read.Nonce != e.Nonce {
			t.Errorf("%+v is read as %+v, %v", e, read, err)
		}
		s.Subject[0].Digest = provenance.Set(e.Digest, digest(t, "sha384:"+strings.Repeat("a", 96)))
		if read, err := release.ParseException(s); err == nil {
			t.Errorf("of two digests: %+v", read)
		}
	}
	for _, c := range []struct {
		want   string
		change func(e *release.Exception)
	}{
		{"the digest is missing", func(e *release.Exception) { e.Digest = provenance.Digest{} }},
		{"the digest is sha1", func(e *release.Exception) { e.Digest = digest(t, "sha1:"+strings.Repeat("1", 40)) }},
		{"/policy is", func(e *release.Exception) { e.Policy = provenance.Digest{} }},
		{"/policy is", func(e *release.Exception) { e.Policy = digest(t, "sha512:"+strings.Repeat("a", 128)) }},
		{"/environment is", func(e *release.Exception) { e.Environment = "a\x1b" }},
		{"/environment is", func(e *release.Exception) { e.Environment = "\xff" }},
		{"/environment is", func(e *release.Exception) { e.Environment = strings.Repeat("e", 257) }},
		{"/checks has 0", func(e *release.Exception) { e.Checks = nil }},
		{"/checks has 33", func(e *release.Exception) { e.Checks = slices.Repeat(e.Checks, 33) }},
		{"/checks/1 stands there twice", func(e *release.Exception) { e.Checks = slices.Repeat(e.Checks, 2) }},
		{"/checks/0/rule is", func(e *release.Exception) { e.Checks[0].Rule = "attestations" }},
		{"/checks/0/rule is", func(e *release.Exception) { e.Checks[0].Rule = "/\xff" }},
		{"/checks/0/rule is", func(e *release.Exception) { e.Checks[0].Rule = "/" + strings.Repeat("a", 4096) }},
		{"/checks/0/code is", func(e *release.Exception) { e.Checks[0].Code = "" }},
		{"/checks/0/code is", func(e *release.Exception) { e.Checks[0].Code = "a b" }},
		{"/checks/0/code is", func(e *release.Exception) { e.Checks[0].Code = "a\x7f" }},
		{"/checks/0/code is", func(e *release.Exception) { e.Checks[0].Code = strings.Repeat("c", 129) }},
		{"/reason has 0", func(e *release.Exception) { e.Reason = "" }},
		{"/reason has 4097", func(e *release.Exception) { e.Reason = strings.Repeat("r", 4097) }},
		{"/reason has 1", func(e *release.Exception) { e.Reason = "\xff" }},
		{"/expires is", func(e *release.Exception) { e.Expires = time.Time{} }},
		{"/expires is", func(e *release.Exception) { e.Expires = time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC) }},
		{"/expires is", func(e *release.Exception) { e.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"/nonce is", func(e *release.Exception) { e.Nonce = "a b" }},
		{"/nonce is", func(e *release.Exception) { e.Nonce = "a\x7f" }},
		{"/nonce is", func(e *release.Exception) { e.Nonce = strings.Repeat("n", 129) }},
	} {
		e := good()
		c.change(&e)
		if err := e.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if data, err := e.Statement().Marshal(); err == nil {
			t.Errorf("%s can be signed: %s", c.want, data)
		}
	}
}

// TestStateRefused changes one thing in a State that is read.
func TestStateRefused(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	w.running("1.1.0", one.ID(), one.ID())
	w.check("", w.add(tagOf(one, "v1"), "ci"))
	text, err := w.h.State("app", release.Head{Origin: "releases.acme.example", Size: w.h.Size(), Root: sum("root"), Time: w.now}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want   string
		change func(s *release.State)
	}{
		{"", func(*release.State) {}},
		{"", func(s *release.State) { s.Audits = []release.Audited{{Index: 1, Size: 1}, {Index: 2, Size: 2}} }},
		{"/product", func(s *release.State) { s.Product = "" }},
		{"/releases/0", func(s *release.State) { s.Releases[0] = nil }},
		{"/releases/1", func(s *release.State) { s.Releases[1].Number = 1 }},
		{"/releases/1", func(s *release.State) { s.Releases[1].ID = s.Releases[0].ID }},
		{"/releases/1", func(s *release.State) { s.Releases[1].Index = s.Head.Size }},
		{"/releases/1", func(s *release.State) { s.Releases[1].ID = digest(t, "sha512:"+strings.Repeat("a", 128)) }},
		{"/releases/1", func(s *release.State) { s.Releases[1].Subjects = nil }},
		{"/releases/1", func(s *release.State) {
			s.Releases[1].Subjects[0].Digest = provenance.Set(digest(t, "sha1:"+strings.Repeat("1", 40)))
		}},
		{"/releases/1", func(s *release.State) { s.Releases[1].By = nil }},
		{"/tags", func(s *release.State) { b := s.Tags["v1"]; b.Release = 0; s.Tags["v1"] = b }},
		{"/tags", func(s *release.State) { b := s.Tags["v1"]; b.Release = 2; s.Tags["v1"] = b }},
		{"/tags", func(s *release.State) { b := s.Tags["v1"]; b.Index = s.Head.Size; s.Tags["v1"] = b }},
		{"/tags", func(s *release.State) { s.Tags["-v1"] = s.Tags["v1"] }},
		{"/stages", func(s *release.State) { s.Stages["prod"] = nil }},
		{"is at no release", func(s *release.State) { s.Stages["prod"].Release = 3 }},
		{"is not where", func(s *release.State) { s.Stages["prod"].Release = 1 }},
		{"follows from nothing", func(s *release.State) { s.Stages["prod"].Moves[0].Release = 0 }},
		{"follows from nothing", func(s *release.State) { s.Stages["prod"].Moves[1].Before = 0 }},
		{"follows from nothing", func(s *release.State) { s.Stages["prod"].Moves[1].Index = s.Head.Size }},
		{"follows from nothing", func(s *release.State) { s.Stages["prod"].Moves[1].Index = s.Stages["prod"].Moves[0].Index }},
		{"runs no release", func(s *release.State) { s.Stages["prod"].Running = map[string]release.Deployed{"eu": {Release: 3}} }},
		{"runs no release", func(s *release.State) {
			s.Stages["prod"].Running = map[string]release.Deployed{"eu": {Release: 1, Index: s.Head.Size}}
		}},
		{"/audits/0", func(s *release.State) { s.Audits = []release.Audited{{Index: 1, Size: 2}} }},
		{"/audits/0", func(s *release.State) { s.Audits = []release.Audited{{Index: s.Head.Size, Size: 1}} }},
		{"/audits/1", func(s *release.State) { s.Audits = []release.Audited{{Index: 2, Size: 1}, {Index: 2, Size: 2}} }},
		{"/owed/0", func(s *release.State) { s.Owed = []*release.Owed{nil} }},
		{"/owed/0", func(s *release.State) { s.Owed = []*release.Owed{{Release: 3, Policy: sum("p")}} }},
		{"/owed/0", func(s *release.State) { s.Owed = []*release.Owed{{Release: 1, Index: s.Head.Size, Policy: sum("p")}} }},
	} {
		s, err := release.ParseState(text)
		if err != nil {
			t.Fatal(err)
		}
		c.change(s)
		changed, err := s.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := release.ParseState(changed); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
