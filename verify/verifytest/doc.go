// Package verifytest tests policies by attacking them. From one question that is
// answered with yes, [Variants] makes every hostile variant that docs/threats.md
// names and that can be made of it: payloads flipped, signatures by strangers,
// statements of another artifact, members that stand twice, builders and refs
// that only look alike, approvals used again. Each must be refused. Between them
// stand neighbours that are as good as the original and must stay allowed, so that
// what denies everything does not pass.
//
//	func TestProd(t *testing.T) {
//		verifytest.Run(t, verifytest.Good{Verifier: v, Request: request, Sign: verifytest.Signers(ci, alice, bob)})
//	}
//
// A policy that lets a variant through has a hole, or leaves something open on
// purpose: that is what [Good.Open] writes down. Which rules of a policy no case
// would miss, the mutants of package learn say; variants are cases for them.
//
// What a keeper of keys would have to sign, such as provenance of another builder,
// is made only if [Good.Sign] signs it. Nothing here forges an identity, a log or
// a timestamp: package sigstore's own tests do.
package verifytest
