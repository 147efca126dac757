// Package verify decides whether an artifact may be used. A [Trust] says who,
// a [Policy] says what, a [Request] brings the artifact and its evidence, and
// the [Verdict] says yes, no, or that the question could not be answered, check
// by check.
//
//	v, err := verify.New(trust, policy)
//	verdict, err := v.Verify(ctx, verify.Request{Artifact: verify.File("dist/app"), Evidence: evidence})
//
// err is nil if, and only if, the answer is yes. Whatever is missing, malformed
// or unreadable is never a yes: missing evidence denies, and trouble with the
// disk, the ledger or the question itself is [Undecided].
//
// The verifier does not stop at signatures. It opens a Go binary and holds what
// the linker wrote into it against what was signed about it: a contradiction is
// a finding, whoever signed.
//
// Nothing here fetches, runs a program, or reads the environment, and only
// [Verifier.Verify], [Verifier.Open], [Authenticate] and [Trust.UpdateAt] read the
// clock, when they are given no time. What a verdict does not say: that the
// source is good, that a trusted builder was honest, or that a person who
// approved has looked.
package verify
