package tuf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A state is what is remembered of a repository: how far its roots had come, and
// its newest timestamp and snapshot.
type state struct {
	Root      int64           `json:"root"`
	Timestamp json.RawMessage `json:"timestamp,omitempty"`
	Snapshot  json.RawMessage `json:"snapshot,omitempty"`
}

const maxState = maxTimestamp + maxSnapshot + 1<<10

func parseState(data []byte) (*state, error) {
	s := new(state)
	return s, strictjson.UnmarshalClosed(data, s)
}

func (s *state) marshal() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // what was parsed is JSON
	}
	return append(data, '\n')
}

// An update is one run through the client workflow (TUF 1.0.34, section 5).
type update struct {
	repository Repository
	seen       *state
	now        state
	root       *root
}

func (u *update) run(ctx context.Context, name string) ([]byte, error) {
	if err := u.updateRoot(ctx); err != nil {
		return nil, err
	}
	timestamp, err := u.updateTimestamp(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := u.updateSnapshot(ctx, timestamp)
	if err != nil {
		return nil, err
	}
	t := new(targets)
	if _, err := u.fetch(ctx, targetsRole, maxTargets, snapshot.Meta["targets.json"], t); err != nil {
		return nil, err
	}
	return u.target(ctx, t, name)
}

// updateRoot goes from the pinned root to the newest one, version by version
// (5.3). Only that must not have expired.
func (u *update) updateRoot(ctx context.Context) error {
	u.root = new(root)
	if len(u.repository.Root) > maxRoot {
		return fmt.Errorf("the pinned root has more than %d bytes", maxRoot)
	}
	if err := open(u.repository.Root, rootRole, nil, u.root); err != nil {
		return fmt.Errorf("the pinned root: %w", err)
	}
	for range maxRotations {
		version := u.root.Version + 1
		data, err := u.repository.get(ctx, maxRoot, fmt.Sprintf("%d.root.json", version))
		if errors.Is(err, errNotThere) {
			break
		}
		if err != nil {
			return err
		}
		next := new(root)
		if err := open(data, rootRole, nil, next); err != nil {
			return fmt.Errorf("root version %d, by its own keys: %w", version, err)
		}
		if err := open(data, rootRole, u.root, next); err != nil {
			return fmt.Errorf("root version %d, by the keys before it: %w", version, err)
		}
		if next.Version != version {
			return fmt.Errorf("root version %d says that it is version %d", version, next.Version)
		}
		u.root = next
	}
	if u.root.Version < u.seen.Root {
		return fmt.Errorf("its root is version %d, and was %d already", u.root.Version, u.seen.Root)
	}
	u.now.Root = u.root.Version
	return u.expired(rootRole, u.root.head)
}

// updateTimestamp reads what the newest snapshot is, which is never older than it
// was (5.4). What is remembered counts only as long as its keys do: so a stolen
// key that wrote a version beyond all others is recovered from.
func (u *update) updateTimestamp(ctx context.Context) (*listing, error) {
	data, err := u.repository.get(ctx, maxTimestamp, "timestamp.json")
	if err != nil {
		return nil, err
	}
	t := new(listing)
	if err := open(data, timestampRole, u.root, t); err != nil {
		return nil, err
	}
	if before := new(listing); len(u.seen.Timestamp) > 0 && open(u.seen.Timestamp, timestampRole, u.root, before) == nil {
		if t.Version < before.Version {
			return nil, fmt.Errorf("timestamp is version %d, and was %d already", t.Version, before.Version)
		}
		if was, is := before.Meta["snapshot.json"].Version, t.Meta["snapshot.json"].Version; is < was {
			return nil, fmt.Errorf("snapshot is version %d, and was %d already", is, was)
		}
		if t.Version == before.Version {
			t, data = before, u.seen.Timestamp // what else it may say, it did not say before
		}
	}
	u.now.Timestamp = data
	return t, u.expired(timestampRole, t.head)
}

// updateSnapshot reads which targets belong together, none of which is older than
// it was, or gone (5.5).
func (u *update) updateSnapshot(ctx context.Context, timestamp *listing) (*listing, error) {
	s := new(listing)
	data, err := u.fetch(ctx, snapshotRole, maxSnapshot, timestamp.Meta["snapshot.json"], s)
	if err != nil {
		return nil, err
	}
	if before := new(listing); len(u.seen.Snapshot) > 0 && open(u.seen.Snapshot, snapshotRole, u.root, before) == nil {
		for name, was := range before.Meta {
			if is, there := s.Meta[name]; !there || is.Version < was.Version {
				return nil, fmt.Errorf("%q is version %d in the snapshot, and was %d already", name, is.Version, was.Version)
			}
		}
	}
	u.now.Snapshot = data
	return s, nil
}

// fetch reads metadata of a kind that other metadata names, into v (5.5, 5.6).
func (u *update) fetch(ctx context.Context, kind string, max int64, want file, v interface{ common() head }) ([]byte, error) {
	if want.Version < 1 {
		return nil, fmt.Errorf("%s: nothing says which version it is", kind)
	}
	name := kind + ".json"
	if u.root.Consistent {
		name = fmt.Sprintf("%d.%s", want.Version, name)
	}
	data, err := u.repository.get(ctx, max, name)
	if err != nil {
		return nil, err
	}
	if err := want.holds(name, data); err != nil {
		return nil, err
	}
	if err := open(data, kind, u.root, v); err != nil {
		return nil, err
	}
	if got := v.common(); got.Version != want.Version {
		return nil, fmt.Errorf("%s is version %d, want %d", kind, got.Version, want.Version)
	}
	return data, u.expired(kind, v.common())
}

// target reads the file of a name that t lists (5.7).
func (u *update) target(ctx context.Context, t *targets, name string) ([]byte, error) {
	want, there := t.Targets[name]
	if !there {
		return nil, fmt.Errorf("its targets list no %q (delegations are not followed)", name)
	}
	sum := want.Hashes["sha256"]
	if sum == "" {
		sum = want.Hashes["sha512"]
	}
	if sum == "" || want.Length < 1 || want.Length > maxTarget {
		return nil, fmt.Errorf("%q: want its hash, and a length of at most %d bytes, found %d", name, maxTarget, want.Length)
	}
	path := name
	if u.root.Consistent {
		path = sum + "." + name
	}
	data, err := u.repository.get(ctx, want.Length, "targets", path)
	if err != nil {
		return nil, err
	}
	return data, want.holds(name, data)
}

// expired refuses what is past its time: a server that holds back what is new
// cannot do so for longer.
func (u *update) expired(kind string, h head) error {
	if !u.repository.At.Before(h.Expires) {
		return fmt.Errorf("%s version %d expired %s", kind, h.Version, h.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}
