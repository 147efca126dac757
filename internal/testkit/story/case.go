package story

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha512"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/internal/sumproof/prooftest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

// A Case is a question, ready to be asked.
type Case struct {
	Verifier *verify.Verifier
	Trust    *verify.Trust
	Policies []*verify.Policy
	Request  verify.Request
	Lines    []byte // the evidence as a file
	Err      error  // instead of all others: the *verify.ConfigError that a file is worth

	// Bytes are the artifact as it is presented, nil if it is a folder.
	Bytes []byte
	// Path is where it stands.
	Path string

	open, canceled bool
	image          bool
	names          *strings.Replacer // what differs from run to run
}

// base.txtar is the case that every story begins with.
//
//go:embed base.txtar
var base []byte

// Build makes a case by scripts, each of which changes what those before it left.
func Build(t testing.TB, scripts ...string) *Case {
	t.Helper()
	archive := txtar.Parse(base)
	m := &maker{t: t, docs: map[string]any{}, edits: map[string][]change{}, payloads: map[string]func([]byte) ([]byte, error){}, mode: "file"}
	for _, f := range archive.Files {
		if f.Name == "script" {
			scripts = append([]string{string(f.Data)}, scripts...)
			continue
		}
		doc, err := decode(f.Data)
		if err != nil {
			t.Fatalf("base.txtar: %s: %v", f.Name, err)
		}
		m.docs[strings.TrimSuffix(f.Name, ".json")] = doc
	}
	for _, script := range scripts {
		for i, line := range strings.Split(script, "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := m.do(line); err != nil {
				t.Fatalf("line %d: %s: %v", i+1, line, err)
			}
		}
	}
	return m.build()
}

// Verify asks.
func (c *Case) Verify(t testing.TB) (*verify.Verdict, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.canceled {
		cancel()
	}
	if !c.open {
		return c.Verifier.Verify(ctx, c.Request)
	}
	h, err := c.Verifier.Open(ctx, c.Request)
	if err != nil {
		var refused *verify.Error
		if !errors.As(err, &refused) || h != nil {
			t.Fatalf("Open gave %v with %v", h, err)
		}
		return refused.Verdict, err
	}
	if got, err := io.ReadAll(h); err != nil || !bytes.Equal(got, c.Bytes) {
		t.Errorf("the handle reads %d bytes, %v: not those of the artifact", len(got), err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	return h.Verdict, nil
}

// Text is the verdict with what differs from run to run named: <artifact> and
// <presented> for the digests of what was built and of what is verified, dist/app
// for its path, <policy>, <trust>, <commit>, <go> for the toolchain.
func (c *Case) Text(v *verify.Verdict) string {
	text := c.names.Replace(v.String())
	if c.image { // what is in it, the go command made
		text = sum.ReplaceAllString(text, "<sum>")
	}
	return text
}

// sum is a digest, whole or as a verdict shortens it.
var sum = regexp.MustCompile(`\b[0-9a-f]{12}(…|[0-9a-f]{52}\b)`)

// A maker makes a case, line by line.
type maker struct {
	t        testing.TB
	docs     map[string]any
	edits    map[string][]change
	payloads map[string]func([]byte) ([]byte, error) // what else is done to a document's bytes
	evidence []*entry

	made      artifact // what the evidence is about
	presented *artifact
	database  *prooftest.DB // once there is one, see maker.sumdb
	later     bool          // presented only once the artifact was hashed
	tokens    map[string]string

	mode, name, environment string
	at                      time.Time
	noView, noAuthority     bool
	noConditions            bool
	canceled                bool
	checks                  int64 // that a budget allows; 0 is none
}

// A change replaces bytes.
type change struct{ old, new string }

func (c change) apply(data []byte) ([]byte, error) {
	if !bytes.Contains(data, []byte(c.old)) {
		return nil, fmt.Errorf("there is no %q in %s", c.old, data)
	}
	return bytes.Replace(data, []byte(c.old), []byte(c.new), 1), nil
}

// token is a word in angle brackets: <artifact>, <pem:alice>, <keyid:bob:p256>.
var token = regexp.MustCompile(`<[A-Za-z0-9-]+(:[^<>]+)?>`)

// expand puts the values of tokens in. One that has none stays.
func (m *maker) expand(text string) string {
	return token.ReplaceAllStringFunc(text, func(word string) string {
		name, label, _ := strings.Cut(word[1:len(word)-1], ":")
		switch name {
		case "pem", "keyid":
			k, err := keyFor(label)
			if err != nil {
				m.t.Fatal(err)
			}
			var value string
			if name == "pem" {
				value, err = k.pem()
			} else {
				value, err = k.id()
			}
			if err != nil {
				m.t.Fatalf("%s: %v", word, err)
			}
			return strings.ReplaceAll(value, "\n", `\n`)
		}
		if name == "id" { // of the evidence of a document
			b, err := sign.Payload(context.Background(), provenance.PayloadType, m.bytes(label, ""), nobody{})
			if err != nil {
				m.t.Fatalf("%s: %v", word, err)
			}
			return b.ID().Hex()
		}
		if name == "release" { // the id of the release that a document records
			s, err := provenance.Parse(m.bytes(label, ""))
			if err != nil {
				m.t.Fatalf("%s: %v", word, err)
			}
			r, err := release.ParseRelease(s)
			if err != nil {
				m.t.Fatalf("%s: %v", word, err)
			}
			return r.ID().Hex()
		}
		switch word {
		case "<long>":
			return strings.Repeat("a", 1<<20)
		case "<big>":
			return strings.Repeat("AAAA", 4<<20)
		case "<digests>":
			var b strings.Builder
			for i := range 33 {
				fmt.Fprintf(&b, `"x%d":"%d",`, i, i)
			}
			return b.String()
		case "<signatures>":
			return strings.Repeat(`{"sig":"AAAA"},`, 64)
		}
		if value, ok := m.tokens[word]; ok {
			return value
		}
		return word
	})
}

// bytes is a document as it is signed, or read.
func (m *maker) bytes(name, indent string) []byte {
	m.t.Helper()
	doc, ok := m.docs[name]
	if !ok {
		m.t.Fatalf("there is no document %q", name)
	}
	data, err := encode(doc, indent)
	if err != nil {
		m.t.Fatalf("%s: %v", name, err)
	}
	data = []byte(m.expand(string(data)))
	if f := m.payloads[name]; f != nil {
		if data, err = f(data); err != nil {
			m.t.Fatalf("%s: %v", name, err)
		}
	}
	for _, c := range m.edits[name] {
		if data, err = (change{m.expand(c.old), m.expand(c.new)}).apply(data); err != nil {
			m.t.Fatalf("%s: %v", name, err)
		}
	}
	return data
}

func (m *maker) build() *Case {
	m.t.Helper()
	c := &Case{open: m.mode == "open", canceled: m.canceled, image: m.made.isImage}
	if m.made.digest == "" {
		m.t.Fatal("the case has no artifact")
	}
	m.tokens = maps.Clone(m.made.tokens)
	if m.tokens == nil {
		m.tokens = map[string]string{}
	}
	m.tokens["<artifact>"], m.tokens["<ARTIFACT>"] = m.made.digest, strings.ToUpper(m.made.digest)
	for name, sum := range map[string][]byte{"<md5>": sumMD5(m.made.data), "<sha1>": sumSHA1(m.made.data), "<sha512>": sumSHA512(m.made.data)} {
		m.tokens[name] = hex.EncodeToString(sum)
	}
	shown := m.made
	if m.presented != nil {
		shown = *m.presented
		m.tokens["<presented>"] = shown.digest
	}
	config := func(err error) bool {
		var bad *verify.ConfigError
		if err != nil && !errors.As(err, &bad) {
			m.t.Fatalf("want a *verify.ConfigError, got %T: %v", err, err)
		}
		c.Err = err
		return err != nil
	}
	var err error
	if c.Trust, err = verify.ParseTrust(m.bytes("trust", "  ")); config(err) {
		return c
	}
	for _, name := range slices.Sorted(maps.Keys(m.docs)) {
		if name != "policy" && !strings.HasPrefix(name, "policy/") {
			continue
		}
		p, err := verify.ParsePolicy(m.bytes(name, "  "))
		if config(err) {
			return c
		}
		c.Policies = append(c.Policies, p)
	}
	o := verify.Options{Conditions: cel.Conditions}
	if m.checks > 0 {
		o.Budget = verify.NewBudget(verify.Limits{Checks: m.checks})
	}
	if m.noConditions {
		o.Conditions = nil
	}
	if !m.noAuthority {
		for name := range c.Trust.Authorities {
			o.Authenticators = append(o.Authenticators, Authority{name})
		}
	}
	if c.Verifier, err = o.New(c.Trust, c.Policies...); config(err) {
		return c
	}
	if len(c.Policies) > 0 {
		m.tokens["<policy>"] = c.Policies[0].Digest().String()
	}
	c.Lines = m.lines()
	evidence, err := sign.Read(file{bytes.NewReader(c.Lines)})
	if err != nil {
		m.t.Fatal(err)
	}
	c.Request = verify.Request{Name: m.name, Environment: m.environment, At: m.at, Evidence: evidence}
	if _, ok := m.docs["view"]; ok && !m.noView {
		if c.Request.Release, err = parseView(m.bytes("view", "")); err != nil {
			m.t.Fatal(err)
		}
	}
	m.present(c, shown)
	c.names = m.replacer(c)
	return c
}

// replacer names what differs from run to run.
func (m *maker) replacer(c *Case) *strings.Replacer {
	pairs := []string{c.Path, "dist/app", m.made.digest, "<artifact>"}
	if m.presented != nil {
		pairs = append(pairs, m.presented.digest, "<presented>")
	}
	brief := func(d provenance.Digest) string { return d.Hex()[:12] + "…" }
	for i, p := range c.Policies {
		pairs = append(pairs, brief(p.Digest()), []string{"<policy>", "<policy/2>"}[min(i, 1)])
	}
	pairs = append(pairs, m.tokens["<sha512>"], "<sha512>", m.tokens["<sha1>"], "<sha1>", m.tokens["<md5>"], "<md5>")
	pairs = append(pairs, brief(c.Trust.Digest()), "<trust>")
	for _, name := range slices.Sorted(maps.Keys(m.made.tokens)) {
		pairs = append(pairs, m.made.tokens[name], name)
	}
	if len(m.made.tokens) > 0 {
		pairs = append(pairs, fmt.Sprintf("content of %d bytes", len(m.made.data)), "content of <size> bytes")
	}
	return strings.NewReplacer(pairs...)
}

func sumMD5(b []byte) []byte    { s := md5.Sum(b); return s[:] }
func sumSHA1(b []byte) []byte   { s := sha1.Sum(b); return s[:] }
func sumSHA512(b []byte) []byte { s := sha512.Sum512(b); return s[:] }

// file is evidence with a name.
type file struct{ io.Reader }

func (file) Name() string { return "app.intoto.jsonl" }

// present puts the artifact where the request finds it.
func (m *maker) present(c *Case, shown artifact) {
	m.t.Helper()
	c.Path, c.Bytes = shown.write(m.t), shown.data
	first := m.made
	if !m.later {
		first = shown
	}
	switch m.mode {
	case "file", "open":
		c.Request.Artifact = verify.File(c.Path)
	case "content":
		c.Request.Artifact = verify.Content(bytes.NewReader(c.Bytes), int64(len(c.Bytes)))
	case "digest":
		d, err := provenance.ParseDigest(shown.algorithm + ":" + shown.digest)
		if err != nil {
			m.t.Fatal(err)
		}
		c.Request.Artifact = verify.Digest(d)
	case "missing":
		if err := os.RemoveAll(c.Path); err != nil {
			m.t.Fatal(err)
		}
		c.Request.Artifact = verify.File(c.Path)
	case "nothing":
	}
	if m.later {
		c.Request.Artifact = verify.Content(&swapped{first.data, shown.data, false}, int64(len(first.data)))
	}
}

// swapped reads one content until it was read to its end, and then another one.
type swapped struct {
	first, then []byte
	done        bool
}

func (s *swapped) ReadAt(p []byte, off int64) (int, error) {
	data := s.first
	if s.done {
		data = s.then
	}
	s.done = s.done || off >= int64(len(s.first))
	if off >= int64(len(data)) {
		return 0, io.EOF
	}
	n := copy(p, data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// nobody signs: an ID is of what is signed, whoever signs it.
type nobody struct{}

func (nobody) KeyID() (string, error)                       { return "", nil }
func (nobody) Sign(context.Context, []byte) ([]byte, error) { return []byte("none"), nil }
