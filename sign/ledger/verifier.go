package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// Algorithms of keys in notes, the first byte of the key.
const (
	algEd25519     = 1 // C2SP signed-note
	algCosignature = 4 // C2SP tlog-cosignature
)

// maxWitnesses is how many witnesses a log may name.
const maxWitnesses = 64

// A Log says whose log it is and who watches it: what a trust file says under
// ledger. The zero Log is nobody's and has no [Verifier].
type Log struct {
	Origin    string   // the log's name, as its checkpoints begin (C2SP tlog-checkpoint)
	Key       string   // the log's Ed25519 key, as a note verifier spells it: name+hash+key
	Witnesses []string // keys of witnesses, spelled so too, of the type for cosignatures; each key once
	AtLeast   int      // how many of Witnesses must have cosigned a checkpoint; 0 is none
}

// A Verifier opens checkpoints of one log. It never changes, and may be used
// concurrently.
type Verifier struct {
	log       Log
	key       *verifier
	witnesses map[string]*verifier // by name and key hash
	all       note.Verifiers
}

// Verifier checks the keys and makes them ready. It refuses a weak key, a key
// twice, more than 64 witnesses, and an AtLeast that can never be met.
func (l Log) Verifier() (*Verifier, error) {
	if !validOrigin(l.Origin) {
		return nil, fmt.Errorf("ledger: the origin is %.80q, want a name without white space", l.Origin)
	}
	if len(l.Witnesses) > maxWitnesses {
		return nil, fmt.Errorf("ledger: %d witnesses, want at most %d", len(l.Witnesses), maxWitnesses)
	}
	if l.AtLeast < 0 || l.AtLeast > len(l.Witnesses) {
		return nil, fmt.Errorf("ledger: %d of the %d witnesses can never be met", l.AtLeast, len(l.Witnesses))
	}
	key, err := newVerifier(l.Key, algEd25519)
	if err != nil {
		return nil, fmt.Errorf("ledger: the log's key: %w", err)
	}
	if key.name != l.Origin {
		return nil, fmt.Errorf("ledger: the log's key is of %.80q, want the origin %q", key.name, l.Origin)
	}
	v := &Verifier{log: l, key: key, witnesses: map[string]*verifier{}}
	list := []note.Verifier{key}
	seen := map[string]bool{string(key.public): true} // a log does not watch itself
	for i, s := range l.Witnesses {
		w, err := newVerifier(s, algCosignature)
		if err != nil {
			return nil, fmt.Errorf("ledger: witness %d: %w", i, err)
		}
		if seen[string(w.public)] {
			return nil, fmt.Errorf("ledger: witness %d: the key of %.80q is there twice, or the log's own", i, w.name)
		}
		if v.witnesses[w.id()] != nil || w.id() == key.id() {
			return nil, fmt.Errorf("ledger: witness %d: %.80q is there twice", i, w.name)
		}
		seen[string(w.public)] = true
		v.witnesses[w.id()] = w
		list = append(list, w)
	}
	v.all = note.VerifierList(list...)
	return v, nil
}

// Log returns what v was made of.
func (v *Verifier) Log() Log { return v.log }

// A verifier is a key of a log or a witness. It is a [note.Verifier].
type verifier struct {
	name   string
	hash   uint32
	alg    byte
	public ed25519.PublicKey
}

func (v *verifier) Name() string    { return v.name }
func (v *verifier) KeyHash() uint32 { return v.hash }
func (v *verifier) id() string      { return fmt.Sprintf("%s+%08x", v.name, v.hash) }

func (v *verifier) Verify(msg, sig []byte) bool {
	if v.alg == algEd25519 {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(v.public, msg, sig)
	}
	if len(sig) != timestampSize+ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(v.public, cosigned(binary.BigEndian.Uint64(sig), msg), sig[timestampSize:])
}

const timestampSize = 8

// cosigned is what a witness signs (C2SP tlog-cosignature).
func cosigned(seconds uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
}

// newVerifier reads a key as a note verifier spells it, and accepts one algorithm.
func newVerifier(s string, alg byte) (*verifier, error) {
	name, rest, _ := strings.Cut(s, "+")
	hash16, key64, ok := strings.Cut(rest, "+")
	data, err := base64.StdEncoding.Strict().DecodeString(key64)
	if !ok || err != nil || len(hash16) != 8 || !validOrigin(name) || strings.ContainsAny(key64, "\r\n") || len(data) == 0 {
		return nil, fmt.Errorf("%.80q is no key, want name+hash+key", s)
	}
	if data[0] != alg {
		return nil, fmt.Errorf("the key of %q is of type %d, want type %d", name, data[0], alg)
	}
	public := ed25519.PublicKey(data[1:])
	if len(public) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the key of %q has %d bytes, want %d", name, len(public), ed25519.PublicKeySize)
	}
	if err := keycheck.Check(public); err != nil {
		return nil, fmt.Errorf("the key of %q: %w", name, err)
	}
	hash := keyHash(name, data)
	if fmt.Sprintf("%08x", hash) != hash16 {
		return nil, fmt.Errorf("the key of %q does not hash to %q", name, hash16)
	}
	return &verifier{name: name, hash: hash, alg: alg, public: public}, nil
}

// keyHash is the key id of C2SP signed-note.
func keyHash(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// maxOrigin is the longest name of a log or a witness, in bytes.
const maxOrigin = 256

func validOrigin(name string) bool {
	return name != "" && len(name) <= maxOrigin && utf8.ValidString(name) && !strings.Contains(name, "+") &&
		!strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}

// A Signer cosigns checkpoints as one witness. It prints as its public key.
type Signer struct {
	name    string
	hash    uint32
	private ed25519.PrivateKey
}

// NewSigner returns the Signer of a witness by that name.
func NewSigner(name string, key ed25519.PrivateKey) (*Signer, error) {
	if !validOrigin(name) {
		return nil, fmt.Errorf("ledger: the witness's name is %.80q, want one without white space", name)
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("ledger: the witness's key is no Ed25519 key")
	}
	return &Signer{name: name, hash: keyHash(name, append([]byte{algCosignature}, key[ed25519.SeedSize:]...)), private: key}, nil
}

// Key is the public key, as [Log] wants it among its witnesses.
func (s *Signer) Key() string {
	key := append([]byte{algCosignature}, s.private[ed25519.SeedSize:]...)
	return fmt.Sprintf("%s+%08x+%s", s.name, s.hash, base64.StdEncoding.EncodeToString(key))
}

// String is [Signer.Key]: the private key does not print.
func (s *Signer) String() string { return s.Key() }

// Format prints String, whatever the verb.
func (s *Signer) Format(f fmt.State, verb rune) { fmt.Fprint(f, s.Key()) }

// Cosign signs the text of a checkpoint at an instant, and returns the line to
// add to its note (C2SP tlog-cosignature). It knows nothing of consistency:
// whoever calls it must have seen a proof that the log only grew.
func (s *Signer) Cosign(checkpoint []byte, at time.Time) ([]byte, error) {
	text, _, err := split(checkpoint)
	if err != nil {
		return nil, err
	}
	seconds := at.Unix()
	if seconds <= 0 {
		return nil, fmt.Errorf("ledger: cannot cosign at %s", at.UTC().Format(time.RFC3339))
	}
	sig := binary.BigEndian.AppendUint32(nil, s.hash)
	sig = binary.BigEndian.AppendUint64(sig, uint64(seconds))
	sig = append(sig, ed25519.Sign(s.private, cosigned(uint64(seconds), text))...)
	return []byte("— " + s.name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"), nil
}

// split parts a note into what is signed, which ends in a newline, and the
// lines of signatures.
func split(data []byte) (text, signatures []byte, err error) {
	i := bytes.LastIndex(data, []byte("\n\n"))
	if i < 0 {
		return nil, nil, errors.New("ledger: no checkpoint: it has no signatures")
	}
	return data[:i+1], data[i+2:], nil
}

// parseSize reads a size in decimal, of one spelling.
func parseSize(s string) (uint64, error) {
	n, err := strconv.ParseInt(s, 10, 63)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("ledger: %.40q is no size", s)
	}
	return uint64(n), nil
}
