// Package learn helps people write policies: [Policy] infers one from releases
// that are known to be good, [Diff] says what a change of policies would do to
// what runs, and [Mutate] says which rules of a policy no test case would miss.
//
// What is learned is trust on first use, made explicit. Nothing says that the
// first releases were good but whoever hands them in; so [Learned] tells from how
// many each rule was learned, what stays exact, and what was made wider and why.
// Read it before you use the policy.
package learn
