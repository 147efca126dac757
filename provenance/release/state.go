package release

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// StateSchema is the schema member of a [State] in JSON.
const StateSchema = "https://github.com/touchmark-go/touchmark/state/v1"

// A State is all that the records of a log up to one head say about one product.
// It follows from them alone: whoever replays the same records has the same
// State, byte for byte.
//
// The zero State is of nothing. What a State holds must not be changed.
type State struct {
	Schema   string           `json:"schema"`
	Product  string           `json:"product"`
	Head     Head             `json:"head"`              // that it was computed at
	Trust    int              `json:"trust"`             // version of the trust file in force at Head
	Releases []*Released      `json:"releases"`          // by number, from 1
	Tags     map[string]Bound `json:"tags"`              // by name
	Stages   map[string]*At   `json:"stages"`            // that anything was promoted to, by name
	Revoked  []Revoking       `json:"revoked,omitempty"` // releases and content of the product, in log order
	Owed     []*Owed          `json:"owed,omitempty"`    // approvals of hotfixes, in log order, paid ones too
	Void     []Voided         `json:"void,omitempty"`    // records about the product without effect, in log order: the newest, MaxVoid at most
	Voids    int              `json:"voids,omitempty"`   // how many such records there are
	Audits   []Audited        `json:"audits,omitempty"`  // of earlier states of the product, in log order

	index *stateIndex
}

// A Released is a release that took effect.
type Released struct {
	Number     int                             `json:"number"` // among those of the product, in log order: "app#102"
	ID         provenance.Digest               `json:"id"`
	Index      uint64                          `json:"index"`         // of its record
	Time       time.Time                       `json:"time,omitzero"` // when that was witnessed
	By         []string                        `json:"by"`            // who signed it, and does not approve it
	Version    string                          `json:"version"`
	Subjects   []provenance.ResourceDescriptor `json:"subjects"`
	Config     provenance.Digest               `json:"config"`
	Provenance []provenance.Digest             `json:"provenance,omitempty"`
	SBOMs      []provenance.Digest             `json:"sboms,omitempty"`
	Built      []Built                         `json:"built,omitempty"`
	Keys       []string                        `json:"keys,omitempty"` // of those who may release and signed it, if all of them signed by a key
	Repository string                          `json:"repository,omitempty"`
	Commit     provenance.Digest               `json:"commit,omitzero"`
	Run        string                          `json:"run,omitempty"`
	Policy     provenance.Digest               `json:"policy,omitzero"`
	VSA        provenance.Digest               `json:"vsa,omitzero"`
	Suspect    string                          `json:"suspect,omitempty"` // why it moves nowhere any more: a builder, a key or evidence was revoked
}

// A Bound is what a tag names, for ever.
type Bound struct {
	Digest  provenance.Digest `json:"digest"`
	Release int               `json:"release"` // number
	Index   uint64            `json:"index"`   // of the record that bound it
	By      []string          `json:"by"`
}

// An At is where a stage is, and how it came there.
type At struct {
	Release int                 `json:"release"`           // number of what it should run
	Moves   []Move              `json:"moves"`             // in log order
	Running map[string]Deployed `json:"running,omitempty"` // the newest word of what runs, by cluster
	Counts  Counts              `json:"counts"`
}

// A Move is a promotion or a rollback that took effect.
type Move struct {
	Index     uint64              `json:"index"`
	Time      time.Time           `json:"time,omitzero"` // when its record was witnessed
	Release   int                 `json:"release"`       // number
	Before    int                 `json:"before"`        // number of what was there, 0 if nothing
	Rollback  bool                `json:"rollback,omitempty"`
	Hotfix    bool                `json:"hotfix,omitempty"`
	By        []string            `json:"by"`
	Approved  []string            `json:"approved,omitempty"` // people whose approval counted
	Policy    provenance.Digest   `json:"policy,omitzero"`
	VSA       provenance.Digest   `json:"vsa,omitzero"`
	Doubted   bool                `json:"doubted,omitempty"` // that verdict was revoked
	Approvals []provenance.Digest `json:"approvals,omitempty"`
	KnownGood provenance.Digest   `json:"knownGood,omitzero"` // of a rollback that was done while the ledger was down
	Reason    string              `json:"reason,omitempty"`
}

// A Deployed is the newest deployment record of a cluster.
type Deployed struct {
	Index   uint64            `json:"index"`
	Time    time.Time         `json:"time,omitzero"` // when its record was witnessed
	Release int               `json:"release"`       // number
	Config  provenance.Digest `json:"config"`
	Result  Result            `json:"result"`
	Drift   bool              `json:"drift,omitempty"` // what runs is not what the stage was at, or not with the frozen configuration
	// DriftSince is when the first of all drifts in a row was witnessed.
	DriftSince time.Time `json:"driftSince,omitzero"`
	By         []string  `json:"by"`
	Run        string    `json:"run,omitempty"`
}

// Counts count the deployment records of a stage.
type Counts struct {
	Deployments  int `json:"deployments"`
	ByDigest     int `json:"byDigest"` // whose reference has a digest in it, or that have none
	Drifted      int `json:"drifted"`
	PullFailed   int `json:"pullFailed"`
	Missing      int `json:"missing"`
	VerifyFailed int `json:"verifyFailed"`
	Failed       int `json:"failed"`

	DriftsEnded     int   `json:"driftsEnded,omitempty"`     // of clusters: a deployment that was none followed
	DriftSeconds    int64 `json:"driftSeconds,omitempty"`    // how long those took, all together, as witnessed
	Rollbacks       int   `json:"rollbacks,omitempty"`       // of the stage
	RollbacksRan    int   `json:"rollbacksRan,omitempty"`    // whose first deployment runs
	RollbacksFailed int   `json:"rollbacksFailed,omitempty"` // whose first deployment does not; of the others nobody said anything
	Hotfixes        int   `json:"hotfixes,omitempty"`
}

// A Revoking is a revocation that took effect.
type Revoking struct {
	Index  uint64            `json:"index"`
	Time   time.Time         `json:"time,omitzero"` // when its record was witnessed
	Kind   RevocationKind    `json:"kind"`
	Digest provenance.Digest `json:"digest"`
	By     []string          `json:"by"`
	Reason string            `json:"reason"`
}

// An Owed is what a hotfix still needs, or needed.
type Owed struct {
	Index    uint64            `json:"index"` // of the promotion
	Stage    string            `json:"stage"`
	Release  int               `json:"release"`       // number
	Due      time.Time         `json:"due"`           // from this instant on it is overdue
	Missing  int               `json:"missing"`       // people; 0 is paid
	Paid     time.Time         `json:"paid,omitzero"` // when the last approval that it needed was witnessed
	Approved []string          `json:"approved"`      // people who did
	From     string            `json:"from,omitempty"`
	Policy   provenance.Digest `json:"policy"`
}

// A Voided is a record without effect.
type Voided struct {
	Index uint64 `json:"index"`
	Kind  string `json:"kind"` // "tag", "promotion" and so on
	Void
}

// State is what is known about a product, as of head, which is that of the log
// after [History.Size] records. It is nil if no record was about it. It does not
// change when h does, and may be used by many at once.
func (h *History) State(product string, head Head) *State {
	h.open()
	s := h.states[product]
	if s == nil {
		p := h.product(product)
		if p == nil {
			return nil
		}
		s = h.state(p)
		if h.facts.under == nil { // else it may be large, and is asked for again
			h.states[product] = s
		}
	}
	out := *s
	out.Head = head
	if h.row.Roles != nil {
		out.Trust = h.row.Roles.Version
	}
	return &out
}

// state writes all rows about a product into one State.
func (h *History) state(p *product) *State {
	s := &State{Schema: StateSchema, Product: p.name, Releases: make([]*Released, 0, p.head.Releases), Tags: make(map[string]Bound, p.head.Tags), Stages: map[string]*At{}, index: &stateIndex{}}
	for n := range p.head.Releases {
		r := p.release(n + 1)
		if r == nil {
			continue
		}
		s.Releases = append(s.Releases, p.told(r))
	}
	for _, t := range all[tagged](p.f, p.head.Tags, func(n int) rowKey { return p.row(aTag, n) }) {
		s.Tags[t.Tag] = t.Bound
	}
	for name, stage := range p.head.Stages {
		at := &At{Release: stage.Release, Counts: stage.Counts, Moves: all[Move](p.f, stage.Moves, func(n int) rowKey { return p.at(aMove, name, n) })}
		if at.Moves == nil {
			at.Moves = []Move{}
		}
		for i, m := range at.Moves {
			at.Moves[i].Doubted = !m.Rollback && h.taken(m.VSA)
		}
		for _, c := range all[cluster](p.f, stage.Clusters, func(n int) rowKey { return p.at(aCluster, name, n) }) {
			if at.Running == nil {
				at.Running = map[string]Deployed{}
			}
			at.Running[c.Cluster] = c.Deployed
		}
		s.Stages[name] = at
	}
	s.Revoked = all[Revoking](p.f, p.head.Revoked, func(n int) rowKey { return p.row(aRevoking, n) })
	for _, o := range all[owing](p.f, p.head.Owed, func(n int) rowKey { return p.row(aDebt, n) }) {
		s.Owed = append(s.Owed, &o.Owed)
	}
	s.Void, s.Voids = h.voided(p.name, p.head.Void), p.head.Void
	s.Audits = all[Audited](p.f, p.head.Audits, func(n int) rowKey { return p.row(anAudit, n) })
	return s
}

// A stateIndex finds what a State holds. It is made when it is first asked for.
type stateIndex struct {
	once    sync.Once
	product *product
}

// about is s, row by row.
func (s *State) about() *product {
	x := s.index
	if x == nil { // made by hand
		x = &stateIndex{}
	}
	x.once.Do(func() { x.product = s.rows() })
	return x.product
}

func (s *State) rows() *product {
	p := &product{f: newFacts(nil), name: s.Product, head: &productHead{}}
	for _, r := range s.Releases {
		p.addRelease(r)
	}
	byIndex := func(a, b string) int { return cmp.Compare(s.Tags[a].Index, s.Tags[b].Index) }
	for _, tag := range slices.SortedStableFunc(slices.Values(slices.Sorted(maps.Keys(s.Tags))), byIndex) {
		p.addTag(tag, s.Tags[tag])
	}
	for name, at := range s.Stages {
		for _, m := range at.Moves {
			p.addMove(name, m)
		}
		p.makeStage(name).Counts = at.Counts // moves were counted
		for where, d := range at.Running {
			p.deploy(name, where, d)
		}
	}
	for _, r := range s.Revoked {
		p.addRevoking(r)
	}
	for _, o := range s.Owed {
		p.addDebt(owing{Owed: *o})
	}
	return p
}

// Marshal is the State in JSON: the same for the same records and head.
func (s *State) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxState is the size of a State in JSON, in bytes.
const maxState = 256 << 20

// ParseState reads what [State.Marshal] wrote. It refuses a member that it does
// not know, and a State that contradicts itself. That it is true of a log is for
// its signers to say.
func ParseState(data []byte) (*State, error) {
	if len(data) > maxState {
		return nil, fmt.Errorf("state: %d bytes, want at most %d: %w", len(data), maxState, strictjson.ErrLimit)
	}
	s := &State{}
	if err := strictjson.UnmarshalClosed(data, s); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if s.Schema != StateSchema {
		return nil, fmt.Errorf("state: /schema is %.80q, want %q", s.Schema, StateSchema)
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if s.Tags == nil {
		s.Tags = map[string]Bound{}
	}
	if s.Stages == nil {
		s.Stages = map[string]*At{}
	}
	s.index = &stateIndex{}
	return s, nil
}

// validate wants numbers that name releases, and indexes below the head's size.
func (s *State) validate() error {
	if err := checkProduct("/product", s.Product); err != nil {
		return err
	}
	number := func(n int) bool { return n >= 1 && n <= len(s.Releases) }
	ids := map[provenance.Digest]bool{}
	for i, r := range s.Releases {
		if r == nil || r.Number != i+1 || r.Index >= s.Head.Size || ids[r.ID] || checkSHA256("", r.ID, "") != nil || checkSubjects(r.Subjects) != nil || len(r.By) == 0 {
			return fmt.Errorf("/releases/%d is no release of number %d", i, i+1)
		}
		ids[r.ID] = true
	}
	for tag, b := range s.Tags {
		if !number(b.Release) || b.Index >= s.Head.Size || checkTag("", tag) != nil || !s.Releases[b.Release-1].has(b.Digest) {
			return fmt.Errorf("/tags: %.80q is bound to no artifact of a release", tag)
		}
	}
	for name, at := range s.Stages {
		if at == nil || at.Release != 0 && !number(at.Release) {
			return fmt.Errorf("/stages: %.80q is at no release", name)
		}
		before, last := 0, uint64(0)
		for _, m := range at.Moves {
			if !number(m.Release) || m.Before != before || m.Index >= s.Head.Size || m.Index <= last {
				return fmt.Errorf("/stages: %.80q has a move that follows from nothing", name)
			}
			before, last = m.Release, m.Index
		}
		if before != at.Release {
			return fmt.Errorf("/stages: %.80q is not where its moves lead", name)
		}
		for cluster, d := range at.Running {
			if !number(d.Release) || d.Index >= s.Head.Size {
				return fmt.Errorf("/stages: cluster %.80q of %.80q runs no release", cluster, name)
			}
		}
	}
	for i, a := range s.Audits {
		if a.Size > a.Index || a.Index >= s.Head.Size || i > 0 && a.Index <= s.Audits[i-1].Index {
			return fmt.Errorf("/audits/%d is of no earlier state", i)
		}
	}
	for i, o := range s.Owed {
		if o == nil || !number(o.Release) || o.Index >= s.Head.Size {
			return fmt.Errorf("/owed/%d is for no release", i)
		}
	}
	return nil
}

// has reports whether d identifies one of the artifacts.
func (r *Released) has(d provenance.Digest) bool {
	return identifies(d) && slices.ContainsFunc(r.Subjects, func(s provenance.ResourceDescriptor) bool {
		got, ok := s.Digest.Get(d.Algorithm())
		return ok && got == d
	})
}

// are reports whether subjects are exactly the artifacts of r.
func (r *Released) are(subjects []provenance.ResourceDescriptor) bool {
	return len(subjects) == len(r.Subjects) && r.include(subjects)
}

// include reports whether subjects, which have distinct names, are all among the
// artifacts of r, by name and by the same digests.
func (r *Released) include(subjects []provenance.ResourceDescriptor) bool {
	for _, s := range subjects {
		i, ok := slices.BinarySearchFunc(r.Subjects, s.Name, func(s provenance.ResourceDescriptor, name string) int { return strings.Compare(s.Name, name) })
		if !ok || !slices.Equal(s.Digest.Digests(), r.Subjects[i].Digest.Digests()) {
			return false
		}
	}
	return true
}
