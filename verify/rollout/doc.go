// Package rollout releases, promotes and rolls back over a log that nobody can
// rewrite unseen.
//
//	book := rollout.Book{Log: log, Trust: trust, Verifier: v, Store: store, Signer: alice}
//	ref, err := book.Release(ctx, release.Release{Product: "app", Version: "1.4.0", Config: config, Subjects: subjects})
//	err = book.Tag(ctx, release.Tag{Release: ref.ID, Tag: "1.4.0"})
//	err = book.Promote(ctx, release.Promotion{Release: ref.ID, From: "canary", To: "prod"}, approvals...)
//	err = book.Rollback(ctx, release.Rollback{Environment: "prod", Release: previous, Reason: "error rate"})
//
// A [Log] keeps signed records in order; what they mean is said by package release,
// and whether their signers may write them by the trust in force at each record,
// which is itself in the log. A [Replay] finds that out, and its [View] answers
// what policies ask. [Begin] begins a log. Who cannot read the log reads a State
// of it that auditors signed: an [Auditor] makes one, a [StateReader] believes it.
//
// Nothing here believes the log's operator further than a log can be believed:
// that records are in this order, and were there at that time. Who writes what is
// void still reads "void", and is seen.
package rollout
