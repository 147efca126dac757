package rollout_test

import (
	"fmt"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// What releases name is listed once, with who needs it: a release that is at a
// stage, may be rolled back to, or is on its way. One that was rolled back from,
// revoked or retired needs nothing, unless another names the same.
func TestSurvey(t *testing.T) {
	w := history.New(t)
	one := w.Running("1.0.0", provenance.Digest{})
	two := w.Running("1.1.0", one.ID())
	back := release.Rollback{Product: "app", Environment: "prod", Release: one.ID(), Subjects: one.Subjects, Config: one.Config, Reason: "error rate"}
	w.Add(back.Statement(), "dan")
	three := history.Build("1.2.0")
	three.Notes, three.Config = history.Sum("notes"), history.Sum("its own")
	w.Add(three.Statement(), "ci")
	four := history.Build("1.3.0")
	four.ChangeLog = history.Sum("changes")
	w.Add(four.Statement(), "ci")
	w.Add(release.Revocation{Kind: release.Retire, Product: "app", Digest: four.ID(), Reason: "old"}.Statement(), "ann")
	w.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: history.Sum("notes"), Reason: "a name in it"}.Statement(), "ann", "bob")
	w.Add(release.Revocation{Kind: release.Erase, Product: "app", Digest: history.Sum("config"), Reason: "alone"}.Statement(), "ann")
	w.Add(history.Build("6.6.6").Statement(), "eve")

	got, err := rollout.Survey(t.Context(), w.Log, w.Root, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"artifact " + history.Sum("app 1.0.0").String():            "[app#1] true",
		"artifact " + history.Sum("deb 1.0.0").String():            "[app#1] true",
		"artifact " + history.Sum("app 1.1.0").String():            "[app#2] true", // canary is at it
		"artifact " + history.Sum("deb 1.1.0").String():            "[app#2] true",
		"artifact " + history.Sum("app 1.2.0").String():            "[app#3] true",
		"artifact " + history.Sum("deb 1.2.0").String():            "[app#3] true",
		"artifact " + history.Sum("app 1.3.0").String():            "[app#4] false",
		"artifact " + history.Sum("deb 1.3.0").String():            "[app#4] false",
		"blob " + history.Sum("config").String():                   "[app#1 app#2 app#4] true",
		"blob " + history.Sum("its own").String():                  "[app#3] true",
		"blob " + history.Sum("notes").String():                    "[app#3] true",
		"blob " + history.Sum("changes").String():                  "[app#4] false",
		"evidence " + history.Sum("canary verdict 1.0.0").String(): "[app#1] true",
		"evidence " + history.Sum("canary verdict 1.1.0").String(): "[app#2] true",
		"evidence " + history.Sum("prod verdict 1.0.0").String():   "[app#1] true",
		"evidence " + history.Sum("prod verdict 1.1.0").String():   "[app#2] true",
	}
	for i, item := range got.Items {
		key := fmt.Sprint(item.Kind, " ", item.Digest)
		if is := fmt.Sprint(item.Releases, " ", item.Needed); is != want[key] {
			t.Errorf("%s: %s, want %q", key, is, want[key])
		}
		delete(want, key)
		if i > 0 && fmt.Sprint(got.Items[i-1].Kind, got.Items[i-1].Digest) >= fmt.Sprint(item.Kind, item.Digest) {
			t.Errorf("item %d is not in order", i)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if len(got.Erased) != 1 || got.Erased[0].Digest != history.Sum("notes") || got.Erased[0].Reason != "a name in it" || len(got.Erased[0].By) != 2 {
		t.Errorf("erased: %+v", got.Erased)
	}

	// When canary goes on, nobody is at 1.1.0 any more.
	w.Add(history.To("canary", three, two.ID()).Statement(), "ci")
	w.Add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: two.ID(), Reason: "leak"}.Statement(), "ann")
	got, err = rollout.Survey(t.Context(), w.Log, w.Root, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range got.Items {
		if item.Digest == history.Sum("app 1.1.0") && item.Needed {
			t.Error("1.1.0 is still needed")
		}
	}
}
