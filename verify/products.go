package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// A Product is the way of one product's releases: who may write which records
// about it in the ledger, and what a move needs. Names are principals and roles.
type Product struct {
	Versions  release.Scheme // how it counts its versions
	Releasers []string       // who may release it and bind its tags
	Revokers  []string       // who may revoke, retire and erase its releases, besides Trust.Revokers
	Stages    []Stage        // environments and channels, each after the one that it is entered from
}

// A Stage is an environment or a channel that releases are promoted to.
type Stage struct {
	Name      string        // as in Request.Environment
	From      string        // the stage that a release must have come into before; empty is none
	Soak      time.Duration // how long it must have been there
	Approvals []Quorum      // whose approvals a promotion needs; persons only, and nobody fills two places
	Promoters []string      // who may promote to it
	Rollback  []string      // who may roll it back
	Deployers []string      // who may record what runs there
	Hotfix    *Hotfix       // nil if there is no short way
}

// A Hotfix is the short way into a stage: no soaking, and fewer approvals now.
type Hotfix struct {
	Approvals []Quorum      // in place of the stage's own, which are owed
	Within    time.Duration // when the rest of those is due
}

// productFile, stageFile and hotfixFile are their forms in a trust file.
type productFile struct {
	Versions  release.Scheme `json:"versions"`
	Releasers []string       `json:"releasers"`
	Revokers  []string       `json:"revokers,omitempty"`
	Stages    []stageFile    `json:"stages,omitempty"`
}

type stageFile struct {
	Name      string            `json:"name"`
	From      string            `json:"from,omitempty"`
	Soak      string            `json:"soak,omitempty"`
	Approvals []json.RawMessage `json:"approvals,omitempty"`
	Promoters []string          `json:"promoters"`
	Rollback  []string          `json:"rollback,omitempty"`
	Deployers []string          `json:"deployers,omitempty"`
	Hotfix    *hotfixFile       `json:"hotfix,omitempty"`
}

type hotfixFile struct {
	Approvals []json.RawMessage `json:"approvals,omitempty"`
	Within    string            `json:"within"`
}

// products reads the products of a trust file.
func (l *loader) products(in map[string]productFile) (map[string]Product, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := make(map[string]Product, len(in))
	for _, name := range sortedKeys(in) {
		f := in[name]
		p := Product{Versions: f.Versions, Releasers: f.Releasers, Revokers: f.Revokers}
		for i, s := range f.Stages {
			at := fmt.Sprintf("/products/%s/stages/%d", strictjson.EscapePointer(name), i)
			stage := Stage{Name: s.Name, From: s.From, Promoters: s.Promoters, Rollback: s.Rollback, Deployers: s.Deployers}
			var err error
			if s.Soak != "" {
				if stage.Soak, err = l.duration(at+"/soak", s.Soak); err != nil {
					return nil, err
				}
			}
			if stage.Approvals, err = l.quorums(at+"/approvals", s.Approvals); err != nil {
				return nil, err
			}
			if s.Hotfix != nil {
				h := &Hotfix{}
				if h.Within, err = l.duration(at+"/hotfix/within", s.Hotfix.Within); err != nil {
					return nil, err
				}
				if h.Approvals, err = l.quorums(at+"/hotfix/approvals", s.Hotfix.Approvals); err != nil {
					return nil, err
				}
				stage.Hotfix = h
			}
			p.Stages = append(p.Stages, stage)
		}
		out[name] = p
	}
	return out, nil
}

func (l *loader) quorums(at string, in []json.RawMessage) ([]Quorum, error) {
	var out []Quorum
	for i, data := range in {
		q, err := l.group(fmt.Sprintf("%s/%d", at, i), data)
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

// productFiles is the form of products in a trust file.
func productFiles(products map[string]Product) map[string]productFile {
	if len(products) == 0 {
		return nil
	}
	raw := func(quorums []Quorum) []json.RawMessage {
		var out []json.RawMessage
		for _, q := range quorums {
			data, err := json.Marshal(q)
			if err != nil {
				data = json.RawMessage("null") // which ParseTrust refuses
			}
			out = append(out, data)
		}
		return out
	}
	duration := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return formatDuration(d)
	}
	out := make(map[string]productFile, len(products))
	for name, p := range products {
		f := productFile{Versions: p.Versions, Releasers: p.Releasers, Revokers: p.Revokers}
		for _, s := range p.Stages {
			sf := stageFile{Name: s.Name, From: s.From, Soak: duration(s.Soak), Approvals: raw(s.Approvals), Promoters: s.Promoters, Rollback: s.Rollback, Deployers: s.Deployers}
			if s.Hotfix != nil {
				sf.Hotfix = &hotfixFile{Approvals: raw(s.Hotfix.Approvals), Within: duration(s.Hotfix.Within)}
			}
			f.Stages = append(f.Stages, sf)
		}
		out[name] = f
	}
	return out
}

// ReleaseRoles are what t says about who may write which records in a ledger, with all
// roles resolved to principals. The error is a [*ConfigError].
func (t *Trust) ReleaseRoles() (*release.Roles, error) {
	x, err := t.index()
	if err != nil {
		return nil, err
	}
	return x.releases, nil
}

// compileReleases resolves and checks what t says about releases.
func (t *Trust) compileReleases(l *loader, x *trustIndex) error {
	out := &release.Roles{Version: t.Version, Products: map[string]release.Rules{}}
	for _, name := range sortedKeys(x.principals) {
		if x.principals[name].kind == Person {
			out.People = append(out.People, name)
		}
	}
	var err error
	if out.Revokers, err = x.everyone(l, "/revokers", t.Revokers); err != nil {
		return err
	}
	if t.Auditors.Of != nil {
		for _, g := range t.Auditors.groups() {
			set, err := x.group(l, "/auditors", g.Of)
			if err != nil {
				return err
			}
			out.Auditors = append(out.Auditors, release.Quorum{AtLeast: g.AtLeast, Of: sortedKeys(set)})
		}
	}
	for _, name := range sortedKeys(t.Products) {
		at := "/products/" + strictjson.EscapePointer(name)
		rules, err := x.rules(l, at, t.Products[name])
		if err != nil {
			return err
		}
		if err := release.CheckProduct(name); err != nil {
			return l.errorf(at, "%v", err)
		}
		if err := rules.Validate(); err != nil {
			return l.errorf(at, "%v", err)
		}
		out.Products[name] = rules
	}
	x.releases = out
	return nil
}

// rules are a product's, with all names resolved.
func (x *trustIndex) rules(l *loader, at string, p Product) (release.Rules, error) {
	out := release.Rules{Scheme: p.Versions}
	var err error
	if out.Releasers, err = x.everyone(l, at+"/releasers", p.Releasers); err != nil {
		return out, err
	}
	if out.Revokers, err = x.everyone(l, at+"/revokers", p.Revokers); err != nil {
		return out, err
	}
	for i, s := range p.Stages {
		at := fmt.Sprintf("%s/stages/%d", at, i)
		stage := release.Stage{Name: s.Name, From: s.From, Soak: s.Soak}
		for _, list := range []struct {
			name string
			in   []string
			out  *[]string
		}{{"promoters", s.Promoters, &stage.Promoters}, {"rollback", s.Rollback, &stage.Rollback}, {"deployers", s.Deployers, &stage.Deployers}} {
			if *list.out, err = x.everyone(l, at+"/"+list.name, list.in); err != nil {
				return out, err
			}
		}
		if stage.Approvals, err = x.people(l, at+"/approvals", s.Approvals); err != nil {
			return out, err
		}
		if s.Hotfix != nil {
			stage.Hotfix = &release.Hotfix{Within: s.Hotfix.Within}
			if stage.Hotfix.Approvals, err = x.people(l, at+"/hotfix/approvals", s.Hotfix.Approvals); err != nil {
				return out, err
			}
		}
		out.Stages = append(out.Stages, stage)
	}
	return out, nil
}

// everyone resolves names of principals and roles to principals, sorted.
func (x *trustIndex) everyone(l *loader, at string, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	set := map[string]bool{}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, l.errorf(fmt.Sprintf("%s/%d", at, i), "%q stands here twice", name)
		}
		if _, known := x.principals[name]; known {
			set[name] = true
			continue
		}
		members, known := x.roles[name]
		if !known {
			return nil, l.errorf(fmt.Sprintf("%s/%d", at, i), "%q is neither a principal nor a role of the trust file", name)
		}
		for _, m := range members {
			set[m] = true
		}
	}
	return sortedKeys(set), nil
}

// people resolves quorums, and leaves nobody in them but persons.
func (x *trustIndex) people(l *loader, at string, quorums []Quorum) ([]release.Quorum, error) {
	var out []release.Quorum
	for i, q := range quorums {
		at := fmt.Sprintf("%s/%d", at, i)
		if q.Any {
			return nil, l.errorf(at, "approvals are by people who are named")
		}
		names, err := x.everyone(l, at+"/of", q.Of)
		if err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return x.principals[name].kind != Person })
		if q.AtLeast < 1 || q.AtLeast > len(names) {
			return nil, l.errorf(at+"/atLeast", "%d of the %d persons named: want between 1 and all of them", q.AtLeast, len(names))
		}
		out = append(out, release.Quorum{AtLeast: q.AtLeast, Of: names})
	}
	return out, nil
}
