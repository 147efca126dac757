package capsule_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/internal/testkit/memlog"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// audited is what somebody said about a product, and its proof.
func audited(t testing.TB, w *history.World, product, who string) capsule.State {
	t.Helper()
	auditor := rollout.Auditor{Source: w.Log, Trust: w.Root}
	state, audit, checkpoint, err := auditor.State(t.Context(), product, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Add(audit, who)
	proof, err := auditor.Prove(t.Context(), state, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	return capsule.State{State: state, Proof: proof}
}

// stated is a capsule without the ledger, but with what an auditor said about two
// of its products.
func stated(t testing.TB) (capsule.Content, *history.World, capsule.Pins) {
	t.Helper()
	content, w, pins := stands(t)
	lib := release.Release{Product: "lib", Version: "1.0.0", Config: history.Sum("config"), Subjects: []provenance.ResourceDescriptor{{Name: "lib", Digest: provenance.Set(history.Sum("lib"))}}}
	w.Add(lib.Statement(), "ci")
	content.Log = nil
	content.States = []capsule.State{audited(t, w, "app", "eve"), audited(t, w, "lib", "eve")}
	pins.At = w.Now
	return content, w, pins
}

// outcome is the verdict by a capsule, or why there is none.
func outcome(t testing.TB, content capsule.Content, data []byte, pins capsule.Pins) string {
	t.Helper()
	v, request, err := pins.Verifier(t.Context(), open(t, data))
	if err != nil {
		if !errors.Is(err, rollout.ErrState) {
			return "other: " + err.Error()
		}
		return err.Error()
	}
	request.Artifact = verify.Digest(content.Subjects[0])
	verdict, _ := v.Verify(t.Context(), request)
	return checks(verdict)
}

// Without the ledger, its state in a capsule answers as the ledger does, as long as
// it is fresh, and only about its product.
func TestState(t *testing.T) {
	content, w, pins := stated(t)
	reader, err := w.Log.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	whole := content
	whole.Log, whole.States = reader, nil
	want := outcome(t, content, write(t, whole), pins)
	data := write(t, content)
	if got := outcome(t, content, data, pins); got != want || !strings.HasPrefix(got, "ALLOW") {
		t.Errorf("by the state:\n%s\nwant, as by the ledger:\n%s", got, want)
	}
	slices.Reverse(content.States)
	content.States = append(content.States, content.States...)
	if !bytes.Equal(write(t, content), data) {
		t.Error("in another order and twice, they differ")
	}
	v, err := pins.State(open(t, data), "lib")
	if err != nil || v.State().Product != "lib" || len(v.State().Releases) != 1 {
		t.Errorf("of the other product: %+v, %v", v, err)
	}
	late := pins
	late.At = w.Now.Add(2 * time.Hour)
	if got := outcome(t, content, data, late); !strings.HasPrefix(got, "UNDECIDED") || !strings.Contains(got, "head is too old") {
		t.Errorf("two hours later: %s", got)
	}
	late.At = w.Root.Expires
	if got := outcome(t, content, data, late); !strings.Contains(got, "the trust file expired") {
		t.Errorf("by a trust file that expired: %s", got)
	}
	// Of what was not asked about it says nothing.
	ask := func(products ...string) capsule.Pins {
		out := pins
		out.Policies = nil
		for _, product := range products {
			p := *pins.Policies[0]
			rule := *p.Release
			rule.Product = product
			p.Name, p.Release = "runs-"+product, &rule
			out.Policies = append(out.Policies, &p)
		}
		return out
	}
	if got := outcome(t, content, data, ask("lib")); !strings.HasPrefix(got, "DENY") {
		t.Errorf("by the state of another product: %s", got)
	}
	if got := outcome(t, content, data, ask("tool")); !strings.Contains(got, `none of "tool"`) {
		t.Errorf("about a product without a state: %s", got)
	}
	if got := outcome(t, content, data, ask("app", "lib")); !strings.Contains(got, "a state is of one product") {
		t.Errorf("about two products: %s", got)
	}
	// Whoever saw a newer one notices an older one.
	pins.Seen = &rollout.Memory{}
	newer := content
	w.Add(history.Build("1.2.0").Statement(), "ci")
	newer.States = []capsule.State{audited(t, w, "app", "eve")}
	pins.At = w.Now
	if got := outcome(t, content, write(t, newer), pins); got != want {
		t.Errorf("a newer one: %s", got)
	}
	if got := outcome(t, content, data, pins); !strings.Contains(got, "was seen before") {
		t.Errorf("an older one: %s", got)
	}
}

// Nobody but the auditors of the trust file that is pinned makes a state, whatever
// the capsule holds.
func TestForgedState(t *testing.T) {
	content, w, pins := stated(t)
	app, lib := content.States[0], content.States[1]
	if !bytes.Contains(app.State, []byte(`"product":"app"`)) {
		app, lib = lib, app
	}
	edited := func(s capsule.State, old, new string) []byte {
		out := bytes.ReplaceAll(s.State, []byte(old), []byte(new))
		if bytes.Equal(out, s.State) {
			t.Fatalf("nothing of %q in %s", old, s.State)
		}
		return out
	}
	proof := func(change func(p *rollout.StateProof)) *rollout.StateProof {
		p := *app.Proof
		change(&p)
		return &p
	}
	unlogged := func() capsule.State {
		auditor := rollout.Auditor{Source: w.Log, Trust: w.Root}
		state, _, checkpoint, err := auditor.State(t.Context(), "app", nil)
		if err != nil {
			t.Fatal(err)
		}
		return capsule.State{State: state, Proof: proof(func(p *rollout.StateProof) { p.Checkpoint = string(checkpoint) })}
	}()
	for what, forged := range map[string]struct {
		state capsule.State
		want  string
	}{
		"a version was changed":                {capsule.State{State: edited(app, `"1.1.0"`, `"1.1.1"`), Proof: app.Proof}, "its auditors signed"},
		"another product's, by its name":       {capsule.State{State: edited(lib, `"product":"lib"`, `"product":"app"`), Proof: lib.Proof}, "its auditors signed"},
		"the proof of another product's":       {capsule.State{State: app.State, Proof: lib.Proof}, "its auditors signed"},
		"another product's head and its proof": {capsule.State{State: app.State, Proof: proof(func(p *rollout.StateProof) { p.Checkpoint = lib.Proof.Checkpoint })}, "the checkpoint is of"},
		"nobody's checkpoint":                  {capsule.State{State: app.State, Proof: proof(func(p *rollout.StateProof) { p.Checkpoint = "" })}, "its head"},
		"the record of another product":        {capsule.State{State: app.State, Proof: proof(func(p *rollout.StateProof) { p.Record = lib.Proof.Record })}, ""},
		"no record":                            {capsule.State{State: app.State, Proof: proof(func(p *rollout.StateProof) { p.Proof = "" })}, ""},
		"what was never logged":                {unlogged, "its auditors signed"},
	} {
		content.States = []capsule.State{forged.state}
		if got := outcome(t, content, write(t, content), pins); strings.HasPrefix(got, "other") || !strings.Contains(got, "cannot be believed") || !strings.Contains(got, forged.want) {
			t.Errorf("%s: %s, want it refused for %q", what, got, forged.want)
		}
	}
	// By a trust file in whose view she is no auditor, or that names another log.
	content.States = []capsule.State{app}
	nobody, elsewhere := *w.Root, *w.Root
	nobody.Auditors = verify.Quorum{AtLeast: 1, Of: []string{"security"}}
	log, err := memlog.New("elsewhere.acme.example", func() time.Time { return w.Now })
	if err != nil {
		t.Fatal(err)
	}
	ledger := *w.Root.Ledger
	ledger.Origin, ledger.Key = log.ID.Origin, log.ID.Key
	elsewhere.Ledger = &ledger
	for what, trust := range map[string]*verify.Trust{"signed by who is no auditor": &nobody, "of another log": &elsewhere} {
		content.Trust = trust
		if got := outcome(t, content, write(t, content), capsule.Pins{Trust: trust, Policies: pins.Policies, Environment: "prod", At: pins.At}); !strings.Contains(got, "cannot be believed") {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// A capsule has one state of a product, each with its proof, and nothing else.
func TestStatePairs(t *testing.T) {
	content, w, _ := stated(t)
	names, contents := members(t, write(t, content))
	names = names[2:]
	states := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, "states/") })
	if len(states) != 4 || states[1] != states[0]+".proof" {
		t.Fatalf("the states are %q", states)
	}
	refused := func(what string, names []string, contents map[string][]byte) {
		t.Helper()
		data := manifested(t, names, contents)
		if _, err := capsule.Open(bytes.NewReader(data), int64(len(data))); !errors.Is(err, capsule.ErrMalformed) {
			t.Errorf("%s: %v, want it refused", what, err)
		}
	}
	without := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
	}
	refused("no proof", without(states[1]), contents)
	refused("a proof of nothing", without(states[0]), contents)
	changed := maps.Clone(contents)
	changed[states[1]] = append([]byte(" "), contents[states[1]]...)
	refused("a proof in another form", names, changed)
	changed[states[1]] = []byte("{}\n")
	refused("no proof by its content", names, changed)
	with := func(what string, names []string, state []byte) {
		t.Helper()
		changed := maps.Clone(contents)
		name := "states/sha256/" + provenance.SumSHA256(state).Hex() + ".json"
		changed[name], changed[name+".proof"] = state, contents[states[1]]
		names = append(slices.Clone(names), name, name+".proof")
		slices.Sort(names)
		refused(what, names, changed)
	}
	rest := slices.DeleteFunc(without(states[0]), func(n string) bool { return n == states[1] })
	with("a state in another form", rest, append([]byte(" "), contents[states[0]]...))
	with("no state", rest, []byte("{}\n"))
	with("another state of the product", names, bytes.Replace(contents[states[0]], []byte(`"trust":`), []byte(`"trust":9`), 1))
	changed = maps.Clone(contents)
	changed["states/sha256/00.proof"] = contents[states[1]]
	renamed := append(without(states[1]), "states/sha256/00.proof")
	slices.Sort(renamed)
	refused("a proof by another name", renamed, changed)

	w.Add(history.Build("1.2.0").Statement(), "ci")
	for what, more := range map[string]capsule.State{
		"another one of the product": audited(t, w, "app", "eve"),
		"no proof":                   {State: content.States[0].State},
		"no state":                   {State: []byte("{}"), Proof: content.States[0].Proof},
		"a proof of no schema":       {State: content.States[0].State, Proof: &rollout.StateProof{}},
	} {
		worse := content
		worse.States = append(slices.Clone(content.States), more)
		if err := worse.Write(t.Context(), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: it was written", what)
		}
	}
}
