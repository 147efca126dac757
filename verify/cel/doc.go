// Package cel evaluates the conditions of policies: the member where of an
// attestation rule, written in CEL (https://cel.dev), over one predicate whose
// signature and subject have been checked.
//
//	v, err := verify.Options{Conditions: cel.Conditions}.New(trust, policy)
//
// An expression has one variable, predicate, and ends in a bool:
//
//	predicate.scanner.result.all(r, r.severity.exists(s, s.method == "cvss_score" && double(s.score) < 7.0))
//
// It is typed. What a predicate may hold is known for the types of in-toto, SLSA,
// CycloneDX, SPDX and OpenVEX, see [Types]; of any other type the policy says it
// in fields. A member that is not among them is an error when the policy is
// compiled, and so is an expression that does not end in a bool.
//
// It is pure: no clock, no environment, no network, no files (so no time zones),
// no way around the types, and no random order. There is no Go value behind a
// predicate, only JSON. It is bounded: see [MaxExpression],
// [MaxSteps] and [MaxText]. Texts and lists cannot be joined.
//
// A condition that cannot be decided is not met. A member that is not there, a
// value of another type, a number that cannot be read, too much work are
// errors, and the check fails. What may be absent is asked for with
// has(predicate.x). As ever in CEL, "a || b" holds if either does, although the
// other cannot be decided, and all over an empty list holds.
package cel
