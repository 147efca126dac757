package sigstore

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// A proof shows that an entry is in a log (RFC 6962, section 2.1.1).
type proof struct {
	LogIndex   integer  `json:"logIndex"`
	RootHash   []byte   `json:"rootHash"`
	TreeSize   integer  `json:"treeSize"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint struct {
		Envelope string `json:"envelope"`
	} `json:"checkpoint"`
}

var errCheckpoint = errors.New("the log's checkpoint does not hold")

// verify checks the way from the entry to the root, and that the log signed
// that very root for a tree of that very size.
func (p *proof) verify(log *log, body []byte, second bool) error {
	size, root, err := checkpoint(log, p.Checkpoint.Envelope, second)
	if err != nil {
		return fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	if size != int64(p.TreeSize) || string(root) != string(p.RootHash) {
		return fmt.Errorf("%w: it is of another tree than the inclusion proof", errCheckpoint)
	}
	path := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		if len(h) != tlog.HashSize {
			return fmt.Errorf("the inclusion proof has a hash of %d bytes", len(h))
		}
		path[i] = tlog.Hash(h)
	}
	if p.LogIndex >= p.TreeSize {
		return errors.New("the inclusion proof is for an entry beyond the tree")
	}
	if err := tlog.CheckRecord(path, size, tlog.Hash(root), int64(p.LogIndex), tlog.RecordHash(body)); err != nil {
		return fmt.Errorf("the inclusion proof does not lead from the entry to the log's root: %w", err)
	}
	return nil
}

// checkpoint reads a checkpoint (C2SP tlog-checkpoint) that the log signed. The
// signature is known by the log's name and by its key; those of others count
// for nothing. Rekor v1 gives its trees names of its own, "NAME - TREE"; the
// origin of Rekor v2 is the host of its address.
func checkpoint(log *log, text string, second bool) (size int64, root []byte, err error) {
	origin, _, _ := strings.Cut(text, "\n")
	name := log.host
	if second {
		if origin != name || name == "" {
			return 0, nil, fmt.Errorf("it is of log %q, want %q", origin, name)
		}
	} else {
		var tree string
		var ok bool
		if name, tree, ok = strings.Cut(origin, " - "); !ok || strings.Trim(tree, "0123456789") != "" || tree == "" {
			return 0, nil, fmt.Errorf("%q is no tree of a log", origin)
		}
	}
	signer, err := newNoteVerifier(name, log)
	if err != nil {
		return 0, nil, err
	}
	n, err := note.Open([]byte(text), note.VerifierList(signer))
	if err != nil {
		return 0, nil, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 {
		return 0, nil, errors.New("it lacks an origin, a size or a root")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return 0, nil, fmt.Errorf("%q is no size of a tree", lines[1])
	}
	root, err = base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != sha256.Size {
		return 0, nil, fmt.Errorf("%q is no root of a tree", lines[2])
	}
	return size, root, nil
}

// A noteVerifier checks the signature of a log under a note.
type noteVerifier struct {
	name string
	hash uint32
	log  *log
}

func (v *noteVerifier) Name() string    { return v.name }
func (v *noteVerifier) KeyHash() uint32 { return v.hash }
func (v *noteVerifier) Verify(msg, sig []byte) bool {
	return keycheck.Verify(v.log.scheme, v.log.public, msg, sig) == nil
}

// newNoteVerifier works out the key id from the key itself: by C2SP signed-note
// for Ed25519 and RSA; for ECDSA it is the key's hash, whatever the name.
func newNoteVerifier(name string, log *log) (note.Verifier, error) {
	var sum [sha256.Size]byte
	switch key := log.public.(type) {
	case ed25519.PublicKey:
		sum = sha256.Sum256(append([]byte(name+"\n\x01"), key...))
	default:
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, err
		}
		if _, ok := key.(*rsa.PublicKey); ok {
			der = append([]byte(name+"\n\xffPKIX-RSA-PKCS#1v1.5"), der...)
		}
		sum = sha256.Sum256(der)
	}
	return &noteVerifier{name: name, hash: binary.BigEndian.Uint32(sum[:]), log: log}, nil
}
