// Package release holds the records of releases that cannot move, and the
// questions that a verifier asks of them.
//
// A [Release] is an exact build and an exact configuration under an id that is
// derived from both. A [Tag] binds a name to one artifact for ever; a
// [Promotion] and a [Rollback] move an environment; an [Approval] is one person's
// consent; a [Deployment] says what runs; a [Revocation] takes something back; a
// [Genesis] and a [Trust] say whose word counts. A [View] answers from a ledger.
//
// Nothing here is signed or checked: a record is a claim of whoever signs it,
// and whether that person may write it is for package verify to decide.
package release
