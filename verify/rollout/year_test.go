package rollout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A year of a company in a log with real signatures and the real rules, by a fake
// clock: 100 services in 20 environments, 30 engineers, keys that are rotated,
// two compromises, witnesses that fail. After each record every invariant is
// checked of the service that it was about; the whole log is replayed by a second
// reader now and then. With TOUCHMARK_DEEP=1 it is the year, and else a month of 40
// of those services; TOUCHMARK_SEED repeats one that failed.
func TestYear(t *testing.T) {
	days, some, seed := 30, 4, uint64(1)
	switch {
	case os.Getenv("TOUCHMARK_DEEP") != "":
		days, some, seed = 365, teams, rand.Uint64()
	case testing.Short():
		days, some = 10, 1
	}
	if text := os.Getenv("TOUCHMARK_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("TOUCHMARK_SEED=%d", seed)
	var all []*year
	for team := range some {
		all = append(all, newYear(t, seed+uint64(team), team))
	}
	t.Run("teams", func(t *testing.T) {
		for _, y := range all {
			t.Run(fmt.Sprint(y.team), func(t *testing.T) {
				t.Parallel()
				y.t = t
				for day := range days {
					y.day(day, days)
				}
				y.replayed()
			})
		}
	})
	sum := map[string]int{}
	for _, y := range all {
		sum["records"] += len(y.log.records)
		sum["keys rotated"] += y.trust.Version - 2
		for what, n := range y.tally {
			sum[what] += n
		}
	}
	t.Logf("%v", sum)
	for _, what := range []string{"records", "void", "moves", "rollbacks", "hotfixes", "known-good files", "states", "keys rotated", "heads that waited for witnesses", "thefts", "compromises noticed", "tags attacked"} {
		if sum[what] == 0 && !testing.Short() {
			t.Errorf("no %s: nothing was shown", what)
		}
	}
}

// A team keeps its services in a ledger of its own: a trust file that names all of
// them would not fit into one record.
const (
	teams     = 10
	services  = 10 // of a team
	engineers = 30
	ofTeam    = 10 // who work in a team: some do so in several
)

// stagesOf are the environments of a service: one of each of four tiers of five.
func stagesOf(service int) []string {
	var out []string
	for tier, name := range []string{"dev", "canary", "staging", "prod"} {
		out = append(out, fmt.Sprintf("%s-%d", name, (service+tier)%5))
	}
	return out
}

type year struct {
	*observed
	log     *tiles
	rnd     *rand.Rand
	keys    map[string]string // the seed of each principal's key by now
	replay  *rollout.Replay
	head    release.Head
	seen    map[string]map[string]provenance.Digest // what each tag of each service named
	known   map[string][]byte                       // what was last said of each service
	minor   map[string]int
	team    int
	stolen  string // the seed of a builder's key that a thief has
	since   time.Time
	noticed bool
	evil    map[provenance.Digest]bool // what the thief released
	tally   map[string]int             // what happened
}

func newYear(t *testing.T, seed uint64, team int) *year {
	c := &company{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), store: &shelf{bundles: map[provenance.Digest][]*sign.Bundle{}}}
	y := &year{team: team, tally: map[string]int{}, observed: &observed{company: c}, rnd: rand.New(rand.NewPCG(seed, 2026)), keys: map[string]string{}, seen: map[string]map[string]provenance.Digest{}, known: map[string][]byte{}, minor: map[string]int{}, evil: map[provenance.Digest]bool{}}
	y.log = newTiles(t, func() time.Time { return c.now }, 3, 2)
	y.tiles = y.log
	first := &verify.Trust{Version: 1, Expires: time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), Principals: map[string]verify.Principal{}, Products: map[string]verify.Product{}}
	add := func(kind verify.Kind, name string) {
		y.keys[name] = name
		first.Principals[name] = principal(kind, name)
	}
	for i := range 2 {
		add(verify.Builder, fmt.Sprintf("ci-%d", i))
	}
	for i := range 3 {
		add(verify.Service, fmt.Sprintf("auditor-%d", i))
	}
	for i := range ofTeam {
		add(verify.Person, y.engineer(i))
	}
	first.Root = verify.Quorum{AtLeast: 2, Of: []string{y.engineer(0), y.engineer(1), y.engineer(2)}}
	first.Auditors = verify.Quorum{AtLeast: 2, Of: []string{"auditor-0", "auditor-1", "auditor-2"}}
	first.Revokers = []string{y.engineer(0)}
	first.Roles = map[string][]string{}
	for i := range services {
		role := fmt.Sprintf("m-%02d", i)
		first.Roles[role] = y.managers(i)
		managers := []string{role}
		p := verify.Product{Versions: release.SemVer, Releasers: []string{y.ci(i)}, Revokers: managers}
		for tier, name := range stagesOf(i) {
			s := verify.Stage{Name: name, Promoters: []string{y.ci(i)}, Rollback: []string{y.onCall(i)}, Deployers: []string{y.ci(i)}}
			if tier > 0 {
				s.From, s.Soak = stagesOf(i)[tier-1], time.Hour
			}
			if tier == 3 {
				s.Approvals = []verify.Quorum{{AtLeast: 2, Of: managers}}
				s.Promoters = managers
				s.Hotfix = &verify.Hotfix{Approvals: []verify.Quorum{{AtLeast: 1, Of: managers}}, Within: 24 * time.Hour}
			}
			p.Stages = append(p.Stages, s)
		}
		first.Products[y.serviceName(i)] = p
	}
	trust, err := rollout.Begin(t.Context(), y.log, first, y.log.trusted(), key(y.engineer(0)), key(y.engineer(1)))
	y.must(err)
	y.trust = trust
	y.replay, err = rollout.NewReplay(quick{y.log}, trust, verify.Options{})
	y.must(err)
	return y
}

func (y *year) serviceName(n int) string  { return fmt.Sprintf("service-%03d", y.team*services+n) }
func (y *year) engineer(n int) string     { return fmt.Sprintf("engineer-%02d", (3*y.team+n)%engineers) }
func (y *year) ci(service int) string     { return fmt.Sprintf("ci-%d", service%2) }
func (y *year) onCall(service int) string { return y.engineer(6 + service%2) }
func (y *year) managers(service int) []string {
	return []string{y.engineer(service % 4), y.engineer(service%4 + 1), y.engineer(service%4 + 2)}
}
func (y *year) key(name string) key { return key(y.keys[name]) }

// day is one day of work, with what goes wrong on it.
func (y *year) day(day, days int) {
	for step := range 6 {
		y.now = y.now.Add(4 * time.Hour)
		for i := range y.log.witnesses { // they fail, and come back
			y.log.mu.Lock()
			y.log.down[i] = y.rnd.IntN(8) == 0
			y.log.mu.Unlock()
		}
		service := y.rnd.IntN(services)
		if y.rnd.IntN(3) > 0 {
			service = y.rnd.IntN(3) // most of the work is on a few
		}
		switch n := y.rnd.IntN(20); {
		case n < 3:
			y.release(service)
		case n < 12:
			y.promote(service)
		case n < 14:
			y.rollBack(service)
		case n < 16:
			y.attack(service)
		case n == 16:
			y.hotfix(service)
		case n == 17:
			y.audit(service)
		case n == 18:
			y.deploy(service)
		default:
			y.retire(service)
		}
		if step == 2 && day%14 == 3 {
			y.rotate(fmt.Sprintf("ci-%d", y.rnd.IntN(2)))
		}
		if step == 3 && day%14 == 10 {
			y.rotate(y.engineer(3 + y.rnd.IntN(ofTeam-3)))
		}
		switch { // twice a builder's key is stolen, which is noticed two days later
		case step == 0 && y.stolen != "" && !y.noticed && y.now.Sub(y.since) >= 48*time.Hour:
			y.notice()
		case step == 1 && (day == days/4 || day == days*3/5):
			y.stolen, y.since, y.noticed = y.keys["ci-1"], y.now, false
		}
		if y.stolen != "" {
			y.thief()
		}
	}
	if day%100 == 99 {
		y.replayed()
	}
}

// add signs and appends a record, and checks everything that must hold after it.
func (y *year) add(service int, s *provenance.Statement, keys ...key) *release.Effect {
	y.t.Helper()
	var who []sign.Signer
	for _, k := range keys {
		who = append(who, k)
	}
	b, err := sign.Statement(y.t.Context(), s, who...)
	y.must(err)
	return y.append(service, b)
}

func (y *year) append(service int, b *sign.Bundle) *release.Effect {
	y.t.Helper()
	index, err := y.log.Append(y.t.Context(), b)
	for errors.Is(err, errWitnesses) { // nothing is acknowledged until they answer
		y.tally["heads that waited for witnesses"]++
		if head, err := y.log.Head(y.t.Context()); err != nil || head.Size > index {
			y.t.Fatalf("a head of %d records that too few witnesses saw: %v", head.Size, err)
		}
		y.now = y.now.Add(time.Minute)
		y.log.mu.Lock()
		clear(y.log.down)
		err = y.log.publish()
		y.log.mu.Unlock()
	}
	y.must(err)
	product := y.serviceName(service)
	var effect release.Effect
	v, err := y.replay.Watch(y.t.Context(), func(e release.Effect, _ rollout.Entry) { effect = e })
	y.must(err)
	if effect.Index != index {
		y.t.Fatalf("record %d was not read", index)
	}
	if effect.Void != nil {
		y.tally["void"]++
	}
	y.check(v, product, &effect)
	return &effect
}

func (y *year) state(service int) *release.State {
	v, err := y.replay.View(y.t.Context())
	y.must(err)
	s := v.State(y.serviceName(service))
	if s == nil {
		return &release.State{Product: y.serviceName(service)}
	}
	return s
}

// check holds a view against the invariants.
func (y *year) check(v *rollout.View, product string, e *release.Effect) {
	y.t.Helper()
	fatal := func(format string, args ...any) {
		y.t.Helper()
		y.t.Fatalf("record %d (%s of %s, void %v): "+format, append([]any{e.Index, e.Kind, e.Product, e.Void}, args...)...)
	}
	head := v.Head() // never goes back, and is watched
	if head.Size < y.head.Size || head.Time.Before(y.head.Time) || head.Witnesses < 2 {
		fatal("the head went from %+v to %+v", y.head, head)
	}
	y.head = head
	s := v.State(product)
	if s == nil {
		return
	}
	said := *s // what is said, but for what had no effect and where it was said
	said.Void, said.Voids, said.Trust, said.Head = nil, 0, 0, release.Head{Origin: origin, Size: 1 << 40, Root: provenance.SumSHA256(nil)}
	data, err := said.Marshal()
	y.must(err)
	if e.Void != nil && y.known[product] != nil && !bytes.Equal(data, y.known[product]) {
		fatal("a record without effect has one:\n%s\nwas\n%s", data, y.known[product])
	}
	var before *release.State
	if old := y.known[product]; old != nil {
		before, err = release.ParseState(old)
		y.must(err)
	}
	y.known[product] = data
	if y.seen[product] == nil {
		y.seen[product] = map[string]provenance.Digest{}
	}
	for tag, d := range y.seen[product] { // tags never move, nor go
		if s.Tags[tag].Digest != d {
			fatal("tag %s is %s, and was %s", tag, s.Tags[tag].Digest, d)
		}
	}
	for tag, b := range s.Tags {
		y.seen[product][tag] = b.Digest
	}
	for _, o := range s.Owed { // what is owed is shown until it is paid
		if (o.Missing > 0) != slices.ContainsFunc(s.Debts(y.now), func(d release.Owed) bool { return d.Index == o.Index }) {
			fatal("owed: %+v is not shown", o)
		}
	}
	if e.Void != nil || e.Same || e.Product != product || before == nil || e.Kind != "promotion" && e.Kind != "rollback" {
		return
	}
	for name, at := range s.Stages {
		m := release.Move{}
		if n := len(at.Moves); n > 0 {
			m = at.Moves[n-1]
		}
		if m.Index != e.Index {
			continue
		}
		y.tally["moves"]++
		r := s.Releases[m.Release-1]
		if before.RevokedBy(r.ID) != nil || before.Releases[m.Release-1].Suspect != "" { // only what is good comes to run
			fatal("%s is at %s, which was taken back", name, r.Version)
		}
		if m.Rollback {
			y.tally["rollbacks"]++
			if !slices.Contains(before.Good(name), m.Release) {
				fatal("%s is back at %s, which was not good there", name, r.Version)
			}
			continue
		}
		var stage verify.Stage
		for _, t := range v.Trust().Products[product].Stages {
			if t.Name == name {
				stage = t
			}
		}
		wanted := stage.Approvals
		if m.Hotfix {
			wanted = stage.Hotfix.Approvals
			if !slices.ContainsFunc(s.Owed, func(o *release.Owed) bool { return o.Index == e.Index && o.Missing == 2-len(m.Approved) }) {
				fatal("a hotfix owes nothing: %+v", m)
			}
		}
		for _, q := range wanted { // people, each once, none of them its author
			people := map[string]bool{}
			for _, who := range m.Approved {
				if slices.Contains(v.Trust().Roles[q.Of[0]], who) && !slices.Contains(r.By, who) && v.Trust().Principals[who].Kind == verify.Person {
					people[who] = true
				}
			}
			if len(people) < q.AtLeast {
				fatal("%s moved by %v, want %d of %v", name, m.Approved, q.AtLeast, q.Of)
			}
		}
		if stage.From != "" && !slices.Contains(append(before.Good(stage.From), 0), m.Release) {
			fatal("%s was not good in %s", r.Version, stage.From)
		}
	}
}

// replayed has a second reader replay everything, who must come to the same.
func (y *year) replayed() {
	second, err := rollout.NewReplay(y.log, y.trust, verify.Options{})
	y.must(err)
	v, err := second.View(context.Background())
	y.must(err)
	mine, err := y.replay.View(context.Background())
	y.must(err)
	if !slices.Equal(v.Products(), mine.Products()) {
		y.t.Fatalf("%v, and %v", v.Products(), mine.Products())
	}
	for _, product := range v.Products() {
		a, err := v.State(product).Marshal()
		y.must(err)
		b, err := mine.State(product).Marshal()
		y.must(err)
		if !bytes.Equal(a, b) {
			y.t.Fatalf("replayed, %s is\n%s\nand step by step\n%s", product, a, b)
		}
	}
}
