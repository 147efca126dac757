package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// MaxCheckpoint is the size of a checkpoint with its signatures, in bytes.
const MaxCheckpoint = 64 << 10

// What a checkpoint can lack. Test for them with errors.Is.
var (
	// ErrUnsigned is a checkpoint that the log did not sign.
	ErrUnsigned = errors.New("ledger: the checkpoint is not signed by the log")
	// ErrWitnesses is a checkpoint that fewer witnesses cosigned than are wanted.
	ErrWitnesses = errors.New("ledger: the checkpoint is not cosigned by enough witnesses")
)

// A Checkpoint is one state of a log, as the log signed it and its witnesses
// cosigned it. Only [Verifier.Open] makes one. It never changes.
type Checkpoint struct {
	origin       string
	size         uint64
	root         tlog.Hash
	cosignatures []Cosignature
	need         int
	note         []byte
}

// A Cosignature is one trusted witness's word that the log had only grown.
type Cosignature struct {
	Witness string    // its name
	Time    time.Time // when it cosigned, by its own clock
}

// Open reads a checkpoint and checks the log's signature and the cosignatures
// of its witnesses (C2SP tlog-checkpoint, tlog-cosignature). Signatures by
// others are ignored. The error is [ErrUnsigned] if the log did not sign it,
// [ErrWitnesses] if fewer than Log.AtLeast distinct witnesses cosigned it.
func (v *Verifier) Open(checkpoint []byte) (*Checkpoint, error) {
	c, err := v.open(checkpoint)
	if err != nil {
		return nil, err
	}
	if n := len(c.cosignatures); n < v.log.AtLeast {
		return nil, fmt.Errorf("%w: %d of %d wanted", ErrWitnesses, n, v.log.AtLeast)
	}
	return c, nil
}

// open wants the log's signature only.
func (v *Verifier) open(checkpoint []byte) (*Checkpoint, error) {
	if len(checkpoint) > MaxCheckpoint {
		return nil, fmt.Errorf("ledger: a checkpoint of %d bytes, want at most %d", len(checkpoint), MaxCheckpoint)
	}
	n, err := note.Open(checkpoint, v.all)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnsigned, err)
	}
	c, err := parseCheckpoint([]byte(n.Text))
	if err != nil {
		return nil, err
	}
	if c.origin != v.log.Origin {
		return nil, fmt.Errorf("%w: it is of %.80q, want %q", ErrUnsigned, c.origin, v.log.Origin)
	}
	signed := false
	seen := map[string]bool{}
	for _, s := range n.Sigs {
		id := (&verifier{name: s.Name, hash: s.Hash}).id()
		if id == v.key.id() {
			signed = true
		}
		if w := v.witnesses[id]; w != nil && !seen[id] {
			seen[id] = true
			t, err := cosignedAt(s)
			if err != nil {
				return nil, err
			}
			c.cosignatures = append(c.cosignatures, Cosignature{Witness: w.name, Time: t})
		}
	}
	if !signed {
		return nil, ErrUnsigned
	}
	slices.SortFunc(c.cosignatures, func(a, b Cosignature) int { return a.Time.Compare(b.Time) })
	c.need = max(v.log.AtLeast, 1)
	c.note = bytes.Clone(checkpoint)
	return c, nil
}

// maxSeconds is the last second of the year 9999.
const maxSeconds = 253402300799

// cosignedAt is the time in a cosignature that was checked.
func cosignedAt(s note.Signature) (time.Time, error) {
	data, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(data) < 4+timestampSize {
		return time.Time{}, fmt.Errorf("ledger: the cosignature of %q has no time", s.Name)
	}
	seconds := binary.BigEndian.Uint64(data[4:])
	if seconds == 0 || seconds > maxSeconds {
		return time.Time{}, fmt.Errorf("ledger: the cosignature of %q is of no time there is: %d", s.Name, seconds)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// parseCheckpoint reads the text of a checkpoint: origin, size and root, each
// on a line, then extension lines, which mean nothing here.
func parseCheckpoint(text []byte) (*Checkpoint, error) {
	lines := bytes.SplitN(text, []byte("\n"), 4)
	if len(lines) < 4 {
		return nil, errors.New("ledger: no checkpoint: want origin, size and root, each on a line")
	}
	size, err := parseSize(string(lines[1]))
	if err != nil {
		return nil, err
	}
	root, err := parseHash(string(lines[2]))
	if err != nil {
		return nil, err
	}
	if size == 0 && root != emptyRoot() {
		return nil, errors.New("ledger: an empty log has another root than this checkpoint says")
	}
	return &Checkpoint{origin: string(lines[0]), size: size, root: root}, nil
}

func emptyRoot() tlog.Hash {
	h, _ := tlog.TreeHash(0, nil) // reads nothing
	return h
}

func parseHash(s string) (tlog.Hash, error) {
	h, err := tlog.ParseHash(s)
	if err != nil || h.String() != s {
		return tlog.Hash{}, fmt.Errorf("ledger: %.60q is no hash, want 32 bytes in base64", s)
	}
	return h, nil
}

// Origin is the log's name.
func (c *Checkpoint) Origin() string { return c.origin }

// Size is how many records the log had.
func (c *Checkpoint) Size() uint64 { return c.size }

// Root is the SHA-256 root of the Merkle tree over them (RFC 6962).
func (c *Checkpoint) Root() provenance.Digest { return digest(c.root) }

// Cosignatures are those of trusted witnesses, one each, the oldest first.
func (c *Checkpoint) Cosignatures() []Cosignature { return slices.Clone(c.cosignatures) }

// Note is the checkpoint as it was read, for keeping. It must not be changed.
func (c *Checkpoint) Note() []byte { return c.note }

// Head is the checkpoint as a release view names it. Its Time is the newest
// instant that as many witnesses as are wanted (at least one) reached: so many
// say that at this time or later this was the log's head. It is zero if nobody
// watches.
func (c *Checkpoint) Head() release.Head {
	h := release.Head{Origin: c.origin, Size: c.size, Root: c.Root(), Witnesses: len(c.cosignatures)}
	if n := len(c.cosignatures); n >= c.need {
		h.Time = c.cosignatures[n-c.need].Time
	}
	return h
}

// Since is the earliest instant by which as many witnesses as are wanted (at
// least one) had cosigned: what the checkpoint covers was there then. It is
// zero if nobody watches.
func (c *Checkpoint) Since() time.Time {
	if len(c.cosignatures) < c.need {
		return time.Time{}
	}
	return c.cosignatures[c.need-1].Time
}

// digest is h as a digest. A tlog.Hash is always a SHA-256.
func digest(h tlog.Hash) provenance.Digest {
	d, err := provenance.ParseDigest(fmt.Sprintf("sha256:%x", h[:]))
	if err != nil {
		panic(err) // 64 lower-case hexadecimal digits are a SHA-256
	}
	return d
}
