// Package rollout keeps releases by a log that nobody can rewrite unseen. A
// [Log] keeps signed records in order; what they mean is said by package
// release, and whether their signers may write them by the trust in force.
package rollout
