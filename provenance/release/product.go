package release

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// A product is what is known about one, row by row: rules and questions read no
// more of it than they need.
type product struct {
	f    *facts
	h    *History // nil of a State, whose rows say themselves what is revoked of all products
	name string
	head *productHead // its own row, which [History.of] will write
}

type productHead struct {
	Releases, Tags, Revoked, Owed, Void, Audits, Attempts int
	Learnt                                                int // what releases hold is known up to this one
	Stages                                                map[string]*stageHead
}

type stageHead struct {
	Release, Moves, Clusters int
	Answer                   bool // the last move was a rollback, and no deployment said yet what came of it
	Counts                   Counts
}

// A tagged is a Bound with its name.
type tagged struct {
	Tag string
	Bound
}

// A cluster is a Deployed with the name of where it runs.
type cluster struct {
	Cluster string
	Deployed
}

// An owing is an Owed with what it is counted by.
type owing struct {
	Owed
	Quorums []Quorum
}

func (p *product) row(k kind, n int) rowKey              { return rowKey{k, p.name, "", n} }
func (p *product) at(k kind, stage string, n int) rowKey { return rowKey{k, p.name, stage, n} }
func (p *product) nameOf(k kind, s string) nameKey       { return nameKey{k, p.name, s} }
func (p *product) number(k kind, s string) int           { return p.f.number(p.nameOf(k, s)) }
func (p *product) setNumber(k kind, s string, n int)     { p.f.setNumber(p.nameOf(k, s), n) }
func (p *product) touch()                                { put(p.f, p.row(aProduct, 1), p.head) }
func join(s string, n int) string                        { return s + "\x00" + strconv.Itoa(n) }
func (p *product) release(n int) *Released               { return get[Released](p.f, p.row(aRelease, n)) }
func (p *product) byID(id provenance.Digest) *Released   { return p.release(p.number(byID, id.String())) }
func (p *product) move(stage string, n int) *Move        { return get[Move](p.f, p.at(aMove, stage, n)) }
func (p *product) revoking(n int) *Revoking              { return get[Revoking](p.f, p.row(aRevoking, n)) }
func (p *product) debt(n int) *owing                     { return get[owing](p.f, p.row(aDebt, n)) }
func (p *product) taken(k RevocationKind, d provenance.Digest) bool {
	return p.number(byTaken, string(k)+d.String()) != 0
}

// title is what people call a release.
func (p *product) title(n int) string { return title(p.name, n) }

func title(product string, n int) string {
	if n == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s#%d", product, n)
}

func (p *product) addRelease(r *Released) {
	p.head.Releases = r.Number
	put(p.f, p.row(aRelease, r.Number), r)
	p.setNumber(byID, r.ID.String(), r.Number)
	p.setNumber(byVersion, Skeleton(r.Version), r.Number)
	for _, a := range r.Subjects {
		for _, d := range a.Digest.Digests() {
			if !identifies(d) {
				continue
			}
			if before := p.number(byFile, d.String()); before != r.Number {
				p.setNumber(byFile, d.String(), r.Number)
				if before != 0 {
					p.setNumber(byFilePrev, join(d.String(), r.Number), before)
				}
			}
		}
	}
}

// having are the releases that have an artifact, the newest first.
func (p *product) having(d provenance.Digest) iter.Seq[*Released] {
	return func(yield func(*Released) bool) {
		for n := p.number(byFile, d.String()); n != 0; n = p.number(byFilePrev, join(d.String(), n)) {
			if r := p.release(n); r == nil || !yield(r) {
				return
			}
		}
	}
}

// tag is what a tag is bound to, nil if to nothing.
func (p *product) tag(name string) *Bound {
	if t := get[tagged](p.f, p.row(aTag, p.number(byTag, name))); t != nil {
		return &t.Bound
	}
	return nil
}

// alike is the first tag that looks like name, and what it is bound to.
func (p *product) alike(name string) *tagged {
	return get[tagged](p.f, p.row(aTag, p.number(byTagLook, Skeleton(name))))
}

func (p *product) addTag(name string, b Bound) {
	p.head.Tags++
	put(p.f, p.row(aTag, p.head.Tags), &tagged{name, b})
	p.setNumber(byTag, name, p.head.Tags)
	if look := Skeleton(name); p.number(byTagLook, look) == 0 {
		p.setNumber(byTagLook, look, p.head.Tags)
	}
}

// stage is what is known about a stage, nil if it is nothing.
func (p *product) stage(name string) *stageHead { return p.head.Stages[name] }

func (p *product) makeStage(name string) *stageHead {
	if p.head.Stages == nil {
		p.head.Stages = map[string]*stageHead{}
	}
	if p.head.Stages[name] == nil {
		p.head.Stages[name] = &stageHead{}
	}
	return p.head.Stages[name]
}

// good is the promotion by which a release is good at a stage, nil if it is not.
func (p *product) good(stage string, release int) *Move {
	return p.move(stage, p.number(byGood, join(stage, release)))
}

// addMove keeps which releases are good at a stage: those that were promoted
// there and that no rollback left since.
func (p *product) addMove(stage string, m Move) {
	s := p.makeStage(stage)
	s.Moves++
	s.Release = m.Release
	put(p.f, p.at(aMove, stage, s.Moves), &m)
	if m.Hotfix {
		s.Counts.Hotfixes++
	}
	if s.Answer = m.Rollback; m.Rollback {
		s.Counts.Rollbacks++
		p.setNumber(byGood, join(stage, m.Before), 0)
	} else {
		p.setNumber(byGood, join(stage, m.Release), s.Moves)
	}
}

func (p *product) deploy(stage, where string, d Deployed) {
	s := p.makeStage(stage)
	n := p.number(byCluster, stage+"\x00"+where)
	if n == 0 {
		s.Clusters++
		n = s.Clusters
		p.setNumber(byCluster, stage+"\x00"+where, n)
	}
	put(p.f, p.at(aCluster, stage, n), &cluster{where, d})
}

// deployed is the newest word about a cluster, nil if there is none.
func (p *product) deployed(stage, where string) *Deployed {
	if c := get[cluster](p.f, p.at(aCluster, stage, p.number(byCluster, stage+"\x00"+where))); c != nil {
		return &c.Deployed
	}
	return nil
}

func (p *product) revokedBy(id provenance.Digest) *Revoking {
	return p.revoking(p.number(byRevoked, id.String()))
}

// addRevoking notes the strongest revocation of a release: one that forbids its
// use counts before one that only retires it.
func (p *product) addRevoking(r Revoking) {
	p.head.Revoked++
	put(p.f, p.row(aRevoking, p.head.Revoked), &r)
	p.setNumber(byTaken, string(r.Kind)+r.Digest.String(), p.head.Revoked)
	if r.Kind != RevokeRelease && r.Kind != Retire {
		return
	}
	if old := p.revokedBy(r.Digest); old == nil || old.Kind == Retire && r.Kind == RevokeRelease {
		p.setNumber(byRevoked, r.Digest.String(), p.head.Revoked)
	}
}

func (p *product) addDebt(o owing) int {
	p.head.Owed++
	put(p.f, p.row(aDebt, p.head.Owed), &o)
	return p.head.Owed
}

func (p *product) find(name string) *Released {
	if d, err := provenance.ParseDigest(name); err == nil {
		if r := p.byID(d); r != nil {
			return r
		}
		return p.ofArtifact(d)
	}
	if product, number, ok := strings.Cut(name, "#"); ok {
		n, _ := strconv.Atoi(number)
		if product != "" && product != p.name || strconv.Itoa(n) != number {
			return nil
		}
		return p.release(n)
	}
	if r := p.release(p.number(byVersion, Skeleton(name))); r != nil && r.Version == name {
		return r
	}
	if b := p.tag(name); b != nil {
		return p.release(b.Release)
	}
	return nil
}

// ofArtifact is the release that an artifact belongs to, nil if it is in none.
func (p *product) ofArtifact(d provenance.Digest) *Released {
	var newest *Released
	for r := range p.having(d) {
		if p.revokedBy(r.ID) == nil {
			return r
		}
		if newest == nil {
			newest = r
		}
	}
	return newest
}

func (p *product) ref(r *Released) Ref {
	return Ref{Name: p.title(r.Number), ID: r.ID, Digest: primary(r.Subjects[0])}
}

func (p *product) status(artifact provenance.Digest) *Status {
	r := p.ofArtifact(artifact)
	if r == nil {
		return nil
	}
	out := &Status{Release: Ref{p.title(r.Number), r.ID, artifact}, Authors: r.By}
	if v := p.revokedBy(r.ID); v != nil && v.Kind == RevokeRelease {
		out.Revoked = &Revoked{At: v.Time, By: strings.Join(v.By, ", "), Reason: v.Reason}
	}
	out.Suspect = p.suspect(r)
	type entry struct {
		Entry
		index uint64
	}
	var entries []entry
	for name := range p.head.Stages {
		if m := p.good(name, r.Number); m != nil {
			entries = append(entries, entry{Entry{name, m.Time}, m.Index})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.index, b.index) })
	for _, e := range entries {
		out.Promotions = append(out.Promotions, e.Entry)
	}
	return out
}

// goods are the releases that a stage may go back to, the newest promotion first.
func (p *product) goods(stage string) iter.Seq[*Released] {
	return func(yield func(*Released) bool) {
		at := p.stage(stage)
		if at == nil {
			return
		}
		for i := range at.Moves {
			n := at.Moves - i
			m := p.move(stage, n)
			if m == nil {
				return
			}
			if p.number(byGood, join(stage, m.Release)) != n || p.doubted(m) {
				continue
			}
			r := p.release(m.Release)
			if r == nil || p.usable(r) && !yield(r) {
				return
			}
		}
	}
}

// usable reports whether a release may move: neither it nor what made it was
// taken back.
func (p *product) usable(r *Released) bool { return p.suspect(r) == "" && p.revokedBy(r.ID) == nil }

// suspect says what was revoked of what a release rests on; "" if nothing was.
func (p *product) suspect(r *Released) string {
	if p.h == nil {
		return r.Suspect
	}
	if v := p.h.suspect(r); v != nil {
		return v.Message
	}
	return ""
}

// told is a release with what is suspect about it.
func (p *product) told(r *Released) *Released {
	if why := p.suspect(r); why != r.Suspect {
		known := *r
		known.Suspect = why
		return &known
	}
	return r
}

// doubted reports whether the verdict of a promotion was revoked.
func (p *product) doubted(m *Move) bool {
	if p.h != nil {
		return p.h.taken(m.VSA)
	}
	return m.Doubted
}

func (p *product) lastGood(stage string) *Released {
	at := p.stage(stage)
	if at == nil {
		return nil
	}
	if r := p.release(at.Release); r != nil && p.usable(r) {
		if m := p.good(stage, at.Release); m != nil && !p.doubted(m) {
			return r
		}
	}
	for r := range p.goods(stage) {
		return r
	}
	return nil
}

func (p *product) since(stage string) time.Time {
	if at := p.stage(stage); at != nil {
		if m := p.move(stage, at.Moves); m != nil {
			return m.Time
		}
	}
	return time.Time{}
}
