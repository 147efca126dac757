// Package tessera writes the log that package ledger reads, with Tessera as its
// engine: a folder of tiles by default, or whatever Tessera has a driver for.
//
//	log, err := tessera.Open(dir, key)
//	index, err := log.Append(ctx, bundle) // returns when a checkpoint covers it
//
// Any number of processes, and any number of Logs in one process, may write to
// one folder: one at a time gets in, and takes along what waits with it.
// A record that was acknowledged is there for good, whatever is killed when; one
// that was not may be there too, whole. Whether a record has the effect that it
// says is for a replay to decide (package rollout).
//
// A [Witness] cosigns the checkpoints of others.
//
// Tessera reports on its work through klog and OpenTelemetry; a program that
// wants silence sets klog's output.
package tessera
