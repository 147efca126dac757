package rollout_test

import (
	"fmt"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// inRegistry is a stage in a registry that is a server of its own: what a request that
// was cut off left there is for that registry to know.
func inRegistry(t testing.TB, c *company, host, path string) *publicStage {
	t.Helper()
	return stageBefore(t, c, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: host})
		r.Out.Host = r.In.Host // uploads go on where the answer says, which is here
	}}, path)
}

// Publishing is one order of steps on every registry: on one with the referrers API
// and on the CNCF's, which has none, each write fails once before it was done and
// after, publishers are killed, and what a registry only says to have stored is
// noticed. At every moment who sees the tag finds all of the release, and publishing
// again ends it. The guard sees what is done to the tag behind its back.
func TestPublishRealRegistries(t *testing.T) {
	integration.Need(t)
	repositories := 0
	cncf := integration.StartDistribution(t)
	for _, registry := range []struct {
		name  string
		stage func(testing.TB, *company) *publicStage
	}{
		// All repositories of this one share their blobs, so each stage has one.
		{"referrers", func(t testing.TB, c *company) *publicStage {
			t.Helper()
			return inRegistry(t, c, integration.StartRegistry(t), "team/app")
		}},
		{"no referrers", func(t testing.TB, c *company) *publicStage {
			t.Helper()
			repositories++
			return inRegistry(t, c, cncf, fmt.Sprintf("team/app%d", repositories))
		}},
	} {
		t.Run(registry.name, func(t *testing.T) {
			stage := registry.stage
			t.Run("crash", func(t *testing.T) { crashes(t, stage) })
			t.Run("killed", func(t *testing.T) { killed(t, 10, stage) })
			t.Run("refused", func(t *testing.T) { refusals(t, stage) })
			t.Run("guard", func(t *testing.T) { guarded(t, stage(t, newCompany(t))) })
		})
	}
}

// guarded publishes, and moves the tag in the registry, where nothing keeps anybody
// from doing so.
func guarded(t *testing.T, p *publicStage) {
	t.Helper()
	book := &rollout.Book{Log: p.log, Trust: p.trust, Signer: key("ci"), Store: p.store}
	pub, err := publication(t.Context(), p.open(t), book, p.image)
	p.must(err)
	_, err = pub.Publish(t.Context())
	p.must(err)
	v, err := book.View(t.Context())
	p.must(err)
	guard := &rollout.Guard{Product: "app", Repository: p.open(t).Name()}
	look := func(want string) {
		t.Helper()
		tags, err := p.open(t).Tags(t.Context())
		p.must(err)
		var got []string
		alarms, err := guard.Look(v, tags)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range alarms {
			got = append(got, a.Tag+" "+a.What)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	look("")
	p.push(t, "evil")
	p.put(t, "1.0.0", "evil")
	look("1.0.0 re-pointed")
	if d, err := v.Tag(t.Context(), "app", "1.0.0"); err != nil || d != p.image {
		t.Errorf("by the ledger it is %s, %v, want %s", d, err, p.image)
	}
	if err := p.open(t).Bind(t.Context(), "1.0.0", p.image); err == nil {
		t.Error("a tag that names something else was bound again")
	}
	p.put(t, "1.0.0", "layer")
	look("")
}
