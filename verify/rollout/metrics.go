package rollout

import (
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// A Metric is one of the ten figures by which immutable delivery is measured.
type Metric struct {
	ID   string `json:"id"`   // "M1" to "M10"
	Name string `json:"name"` // in words
	// Value is of Unit: "share", 0 to 1; "count"; "seconds"; "bytes". It is nil if
	// nobody knows, and then Why says what would have to be known.
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	Of    int      `json:"of"`  // how many of something the Value rests on
	Why   string   `json:"why"` // what was counted, or what is missing
}

// Measured is what a ledger cannot know. Nil is that nobody knows.
type Measured struct {
	// Alarms are what guards found since they began, by what it was: [Guard.Found].
	Alarms map[string]int
	// Evidence says how many of the bundles that releases and moves name are at hand.
	Evidence *Completeness
	// Bytes are those of evidence and log now, and before: Since then.
	Bytes *Growth
	// Refused is how many verdicts were no or undecided elsewhere, out of how many.
	Refused *Completeness
}

// A Completeness is a share.
type Completeness struct {
	Have int `json:"have"`
	Want int `json:"want"`
}

// A Growth is a measure of storage at two instants.
type Growth struct {
	Before int64         `json:"before"`
	Now    int64         `json:"now"`
	Within time.Duration `json:"within"`
}

// Metrics are the ten figures of a product, in their order. What the ledger has no
// record of is counted from measured, or said to be unknown: never taken to be zero.
func (v *View) Metrics(product string, measured Measured) ([]Metric, error) {
	s, err := v.ReadState(product)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, release.ErrUnknown
	}
	var attempts int
	if v.ask(func(s *release.Snapshot) { attempts, err = s.Attempts(product) }); err != nil {
		return nil, err
	}
	m := metrics{state: s, now: v.head.Time, stages: v.trust.Products[product].Stages, in: measured}
	for _, at := range s.Stages {
		m.sum(at.Counts)
	}
	return []Metric{m.byDigest(), m.rebinds(attempts), m.missing(), m.audit(), m.drift(), m.hotfixes(), m.storage(), m.parity(), m.rollbacks(), m.refused()}, nil
}

type metrics struct {
	state  *release.State
	now    time.Time
	stages []verify.Stage
	in     Measured
	total  release.Counts
}

func (m *metrics) sum(c release.Counts) {
	t := &m.total
	t.Deployments += c.Deployments
	t.ByDigest += c.ByDigest
	t.Drifted += c.Drifted
	t.PullFailed += c.PullFailed
	t.Missing += c.Missing
	t.VerifyFailed += c.VerifyFailed
	t.DriftsEnded += c.DriftsEnded
	t.DriftSeconds += c.DriftSeconds
	t.Rollbacks += c.Rollbacks
	t.RollbacksRan += c.RollbacksRan
	t.RollbacksFailed += c.RollbacksFailed
	t.Hotfixes += c.Hotfixes
}

func figure(id, name, unit string, value float64, of int, why string) Metric {
	return Metric{ID: id, Name: name, Unit: unit, Value: &value, Of: of, Why: why}
}

// share is have of want; nobody knows a share of nothing.
func share(id, name string, have, want int, of string) Metric {
	if want == 0 {
		return Metric{ID: id, Name: name, Unit: "share", Why: "no " + of + " yet"}
	}
	return figure(id, name, "share", float64(have)/float64(want), want, fmt.Sprintf("%d of %d %s", have, want, of))
}

func (m *metrics) byDigest() Metric {
	return share("M1", "deployments by digest", m.total.ByDigest, m.total.Deployments, "deployments on record")
}

func (m *metrics) rebinds(attempts int) Metric {
	why := fmt.Sprintf("%d records without effect", attempts)
	if m.in.Alarms == nil {
		why += "; what happened in registries is not known: no report of a guard"
	} else {
		moved := m.in.Alarms["re-pointed"] + m.in.Alarms["recreated"]
		attempts += moved
		why += fmt.Sprintf(", %d seen by the guard in a registry", moved)
	}
	return figure("M2", "attempts to re-bind a tag", "count", float64(attempts), attempts, why)
}

func (m *metrics) missing() Metric {
	return share("M3", "pull and missing-artifact errors", m.total.PullFailed+m.total.Missing, m.total.Deployments, "deployments on record")
}

func (m *metrics) audit() Metric {
	if m.in.Evidence == nil {
		return Metric{ID: "M4", Name: "audit completeness", Unit: "share", Why: "the evidence store was not looked at"}
	}
	return share("M4", "audit completeness", m.in.Evidence.Have, m.in.Evidence.Want, "pieces of evidence that releases and promotions name")
}

func (m *metrics) drift() Metric {
	open := 0
	for _, at := range m.state.Stages {
		for _, d := range at.Running {
			if d.Drift {
				open++
			}
		}
	}
	out := Metric{ID: "M5", Name: "time to resolve drift", Unit: "seconds", Of: m.total.DriftsEnded, Why: fmt.Sprintf("on average of %d that ended, %d go on", m.total.DriftsEnded, open)}
	if m.total.DriftsEnded > 0 {
		value := float64(m.total.DriftSeconds) / float64(m.total.DriftsEnded)
		out.Value = &value
	}
	return out
}

func (m *metrics) hotfixes() Metric {
	late := 0
	for _, o := range m.state.Debts(m.now) {
		if !m.now.Before(o.Due) {
			late++
		}
	}
	if m.now.IsZero() && m.total.Hotfixes > 0 {
		return Metric{ID: "M6", Name: "undocumented hotfixes", Unit: "count", Of: m.total.Hotfixes, Why: "the log has no time, so nobody knows what is overdue"}
	}
	return figure("M6", "undocumented hotfixes", "count", float64(late+m.total.Drifted), m.total.Hotfixes+m.total.Drifted,
		fmt.Sprintf("%d of %d hotfixes whose approvals are overdue, %d deployments of what no promotion let in", late, m.total.Hotfixes, m.total.Drifted))
}

func (m *metrics) storage() Metric {
	g := m.in.Bytes
	if g == nil || g.Within <= 0 {
		return Metric{ID: "M7", Name: "storage growth", Unit: "bytes", Why: "two measures of the store are wanted, some time apart"}
	}
	perDay := float64(g.Now-g.Before) / g.Within.Hours() * 24
	return figure("M7", "storage growth", "bytes", perDay, int(g.Now), fmt.Sprintf("a day, from %d to %d in %s", g.Before, g.Now, g.Within))
}

// parity is how many places run exactly what their environment is at, and how many
// environments are at what the one is at that they are entered from.
func (m *metrics) parity() Metric {
	have, want := 0, 0
	for _, stage := range m.stages {
		at := m.state.Stages[stage.Name]
		if at == nil || at.Release == 0 {
			continue
		}
		if from := m.state.Stages[stage.From]; stage.From != "" && from != nil {
			want++
			if from.Release == at.Release {
				have++
			}
		}
		for _, d := range at.Running {
			want++
			if d.Result == release.Running && d.Release == at.Release && !d.Drift {
				have++
			}
		}
	}
	return share("M8", "canary and prod parity, and across clusters", have, want, "pairs of environments, and clusters")
}

func (m *metrics) rollbacks() Metric {
	out := share("M9", "rollback success", m.total.RollbacksRan, m.total.RollbacksRan+m.total.RollbacksFailed, "rollbacks that a deployment answered")
	if silent := m.total.Rollbacks - m.total.RollbacksRan - m.total.RollbacksFailed; silent > 0 {
		out.Why += fmt.Sprintf("; of %d more nobody said what came of them", silent)
	}
	return out
}

func (m *metrics) refused() Metric {
	failed, of := m.total.VerifyFailed, m.total.Deployments
	why := "deployments on record"
	if m.in.Refused != nil {
		failed, of = failed+m.in.Refused.Have, of+m.in.Refused.Want
		why = "deployments on record, and verdicts handed in"
	}
	return share("M10", "provenance verification failures", failed, of, why)
}
