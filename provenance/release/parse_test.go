package release_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// What a predicate has behind all that is right is refused as well, and so is a
// subject that is not the one digest.
func TestParseRefusesMore(t *testing.T) {
	approval := documented(t)
	approval.Expires = approval.Expires.UTC()
	all := append(kinds(), kind{"approval", approval, parsed(release.ParseApproval)})
	for _, k := range all {
		data, err := k.example.Statement().Marshal()
		if err != nil {
			t.Fatal(err)
		}
		parse := func(change func(s *provenance.Statement)) error {
			s, err := provenance.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			change(s)
			r, err := k.parse(s)
			if err == nil && !reflect.DeepEqual(fmt.Sprint(r), fmt.Sprint(k.example)) {
				return fmt.Errorf("it reads as %+v", r)
			}
			return err
		}
		if err := parse(func(*provenance.Statement) {}); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
		single := "one subject with one digest"
		if k.name == "genesis" {
			single = "the subject is not the trust file"
		}
		one := !slices.Contains([]string{"release", "promotion", "rollback", "deployment"}, k.name)
		for _, c := range []struct {
			change func(s *provenance.Statement)
			want   string
			of     bool
		}{
			{func(s *provenance.Statement) {
				s.Predicate = append(slices.Clone(s.Predicate[:len(s.Predicate)-1]), `,"unless":"friday"}`...)
			}, "unless", true},
			{func(s *provenance.Statement) { s.Predicate = nil }, k.name + ": ", true},
			{func(s *provenance.Statement) { s.PredicateType += "/" }, "predicate type is", true},
			{func(s *provenance.Statement) { s.Type = provenance.StatementTypeV01 }, "/_type", true},
			{func(s *provenance.Statement) { s.Subject = append(s.Subject, s.Subject...) }, single, one},
			{func(s *provenance.Statement) { s.Subject = append(s.Subject, s.Subject...) }, "twice", !one},
			{func(s *provenance.Statement) { s.Subject[0].Digest["sha512"] = strings.Repeat("1", 128) }, single, one},
			{func(s *provenance.Statement) { s.Subject[0].Digest["unheard-of"] = "1" }, single, one},
			{func(s *provenance.Statement) { s.Subject[0].Digest = provenance.DigestSet{"unheard-of": "1"} }, single, one},
			{func(s *provenance.Statement) { s.Subject[0].Digest = provenance.DigestSet{"unheard-of": "1"} }, "subject", !one},
		} {
			if err := parse(c.change); c.of && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", k.name, err, c.want)
			}
		}
	}
	// An empty list is none.
	s := exampleOf[release.Promotion](t).Statement()
	s.Predicate = []byte(strings.NewReplacer(`"tags":["1.4.0-prod"]`, `"tags":[]`, `"approvals":["`+sum("an approval").String()+`"]`, `"approvals":[]`).Replace(string(s.Predicate)))
	if p, err := release.ParsePromotion(s); err != nil || p.Tags != nil || p.Approvals != nil {
		t.Errorf("%+v, %v", p, err)
	}
	s = release.Revocation{Kind: release.RevokeBuilder, Builder: "b", Versions: map[string]string{"a": "1"}, Reason: "r"}.Statement()
	s.Predicate = []byte(strings.Replace(string(s.Predicate), `{"a":"1"}`, `{}`, 1))
	if r, err := release.ParseRevocation(s); err != nil || r.Versions != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// An exception without a nonce gets one, each time another; what is read has one.
func TestExceptionNonce(t *testing.T) {
	e := exampleOf[release.Exception](t)
	e.Nonce = ""
	one, err := release.ParseException(e.Statement())
	if err != nil || len(one.Nonce) != 32 {
		t.Fatalf("%+v, %v", one, err)
	}
	if two, err := release.ParseException(e.Statement()); err != nil || two.Nonce == one.Nonce || e.Nonce != "" {
		t.Errorf("%+v, %v", two, err)
	}
	s := one.Statement()
	s.Predicate = []byte(strings.Replace(string(s.Predicate), one.Nonce, "", 1))
	if got, err := release.ParseException(s); err == nil || err.Error() != "exception: /nonce is missing" {
		t.Errorf("%+v, %v", got, err)
	}
	s.Predicate = []byte(`{"nonce":"n"}`)
	if got, err := release.ParseException(s); err == nil {
		t.Errorf("%+v", got)
	}
}

// A statement is made of a record without changing it, in one order, with times in UTC.
func TestReleaseOrder(t *testing.T) {
	ids := []provenance.Digest{sum("a"), sum("b"), sum("c"), sum("d")}
	there := time.FixedZone("there", 3600)
	order := func(reverse bool) release.Release {
		r := exampleOf[release.Release](t)
		r.Created, r.Provenance, r.SBOMs = r.Created.In(there), slices.Clone(ids), slices.Clone(ids[:3])
		r.Built = []release.Built{{Builder: "b"}, {Builder: "a", Finished: date(2, 0)}, {Builder: "a", Finished: date(1, 0).In(there)}, {Builder: "a", Finished: date(1, 0), Keys: []string{sum("k").Hex()}},
			{Builder: "a", Finished: date(1, 0), Versions: map[string]string{"x": "2"}}, {Builder: "a", Finished: date(1, 0), Versions: map[string]string{"x": "1"}}}
		if reverse {
			slices.Reverse(r.Provenance)
			slices.Reverse(r.SBOMs)
			slices.Reverse(r.Built)
			slices.Reverse(r.Subjects)
		}
		return r
	}
	for _, reverse := range []bool{false, true} {
		r, want := order(reverse), order(reverse)
		if r.ID() != order(false).ID() {
			t.Error("another order is another release")
		}
		if !reflect.DeepEqual(r, want) {
			t.Errorf("the record was changed:\n%+v, was\n%+v", r, want)
		}
		got, err := release.ParseRelease(r.Statement())
		if err != nil || !slices.IsSortedFunc(got.Provenance, func(a, b provenance.Digest) int { return strings.Compare(a.String(), b.String()) }) || got.Created.Location() != time.UTC ||
			got.Built[0].Finished.Location() != time.UTC || got.Built[len(got.Built)-1].Builder != "b" || got.Subjects[0].Name != "app-linux-amd64" {
			t.Errorf("%+v, %v", got, err)
		}
		// Whoever writes it in another order than we do is read in ours.
		s := r.Statement()
		slices.Reverse(s.Subject)
		if got, err := release.ParseRelease(s); err != nil || got.Subjects[0].Name != "app-linux-amd64" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	r := exampleOf[release.Release](t)
	r.Version, r.PURL = "1.4.0+b 1", ""
	if r.Validate() == nil {
		t.Error("a version with a space is valid")
	}
	r.Version = "1.4.0+b"
	if got, err := release.ParseRelease(r.Statement()); err != nil || got.PURL != "pkg:generic/app@1.4.0+b" {
		t.Errorf("%+v, %v", got, err)
	}
	s := r.Statement()
	for old, want := range map[string]string{`"purl":"pkg:generic/app@1.4.0+b"`: `"purl":""`, release.ReleaseExtension: "https://other.example"} {
		bad := *s
		bad.Predicate = []byte(strings.Replace(string(s.Predicate), old, want, 1))
		if got, err := release.ParseRelease(&bad); err == nil {
			t.Errorf("without %s: %+v", old, got)
		}
	}
	if err := release.CheckProduct("App"); err == nil || release.CheckProduct("app") != nil {
		t.Error(err)
	}
}
