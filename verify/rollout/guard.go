package rollout

import (
	"maps"
	"slices"

	"github.com/touchmark-go/touchmark/provenance"
)

// An Alarm is what a [Guard] found wrong with one tag of a registry.
type Alarm struct {
	Tag  string            `json:"tag"`
	What string            `json:"what"`          // "re-pointed", "deleted", "recreated" or "unknown"
	Want provenance.Digest `json:"want,omitzero"` // what the ledger says that it names, for ever
	Got  provenance.Digest `json:"got,omitzero"`  // what the registry says; zero if nothing
}

// A Guard compares what the tags of one repository name with what the ledger says
// that they name. It is not a lock: a registry can move a tag, and the guard makes
// sure that somebody hears of it. Who resolves tags by the ledger is not deceived
// meanwhile.
//
// Its fields are its memory, so that it can be written down between two looks.
type Guard struct {
	Product    string                       `json:"product"`
	Repository string                       `json:"repository"` // its artifacts have this name in releases
	Seen       map[string]provenance.Digest `json:"seen"`       // what each tag named when it was last there
	Gone       map[string]bool              `json:"gone"`       // tags that were there before, and not at the last look
	// Found is how many alarms there were since the guard began, by what it was, each
	// once however often it was looked at: see [Measured].
	Found map[string]int `json:"found"`
}

// Look holds tags, which the registry has now, against the ledger, and returns
// what is wrong, sorted by tag; and remembers them. A tag that is back after it
// was gone is an alarm once, even if it names the same; and so is one that is gone
// and was never released. With an error, of the [Keeper], nothing is remembered.
func (g *Guard) Look(v *View, tags map[string]provenance.Digest) ([]Alarm, error) {
	s, err := v.ReadState(g.Product)
	if err != nil {
		return nil, err // and not a registry full of strange tags
	}
	if g.Seen == nil {
		g.Seen = map[string]provenance.Digest{}
	}
	if g.Gone == nil {
		g.Gone = map[string]bool{}
	}
	if g.Found == nil {
		g.Found = map[string]int{}
	}
	bound := map[string]provenance.Digest{}
	here := map[string]bool{} // whose artifact is in this repository
	if s != nil {
		for tag, b := range s.Tags {
			bound[tag] = b.Digest
			here[tag] = slices.ContainsFunc(s.Releases[b.Release-1].Subjects, func(a provenance.ResourceDescriptor) bool {
				d, ok := a.Digest.Get(b.Digest.Algorithm())
				return ok && d == b.Digest && a.Name == g.Repository
			})
		}
	}
	all := maps.Clone(bound)
	maps.Copy(all, g.Seen)
	maps.Copy(all, tags)
	var alarms []Alarm
	for _, tag := range slices.Sorted(maps.Keys(all)) {
		want, known := bound[tag]
		got, there := tags[tag]
		last, seen := g.Seen[tag]
		alarm := func(what string) {
			alarms = append(alarms, Alarm{tag, what, want, got})
			if gone := g.Gone[tag]; there && (gone || got != last) || !there && !gone {
				g.Found[what]++
			}
		}
		switch {
		case there && known && got != want:
			alarm("re-pointed")
		case there && !known:
			alarm("unknown")
		case there && g.Gone[tag]:
			alarm("recreated")
		case !there && (known && here[tag] || seen && (known || !g.Gone[tag])):
			alarm("deleted")
		}
		switch {
		case there:
			g.Seen[tag] = got
			delete(g.Gone, tag)
		case seen || known && here[tag]:
			g.Gone[tag] = true
		}
	}
	return alarms, nil
}
