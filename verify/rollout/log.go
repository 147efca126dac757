package rollout

import (
	"context"
	"iter"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

// A Log is an append-only log of signed records, as a [Book] needs it. It keeps
// order and history; what a record means, and whether its signer may write it,
// it does not know. Implementations must be safe for concurrent use, also by
// several processes if they share a log.
type Log interface {
	Reader
	// Append adds a record at the end and returns its index, which is final: it
	// waits until a head that Head would return covers it. If it fails, the
	// record may have been added or not, and whoever cares looks at the records.
	// The same record twice is added twice.
	Append(ctx context.Context, record *sign.Bundle) (index uint64, err error)
}

// A Reader reads a log.
type Reader interface {
	// Head is the newest head that is known to be sound: signed by the log, with
	// enough cosignatures, and consistent with every head that was seen before.
	// An error means that there is none, or none that can be believed.
	Head(ctx context.Context) (release.Head, error)
	// Records yields the records from index from on and below size, in the order
	// of the log. Size is at most that of a head which was returned before, and
	// each record has been proven to be in the tree of such a head. After an
	// error nothing more is yielded; breaking out of the loop ends it.
	Records(ctx context.Context, from, size uint64) iter.Seq2[Entry, error]
}

// An Entry is one record as it stands in the log: see [ledger.Entry].
type Entry = ledger.Entry
