package release

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// StateSchema is the schema member of a [State] in JSON, and StateType the
// payload type under which one is signed.
const (
	StateSchema = "https://github.com/touchmark-go/touchmark/state/v1"
	StateType   = "application/vnd.touchmark.state+json"
)

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
	Void     []Voided         `json:"void,omitempty"`    // records about the product without effect, in log order

	byID    map[provenance.Digest]*Released
	byFile  map[provenance.Digest][]*Released // by each artifact's digest
	looks   map[string]*Released              // by skeleton of the version
	tagLook map[string]string                 // skeleton to the first tag that has it
	revoked map[provenance.Digest]int         // release id to the place in Revoked that counts
	shared  bool                              // somebody holds it: it must be cloned to be changed
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
	Repository string                          `json:"repository,omitempty"`
	Commit     provenance.Digest               `json:"commit,omitzero"`
	Run        string                          `json:"run,omitempty"`
	Policy     provenance.Digest               `json:"policy,omitzero"`
	VSA        provenance.Digest               `json:"vsa,omitzero"`
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

	good map[int]Move // releases that are good there, and the promotion that says so
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
	Drift   bool              `json:"drift,omitempty"` // it was not what the stage was at, or not with the frozen configuration
	By      []string          `json:"by"`
	Run     string            `json:"run,omitempty"`
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

	quorums []Quorum
}

// A Voided is a record without effect.
type Voided struct {
	Index uint64 `json:"index"`
	Kind  string `json:"kind"` // "tag", "promotion" and so on
	Void
}

// newState is the State of a product about which nothing is known.
func newState(product string) *State {
	s := &State{Schema: StateSchema, Product: product, Releases: []*Released{}, Tags: map[string]Bound{}, Stages: map[string]*At{}}
	s.index()
	return s
}

// clone is a copy of s that can be changed. What is only ever appended to stays
// shared: who holds s does not look behind its end.
func (s *State) clone() *State {
	c := *s
	c.shared = false
	c.Tags, c.byID, c.byFile = maps.Clone(s.Tags), maps.Clone(s.byID), maps.Clone(s.byFile)
	c.looks, c.tagLook, c.revoked = maps.Clone(s.looks), maps.Clone(s.tagLook), maps.Clone(s.revoked)
	c.Stages = make(map[string]*At, len(s.Stages))
	for name, at := range s.Stages {
		a := *at
		a.Running, a.good = maps.Clone(at.Running), maps.Clone(at.good)
		c.Stages[name] = &a
	}
	c.Owed = make([]*Owed, len(s.Owed))
	for i, o := range s.Owed {
		owed := *o
		c.Owed[i] = &owed
	}
	return &c
}

// index makes what is derived from the rest.
func (s *State) index() {
	s.byID, s.byFile = map[provenance.Digest]*Released{}, map[provenance.Digest][]*Released{}
	s.looks, s.tagLook, s.revoked = map[string]*Released{}, map[string]string{}, map[provenance.Digest]int{}
	for _, r := range s.Releases {
		s.indexRelease(r)
	}
	byIndex := func(a, b string) int { return cmp.Compare(s.Tags[a].Index, s.Tags[b].Index) }
	for _, tag := range slices.SortedStableFunc(slices.Values(slices.Sorted(maps.Keys(s.Tags))), byIndex) {
		if look := Skeleton(tag); s.tagLook[look] == "" {
			s.tagLook[look] = tag
		}
	}
	for _, at := range s.Stages {
		at.good = map[int]Move{}
		for _, m := range at.Moves {
			at.note(m)
		}
	}
	for i, r := range s.Revoked {
		s.indexRevoking(i, r)
	}
}

func (s *State) indexRelease(r *Released) {
	s.byID[r.ID] = r
	s.looks[Skeleton(r.Version)] = r
	for _, a := range r.Subjects {
		for _, d := range a.Digest.Digests() {
			if identifies(d) {
				s.byFile[d] = append(s.byFile[d], r)
			}
		}
	}
}

// indexRevoking notes the strongest revocation of a release: one that forbids
// its use counts before one that only retires it.
func (s *State) indexRevoking(i int, r Revoking) {
	if r.Kind != RevokeRelease && r.Kind != Retire {
		return
	}
	if j, ok := s.revoked[r.Digest]; !ok || s.Revoked[j].Kind == Retire && r.Kind == RevokeRelease {
		s.revoked[r.Digest] = i
	}
}

// note keeps which releases are good at a stage: those that were promoted there
// and that no rollback left since.
func (a *At) note(m Move) {
	if m.Rollback {
		delete(a.good, m.Before)
	} else {
		a.good[m.Release] = m
	}
	a.Release = m.Release
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
	s.index()
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
