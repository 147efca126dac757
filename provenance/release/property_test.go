package release_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// Whatever people write, in whatever order: a tag never names another digest, a
// record that is void or changes nothing changes nothing, what an environment is
// at follows from its moves, and a slow and simple reading of the same records
// comes to the same tags.
func TestProperties(t *testing.T) {
	bound := 0
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t)
		versions := []string{"1.0.0", "1.1.0", "v1.1.0", "1.2.0"}
		people := []string{"ci", "ann", "bob", "cy", "dan", "eve", "deployer", "security"}
		pick := func(list []string) string { return list[rnd.IntN(len(list))] }
		var approvals []provenance.Digest
		tags := map[string]provenance.Digest{}
		model := map[string]provenance.Digest{} // skeleton to digest
		released := map[provenance.Digest]bool{}
		for step := range 200 {
			w.now = w.now.Add(time.Duration(rnd.IntN(90)) * time.Minute)
			before := snapshot(t, w)
			r, by := build(pick(versions)), []string{pick(people), pick(people)}
			var current provenance.Digest
			stage := pick([]string{"canary", "prod"})
			if s := w.h.State("app", release.Head{}); s != nil && s.Stages[stage] != nil && rnd.IntN(8) > 0 {
				if n := s.Stages[stage].Release; n > 0 {
					current = s.Releases[n-1].ID
				}
			}
			var e release.Effect
			switch rnd.IntN(9) {
			case 0:
				e = w.add(r.Statement(), by...)
				if e.Void == nil {
					released[r.ID()] = true
				}
			case 1, 2:
				tag := pick([]string{"1.0", "v1.0", "stable", "edge"})
				e = w.add(tagOf(r, tag), by...)
				look := release.Skeleton(tag)
				_, taken := model[look]
				allowed := (by[0] == "ci" || by[1] == "ci") && released[r.ID()]
				if allowed && !taken {
					model[look] = sum("app " + r.Version)
				}
				if wins := allowed && model[look] == sum("app "+r.Version); wins != (e.Void == nil) {
					t.Fatalf("seed %d: record %d: tag %s for %s is %v, want %v", seed, e.Index, tag, r.Version, e.Void, wins)
				}
			case 3:
				s := release.Approval{Digest: sum("app " + r.Version), From: "canary", To: "prod", Policy: sum("prod policy"), Expires: w.now.Add(4 * time.Hour), Nonce: pick([]string{"1", "2", "3"})}.Statement()
				e = w.add(s, by...)
				approvals = append(approvals, w.records[len(w.records)-1].ID)
			case 4, 5:
				p := toCanary(r, current)
				if stage == "prod" {
					p = toProd(r, current)
					seen := map[provenance.Digest]bool{}
					for range 4 {
						if len(approvals) > 0 {
							if id := approvals[max(0, len(approvals)-1-rnd.IntN(6))]; !seen[id] {
								seen[id] = true
								p.Approvals = append(p.Approvals, id)
							}
						}
					}
					if p.Hotfix = rnd.IntN(4) == 0; p.Hotfix {
						p.Reason = "fire"
					}
				}
				if p.Validate() != nil {
					continue
				}
				e = w.add(p.Statement(), by...)
			case 6:
				b := back(r)
				b.Environment = stage
				e = w.add(b.Statement(), by...)
			case 7:
				d := release.Deployment{Product: "app", Environment: stage, Release: r.ID(), Subjects: r.Subjects, Config: r.Config, Result: release.Running, At: w.now}
				e = w.add(d.Statement(), by...)
			case 8:
				if rnd.IntN(6) == 0 {
					e = w.add(release.Revocation{Kind: release.Retire, Product: "app", Digest: r.ID(), Reason: "old"}.Statement(), by...)
				} else {
					e = w.apply(release.Record{})
				}
			}
			after := snapshot(t, w)
			if before != nil && (e.Void != nil || e.Same) && !bytes.Equal(before, after) {
				t.Fatalf("seed %d: record %d, %+v, changed\n%s\nto\n%s", seed, e.Index, e, before, after)
			}
			s := w.h.State("app", release.Head{Size: w.h.Size()})
			if s == nil {
				continue
			}
			for tag, d := range tags {
				if s.Tags[tag].Digest != d {
					t.Fatalf("seed %d: record %d moved %s", seed, e.Index, tag)
				}
			}
			for tag, b := range s.Tags {
				tags[tag] = b.Digest
			}
			if step%20 == 0 {
				data, err := s.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := release.ParseState(data); err != nil { // which checks the moves
					t.Fatalf("seed %d: record %d: %v", seed, e.Index, err)
				}
			}
			for _, m := range prodMoves(s) {
				if m.Hotfix || m.Rollback {
					continue
				}
				if len(m.Approved) < 2 {
					t.Fatalf("seed %d: prod moved with %v", seed, m.Approved)
				}
			}
		}
		bound += len(tags)
	}
	if bound < 10 {
		t.Errorf("%d tags were ever bound: nothing happened", bound)
	}
}

func prodMoves(s *release.State) []release.Move {
	if s.Stages["prod"] == nil {
		return nil
	}
	return s.Stages["prod"].Moves
}

// snapshot is all that is said about app, without the list of what was void.
func snapshot(t *testing.T, w *world) []byte {
	s := w.h.State("app", release.Head{})
	if s == nil {
		return nil
	}
	s.Void, s.Voids = nil, 0
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
