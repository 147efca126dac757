package capture

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

const (
	saltSize          = 32 // bytes
	saltPrefix        = "touchmark-salt-v1:"
	commitmentsMember = "commitments"
	hmacSHA256        = "hmac-sha256"
)

// A Salt is the secret that the values behind commitments are hidden with:
// 32 random bytes. Who has it can try values; who has it not, learns nothing
// from a commitment. Keep it where the values themselves may be, and never beside
// the record.
//
// A Salt does not print: formatting, logging or encoding one shows its ID. The zero
// Salt is none. Two are the same if their IDs are.
type Salt struct {
	key func() [saltSize]byte // a function, because whatever prints a struct that holds one prints an address
}

func newSalt(key [saltSize]byte) Salt { return Salt{func() [saltSize]byte { return key }} }

// NewSalt draws a salt at random.
func NewSalt() Salt {
	var key [saltSize]byte
	rand.Read(key[:]) // never fails
	return newSalt(key)
}

// ParseSalt reads what [Salt.Reveal] writes; white space around it is ignored.
func ParseSalt(text string) (Salt, error) {
	digits, ok := strings.CutPrefix(strings.TrimSpace(text), saltPrefix)
	if !ok || len(digits) != hex.EncodedLen(saltSize) || strings.ToLower(digits) != digits {
		return Salt{}, fmt.Errorf("salt: want %q and %d hexadecimal digits", saltPrefix, hex.EncodedLen(saltSize))
	}
	var key [saltSize]byte
	if _, err := hex.Decode(key[:], []byte(digits)); err != nil {
		return Salt{}, fmt.Errorf("salt: want %q and %d hexadecimal digits", saltPrefix, hex.EncodedLen(saltSize))
	}
	return newSalt(key), nil
}

// Reveal is the secret itself, as text.
func (s Salt) Reveal() string {
	if s.key == nil {
		return ""
	}
	key := s.key()
	return saltPrefix + hex.EncodeToString(key[:])
}

// ID names the salt and tells nothing about it: commitments can be compared if
// they have the same.
func (s Salt) ID() string {
	if s.key == nil {
		return ""
	}
	return hex.EncodeToString(s.sum("id"))
}

// sum is the HMAC of fields, none of which but the last may hold a NUL.
func (s Salt) sum(fields ...string) []byte {
	key := s.key()
	h := hmac.New(sha256.New, key[:])
	io.WriteString(h, "touchmark commitment v1")
	for _, f := range fields {
		h.Write([]byte{0})
		io.WriteString(h, f)
	}
	return h.Sum(nil)
}

// String, Format and LogValue show the ID, and nothing else.
func (s Salt) String() string {
	if s.key == nil {
		return "salt:none"
	}
	return "salt:" + s.ID()
}

// Format writes String, whatever the verb.
func (s Salt) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue is String.
func (s Salt) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A Commitment stands in a record for a value that is not in it: of an
// environment variable, or of an argument of the command. Nobody can tell the
// value from it; who is shown the value and the record's [Salt] can check that
// it is the one that was there.
type Commitment struct {
	// Variable is the name of the environment variable; "" is an argument.
	Variable string
	// Argument is the place of the argument in "command", from 1 on: 0 is the program.
	Argument int
	// SaltID is the [Salt.ID] of the salt.
	SaltID string
	// Sum is the salted HMAC-SHA-256 in lower-case hexadecimal.
	Sum string
	// Guessable says that the value is so short or so simple that who has the
	// salt may find it by trying. It is known where the record was made, and does not stand in it.
	Guessable bool
}

// kind and name say what c is about, as they go into the sum.
func (c Commitment) fields() (kind, name string) {
	if c.Variable != "" {
		return "env", c.Variable
	}
	return "argument", strconv.Itoa(c.Argument)
}

// String names what c is about: "DEPLOY_KEY", "argument 3".
func (c Commitment) String() string {
	if c.Variable != "" {
		return c.Variable
	}
	return "argument " + strconv.Itoa(c.Argument)
}

// Open checks that value is what was committed to. The error does not repeat it.
func (c Commitment) Open(salt Salt, value string) error {
	if salt.key == nil {
		return errors.New("capture: the salt is missing")
	}
	if id := salt.ID(); id != c.SaltID {
		return fmt.Errorf("capture: the salt of %s is another one: want %.16s…, got %.16s…", c, c.SaltID, id)
	}
	kind, name := c.fields()
	want, err := hex.DecodeString(c.Sum)
	if err != nil || !hmac.Equal(salt.sum(kind, name, value), want) {
		return fmt.Errorf("capture: the value is not the one of %s that was committed to", c)
	}
	return nil
}

// commit makes the commitment to value.
func commit(salt Salt, c Commitment, value string) Commitment {
	kind, name := c.fields()
	c.SaltID, c.Sum, c.Guessable = salt.ID(), hex.EncodeToString(salt.sum(kind, name, value)), guessable(value)
	return c
}

// Commitments reads the commitments in b, which was signed by somebody who is
// trusted, or not: variables by name, then arguments by place. There may be none.
func Commitments(b *provenance.Build) ([]Commitment, error) {
	if b == nil {
		return nil, errors.New("capture: build is missing")
	}
	member, there := b.BuildDefinition.InternalParameters[commitmentsMember]
	if !there || b.BuildDefinition.BuildType != GoBuildType && !strings.HasPrefix(b.BuildDefinition.BuildType, ownBuildTypes) {
		return nil, nil
	}
	at := "capture: /buildDefinition/internalParameters/" + commitmentsMember
	object, ok := member.(map[string]any)
	if !ok || object["algorithm"] != hmacSHA256 {
		return nil, fmt.Errorf("%s: want an object with algorithm %q", at, hmacSHA256)
	}
	salt, ok := object["salt"].(string)
	if !ok || !isSum(salt) {
		return nil, fmt.Errorf("%s/salt is not the ID of a salt", at)
	}
	var list []Commitment
	for _, kind := range []string{"env", "arguments"} {
		sums, ok := object[kind].(map[string]any)
		if _, there := object[kind]; there && !ok {
			return nil, fmt.Errorf("%s/%s is no object", at, kind)
		}
		var some []Commitment
		for _, name := range slices.Sorted(maps.Keys(sums)) {
			sum, ok := sums[name].(string)
			c := Commitment{Variable: name, SaltID: salt, Sum: sum}
			if kind == "arguments" {
				place, err := strconv.Atoi(name)
				ok = ok && err == nil && place > 0 && strconv.Itoa(place) == name
				c = Commitment{Argument: place, SaltID: salt, Sum: sum}
			}
			if !ok || name == "" || !isSum(sum) {
				return nil, fmt.Errorf("%s/%s, %q: want a name and 64 hexadecimal digits", at, kind, name)
			}
			some = append(some, c)
		}
		slices.SortStableFunc(some, func(a, b Commitment) int { return a.Argument - b.Argument })
		list = append(list, some...)
	}
	return list, nil
}

// isSum reports whether s is a SHA-256 in its one spelling.
func isSum(s string) bool {
	return len(s) == hex.EncodedLen(sha256.Size) && strings.Trim(s, "0123456789abcdef") == ""
}

// Salt is the salt of the record's commitments: that of [Options.Salt], or one
// that was drawn for this record. It is nowhere in the record itself. It is the
// zero Salt if there are no commitments.
func (r *Record) Salt() Salt { return r.salt }

// Commitments are the record's commitments, in the order in which [Commitments]
// reads them from its Build, with what is known of the values.
func (r *Record) Commitments() []Commitment { return slices.Clone(r.commitments) }
