// Package index keeps what a replay of a log found out in a folder, so that a log
// of a million records opens in milliseconds and is replayed in little memory:
//
//	x, err := index.Open(ctx, "trust.json.index", key)
//	defer x.Close()
//	replay, err := rollout.NewReplayOver(log, trust, verify.Options{}, x)
//	view, err := replay.View(ctx) // reads what the log got since
//
// An index is derived and never believed. It says of itself as of which head of
// the log it was made, and counts only if the log still begins with those records.
// Every page of it is found by its SHA-256, from a root that is sealed with a key
// which lies elsewhere: whoever edits the files causes [ErrDamaged], never an
// answer, and one that is put back to an older state is an index that has a little
// more to read. What is damaged, lost or of another time is removed and made anew
// from the log, which takes as long as checking every signature does; or
// [Adopt] takes over a copy whose root one signed oneself.
//
// Files are written behind what is there, and a new head takes the place of the old
// one at once: killed at any moment, the index is as it was before or after. One
// Index at a time is in a folder; whoever opens another one waits.
package index
