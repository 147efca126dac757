// Package release holds the records of an immutable release and the questions
// that a verifier asks of them. An [Approval] is one person's signed consent; a
// [View] answers from a ledger.
//
// Nothing here is signed or checked: a record is a claim of whoever signs it,
// and whether that person may write it is for package verify to decide.
package release
