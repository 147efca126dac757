package rollout_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A watched log of a few records in memory, with as many witnesses as are named.
type watched struct {
	t         testing.TB
	signer    note.Signer
	log       ledger.Log
	witnesses map[string]*ledger.Signer
	records   [][]byte
}

func newWatched(t testing.TB, name string, witnesses ...string) *watched {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, log: ledger.Log{Origin: name, Key: public}, witnesses: map[string]*ledger.Signer{}}
	if w.signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	for _, name := range witnesses {
		w.log.Witnesses = append(w.log.Witnesses, w.witness(name).Key())
	}
	return w
}

// witness is the one of that name, new if need be.
func (w *watched) witness(name string) *ledger.Signer {
	if w.witnesses[name] == nil {
		seed := sha256.Sum256([]byte("witness " + name))
		s, err := ledger.NewSigner(name, ed25519.NewKeyFromSeed(seed[:]))
		if err != nil {
			w.t.Fatal(err)
		}
		w.witnesses[name] = s
	}
	return w.witnesses[name]
}

// wants is the log as a trust file names it.
func (w *watched) wants(atLeast int) ledger.Log {
	l := w.log
	l.AtLeast = atLeast
	return l
}

// stamp logs a record, has witnesses see it, each at its time ("w1 2026-…"), and
// returns b with what they said.
func (w *watched) stamp(b *sign.Bundle, record []byte, seen ...string) *sign.Bundle {
	w.t.Helper()
	if record == nil {
		line, err := b.Marshal()
		if err != nil {
			w.t.Fatal(err)
		}
		record = line
	}
	w.records = append(w.records, []byte("a record of something else"), record, []byte("another"))
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, _ error) {
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i, r := range w.records {
		more, err := tlog.StoredHashes(int64(i), r, read)
		if err != nil {
			w.t.Fatal(err)
		}
		hashes = append(hashes, more...)
	}
	size, index := int64(len(w.records)), int64(len(w.records)-2)
	root, err := tlog.TreeHash(size, read)
	if err != nil {
		w.t.Fatal(err)
	}
	path, err := tlog.ProveRecord(size, index, read)
	if err != nil {
		w.t.Fatal(err)
	}
	head, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", w.log.Origin, size, root)}, w.signer)
	if err != nil {
		w.t.Fatal(err)
	}
	all := w.log
	for _, s := range seen {
		name, at, _ := strings.Cut(s, " ")
		line, err := w.witness(name).Cosign(head, instant(w.t, at))
		if err != nil {
			w.t.Fatal(err)
		}
		head = append(head, line...)
		if key := w.witness(name).Key(); !slices.Contains(all.Witnesses, key) {
			all.Witnesses = append(slices.Clone(all.Witnesses), key)
		}
	}
	text := fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index)
	for _, h := range path {
		text = fmt.Appendf(text, "%s\n", h)
	}
	proof, err := ledger.ParseProof(append(append(text, '\n'), head...))
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := all.Verifier() // whoever attacks believes his own witnesses
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := v.Stamp(b, record, proof)
	if err != nil {
		w.t.Fatal(err)
	}
	return again(w.t, out)
}

// again is b as a file has it.
func again(t testing.TB, b *sign.Bundle) *sign.Bundle {
	t.Helper()
	var file bytes.Buffer
	if err := sign.Write(&file, b); err != nil {
		t.Fatal(err)
	}
	read, err := sign.Read(&file)
	if err != nil || len(read) != 1 || read[0].Err != nil {
		t.Fatalf("%v, %v", err, read)
	}
	return read[0]
}

func instant(t testing.TB, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// edit changes the one log entry of b.
func edit(t testing.TB, b *sign.Bundle, change func(entry map[string]any)) *sign.Bundle {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal(b.Signatures[0].LogEntries[0], &e); err != nil {
		t.Fatal(err)
	}
	change(e)
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return carrying(b, raw)
}

// carrying is b with these log entries and no others.
func carrying(b *sign.Bundle, entries ...json.RawMessage) *sign.Bundle {
	out := *b
	out.Signatures = slices.Clone(b.Signatures)
	out.Signatures[0].LogEntries = entries
	return &out
}

const (
	before  = "2026-11-20T17:09:59Z"
	revoked = "2026-11-20T17:10:00Z"
	much    = "2026-11-20T17:06:00Z"
)

// The key of a build service was revoked. What it signed counts if the ledger
// held the very signature before that, by the word of two of three witnesses,
// and by nothing less.
func TestTimes(t *testing.T) {
	c := story.Build(t, `set trust /principals/ci/keys [{"pem":"<pem:ci:p256>","revoked":{"at":"`+revoked+`","reason":"stolen"}},{"pem":"<pem:ci/2>"}]`,
		"sign provenance ci:p256", "sig provenance 0 malleate", "sign sbom ci/2")
	two := *c.Request.Evidence[0] // one signature in two spellings
	others := c.Request.Evidence[1:]
	one := func(i int) *sign.Bundle {
		b := two
		b.Signatures = []sign.Signature{two.Signatures[i]}
		return &b
	}
	w := newWatched(t, "log.acme.example", "w1", "w2", "w3")
	foreign := newWatched(t, "log.acme.example", "w1", "w2", "w3") // of the same name, with another key
	both, err := two.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	sbom, err := others[0].Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := w.stamp(one(0), nil, "w1 "+much, "w2 "+before)
	entryOf := func(b *sign.Bundle) json.RawMessage { return b.Signatures[0].LogEntries[0] }
	for name, story := range map[string]struct {
		evidence *sign.Bundle
		want     string // the code, or nothing
		got      string // a part of what was found
	}{
		"two witnesses saw it before":                        {good, "", ""},
		"three did, two of them before":                      {w.stamp(one(0), nil, "w3 2026-11-20T18:00:00Z", "w1 "+much, "w2 "+before), "", ""},
		"the record holds two signatures, and this is one":   {w.stamp(one(0), both, "w1 "+much, "w2 "+before), "", ""},
		"nothing logged it":                                  {one(0), "trusted-time", "nothing trusted says that it signed before"},
		"the second witness saw it at that instant":          {w.stamp(one(0), nil, "w1 "+much, "w2 "+revoked), "trusted-time", "revoked since 2026-11-20T17:10:00Z (stolen), and it signed 2026-11-20T17:10:00Z"},
		"three saw it, one of them before":                   {w.stamp(one(0), nil, "w1 "+much, "w2 "+revoked, "w3 2026-11-20T18:00:00Z"), "trusted-time", "it signed 2026-11-20T17:10:00Z"},
		"one witness, and two are wanted":                    {w.stamp(one(0), nil, "w1 "+much), "trusted-time", "1 of 2 wanted"},
		"one witness twice":                                  {w.stamp(one(0), nil, "w1 "+much, "w1 "+before), "trusted-time", "1 of 2 wanted"},
		"a witness whom trust does not know":                 {w.stamp(one(0), nil, "w1 "+much, "w4 "+much), "trusted-time", "1 of 2 wanted"},
		"a log with another key":                             {foreign.stamp(one(0), nil, "w1 "+much, "w2 "+much), "trusted-time", "nothing trusted says"},
		"the other log, said to be this one":                 {edit(t, foreign.stamp(one(0), nil, "w1 "+much, "w2 "+much), func(e map[string]any) { e["logId"] = fields(t, entryOf(good))["logId"] }), "trusted-time", "not signed by the log"},
		"another signature over the same statement":          {carrying(one(1), entryOf(good)), "trusted-time", "does not hold this signature"},
		"that one, logged itself":                            {w.stamp(one(1), nil, "w1 "+much, "w2 "+before), "", ""},
		"the record of another statement":                    {carrying(one(0), entryOf(w.stamp(others[0], sbom, "w1 "+much, "w2 "+much))), "trusted-time", "is of something else"},
		"another record in the place of the one that proves": {edit(t, good, func(e map[string]any) { e["canonicalizedBody"] = both }), "trusted-time", "does not lead from record 1"},
		"another index":                                      {edit(t, good, func(e map[string]any) { setIndex(e, "2") }), "trusted-time", "does not lead from record 2"},
		"an index beyond the checkpoint":                     {edit(t, good, func(e map[string]any) { setIndex(e, "9") }), "trusted-time", "covers 3"},
		"two indexes":                                        {edit(t, good, func(e map[string]any) { e["logIndex"] = "2" }), "trusted-time", `record "2"`},
		"an index of two spellings":                          {edit(t, good, func(e map[string]any) { setIndex(e, "01") }), "trusted-time", `record "01"`},
		"a root that the checkpoint does not have":           {edit(t, good, func(e map[string]any) { proofOf(e)["rootHash"] = make([]byte, 32) }), "trusted-time", "another tree"},
		"a size that it does not have":                       {edit(t, good, func(e map[string]any) { proofOf(e)["treeSize"] = "4" }), "trusted-time", "another tree"},
		"a hash cut short":                                   {edit(t, good, func(e map[string]any) { proofOf(e)["hashes"] = [][]byte{make([]byte, 31)} }), "trusted-time", "a hash of 31 bytes"},
		"too many hashes":                                    {edit(t, good, func(e map[string]any) { proofOf(e)["hashes"] = slices.Repeat([][]byte{make([]byte, 32)}, 64) }), "trusted-time", "64 hashes"},
		"a time of its own":                                  {edit(t, good, func(e map[string]any) { e["integratedTime"] = "1763657000" }), "trusted-time", "integratedTime"},
		"a cosignature is cut away": {edit(t, good, func(e map[string]any) {
			p := proofOf(e)["checkpoint"].(map[string]any)
			lines := strings.SplitAfter(p["envelope"].(string), "\n")
			p["envelope"] = strings.Join(lines[:len(lines)-2], "") // the last cosignature is lost
		}), "trusted-time", "1 of 2 wanted"},
		"a cosignature dated back": {edit(t, w.stamp(one(0), nil, "w1 "+much, "w2 "+revoked), func(e map[string]any) {
			p := proofOf(e)["checkpoint"].(map[string]any)
			lines := strings.SplitAfter(p["envelope"].(string), "\n")
			last := lines[len(lines)-2]
			at := strings.LastIndexByte(last, ' ') + 1
			sig, err := base64.StdEncoding.DecodeString(strings.TrimSpace(last[at:]))
			if err != nil {
				t.Fatal(err)
			}
			binary.BigEndian.PutUint64(sig[4:], uint64(instant(t, much).Unix()))
			lines[len(lines)-2] = last[:at] + base64.StdEncoding.EncodeToString(sig) + "\n"
			p["envelope"] = strings.Join(lines, "")
		}), "trusted-time", "not signed"},
		"the entry twice":                       {carrying(good, entryOf(good), entryOf(good)), "trusted-time", "2 entries of this log"},
		"the entry beside a stranger's":         {carrying(good, entryOf(foreign.stamp(one(0), nil, "w1 "+much, "w2 "+much)), entryOf(good)), "", ""},
		"seen after the instant that is judged": {w.stamp(one(0), nil, "w1 2026-11-21T04:00:00Z", "w2 2026-11-21T04:00:00Z"), "trusted-time", "after the instant that is judged"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := judge(t, c, w.wants(2), append([]*sign.Bundle{story.evidence}, others...))
			got := ""
			if err != nil {
				got = string(v.Failed()[0].Code)
			}
			if got != story.want || len(v.Failed()) > 1 {
				t.Fatalf("want %q, got\n%s", story.want, v)
			}
			if got != "" && !strings.Contains(v.Failed()[0].Got, story.got) {
				t.Errorf("want %q, got\n%s", story.got, v)
			}
		})
	}
	// Whom nobody watches, and whose witnesses nobody trusts, knows no time.
	for name, l := range map[string]ledger.Log{"no witness": {Origin: w.log.Origin, Key: w.log.Key}, "others": {Origin: w.log.Origin, Key: w.log.Key, Witnesses: []string{w.witness("w9").Key()}}} {
		if v, err := judge(t, c, l, append([]*sign.Bundle{good}, others...)); err == nil || v.Failed()[0].Code != verify.CodeTrustedTime || !strings.Contains(v.Failed()[0].Got, "without one the log gives no time") {
			t.Errorf("trust names %s: %s", name, v)
		}
	}
	// Where none must be there, one gives time nevertheless.
	if v, err := judge(t, c, w.wants(0), append([]*sign.Bundle{good}, others...)); err != nil {
		t.Errorf("%s", v)
	}
	// A record that shows nothing takes nothing away from a key that holds.
	plain := story.Build(t, "sign provenance ci")
	broken := edit(t, w.stamp(plain.Request.Evidence[0], nil, "w1 "+much), func(e map[string]any) { e["logIndex"] = "7" })
	if v, err := judge(t, plain, w.wants(2), append([]*sign.Bundle{broken}, plain.Request.Evidence[1:]...)); err != nil {
		t.Errorf("%s", v)
	}
}

// judge asks by a trust file that names this ledger.
func judge(t *testing.T, c *story.Case, l ledger.Log, evidence []*sign.Bundle) (*verify.Verdict, error) {
	t.Helper()
	trust := *c.Trust
	trust.Ledger = &verify.Ledger{Origin: l.Origin, Key: l.Key, Genesis: provenance.SumSHA256(nil), Witnesses: verify.LedgerWitnesses{AtLeast: l.AtLeast, Keys: l.Witnesses}}
	times, err := rollout.NewTimes(&trust)
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.Options{Authenticators: []verify.Authenticator{times}}.New(&trust, c.Policies...)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Request
	r.Evidence = evidence
	return v.Verify(t.Context(), r)
}

func fields(t testing.TB, raw json.RawMessage) (m map[string]any) {
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func proofOf(e map[string]any) map[string]any { return e["inclusionProof"].(map[string]any) }

func setIndex(e map[string]any, index string) {
	e["logIndex"], proofOf(e)["logIndex"] = index, index
}

// A trust file whose ledger cannot be used gives no Times.
func TestNewTimesRefuses(t *testing.T) {
	w := newWatched(t, "log.acme.example", "w1")
	for name, l := range map[string]*verify.Ledger{
		"none":             nil,
		"no key":           {Origin: w.log.Origin},
		"of another log":   {Origin: "other.example", Key: w.log.Key},
		"too few":          {Origin: w.log.Origin, Key: w.log.Key, Witnesses: verify.LedgerWitnesses{AtLeast: 1}},
		"a witness's key":  {Origin: w.log.Origin, Key: w.log.Key, Witnesses: verify.LedgerWitnesses{Keys: []string{w.log.Key}}},
		"not even nothing": {},
	} {
		times, err := rollout.NewTimes(&verify.Trust{Ledger: l})
		if refused, ok := err.(*verify.ConfigError); times != nil || !ok || refused.Code != verify.CodeTrustInvalid || refused.Pointer != "/ledger" {
			t.Errorf("%s: %v, %v", name, times, err)
		}
	}
	if times, err := rollout.NewTimes(nil); times != nil || err == nil {
		t.Errorf("no trust: %v", err)
	}
	if times, _ := rollout.NewTimes(&verify.Trust{Ledger: &verify.Ledger{Origin: w.log.Origin, Key: w.log.Key}}); times.Accepts(verify.Identity{}) {
		t.Error("a ledger vouches for an identity")
	}
}
