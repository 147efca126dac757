package rollout_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// The drill: a tag is re-pointed in the registry, deleted, and comes back. Each
// is noticed, and what the ledger says that it names does not change.
func TestGuard(t *testing.T) {
	c := newCompany(t)
	const repository = "registry.example/app"
	image := func(version string) release.Release {
		r := c.built(version)
		r.Subjects[0].Name = repository
		return r
	}
	book := c.book("ci", "canary")
	digests := map[string]provenance.Digest{}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		ref, err := book.Release(t.Context(), image(version))
		c.must(err)
		c.must(book.Tag(t.Context(), release.Tag{Release: ref.ID, Tag: version}))
		digests[version] = ref.Digest
	}
	v, err := book.View(t.Context())
	c.must(err)
	guard := &rollout.Guard{Product: "app", Repository: repository}
	evil := provenance.SumSHA256([]byte("evil"))
	for _, look := range []struct {
		name string
		tags map[string]provenance.Digest
		want string
	}{
		{"one is not pushed yet", map[string]provenance.Digest{"1.0.0": digests["1.0.0"]}, "1.1.0 deleted"},
		{"all is well, though one was not there", digests, "1.1.0 recreated"},
		{"all is well", digests, ""},
		{"re-pointed", map[string]provenance.Digest{"1.0.0": evil, "1.1.0": digests["1.1.0"]}, "1.0.0 re-pointed"},
		{"to another release", map[string]provenance.Digest{"1.0.0": digests["1.1.0"], "1.1.0": digests["1.1.0"]}, "1.0.0 re-pointed"},
		{"put back", digests, ""},
		{"deleted", map[string]provenance.Digest{"1.1.0": digests["1.1.0"]}, "1.0.0 deleted"},
		{"still deleted", map[string]provenance.Digest{"1.1.0": digests["1.1.0"]}, "1.0.0 deleted"},
		{"recreated", digests, "1.0.0 recreated"},
		{"and well again", digests, ""},
		{"unknown", map[string]provenance.Digest{"1.0.0": digests["1.0.0"], "1.1.0": digests["1.1.0"], "latest": evil}, "latest unknown"},
		{"deleted and recreated with another digest", map[string]provenance.Digest{"1.0.0": digests["1.0.0"]}, "1.1.0 deleted, latest deleted"},
		{"which is no better", map[string]provenance.Digest{"1.0.0": digests["1.0.0"], "1.1.0": evil}, "1.1.0 re-pointed"},
	} {
		data, err := json.Marshal(guard) // it is written down between two looks
		c.must(err)
		guard = &rollout.Guard{}
		c.must(json.Unmarshal(data, guard))
		var got []string
		alarms, err := guard.Look(v, look.tags)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alarms {
			got = append(got, a.Tag+" "+a.What)
			if a.Got != look.tags[a.Tag] || a.Want != digests[a.Tag] {
				t.Errorf("%s: %+v", look.name, a)
			}
		}
		if fmt.Sprint(strings.Join(got, ", ")) != look.want {
			t.Errorf("%s: %q, want %q", look.name, got, look.want)
		}
		if d, err := v.Tag(t.Context(), "app", "1.0.0"); err != nil || d != digests["1.0.0"] {
			t.Errorf("%s: the ledger says %s, %v", look.name, d, err)
		}
	}
	// Each alarm counts once, however often it was looked at.
	if got := fmt.Sprint(guard.Found); got != "map[deleted:4 re-pointed:3 recreated:2 unknown:1]" {
		t.Errorf("found %s", got)
	}
}
