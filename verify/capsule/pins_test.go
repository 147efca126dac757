package capsule_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// checks lists what was checked, in order, and what came of it.
func checks(v *verify.Verdict) string {
	out := []string{v.Decision.String()}
	for _, f := range v.Findings {
		out = append(out, fmt.Sprintf("%s %s %s: %s, want %q, got %q", f.Status, f.Code, f.Rule, f.Message, f.Want, f.Got))
	}
	return strings.Join(out, "\n")
}

// A capsule leads to the verdict, and to the checks in their order, that the same
// files lead to: with the trust file at hand or only its digest.
func TestPathsAreEqual(t *testing.T) {
	for name, script := range map[string]string{
		"allowed":      "",
		"go":           "artifact go\nset policy /examine \"required\"",
		"flipped":      "swap flip 3",
		"unsigned":     "sign provenance mallory",
		"refused":      "set provenance /predicate/buildDefinition/externalParameters/source/ref \"refs/heads/main\"\nsign approval alice\ndrop scan",
		"pooled":       "set policy /provenance/signedBy {\"atLeast\":2,\"of\":[\"ci\",\"qa\"]}\nsign provenance qa + ci + mallory",
		"two policies": "copy policy/2 policy\nset policy/2 /name \"second\"",
		"sigstore":     "format provenance sigstore\nformat sbom sigstore\nformat approval sigstore",
		"nothing":      "drop provenance\ndrop sbom\ndrop scan\ndrop approval",
	} {
		content, c := small(t, script)
		want, _ := c.Verify(t)
		opened := open(t, write(t, content))
		for _, pins := range []capsule.Pins{{Trust: c.Trust, Policies: c.Policies}, {TrustDigest: c.Trust.Digest()}} {
			pins.Environment, pins.At = c.Request.Environment, c.Request.At
			if len(pins.Policies) == 0 {
				for _, p := range c.Policies {
					pins.PolicyDigests = append(pins.PolicyDigests, p.Digest())
				}
			}
			v, request, err := pins.Verifier(t.Context(), opened)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			request.Artifact = c.Request.Artifact
			got, err := v.Verify(t.Context(), request)
			if checks(got) != checks(want) || (err == nil) != (want.Decision == verify.Allow) {
				t.Errorf("%s: by the capsule:\n%s\nwant, as by files:\n%s", name, checks(got), checks(want))
			}
		}
	}
}

// A capsule says nothing about whom to believe, and a policy in it counts only if
// somebody who is believed says so.
func TestPins(t *testing.T) {
	content, c := small(t)
	plain := open(t, write(t, content))
	own, digest := c.Policies[0], c.Trust.Digest()
	lax := *own
	lax.Name, lax.Approvals = "lax", nil
	signed := func(p *verify.Policy, who string) []byte {
		b, err := sign.Payload(t.Context(), verify.PolicyType, p.Marshal(), history.Key(who))
		if err != nil {
			t.Fatal(err)
		}
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return append(line, '\n')
	}
	// In this trust file a person of ours signs policies.
	trust := *c.Trust
	trust.Principals = map[string]verify.Principal{"boss": {Kind: verify.Person, Keys: []verify.Key{{PEM: history.Key("boss").PEM()}}}}
	for name, p := range c.Trust.Principals {
		trust.Principals[name] = p
	}
	trust.Policies = map[string]verify.Quorum{"app-prod": {AtLeast: 1, Of: []string{"boss"}}}
	content.Trust = &trust
	content.Policies = [][]byte{signed(own, "boss")}
	bySigned := open(t, write(t, content))
	content.Policies = [][]byte{signed(own, "mallory")}
	byMallory := open(t, write(t, content))
	content.Policies = [][]byte{signed(own, "boss"), signed(&lax, "boss")}
	withLax := open(t, write(t, content))
	content.Policies = nil
	empty := open(t, write(t, content))
	for _, test := range []struct {
		name string
		c    *capsule.Capsule
		pins capsule.Pins
		want string // in the error; "" is none
	}{
		{"trust and policy by digest", plain, capsule.Pins{TrustDigest: digest, PolicyDigests: []provenance.Digest{own.Digest()}}, ""},
		{"nothing at all", plain, capsule.Pins{}, "does not say whom to believe"},
		{"twice", plain, capsule.Pins{Trust: c.Trust, TrustDigest: digest}, "not both"},
		{"another's digest", plain, capsule.Pins{TrustDigest: trust.Digest()}, "has no trust file"},
		{"a policy that anybody may have written", plain, capsule.Pins{TrustDigest: digest}, "not signed, and could be anybody's"},
		{"a policy that is not in it", plain, capsule.Pins{TrustDigest: digest, PolicyDigests: []provenance.Digest{own.Digest(), lax.Digest()}}, "has no policy " + lax.Digest().String()},
		{"policies twice", plain, capsule.Pins{TrustDigest: digest, Policies: c.Policies, PolicyDigests: []provenance.Digest{own.Digest()}}, "not both"},
		{"a signed policy", bySigned, capsule.Pins{TrustDigest: trust.Digest()}, ""},
		{"by somebody else", byMallory, capsule.Pins{TrustDigest: trust.Digest()}, "no trusted key made this signature"},
		{"by somebody else, pinned", byMallory, capsule.Pins{TrustDigest: trust.Digest(), PolicyDigests: []provenance.Digest{own.Digest()}}, "no trusted key made this signature"},
		{"one that nobody may sign beside it", withLax, capsule.Pins{TrustDigest: trust.Digest()}, "does not say who signs a policy"},
		{"the good one of both", withLax, capsule.Pins{TrustDigest: trust.Digest(), PolicyDigests: []provenance.Digest{own.Digest()}}, ""},
		{"none", empty, capsule.Pins{TrustDigest: trust.Digest()}, "no policy"},
		{"the policy at hand", empty, capsule.Pins{Trust: c.Trust, Policies: c.Policies}, ""},
	} {
		test.pins.Environment, test.pins.At = c.Request.Environment, c.Request.At
		v, request, err := test.pins.Verifier(t.Context(), test.c)
		if got := fmt.Sprint(err); (err == nil) != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if err != nil {
			continue
		}
		request.Artifact = c.Request.Artifact
		if verdict, err := v.Verify(t.Context(), request); err != nil {
			t.Errorf("%s: %s", test.name, verdict)
		}
	}
}

// Whoever pinned an old trust file is led to the newest by the signatures of its
// root, and by nobody else's; whoever has a newer one is not led back.
func TestTrustChain(t *testing.T) {
	first := history.Trust()
	first.Products = nil
	first, err := verify.ParseTrust(first.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	grow := func(t0 *verify.Trust, who ...string) (*verify.Trust, []*sign.Bundle) {
		next := *t0
		next.Version++
		next.Expires = t0.Expires.AddDate(0, 0, 1)
		parsed, err := verify.ParseTrust(next.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		var bundles []*sign.Bundle
		for _, name := range who {
			b, err := sign.Payload(t.Context(), verify.TrustType, parsed.Marshal(), history.Key(name))
			if err != nil {
				t.Fatal(err)
			}
			bundles = append(bundles, b)
		}
		return parsed, bundles
	}
	both := func(t0 *verify.Trust, who ...string) (*verify.Trust, *sign.Bundle) {
		parsed, bundles := grow(t0, who...)
		bundles[0].Signatures = append(bundles[0].Signatures, bundles[1].Signatures...)
		return parsed, bundles[0]
	}
	second, b2 := both(first, "ann", "bob")
	third, b3 := both(second, "bob", "cy")
	_, lone := grow(second, "ann")
	newest := func(data []byte, pins capsule.Pins) (string, error) {
		pins.At = at
		pins.Policies = []*verify.Policy{{Version: 1, Name: "anything", Examine: verify.ExamineRule{Mode: verify.ExamineOff}, Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"ci"}},
			Level: 1, BuildType: "any", Source: verify.SourceRule{Any: true}, Parameters: map[string]verify.Matcher{"": {Any: true}}}}}
		v, request, err := pins.Verifier(t.Context(), open(t, data))
		if err != nil {
			return "", err
		}
		request.Artifact = verify.Digest(history.Sum("x"))
		verdict, _ := v.Verify(t.Context(), request)
		return verdict.Trust.Digest.String(), nil
	}
	content := capsule.Content{At: at, Trust: first, Updates: []*sign.Bundle{b3, b2, b2}}
	data := write(t, content)
	fourth, _ := both(third, "ann", "bob")
	for name, test := range map[string]struct {
		pins capsule.Pins
		want *verify.Trust
	}{
		"the first, by digest":      {capsule.Pins{TrustDigest: first.Digest()}, third},
		"the first, at hand":        {capsule.Pins{Trust: first}, third},
		"one within":                {capsule.Pins{TrustDigest: second.Digest()}, third},
		"the last":                  {capsule.Pins{Trust: third}, third},
		"one that is newer than it": {capsule.Pins{Trust: fourth}, fourth},
	} {
		if got, err := newest(data, test.pins); err != nil || got != test.want.Digest().String() {
			t.Errorf("%s: %s, %v, want version %d", name, got, err, test.want.Version)
		}
	}
	content.Updates = []*sign.Bundle{b2, lone[0]}
	if _, err := newest(write(t, content), capsule.Pins{TrustDigest: first.Digest()}); err == nil || !strings.Contains(err.Error(), "the root of version 2") {
		t.Errorf("one of two roots: %v", err)
	}
	content.Updates = []*sign.Bundle{b3}
	if err := content.Write(t.Context(), discard{}); err == nil {
		t.Error("a gap was written")
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// stands is a ledger with prod at 1.1.0, and the policy that asks it.
func stands(t testing.TB) (capsule.Content, *history.World, capsule.Pins) {
	content, w := ledgered(t)
	policy := &verify.Policy{Version: 1, Name: "runs", Environment: "prod", Examine: verify.ExamineRule{Mode: verify.ExamineOff}, Release: &verify.ReleaseRule{Product: "app", From: "prod", MaxHeadAge: time.Hour, Witnesses: 1},
		Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"ci"}}, Level: 1, BuildType: "any", Source: verify.SourceRule{Any: true}, Parameters: map[string]verify.Matcher{"": {Any: true}}}}
	subject := history.Sum("app 1.1.0")
	build := &provenance.Build{BuildDefinition: provenance.BuildDefinition{BuildType: "https://example.com/build/v1", ExternalParameters: map[string]any{"a": "b"}}, RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: "https://github.com/touchmark-go/touchmark/builders/local/v1"}}}
	s, err := build.Statement(provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(subject)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.Statement(t.Context(), s, history.Key("ci"))
	if err != nil {
		t.Fatal(err)
	}
	content.Subjects, content.Source = []provenance.Digest{subject}, capsule.Set{subject: {b}}
	return content, w, capsule.Pins{TrustDigest: w.Root.Digest(), Policies: []*verify.Policy{policy}, Environment: "prod", At: w.Now}
}

// A ledger in a capsule answers as the ledger itself, and is believed no further.
func TestLedger(t *testing.T) {
	content, w, pins := stands(t)
	ask := func(data []byte, pins capsule.Pins) string {
		v, request, err := pins.Verifier(t.Context(), open(t, data))
		if err != nil {
			return err.Error()
		}
		request.Artifact = verify.Digest(content.Subjects[0])
		verdict, _ := v.Verify(t.Context(), request)
		return checks(verdict)
	}
	want := func() string {
		v, err := verify.New(w.Root, pins.Policies...)
		if err != nil {
			t.Fatal(err)
		}
		replay, err := rollout.NewReplay(w.Log, w.Root, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		view, err := replay.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		evidence, err := content.Source.Bundles(t.Context(), content.Subjects[0])
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Digest(content.Subjects[0]), Environment: "prod", At: w.Now, Evidence: evidence, Release: view})
		if err != nil {
			t.Fatal(verdict)
		}
		return checks(verdict)
	}()
	data := write(t, content)
	if got := ask(data, pins); got != want {
		t.Errorf("by the capsule:\n%s\nwant, as by the ledger:\n%s", got, want)
	}
	// It grows old.
	late := pins
	late.At = w.Now.Add(2 * time.Hour)
	if got := ask(data, late); !strings.HasPrefix(got, "UNDECIDED") || !strings.Contains(got, "head is too old") {
		t.Errorf("two hours later: %s", got)
	}
	// Whoever saw a newer head notices an older capsule.
	remembering := pins
	remembering.Memory = filepath.Join(t.TempDir(), "head")
	w.Now = w.Now.Add(time.Minute)
	w.Add(history.Build("1.2.0").Statement(), "ci")
	reader, err := w.Log.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	content.Log = reader
	remembering.At = w.Now
	if got := ask(write(t, content), remembering); got != want {
		t.Errorf("with one record more: %s", got)
	}
	if got := ask(data, remembering); !strings.Contains(got, "put an old copy in its place") {
		t.Errorf("an older capsule: %s", got)
	}
	// Without a ledger, what asks for one is not answered.
	content.Log = nil
	if got := ask(write(t, content), pins); !strings.HasPrefix(got, "UNDECIDED") {
		t.Errorf("without a ledger: %s", got)
	}
}

// A log with a gap is noticed by whoever knows its key: a record that is left out,
// cut off, put elsewhere or changed, an older or another's checkpoint, and times
// that were left out.
func TestGaps(t *testing.T) {
	content, w := ledgered(t)
	names, contents := members(t, write(t, content))
	entries, records := "log/tile/entries/000.p/10", [][]byte{}
	for rec, err := range content.Log.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rec.Data)
	}
	of := func(records ...[]byte) []byte {
		var out []byte
		for _, r := range records {
			out = append(append(out, byte(len(r)>>8), byte(len(r))), r...)
		}
		return out
	}
	heads, err := ledger.ParseHeads(contents["log/heads/000"])
	if err != nil {
		t.Fatal(err)
	}
	other := history.New(t)
	other.Running("6.6.6", provenance.Digest{})
	other.Running("6.6.7", provenance.Digest{})
	foreign, err := other.Log.Read(t.Context(), "checkpoint", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(all map[string][]byte) (entries string){
		"nothing": func(all map[string][]byte) string { return entries },
		"one left out": func(all map[string][]byte) string {
			all["log/tile/entries/000.p/9"] = of(append(append([][]byte{}, records[:4]...), records[5:]...)...)
			return "log/tile/entries/000.p/9"
		},
		"the last cut": func(all map[string][]byte) string {
			all["log/tile/entries/000.p/9"] = of(records[:9]...)
			return "log/tile/entries/000.p/9"
		},
		"one more": func(all map[string][]byte) string {
			all["log/tile/entries/000.p/11"] = of(append(records, records[9])...)
			return "log/tile/entries/000.p/11"
		},
		"two exchanged": func(all map[string][]byte) string {
			all[entries] = of(append([][]byte{records[0], records[1], records[3], records[2]}, records[4:]...)...)
			return entries
		},
		"one changed": func(all map[string][]byte) string {
			all[entries] = []byte(strings.Replace(string(all[entries]), `"payload"`, `"paYload"`, 1))
			return entries
		},
		"an older checkpoint": func(all map[string][]byte) string {
			all["log/checkpoint"] = heads[len(heads)-2]
			return entries
		},
		"an older checkpoint and as many records": func(all map[string][]byte) string {
			all["log/checkpoint"] = heads[len(heads)-2]
			all["log/tile/entries/000.p/9"] = of(records[:9]...)
			delete(all, "log/heads/000")
			return "log/tile/entries/000.p/9"
		},
		"another's checkpoint": func(all map[string][]byte) string { all["log/checkpoint"] = foreign; return entries },
		"no times":             func(all map[string][]byte) string { delete(all, "log/heads/000"); return entries },
		"fewer times": func(all map[string][]byte) string {
			all["log/heads/000"], _ = ledger.MarshalHeads(heads[:5])
			return entries
		},
	} {
		all := map[string][]byte{}
		for name, data := range contents {
			all[name] = data
		}
		pages := change(all)
		var left []string
		for _, name := range names[2:] {
			if name == entries {
				name = pages
			}
			if _, there := all[name]; there {
				left = append(left, name)
			}
		}
		replay, err := capsule.Pins{Trust: w.Root, At: w.Now}.Replay(open(t, manifested(t, left, all)))
		if err != nil {
			t.Fatal(err)
		}
		view, err := replay.View(t.Context())
		if what == "nothing" {
			if err != nil || view.State("app").Stages["prod"].Release != 2 {
				t.Errorf("untouched: %v", err)
			}
			continue
		}
		if err == nil || !errors.Is(err, ledger.ErrCorrupt) && !errors.Is(err, ledger.ErrUnsigned) {
			t.Errorf("%s: %v, want it noticed", what, err)
		}
	}
}

// More evidence than a question may bring is asked for by artifact.
func TestManyArtifacts(t *testing.T) {
	content, c := small(t)
	set := content.Source.(capsule.Set)
	for i := range 300 {
		d := history.Sum(fmt.Sprint(i))
		set[d] = set[content.Subjects[0]]
		content.Subjects = append(content.Subjects, d)
	}
	opened := open(t, write(t, content))
	pins := capsule.Pins{Trust: c.Trust, Policies: c.Policies, Environment: "prod", At: c.Request.At}
	if _, _, err := pins.Verifier(t.Context(), opened); !errors.Is(err, capsule.ErrLimit) {
		t.Errorf("all evidence: %v", err)
	}
	v, request, err := pins.Verifier(t.Context(), opened, provenance.SumSHA256(c.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	request.Artifact = c.Request.Artifact
	if verdict, err := v.Verify(t.Context(), request); err != nil {
		t.Error(verdict)
	}
}
