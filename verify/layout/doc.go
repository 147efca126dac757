// Package layout makes evidence of in-toto layouts and links, and lets a
// verify.Verifier believe it.
//
// A layout says which steps lead to a product, who may do each step, and what it
// may take and make; its owners sign it. Each functionary signs a link: what the
// step took and made. A [Chain] is both. It becomes evidence in two moves:
//
//	chain, err := layout.Load(os.DirFS("supply-chain"), "root.layout")
//	bundle, err := chain.Bundle()                       // whoever hands it in
//
//	o := verify.Options{Authenticators: []verify.Authenticator{layout.Authenticator{Trust: trust}}}
//	v, err := o.New(trust, policy)                      // whoever decides
//
// The policy wants an attestation of type [PredicateType], signed by the owners
// of the layout, and may pin the layout by its digest:
//
//	{ "type": "https://github.com/touchmark-go/touchmark/predicates/supply-chain/v1",
//	  "signedBy": { "atLeast": 2, "of": ["alice", "bob"] }, "predicate": { "/layout/digest/sha256": "…" } }
//
// The artifact must then be a product of the layout's last step.
//
// Layouts and links are read in both envelopes, in-toto's old one and DSSE,
// detected by content. No command is run, no file is written, and nothing is
// fetched or printed: an inspection must be run by the caller, who hands in what
// it found. Functionaries are keys (RSA-PSS, ECDSA, Ed25519) and not
// certificates or OpenPGP keys: a signature by one of those counts for nobody.
//
// docs/layouts.md says how the places are decided that the specification leaves
// open, and where this differs from in-toto-golang.
package layout
