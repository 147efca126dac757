// Package ledger reads and proves an append-only log of signed records: tiles
// as C2SP tlog-tiles lays them out, under checkpoints that the log signs and
// witnesses cosign.
//
// A [Log] says whose log it is and who watches it; its [Verifier] opens
// checkpoints, and a [Reader] reads the log as of one of them:
//
//	v, err := ledger.Log{Origin: "releases.acme.example", Key: key, Witnesses: witnesses, AtLeast: 2}.Verifier()
//	r, err := v.Read(ctx, dir)
//	err = r.Extends(ctx, last) // never older than, nor another history than, what was seen before
//	for record, err := range r.Records(ctx, 0) { … }
//
// Every byte that a Reader hands out was held against the checkpoint. What it
// proves is that a record is there and in which place; never that it is the
// first of its kind, that none contradicts it, or that whoever signed it was
// allowed to: that takes a replay of all records (package rollout). Nothing
// here is fetched from a network, and nothing is written; package tessera
// writes.
package ledger
