package tuf

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A signed file of metadata: what is signed, as it stands in the file, and by whom.
type signed struct {
	Signed     json.RawMessage `json:"signed"`
	Signatures []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"` // hex
	} `json:"signatures"`
}

// A head is what all kinds of metadata begin with.
type head struct {
	Type    string    `json:"_type"`
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

type root struct {
	head
	Consistent bool            `json:"consistent_snapshot"`
	Keys       map[string]key  `json:"keys"`
	Roles      map[string]role `json:"roles"`
}

type key struct {
	Type   string `json:"keytype"`
	Scheme string `json:"scheme"`
	Value  struct {
		Public string `json:"public"`
	} `json:"keyval"`
}

type role struct {
	KeyIDs    []string `json:"keyids"`
	Threshold int      `json:"threshold"`
}

// A listing is a timestamp or a snapshot: other metadata by name.
type listing struct {
	head
	Meta map[string]file `json:"meta"`
}

type targets struct {
	head
	Targets map[string]file `json:"targets"`
}

// A file is what metadata says of another file. Length and hashes may be absent
// for metadata, and must be there for targets.
type file struct {
	Version int64             `json:"version"`
	Length  int64             `json:"length"`
	Hashes  map[string]string `json:"hashes"`
}

// The kinds of metadata, which are the names of the roles that sign them.
const (
	rootRole      = "root"
	timestampRole = "timestamp"
	snapshotRole  = "snapshot"
	targetsRole   = "targets"
)

const maxSignatures = 256

// open reads metadata of a kind that the role in by has signed, into v. The
// signature is over a canonical form of what is read, so it is read first; until
// the end nothing of it is used.
func open(data []byte, kind string, by *root, v interface{ common() head }) error {
	var s signed
	if err := strictjson.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if err := strictjson.Unmarshal(s.Signed, v); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if by == nil {
		by = v.(*root) // it vouches for itself: the caller knows it
	}
	if err := by.signedBy(kind, &s); err != nil {
		return err
	}
	if h := v.common(); h.Type != kind || h.Version < 1 {
		return fmt.Errorf("%s: it is a %q of version %d", kind, h.Type, h.Version)
	}
	return nil
}

func (h head) common() head { return h }

// signedBy wants as many signatures of the role as its threshold says, each by
// another key. Two spellings of one key are one.
func (r *root) signedBy(name string, s *signed) error {
	role, known := r.Roles[name]
	if !known || role.Threshold < 1 {
		return fmt.Errorf("%s: root version %d says of nobody how many must sign it", name, r.Version)
	}
	if len(s.Signatures) > maxSignatures || len(role.KeyIDs) > maxSignatures {
		return fmt.Errorf("%s: more than %d signatures or keys", name, maxSignatures)
	}
	message, err := cjson.EncodeCanonical(s.Signed)
	if err != nil {
		return fmt.Errorf("%s: it has no canonical form: %w", name, err)
	}
	counted := map[string]bool{}
	for _, id := range role.KeyIDs {
		for _, sig := range s.Signatures {
			if sig.KeyID != id {
				continue
			}
			raw, err := hex.DecodeString(sig.Sig)
			if err != nil {
				continue
			}
			k := r.Keys[id]
			public, scheme, err := k.parse()
			if err != nil || keycheck.Verify(scheme, public, message, raw) != nil {
				continue
			}
			if own, err := keycheck.ID(public); err == nil {
				counted[own] = true
			}
		}
	}
	if len(counted) < role.Threshold {
		return fmt.Errorf("%s: %d of the %d signatures that root version %d wants", name, len(counted), role.Threshold, r.Version)
	}
	return nil
}

// parse reads a key as TUF writes it.
func (k key) parse() (public crypto.PublicKey, scheme string, err error) {
	switch k.Scheme {
	case "ed25519":
		raw, err := hex.DecodeString(k.Value.Public)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, "", errors.New("no Ed25519 key")
		}
		return ed25519.PublicKey(raw), "ed25519", keycheck.Check(ed25519.PublicKey(raw))
	case "ecdsa-sha2-nistp256":
		scheme = "ecdsa-sha256"
	case "ecdsa-sha2-nistp384":
		scheme = "ecdsa-sha384"
	case "rsassa-pss-sha256":
		scheme = "rsa-pss-sha256"
	default:
		return nil, "", fmt.Errorf("scheme %q", k.Scheme)
	}
	if public, err = keycheck.ParsePKIX([]byte(k.Value.Public)); err != nil {
		return nil, "", err
	}
	return public, scheme, keycheck.Fits(scheme, public)
}

// holds compares a file with what metadata says of it.
func (f file) holds(name string, data []byte) error {
	if f.Length != 0 && int64(len(data)) != f.Length {
		return fmt.Errorf("%s has %d bytes, want %d", name, len(data), f.Length)
	}
	for algorithm, want := range f.Hashes {
		var got string
		switch algorithm {
		case "sha256":
			got = fmt.Sprintf("%x", sha256.Sum256(data))
		case "sha512":
			got = fmt.Sprintf("%x", sha512.Sum512(data))
		default:
			continue
		}
		if got != want {
			return fmt.Errorf("%s has the %s %s, want %s", name, algorithm, got, want)
		}
	}
	return nil
}
