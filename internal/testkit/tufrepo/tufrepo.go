// Package tufrepo is a repository of The Update Framework for tests, made with
// go-tuf and served on the loopback interface.
package tufrepo

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Target is the name of the one file that is published.
const Target = "trusted_root.json"

var roles = []string{metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS}

// A Server is a TUF repository in memory, made with go-tuf.
type Server struct {
	t         testing.TB
	URL       string
	Keys      map[string][]signature.Signer // by role
	Versions  map[string]int64              // of what is published next
	Expires   map[string]time.Time
	Threshold int // of roots
	Roots     [][]byte
	Target    []byte

	mu      sync.Mutex
	Files   map[string][]byte
	Endless string // a part of the names that never end
}

// New starts a Server with one version of everything, whose root two keys sign.
func New(t testing.TB) *Server {
	s := &Server{t: t, Threshold: 2, Files: map[string][]byte{}, Keys: map[string][]signature.Signer{}, Versions: map[string]int64{}, Expires: map[string]time.Time{},
		Target: []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)}
	for _, role := range roles {
		s.Keys[role], s.Versions[role], s.Expires[role] = []signature.Signer{s.Key()}, 1, time.Now().Add(time.Hour)
	}
	s.Keys[metadata.ROOT] = append(s.Keys[metadata.ROOT], s.EdKey())
	web := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(web.Close)
	s.URL = web.URL
	s.Root(s.Keys[metadata.ROOT]...)
	s.Publish()
	return s
}

func (s *Server) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Key is a new ECDSA key.
func (s *Server) Key() signature.Signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.ok(err)
	k, err := signature.LoadSigner(private, crypto.SHA256)
	s.ok(err)
	return k
}

// EdKey is a new Ed25519 key.
func (s *Server) EdKey() signature.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	s.ok(err)
	k, err := signature.LoadSigner(private, crypto.Hash(0))
	s.ok(err)
	return k
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	data, there := s.Files[strings.TrimPrefix(r.URL.Path, "/")]
	endless := s.Endless != "" && strings.Contains(r.URL.Path, s.Endless)
	s.mu.Unlock()
	if !there {
		http.NotFound(w, r)
		return
	}
	w.Write(data)
	for endless {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<16)); err != nil {
			return
		}
	}
}

// Put publishes a file.
func (s *Server) Put(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Files[name] = data
}

// Root publishes the next root, of the keys that the server has now, signed by these.
func (s *Server) Root(by ...signature.Signer) {
	s.t.Helper()
	r := metadata.Root(s.Expires[metadata.ROOT])
	r.Signed.Version = int64(len(s.Roots) + 1)
	for _, role := range roles {
		for _, k := range s.Keys[role] {
			public, err := k.PublicKey()
			s.ok(err)
			key, err := metadata.KeyFromPublicKey(public)
			s.ok(err)
			s.ok(r.Signed.AddKey(key, role))
		}
	}
	r.Signed.Roles[metadata.ROOT].Threshold = s.Threshold
	data := encode(s, r, by)
	s.Roots = append(s.Roots, data)
	s.Put(fmt.Sprintf("%d.root.json", r.Signed.Version), data)
}

func encode[T metadata.Roles](s *Server, m *metadata.Metadata[T], by []signature.Signer) []byte {
	s.t.Helper()
	for _, k := range by {
		_, err := m.Sign(k)
		s.ok(err)
	}
	data, err := m.ToBytes(false)
	s.ok(err)
	return data
}

// Publish publishes all else.
func (s *Server) Publish() {
	s.t.Helper()
	file, err := metadata.TargetFile().FromBytes(Target, s.Target, "sha256")
	s.ok(err)
	targets := metadata.Targets(s.Expires[metadata.TARGETS])
	targets.Signed.Version = s.Versions[metadata.TARGETS]
	targets.Signed.Targets[Target] = file
	s.Put(fmt.Sprintf("%d.targets.json", targets.Signed.Version), encode(s, targets, s.Keys[metadata.TARGETS]))
	s.Put(fmt.Sprintf("targets/%s.%s", file.Hashes["sha256"], Target), s.Target)
	snapshot := metadata.Snapshot(s.Expires[metadata.SNAPSHOT])
	snapshot.Signed.Version = s.Versions[metadata.SNAPSHOT]
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(targets.Signed.Version)
	s.Put(fmt.Sprintf("%d.snapshot.json", snapshot.Signed.Version), encode(s, snapshot, s.Keys[metadata.SNAPSHOT]))
	timestamp := metadata.Timestamp(s.Expires[metadata.TIMESTAMP])
	timestamp.Signed.Version = s.Versions[metadata.TIMESTAMP]
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(snapshot.Signed.Version)
	s.Put("timestamp.json", encode(s, timestamp, s.Keys[metadata.TIMESTAMP]))
}

// Next publishes a next version of all but the root.
func (s *Server) Next() {
	for _, role := range roles[1:] {
		s.Versions[role]++
	}
	s.Publish()
}

// Tamper changes the target that is published; nil takes it away.
func (s *Server) Tamper(change func(data []byte) []byte) {
	for name, data := range s.Files {
		if !strings.HasPrefix(name, "targets/") {
			continue
		}
		if data = change(bytes.Clone(data)); data == nil {
			delete(s.Files, name)
		} else {
			s.Files[name] = data
		}
	}
}
