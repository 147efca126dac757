package verifytest

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// request asks otherwise: by another name, for another place, at another time.
func (m *maker) request() {
	ask := func(row, name, what string, change func(r *verify.Request)) {
		r := m.Request
		change(&r)
		m.emit(row, "request/"+name, what, Refused, r)
	}
	for _, n := range lookalikes(m.Request.Name) {
		ask("H", "name-"+n.name, "the package asked for is "+n.what, func(r *verify.Request) { r.Name = n.text })
	}
	if name, _, ok := strings.Cut(m.Request.Name, "@"); ok && name != "" {
		ask("G6", "version", "another version is asked for: nothing that is signed is held against the one that is asked for", func(r *verify.Request) { r.Name = name + "@999.0.0" })
	}
	if m.Request.Name != "" {
		ask("H", "no-name", "no package is asked for", func(r *verify.Request) { r.Name = "" })
	}
	env := m.Request.Environment
	ask("38", "environment", "what was allowed elsewhere, asked for another environment", func(r *verify.Request) { r.Environment = env + "-2" })
	if env != "" {
		ask("38", "no-environment", "what was allowed for one environment, asked for none", func(r *verify.Request) { r.Environment = "" })
		ask("38", "environment-case", "the environment in other letters", func(r *verify.Request) { r.Environment = strings.ToUpper(env[:1]) + env[1:] })
	}
	ask("39", "trust-expired", "asked when the trust file has long expired", func(r *verify.Request) { r.At = m.good.At.AddDate(100, 0, 0) })
	ask("4", "no-evidence", "no evidence at all", func(r *verify.Request) { r.Evidence = nil })
}

// artifact presents other bytes for the ones that the evidence is about.
func (m *maker) artifact() {
	present := func(name, what string, a verify.Artifact) {
		r := m.Request
		r.Artifact = a
		m.emit("F3", "artifact/"+name, what, Refused, r)
	}
	present("another", "another artifact, of which only the digest is at hand", verify.Digest(provenance.SumSHA256([]byte("touchmark verifytest: another artifact"))))
	present("nothing", "no artifact", verify.Artifact{})
	size := len(m.bytes)
	if size == 0 {
		return
	}
	content := func(data []byte) verify.Artifact { return verify.Content(bytes.NewReader(data), int64(len(data))) }
	for _, b := range []struct {
		name string
		at   int
	}{{"first", 0}, {"middle", size / 2}, {"last", size - 1}} {
		flipped := bytes.Clone(m.bytes)
		flipped[b.at] ^= 1
		present(b.name+"-byte", "a bit of its "+b.name+" byte is flipped", content(flipped))
	}
	present("cut", "the artifact without its last byte", content(m.bytes[:size-1]))
	present("longer", "a byte behind the artifact", content(append(bytes.Clone(m.bytes), 0)))
}

// A view is what the ledger says, with a change.
type view struct {
	release.View
	head   func(*release.Head)
	status func(*release.Status)
	err    error
}

func (v view) Head() release.Head {
	h := v.View.Head()
	if v.head != nil {
		v.head(&h)
	}
	return h
}

func (v view) Status(ctx context.Context, product string, artifact provenance.Digest) (*release.Status, error) {
	if v.err != nil {
		return nil, v.err
	}
	s, err := v.View.Status(ctx, product, artifact)
	if err != nil || s == nil || v.status == nil {
		return s, err
	}
	c := *s
	v.status(&c)
	return &c, nil
}

// ledger lets the ledger say something else.
func (m *maker) ledger() {
	if m.Request.Release == nil {
		return
	}
	say := func(row, name, what string, v view) {
		v.View = m.Request.Release
		r := m.Request
		r.Release = v
		m.emit(row, "ledger/"+name, what, Refused, r)
	}
	head := func(change func(*release.Head)) view { return view{head: change} }
	status := func(change func(*release.Status)) view { return view{status: change} }
	say("39", "old-head", "a view of the ledger that is ten years old", head(func(h *release.Head) { h.Time = h.Time.AddDate(-10, 0, 0) }))
	say("39", "timeless-head", "a view of the ledger whose age nobody vouches for", head(func(h *release.Head) { h.Time = time.Time{} }))
	say("39", "no-witness", "a view of the ledger that no witness cosigned", head(func(h *release.Head) { h.Witnesses = 0 }))
	say("27", "another-origin", "a view of another ledger", head(func(h *release.Head) { h.Origin += ".evil" }))
	say("59", "not-released", "the ledger knows no release of it", view{err: release.ErrUnknown})
	say("66", "revoked", "the ledger says that the release was taken back", status(func(s *release.Status) {
		s.Revoked = &release.Revoked{At: m.good.At.Add(-time.Minute), By: "verifytest", Reason: "a variant"}
	}))
	say("38", "not-promoted", "it was never promoted", status(func(s *release.Status) { s.Promotions = nil }))
	say("37", "not-soaked", "it was promoted this very instant", status(func(s *release.Status) {
		promoted := make([]release.Entry, len(s.Promotions))
		copy(promoted, s.Promotions)
		for i := range promoted {
			promoted[i].Time = m.good.At
		}
		s.Promotions = promoted
	}))
	r := m.Request
	r.Release = nil
	m.emit("53", "ledger/none", "the ledger is not asked", Refused, r)
}
