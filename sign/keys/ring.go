package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/internal/safefs"
)

// MaxRingKeys is how many keys a ring holds at most.
const MaxRingKeys = 256

const maxRingSize = 4 << 20

// A Ring is a folder of keys that follow one another, and what is known of each: from when until when it signs, which
// key vouched for it, whether it was revoked. The private halves are files beside that, encrypted if they were given a
// passphrase. Nothing is forgotten: a key that was retired or revoked stays, for what it signed must still be judged.
//
// Several processes may use a ring at once. A Ring is what one of them has read; it is not for concurrent use.
type Ring struct {
	dir  string
	keys []RingKey
}

// A RingKey is what a ring knows of a key. Times are instants in UTC, in whole seconds.
type RingKey struct {
	// ID is the lower-case hex SHA-256 of the public key's PKIX form.
	ID string
	// PEM is the public half, and Scheme how it signs.
	PEM, Scheme string
	// NotBefore is the first instant at which it may sign, NotAfter the first at which it no longer may; zero is never.
	NotBefore, NotAfter time.Time
	// Revoked is the instant since which its signatures count for nothing; zero is never. Reason is for people.
	Revoked time.Time
	Reason  string
	// Follows is the ID of the key that it took over from, and that vouched for it; empty if it came by itself.
	Follows string

	vouch []byte // the envelope in which that key did
}

// InForce reports whether the key may sign at an instant.
func (k RingKey) InForce(at time.Time) bool {
	return !at.Before(k.NotBefore) && (k.NotAfter.IsZero() || at.Before(k.NotAfter)) && (k.Revoked.IsZero() || at.Before(k.Revoked))
}

// CreateRing makes an empty ring of a new folder.
func CreateRing(dir string) (*Ring, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("key ring: %w", err)
	}
	r := &Ring{dir: dir}
	return r, r.write()
}

// OpenRing reads a ring. One in which a key is not vouched for by the key that it is said to follow is refused.
func OpenRing(dir string) (*Ring, error) {
	r := &Ring{dir: dir}
	return r, r.read()
}

// Keys are the keys, in the order in which they came.
func (r *Ring) Keys() []RingKey { return slices.Clone(r.keys) }

// Key returns a private key of the ring, whatever its state.
func (r *Ring) Key(id string, ask Passphrase) (*Key, error) {
	entry, err := r.find(id)
	if err != nil {
		return nil, err
	}
	key, err := Load(r.file(entry.ID), ask)
	if err != nil {
		return nil, err
	}
	if got, err := key.KeyID(); err != nil || got != entry.ID {
		return nil, fmt.Errorf("private key %q is another one than its name says", r.file(entry.ID))
	}
	return key.WithScheme(entry.Scheme)
}

// Signer returns the private key that signs at an instant: of those in force the one that came last.
func (r *Ring) Signer(at time.Time, ask Passphrase) (*Key, error) {
	for _, k := range slices.Backward(r.keys) {
		if k.InForce(at) {
			return r.Key(k.ID, ask)
		}
	}
	return nil, fmt.Errorf("key ring %q has no key in force at %s: add one, or rotate before the last one ends", r.dir, at.UTC().Format(time.RFC3339))
}

// Add puts a key into the ring, from the instant at which it may sign. Its file is encrypted unless passphrase is
// empty. Whoever verifies has to be told of it: nobody vouches for it.
func (r *Ring) Add(ctx context.Context, key *Key, passphrase []byte, from time.Time) error {
	return r.change(ctx, func() error { return r.add(key, passphrase, RingKey{NotBefore: from}) })
}

// Rotate puts next in the place of old: next signs from at on, and old, which vouches for it, until overlap has gone by
// after that, so that who has not heard of next yet can still verify. Old must be a key of the ring that is in force at
// that instant and has not been followed by another.
func (r *Ring) Rotate(ctx context.Context, old, next *Key, passphrase []byte, at time.Time, overlap time.Duration) error {
	if overlap < 0 {
		return fmt.Errorf("an overlap of %s, want none or a positive one", overlap)
	}
	oldID, err := old.KeyID()
	if err != nil {
		return err
	}
	return r.change(ctx, func() error {
		entry, err := r.find(oldID)
		if err != nil {
			return err
		}
		if !entry.InForce(at) {
			return fmt.Errorf("key %s is not in force at %s, so it can vouch for none: add the next key by itself", oldID, at.UTC().Format(time.RFC3339))
		}
		if i := slices.IndexFunc(r.keys, func(k RingKey) bool { return k.Follows == oldID }); i >= 0 {
			return fmt.Errorf("key %s has been followed by %s already: rotate that one", oldID, r.keys[i].ID)
		}
		successor := RingKey{NotBefore: at, Follows: oldID}
		if successor.vouch, err = vouch(ctx, old, next, at); err != nil {
			return err
		}
		if err := r.add(next, passphrase, successor); err != nil {
			return err
		}
		return r.end(oldID, at.Add(overlap))
	})
}

// Retire ends a key at an instant. What it signed before stays good. An end can be brought forward, never put off.
func (r *Ring) Retire(ctx context.Context, id string, at time.Time) error {
	return r.change(ctx, func() error { return r.end(id, at) })
}

// Revoke takes the worth from everything that a key signed at an instant or later, because somebody else may have
// signed it. It can be done again with an earlier instant, never undone. Keys that it vouched for since then have to be
// vouched for by somebody else, so they are named in an error and nothing is changed until they are revoked.
func (r *Ring) Revoke(ctx context.Context, id string, at time.Time, reason string) error {
	return r.change(ctx, func() error {
		entry, err := r.find(id)
		if err != nil {
			return err
		}
		at := at.UTC().Truncate(time.Second)
		if !entry.Revoked.IsZero() && at.After(entry.Revoked) {
			return fmt.Errorf("key %s is revoked since %s, which cannot be put off", id, entry.Revoked.Format(time.RFC3339))
		}
		for _, k := range r.keys {
			if k.Follows == id && !k.NotBefore.Before(at) && k.Revoked.IsZero() {
				return fmt.Errorf("key %s follows it since %s, and rests on its word: revoke that one first", k.ID, k.NotBefore.Format(time.RFC3339))
			}
		}
		entry.Revoked, entry.Reason = at, reason
		return nil
	})
}

// change does something to the ring as it is now on the disk, while nobody else does.
func (r *Ring) change(ctx context.Context, do func() error) error {
	unlock, err := dirlock.Lock(ctx, r.dir)
	if err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	defer unlock()
	if err := r.read(); err != nil {
		return err
	}
	before := slices.Clone(r.keys)
	if err := do(); err != nil {
		r.keys = before
		return fmt.Errorf("key ring %q: %w", r.dir, err)
	}
	if err := r.write(); err != nil {
		r.keys = before
		return err
	}
	return nil
}

// add writes the private half first: one that no entry names does no harm.
func (r *Ring) add(key *Key, passphrase []byte, entry RingKey) error {
	id, err := key.KeyID()
	if err != nil {
		return err
	}
	if _, err := r.find(id); err == nil {
		return fmt.Errorf("key %s is in it already", id)
	}
	if len(r.keys) == MaxRingKeys {
		return fmt.Errorf("it has %d keys already, which is the most", MaxRingKeys)
	}
	if entry.NotBefore.IsZero() {
		return errors.New("no instant from which the key may sign")
	}
	private, err := key.MarshalPrivate(passphrase)
	if err != nil {
		return err
	}
	defer clear(private)
	if err := atomicfile.Write(r.file(id), private, 0o600); err != nil {
		return err
	}
	entry.ID, entry.PEM, entry.Scheme = id, string(key.MarshalPublic()), key.Scheme()
	entry.NotBefore = entry.NotBefore.UTC().Truncate(time.Second)
	r.keys = append(r.keys, entry)
	return nil
}

// end brings the end of a key forward.
func (r *Ring) end(id string, at time.Time) error {
	entry, err := r.find(id)
	if err != nil {
		return err
	}
	at = at.UTC().Truncate(time.Second)
	if at.Before(entry.NotBefore) {
		return fmt.Errorf("key %s begins at %s, and cannot end before that", id, entry.NotBefore.Format(time.RFC3339))
	}
	for _, k := range r.keys {
		if k.Follows == id && k.NotBefore.After(at) && k.Revoked.IsZero() {
			return fmt.Errorf("key %s follows it from %s on, and it cannot end before that", k.ID, k.NotBefore.Format(time.RFC3339))
		}
	}
	if entry.NotAfter.IsZero() || at.Before(entry.NotAfter) {
		entry.NotAfter = at
	}
	return nil
}

func (r *Ring) find(id string) (*RingKey, error) {
	for i := range r.keys {
		if r.keys[i].ID == id {
			return &r.keys[i], nil
		}
	}
	return nil, fmt.Errorf("no key %q", id)
}

func (r *Ring) file(id string) string { return filepath.Join(r.dir, id+".key") }

// read reads the ring as it is on the disk.
func (r *Ring) read() error {
	path := filepath.Join(r.dir, ringFile)
	data, err := safefs.ReadFile(path, maxRingSize)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("key ring: %q is none: there is no %s", r.dir, ringFile)
	}
	if err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	keys, err := parseRing(data)
	if err != nil {
		return fmt.Errorf("key ring %q: %w", path, err)
	}
	r.keys = keys
	return nil
}

func (r *Ring) write() error {
	data, err := marshalRing(r.keys)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(r.dir, ringFile), data, 0o644)
}
