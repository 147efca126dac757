package verify

import "strings"

// A Code names the check that a [Finding] reports, the same in findings,
// errors and tests. Codes are stable: programs may branch on them.
type Code string

// The codes whose failure leads to [Deny].
const (
	CodeEnvelope           Code = "malformed/envelope"     // evidence that is no envelope
	CodePayloadType        Code = "malformed/payload-type" // an envelope of something that is no statement
	CodeStatement          Code = "malformed/statement"    // a payload that is no in-toto Statement
	CodePredicate          Code = "malformed/predicate"    // a predicate that is not what its type says
	CodeMalformedDigest    Code = "malformed/digest"       // a digest that is not spelled as one
	CodeMalformedImage     Code = "malformed/image"        // a container image that contradicts itself
	CodeLimit              Code = "limit"                  // more than the documented limits
	CodePath               Code = "path"                   // a path that leads out, or to what is no file or folder
	CodeSignature          Code = "signature"              // no trusted key made it
	CodeThreshold          Code = "threshold"              // fewer principals than the rule wants
	CodeKeyPolicy          Code = "key-policy"             // a key that may not be used (yet)
	CodePredicateType      Code = "predicate-type"         // a statement of another type
	CodeSubject            Code = "subject"                // a statement about something else
	CodeWeakDigest         Code = "weak-digest"            // a subject named only by weak digests
	CodeDigestConflict     Code = "digest-conflict"        // a subject whose digests name different contents
	CodeSigstoreChain      Code = "sigstore/chain"         // a certificate that does not lead to the trusted root
	CodeSigstoreSCT        Code = "sigstore/sct"           // a certificate that no certificate log has seen
	CodeSigstoreLog        Code = "sigstore/log"           // a log entry that is missing, or about something else
	CodeSigstoreCheckpoint Code = "sigstore/checkpoint"    // a log's head that the log did not sign
	CodeSigstoreIdentity   Code = "sigstore/identity"      // a certificate that does not say whose it is
	CodeTrustedTime        Code = "trusted-time"           // a key past its time, and no trusted time before that
	CodeBuilder            Code = "builder"                // an unknown (principal, builder id) pair
	CodeLevel              Code = "level"                  // a builder trusted for less
	CodeBuildType          Code = "build-type"             // another way to build
	CodeSource             Code = "source"                 // another repository, no commit, or a dirty tree
	CodeRef                Code = "ref"                    // another branch or tag
	CodeParameters         Code = "parameters"             // a parameter that is not as wanted, or that nobody named
	CodeDependency         Code = "dependency"             // a dependency that is not allowed
	CodeStale              Code = "stale"                  // too old, or of no known age
	CodeBinding            Code = "binding"                // evidence or a name that belongs to something else
	CodeMissingEvidence    Code = "missing-evidence"       // nothing of the wanted kind
	CodeCondition          Code = "condition"              // a predicate that does not say what is wanted
	CodeApproval           Code = "approval"               // fewer people than wanted
	CodeRevoked            Code = "revoked"                // taken back
	CodeImmutable          Code = "immutable"              // a tag that is bound to another digest
	CodeRelease            Code = "release"                // not released, not promoted, or still soaking
	CodeRollback           Code = "rollback"               // an older trust or policy than the one in force
	CodeExamine            Code = "examine"                // the artifact against its evidence; see the codes below it
)

// The codes of the cross-examination: what the artifact itself says, held
// against its provenance and SBOM. Their failure leads to [Deny].
const (
	CodeExaminePath        Code = "examine/path"
	CodeExamineModule      Code = "examine/module"
	CodeExamineToolchain   Code = "examine/toolchain"
	CodeExamineGOOS        Code = "examine/goos"
	CodeExamineGOARCH      Code = "examine/goarch"
	CodeExamineTags        Code = "examine/tags"
	CodeExamineLDFlags     Code = "examine/ldflags"
	CodeExamineCGO         Code = "examine/cgo"
	CodeExamineTrimpath    Code = "examine/trimpath"
	CodeExamineVCSRevision Code = "examine/vcs.revision"
	CodeExamineVCSModified Code = "examine/vcs.modified"
	CodeExamineSBOM        Code = "examine/sbom"
	CodeExamineNotGo       Code = "examine/not-go"
	CodeExamineBinary      Code = "examine/binary" // a Go binary in an image that its provenance does not name, or one that it names and that is not there
)

// The codes whose failure leads to [Undecided]: the question could not be answered.
const (
	CodeTransport      Code = "transport"        // could not fetch or read
	CodeChanged        Code = "changed"          // the artifact changed meanwhile
	CodeExpiredTrust   Code = "expired-trust"    // the trust file is past its time
	CodeLedger         Code = "ledger"           // the ledger is unreachable or behind
	CodeUnsupported    Code = "unsupported"      // evidence that nothing here can check
	CodeRequest        Code = "request"          // the question itself is wrong
	CodeExamineNoBytes Code = "examine/no-bytes" // nothing to open: only a digest was given
	CodeCanceled       Code = "canceled"         // the context ended
	CodeBudget         Code = "budget"           // what calls may spend together is spent, see [Budget]
)

// The codes of a [ConfigError].
const (
	CodePolicyInvalid Code = "policy-invalid"
	CodeTrustInvalid  Code = "trust-invalid"
)

// Decision is what a failed check of this code leads to: [Deny] or [Undecided].
// A code that this version does not know denies.
func (c Code) Decision() Decision {
	switch c {
	case CodeTransport, CodeChanged, CodeExpiredTrust, CodeLedger, CodeUnsupported, CodeRequest,
		CodeExamineNoBytes, CodeCanceled, CodeBudget, CodePolicyInvalid, CodeTrustInvalid:
		return Undecided
	}
	return Deny
}

// remedies say what a person can do; a finding may say something more exact.
var remedies = map[Code]string{
	CodeEnvelope:           "fetch the evidence again from where it was published; do not repair it by hand",
	CodePayloadType:        "hand in the attestation itself: an in-toto statement in a DSSE envelope",
	CodeStatement:          "ask the producer for a well-formed in-toto statement; what is signed cannot be repaired here",
	CodePredicate:          "ask the producer for a predicate that keeps to its type's schema",
	CodeMalformedDigest:    "ask the producer for digests in lower-case hexadecimal of the full length",
	CodeMalformedImage:     "do not run it; save the image again from where it was built",
	CodeLimit:              "hand in only the evidence of this artifact",
	CodePath:               "name a regular file or a folder without links in it",
	CodeSignature:          "fetch the evidence again; if its signer's key changed, take the new trust file",
	CodeThreshold:          "have the missing signers sign the same statement, then try again",
	CodeKeyPolicy:          "use the key that is valid now, or wait until this one is",
	CodePredicateType:      "hand in evidence of the wanted type, or list this type in the policy on purpose",
	CodeSubject:            "check that artifact and evidence are of the same build; if they should be, do not run it and fetch both again",
	CodeWeakDigest:         "ask the producer to name the artifact by sha256",
	CodeDigestConflict:     "do not run it: the statement names two different contents; ask its signer why",
	CodeSigstoreChain:      "fetch the evidence again; if its certificate authority is a new one, take the new trusted root into the trust file after review",
	CodeSigstoreSCT:        "do not run it; ask the certificate authority why its certificate is in no log",
	CodeSigstoreLog:        "fetch the evidence again with its log entry; if it was never logged, sign it again and log it",
	CodeSigstoreCheckpoint: "fetch the evidence again; if the log has a new key, take the new trusted root into the trust file after review",
	CodeSigstoreIdentity:   "sign it with a certificate that names its signer and who knew them",
	CodeTrustedTime:        "find out who signed it and when; build it again and sign it with a key that holds",
	CodeBuilder:            "if this builder may build it, add the pair to the trust file; else find out who ran it",
	CodeLevel:              "build it on a builder that trust holds to this level",
	CodeBuildType:          "build it the way the policy names; do not widen the policy for one build",
	CodeSource:             "build from the repository that the policy names, from a clean checkout",
	CodeRef:                "tag the commit and build from the tag; do not widen the policy for one build",
	CodeParameters:         "build it with the parameters of the policy, or name the parameter there after review",
	CodeDependency:         "find out how the dependency came in",
	CodeStale:              "build or scan it again",
	CodeBinding:            "fetch the evidence that belongs to this artifact and this name",
	CodeMissingEvidence:    "fetch or make the missing attestation; without it there is no yes",
	CodeCondition:          "mend what the attestation complains of, and attest again",
	CodeApproval:           "ask another of the people named to approve this digest",
	CodeRevoked:            "do not run it; take the release that replaces it",
	CodeImmutable:          "take the digest that the tag was bound to",
	CodeRelease:            "release and promote it in order, and let it soak",
	CodeRollback:           "take the newest trust file and policy",
	CodeTransport:          "name a file that is there and can be read, and try again",
	CodeChanged:            "something writes to the artifact while it is verified: find out what, then try again",
	CodeExpiredTrust:       "take a newer trust file; if there is none, its owners must sign one",
	CodeLedger:             "bring the ledger's view up to date and try again",
	CodeUnsupported:        "take a version, or an authenticator, that can check this kind of evidence",
	CodeRequest:            "ask again with what the policy wants to know",
	CodeExamineNoBytes:     "verify the file itself, not only its digest",
	CodeCanceled:           "try again with more time",
	CodeBudget:             "try again when less is going on; if it is ever so, find out who asks for so much, or give the budget more",
}

// Remedy is what a person can do about a failed check of this code. It is empty
// for a code that this version does not know.
func (c Code) Remedy() string {
	if r := remedies[c]; r != "" {
		return r
	}
	if strings.HasPrefix(string(c), "examine/") {
		return "keep the file, stop the rollout, rebuild from the recorded source and compare"
	}
	return ""
}
