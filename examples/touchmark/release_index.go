package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
	"github.com/touchmark-go/touchmark/verify/rollout/index"
)

// indexKeySuffix follows the name of the trust file: the key lies where the newest head is remembered, and not in the
// index's folder, for whoever could edit that.
const indexKeySuffix = ".index-key"

// indexFlag is for commands that ask a ledger questions and do not go through all of it.
func (o *releaseBook) indexFlag(c *cobra.Command) {
	o.asked = c
	c.Flags().StringVar(&o.index, "index", "", "keep what was found out in `DIR`, so that the next question reads what is new: for a ledger of many records")
}

// replay is a replay of the log, over the index if there is to be one.
func (o *releaseBook) replay(log *ledger.Follower, t *verify.Trust) (*rollout.Replay, error) {
	if o.index == "" {
		return rollout.NewReplay(log, t, releaseOptions())
	}
	key, err := indexKey(o.trust + indexKeySuffix)
	if err != nil {
		return nil, err
	}
	ctx, stderr := o.asked.Context(), o.asked.ErrOrStderr()
	x, err := index.Open(ctx, o.index, key)
	if errors.Is(err, index.ErrDamaged) {
		// It is derived: what is not what was written counts for nothing, and is found out again.
		fmt.Fprintf(stderr, "touchmark: the index %q is damaged or of another key, and is made anew\n", o.index)
		if err := index.Remove(ctx, o.index); err != nil {
			return nil, err
		}
		x, err = index.Open(ctx, o.index, key)
	}
	if err != nil {
		return nil, fmt.Errorf("index %q: %w", o.index, err)
	}
	o.close = append(o.close, func() error {
		err := x.Close()
		if errors.Is(err, index.ErrDamaged) {
			// An answer was an error: the next question finds all of it out again.
			fmt.Fprintf(stderr, "touchmark: the index %q is damaged, and was removed: ask again\n", o.index)
			return index.Remove(ctx, o.index)
		}
		return err
	})
	return rollout.NewReplayOver(log, t, releaseOptions(), x)
}

// indexKey reads the key that seals an index, and makes one if there is none.
func indexKey(path string) ([]byte, error) {
	if !exists(path) {
		key := make([]byte, index.KeySize)
		rand.Read(key)
		return key, atomicfile.Write(path, []byte(hex.EncodeToString(key)+"\n"), 0o600)
	}
	data, err := readFile("the index's key", path, maxKey)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(key) < index.KeySize {
		return nil, fmt.Errorf("%q is no key of an index: remove it, and the index is made anew", path)
	}
	return key, nil
}
